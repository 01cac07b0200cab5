"""Operating characteristics of one design in one scenario, each with its Monte Carlo standard error.

Each function returns tidy rows: dictionaries with the metric's name, what it refers to, and an
``Estimate``. ``look`` counts from 1. Cells that the design does not offer have no rows.
"""

from functools import partial

import numpy as np

from adaptive import montecarlo as mc
from adaptive.codes import CellStatus, StopReason
from adaptive.oc import estimators
from adaptive.oc.load import CellResult
from adaptive.oc.looks import Looks, allocation_by_look
from adaptive.oc.outcomes import (
    ALL,
    Outcomes,
    all_claim_outcomes,
    benefit_outcomes,
    few_outcomes,
    size_outcomes,
)

PERCENTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
REASONS = tuple(reason for reason in StopReason if reason != StopReason.RUNNING)
OVERALL, CLAIMED, FUTILE = "overall", "claimed", "futile"


def row(
    metric: str,
    estimate: mc.Estimate,
    *,
    level: str = "",
    look: int | None = None,
    subgroup: str = ALL,
    arm: str = ALL,
) -> dict:
    """Return one tidy row."""
    place = {"metric": metric, "level": level, "look": look, "subgroup": subgroup, "arm": arm}
    return place | estimate._asdict()


def rows_of_means(outcomes: Outcomes) -> list[dict]:
    """Return proportions of yes-or-no outcomes and means of the others."""
    return [
        row(
            key.metric,
            mc.proportion(values) if values.dtype == bool else mc.mean(values),
            level="" if values.dtype == bool else "mean",
            subgroup=key.subgroup,
            arm=key.arm,
        )
        for key, values in outcomes.items()
    ]


def claims(result: CellResult) -> list[dict]:
    """Return type I error and power per cell and over the trial, also with non-binding advice applied."""
    return rows_of_means(all_claim_outcomes(result))


def size(result: CellResult) -> list[dict]:
    """Return mean, SD and percentiles of patients, events, trial duration and accrual duration."""
    rows = []
    for key, values in size_outcomes(result).items():
        rows.append(row(key.metric, mc.mean(values), level="mean"))
        rows.append(row(key.metric, mc.standard_deviation(values), level="sd"))
        found = mc.quantiles(values, PERCENTILES)
        rows += [
            row(key.metric, estimate, level=f"p{round(100 * p):02d}")
            for p, estimate in zip(PERCENTILES, found, strict=True)
        ]
    return rows


def n_looks(result: CellResult) -> int:
    """Return the planned number of looks, or more if a trial held more."""
    planned = int(result.manifest["design"].get("n_looks", 0))
    return max(planned, int(result.trials["last_look"].max()) + 1, 1)


def stopping(result: CellResult) -> list[dict]:
    """Return the probability of stopping at each look by reason, and of having stopped by it.

    ``stop`` is the probability at the look, ``stopped_by`` the cumulative one; level ``any`` sums reasons.
    """
    reason, last, n = result.trials["reason"], result.trials["last_look"], result.n_trials
    ended = reason != StopReason.RUNNING
    rows = []
    for k in range(n_looks(result)):
        groups = [(code.name, reason == code) for code in REASONS] + [("any", ended)]
        for name, mask in groups:
            at, by = int((mask & (last == k)).sum()), int((mask & (last <= k)).sum())
            rows.append(row("stop", mc.proportion_of_counts(at, n), level=name, look=k + 1))
            rows.append(row("stopped_by", mc.proportion_of_counts(by, n), level=name, look=k + 1))
    return rows


def cell_status(result: CellResult) -> list[dict]:
    """Return the probability of each final state per cell; cells never offered included."""
    rows = []
    for s, subgroup in enumerate(result.subgroups):
        for b, arm in enumerate(result.arms[1:]):
            counts = np.bincount(result.status[:, s, b], minlength=len(CellStatus))
            for status in CellStatus:
                estimate = mc.proportion_of_counts(int(counts[status]), result.n_trials)
                rows.append(row("status", estimate, level=status.name, subgroup=subgroup, arm=arm))
    return rows


