"""The conjugate posterior of completed data from totals alone; it must fit nothing else."""

import jax.numpy as jnp
from jax.scipy.special import betainc
from jaxtyping import Array, Float

from adaptive.models.hazards import GammaHazards
from adaptive.records import Snapshot


def p_below(
    margin: Float[Array, ""], model: GammaHazards, snapshot: Snapshot, n_subgroups: int, n_experimental: int
) -> Float[Array, "S B"]:
    """Return ``P(HR < margin)`` under constant hazards with Gamma priors.

    With shapes ``a`` and rates ``b`` of arm and control: the regularised incomplete beta function
    ``I_x(a_1, a_0)`` at ``x = m b_1 / (m b_1 + b_0)``.

    Parameters
    ----------
    margin
        Hazard ratio.
    model
        The prior of every hazard.
    snapshot
        Completed data; rows not ``observed`` are ignored.
    n_subgroups, n_experimental
        Numbers of subgroups and of experimental arms.
    """
    n_arms = n_experimental + 1
    cell = jnp.where(snapshot.observed, snapshot.subgroup * n_arms + snapshot.arm, -1)
    events, months = [], []
    for c in range(n_subgroups * n_arms):
        events.append(jnp.sum((cell == c) & snapshot.event, dtype=jnp.int32))
        months.append(jnp.sum(jnp.where(cell == c, snapshot.time, 0.0)))
    dtype = snapshot.time.dtype
    shape = model.shape.astype(dtype) + jnp.stack(events).reshape(n_subgroups, n_arms).astype(dtype)
    rate = model.rate.astype(dtype) + jnp.stack(months).reshape(n_subgroups, n_arms)
    weighed = margin.astype(dtype) * rate[:, 1:]
    control = jnp.broadcast_to(shape[:, :1], weighed.shape)
    return betainc(shape[:, 1:], control, weighed / (weighed + rate[:, :1]))
