# ruff: noqa: RUF009 (the calls below return dataclass fields)
"""Schemas of an assumed truth: its parts, and the node that every number is."""

from dataclasses import dataclass
from typing import Any

from adaptive.config.checks import Anything, Names, Table, checked, numbers, text, whole

TAGS = ("verified", "secondary", "derived", "unverified")


@dataclass
class ScenarioValues:
    """An assumed truth. Every number is a node of value, unit, source and tag."""

    name: str = text()
    arms: Any = checked(Names(2))
    subgroups: Any = checked(Names())
    channels: Any = checked(Names())
    hazards: Any = checked(Table(1))
    mix: Any = checked(Table(1))
    accrual: Any = checked(Table(1))
    effects: Any = checked(Table(), None)
    drift: Any = checked(Table(), None)
    states: Any = checked(Names(), ["on study"])
    transitions: Any = checked(Table(), None)
    n_episodes: int = whole(1, low=1, high=50)
    description: str = text("no description")


@dataclass
class Parameter:
    """One number of a scenario and where it comes from."""

    value: Any = checked(Anything())
    unit: str = text()
    source: str = text()
    tag: str = text("???", *TAGS)


@dataclass
class HazardValues(Parameter):
    """Control hazard of one channel; ``cuts`` are interval starts in months."""

    subgroup: str = text("all")
    state: str | None = text(None, nullable=True)
    cuts: Any = numbers([0.0], low=0)


@dataclass
class EffectValues:
    """Effect of one arm on one channel."""

    arm: str = text()
    channel: str = text()
    hazard_ratio: Any = checked(Table(1))
    subgroups: Any = checked(Anything(), "all")
    state: str | None = text(None, nullable=True)
    shape: Any = checked(Table(), None)


@dataclass
class TransitionValues:
    """A channel that moves the patient to another state."""

    state: str = text()
    channel: str = text()
    next_state: str = text()
