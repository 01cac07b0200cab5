"""The decisions of flagship trials as arrays, and how two sets of them differ.

A trial differs when any of its states, looks, stop reasons or patient counts differ; patient counts differ
when the allocation sent a patient elsewhere. Estimates are compared apart, as they differ by rounding alone.
"""

import jax
import numpy as np
from flagship import flagship_design, flagship_scenario
from scipy import stats

from adaptive.simulate.drivers import LANES, simulate

FIELDS = ("status", "decided_look", "advice", "reason", "looks_held", "last_look", "patients")
SEED = 20260704


def decisions(trials: int, *, scenario: str, lanes: int = LANES, chunk: int | None = None) -> dict:
    """Return the decisions and the estimates of ``trials`` flagship trials, run ``chunk`` at a time."""
    design, truth = flagship_design(), flagship_scenario(scenario)
    starts = range(0, trials, chunk or trials)
    parts = [
        simulate(
            design, truth, seed=SEED, lanes=lanes, trials=np.arange(s, min(s + (chunk or trials), trials))
        )
        for s in starts
    ]
    results = jax.tree.map(lambda *leaves: np.concatenate(leaves), *[part.result for part in parts])
    return {name: getattr(results, name) for name in (*FIELDS, "mean")}


def compare(one: dict, other: dict) -> dict:
    """Return the share of trials with any different decision, by field, with an exact 95% interval."""
    n = len(one["reason"])
    if len(other["reason"]) != n:
        raise ValueError(f"the files hold {n} and {len(other['reason'])} trials; compare equal numbers")
    differs = {f: (one[f] != other[f]).reshape(n, -1).any(axis=1) for f in FIELDS}
    same = ~np.logical_or.reduce(list(differs.values()))
    gap = np.abs(one["mean"] - other["mean"])[same]
    return {
        "trials": n,
        "any_decision": share(int((~same).sum()), n),
        "by_field": {f: int(x.sum()) for f, x in differs.items()},
        "largest_gap_of_estimates_otherwise": float(np.nanmax(gap, initial=0.0)),
    }


def share(count: int, n: int) -> dict:
    """Return a share with its exact (Clopper-Pearson) 95% interval."""
    low = stats.beta.ppf(0.025, count, n - count + 1) if count else 0.0
    high = stats.beta.ppf(0.975, count + 1, n - count) if count < n else 1.0
    return {"count": count, "share": count / n, "interval": [float(low), float(high)]}
