"""What a calibration finds, and its Monte Carlo error. Plain data; nothing here simulates or searches."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adaptive.errors import BadInput
from adaptive.oc.calibrate_bounds import allowed_count


@dataclass(frozen=True)
class Aim:
    """The error rate aimed at.

    Attributes
    ----------
    target
        Largest one-sided error.
    error
        ``any_false_claim`` or ``per_comparison``.
    conservative
        Whether the exact upper bound of the error, and not the estimate, is to meet the target.
    gamma
        Probability with which bounds may fail, all scenarios together.
    """

    target: float = 0.025
    error: str = "any_false_claim"
    conservative: bool = False
    gamma: float = 0.05

    def allowed(self, n: int, n_bounds: int) -> int:
        """Return how many of ``n`` trials may make a false claim.

        Raises
        ------
        BadInput
            If ``n`` trials cannot show the error to be at the target.
        """
        share = self.gamma / n_bounds
        found = allowed_count(n, self.target, share if self.conservative else None)
        if found >= 0 and n * self.target >= 1:
            return found
        least = int(np.ceil(max(np.log(share) / np.log1p(-self.target), 1 / self.target)))
        raise BadInput(
            f"n_trials: {n} trials cannot find an error of {self.target:g}; give at least {least}, better "
            f"{20 * least}"
        )


@dataclass(frozen=True)
class Comparison:
    """One error rate at the thresholds found.

    Attributes
    ----------
    scenario, subgroup, arm
        Where; ``all`` for any false claim.
    c
        The parameter at which this error alone would meet the target; NaN where it was not looked for.
    count, n
        False claims among trials, at the thresholds found.
    """

    scenario: str
    subgroup: str
    arm: str
    c: float
    count: int
    n: int


@dataclass(frozen=True)
class Found:
    """Thresholds and their Monte Carlo error.

    Attributes
    ----------
    method
        ``stored`` or ``again``.
    c, mcse, lower, upper
        The family's parameter, its Monte Carlo standard error, and limits that fail with probability
        ``gamma`` at most.
    thresholds
        One per look, NaN where the rule is not applied.
    comparisons
        Every error rate at these thresholds, on the trials that found them.
    steps
        Parameters tried and worst counts, of the search by simulating again.
    """

    method: str
    c: float
    mcse: float
    lower: float
    upper: float
    thresholds: list[float]
    comparisons: tuple[Comparison, ...]
    steps: tuple[tuple[float, int], ...] = ()

    @property
    def worst(self) -> Comparison:
        """The largest error."""
        return largest(self.comparisons)


def largest(comparisons: Sequence[Comparison]) -> Comparison:
    """Return the comparison with the largest error rate."""
    return max(comparisons, key=lambda item: item.count / item.n)
