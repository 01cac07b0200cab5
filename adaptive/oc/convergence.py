"""Whether enough trials were run: running estimates, and a check that blocks of trials agree."""

import numpy as np

from adaptive import montecarlo as mc
from adaptive.oc.load import CellResult
from adaptive.oc.metrics import row
from adaptive.oc.outcomes import Outcomes, claim_outcomes, size_outcomes

POINTS = 60
FOLLOWED = ("fwer", "disjunctive_power", "correct_set", "patients", "months")


def _followed(result: CellResult) -> Outcomes:
    """Return the outcomes whose convergence is shown."""
    outcomes = claim_outcomes(result, result.claimed) | size_outcomes(result)
    return {key: values for key, values in outcomes.items() if key.metric in FOLLOWED}


def running(result: CellResult) -> list[dict]:
    """Return each followed metric over the first ``n`` trials, for about 60 values of ``n``.

    Limits are normal and pointwise; ``n`` is the number of trials used so far.
    """
    total = result.n_trials
    counts = np.unique(np.geomspace(min(20, total), total, POINTS).round().astype(int))
    rows = []
    for key, values in _followed(result).items():
        means, errors = mc.running_mean(values, counts)
        for n, estimate, mcse in zip(counts.tolist(), means, errors, strict=True):
            half = mc.Z95 * mcse
            rows.append(row(key.metric, mc.Estimate(estimate, mcse, estimate - half, estimate + half, n, n)))
    return rows


def split_checks(result: CellResult, blocks: int = 10) -> list[dict]:
    """Return, per followed metric, the test that consecutive blocks of trials have one mean."""
    rows = []
    for key, values in _followed(result).items():
        statistic, freedom, p_value = mc.split_check(values, blocks)
        rows.append(
            {"metric": key.metric, "n": result.n_trials, "blocks": blocks, "chi_squared": statistic}
            | {"degrees_of_freedom": freedom, "p_value": p_value}
        )
    return rows
