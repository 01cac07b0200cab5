"""What happens after a decision: cells that await the final look, and claims seen again with the overrun.

Rows as in ``oc.metrics``. A design without lags and without a rule on expected success has none.
"""

import numpy as np

from adaptive import montecarlo as mc
from adaptive.oc.load import CellResult
from adaptive.oc.metrics import row

_MEANS = {
    "overrun_shift": "overrun_log_hr_mean",
    "overrun_p_benefit": "overrun_p_below_1",
}


def late(result: CellResult) -> list[dict]:
    """Return, per offered cell, how often accrual ended for expected success, and claims with the overrun.

    ``awaited`` is the proportion of trials in which accrual ended early because success was expected. Over
    the trials that claim benefit: ``overrun_shift`` the mean of estimate with overrun less estimate at the
    decision, ``overrun_p_benefit`` the mean of P(HR < 1) with the overrun, ``overrun_upheld`` the proportion
    whose 95% interval with the overrun still excludes no effect; suppressed below 200 claims.
    """
    rows = []
    for s, subgroup in enumerate(result.subgroups):
        for b, arm in enumerate(result.arms[1:]):
            if not result.offered[s, b]:
                continue
            place = {"subgroup": subgroup, "arm": arm}
            awaited = result.awaiting_look[:, s, b] >= 0
            if (result.awaiting_look >= 0).any():
                rows.append(row("awaited", mc.proportion(awaited), **place))
            rows += _overrun_rows(result, s, b, place)
    return rows


def _overrun_rows(result: CellResult, s: int, b: int, place: dict) -> list[dict]:
    """Return what the overrun does to the claims of one cell; nothing without lags."""
    late_mean = result.overrun["overrun_log_hr_mean"]
    if not np.isfinite(late_mean).any():
        return []
    claimed = result.claimed[:, s, b]
    values = {name: result.overrun[column][:, s, b] for name, column in _MEANS.items()}
    values["overrun_shift"] = values["overrun_shift"] - result.estimates["log_hr_mean"][:, s, b]
    rows = [row(name, mc.conditional(mc.mean, claimed, array), **place) for name, array in values.items()]
    upheld = result.overrun["overrun_log_hr_upper"][:, s, b] < 0
    return [*rows, row("overrun_upheld", mc.conditional(mc.proportion, claimed, upheld), **place)]
