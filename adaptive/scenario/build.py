"""Assembles ``Hazards`` from named parts: base hazards, effects, transitions. NumPy only, at configuration.

Parts are given by name; leaving a name out means every state, or every subgroup. Nothing is built
from faulty parts: all faults are raised together.
"""

from collections.abc import Sequence

import equinox as eqx
import numpy as np
from jaxtyping import Float

from adaptive.errors import BadInput, did_you_mean
from adaptive.scenario.effects import AbstractShape, Constant, combine_cuts, pad_cuts
from adaptive.scenario.truth import Hazards


class BaseHazard(eqx.Module):
    """Control hazard of one channel.

    Attributes
    ----------
    channel
        Name of the channel.
    cuts
        Interval starts in months, the first 0, strictly increasing.
    hazard
        Hazard per month in each interval.
    subgroup, state
        Names, or None for all of them.
    """

    channel: str
    cuts: tuple[float, ...]
    hazard: tuple[float, ...]
    subgroup: str | None = None
    state: str | None = None


class Effect(eqx.Module):
    """Effect of one arm on one channel.

    Attributes
    ----------
    channel, arm
        Names; the arm is not control.
    hazard_ratio
        Hazard ratio against control when the effect is full.
    subgroup, state
        Names, or None for all of them.
    shape
        Course of the effect over time.
    """

    channel: str
    arm: str
    hazard_ratio: float
    subgroup: str | None = None
    state: str | None = None
    shape: AbstractShape = Constant()


class Transition(eqx.Module):
    """In ``state``, ``channel`` does not end observation but moves the patient to ``next_state``."""

    state: str
    channel: str
    next_state: str


class _Names(eqx.Module):
    """The labels that parts may use."""

    subgroups: tuple[str, ...]
    arms: tuple[str, ...]
    channels: tuple[str, ...]
    states: tuple[str, ...]

    def unknown(self, where: str, kind: str, name: str | None) -> list[str]:
        """Return a fault if ``name`` is given and is not one of the scenario's."""
        allowed = getattr(self, f"{kind}s")
        if name is None or name in allowed:
            return []
        hint = did_you_mean(name, allowed)
        return [f"{where}.{kind}: {name!r} is unknown; the scenario has {', '.join(allowed)}{hint}"]

    def rows(self, kind: str, name: str | None) -> list[int]:
        """Return the indices that a name, or None for all, stands for."""
        allowed = getattr(self, f"{kind}s")
        return list(range(len(allowed))) if name is None else [allowed.index(name)]


def grid_faults(where: str, grid: Sequence[float] | np.ndarray, first: float | None = None) -> list[str]:
    """Return what is wrong with a strictly increasing grid of months."""
    values = np.asarray(grid, float)
    if values.ndim != 1 or values.size == 0:
        return [f"{where}: {grid!r}; give a list of at least one month"]
    found = []
    if not np.isfinite(values).all():
        found.append(f"{where}: {values.tolist()} has entries that are not finite; give months")
    elif (np.diff(values) <= 0).any():
        found.append(f"{where}: {values.tolist()} does not increase; give strictly increasing months")
    if first is not None and values[0] != first:
        found.append(f"{where}: starts at {values[0]:g}; the first entry must be {first:g}")
    return found


def _base_faults(where: str, part: BaseHazard, names: _Names) -> list[str]:
    found = [
        fault
        for kind in ("channel", "subgroup", "state")
        for fault in names.unknown(where, kind, getattr(part, kind))
    ]
    found += grid_faults(f"{where}.cuts", part.cuts, first=0.0)
    hazard = np.asarray(part.hazard, float)
    if hazard.shape != (len(part.cuts),):
        found.append(f"{where}.hazard: {hazard.size} values for {len(part.cuts)} cuts; give one per interval")
    if not (np.isfinite(hazard).all() and (hazard >= 0).all()):
        found.append(f"{where}.hazard: {hazard.tolist()}; hazards per month are finite and not negative")
    return found


