"""Sample size selection by predictive probability: speed of its forms, and operating characteristics.

``--part speed``: trials a second of each form through ``simulate``, compilation apart, beside what the R
package goldilocks 0.6 does on such a machine, and where the time goes. ``--part check``: the vignette's
design under both decision rules, both thresholds and both truths, beside stored numbers of independent
programs. ``--part limit``: the same with many imputations and few trials.
"""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from measuring import repeated, run

from adaptive.analysis import fit_look
from adaptive.codes import CellStatus
from adaptive.config.build import build_design, build_scenario
from adaptive.config.compose import compose_one
from adaptive.design.decide import initial_progress
from adaptive.measures.final_log_rank import pack
from adaptive.measures.imputation import complete, present_of
from adaptive.measures.predictive import PredictiveProbability, _successes
from adaptive.posterior.draws import hazard_draws
from adaptive.records import FittedLook, Snapshot
from adaptive.rng import words
from adaptive.simulate.drivers import simulate

THEIRS = {"log_rank": 2.7, "bayesian": 0.8}
"""Trials a second of goldilocks 0.6 on two cores, with 100 imputations a look."""
FORMS = {
    "full imputation, log-rank final test": ("goldilocks", "log_rank", 20),
    "full imputation, Bayesian final test": ("goldilocks", "bayesian", 100),
    "information fraction, log-rank final test": ("goldilocks_information", "log_rank", 500),
}


def parts_of(design: str, scenario: str, final: str = "log_rank", threshold: float = 0.95):
    """Return a design and a scenario by name, with another final test or threshold if asked."""
    values = compose_one("config", [f"design={design}", f"scenario={scenario}"])
    rules = values["rules"]
    if final == "bayesian":
        threshold, below = 0.975, {"kind": "hazard_ratio_below", "margin": 1.0}
        rules["efficacy"]["measure"] = below
    for rule in ("futility", "expected_success"):
        test = rules[rule]["measure"]["final"]
        test["threshold"] = threshold
        test["measure"] = rules["efficacy"]["measure"]
    rules["efficacy"]["threshold"] = [None] * 8 + [threshold]
    return build_design(values), build_scenario(values)


def with_imputations(design, n: int):
    """Return the design with another number of imputations."""
    is_measure = lambda x: isinstance(x, PredictiveProbability)  # noqa: E731

    def changed(x):
        if not is_measure(x):
            return x
        return PredictiveProbability(x.final, x.assumed, x.level, x.sample, n, x.bound)

    return jax.tree.map(changed, design, is_leaf=is_measure)


def add_options(parser) -> None:
    parser.add_argument("--part", choices=("speed", "check", "limit"), default="speed")
    parser.add_argument("--trials", type=int, default=1024)
    parser.add_argument("--form", default="", help="only forms whose name holds this")
    parser.add_argument("--repeats", type=int, default=3)


def main(options, report) -> None:
    {"speed": speed, "check": check, "limit": limit}[options.part](options, report)


def speed(options, report) -> None:
    """Measure every form in both scenarios, and what an imputation is made of."""
    chosen = {form: given for form, given in FORMS.items() if options.form in form}
    for form, (name, final, asked) in chosen.items():
        for scenario in ("goldilocks_benefit", "goldilocks_null"):
            design, truth = parts_of(name, scenario, final)
            n = 256 if options.quick else options.trials * (8 if "information" in form else 1)
            trials = np.arange(n)
            compiling = repeated(lambda d=design, s=truth: simulate(d, s, seed=1, trials=np.arange(256)), 1)
            taken = repeated(
                lambda d=design, s=truth, t=trials: simulate(d, s, seed=1, trials=t), options.repeats
            )
            wall, cpu = (taken[f"{kind}_seconds"]["median"] for kind in ("wall", "cpu"))
            theirs = THEIRS[final]
            report.add(
                form=form,
                scenario=scenario,
                trials=n,
                seconds_with_compilation_256_trials=compiling["wall_seconds"]["median"],
                trials_per_second_wall=n / wall,
                trials_per_second_two_cores_by_cpu=2 * n / cpu,
                times_theirs_wall=n / wall / theirs,
                times_theirs_by_cpu=2 * n / cpu / theirs,
                times_asked=asked,
                **taken,
            )
    shares(options, report)


