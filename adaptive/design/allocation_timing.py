"""When an allocation may change: wrappers that keep what is in force at the other looks.

Must not know how probabilities are made.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from adaptive.design.allocation_base import AbstractAllocation, normalised, open_arms
from adaptive.design.allocation_formula import Formula
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

    def formula(self, name: str = "π") -> Formula:
        """Return when the allocation inside counts, and what is kept otherwise."""
        looks = ", ".join(f"{look + 1}" for look in np.flatnonzero(np.asarray(self.due))) or "none"
        new, old, due = f"{name}*", "π⁻", name.replace("π", "D")
        kept = f"{old}[s, a] / Σ {old}[s, k], sum over k in O[s]"
        return Formula(
            (f"{name}[s, a] = {new}[s, a] if {due}[s], else {kept}",),
            (
                f"{due}[s]: the look is one of {looks}, or some arm of O[s] has {old}[s, a] = 0, as it "
                "enters now",
                f"{old}: the probabilities in force before the look; where they are kept, the others share "
                f"that of an arm that closed in proportion, and shares and bounds of {new} need not hold",
                f"{name}[s, a] = {new}[s, a] until the first look",
            ),
        ).followed_by(self.inside.formula(new))
