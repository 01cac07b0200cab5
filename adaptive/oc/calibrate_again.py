"""Thresholds by simulating again at each candidate, on the same trials, where one simulation is not enough.

The error is a step function of the family's parameter and, on common trials, nearly monotone. Its root is
found by the Illinois form of the false position on the probit scale. Compiled once: thresholds are numbers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import special

from adaptive.design.protocol import Design
from adaptive.errors import BadInput
from adaptive.oc.calibrate_errors import Counts, Plan, count_claims
from adaptive.oc.calibrate_family import Family
from adaptive.oc.calibrate_found import Aim, Comparison, Found
from adaptive.oc.calibrate_rules import Null, with_thresholds

MAX_STEPS = 12
REACH = 6.0
"""Parameters farther than this from the start are not searched."""
SLACK = 0.1
"""The search ends within this many Monte Carlo standard errors of the target's count, on the strict side."""
NEAR = 0.4
"""Half-width, on the probit scale of the error, of the stretch whose slope is measured."""


@dataclass
class _Tried:
    """Every parameter tried."""

    evaluate: Callable[[float], tuple[Counts, ...]]
    error: str
    counts: dict[float, tuple[Counts, ...]] = field(default_factory=dict)

    def worst(self, c: float) -> int:
        """Return the worst count at a parameter."""
        if c not in self.counts:
            self.counts[c] = self.evaluate(c)
        return max(counts.worst(self.error) for counts in self.counts[c])


def by_simulation(
    design: Design, place: int, nulls: Sequence[Null], family: Family, aim: Aim, plan: Plan, start: float
) -> Found:
    """Return the thresholds at which every error meets the target, by simulating candidates.

    Parameters
    ----------
    design, place
        The protocol, and the place of its rule.
    nulls
        The declared scenarios.
    family, aim, plan
        How thresholds vary, what error is aimed at, and how trials are simulated.
    start
        The parameter to begin with.

    Raises
    ------
    BadInput
        If the target is not met within ``REACH`` of the start.
    """

    def evaluate(c: float) -> tuple[Counts, ...]:
        moved = with_thresholds(design, place, family.thresholds(c))
        return tuple(count_claims(moved, null, plan, f"{null.name}, c = {c:.4f}") for null in nulls)

    tried = _Tried(evaluate, aim.error)
    n_bounds = sum(1 if aim.error == "any_false_claim" else int(null.is_null.sum()) for null in nulls)
    allowed = aim.allowed(plan.n_trials, n_bounds)
    slack = max(1, int(SLACK * np.sqrt(plan.n_trials * aim.target * (1 - aim.target))))
    c = _search(tried, start, allowed, slack, plan.n_trials)
    mcse = _mcse(tried, c, aim.target, plan.n_trials)
    z = float(special.ndtri(1 - aim.gamma / 2))
    return Found(
        method="again",
        c=c,
        mcse=mcse,
        lower=c - z * mcse,
        upper=c + z * mcse,
        thresholds=family.thresholds(c),
        comparisons=comparisons_of(design, tried.counts[c], aim.error),
        steps=tuple(sorted((tried_c, tried.worst(tried_c)) for tried_c in tried.counts)),
    )


def comparisons_of(design: Design, counts: Sequence[Counts], error: str) -> tuple[Comparison, ...]:
    """Return every error rate that the aim is about."""
    rows = []
    for found in counts:
        if error == "any_false_claim":
            rows.append(Comparison(found.name, "all", "all", np.nan, found.any, found.n))
            continue
        rows += [
            Comparison(
                found.name, design.subgroups[s], design.arms[b + 1], np.nan, int(found.cells[s, b]), found.n
            )
            for s, b in np.argwhere(found.is_null)
        ]
    return tuple(rows)


def _probit(count: float, n: int) -> float:
    return float(special.ndtri((count + 0.5) / (n + 1.0)))


def _search(tried: _Tried, start: float, allowed: int, slack: int, n: int) -> float:
    """Return the least parameter tried whose worst count is allowed, close to the least there is."""
    loose, strict = _bracket(tried, start, allowed)
    goal = _probit(allowed - slack / 2, n)
    gaps = {c: _probit(tried.worst(c), n) - goal for c in (loose, strict)}
    last = None
    while len(tried.counts) < MAX_STEPS and not allowed - slack <= tried.worst(strict):
        middle = (loose * gaps[strict] - strict * gaps[loose]) / (gaps[strict] - gaps[loose])
        low, high = loose + 0.02 * (strict - loose), strict - 0.02 * (strict - loose)
        middle = float(np.clip(middle, low, high))
        is_strict = tried.worst(middle) <= allowed
        gap = _probit(tried.worst(middle), n) - goal
        if is_strict == last:
            # Illinois: the end that stays put counts half, or the other would creep.
            gaps[loose if is_strict else strict] /= 2
        loose, strict = (loose, middle) if is_strict else (middle, strict)
        gaps[middle], last = gap, is_strict
    return strict


def _bracket(tried: _Tried, start: float, allowed: int) -> tuple[float, float]:
    """Return a parameter that is too loose and one that is strict enough."""
    width, first = 0.1, start
    sense = 1.0 if tried.worst(start) > allowed else -1.0
    before = start
    while abs(before - first) < REACH:
        after = before + sense * width
        if (tried.worst(after) <= allowed) == (sense > 0):
            return (before, after) if sense > 0 else (after, before)
        before, width = after, 2 * width
    raise BadInput(
        f"target: not met for parameters from {min(first, before):.2f} to {max(first, before):.2f} "
        f"(worst count {tried.worst(before)}, allowed {allowed}); look at the declared scenarios"
    )


def _mcse(tried: _Tried, c: float, target: float, n: int) -> float:
    """Return ``sqrt(a (1 - a) / n) / (phi(z_a) |slope|)``, the delta method on the probit scale."""
    if len(tried.counts) < 3:
        tried.worst(c + 0.1)
    points = [(p, _probit(tried.worst(p), n)) for p in tried.counts]
    centre = _probit(tried.worst(c), n)
    near = [item for item in points if abs(item[1] - centre) <= NEAR]
    x, y = np.array(near if np.ptp([p for p, _ in near]) > 0.02 else points).T
    slope = float(np.polyfit(x, y, 1)[0])
    z = special.ndtri(target)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return float(np.sqrt(target * (1 - target) / n) / (density * abs(slope)))