def allocation(result: CellResult, looks: Looks | None = None) -> list[dict]:
    """Return patients per arm and subgroup, on inferior arms, small arms, and allocation the wrong way.

    ``looks`` are the stored looks, if they have been read already.
    """
    rows = []
    for s, subgroup in enumerate((*result.subgroups, ALL)):
        for a, arm in enumerate((*result.arms, ALL)):
            counts = result.patients[:, s] if subgroup != ALL else result.patients.sum(axis=1)
            values = (counts[:, a] if arm != ALL else counts.sum(axis=1)).astype(float)
            rows.append(row("patients_in", mc.mean(values), level="mean", subgroup=subgroup, arm=arm))
            rows.append(
                row("patients_in", mc.standard_deviation(values), level="sd", subgroup=subgroup, arm=arm)
            )
    rows += rows_of_means(benefit_outcomes(result) | few_outcomes(result))
    for k, s, a, level, estimate in allocation_by_look(result, looks):
        place = {"look": k + 1, "subgroup": result.subgroups[s], "arm": result.arms[a]}
        rows.append(row("allocation_after", estimate, level=f"p{round(100 * level):02d}", **place))
    return rows


def estimation(result: CellResult, minimum: int = mc.MIN_CONDITIONAL) -> list[dict]:
    """Return bias, standard errors, errors, and interval width and coverage of the log hazard ratio.

    Over all trials with an estimate (level ``overall``), over those that claimed benefit (``claimed``) and
    over those in which the cell stopped for futility (``futile``), the latter two suppressed below
    ``minimum`` trials. Cells whose true value is not finite are left out, the relative bias where it is 0.
    """
    rows = []
    for s, subgroup in enumerate(result.subgroups):
        for b, arm in enumerate(result.arms[1:]):
            truth = float(result.truth.log_hr[s, b])
            if not (result.offered[s, b] and np.isfinite(truth)):
                continue
            values = {name: array[:, s, b] for name, array in result.estimates.items()}
            known = np.isfinite(values["log_hr_mean"]) & np.isfinite(values["log_hr_sd"])
            for level, mask, least in (
                (OVERALL, known, 1),
                (CLAIMED, known & result.claimed[:, s, b], minimum),
                (FUTILE, known & (result.status[:, s, b] == CellStatus.FUTILITY), minimum),
            ):
                rows += _estimation_rows(values, truth, mask, least, level, subgroup, arm)
    return rows


def _estimation_rows(values, truth, mask, least, level, subgroup, arm) -> list[dict]:
    """Return the estimation metrics of one cell over the trials of ``mask``."""
    mean, sd = values["log_hr_mean"], values["log_hr_sd"]
    lower, upper = values["log_hr_lower"], values["log_hr_upper"]
    statistics = {
        "bias": (partial(mc.bias, truth=truth), mean),
        "relative_bias": (partial(estimators.relative_bias, truth=truth), mean),
        "empirical_se": (mc.empirical_se, mean),
        "posterior_sd": (mc.mean, sd),
        "relative_se_error": (mc.relative_se_error, mean, sd),
        "mse": (partial(mc.mean_squared_error, truth=truth), mean),
        "rmse": (partial(mc.root_mean_squared_error, truth=truth), mean),
        "width": (mc.mean, upper - lower),
        "coverage": (partial(mc.coverage, truth=truth), lower, upper),
        "bias_eliminated_coverage": (estimators.bias_eliminated_coverage, lower, upper, mean),
    }
    if abs(truth) < estimators.SMALLEST_TRUTH:
        del statistics["relative_bias"]
    return [
        row(
            name,
            mc.conditional(statistic, mask, *arrays, minimum=least),
            level=level,
            subgroup=subgroup,
            arm=arm,
        )
        for name, (statistic, *arrays) in statistics.items()
    ]
