"""Run a costly function for the trials of a block that need it, and not for the others.

Under ``vmap`` a condition computes both of its sides for every trial. Here the trials in need are packed into
groups of ``GROUP`` and the others cost nothing. Must not know what is computed.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap
from jaxtyping import Array, Bool, Float, Int

GROUP = 32
"""Trials computed together: what they keep then fits the cache."""


def where_wanted(
    wanted: Bool[Array, ""], function: Callable, *arguments, like: Float[Array, "S B"] | Int[Array, "S B"]
) -> Float[Array, "S B"] | Int[Array, "S B"]:
    """Return ``function(*arguments)`` where it is wanted and zeros elsewhere.

    Parameters
    ----------
    wanted
        Whether this trial needs it.
    function
        Function of pytrees whose result has the shape and type of ``like``. It must not close over anything
        that is batched.
    arguments
        Pytrees; what is not an array is passed on as it is.
    like
        An array like the result.
    """
    arrays, static = eqx.partition(arguments, eqx.is_array)
    leaves, structure = jax.tree.flatten(arrays)
    nothing = jnp.zeros(like.shape, like.dtype)

    def compute(*parts: Array) -> Array:
        return function(*eqx.combine(jax.tree.unflatten(structure, list(parts)), static))

    @custom_vmap
    def one(needed, *parts):
        return jax.lax.cond(needed, compute, lambda *_: nothing, *parts)

    @one.def_vmap
    def _(size, batched, needed, *parts):
        needed = needed if batched[0] else jnp.broadcast_to(needed, (size,))
        return _packed(compute, needed, parts, batched[1:], nothing), True

    return one(wanted, *leaves)


def _packed(compute: Callable, needed: Array, parts: tuple, batched: list[bool], nothing: Array) -> Array:
    """Return the results of all trials, computing groups of those in need one after the other."""
    size = needed.shape[0]
    order = jnp.argsort(~needed, stable=True)
    order = jnp.concatenate([order, jnp.repeat(order[-1:], -size % GROUP, axis=0)])
    axes = [0 if b else None for b in batched]

    def one_group(group: Array, out: Array) -> Array:
        rows = jax.lax.dynamic_slice(order, (group * GROUP,), (GROUP,))
        chosen = [x[rows] if b else x for x, b in zip(parts, batched, strict=True)]
        return out.at[rows].set(jax.vmap(compute, in_axes=axes)(*chosen))

    out = jnp.zeros((size, *nothing.shape), nothing.dtype)
    n_groups = (needed.sum(dtype=jnp.int32) + GROUP - 1) // GROUP
    out = jax.lax.fori_loop(0, n_groups, one_group, out)
    return jnp.where(needed.reshape((-1,) + (1,) * nothing.ndim), out, 0)
