"""Posterior probabilities of a hazard ratio above a margin or between two limits."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from adaptive.design.measure import AbstractMeasure, Favours
from adaptive.records import FittedLook


class HazardRatioAbove(AbstractMeasure):
    """The posterior probability that the hazard ratio is above a margin.

    Attributes
    ----------
    margin
        Hazard ratio.
    """

    margin: Float[Array, ""] = eqx.field(converter=jnp.asarray)

    @property
    def favours(self) -> Favours:
        """Harm."""
        return Favours.HARM

    @property
    def name(self) -> str:
        """``p_above_`` and the margin."""
        return f"p_above_{float(self.margin):g}"

    @property
    def words(self) -> str:
        """The probability."""
        return f"P(HR > {float(self.margin):g})"

    def value(self, design: eqx.Module, look: FittedLook) -> Float[Array, "S B"]:
        """Return ``1 - P(HR < margin | data)``."""
        del design
        return 1.0 - look.posterior.p_below(jnp.log(self.margin)[None])[0]


class HazardRatioBetween(AbstractMeasure):
    """The posterior probability that the hazard ratio lies between two limits: equivalence.

    Attributes
    ----------
    lower, upper
        Hazard ratios, ``lower < upper``.
    """

    lower: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    upper: Float[Array, ""] = eqx.field(converter=jnp.asarray)

    @property
    def favours(self) -> Favours:
        """Neither arm."""
        return Favours.NEITHER

    @property
    def name(self) -> str:
        """``p_between_`` and the limits."""
        return f"p_between_{float(self.lower):g}_{float(self.upper):g}"

    @property
    def words(self) -> str:
        """The probability."""
        return f"P({float(self.lower):g} < HR < {float(self.upper):g})"

    def value(self, design: eqx.Module, look: FittedLook) -> Float[Array, "S B"]:
        """Return ``P(HR < upper | data) - P(HR < lower | data)``."""
        del design
        below = look.posterior.p_below(jnp.log(jnp.stack([self.lower, self.upper])))
        return jnp.maximum(below[1] - below[0], 0.0)
