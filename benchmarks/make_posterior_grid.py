"""Makes ``tests/data/posterior_grid/grid.json``: forty event tables and their exact posteriors, with errors.

    python benchmarks/make_posterior_grid.py                 # what is missing
    python benchmarks/make_posterior_grid.py --nuts          # also what is missing of the cross-check by NUTS

The file is written after each table, so that a kill loses one table at most. Its format:

``format``
    1.
``seed``, ``versions``, ``margins`` (G hazard ratios), ``levels`` (Q quantile levels)
    What made it, and the order of the axes G and Q below.
``tables``
    A list. Each entry has ``name``; ``model`` (``partial_pooling``, ``no_pooling`` or ``full_pooling``);
    ``prior`` (``mu_scale``, ``tau_scale``, ``baseline_shape``, ``baseline_rate``); ``events`` and
    ``exposure`` (person-months), nested lists of shape S x A x J, arm 0 being control; ``n_events``;
    ``reference``; and, for some, ``cross_check``.
``reference``, ``cross_check``
    ``method`` (``quadrature`` or ``nuts``), ``made`` (how: grid sizes, draws, CPU seconds), and
    ``answers``: for ``p_below`` (G x S x B), ``p_best`` (S x A), ``mean``, ``sd`` (S x B) and ``quantile``
    (Q x S x B) of the log hazard ratios a ``value`` and, of the same shape, its ``error``. The error of
    a quadrature is the difference between two grids, that of NUTS one Monte Carlo standard error.
"""

import argparse
import json
import platform
import time
from importlib.metadata import version
from pathlib import Path

import grid_quadrature
from grid_quadrature import LEVELS, MARGINS, Problem
from grid_tables import PLANS, SEED, Plan, make_table, prior_of
from tqdm import tqdm

OUT = Path(__file__).parents[1] / "tests" / "data" / "posterior_grid" / "grid.json"
DIGITS = 7
CROSS = (
    "S2 B1, 10 events",
    "S4 B1, 300 events, discordant",
    "S4 B2, 40 events",
    "S2 B3, 20 events",
    "S4 B4, 70 events",
)
"""Tables of the cross-check: one to four experimental arms, few events and discordant subgroups."""


def problem_of(plan: Plan) -> Problem:
    """Return the table of a plan with its model."""
    events, exposure = make_table(plan)
    return Problem(events, exposure, prior_of(plan), plan.model)


def timed(method: str, solve, problem: Problem) -> dict:
    """Solve, and return the reference in the stored form."""
    start = time.process_time()
    solved = solve(problem)
    made = {**solved["made"], "cpu_seconds": round(time.process_time() - start, 1)}
    rounded = lambda x: x.round(DIGITS).tolist()  # noqa: E731
    answers = {n: {"value": rounded(v), "error": rounded(e)} for n, (v, e) in solved["answers"].items()}
    return {"method": method, "made": made, "answers": answers}


def entry_of(plan: Plan) -> dict:
    """Return the stored entry of a plan, with its quadrature reference."""
    problem = problem_of(plan)
    return {
        "name": plan.name,
        "model": plan.model,
        "prior": prior_of(plan),
        "n_events": int(problem.events.sum()),
        "events": problem.events.astype(int).tolist(),
        "exposure": problem.exposure.tolist(),
        "reference": timed("quadrature", grid_quadrature.solve, problem),
    }


def by_nuts(plan: Plan) -> dict:
    """Return the answers of a plan by NUTS in double precision."""
    import grid_nuts
    import jax

    jax.config.update("jax_enable_x64", True)
    return timed("nuts", grid_nuts.solve, problem_of(plan))


def load(path: Path) -> dict:
    """Return the tables already stored, by name."""
    if not path.exists():
        return {}
    return {entry["name"]: entry for entry in json.loads(path.read_text(encoding="utf-8"))["tables"]}


def save(path: Path, done: dict) -> None:
    """Write all tables in the order of the plans, one line each, by way of a temporary file."""
    head = {
        "format": 1,
        "seed": SEED,
        "versions": {
            "python": platform.python_version(),
            **{p: version(p) for p in ("numpy", "scipy", "jax", "numpyro")},
        },
        "margins": MARGINS,
        "levels": LEVELS,
    }
    lines = [json.dumps(done[plan.name]) for plan in PLANS if plan.name in done]
    text = json.dumps(head)[:-1] + ', "tables": [\n' + ",\n".join(lines) + "\n]}\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--only", default="", help="only tables whose name contains this")
    parser.add_argument("--nuts", action="store_true", help="check the tables of the cross-check by NUTS")
    parser.add_argument("--again", action="store_true", help="make what is stored again")
    options = parser.parse_args()
    done = load(options.out)
    for plan in tqdm([p for p in PLANS if options.only in p.name]):
        if plan.name not in done or options.again:
            done[plan.name] = entry_of(plan)
            save(options.out, done)
        if options.nuts and plan.name in CROSS and "cross_check" not in done[plan.name]:
            done[plan.name]["cross_check"] = by_nuts(plan)
            save(options.out, done)


if __name__ == "__main__":
    main()
