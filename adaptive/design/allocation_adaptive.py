"""The response-adaptive allocation: weights, control share, minimal information and bounds, put together.

Everything that varies is a part of its own; this module only says in which order they act.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from adaptive.design.allocation_base import AbstractAllocation, open_arms, starting
from adaptive.design.allocation_bounds import bounded_formula, bounded_simplex
from adaptive.design.allocation_control import AbstractControl, Claims
from adaptive.design.allocation_formula import Formula, numbers, starting_formula
from adaptive.design.allocation_minimum import Minimum
from adaptive.design.allocation_weights import AbstractWeights
from adaptive.records import Evidence, Progress


class ResponseAdaptiveAllocation(AbstractAllocation):
    """Probabilities in proportion to weights, between bounds, for the arms of which enough is known.

    An arm without its minimum in a subgroup keeps its share of the starting ratio there, and the arms that
    have it divide the rest. Nothing adapts in a subgroup before its burn-in, after a bad fit, or while
    control or every experimental arm lacks the minimum.

    Attributes
    ----------
    ratio
        Weight per arm before adaptation, control first, shape ``(A,)``.
    weights
        What each arm deserves.
    control
        What control gets.
    minimum
        What must be known before the evidence steers.
    floor, cap
        Smallest and largest probability of an open arm; of an experimental arm, where control's share is set.
    """

    ratio: Float[Array, " A"] = eqx.field(converter=jnp.asarray)
    weights: AbstractWeights
    control: AbstractControl
    minimum: Minimum
    floor: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    cap: Float[Array, ""] = eqx.field(converter=jnp.asarray)

    def initial(self, is_open: Bool[Array, "S B"]) -> Float[Array, "S A"]:
        """Return the starting ratio among open arms."""
        return starting(self.ratio, is_open)

    def update(
        self, evidence: Evidence, progress: Progress, is_open: Bool[Array, "S B"]
    ) -> Float[Array, "S A"]:
        """Return the weights within the bounds, and the starting ratio where nothing may adapt yet."""
        arms, start = open_arms(is_open), self.initial(is_open)
        known = self.minimum.known(evidence)
        adapting = arms & known & known[:, :1]
        claims = Claims(
            weights=self.weights.weights(evidence, progress, adapting),
            lower=jnp.broadcast_to(self.floor, arms.shape),
            upper=jnp.broadcast_to(self.cap, arms.shape),
        )
        claims = self.control.claim(claims, arms)
        lower = jnp.where(adapting, claims.lower, start)
        upper = jnp.where(adapting, claims.upper, start)
        adapted = bounded_simplex(claims.weights, arms, lower, upper)
        some = adapting[:, 1:].any(axis=1, keepdims=True)
        ready = some & self.minimum.burnt_in(evidence) & (evidence.health.code == 0)
        return jnp.where(ready, adapted, start)

    def formula(self, name: str = "π") -> Formula:
        """Return the bounded weights, and when the starting ratio is kept instead."""
        low, high = numbers(self.floor), numbers(self.cap)
        experimental = f"v[s, b] = w[s, b], L[s, b] = {low}, U[s, b] = {high} for b in A[s]"
        failed = "until the first look, and in every subgroup after a look whose fit fails its checks"
        return bounded_formula(name).followed_by(
            starting_formula("π⁰", self.ratio),
            Formula((experimental,)),
            self.control.formula(low, high),
            self.minimum.formula(name),
            self.weights.formula(),
            Formula((), (f"but {name}[s, a] = π⁰[s, a] {failed}",)),
        )
