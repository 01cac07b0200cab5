"""What drift does to the type I error of response-adaptive randomisation, and which analysis repairs it.

Every row is one cell of 32,768 trials: how the hazards drift, 1:1 or adaptive, and the analysis that both
steers the allocation and tests at the end. Cells share their patients, so differences are paired. Rows with
``same_data`` steer with the plain analysis and test the same final data in every way. ``python
benchmarks/drift.py`` makes the table and ``docs/images/drift.svg``; with ``--figure`` only the figure, from
the stored table.
"""

import json
import sys

import numpy as np
from drift_figure import draw
from drift_trial import ACCRUAL, THRESHOLD, design, scenario
from measuring import RESULTS, ROOT, run
from tqdm import tqdm

FACTORS = (0.25, 0.5, 0.7, 1.0, 1 / 0.7, 2.0, 4.0)
"""Hazard of the last patients over that of the first."""
ANALYSES = {
    "plain": {"analysis": "plain"},
    "walk, omega 0.8": {"analysis": "walk", "omega": 0.8},
    "walk, omega 0.5": {"analysis": "walk", "omega": 0.5},
    "stratified": {"analysis": "stratified"},
}
LATE = {"every 3 months, 1.5 late": (3.0, 1.5), "every 6 months": (6.0, 0.0), "every 12 months": (12.0, 0.0)}
"""Periods that do not go with the quarterly updates of the allocation."""
HAZARD_RATIO = 0.6
SEED, SAME_SEED = 2026, 2027


def estimates(result, log_hazard_ratio: float) -> dict:
    """Return what one cell's trials say: claims of efficacy, with Monte Carlo error, and the estimate."""
    claims = np.asarray(result.status == 2)[:, 0, 0]
    mean, sd = (np.asarray(x)[:, 0, 0] for x in (result.mean, result.sd))
    share = np.asarray(result.patients)[:, 0, 1] / np.asarray(result.patients).sum((1, 2))
    return {
        "trials": claims.size,
        "claims": claims.mean(),
        "claims_mcse": claims.std() / claims.size**0.5,
        "posterior_sd": sd.mean(),
        "bias": mean.mean() - log_hazard_ratio,
        "rmse": ((mean - log_hazard_ratio) ** 2).mean() ** 0.5,
        "events": np.asarray(result.events).sum((1, 2)).mean(),
        "share_on_agent": share.mean(),
        "share_on_agent_sd": share.std(),
        "unhealthy_looks": int(np.asarray(result.unhealthy_looks).sum()),
    }


def paired(claims: np.ndarray, plain: np.ndarray) -> dict:
    """Return the difference of two analyses' claims on the same patients."""
    gap = claims.astype(float) - plain
    return {"less_plain": gap.mean(), "less_plain_mcse": gap.std() / gap.size**0.5}


def cell(factor: float, hazard_ratio: float, n: int, adaptive: bool, **analysis):
    """Simulate one cell, and return its claims and its numbers."""
    from adaptive.simulate.drivers import simulate

    truth = scenario(factor, hazard_ratio)
    result = simulate(design(adaptive, **analysis), truth, seed=SEED, trials=np.arange(n)).result
    return np.asarray(result.status == 2)[:, 0, 0], estimates(result, np.log(hazard_ratio))


def cells(n: int, factors=FACTORS, hazard_ratio: float = 1.0):
    """Yield the rows of 1:1 and adaptive randomisation under every analysis."""
    for adaptive in (False, True):
        for factor in factors:
            plain = None
            for name, analysis in ANALYSES.items():
                claims, row = cell(factor, hazard_ratio, n, adaptive, **analysis)
                plain = claims if plain is None else plain
                head = {
                    "adaptive": adaptive,
                    "factor": factor,
                    "hazard_ratio": hazard_ratio,
                    "analysis": name,
                }
                yield {**head, **row, **paired(claims, plain)}


def late(n: int):
    """Yield the rows of periods that do not go with the allocation's."""
    for factor in (0.25, 0.5):
        for name, (every, shift) in LATE.items():
            for analysis in ("walk, omega 0.5", "stratified"):
                _, row = cell(factor, 1.0, n, True, **ANALYSES[analysis], every=every, shift=shift)
                yield {"adaptive": True, "factor": factor, "analysis": analysis, "periods": name, **row}


def _same_data_program(n_looks: int):
    """Return the program that steers trials with one design and tests their last look with several."""
    import equinox as eqx
    import jax
    import jax.numpy as jnp
    from jax import lax

    from adaptive.analysis import fit_look
    from adaptive.simulate.step import hold_look, look_at, open_trial

    @eqx.filter_jit
    def block(steering, testing, truth, trials):
        def one(trial):
            nature, state = open_trial(steering, truth, SAME_SEED, trial)
            looks = jnp.arange(n_looks - 1, dtype=jnp.int32)
            state, _ = lax.scan(lambda s, k: (hold_look(steering, nature, s, k)[0], None), state, looks)
            seen = look_at(steering, nature, state, jnp.asarray(n_looks - 1, jnp.int32)).snapshot
            fits = [fit_look(nature.key, d, seen)[1] for d in testing]
            return jnp.stack([f.p_below(jnp.zeros(1, f.mean.dtype))[0, 0, 0] for f in fits])

        return jax.vmap(one)(trials)

    return block


def same_data(n: int, factors=FACTORS):
    """Yield what each analysis claims on the same final data of trials steered by the plain one."""
    steering, testing = design(True, "plain"), [design(True, **a) for a in ANALYSES.values()]
    program = _same_data_program(steering.looks.n_looks)
    for factor in factors:
        trials = np.arange(n, dtype=np.uint32).reshape(-1, 256)
        below = np.concatenate([program(steering, testing, scenario(factor), block) for block in trials])
        claims = below > THRESHOLD
        for k, name in enumerate(ANALYSES):
            rate = claims[:, k].mean()
            row = {"factor": factor, "analysis": name, "trials": n, "claims": rate}
            error = {"claims_mcse": (rate * (1 - rate) / n) ** 0.5}
            yield {"same_data": True, **row, **error, **paired(claims[:, k], claims[:, 0])}


def main(options, report):
    n = 512 if options.quick else 32768
    factors = (0.25, 1.0) if options.quick else FACTORS
    sources = [cells(n, factors), cells(n, (0.5, 1.0, 2.0)[: 3 - options.quick], HAZARD_RATIO)]
    sources += [same_data(n, factors)] + ([] if options.quick else [late(n)])
    report.head["accrual_months"] = ACCRUAL
    with tqdm(unit="cell") as bar:
        for source in sources:
            for row in source:
                report.add(**{k: v.item() if isinstance(v, np.generic) else v for k, v in row.items()})
                bar.update()


if __name__ == "__main__":
    if "--figure" not in sys.argv:
        run("drift", __doc__.splitlines()[0], main)
    if "--quick" not in sys.argv:
        stored = json.loads((RESULTS / "drift.json").read_text(encoding="utf-8"))
        draw(stored["rows"], ROOT / "docs" / "images" / "drift.svg")
