"""The printed formula of every allocation against what it computes.

``Printed`` is written in NumPy from the printed text alone, symbol by symbol, and imports nothing of the code
that it is compared with; kappa is found by bisection.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from adaptive.codes import HealthCode
from adaptive.design.allocation_base import AbstractAllocation
from adaptive.design.allocation_control import AbstractControl, FixedControl
from adaptive.design.allocation_exponents import AbstractExponent
from adaptive.design.allocation_minimum import Minimum
from adaptive.design.allocation_targets import BiasedCoinWeights
from adaptive.design.allocation_timing import AtLooksAllocation
from adaptive.design.allocation_weights import AbstractWeights, BestArmWeights, PooledWeights
from tests.strategy_examples import (
    ALLOCATIONS,
    CONTROLS,
    EXPONENTS,
    WEIGHTS,
    evidence,
    progress,
    response_adaptive,
)

MINIMUM = Minimum(burn_in=25.0, patients=9.0, events=3.0, exposure=50.0)
BOUNDED = dict(minimum=MINIMUM, floor=0.1, cap=0.55, ratio=[2.0, 1.0, 1.0])
CASES = {
    **ALLOCATIONS,
    **{f"weights {k}": response_adaptive(weights=w, **BOUNDED) for k, w in WEIGHTS.items()},
    **{f"control {k}": response_adaptive(control=c, **BOUNDED) for k, c in CONTROLS.items()},
    **{
        f"exponent {k}": response_adaptive(weights=BestArmWeights(e), **BOUNDED) for k, e in EXPONENTS.items()
    },
    "unbounded": response_adaptive(weights=WEIGHTS["neyman"], control=FixedControl(0.0)),
    "coin to pooled": response_adaptive(
        weights=BiasedCoinWeights(PooledWeights(WEIGHTS["trippa"]), gamma=1.5), **BOUNDED
    ),
    "tight": response_adaptive(minimum=MINIMUM, floor=0.34, cap=0.4, control=FixedControl(0.5)),
    "looks in looks": AtLooksAllocation(
        inside=AtLooksAllocation(inside=response_adaptive(**BOUNDED), due=[True, False, False]),
        due=[True, True, False],
    ),
}
"""Every kind, some inside others, with and without bounds and least amounts."""


class Printed:
    """One look with the symbols of the printed formulas; ``rule`` is read for its numbers only."""

    def __init__(self, told, state, is_open):
        plain = lambda x: np.asarray(x, float)  # noqa: E731
        self.p, self.n, self.d, self.T = map(plain, (told.p_best, told.patients, told.events, told.exposure))
        self.mean, self.SD, self.before = plain(told.mean), plain(told.sd), plain(state.allocation)
        self.look, self.failed = int(state.look), int(told.health.code) != 0
        self.O = [
            {b + 1 for b in np.flatnonzero(row)} | ({0} if row.any() else set())
            for row in np.asarray(is_open)
        ]
        self.S, self.arms = self.n.shape

    def table(self, value) -> np.ndarray:
        """Return ``value(s, a)`` for all, 0 where it is None."""
        rows = [[value(s, a) or 0.0 for a in range(self.arms)] for s in range(self.S)]
        return np.array(rows)

    def start(self, r) -> np.ndarray:
        return self.table(lambda s, a: r[a] / sum(r[k] for k in self.O[s]) if a in self.O[s] else 0.0)

    def allocation(self, rule) -> np.ndarray:
        kind = type(rule).__name__
        if kind == "FixedAllocation":
            return self.start(np.asarray(rule.ratio))
        if kind == "AtLooksAllocation":
            return self.at_looks(rule)
        if kind == "ThallWathenAllocation":
            rule = response_adaptive(
                ratio=rule.ratio,
                weights=BestArmWeights(type(EXPONENTS["constant"])(rule.power)),
                control=FixedControl(rule.control_share),
                minimum=Minimum(burn_in=rule.burn_in),
                floor=rule.floor,
                cap=rule.cap,
            )
        return self.response_adaptive(rule)

    def at_looks(self, rule) -> np.ndarray:
        new, old = self.allocation(rule.inside), self.before
        due = [bool(rule.due[self.look]) or any(old[s, a] == 0 for a in self.O[s]) for s in range(self.S)]
        kept = lambda s, a: old[s, a] / sum(old[s, k] for k in self.O[s]) if a in self.O[s] else 0.0  # noqa: E731
        return self.table(lambda s, a: new[s, a] if due[s] else kept(s, a))

    def response_adaptive(self, rule) -> np.ndarray:
        start, least = self.start(np.asarray(rule.ratio)), rule.minimum
        enough = (self.n >= least.patients) & (self.d >= least.events) & (float(least.exposure) <= self.T)
        self.A = [{a for a in o if enough[s, a]} if enough[s, 0] else set() for s, o in enumerate(self.O)]
        w = self.weights(rule.weights)
        out = start.copy()
        for s in range(self.S):
            if self.failed or not self.A[s] - {0} or self.n[s].sum() < float(rule.minimum.burn_in):
                continue
            v, low, high = w[s].copy(), start[s].copy(), start[s].copy()
            for b in self.A[s]:
                low[b], high[b] = float(rule.floor), float(rule.cap)
            v[0], low[0], high[0] = self.control(rule.control, s, w, low[0], high[0])
            out[s] = self.between(v, low, high, sorted(self.O[s]))
        return out

    def between(self, v, low, high, o) -> np.ndarray:
        low, high = low / max(1.0, low[o].sum()), high / min(1.0, high[o].sum())
        at = lambda kappa: np.minimum(np.maximum(kappa * np.maximum(v, 0.000001), low), high)  # noqa: E731
        under, over = 0.0, 1e9
        for _ in range(200):
            middle = (under + over) / 2
            under, over = (middle, over) if at(middle)[o].sum() < 1.0 else (under, middle)
        out = np.zeros(self.arms)
        out[o] = at(over)[o]
        return out

    def control(self, rule, s, w, low, high):
        kind = type(rule).__name__
        if kind == "FixedControl" and float(rule.share) > 0:
            return w[s, 0], float(rule.share), float(rule.share)
        if kind == "SquareRootControl":
            share = 1 / (1 + np.sqrt(len(self.O[s] - {0})))
            return w[s, 0], share, share
        if kind == "MatchedControl":
            return max(w[s, b] for b in self.A[s] - {0}), low, high
        return w[s, 0], low, high

    def weights(self, rule) -> np.ndarray:
        return getattr(self, type(rule).__name__)(rule)

    def scaled(self, value) -> np.ndarray:
        """Return ``value[s, a]`` over its sum over ``A[s]``, 0 outside."""
        total = [sum(value[s, k] for k in self.A[s]) for s in range(self.S)]
        inside = lambda s, a: a in self.A[s] and total[s] > 0  # noqa: E731
        return self.table(lambda s, a: value[s, a] / total[s] if inside(s, a) else 0.0)

    def EqualWeights(self, rule):  # noqa: N802
        return self.scaled(np.ones_like(self.p))

    def BestArmWeights(self, rule):  # noqa: N802
        c = self.exponent(rule.exponent)
        return self.scaled(np.maximum(self.p, 1e-12) ** c[:, None])

    def InformationWeights(self, rule):  # noqa: N802
        return self.scaled(np.sqrt(np.maximum(self.p, 1e-12) / ((self.d + 1) * (self.n + 1))))

    def TrippaWeights(self, rule):  # noqa: N802
        q, c, e = norm.cdf(-self.mean / self.SD), self.exponent(rule.exponent), np.zeros_like(self.p)
        for s in range(self.S):
            experimental = self.A[s] - {0}
            if not experimental:
                continue
            for b in experimental:
                e[s, b] = q[s, b - 1] ** c[s] / sum(q[s, j - 1] ** c[s] for j in experimental)
            ahead = max(self.n[s, j] for j in experimental) - self.n[s, 0]
            e[s, 0] = np.exp(float(rule.nu) * ahead) / len(experimental)
        return self.scaled(e)

    def shrunk(self, amount, added) -> np.ndarray:
        """Return ``(d + 1) / (amount + (sum amount + added) / (sum d + 1))``, sums over ``A[s]``."""
        total = lambda x, s: sum(x[s, k] for k in self.A[s])  # noqa: E731
        prior = lambda s: (total(amount, s) + added) / (total(self.d, s) + 1)  # noqa: E731
        return self.table(lambda s, a: (self.d[s, a] + 1) / (amount[s, a] + prior(s)))

    def counted(self) -> np.ndarray:
        return self.table(lambda s, a: 1.0 if a else max(1, len(self.A[s] - {0})))

    def NeymanWeights(self, rule):  # noqa: N802
        return self.scaled(np.sqrt(self.counted() / self.shrunk(self.n, 2)))

    def ExponentialTargetWeights(self, rule):  # noqa: N802
        h, q = self.shrunk(self.T, 1), self.shrunk(self.n, 2)
        return self.scaled(np.sqrt(self.counted() / (h**3 * q)))

    def BiasedCoinWeights(self, rule):  # noqa: N802
        target = self.weights(rule.target)
        x = self.scaled(self.n + target)
        used = target > 0
        ratio = np.where(used, target, 1.0) / np.where(used, x, 1.0)
        return self.scaled(np.where(used, target * ratio ** float(rule.gamma), 0.0))

    def PooledWeights(self, rule):  # noqa: N802
        each, m = self.weights(rule.inside), np.zeros(self.arms)
        for a in range(self.arms):
            over = [s for s in range(self.S) if a in self.A[s]]
            z = np.array([self.n[s].sum() for s in over])
            z = z if z.sum() > 0 else np.ones(len(over))
            m[a] = sum(z * each[over, a]) / z.sum() if over else 0.0
        return self.scaled(np.tile(m, (self.S, 1)))

    def exponent(self, rule) -> np.ndarray:
        kind = type(rule).__name__
        if kind == "ConstantExponent":
            return np.full(self.S, float(rule.power))
        if kind == "LookExponent":
            return np.full(self.S, float(rule.powers[self.look]))
        enrolled = self.n.sum(axis=1) if kind == "SubgroupEnrolledExponent" else np.full(self.S, self.n.sum())
        return float(rule.scale) * (enrolled / np.asarray(rule.most)) ** float(rule.shape)


def looks(n: int, seed: int = 20261130):
    """Return evidence, progress and open cells of ``n`` looks; some arms lack the least amounts."""
    made, generator = [], np.random.default_rng(seed)
    for i in range(n):
        patients = generator.integers(0, 30, (2, 3)) * (generator.random((2, 1)) < 0.9)
        events = np.floor(patients * generator.random((2, 3)))
        told = evidence(
            p_best=generator.dirichlet([0.4, 0.4, 0.4], 2),
            p_below=np.full((1, 2, 2), 0.5),
            patients=patients,
            events=events,
            code=HealthCode.OK if i % 8 else HealthCode.NOT_CONVERGED,
        )
        values = [patients * generator.uniform(3, 12, (2, 3)), generator.normal(0, 0.6, (2, 2))]
        values.append(generator.uniform(0.2, 0.8, (2, 2)))
        told = eqx.tree_at(lambda e: (e.exposure, e.mean, e.sd), told, tuple(map(jnp.asarray, values)))
        before = generator.dirichlet([1.0, 1.0, 1.0], 2) * (generator.random((2, 3)) < 0.8)
        total = before.sum(axis=1, keepdims=True)
        state = eqx.tree_at(
            lambda p: p.allocation,
            progress(np.ones((2, 2), int), look=i % 3),
            jnp.asarray(before / np.where(total > 0, total, 1.0)),
        )
        made.append((told, state, generator.random((2, 2)) < 0.75))
    return made


LOOKS = looks(160)


@eqx.filter_jit
def updated(rule, told, state, cells):
    return rule.update(told, state, cells)


def furthest(rule, printed=Printed) -> float:
    """Return the largest difference between what a rule computes and what its formula says."""
    found = []
    for told, state, cells in LOOKS:
        given = np.asarray(updated(rule, told, state, jnp.asarray(cells)))
        found.append(np.abs(given - printed(told, state, cells).allocation(rule)).max())
    return max(found)


@pytest.mark.parametrize("case", CASES)
def test_the_printed_formula_is_what_is_computed(case):
    # Bisection to 1e9 / 2^200; weights of 1e-6 lose six of sixteen digits.
    assert furthest(CASES[case]) < 1e-9


class ControlAside(Printed):
    """A reading that leaves control out of the arms that the evidence steers."""

    def scaled(self, value):
        self.A = [{a for a in arms if a} for arms in self.A]
        return super().scaled(value)


class OpenCounted(Printed):
    """A reading that takes the arms of which too little is known as steered."""

    def weights(self, rule):
        self.A = [set(arms) for arms in self.O]
        return super().weights(rule)


@pytest.mark.parametrize(
    ("reading", "case"), [(ControlAside, "weights best"), (OpenCounted, "weights neyman")]
)
def test_a_wrong_reading_of_the_formula_is_noticed(reading, case):
    assert furthest(CASES[case], reading) > 0.01


def test_the_looks_reach_every_branch():
    few = [np.asarray(told.patients).sum(axis=1).min() == 0 for told, _, _ in LOOKS]
    enters = [((np.asarray(state.allocation)[:, 1:] == 0) & cells).any() for _, state, cells in LOOKS]
    assert any(few) and any(enters) and not all(enters)
    assert any(not cells.any(axis=1).all() for _, _, cells in LOOKS)


@pytest.mark.parametrize("case", CASES)
def test_every_number_in_force_is_printed(case):
    numbers, others = eqx.partition(CASES[case], eqx.is_array)
    leaves, structure = jax.tree.flatten(numbers)
    text = CASES[case].formula()
    for i, leaf in enumerate(leaves):
        for place in range(leaf.size):
            changed = np.array(leaf).reshape(-1)
            changed[place] = not changed[place] if leaf.dtype == bool else changed[place] + 0.0625
            new = [*leaves[:i], jnp.asarray(changed.reshape(leaf.shape)), *leaves[i + 1 :]]
            assert eqx.combine(jax.tree.unflatten(structure, new), others).formula() != text


@pytest.mark.parametrize("base", [AbstractAllocation, AbstractWeights, AbstractControl, AbstractExponent])
def test_a_new_kind_cannot_do_without_a_formula(base):
    assert "formula" in base.__abstractmethods__


def test_the_numbers_are_those_of_the_case():
    printed = "\n".join(CASES["tight"].formula().equations)
    assert "L[s, b] = 0.34, U[s, b] = 0.4" in printed and "L[s, 0] = U[s, 0] = 0.5" in printed
    least = "\n".join(CASES["tight"].formula().where)
    assert "at least 9 patients and 3 endpoint events and 50 person-months" in least
    assert "fewer than 25 patients" in least
