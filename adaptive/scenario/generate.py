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
from adaptive.scenario.calendar import choose_subgroup, entry_times, slowing
from adaptive.scenario.truth import Hazards, Scenario
from adaptive.simulate.world import World
from adaptive.survival import invert_by_interval, pick


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


def _hazard_rows(hazards: Hazards) -> Float[Array, "A C M HS"]:
    """Return hazards per month, the last axis over state and subgroup."""
    rates = hazards.base[:, :, :, None, :] * jnp.exp(hazards.log_hr)
    rates = jnp.transpose(rates, (3, 1, 4, 0, 2))
    return rates.reshape((*rates.shape[:3], -1))


class _Standing(eqx.Module):
    """Where each patient stands under each arm between two episodes."""

    state: Int[Array, "A N"]
    clock: Float[Array, "A N"]
    end: Float[Array, "A N"]
    alive: Bool[Array, "A N"]


class _Generator(eqx.Module):
    """The hazards of every arm and channel, looked up per patient.

    Arms and channels are unrolled, so that every array has patients only and fuses into one pass.
    """

    cuts: Float[Array, " M"]
    rows: Float[Array, "A C M HS"]

    def first(
        self, arm: int, cell: Int[Array, " N"], amounts: Float[Array, "C N"], clock: Float[Array, " N"] | None
    ) -> tuple[Float[Array, " N"], Int[Array, " N"]]:
        """Return the earliest time after ``clock`` at which a channel fires, and that channel."""
        best, channel = None, jnp.zeros(cell.shape, jnp.int32)
        for c in range(self.rows.shape[1]):
            time = invert_by_interval(
                amounts[c], self.cuts, self.rows[arm, c], lambda row: pick(row, cell), clock
            )
            earlier = False if best is None else time < best
            best = time if best is None else jnp.where(earlier, time, best)
            channel = jnp.where(earlier, c, channel)
        return best, channel


def live(hazards: Hazards, subgroup: Int[Array, " N"], amounts: Float[Array, "E C N"]) -> History:
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
    return _episodes(hazards, subgroup, amounts).by_patient()


class _Episodes(eqx.Module):
    """A ``History`` with patients on the last axis, which is how it is computed."""

    time: Float[Array, "E A N"]
    channel: Int[Array, "E A N"]
    state: Int[Array, "E A N"]
    end: Float[Array, "A N"]

    def by_patient(self) -> History:
        """Return it with patients on the first axis."""
        return History(
            time=jnp.transpose(self.time),
            channel=jnp.transpose(self.channel),
            state=jnp.transpose(self.state),
            end=self.end.T,
        )

    def first_of(self, endpoint: tuple[int, ...]) -> tuple[Float[Array, "A N"], Bool[Array, "A N"]]:
        """Return months to the first episode that an endpoint channel ended, or to the end of observation."""
        counts = jnp.zeros(self.channel.shape, bool)
        for index in endpoint:
            counts = counts | (self.channel == index)
        event, first = counts[0], jnp.where(counts[0], self.time[0], jnp.inf)
        for e in range(1, counts.shape[0]):
            event = event | counts[e]
            first = jnp.minimum(first, jnp.where(counts[e], self.time[e], jnp.inf))
        return jnp.where(event, first, self.end), event


def _episodes(hazards: Hazards, subgroup: Int[Array, " N"], amounts: Float[Array, "E C N"]) -> _Episodes:
    generator = _Generator(hazards.cuts, _hazard_rows(hazards))
    next_state = hazards.next_state.astype(jnp.int32)
    shape = (generator.rows.shape[0], subgroup.shape[0])
    zeros = jnp.zeros(shape, amounts.dtype)
    start = _Standing(jnp.zeros(shape, jnp.int32), zeros, zeros, jnp.ones(shape, bool))
    if amounts.shape[0] == 1:
        last, out = _episode(generator, next_state, subgroup, start, amounts[0], first=True)
        out = jax.tree.map(lambda x: x[None], out)
    else:
        step = lambda now, amount: _episode(generator, next_state, subgroup, now, amount)  # noqa: E731
        last, out = lax.scan(step, start, amounts)
    return _Episodes(*out, last.end)


def _episode(
    generator: _Generator,
    next_state: Int[Array, "H C"],
    subgroup: Int[Array, " N"],
    now: _Standing,
    amounts: Float[Array, "C N"],
    *,
    first: bool = False,
) -> tuple[_Standing, tuple[Float[Array, "A N"], Int[Array, "A N"], Int[Array, "A N"]]]:
    """Let the channels compete once under every arm; in the ``first`` episode all clocks are 0."""
    n_subgroups = generator.rows.shape[3] // next_state.shape[0]
    found = []
    for arm in range(generator.rows.shape[0]):
        cell = subgroup if first else now.state[arm] * n_subgroups + subgroup
        found.append(generator.first(arm, cell, amounts, None if first else now.clock[arm]))
    time, channel = (jnp.stack(x) for x in zip(*found, strict=True))
    fired = now.alive & jnp.isfinite(time)
    then = pick(next_state.reshape(-1), now.state * next_state.shape[1] + channel)
    goes_on = fired & (then >= 0)
    after = _Standing(
        state=jnp.where(goes_on, then, now.state),
        clock=jnp.where(goes_on, time, now.clock),
        end=jnp.where(now.alive, time, now.end),
        alive=goes_on,
    )
    return after, (jnp.where(fired, time, jnp.inf), jnp.where(fired, channel, -1), now.state)


def first_endpoint(
    history: History, endpoint: tuple[int, ...]
) -> tuple[Float[Array, "N A"], Bool[Array, "N A"]]:
    """Return months to the first episode that an endpoint channel ended, or to the end of observation."""
    lived = _Episodes(
        *(jnp.transpose(x) for x in (history.time, history.channel, history.state)), history.end.T
    )
    time, event = lived.first_of(endpoint)
    return time.T, event.T


def _in_precision(scenario: Scenario, dtype: jnp.dtype) -> Scenario:
    return jax.tree.map(lambda x: x.astype(dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x, scenario)


class Outcomes(eqx.Module):
    """A ``Course`` without its history, patients on the last axis: what a trial needs, quicker to make."""

    entry: Float[Array, " N"]
    subgroup: Int[Array, " N"]
    time: Float[Array, "A N"]
    event: Bool[Array, "A N"]


def outcomes(scenario: Scenario, world: World, endpoint: tuple[str, ...]) -> Outcomes:
    """Return entries, subgroups and endpoint times of ``realise``; parameters and errors are the same."""
    return _realise(scenario, world, endpoint)[0]


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
    found, lived = _realise(scenario, world, endpoint)
    return Course(
        entry=found.entry,
        subgroup=found.subgroup,
        time=found.time.T,
        event=found.event.T,
        history=lived.by_patient(),
    )


def _realise(scenario: Scenario, world: World, endpoint: tuple[str, ...]) -> tuple[Outcomes, _Episodes]:
    indices = endpoint_channels(scenario.channels, endpoint)
    scenario = _in_precision(scenario, world.arrival.dtype)
    entry = entry_times(scenario.accrual, world.arrival)
    subgroup = choose_subgroup(scenario.population, entry, world.subgroup)
    # A constant multiplier of a hazard is the same as an amount divided by it.
    slower = jnp.stack(slowing(scenario.drift, entry))
    lived = _episodes(scenario.hazards, subgroup, world.event[: scenario.n_episodes] * slower[None])
    time, event = lived.first_of(indices)
    return Outcomes(entry, subgroup, time, event), lived
