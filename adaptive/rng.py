"""Addressed randomness: every draw has an address ``(seed, trial, stream, look)``.

A trial replays alone and does not depend on what runs beside it. Nothing here keeps state, and
nothing may draw from a key that is not an address. Patients' draws are made from 32 random bits in single
precision whatever the precision of the run, so that float32 and float64 runs see the same patients.
"""

from enum import IntEnum

import jax.numpy as jnp
import jax.random as jr
from jax import lax
from jax.typing import DTypeLike
from jaxtyping import Array, ArrayLike, Float, Integer, Key, PRNGKeyArray, UInt32

_PARITY = 0x1BD11BDA
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_HALF = 2**31


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
    SHUFFLE = 7
    """Order of the arms within permuted blocks."""


def trial_key(seed: Integer[ArrayLike, ""], trial: Integer[ArrayLike, ""]) -> PRNGKeyArray:
    """Return the key of one trial, ``fold_in(key(seed), trial)``.

    Parameters
    ----------
    seed
        Seed of the study; may be traced.
    trial
        Number of the trial, from 0; may be traced.
    """
    return jr.fold_in(jr.key(seed, impl="threefry2x32"), trial)


def stream_key(
    key: PRNGKeyArray, stream: Stream | Integer[Array, ""], look: Integer[ArrayLike, ""] = 0
) -> PRNGKeyArray:
    """Return the key of one stream of a trial at one look (0 for what does not depend on a look)."""
    return jr.fold_in(jr.fold_in(key, stream), look)


def words(keys: Key[Array, " W"], numbers: Integer[Array, " W"], n: int) -> UInt32[Array, "W n"]:
    """Return rows of random 32-bit words: word ``i`` of a row is Threefry-2x32 of counter ``(i, number)``.

    A longer row begins with the shorter one. All draws from a key must differ in their number.

    Parameters
    ----------
    keys
        Key of the stream that each row comes from, shape ``(W,)``.
    numbers
        Second half of the counter, below 2**32.
    n
        Words per row.

    Notes
    -----
    Written out, because asking ``jax.random`` for bits takes several passes over memory. A loop over rows
    keeps the compiler from fusing the generator into what uses its words, which costs three times as much.

    References
    ----------
    Salmon, Moraes, Dror and Shaw (2011), SC '11, doi:10.1145/2063384.2063405: generator and constants.
    """
    item = jnp.arange(n, dtype=jnp.uint32)
    return lax.map(
        lambda row: _threefry(row[0], item, row[1]), (jr.key_data(keys), numbers.astype(jnp.uint32))
    )


def _threefry(
    data: UInt32[Array, "2"], left: UInt32[Array, " n"], right: UInt32[Array, ""]
) -> UInt32[Array, " n"]:
    """Return the first word of the 20-round block of each counter ``(left, right)``."""
    keys = (data[0], data[1], data[0] ^ data[1] ^ jnp.uint32(_PARITY))
    left, right = left + keys[0], right + keys[1]
    for step in range(5):
        for shift in _ROTATIONS[step % 2]:
            left = left + right
            right = ((right << jnp.uint32(shift)) | (right >> jnp.uint32(32 - shift))) ^ left
        left = left + keys[(step + 1) % 3]
        right = right + keys[(step + 2) % 3] + jnp.uint32(step + 1)
    return left


def uniform(word: UInt32[Array, "*L"]) -> Float[Array, "*L"]:
    """Return ``(word + 1/2) / 2^32`` in single precision, strictly inside (0, 1).

    A draw that would round to 1 is the largest single-precision number below 1.
    """
    value = (word.astype(jnp.float32) + jnp.float32(0.5)) * jnp.float32(2.0**-32)
    return jnp.minimum(value, jnp.float32(1.0 - 2.0**-24))


def exponential(word: UInt32[Array, "*L"], dtype: DTypeLike) -> Float[Array, "*L"]:
    """Return the Exp(1) quantile ``-log((word + 1/2) / 2^32)`` with a relative error below 1e-6.

    From ``2^-33`` to ``33 log 2``, never 0: an event at time 0 would fall in no ``(start, stop]`` interval.
    Above one half the distance to 1 is what is known exactly, and ``log(1 - x)`` is ``log(y) x / (1 - y)``
    with ``y`` the rounded ``1 - x``, so that small draws keep their law in single precision.

    References
    ----------
    Goldberg (1991), ACM Computing Surveys 23, 5-48, doi:10.1145/103162.103163, theorem 4.
    """
    low = word < jnp.uint32(_HALF)
    tail = jnp.where(low, word, ~word).astype(jnp.float32)
    x = (tail + jnp.float32(0.5)) * jnp.float32(2.0**-32)
    y = jnp.where(low, x, 1.0 - x)
    value = -jnp.log(y)
    near_one = jnp.where(y < 1.0, value * (x / (1.0 - y)), x)
    return jnp.where(low, value, near_one).astype(dtype)
