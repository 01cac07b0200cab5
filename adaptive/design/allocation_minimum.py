"""How much must be known of an arm before the evidence may steer its allocation.

Under vague priors an arm that nobody was randomised to is best with high probability, so P(best) of an arm
with little data is a statement about its prior. Must not know what the evidence says.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from adaptive.design.allocation_formula import DATA, Formula, numbers
from adaptive.records import Evidence

_STEERED = "these are the arms that the evidence steers"


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

    def formula(self, name: str) -> Formula:
        """Return the arms of ``A[s]``, and what becomes of ``name[s, a]`` without the least amounts."""
        named = {"patients": self.patients, "endpoint events": self.events, "person-months": self.exposure}
        amounts = [f"{numbers(least)} {of}" for of, least in named.items() if float(least) > 0]
        where = [f"A[s] = O[s]: every arm that randomises in subgroup s, control included; {_STEERED}"]
        kept, equations = f"but {name}[s, a] = π⁰[s, a] for every arm of subgroup s", ()
        if amounts:
            least = f"at least {' and '.join(amounts)} in subgroup s {DATA}"
            equations = ("v[s, b] = 0, L[s, b] = U[s, b] = π⁰[s, b] for b in O[s] outside A[s]",)
            where = [
                f"A[s]: the arms of O[s] with {least}, if control is among them, else none; {_STEERED}",
                f"{kept} while A[s] has no experimental arm",
            ]
        if float(self.burn_in) > 0:
            where.append(
                f"{kept} while fewer than {numbers(self.burn_in)} patients of s are randomised {DATA}"
            )
        return Formula(equations, tuple(where))
