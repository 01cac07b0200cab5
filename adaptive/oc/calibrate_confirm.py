"""Confirms thresholds with fresh seeds: error rates on trials that had no part in finding the thresholds."""

from collections.abc import Sequence
from dataclasses import dataclass

from adaptive.design.protocol import Design
from adaptive.errors import BadInput
from adaptive.oc.calibrate_again import comparisons_of
from adaptive.oc.calibrate_bounds import clopper_pearson, upper_bound
from adaptive.oc.calibrate_errors import Plan, count_claims
from adaptive.oc.calibrate_found import Aim, Comparison, largest
from adaptive.oc.calibrate_rules import Null

LEVEL = 0.999
BELOW, COVERS, ABOVE = "below", "covers", "above"
VERDICTS = {
    BELOW: "every 99.9% interval lies below the target",
    COVERS: "no 99.9% interval lies above the target; at least one covers it",
    ABOVE: "a 99.9% interval lies above the target: the thresholds do not hold the error",
}


@dataclass(frozen=True)
class Confirmed:
    """Error rates on fresh trials.

    Attributes
    ----------
    comparisons
        Every error rate.
    aim
        What was aimed at.
    seed
        Root seed of the fresh trials.
    """

    comparisons: tuple[Comparison, ...]
    aim: Aim
    seed: int

    @property
    def worst(self) -> Comparison:
        """The largest error."""
        return largest(self.comparisons)

    @property
    def upper(self) -> float:
        """Largest exact upper bound; all bounds hold together with probability ``1 - gamma`` at least."""
        return max(self.bound(item) for item in self.comparisons)

    @property
    def verdict(self) -> str:
        """``below``, ``covers`` or ``above``: where the 99.9% intervals lie."""
        limits = [self.limits(item) for item in self.comparisons]
        if any(low > self.aim.target for low, _ in limits):
            return ABOVE
        return BELOW if all(high < self.aim.target for _, high in limits) else COVERS

    def limits(self, item: Comparison) -> tuple[float, float]:
        """Return the exact 99.9% limits of one error rate."""
        return clopper_pearson(item.count, item.n, LEVEL)

    def bound(self, item: Comparison) -> float:
        """Return the simultaneous upper bound of one error rate."""
        return upper_bound(item.count, item.n, self.aim.gamma / len(self.comparisons))


def confirm(design: Design, nulls: Sequence[Null], aim: Aim, plan: Plan, calibration_seed: int) -> Confirmed:
    """Simulate a calibrated design with fresh seeds.

    Parameters
    ----------
    design
        The design with the thresholds found.
    nulls, aim, plan
        The declared scenarios, what was aimed at, and how the fresh trials are simulated.
    calibration_seed
        Root seed of the trials that found the thresholds.

    Raises
    ------
    BadInput
        If the seed is that of the calibration: its trials meet the target because they chose the threshold.
    """
    if plan.seed == calibration_seed:
        raise BadInput(
            f"confirm_seed: {plan.seed} is the seed of the calibration, whose trials meet the target by "
            "construction; give another"
        )
    counts = [count_claims(design, null, plan, f"{null.name}, fresh trials") for null in nulls]
    return Confirmed(comparisons_of(design, counts, aim.error), aim, plan.seed)
