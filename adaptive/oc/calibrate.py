"""Finds the thresholds of an efficacy rule for a target error over a declared set of scenarios.

Ways and their limits are those of ``rethreshold`` (one simulation) and ``calibrate_again`` (a search).
Errors are
estimated over the declared set; what lies outside it is not covered.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from adaptive.design.protocol import Design
from adaptive.errors import BadInput
from adaptive.oc.calibrate_again import by_simulation
from adaptive.oc.calibrate_confirm import Confirmed, confirm
from adaptive.oc.calibrate_errors import Plan
from adaptive.oc.calibrate_family import Family, make_family
from adaptive.oc.calibrate_found import Aim, Found
from adaptive.oc.calibrate_rules import Null, why_not_stored, with_thresholds
from adaptive.oc.rethreshold import critical_values, from_statistics, statistics_of
from adaptive.scenario.estimand import true_values
from adaptive.scenario.truth import Scenario
from adaptive.simulate.drivers import check_compatible

METHODS = ("auto", "stored", "again")
SCOUTS = 2048
"""Trials of the simulation that tells a search where to begin."""


@dataclass(frozen=True)
class Request:
    """What is to be calibrated.

    Attributes
    ----------
    aim
        The error aimed at.
    shape, information
        Family of thresholds, and information fractions for ``obrien_fleming``.
    method
        ``stored``, ``again``, or ``auto``: the first where it is exact, otherwise the second.
    """

    aim: Aim
    shape: str = "constant"
    information: list[float] | None = None
    method: str = "auto"


class Calibration(NamedTuple):
    """Thresholds found and confirmed.

    Attributes
    ----------
    design
        The design with the thresholds.
    family
        The family of thresholds.
    found, confirmed
        What was found and what fresh trials say; the second may be missing.
    reasons
        Why one simulation would not have been enough; empty if it was.
    """

    design: Design
    family: Family
    found: Found
    confirmed: Confirmed | None
    reasons: list[str]


def declare(name: str, design: Design, scenario: Scenario, horizon: float) -> Null:
    """Return a scenario with its true nulls among the cells that the design offers."""
    check_compatible(design, scenario)
    truth = true_values(scenario, design.endpoint, horizon)
    return Null(name, scenario, np.asarray(truth.is_null) & np.asarray(design.eligible))


def check_declared(nulls: Sequence[Null]) -> None:
    """Raise ``BadInput`` for scenarios without a null cell, which have no error to calibrate."""
    faults = [
        f"nulls: {null.name} has no cell without a benefit, so no claim in it is false; leave it out"
        for null in nulls
        if not null.is_null.any()
    ]
    if not nulls:
        faults.append("nulls: nothing was declared; give at least one scenario")
    if faults:
        raise BadInput(faults)


def family_of(design: Design, place: int, request: Request) -> Family:
    """Return the family of thresholds of a design's rule."""
    rule = design.rules[place]
    return make_family(
        request.shape, np.asarray(rule.threshold, float), request.information, rule.sign == ">"
    )


Read = Callable[[], dict[str, Float[np.ndarray, "R S B K"]]]


def calibrate(
    design: Design,
    place: int,
    nulls: Sequence[Null],
    request: Request,
    plan: Plan,
    statistics: Read | None = None,
) -> Calibration:
    """Return thresholds that meet the target in every declared scenario; not yet confirmed.

    Parameters
    ----------
    design, place
        The protocol, and the place of the rule whose thresholds are sought.
    nulls
        The declared scenarios.
    request, plan
        What is asked for, and how trials are simulated.
    statistics
        Returns the statistics of a simulation without the rule, where they are stored.

    Raises
    ------
    BadInput
        If nothing is declared, the method is not exact here, or the target cannot be met.
    """
    check_declared(nulls)
    family = family_of(design, place, request)
    reasons = why_not_stored(design, place, request.aim.error, nulls)
    if request.method == "stored" and reasons:
        raise BadInput([f"method: 'stored' is not exact here: {reason}" for reason in reasons])
    if request.method == "again" or reasons:
        start = _scout(design, place, nulls, family, request.aim, plan)
        found = by_simulation(design, place, nulls, family, request.aim, plan, start)
    else:
        read = statistics or (lambda: statistics_of(design, place, nulls, plan))
        critical = critical_values(design, nulls, read(), family, request.aim.error)
        found = from_statistics(critical, family, request.aim)
    return Calibration(with_thresholds(design, place, found.thresholds), family, found, None, reasons)


def confirmed(
    calibration: Calibration, nulls: Sequence[Null], aim: Aim, plan: Plan, seed: int
) -> Calibration:
    """Return the calibration with error rates on fresh trials; ``seed`` is that of the calibration."""
    return calibration._replace(confirmed=confirm(calibration.design, nulls, aim, plan, seed))


def _scout(design: Design, place: int, nulls: Sequence[Null], family: Family, aim: Aim, plan: Plan) -> float:
    """Return where to begin a search: what few trials without the rule say, exact or not."""
    few = replace(plan, n_trials=min(plan.n_trials, SCOUTS))
    critical = critical_values(design, nulls, statistics_of(design, place, nulls, few), family, aim.error)
    points = [np.quantile(values, 1 - aim.target) for values in critical.values()]
    return float(np.clip(max(points), -5.0, 5.0))
