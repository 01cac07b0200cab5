"""What a rule looks at: one number per cell, measured on a fitted look.

A measure may read the look's patients, table and posterior and the protocol; it decides nothing and never
sees a truth. Measures that need more than the posterior are in ``adaptive.measures``.
"""

from abc import abstractmethod
from enum import IntEnum

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from adaptive.records import FittedLook


class Favours(IntEnum):
    """What large values of a measure speak for."""

    BENEFIT = 1
    """The arm is better than control, or than the margin."""
    HARM = 2
    """The arm is worse."""
    NEITHER = 3
    """The arms are alike."""
    EITHER = 4
    """The arms differ, in whichever direction."""


class AbstractMeasure(eqx.Module):
    """A number per cell."""

    @property
    def favours(self) -> Favours:
        """What large values speak for: benefit, unless a measure says otherwise."""
        return Favours.BENEFIT

    @property
    @abstractmethod
    def name(self) -> str:
        """Column name in stored looks, the same for equal measures; not to be asked for under ``jit``."""

    @property
    @abstractmethod
    def words(self) -> str:
        """What it is, as a reader wants it, such as ``P(HR < 0.8)``; not to be asked for under ``jit``."""

    @abstractmethod
    def value(self, design: eqx.Module, look: FittedLook) -> Float[Array, "S B"]:
        """Return the number of every cell; ``design`` is the ``design.protocol.Design``."""


class HazardRatioBelow(AbstractMeasure):
    """The posterior probability that the hazard ratio is below a margin."""

    margin: Float[Array, ""] = eqx.field(converter=jnp.asarray)

    @property
    def name(self) -> str:
        """``p_below_`` and the margin."""
        return f"p_below_{float(self.margin):g}"

    @property
    def words(self) -> str:
        """The probability."""
        return f"P(HR < {float(self.margin):g})"

    def value(self, design: eqx.Module, look: FittedLook) -> Float[Array, "S B"]:
        """Return ``P(HR < margin | data)``."""
        del design
        return look.posterior.p_below(jnp.log(self.margin)[None])[0]