def shares(options, report) -> None:
    """Time the pieces of an imputation apart, for a group of 32 trials at 200 of 300 patients."""
    for final in ("log_rank", "bayesian"):
        design, _ = parts_of("goldilocks", "goldilocks_benefit", final)
        measure = design.rules[0].measure
        pieces = _pieces(design, measure)
        looks = jax.vmap(partial(_look, design))(jr.split(jr.key(1), 32))
        seconds = {name: _cpu_seconds(piece, looks) / measure.n for name, piece in pieces.items()}
        report.add(final_test=final, sample="maximum", cpu_microseconds_per_imputation=_parted(seconds))


def _cpu_seconds(piece, looks) -> float:
    """Return CPU microseconds per trial of a function of a look."""
    program = jax.jit(jax.vmap(piece))
    jax.block_until_ready(program(looks))
    taken = repeated(lambda: jax.block_until_ready(program(looks)), 5)
    return 1e6 * taken["cpu_seconds"]["least"] / 32


def _parted(seconds: dict) -> dict:
    whole, imputed = seconds["whole"], seconds["imputation"]
    apart = {"hazard draws": seconds["hazards"], "random numbers": seconds["words"]}
    apart["imputation"] = imputed - seconds["hazards"] - seconds["words"]
    if "sort" in seconds:
        apart["sort"] = seconds["sort"] - imputed
        apart["log-rank"] = whole - seconds["sort"]
    else:
        apart["posterior probability"] = whole - imputed
    return {"whole": whole, **apart}


def _look(design, key) -> FittedLook:
    """Return a look at 200 patients after 40 months."""
    n = design.limits.n_arrivals
    entry = jnp.arange(n) / 5.0
    observed = jnp.arange(n) < 200
    drawn = jr.exponential(key, (n,)) / 0.08
    time = jnp.minimum(drawn, jnp.minimum(12.0, jnp.maximum(40.0 - entry, 0.0)))
    seen = Snapshot(
        jnp.zeros(n, jnp.int32),
        jnp.arange(n, dtype=jnp.int32) % 2,
        time,
        (drawn <= time) & observed,
        observed,
        entry,
    )
    table, posterior = fit_look(key, design, seen)
    progress = eqx.tree_at(lambda p: p.time, initial_progress(design), jnp.asarray(40.0))
    return FittedLook(key, seen, table, posterior, progress)


def _pieces(design, measure) -> dict:
    """Return functions of a look that do more and more of the work."""
    model = design.analysis.model

    def each(look, one):
        hazards = hazard_draws(look.key, look.posterior, model, look.table, measure.n)
        present = present_of(design, look)
        numbers = jnp.arange(measure.n, dtype=jnp.int32)
        step = lambda total, given: (total + one(present, *given), None)  # noqa: E731
        return jax.lax.scan(step, jnp.zeros((), jnp.float32), (numbers, hazards))[0]

    def completed(present, number, hazard):
        return complete(design, present, measure.assumed, hazard, number, grow=True)

    def drawn(present, number, hazard):
        row = lambda p: words(present.key[None], (number * 8 + p).astype(jnp.uint32)[None], 300)  # noqa: E731
        return sum(row(p).sum(dtype=jnp.uint32) for p in range(3)).astype(jnp.float32)

    def imputed(present, number, hazard):
        done = completed(present, number, hazard)
        return done.time.sum() + done.event.sum() + done.arm.sum()

    def sorted_too(present, number, hazard):
        packed = jax.lax.sort(pack(completed(present, number, hazard), 2, 1), is_stable=False)
        return packed[::7].sum().astype(jnp.float32)

    found = {
        "hazards": lambda look: hazard_draws(look.key, look.posterior, model, look.table, measure.n).sum(),
        "words": lambda look: each(look, drawn),
        "imputation": lambda look: each(look, imputed),
        "whole": lambda look: _successes(measure, design, look).sum(),
    }
    if hasattr(measure.final.measure, "measure"):
        found["sort"] = lambda look: each(look, sorted_too)
    return found


