"""Addressed randomness: every draw has an address ``(seed, trial, stream, look)``.

A trial replays alone and does not depend on what runs beside it. Nothing here keeps state, and
nothing may draw from a key that is not an address. Uniforms are made from 32 random bits in every
precision, so that float32 and float64 runs see the same patients.
"""

from enum import IntEnum

import jax.numpy as jnp
import jax.random as jr
from jax.typing import DTypeLike
from jaxtyping import Array, ArrayLike, Float, Integer, PRNGKeyArray


class Stream(IntEnum):
    """What a stream of random numbers is for. Numbers are part of a result's address; never reuse one."""

    ARRIVAL = 0
    """Gaps between arriving patients."""
    SUBGROUP = 1
    """Subgroup of a patient."""
    ASSIGNMENT = 2
    """Randomised arm of a patient."""
    EVENT = 3
    """Event times."""
    POSTERIOR = 4
    """Sampling of a posterior at a look."""
    PREDICTIVE = 5
    """Simulated futures at a look."""
    AUDIT = 6
    """Choice of trials or looks to be checked again."""


def trial_key(seed: Integer[ArrayLike, ""], trial: Integer[ArrayLike, ""]) -> PRNGKeyArray:
    """Return the key of one trial, ``fold_in(key(seed), trial)``.

    Parameters
    ----------
    seed
        Seed of the study; may be traced.
    trial
        Number of the trial, from 0; may be traced.
    """
    return jr.fold_in(jr.key(seed), trial)


def stream_key(key: PRNGKeyArray, stream: Stream, look: Integer[ArrayLike, ""] = 0) -> PRNGKeyArray:
    """Return the key of one stream of a trial at one look (0 for what does not depend on a look)."""
    return jr.fold_in(jr.fold_in(key, int(stream)), look)


def uniform(key: PRNGKeyArray, shape: tuple[int, ...], dtype: DTypeLike) -> Float[Array, "..."]:
    """Draw uniforms ``(bits + 1/2) / 2^32`` strictly inside (0, 1).

    Float32 and float64 give the same draw up to rounding; a float32 draw that would round to 1 is the
    largest float below 1.
    """
    value = (jr.bits(key, shape, jnp.uint32).astype(dtype) + 0.5) * 2.0**-32
    return jnp.minimum(value, 1.0 - jnp.finfo(dtype).epsneg)


def exponential(key: PRNGKeyArray, shape: tuple[int, ...], dtype: DTypeLike) -> Float[Array, "..."]:
    """Draw Exp(1) variates ``-log(uniform)``, strictly positive and at most ``33 log 2``.

    An event time of exactly zero would fall in no ``(start, stop]`` interval, hence the strictness.
    """
    return -jnp.log(uniform(key, shape, dtype))
