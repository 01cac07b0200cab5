"""Tidy tables of a study: one row per scenario, design, metric and place, with estimate and MCSE."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from adaptive import montecarlo as mc
from adaptive.montecarlo import round_by_se
from adaptive.oc import metrics
from adaptive.oc.benefit import patient_benefit
from adaptive.oc.compare import benchmark_of, check_pairing, paired_differences, paired_estimation
from adaptive.oc.convergence import running, split_table
from adaptive.oc.course import calendar, looks_expected
from adaptive.oc.decided import decided
from adaptive.oc.late import late
from adaptive.oc.load import CellResult
from adaptive.oc.looks import Looks, read_course
from adaptive.oc.margins import false_if_claimed
from adaptive.oc.outcomes import size_outcomes

COLUMNS = (
    "scenario",
    "design",
    "metric",
    "level",
    "look",
    "subgroup",
    "arm",
    "estimate",
    "mcse",
    "lower",
    "upper",
    "n",
    "m",
    "text",
)
MOST_PLACES = {"patients": 1, "events": 1, "months": 2, "accrual_months": 2}
"""Decimals of percentiles. At a value that many trials share, such as the largest size, their MCSE is far
below the unit of what is counted and would ask for more."""
Family = Callable[[CellResult, Looks | None], list[dict]]


def _trials_alone(family: Callable[[CellResult], list[dict]]) -> Family:
    """Return a family that does without the stored looks."""
    return lambda result, _: family(result)


FAMILIES: dict[str, Family] = {
    "claims": _trials_alone(metrics.claims),
    "size": _trials_alone(metrics.size),
    "stopping": _trials_alone(metrics.stopping),
    "status": _trials_alone(metrics.cell_status),
    "decided": decided,
    "late": _trials_alone(late),
    "allocation": metrics.allocation,
    "benefit": _trials_alone(patient_benefit),
    "looks_expected": looks_expected,
    "estimation": _trials_alone(metrics.estimation),
    "convergence": _trials_alone(running),
}


def cell_text(
    estimate: float, mcse: float, lower: float, upper: float, n: int, m: int, places: int | None = None
) -> str:
    """Return ``estimate (MCSE)`` rounded by the MCSE, to at most ``places`` decimals.

    A zero MCSE is no certainty: a proportion of 0 or 1 is printed with its Wilson limits instead. An
    estimate that was suppressed is printed as the number of trials it would rest on.
    """
    if not np.isfinite(estimate):
        return f"\N{EN DASH} (m = {m})" if m != n else "\N{EN DASH}"
    shown, error = round_by_se(estimate, mcse)
    if mcse == 0 and upper > lower:
        return (
            f"{shown} [{lower:.2g}, {upper:.2g}]" if estimate < 0.5 else f"{shown} [{lower:.4g}, {upper:.4g}]"
        )
    if places is not None and len(error.partition(".")[2]) > places:
        least = 10.0**-places
        shown, error = f"{estimate:.{places}f}", f"{mcse:.{places}f}" if mcse >= least / 2 else f"<{least:g}"
    return f"{shown} ({error})"


def tidy(rows: list[dict]) -> pd.DataFrame:
    """Return rows as a frame with the standard columns and a ``text`` column ready to print."""
    frame = pd.DataFrame(rows, columns=list(COLUMNS[:-1]))
    frame["look"] = frame["look"].astype("Int64")
    numbers = (frame[name].tolist() for name in ("estimate", "mcse", "lower", "upper", "n", "m"))
    places = [
        MOST_PLACES.get(metric) if str(level)[:1] == "p" and str(level)[1:].isdigit() else None
        for metric, level in zip(frame["metric"], frame["level"], strict=True)
    ]
    frame["text"] = [cell_text(*values) for values in zip(*numbers, places, strict=True)]
    return frame


def _labelled(result: CellResult, rows: list[dict]) -> list[dict]:
    """Put scenario and design in front of rows."""
    return [{"scenario": result.scenario, "design": result.design} | entry for entry in rows]


def build_tables(results: list[CellResult]) -> dict[str, pd.DataFrame]:
    """Return every tidy table of the study, by family.

    Beside the families: ``paired`` and ``paired_estimation`` (differences against the benchmark), ``splits``
    (block checks), ``failures``, ``distribution`` (quantiles for drawing), ``calendar`` (accrual and events
    over time) and ``largest`` (the largest value seen, which has no Monte Carlo error worth the name).

    Raises
    ------
    BadInput
        If a pair of designs does not share seed, truth and trials.
    """
    rows: dict[str, list[dict]] = {name: [] for name in (*FAMILIES, "calendar")}
    for result in results:
        looks = read_course(result)
        for name, family in FAMILIES.items():
            rows[name] += _labelled(result, family(result, looks))
        rows["calendar"] += _labelled(result, calendar(result, looks))
    tables = {name: tidy(rows[name]) for name in FAMILIES}
    pairs = paired_with_benchmark(results)
    for name, compare in (("paired", paired_differences), ("paired_estimation", paired_estimation)):
        tables[name] = tidy([e for own, other in pairs for e in _labelled(own, compare(own, other))])
    tables["splits"] = split_table(results)
    tables["failures"] = pd.DataFrame([failures(result) for result in results])
    tables["distribution"] = pd.DataFrame([entry for result in results for entry in distribution(result)])
    tables["calendar"] = pd.DataFrame(rows["calendar"], columns=list(CALENDAR))
    tables["largest"] = pd.DataFrame([entry for result in results for entry in largest(result)])
    return tables


CALENDAR = ("scenario", "design", "metric", "month", "p05", "p50", "p95", "n")


def largest(result: CellResult) -> list[dict]:
    """Return the largest patients, events and durations over the trials."""
    return [
        {"scenario": result.scenario, "design": result.design, "metric": key.metric}
        | {"largest": float(values.max()), "n": result.n_trials}
        for key, values in size_outcomes(result).items()
    ]


def paired_with_benchmark(results: list[CellResult]) -> list[tuple[CellResult, CellResult]]:
    """Return every result with the benchmark's in the same scenario, the benchmark itself left out.

    Raises
    ------
    BadInput
        If a pair does not share seed, truth and trials.
    """
    name = benchmark_of(results)
    if name is None:
        return []
    check_pairing(results)
    reference = {result.scenario: result for result in results if result.design == name}
    return [(r, reference[r.scenario]) for r in results if r.design != name and r.scenario in reference]


def failures(result: CellResult) -> dict:
    """Return counts of what went wrong in a cell.

    ``fwer_worst_case`` is the family-wise type I error if every failed trial had made a false claim, with its
    MCSE and as text; missing when no claim would be false.
    """
    counts, trials = result.manifest["counts"], result.trials
    null = false_if_claimed(result)
    false = int(result.claimed[:, null].any(axis=1).sum()) if null.any() else None
    failed = int(counts["failed"])
    worst = mc.proportion_of_counts((false or 0) + failed, result.n_trials + failed)
    return {
        "scenario": result.scenario,
        "design": result.design,
        "requested": int(counts["requested"]),
        "finished": int(counts["finished"]),
        "failed": failed,
        "looks_held": int(trials["looks_held"].sum()),
        "unhealthy_looks": int(trials["unhealthy_looks"].sum()),
        "trials_with_unhealthy_look": int((trials["unhealthy_looks"] > 0).sum()),
        "arrivals_exhausted": int(trials["arrivals_exhausted"].sum()),
        "without_stop_reason": int((trials["reason"] == 0).sum()),
        "cells_left_open": int((result.status == 1).sum()),
        "fwer_worst_case": None if false is None else worst.estimate,
        "fwer_worst_case_mcse": None if false is None else worst.mcse,
        "fwer_worst_case_text": "\N{EN DASH}" if false is None else cell_text(*worst),
    }


def distribution(result: CellResult, points: int = 101) -> list[dict]:
    """Return empirical quantiles of trial size and duration on an even grid, for drawing."""
    levels = np.linspace(0, 1, points)
    rows = []
    for key, values in size_outcomes(result).items():
        found = np.quantile(values, levels, method="inverted_cdf")
        rows += [
            {
                "scenario": result.scenario,
                "design": result.design,
                "metric": key.metric,
                "value": float(value),
            }
            | {"cumulative": float(level), "n": result.n_trials}
            for level, value in zip(levels, found, strict=True)
        ]
    return rows
