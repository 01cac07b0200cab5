"""Keep intermediate results instead of computing them again in each place that uses them.

XLA's CPU compiler fuses chains of additions and multiplications into every consumer, and so computes a
matrix with nine users nine times, and its inputs eighty-one times. It does so only with operations that it
holds to be cheap; a division it does once. ``benchmarks/storing.py`` measures what it is worth for the whole
engine. It must not change a number.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array


def stored(tree):
    """Return the same finite numbers, computed once; what is not finite becomes NaN."""
    return jax.tree.map(_stored, tree)


def _stored(value: Array | float) -> Array | float:
    if isinstance(value, float):
        return value
    return value / jnp.where(jnp.isfinite(value), 1.0, jnp.nan).astype(value.dtype)
