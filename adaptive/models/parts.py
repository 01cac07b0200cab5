"""Pieces that several models of the log hazard ratios share.

Must not know the likelihood or a table; what a piece samples depends on its arguments alone.
"""

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jaxtyping import Array, Float

from adaptive.errors import BadInput


def per_entry(value: Float[Array, "*given"], n: int, what: str) -> Float[Array, " n"]:
    """Return one number for all, or ``n`` numbers, as ``n`` numbers.

    Raises
    ------
    BadInput
        If ``value`` has another shape; ``what`` names the number and its axis.
    """
    if value.shape not in ((), (n,)):
        raise BadInput(f"{what}: an array of shape {value.shape} came; give one number or {n}")
    return jnp.broadcast_to(value, (n,))


def per_lane(value: Float[Array, "*given R"], n: int, what: str) -> list[Float[Array, " R"]]:
    """Return the same as ``per_entry`` where every number has a trailing axis of lanes, as a list.

    Raises
    ------
    BadInput
        If ``value`` is neither one number nor ``n`` numbers per lane.
    """
    if value.shape[:-1] not in ((), (n,)):
        raise BadInput(f"{what}: an array of shape {value.shape[:-1]} came; give one number or {n}")
    return [value if value.ndim == 1 else value[i] for i in range(n)]


def scattered(
    mu: Float[Array, " B"], tau: Float[Array, "*arms"], shape: tuple[int, int]
) -> Float[Array, "S B"]:
    """Sample ``log_hr[s, b] ~ Normal(mu[b], tau)`` with ``tau`` shared, ``()``, or per arm, ``(B,)``.

    Non-centred, ``mu + tau * raw``: with few subgroups ``tau`` may be near 0, where the centred form is a
    funnel that a sampler does not enter.
    """
    raw = numpyro.sample("raw", dist.Normal(0.0, 1.0).expand(shape).to_event(2))
    wide = jnp.broadcast_to(tau, shape[1:])
    return jnp.broadcast_to(mu[None, :], shape) + wide[None, :] * raw
