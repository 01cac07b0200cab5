"""Probabilities that keep their bounds: weights scaled onto a simplex with floors and caps.

Must not know where weights or bounds come from.
"""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from adaptive.design.allocation_base import normalised
from adaptive.design.allocation_formula import Formula

_SMALLEST = 1e-6


def bounded_simplex(
    weights: Float[Array, "S A"],
    is_open: Bool[Array, "S A"],
    lower: Float[Array, "S A"],
    upper: Float[Array, "S A"],
) -> Float[Array, "S A"]:
    """Return ``clip(scale * weights, lower, upper)`` on open arms with ``scale`` such that rows sum to 1.

    Where the bounds cannot hold for the arms still open (a cap with one arm left, floors above 1), they
    are scaled together until they can. The sum is piecewise linear in ``scale``, with corners where an
    arm leaves its lower or reaches its upper bound: the answer lies between two neighbouring corners.
    A weight below 1e-6 counts as 1e-6, so that an open arm is never left without patients.
    """
    lower = jnp.where(is_open, lower, 0.0)
    upper = jnp.where(is_open, upper, 0.0)
    lower = lower / jnp.maximum(lower.sum(axis=1, keepdims=True), 1.0)
    ceiling = upper.sum(axis=1, keepdims=True)
    upper = upper / jnp.where(ceiling > 0, jnp.minimum(ceiling, 1.0), 1.0)
    weights = jnp.where(is_open, jnp.maximum(weights, _SMALLEST), 0.0)
    scale = _scale(weights, lower, upper)
    return normalised(jnp.clip(scale * weights, lower, upper))


def bounded_formula(name: str) -> Formula:
    """Return what ``bounded_simplex`` makes of weights ``v`` and bounds ``L`` and ``U``."""
    return Formula(
        (
            f"{name}[s, a] = min(max(κ[s] · max(v[s, a], {_SMALLEST:f}), L*[s, a]), U*[s, a]) for a in O[s]",
            "L*[s, a] = L[s, a] / max(1, Σ L[s, k]), U*[s, a] = U[s, a] / min(1, Σ U[s, k]), k in O[s]",
        ),
        (
            f"κ[s]: the number for which the {name}[s, a] of O[s] sum to 1",
            "L*, U*: the lower and upper bounds L, U, scaled where they cannot hold for the arms of O[s] "
            "(lower bounds that sum to more than 1, upper ones that sum to less)",
        ),
    )


def _scale(
    weights: Float[Array, "S A"], lower: Float[Array, "S A"], upper: Float[Array, "S A"]
) -> Float[Array, "S 1"]:
    """Return the scale at which the clipped weights sum to 1; 0 in a row without weights."""
    arms = range(weights.shape[1])
    share = jnp.where(weights > 0, 1.0 / jnp.where(weights > 0, weights, 1.0), 0.0)
    corners = jnp.concatenate([lower * share, upper * share], axis=1)
    clipped = [jnp.clip(corners * weights[:, a, None], lower[:, a, None], upper[:, a, None]) for a in arms]
    total = sum(clipped)
    before = jnp.where(total <= 1.0, corners, 0.0).max(axis=1, keepdims=True)
    after = jnp.where(total >= 1.0, corners, corners.max(axis=1, keepdims=True)).min(axis=1, keepdims=True)
    sums = [
        sum(jnp.clip(at * weights[:, a, None], lower[:, a, None], upper[:, a, None]) for a in arms)
        for at in (before, after)
    ]
    rise = sums[1] - sums[0]
    part = jnp.where(rise > 0, (1.0 - sums[0]) / jnp.where(rise > 0, rise, 1.0), 0.0)
    return before + jnp.clip(part, 0.0, 1.0) * (after - before)
