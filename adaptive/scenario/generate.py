"""The event generator: a scenario and a world in, every patient's course under every arm out.

The same noise is used for every arm, so a course is a potential outcome and a higher hazard of a
channel can only shorten that channel's time. Nothing is drawn here and nothing here knows a design
beyond the names of its endpoint channels.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from adaptive.errors import BadInput, did_you_mean
from adaptive.scenario.calendar import choose_subgroup, entry_times, log_drift
from adaptive.scenario.truth import Hazards, Scenario
from adaptive.simulate.world import World
from adaptive.survival import invert_by_interval

_MOST_COMPARISONS = 8


class History(eqx.Module):
    """Every transition of every patient under every arm; ``E`` episodes.

    Attributes
    ----------
    time
        Months from entry to the end of the episode, infinite where there is none, ``(N, A, E)``.
    channel
        Index of the channel that ended the episode, -1 where there is none, shape ``(N, A, E)``.
    state
        Health state in which the episode was spent, shape ``(N, A, E)``.
    end
        Months from entry to the end of observation, infinite if it never ends, shape ``(N, A)``.
    """

    time: Float[Array, "N A E"]
    channel: Int[Array, "N A E"]
    state: Int[Array, "N A E"]
    end: Float[Array, "N A"]


class Course(eqx.Module):
    """What would happen to each arriving patient under each arm.

    Attributes
    ----------
    entry
        Calendar month of arrival, shape ``(N,)``.
    subgroup
        Subgroup index, shape ``(N,)``.
    time
        Months from entry to the first endpoint event, or to the end of observation, ``(N, A)``.
    event
        Whether ``time`` is an endpoint event, shape ``(N, A)``.
    history
        All transitions.
    """

    entry: Float[Array, " N"]
    subgroup: Int[Array, " N"]
    time: Float[Array, "N A"]
    event: Bool[Array, "N A"]
    history: History


def endpoint_channels(channels: tuple[str, ...], endpoint: tuple[str, ...]) -> tuple[int, ...]:
    """Return the indices of the endpoint's channels.

    Raises
    ------
    BadInput
        If ``endpoint`` is empty or names a channel that the scenario does not have.
    """
    faults = [
        f"endpoint: {name!r} is not an event channel of the scenario (it has {', '.join(channels)})"
        + did_you_mean(name, channels)
        for name in endpoint
        if name not in channels
    ]
    if not endpoint:
        faults.append(f"endpoint: no channel given; name at least one of {', '.join(channels)}")
    if faults:
        raise BadInput(faults)
    return tuple(channels.index(name) for name in endpoint)


def _hazard_rows(hazards: Hazards) -> Float[Array, "M A C HS"]:
    """Return hazards per month, the last axis over state and subgroup."""
    rates = hazards.base[:, :, :, None, :] * jnp.exp(hazards.log_hr)
    rates = jnp.transpose(rates, (4, 3, 1, 0, 2))
    return rates.reshape((*rates.shape[:3], -1))


def _pick(row: Float[Array, "A C K"], index: Int[Array, "A N"]) -> Float[Array, "A C N"]:
    """Return ``row[a, c, index[a, n]]``; few alternatives are cheaper to compare than to gather."""
    wanted = jnp.broadcast_to(index[:, None, :], (*row.shape[:2], index.shape[1]))
    if row.shape[2] > _MOST_COMPARISONS:
        return jnp.take_along_axis(row, wanted, axis=2)
    picked = jnp.broadcast_to(row[:, :, :1], wanted.shape)
    for k in range(1, row.shape[2]):
        picked = jnp.where(wanted == k, row[:, :, k : k + 1], picked)
    return picked


def _first(times: Float[Array, "A C N"]) -> tuple[Float[Array, "A N"], Int[Array, "A N"]]:
    """Return the earliest time and its channel; unrolled, since reductions over a short axis are slow."""
    best, channel = times[:, 0], jnp.zeros_like(times[:, 0], jnp.int32)
    for c in range(1, times.shape[1]):
        earlier = times[:, c] < best
        best = jnp.where(earlier, times[:, c], best)
        channel = jnp.where(earlier, c, channel)
    return best, channel


class _Standing(eqx.Module):
    """Where each patient stands under each arm between two episodes."""

    state: Int[Array, "A N"]
    clock: Float[Array, "A N"]
    end: Float[Array, "A N"]
    alive: Bool[Array, "A N"]


def live(hazards: Hazards, subgroup: Int[Array, " N"], amounts: Float[Array, "N E C"]) -> History:
    """Generate episodes until observation ends or ``E`` of them are used up.

    In an episode the channels compete with the hazards of the current state, as functions of time since
    randomisation. The first to fire moves the patient to ``next_state`` or ends observation.

    Parameters
    ----------
    hazards
        The truth.
    subgroup
        Subgroup of each patient.
    amounts
        Cumulative hazard at which each channel fires, per episode.
    """
    rows, next_state = _hazard_rows(hazards), hazards.next_state.astype(jnp.int32)
    n_channels, n_subgroups = hazards.base.shape[1:3]
    shape = (rows.shape[1], subgroup.shape[0])

    def episode(now: _Standing, amount):
        cell = now.state * n_subgroups + subgroup[None, :]
        amount = jnp.broadcast_to(amount.T[None, :, :], (shape[0], n_channels, shape[1]))
        time, channel = _first(
            invert_by_interval(amount, hazards.cuts, rows, lambda r: _pick(r, cell), now.clock[:, None, :])
        )
        fired = now.alive & jnp.isfinite(time)
        then = next_state.reshape(-1)[now.state * n_channels + channel]
        goes_on = fired & (then >= 0)
        after = _Standing(
            state=jnp.where(goes_on, then, now.state),
            clock=jnp.where(goes_on, time, now.clock),
            end=jnp.where(now.alive, time, now.end),
            alive=goes_on,
        )
        return after, (jnp.where(fired, time, jnp.inf), jnp.where(fired, channel, -1), now.state)

    zeros = jnp.zeros(shape, amounts.dtype)
    start = _Standing(jnp.zeros(shape, jnp.int32), zeros, zeros, jnp.ones(shape, bool))
    one_episode = amounts.shape[1] == 1
    last, out = lax.scan(episode, start, jnp.moveaxis(amounts, 1, 0), unroll=one_episode)
    time, channel, state = (jnp.transpose(x) for x in out)
    return History(time=time, channel=channel, state=state, end=last.end.T)


def first_endpoint(
    history: History, endpoint: tuple[int, ...]
) -> tuple[Float[Array, "N A"], Bool[Array, "N A"]]:
    """Return months to the first episode that an endpoint channel ended, or to the end of observation."""
    counts = jnp.zeros_like(history.channel, bool)
    for index in endpoint:
        counts = counts | (history.channel == index)
    event = counts.any(axis=-1)
    first = jnp.where(counts, history.time, jnp.inf).min(axis=-1)
    return jnp.where(event, first, history.end), event


def _in_precision(scenario: Scenario, dtype: jnp.dtype) -> Scenario:
    return jax.tree.map(lambda x: x.astype(dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x, scenario)


def realise(scenario: Scenario, world: World, endpoint: tuple[str, ...]) -> Course:
    """Turn the noise of one trial into the courses of its patients under every arm.

    Parameters
    ----------
    scenario
        The truth.
    world
        Noise with at least ``scenario.n_episodes`` episodes and as many channels as the scenario. Its
        precision is the precision of the result.
    endpoint
        Names of the channels that count as endpoint events; any other end of observation censors.

    Raises
    ------
    BadInput
        If the endpoint names an unknown channel.
    """
    indices = endpoint_channels(scenario.channels, endpoint)
    scenario = _in_precision(scenario, world.arrival.dtype)
    entry = entry_times(scenario.accrual, world.arrival)
    subgroup = choose_subgroup(scenario.population, entry, world.subgroup)
    # A constant multiplier of a hazard is the same as an amount divided by it.
    slowing = jnp.exp(-log_drift(scenario.drift, entry))
    history = live(scenario.hazards, subgroup, world.event[:, : scenario.n_episodes] * slowing[:, None, :])
    time, event = first_endpoint(history, indices)
    return Course(entry=entry, subgroup=subgroup, time=time, event=event, history=history)