PUBLISHED = {
    ("point", 0.95, "benefit"): (0.926, 0.896, 0.033, 172.6, 56.0),
    ("point", 0.95, "null"): (0.070, 0.060, 0.847, 209.0, 47.5),
    ("point", 0.96, "benefit"): (0.910, 0.878, 0.044, 176.1, 57.4),
    ("point", 0.96, "null"): (0.057, 0.051, 0.865, 202.2, 47.9),
    ("bound", 0.95, "benefit"): (0.942, 0.874, 0.017, 183.4, 60.5),
    ("bound", 0.95, "null"): (0.068, 0.047, 0.786, 234.0, 43.2),
    ("bound", 0.96, "benefit"): (0.941, 0.853, 0.022, 187.7, 61.6),
    ("bound", 0.96, "null"): (0.055, 0.036, 0.830, 227.3, 43.7),
}
"""Success, stop for success, for futility, mean N, its SD: an independent NumPy program, 1,000 trials."""

STORED = {
    (0.95, "benefit"): (0.934, 0.864, 0.030, 180.6, 61.9),
    (0.95, "null"): (0.062, 0.044, 0.754, 236.6, 43.9),
    (0.96, "benefit"): (0.918, 0.844, 0.048, 184.6, 61.8),
    (0.96, "null"): (0.058, 0.046, 0.814, 227.1, 43.9),
}
"""The package's stored results, 500 trials, made under the rule on the exact bound."""
SIZES = tuple(range(100, 301, 25))


def characteristics(result) -> dict:
    """Return the columns of the published table, and the distribution of the number of patients."""
    status, n = result.status[:, 0, 0], result.patients.sum(axis=(1, 2))
    shares = {
        "success": status == CellStatus.EFFICACY,
        "stop_success": result.awaiting_look[:, 0, 0] >= 0,
        "stop_futility": status == CellStatus.FUTILITY,
    }
    return {
        **{name: float(np.mean(x)) for name, x in shares.items()},
        "mean_n": float(n.mean()),
        "sd_n": float(n.std(ddof=1)),
        "p_n": {str(size): float(np.mean(n == size)) for size in SIZES},
    }


def scores(ours: dict, theirs: tuple, n_ours: int, n_theirs: int) -> dict:
    """Return each difference in units of both Monte Carlo errors."""
    both = 1.0 / n_ours + 1.0 / n_theirs
    found = {}
    for name, value in zip(("success", "stop_success", "stop_futility"), theirs[:3], strict=True):
        p = (ours[name] * n_ours + value * n_theirs) / (n_ours + n_theirs)
        found[name] = (ours[name] - value) / np.sqrt(max(p * (1 - p), 1e-9) * both)
    found["mean_n"] = (ours["mean_n"] - theirs[3]) / np.sqrt(
        ours["sd_n"] ** 2 / n_ours + theirs[4] ** 2 / n_theirs
    )
    return {name: round(float(z), 2) for name, z in found.items()}


def check(options, report) -> None:
    """Simulate the vignette's design and compare."""
    n = 256 if options.quick else options.trials
    for (rule, threshold, truth), theirs in PUBLISHED.items():
        name = "goldilocks_bound" if rule == "bound" else "goldilocks"
        design, scenario = parts_of(name, f"goldilocks_{truth}", threshold=threshold)
        ours = characteristics(simulate(design, scenario, seed=5, trials=np.arange(n)).result)
        row = {"rule": rule, "confidence": threshold, "truth": truth, "trials": n, "ours": ours}
        row["independent_numpy"], row["z_against_numpy"] = theirs, scores(ours, theirs, n, 1000)
        if rule == "bound":
            stored = STORED[threshold, truth]
            row["stored"], row["z_against_stored"] = stored, scores(ours, stored, n, 500)
        report.add(**row)


def limit(options, report) -> None:
    """Simulate 256 trials with many imputations, where both rules are one."""
    n = 200 if options.quick else 1000
    for truth in ("null", "benefit"):
        design, scenario = parts_of("goldilocks", f"goldilocks_{truth}")
        result = simulate(with_imputations(design, n), scenario, seed=5, trials=np.arange(256)).result
        report.add(truth=truth, trials=256, imputations=n, ours=characteristics(result))


if __name__ == "__main__":
    run("goldilocks_speed", "How fast is sample size selection, and is it right?", main, add_options)
