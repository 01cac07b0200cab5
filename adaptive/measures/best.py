"""The probability that an arm is the best one."""

import equinox as eqx
from jaxtyping import Array, Float

from adaptive.design.measure import AbstractMeasure
from adaptive.records import FittedLook


class ArmIsBest(AbstractMeasure):
    """The posterior probability that the arm has the lowest hazard in its subgroup, control included.

    Under vague priors an arm without data has a probability near one half against control alone: rules on it
    want ``min_events``.
    """

    @property
    def name(self) -> str:
        """``p_arm_best``."""
        return "p_arm_best"

    @property
    def words(self) -> str:
        """The probability."""
        return "P(arm is best)"

    def value(self, design: eqx.Module, look: FittedLook) -> Float[Array, "S B"]:
        """Return the experimental columns of the posterior's ``p_best``."""
        del design
        return look.posterior.p_best()[:, 1:]
