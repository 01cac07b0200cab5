"""Randomisation probabilities per subgroup, re-computed at each look from the evidence alone.

The fixed ratio and the rule of Thall and Wathen; ``allocation_adaptive`` composes every other
response-adaptive rule from weights, a control share, minimal information and bounds, and
``allocation_timing`` says when to change.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from adaptive.design.allocation_adaptive import ResponseAdaptiveAllocation
from adaptive.design.allocation_base import AbstractAllocation, normalised, open_arms, starting
from adaptive.design.allocation_bounds import bounded_simplex
from adaptive.design.allocation_control import FixedControl
from adaptive.design.allocation_exponents import ConstantExponent
from adaptive.design.allocation_formula import Formula, starting_formula
from adaptive.design.allocation_minimum import Minimum
from adaptive.design.allocation_weights import BestArmWeights
from adaptive.records import Evidence, Progress

__all__ = [
    "AbstractAllocation",
    "FixedAllocation",
    "ThallWathenAllocation",
    "bounded_simplex",
    "normalised",
    "open_arms",
    "starting",
]


class FixedAllocation(AbstractAllocation):
    """Constant ratio among the arms still open.

    Attributes
    ----------
    ratio
        Weight per arm, control first, shape ``(A,)``.
    """

    ratio: Float[Array, " A"] = eqx.field(converter=jnp.asarray)

    def initial(self, is_open: Bool[Array, "S B"]) -> Float[Array, "S A"]:
        """Return the ratio among open arms."""
        return starting(self.ratio, is_open)

    def update(
        self, evidence: Evidence, progress: Progress, is_open: Bool[Array, "S B"]
    ) -> Float[Array, "S A"]:
        """Return the ratio among open arms."""
        del evidence, progress
        return self.initial(is_open)

    def formula(self, name: str = "π") -> Formula:
        """Return the ratio among open arms."""
        return starting_formula(name, self.ratio)


class ThallWathenAllocation(AbstractAllocation):
    """Weights P(best)^power per subgroup, with burn-in, floor, cap and a protected control share.

    Until ``burn_in`` patients are randomised in a subgroup its arms share ``ratio``. With
    ``control_share`` above 0 control keeps that share of the subgroup's patients and the experimental
    arms divide the rest; with 0 control competes like any arm. This is ``ResponseAdaptiveAllocation`` with
    these parts and no minimum per arm.

    Attributes
    ----------
    ratio
        Weight per arm before adaptation, control first, shape ``(A,)``.
    power
        Exponent c; 0 gives equal allocation, 1 probability matching.
    burn_in
        Patients to randomise in a subgroup before its allocation adapts.
    floor, cap
        Smallest and largest probability of an open arm (of an experimental arm, when control is protected).
    control_share
        Protected probability of control, or 0.

    References
    ----------
    Thall and Wathen (2007), European Journal of Cancer 43, 859-866, doi:10.1016/j.ejca.2007.01.006.
    """

    ratio: Float[Array, " A"] = eqx.field(converter=jnp.asarray)
    power: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    burn_in: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    floor: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    cap: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    control_share: Float[Array, ""] = eqx.field(converter=jnp.asarray)

    def initial(self, is_open: Bool[Array, "S B"]) -> Float[Array, "S A"]:
        """Return the starting ratio among open arms."""
        return starting(self.ratio, is_open)

    def update(
        self, evidence: Evidence, progress: Progress, is_open: Bool[Array, "S B"]
    ) -> Float[Array, "S A"]:
        """Return P(best)^power within the bounds, or the starting ratio during burn-in or after a bad fit."""
        return self._composed().update(evidence, progress, is_open)

    def formula(self, name: str = "π") -> Formula:
        """Return the formula of the allocation that this is composed of."""
        return self._composed().formula(name)

    def _composed(self) -> ResponseAdaptiveAllocation:
        return ResponseAdaptiveAllocation(
            ratio=self.ratio,
            weights=BestArmWeights(ConstantExponent(self.power)),
            control=FixedControl(self.control_share),
            minimum=Minimum(burn_in=self.burn_in),
            floor=self.floor,
            cap=self.cap,
        )
