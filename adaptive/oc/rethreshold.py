"""Thresholds from one simulation without the rule: each trial says from which threshold on it claims.

Exact where ``calibrate_rules.why_not_stored`` gives no reason against it; must not be used elsewhere.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from adaptive.design.protocol import Design
from adaptive.errors import BadInput
from adaptive.oc.calibrate_bounds import FLOOR, exceedance_error, exceedance_limits, exceedance_point
from adaptive.oc.calibrate_errors import Plan, silent_statistics
from adaptive.oc.calibrate_family import Family
from adaptive.oc.calibrate_found import Aim, Comparison, Found
from adaptive.oc.calibrate_rules import Null

Place = tuple[str, str, str]
Critical = dict[Place, Float[np.ndarray, " R"]]
"""Scenario, subgroup and arm -> the parameter above which the trial makes no such claim, one per trial."""


def statistics_of(
    design: Design, place: int, nulls: Sequence[Null], plan: Plan
) -> dict[str, Float[np.ndarray, "R S B K"]]:
    """Simulate every scenario without the rule and return its statistics; see ``silent_statistics``."""
    return {null.name: silent_statistics(design, place, null, plan) for null in nulls}


def critical_values(
    design: Design,
    nulls: Sequence[Null],
    statistics: dict[str, Float[np.ndarray, "R S B K"]],
    family: Family,
    error: str,
) -> Critical:
    """Return, per comparison, the smallest parameter at which each trial does not claim."""
    found: Critical = {}
    for null in nulls:
        c = family.critical(statistics[null.name])
        if error == "any_false_claim":
            found[null.name, "all", "all"] = c.max(axis=(1, 2))
            continue
        for s, b in np.argwhere(null.is_null):
            found[null.name, design.subgroups[s], design.arms[b + 1]] = c[:, s, b]
    return found


def from_statistics(critical: Critical, family: Family, aim: Aim) -> Found:
    """Return the thresholds at which every error meets the target.

    Each comparison's parameter is an order statistic of its trials; the largest of them is taken. Limits
    are order statistics too, at ``gamma`` divided by the number of comparisons.

    Raises
    ------
    BadInput
        If no threshold meets the target, or every one does.
    """
    share = aim.gamma / len(critical)
    points, limits = {}, []
    for key, values in critical.items():
        points[key] = exceedance_point(values, aim.allowed(values.size, len(critical)))
        limits.append(exceedance_limits(values, aim.target, share))
    worst = max(points, key=points.__getitem__)
    c = points[worst]
    _check_reachable(c, worst, aim)
    values = critical[worst]
    thresholds = family.thresholds(c)
    strict = _parameter(family, thresholds, c)
    return Found(
        method="stored",
        c=c,
        mcse=exceedance_error(values, aim.allowed(values.size, len(critical))),
        lower=max(low for low, _ in limits),
        upper=max(high for _, high in limits),
        thresholds=thresholds,
        comparisons=tuple(
            Comparison(*key, points[key], int((values > strict).sum()), values.size)
            for key, values in critical.items()
        ),
    )


def _parameter(family: Family, thresholds: list[float], c: float) -> float:
    """Return a parameter between ``c`` and that of the rounded thresholds: ties do not claim."""
    applied = [family.parameter(p, k) for k, p in enumerate(thresholds) if not np.isnan(p)]
    return max(c, min(applied))


def _check_reachable(c: float, worst: Place, aim: Aim) -> None:
    if c >= FLOOR:
        raise BadInput(
            f"target: {aim.target:g} is not met by any threshold in {worst[0]}: too many trials have a "
            "probability of 1; give the rule more events (min_events) or a later first look"
        )
    if c <= -FLOOR:
        raise BadInput(
            f"target: {aim.target:g} is met by every threshold, in every declared scenario: too few trials "
            "reach a look at which the rule can claim; declare harder scenarios or a smaller target"
        )
