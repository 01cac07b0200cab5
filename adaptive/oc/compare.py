"""Designs compared on the same virtual trials: paired differences with their Monte Carlo standard error.

Trials with the same seed and index share every random number that nature draws, so differences are taken
trial by trial. Results of different seeds are not pairs and are refused.
"""

import numpy as np

from adaptive import montecarlo as mc
from adaptive.errors import BadInput
from adaptive.oc.benefit import ideal_outcomes
from adaptive.oc.estimators import relative_precision
from adaptive.oc.load import CellResult
from adaptive.oc.metrics import row
from adaptive.oc.outcomes import paired_outcomes


def benchmark_of(results: list[CellResult]) -> str | None:
    """Return the study's benchmark design, or ``None`` if it names none or none of its results is here."""
    name = results[0].manifest.get("benchmark")
    return name if any(result.design == name for result in results) else None


def check_pairing(results: list[CellResult]) -> None:
    """Check that every pair of results that will be compared shares seed, truth and trials.

    Raises
    ------
    BadInput
        Naming every pair that does not.
    """
    name = benchmark_of(results)
    reference = {result.scenario: result for result in results if result.design == name}
    faults = []
    for result in results:
        if result.design != name and result.scenario in reference:
            faults += _pairing_faults(result, reference[result.scenario])
    if faults:
        raise BadInput(faults)


def _pairing_faults(first: CellResult, second: CellResult) -> list[str]:
    """Say why two results are not pairs."""
    seeds = first.manifest["seed"], second.manifest["seed"]
    pair = (
        f"scenario {first.scenario!r}: {first.design!r} ({first.path}) and {second.design!r} ({second.path})"
    )
    if seeds[0] != seeds[1]:
        return [
            f"{pair} have seeds {seeds[0]} and {seeds[1]}; paired designs need one seed; re-run one of them"
        ]
    same = np.array_equal(first.truth.is_null, second.truth.is_null) and np.array_equal(
        first.truth.log_hr, second.truth.log_hr, equal_nan=True
    )
    if not same:
        return [f"{pair} have different true values; a pair needs one truth; re-run both from one scenario"]
    if not np.intersect1d(first.trials["trial"], second.trials["trial"]).size:
        return [f"{pair} have no trial index in common; re-run one of them on the other's trials"]
    return []


def paired_differences(result: CellResult, benchmark: CellResult) -> list[dict]:
    """Return ``result - benchmark`` for every outcome that both have, over their common trials.

    Raises
    ------
    BadInput
        If the two do not share seed, truth and trials.
    """
    faults = _pairing_faults(result, benchmark)
    if faults:
        raise BadInput(faults)
    _, first, second = np.intersect1d(result.trials["trial"], benchmark.trials["trial"], return_indices=True)
    own, other = (paired_outcomes(each) | ideal_outcomes(each) for each in (result, benchmark))
    rows = []
    for key in own:
        if key in other:
            a, b = own[key][first], other[key][second]
            estimate = mc.paired_proportion(a, b) if a.dtype == bool else mc.paired_mean(a, b)
            rows.append(row(key.metric, estimate, level="difference", subgroup=key.subgroup, arm=key.arm))
    return rows


def paired_estimation(result: CellResult, benchmark: CellResult) -> list[dict]:
    """Return ``result - benchmark`` in bias, squared error, interval width and coverage, cell by cell.

    Over the common trials in which both have an estimate; ``n`` counts the common trials, ``m`` those. Level
    ``difference``; ``relative_precision`` is the precision gained over the benchmark, per cent.
    """
    _, first, second = np.intersect1d(result.trials["trial"], benchmark.trials["trial"], return_indices=True)
    rows = []
    for s, subgroup in enumerate(result.subgroups):
        for b, arm in enumerate(result.arms[1:]):
            truth = float(result.truth.log_hr[s, b])
            if not (result.offered[s, b] and benchmark.offered[s, b] and np.isfinite(truth)):
                continue
            own, other = (
                {name: array[index, s, b] for name, array in each.estimates.items()}
                for each, index in ((result, first), (benchmark, second))
            )
            known = np.isfinite(own["log_hr_mean"]) & np.isfinite(other["log_hr_mean"])
            for metric, estimate in _estimation_pairs(own, other, known, truth):
                rows.append(row(metric, estimate, level="difference", subgroup=subgroup, arm=arm))
    return rows


def _estimation_pairs(own: dict, other: dict, known: np.ndarray, truth: float):
    """Yield the paired comparisons of the estimates of one cell."""
    for metric, statistic, value in (
        ("bias", mc.paired_mean, lambda e: e["log_hr_mean"]),
        ("mse", mc.paired_mean, lambda e: (e["log_hr_mean"] - truth) ** 2),
        ("width", mc.paired_mean, lambda e: e["log_hr_upper"] - e["log_hr_lower"]),
        ("coverage", mc.paired_proportion, lambda e: _covers(e, truth)),
        ("relative_precision", relative_precision, lambda e: e["log_hr_mean"]),
    ):
        yield metric, mc.conditional(statistic, known, value(own), value(other), minimum=2)


def _covers(estimates: dict, truth: float) -> np.ndarray:
    return (estimates["log_hr_lower"] <= truth) & (truth <= estimates["log_hr_upper"])
