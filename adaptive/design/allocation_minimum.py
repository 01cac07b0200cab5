"""How much must be known of an arm before the evidence may steer its allocation.

Under vague priors an arm that nobody was randomised to is best with high probability, so P(best) of an arm
with little data is a statement about its prior. Must not know what the evidence says.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from adaptive.records import Evidence


class Minimum(eqx.Module):
    """Least amounts, of a subgroup and of each of its arms.

    Attributes
    ----------
    burn_in
        Patients of all arms of a subgroup together.
    patients, events, exposure
        Of one arm in a subgroup: patients, endpoint events, person-months.
    """

    burn_in: Float[Array, ""] = eqx.field(converter=jnp.asarray, default=0.0)
    patients: Float[Array, ""] = eqx.field(converter=jnp.asarray, default=0.0)
    events: Float[Array, ""] = eqx.field(converter=jnp.asarray, default=0.0)
    exposure: Float[Array, ""] = eqx.field(converter=jnp.asarray, default=0.0)

    def burnt_in(self, evidence: Evidence) -> Bool[Array, "S 1"]:
        """Return which subgroups have their patients."""
        return evidence.patients.sum(axis=1, keepdims=True) >= self.burn_in

    def known(self, evidence: Evidence) -> Bool[Array, "S A"]:
        """Return which arms have every amount."""
        return (
            (evidence.patients >= self.patients)
            & (evidence.events >= self.events)
            & (evidence.exposure >= self.exposure)
        )
