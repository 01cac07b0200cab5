"""How trials run: patients and events expected at each look, and over calendar time.

From the row-per-look file alone. Rows as in ``oc.metrics``; ``look`` counts from 1. Axes: ``R`` trials,
``K`` looks, ``S`` subgroups, ``G`` months.
"""

import numpy as np
from jaxtyping import Float

from adaptive import montecarlo as mc
from adaptive.errors import BadInput
from adaptive.oc.estimators import ratio_of_means
from adaptive.oc.load import CellResult
from adaptive.oc.looks import Looks
from adaptive.oc.metrics import n_looks, row
from adaptive.oc.outcomes import ALL

GRID_STEP = 3.0
"""Months between the points of calendar time at which accrual and events are given."""
BAND = (0.05, 0.5, 0.95)


def looks_expected(result: CellResult, looks: Looks | None) -> list[dict]:
    """Return what each look finds, per subgroup and over all: patients, events, share of the final events.

    ``look_patients``, ``look_events`` and ``look_month`` are means over the trials that hold the look.
    ``information_fraction`` is the ratio of mean events at the look to mean events at the last planned look,
    over the trials that hold both, suppressed below 200 of them. ``n`` counts all trials, ``m`` those.
    """
    if looks is None or not {"month", "patients", "events"} <= set(looks.columns):
        return []
    planned = n_looks(result)
    held, totals = by_trial(result, looks, planned)
    final = held[:, -1]
    rows = []
    for k in range(planned):
        if not held[:, k].any():
            continue
        place = {"look": k + 1}
        month = mc.conditional(mc.mean, held[:, k], totals["month"][:, k, 0], minimum=1)
        rows.append(row("look_month", month, level="mean", **place))
        for s, subgroup in enumerate((*result.subgroups, ALL)):
            for name in ("patients", "events"):
                estimate = mc.conditional(mc.mean, held[:, k], totals[name][:, k, s], minimum=1)
                rows.append(row(f"look_{name}", estimate, level="mean", subgroup=subgroup, **place))
            pair = (totals["events"][:, k, s], totals["events"][:, -1, s])
            fraction = mc.conditional(ratio_of_means, held[:, k] & final, *pair)
            rows.append(row("information_fraction", fraction, level="mean", subgroup=subgroup, **place))
    return rows


def by_trial(result: CellResult, looks: Looks, planned: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return which looks each trial held, ``(R, K)``, and month, patients and events there.

    Of shape ``(R, K, S + 1)``; the last place is the sum over subgroups, for months the month again.
    """
    trial = np.searchsorted(result.trials["trial"], looks.trial)
    known = result.trials["trial"][np.minimum(trial, result.n_trials - 1)] == looks.trial
    if not known.all() or looks.look.max(initial=0) >= planned:
        raise BadInput(
            f"{result.path / 'looks.parquet'}: looks of trials or numbers not known; re-run the cell"
        )
    held = np.zeros((result.n_trials, planned), bool)
    held[trial, looks.look] = True
    totals = {}
    for name in ("month", "patients", "events"):
        values = looks.columns[name].astype(float)
        per_subgroup = values[:, :, 0] if name == "month" else values.sum(axis=2)
        whole = per_subgroup[:, :1] if name == "month" else per_subgroup.sum(axis=1, keepdims=True)
        array = np.zeros((result.n_trials, planned, per_subgroup.shape[1] + 1))
        array[trial, looks.look] = np.concatenate([per_subgroup, whole], axis=1)
        totals[name] = array
    return held, totals


def calendar(result: CellResult, looks: Looks | None) -> list[dict]:
    """Return the median and the 5% and 95% points of patients and events by calendar month, for drawing.

    Within a trial both are joined linearly from 0 at month 0 through its looks and stay where they are after
    the last one; all patients of a trial are there from its last randomisation on. Entries are ``metric``,
    ``month``, ``p05``, ``p50``, ``p95``, ``n``, over all trials.
    """
    if looks is None or not {"month", "patients", "events"} <= set(looks.columns):
        return []
    held, totals = by_trial(result, looks, n_looks(result))
    month = totals["month"][:, :, -1]
    grid = np.arange(0.0, month.max() + GRID_STEP, GRID_STEP)
    rows = []
    accrued = np.minimum(month, result.trials["accrual_months"][:, None])
    for name, at in (("patients", accrued), ("events", month)):
        values = interpolated(held, at, totals[name][:, :, -1], grid)
        low, middle, high = np.quantile(values, BAND, axis=0, method="inverted_cdf")
        rows += [
            {"metric": name, "month": m, "p05": a, "p50": b, "p95": c, "n": result.n_trials}
            for m, a, b, c in zip(grid.tolist(), low, middle, high, strict=True)
        ]
    return rows


def interpolated(
    held: np.ndarray, month: np.ndarray, values: np.ndarray, grid: Float[np.ndarray, " G"]
) -> Float[np.ndarray, "R G"]:
    """Return values on a grid of months, piecewise linear through ``(0, 0)`` and the looks held."""
    found = np.zeros((held.shape[0], grid.size))
    start, level = np.zeros((held.shape[0], 1)), np.zeros((held.shape[0], 1))
    for k in range(held.shape[1]):
        here = held[:, k : k + 1]
        end, reached = month[:, k : k + 1], values[:, k : k + 1]
        width = np.where(end > start, end - start, 1.0)
        line = level + (reached - level) * (grid[None] - start) / width
        found = np.where(here & (grid[None] > start), np.where(grid[None] < end, line, reached), found)
        start, level = np.where(here, end, start), np.where(here, reached, level)
    return found
