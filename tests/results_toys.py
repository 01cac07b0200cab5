"""Made-up records of the shapes that the simulator returns, a pure function of (seed, trial)."""

import numpy as np

from adaptive.records import Decision, Evidence, Health, LookRecord, TrialResult
from tests.toy import ARMS, SUBGROUPS

K, G = 3, 3
S, A = len(SUBGROUPS), len(ARMS)
B = A - 1


def record(cls, **fields):
    """Build a record with NumPy leaves, past the shape checks of its constructor, as a tree map does."""
    made = object.__new__(cls)
    for name, value in fields.items():
        object.__setattr__(made, name, value)
    return made


def fake_result(rng, n):
    """Return ``n`` trials' results."""
    cell = (n, S, B)
    return record(
        TrialResult,
        reason=rng.integers(1, 6, n, dtype=np.int32),
        looks_held=rng.integers(1, K + 1, n, dtype=np.int32),
        last_look=rng.integers(0, K, n, dtype=np.int32),
        months=rng.uniform(10, 50, n),
        accrual_months=rng.uniform(5, 10, n),
        screened=rng.integers(50, 90, n, dtype=np.int32),
        arrivals_exhausted=rng.random(n) < 0.1,
        unhealthy_looks=rng.integers(0, 2, n, dtype=np.int32),
        status=rng.integers(2, 6, cell, dtype=np.int32),
        decided_look=rng.integers(0, K, cell, dtype=np.int32),
        decided_month=rng.uniform(10, 50, cell),
        advice=rng.choice(np.array([0, 3], np.int32), cell),
        advised_look=rng.integers(-1, K, cell, dtype=np.int32),
        awaiting_look=rng.integers(-1, K, cell, dtype=np.int32),
        overrun=None,
        mean=rng.normal(size=cell),
        sd=rng.uniform(0.1, 1, cell),
        lower=rng.normal(size=cell) - 2,
        upper=rng.normal(size=cell) + 2,
        patients=rng.integers(0, 30, (n, S, A), dtype=np.int32),
        events=rng.integers(0, 20, (n, S, A)).astype(float),
        exposure=rng.uniform(0, 300, (n, S, A)),
    )


def fake_looks(rng, n):
    """Return ``n`` trials' looks, some not held, unhealthy or with missing estimates."""
    look, cell, arm = (n, K), (n, K, S, B), (n, K, S, A)
    held = rng.random(look) < 0.7
    return record(
        LookRecord,
        held=held,
        time=rng.uniform(1, 50, look),
        is_final=np.broadcast_to(np.arange(K) == K - 1, look).copy(),
        evidence=record(
            Evidence,
            statistics=rng.random((n, K, G, S, B)),
            p_best=rng.dirichlet(np.ones(A), (n, K, S)),
            mean=np.where(rng.random(cell) < 0.05, np.nan, rng.normal(size=cell)),
            sd=rng.uniform(0.1, 1, cell),
            lower=rng.normal(size=cell) - 2,
            upper=rng.normal(size=cell) + 2,
            patients=rng.integers(0, 30, arm, dtype=np.int32),
            events=rng.integers(0, 20, arm).astype(float),
            exposure=rng.uniform(0, 300, arm),
            health=record(
                Health,
                code=rng.choice(np.array([0, 5], np.int32), look, p=[0.9, 0.1]),
                ess=np.full(look, np.nan),
                rhat=np.full(look, np.nan),
                divergences=np.zeros(look, np.int32),
            ),
        ),
        decision=record(
            Decision,
            status=rng.integers(1, 6, cell, dtype=np.int32),
            verdict=rng.choice(np.array([0, 2, 3, 4, 5], np.int32), cell),
            advice=rng.choice(np.array([0, 3], np.int32), cell),
            allocation=rng.dirichlet(np.ones(A), (n, K, S)),
            reason=np.zeros(look, np.int32),
        ),
    )


def _join(parts):
    """Concatenate records along the trial axis."""
    first = parts[0]
    if first is None:
        return None
    if isinstance(first, np.ndarray):
        return np.concatenate(parts)
    names = first.__dataclass_fields__
    return record(type(first), **{name: _join([getattr(part, name) for part in parts]) for name in names})


def fake_simulate(design, scenario, *, seed, trials):
    """Stand in for ``simulate``: each trial's records come from its own generator."""
    rngs = [np.random.default_rng([seed, int(trial)]) for trial in trials]
    return _join([fake_result(rng, 1) for rng in rngs]), _join([fake_looks(rng, 1) for rng in rngs])
