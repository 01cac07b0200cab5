"""All of nature's noise for one trial, free of parameters.

Designs and scenarios that are run on the same ``World`` share their random numbers, so they can be
compared pair by pair. Nothing here may read a scenario or a design.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PRNGKeyArray

from adaptive.rng import Stream, exponential, stream_key, uniform, words
from adaptive.simulate.prefix import running_sum

_CHANNELS = 2**16


class World(eqx.Module):
    """The noise of one trial for ``N`` arrivals, ``E`` episodes and ``C`` event channels.

    Attributes
    ----------
    arrival
        Arrival times of a Poisson process of rate 1, the first at 0, shape ``(N,)``.
    subgroup, assignment
        Uniforms in (0, 1) that choose the subgroup and the arm, in single precision, shape ``(N,)``.
    event
        Exp(1) amounts of cumulative hazard per episode, channel and patient, shape ``(E, C, N)``.
    """

    arrival: Float[Array, " N"]
    subgroup: Float[Array, " N"]
    assignment: Float[Array, " N"]
    event: Float[Array, "E C N"]


def shuffles(key: PRNGKeyArray, shape: tuple[int, int]) -> Float[Array, "S N"]:
    """Return uniform draws by subgroup and number of the patient in it; ``shape`` is ``(S, N)``."""
    keys = jnp.broadcast_to(stream_key(key, Stream.SHUFFLE), (shape[0],))
    return uniform(words(keys, jnp.arange(shape[0], dtype=jnp.uint32), shape[1]))


def draw_world(
    key: PRNGKeyArray, *, n_arrivals: int, n_episodes: int, n_channels: int, dtype: DTypeLike
) -> World:
    """Draw the noise of one trial.

    Parameters
    ----------
    key
        Key of the trial, from ``rng.trial_key``.
    n_arrivals, n_episodes, n_channels
        Sizes ``N``, ``E`` and ``C``. A larger one keeps the draws of the smaller one.
    dtype
        Floating type of arrivals and events.
    """
    streams = [Stream.ARRIVAL, Stream.SUBGROUP, Stream.ASSIGNMENT] + [Stream.EVENT] * (
        n_episodes * n_channels
    )
    events = [e * _CHANNELS + c for e in range(n_episodes) for c in range(n_channels)]
    keys = jax.vmap(lambda stream: stream_key(key, stream))(jnp.asarray(streams))
    rows = words(keys, jnp.asarray([0, 0, 0, *events], jnp.uint32), n_arrivals)
    amounts = exponential(rows[3:], dtype)
    return World(
        arrival=running_sum(exponential(rows[0], dtype).at[0].set(0.0)),
        subgroup=uniform(rows[1]),
        assignment=uniform(rows[2]),
        event=amounts.reshape(n_episodes, n_channels, n_arrivals),
    )
