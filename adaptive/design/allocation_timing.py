"""When an allocation may change: wrappers that keep what is in force at the other looks.

Must not know how probabilities are made.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from adaptive.design.allocation_base import AbstractAllocation, normalised, open_arms
from adaptive.records import Evidence, Progress


class AtLooksAllocation(AbstractAllocation):
    """Another allocation, changed at named looks only.

    At the other looks what is in force stays in force among the arms still open. A subgroup in which an arm
    enters changes at that look whatever the calendar says, as the new arm needs a share.

    Attributes
    ----------
    inside
        The allocation.
    due
        Whether it may change at each look, shape ``(K,)``.
    """

    inside: AbstractAllocation
    due: Bool[Array, " K"] = eqx.field(converter=jnp.asarray)

    def initial(self, is_open: Bool[Array, "S B"]) -> Float[Array, "S A"]:
        """Return the start of the allocation inside."""
        return self.inside.initial(is_open)

    def update(
        self, evidence: Evidence, progress: Progress, is_open: Bool[Array, "S B"]
    ) -> Float[Array, "S A"]:
        """Return the new probabilities at a named look, and those in force at another."""
        changed = self.inside.update(evidence, progress, is_open)
        arms, force = open_arms(is_open), progress.allocation.astype(changed.dtype)
        same = (arms == (force > 0)).all(axis=1, keepdims=True)
        kept = jnp.where(same, force, normalised(jnp.where(arms, force, 0.0)))
        enters = (arms & (force <= 0)).any(axis=1, keepdims=True)
        return jnp.where(self.due[progress.look] | enters, changed, kept)
