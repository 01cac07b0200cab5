"""One trial's realised truth, and what can be seen of it at a time.

Nothing here draws random numbers or knows a design.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, Shaped

from adaptive.records import Snapshot


class Nature(eqx.Module):
    """One trial's realised truth: what would happen to each arriving patient under every arm.

    Attributes
    ----------
    key
        The trial's random key.
    entry, subgroup
        Calendar month of arrival and subgroup, shape ``(N,)``.
    position
        Arrivals of each subgroup up to and including this one, shape ``(S, N)``.
    time, event
        Months from entry to the endpoint event or censoring, and which of the two, shape ``(A, N)``.
    assignment
        Uniform draws that choose the arm, shape ``(N,)``.
    shuffle
        Uniform draws by subgroup and number in it, shape ``(S, N)``; None unless the assignment asks.
    """

    key: PRNGKeyArray
    entry: Float[Array, " N"]
    subgroup: Int[Array, " N"]
    position: Int[Array, "S N"]
    time: Float[Array, "A N"]
    event: Bool[Array, "A N"]
    assignment: Float[Array, " N"]
    shuffle: Float[Array, "S N"] | None = None


def observe(
    nature: Nature, enrolled: Bool[Array, " N"], arm: Int[Array, " N"], time: Float[Array, ""]
) -> Snapshot:
    """Return the patients as a data monitor sees them at calendar month ``time``, and nothing later."""
    outcome, event = own_arm(nature.time, arm), own_arm(nature.event, arm)
    ended = nature.entry + outcome <= time
    observed = enrolled & (nature.entry <= time)
    follow_up = jnp.maximum(time - nature.entry, 0.0)
    return Snapshot(
        subgroup=nature.subgroup,
        arm=arm,
        time=jnp.where(ended, outcome, jnp.minimum(outcome, follow_up)),
        event=event & ended & observed,
        observed=observed,
        entry=nature.entry,
    )


def own_arm(values: Shaped[Array, "A N"], arm: Int[Array, " N"]) -> Shaped[Array, " N"]:
    """Pick each patient's value under the assigned arm."""
    chosen = values[0]
    for index in range(1, values.shape[0]):
        chosen = jnp.where(arm == index, values[index], chosen)
    return chosen
