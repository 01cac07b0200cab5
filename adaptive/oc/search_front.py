"""Which designs no other beats: the Pareto front under the error constraint, and paired differences."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from adaptive import montecarlo as mc
from adaptive.oc.search import GOALS, Judged


def feasible(judged: Judged, target: float, gamma: float, calibrated: bool) -> bool:
    """Return whether the error is held: by its simultaneous upper bound.

    A calibrated design sits at its target, so half of all bounds lie above it; of such a design it is asked
    that its exact interval does not lie above the target.
    """
    if calibrated:
        return judged.error.lower <= target
    return judged.upper(gamma) <= target


def front(designs: Sequence[Judged], objectives: Sequence[str], allowed: Sequence[bool]) -> list[bool]:
    """Return which designs are on the Pareto front of those allowed, by their estimates.

    A design is beaten by another that is at least as good in every objective and better in one.
    """
    scores = np.array([[score(judged, name) for name in objectives] for judged in designs])
    found = []
    for i, own in enumerate(scores):
        rivals = [j for j in range(len(scores)) if j != i and allowed[j]]
        beaten = any((scores[j] >= own).all() and (scores[j] > own).any() for j in rivals)
        found.append(bool(allowed[i] and not beaten))
    return found


def score(judged: Judged, name: str) -> float:
    """Return an objective such that more is better."""
    estimate = judged.objective(name).estimate
    return estimate if GOALS[name] == "more" else -estimate


def differences(
    designs: Sequence[Judged], benchmark: Judged, objectives: Sequence[str]
) -> list[dict[str, Any]]:
    """Return each design's differences from the benchmark over the same trials, with their errors."""
    rows = []
    for number, judged in enumerate(designs):
        for name in objectives:
            gap = mc.paired_mean(judged.trials[name], benchmark.trials[name])
            rows.append({"design": number, "objective": name, **gap._asdict()})
    return rows


def nearly_beaten(
    designs: Sequence[Judged], objectives: Sequence[str], allowed: Sequence[bool], on_front: Sequence[bool]
) -> list[bool]:
    """Return which allowed designs off the front are beaten by nobody beyond Monte Carlo error.

    A design is clearly beaten by another that is, in every objective, at least as good up to two Monte Carlo
    standard errors of the paired difference, and better by more than two in one.
    """
    found = []
    for i, judged in enumerate(designs):
        rivals = [other for j, other in enumerate(designs) if j != i and allowed[j]]
        clear = any(_clearly_better(other, judged, objectives) for other in rivals)
        found.append(bool(allowed[i] and not on_front[i] and not clear))
    return found


def _clearly_better(other: Judged, judged: Judged, objectives: Sequence[str]) -> bool:
    gains = []
    for name in objectives:
        gap = mc.paired_mean(other.trials[name], judged.trials[name])
        sign = 1.0 if GOALS[name] == "more" else -1.0
        gains.append((sign * gap.estimate, gap.mcse))
    return all(gain >= -2 * se for gain, se in gains) and any(gain > 2 * se for gain, se in gains)
