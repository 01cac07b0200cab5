"""Compares designs on the same virtual patients: gains, costs, and whether the error is held.

Every design meets the same trials of every scenario, so differences between designs are paired. Nothing here
composes a configuration or writes a file.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from adaptive import montecarlo as mc
from adaptive.design.protocol import Design
from adaptive.errors import BadInput
from adaptive.io.frames import tables
from adaptive.oc.calibrate import Request, calibrate, check_declared
from adaptive.oc.calibrate_bounds import upper_bound
from adaptive.oc.calibrate_errors import Plan, count_claims
from adaptive.oc.calibrate_rules import Null
from adaptive.oc.describe import describe_design, describe_truth, labels_of
from adaptive.oc.precision_outcomes import outcomes_of

GOALS = {
    "power": "more",
    "disjunctive_power": "more",
    "conjunctive_power": "more",
    "correct_set": "more",
    "patients": "less",
    "events": "less",
    "months": "less",
    "accrual_months": "less",
    "patients_inferior": "less",
}
"""Characteristics that a design may be judged by, and which way is better."""


@dataclass(frozen=True)
class Judging:
    """What designs are judged by.

    Attributes
    ----------
    objectives
        Names in ``GOALS``.
    calibration
        What is calibrated in each design before it is judged; ``None`` to take designs as they are.
    target, error, gamma
        The largest error, what kind, and the probability with which bounds may fail.
    nulls, alternatives
        Trials in scenarios that count for the error, and in those that count for the objectives.
    calibrating
        Trials that find thresholds, with a seed of their own.
    horizon
        Months at which the true values are stated.
    """

    objectives: tuple[str, ...]
    calibration: Request | None
    target: float
    error: str
    gamma: float
    nulls: Plan
    alternatives: Plan
    calibrating: Plan | None
    horizon: float


@dataclass(frozen=True)
class Judged:
    """One design.

    Attributes
    ----------
    values
        The parameters that make it.
    thresholds
        Thresholds of the calibrated rule, or ``None``.
    trials
        Per objective the mean over the alternatives of each trial's value, shape ``(R,)``.
    by_scenario
        Per scenario and objective the estimate.
    errors
        Per null scenario the largest count of false claims, the trials, and of how many counts it is the
        largest.
    """

    values: dict[str, Any]
    thresholds: list[float] | None
    trials: dict[str, Float[np.ndarray, " R"]]
    by_scenario: dict[tuple[str, str], mc.Estimate]
    errors: dict[str, tuple[int, int, int]] = field(default_factory=dict)

    def objective(self, name: str) -> mc.Estimate:
        """Return the mean over trials and alternatives, with its Monte Carlo error."""
        return mc.mean(self.trials[name])

    @property
    def error(self) -> mc.Estimate:
        """The largest error rate."""
        rates = [mc.proportion_of_counts(count, n) for count, n, _ in self.errors.values()]
        return max(rates, key=lambda rate: rate.estimate)

    def upper(self, gamma: float) -> float:
        """Return the simultaneous exact upper bound of the errors."""
        n_bounds = sum(comparisons for _, _, comparisons in self.errors.values())
        return max(upper_bound(x, n, gamma / n_bounds) for x, n, _ in self.errors.values())


def judge(
    values: dict[str, Any],
    design: Design,
    place: int | None,
    nulls: Sequence[Null],
    alternatives: Sequence[Null],
    judging: Judging,
) -> Judged:
    """Calibrate a design if asked to, then simulate it in every scenario.

    Parameters
    ----------
    values
        The parameters that make the design.
    design, place
        The protocol, and the place of the rule to calibrate.
    nulls, alternatives
        Scenarios that count for the error and for the objectives.
    judging
        What it is judged by.
    """
    thresholds = None
    if judging.calibration is not None and place is not None and judging.calibrating is not None:
        found = calibrate(design, place, nulls, judging.calibration, judging.calibrating)
        design, thresholds = found.design, found.found.thresholds
    errors = {null.name: _errors(design, null, judging) for null in nulls}
    values_by = {item.name: _per_trial(design, item, judging) for item in alternatives}
    by_scenario = {
        (name, objective): mc.mean(per_trial[objective])
        for name, per_trial in values_by.items()
        for objective in judging.objectives
    }
    trials = {
        objective: np.mean([per_trial[objective] for per_trial in values_by.values()], axis=0)
        for objective in judging.objectives
    }
    return Judged(values, thresholds, trials, by_scenario, errors)


def _errors(design: Design, null: Null, judging: Judging) -> tuple[int, int, int]:
    """Return the count of the error in a scenario, the trials, and of how many counts it is the largest."""
    counts = count_claims(design, null, judging.nulls)
    comparisons = 1 if judging.error == "any_false_claim" else int(null.is_null.sum())
    return counts.worst(judging.error), counts.n, comparisons


def _per_trial(design: Design, item: Null, judging: Judging) -> dict[str, Float[np.ndarray, " R"]]:
    """Return one value per trial of each objective; of ``power`` the mean over the cells with a benefit."""
    plan, labels = judging.alternatives, labels_of(design)
    parts = []
    for trials in plan.pieces(item.name):
        result = plan.simulate(design, item.scenario, seed=plan.seed, trials=trials).result
        parts.append(tables(labels, trials, result, None))
    truth = describe_truth(design, item.scenario, judging.horizon)
    outcomes = outcomes_of(parts, describe_design(design), truth)
    found = {}
    for objective in judging.objectives:
        keys = [key for key in outcomes if key.metric == objective]
        whole = [key for key in keys if key.subgroup == "all"] or keys
        if not whole:
            raise BadInput(
                f"objectives: {objective!r} does not exist in {item.name}; leave that scenario or "
                f"the objective out"
            )
        found[objective] = np.mean([outcomes[key].astype(float) for key in whole], axis=0)
    return found


def check_judging(nulls: Sequence[Null], alternatives: Sequence[Null], objectives: Sequence[str]) -> None:
    """Raise ``BadInput`` for scenarios or objectives that cannot judge a design."""
    faults = []
    try:
        check_declared(nulls)
    except BadInput as error:
        faults += error.faults
    if not alternatives:
        faults.append(
            "alternatives: nothing was given; name the scenarios that say what a design is good for"
        )
    unknown = [name for name in objectives if name not in GOALS]
    faults += [f"objectives: {name!r} is not allowed; give some of {', '.join(GOALS)}" for name in unknown]
    if not objectives:
        faults.append(f"objectives: nothing was given; give some of {', '.join(GOALS)}")
    if faults:
        raise BadInput(faults)