def _effect_faults(where: str, part: Effect, names: _Names) -> list[str]:
    found = [
        fault
        for kind in ("channel", "arm", "subgroup", "state")
        for fault in names.unknown(where, kind, getattr(part, kind))
    ]
    if part.arm == names.arms[0]:
        found.append(f"{where}.arm: {part.arm!r} is control; effects are against control, name another arm")
    if not (np.isfinite(part.hazard_ratio) and part.hazard_ratio > 0):
        found.append(f"{where}.hazard_ratio: {part.hazard_ratio}; give a finite number above 0")
    return found + [f"{where}.shape.{fault}" for fault in part.shape.faults()]


def _transition_faults(where: str, part: Transition, names: _Names) -> list[str]:
    found = names.unknown(where, "state", part.state) + names.unknown(where, "channel", part.channel)
    hint = did_you_mean(part.next_state, names.states)
    if part.next_state not in names.states:
        have = ", ".join(names.states)
        found.append(f"{where}.next_state: {part.next_state!r} is unknown; the scenario has {have}{hint}")
    return found


def _all_faults(names: _Names, base, effects, transitions) -> list[str]:
    found = [] if base else ["base: no hazards given; give at least one channel a hazard"]
    for i, part in enumerate(base):
        found += _base_faults(f"base[{i}]", part, names)
    for i, part in enumerate(effects):
        found += _effect_faults(f"effects[{i}]", part, names)
    for i, part in enumerate(transitions):
        found += _transition_faults(f"transitions[{i}]", part, names)
    return found


def _base_array(names: _Names, base: Sequence[BaseHazard], middles) -> Float[np.ndarray, "H C S M"]:
    shape = (len(names.states), len(names.channels), len(names.subgroups), len(middles))
    array = np.zeros(shape)
    for part in base:
        values = np.asarray(part.hazard)[np.searchsorted(part.cuts, middles) - 1]
        for h in names.rows("state", part.state):
            for s in names.rows("subgroup", part.subgroup):
                array[h, names.channels.index(part.channel), s] = values
    return array


def _effect_array(names: _Names, effects: Sequence[Effect], middles) -> Float[np.ndarray, "H C S A M"]:
    shape = (len(names.states), len(names.channels), len(names.subgroups), len(names.arms), len(middles))
    array = np.zeros(shape)
    for part in effects:
        values = np.log(part.hazard_ratio) * part.shape.multiplier(middles)
        arm, channel = names.arms.index(part.arm), names.channels.index(part.channel)
        for h in names.rows("state", part.state):
            for s in names.rows("subgroup", part.subgroup):
                array[h, channel, s, arm] += values
    return array


def build_hazards(
    *,
    subgroups: Sequence[str],
    arms: Sequence[str],
    channels: Sequence[str],
    states: Sequence[str],
    base: Sequence[BaseHazard],
    effects: Sequence[Effect] = (),
    transitions: Sequence[Transition] = (),
) -> Hazards:
    """Put hazards, effects and transitions on one common grid of intervals.

    Parameters
    ----------
    subgroups, arms, channels, states
        Labels; ``arms[0]`` is control and patients start in ``states[0]``.
    base
        Control hazards. Where two parts cover the same cell the later one holds; a channel without a
        hazard in a state never fires there.
    effects
        Effects against control. Effects on the same cell multiply.
    transitions
        Channels that move the patient to a state; every other channel ends observation.

    Raises
    ------
    BadInput
        With every fault of every part.
    """
    names = _Names(tuple(subgroups), tuple(arms), tuple(channels), tuple(states))
    if faults := _all_faults(names, base, effects, transitions):
        raise BadInput(faults)
    cuts = pad_cuts(combine_cuts(*(p.cuts for p in base), *(e.shape.changes() for e in effects)))
    middles = np.append(0.5 * (cuts[1:] + cuts[:-1]), cuts[-1] + 1.0)
    next_state = np.full((len(states), len(channels)), -1)
    for part in transitions:
        cell = names.states.index(part.state), names.channels.index(part.channel)
        next_state[cell] = names.states.index(part.next_state)
    return Hazards(
        cuts=cuts,
        base=_base_array(names, base, middles),
        log_hr=_effect_array(names, effects, middles),
        next_state=next_state,
    )
