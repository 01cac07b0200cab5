"""All of nature's noise for one trial, free of parameters.

Designs and scenarios that are run on the same ``World`` share their random numbers, so they can be
compared pair by pair. Nothing here may read a scenario or a design.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PRNGKeyArray

from adaptive.rng import Stream, exponential, stream_key, uniform


class World(eqx.Module):
    """The noise of one trial for ``N`` arrivals, ``E`` episodes and ``C`` event channels.

    Attributes
    ----------
    arrival
        Arrival times of a Poisson process of rate 1, the first at 0, shape ``(N,)``.
    subgroup, assignment
        Uniforms in (0, 1) that choose the subgroup and the arm, shape ``(N,)``.
    event
        Exp(1) amounts of cumulative hazard per patient, episode and channel, shape ``(N, E, C)``.
    """

    arrival: Float[Array, " N"]
    subgroup: Float[Array, " N"]
    assignment: Float[Array, " N"]
    event: Float[Array, "N E C"]


def _arrivals(key: PRNGKeyArray, n: int, dtype: DTypeLike) -> Float[Array, " N"]:
    gaps = exponential(key, (n,), dtype)
    return jnp.cumsum(gaps.at[0].set(0.0))


def _events(
    key: PRNGKeyArray, n: int, n_episodes: int, n_channels: int, dtype: DTypeLike
) -> Float[Array, "N E C"]:
    """Draw event noise with a key per episode and channel, so that adding either leaves the others alone."""
    episodes = jax.vmap(lambda e: jr.fold_in(key, e))(jnp.arange(n_episodes))
    channels = jax.vmap(lambda k: jax.vmap(lambda c: jr.fold_in(k, c))(jnp.arange(n_channels)))(episodes)
    draws = jax.vmap(jax.vmap(lambda k: exponential(k, (n,), dtype)))(channels)
    return jnp.moveaxis(draws, -1, 0)


def draw_world(
    key: PRNGKeyArray, *, n_arrivals: int, n_episodes: int, n_channels: int, dtype: DTypeLike
) -> World:
    """Draw the noise of one trial.

    Parameters
    ----------
    key
        Key of the trial, from ``rng.trial_key``.
    n_arrivals, n_episodes, n_channels
        Sizes ``N``, ``E`` and ``C``. A larger ``E`` or ``C`` keeps the draws of the smaller one.
    dtype
        Floating type of the result.
    """
    return World(
        arrival=_arrivals(stream_key(key, Stream.ARRIVAL), n_arrivals, dtype),
        subgroup=uniform(stream_key(key, Stream.SUBGROUP), (n_arrivals,), dtype),
        assignment=uniform(stream_key(key, Stream.ASSIGNMENT), (n_arrivals,), dtype),
        event=_events(stream_key(key, Stream.EVENT), n_arrivals, n_episodes, n_channels, dtype),
    )
