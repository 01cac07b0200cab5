"""Run a function on the trailing axis of its arrays, one lane per trial.

Every operation of the fast engine is elementwise over trials, and compilers vectorise the last axis. Plain
``vmap`` puts the trials first, where the last axis is two arms long. This module must not know what is
computed.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_batching import custom_vmap
from jaxtyping import Array

LANES = 256
"""Trials per block on a CPU: what a step keeps then fits the cache. Part of the numeric contract."""


@eqx.filter_jit
def in_lanes(core: Callable, *arguments):
    """Return ``core(*arguments)`` for one trial, or under ``vmap`` for many at the cost of the lanes.

    On a CPU blocks of exactly ``LANES`` trials are computed, short ones being filled up, so that a trial's
    numbers depend on how many others are asked for by no more than the last bit: what is not asked for of a
    block the compiler may leave out of the last steps, and round these differently.

    Parameters
    ----------
    core
        Function of pytrees in which every array has a trailing lane axis; so has its result. Defined at the
        level of a module, because compiled programs are found by it.
    arguments
        Pytrees without the lane axis; what is not an array is passed on as it is.
    """
    arrays, static = eqx.partition(arguments, eqx.is_array)
    leaves, structure = jax.tree.flatten(arrays)

    def block(rows: list[Array]):
        lanes = jax.tree.unflatten(structure, [jnp.moveaxis(x, 0, -1) for x in rows])
        with jax.numpy_rank_promotion("allow"):  # a number of a trial, (R,), goes with anything (..., R)
            out = core(*eqx.combine(lanes, static))
        return jax.tree.map(lambda y: jnp.moveaxis(y, -1, 0), out)

    many = _many(block)
    one = custom_vmap(lambda *parts: jax.tree.map(lambda y: y[0], many(*[x[None] for x in parts])))

    @one.def_vmap
    def _(size, batched, *parts):
        return _all_batched(many(*_widened(size, batched, parts)))

    return one(*leaves)


def _many(block: Callable) -> Callable:
    """Return the function of arrays with a leading axis of trials; more axes are merged into it."""
    many = custom_vmap(lambda *rows: _in_blocks(block, list(rows)))

    @many.def_vmap
    def _(size, batched, *rows):
        wide = _widened(size, batched, rows)
        n = wide[0].shape[1]
        out = many(*[x.reshape(size * n, *x.shape[2:]) for x in wide])
        return _all_batched(jax.tree.map(lambda y: y.reshape(size, n, *y.shape[1:]), out))

    return many


def _in_blocks(block: Callable, rows: list[Array]):
    """Return the function of any number of rows, block by block on a CPU and all at once elsewhere."""
    n = rows[0].shape[0]
    if jax.default_backend() != "cpu":
        return block(rows)
    filled = (
        [jnp.concatenate([x, jnp.repeat(x[-1:], -n % LANES, axis=0)]) for x in rows] if n % LANES else rows
    )
    if n <= LANES:
        out = block(filled)
    else:
        out = lax.map(block, [x.reshape(-1, LANES, *x.shape[1:]) for x in filled])
        out = jax.tree.map(lambda y: y.reshape(-1, *y.shape[2:]), out)
    return jax.tree.map(lambda y: y[:n], out)


def _widened(size: int, batched: list[bool], parts: tuple[Array, ...]) -> list[Array]:
    return [x if b else jnp.broadcast_to(x, (size, *x.shape)) for b, x in zip(batched, parts, strict=True)]


def _all_batched(out):
    return out, jax.tree.map(lambda _: True, out)
