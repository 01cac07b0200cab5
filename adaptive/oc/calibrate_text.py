"""What a calibration says on the screen: tables with Monte Carlo errors, and sentences with their scope."""

from collections.abc import Sequence

import numpy as np

from adaptive import montecarlo as mc
from adaptive.oc.calibrate import Calibration, Request
from adaptive.oc.calibrate_bounds import clopper_pearson
from adaptive.oc.calibrate_confirm import LEVEL, VERDICTS
from adaptive.oc.calibrate_found import Comparison
from adaptive.oc.calibrate_store import SCOPE, override_text

ERROR_WORDS = {
    "any_false_claim": "any false claim (family-wise)",
    "per_comparison": "a false claim in one cell, the largest over cells",
}
METHOD_WORDS = {
    "stored": "one simulation without the rule; the threshold is an order statistic of it",
    "again": "simulated again at each candidate, on the same trials",
}


def told(calibration: Calibration, request: Request, rule: str) -> list[str]:
    """Return the lines."""
    found, aim = calibration.found, request.aim
    level = f"{100 * (1 - aim.gamma):g}%"
    lines = [
        f"target: {aim.target:g} one-sided, {ERROR_WORDS[aim.error]}, {SCOPE}"
        + (", upper bound" if aim.conservative else ""),
        f"method: {METHOD_WORDS[found.method]}",
        *(f"        because {reason}" for reason in calibration.reasons if found.method == "again"),
        f"thresholds of rules.{rule}, shape {request.shape}: {listed(found.thresholds)}",
        f"parameter c (z scale) {found.c:.4f}, MCSE {found.mcse:.4f}, "
        f"{level} limits {found.lower:.4f} to {found.upper:.4f}",
        *threshold_lines(calibration, level),
        "",
        "error rates on the trials that found the thresholds (these meet the target by construction)",
        *table(found.comparisons, request, bound=None),
    ]
    fresh = calibration.confirmed
    if fresh is not None:
        lines += [
            "",
            f"error rates on fresh trials, seed {fresh.seed}",
            *table(fresh.comparisons, request, bound=fresh.bound),
            "",
            f"worst: {place(fresh.worst)}; simultaneous {level} upper bound {fresh.upper:.4f}",
            f"verdict: {VERDICTS[fresh.verdict]} ({SCOPE})",
        ]
    return [*lines, f"paste: {override_text(rule, found.thresholds)}"]


def threshold_lines(calibration: Calibration, level: str) -> list[str]:
    """Return the limits of each look's threshold."""
    found, family = calibration.found, calibration.family
    ends = [
        family.thresholds(float(np.clip(c, -30, 30))) if np.isfinite(c) else None
        for c in (found.lower, found.upper)
    ]
    shown = [listed(values) if values is not None else "not bounded by so few trials" for values in ends]
    return [f"thresholds at those {level} limits: {shown[0]} to {shown[1]}"]


def listed(thresholds: Sequence[float]) -> str:
    """Return thresholds as text; one number if all looks share it."""
    values = [p for p in thresholds if not np.isnan(p)]
    if len(set(values)) == 1 and len(values) == len(thresholds):
        return f"{values[0]:.5f} at every look"
    return "[" + ", ".join("null" if np.isnan(p) else f"{p:.5f}" for p in thresholds) + "]"


def place(item: Comparison) -> str:
    """Return where an error rate belongs."""
    return item.scenario if item.arm == "all" else f"{item.scenario}, {item.arm} in {item.subgroup}"


def table(comparisons: Sequence[Comparison], request: Request, bound) -> list[str]:
    """Return the error rates as a table, the largest first."""
    ordered = sorted(comparisons, key=lambda item: -item.count / item.n)
    width = max(len("scenario"), *(len(place(item)) for item in ordered))
    head = f"  {'scenario':<{width}}  {'error':>8}  {'MCSE':>7}  {'99.9% interval':>18}  {'trials':>8}"
    rows = [head + ("" if bound is None else f"  {'simult. upper':>13}")]
    for item in ordered:
        rows.append(_line(item, width) + ("" if bound is None else f"  {bound(item):>13.5f}"))
    return rows


def _line(item: Comparison, width: int) -> str:
    estimate = mc.proportion_of_counts(item.count, item.n)
    lower, upper = clopper_pearson(item.count, item.n, LEVEL)
    interval = f"{lower:.5f} to {upper:.5f}"
    return (
        f"  {place(item):<{width}}  {estimate.estimate:>8.5f}  {estimate.mcse:>7.5f}  {interval:>18}  "
        f"{item.n:>8,}"
    )
