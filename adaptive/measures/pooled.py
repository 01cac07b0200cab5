"""The posterior of an arm's mean effect over all subgroups, for decisions on the arm as a whole."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from adaptive.design.measure import AbstractMeasure
from adaptive.records import FittedLook


class PooledEffect(AbstractMeasure):
    """The posterior probability that ``mu_b < 0``, the mean log hazard ratio of the subgroups' distribution.

    The same number in every subgroup of an arm. ``mu`` is the parameter of a pooling model, not an average of
    the estimates; of a model that has none the number is NaN and no rule fires. The fast engine gives it as a
    mixture of normals, which errs by up to 0.01 with a dozen events.
    """

    @property
    def name(self) -> str:
        """``p_mean_below_1``."""
        return "p_mean_below_1"

    @property
    def words(self) -> str:
        """The probability."""
        return "P(mean HR of all subgroups < 1)"

    def value(self, design: eqx.Module, look: FittedLook) -> Float[Array, "S B"]:
        """Return the posterior's ``P(mu_b < 0)`` for every subgroup."""
        overall = look.posterior.overall()
        return jnp.broadcast_to(overall.mu_p_below_0[None, :], design.eligible.shape)
