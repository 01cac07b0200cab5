"""Small scenarios that several tests share."""

import numpy as np

from adaptive.scenario.build import BaseHazard, Effect, Transition, build_hazards
from adaptive.scenario.effects import Delayed
from adaptive.scenario.truth import Accrual, Drift, Population, Scenario

ARMS = ("control", "low", "high")


def scenario(hazards, *, subgroups, arms, channels, states=("start",), n_episodes=1, **parts):
    """A scenario with 10 arrivals a month, an even mix and no drift unless said otherwise."""
    n_subgroups, n_channels = len(subgroups), len(channels)
    even = Population([0.0], np.full((1, n_subgroups), 1.0 / n_subgroups))
    return Scenario(
        name="example",
        subgroups=subgroups,
        arms=arms,
        channels=channels,
        states=states,
        n_episodes=n_episodes,
        hazards=hazards,
        population=parts.get("population", even),
        accrual=parts.get("accrual", Accrual([0.0], [10.0])),
        drift=parts.get("drift", Drift([0.0], np.zeros((1, n_channels)))),
    )


def rich_scenario(**parts):
    """Two subgroups, three arms, three competing channels, non-proportional effects."""
    names = {"subgroups": ("pos", "neg"), "arms": ARMS, "channels": ("new", "death", "dropout")}
    hazards = build_hazards(
        **names,
        states=("start",),
        base=[
            BaseHazard("new", (0.0, 3.0, 12.0), (0.02, 0.05, 0.03), "pos"),
            BaseHazard("new", (0.0, 6.0), (0.09, 0.04), "neg"),
            BaseHazard("death", (0.0, 24.0), (0.005, 0.02)),
            BaseHazard("dropout", (0.0,), (0.008,)),
        ],
        effects=[
            Effect("new", "low", 0.7),
            Effect("new", "high", 0.5, shape=Delayed(4.0)),
            Effect("death", "high", 1.5, subgroup="neg"),
        ],
    )
    return scenario(hazards, **names, **parts)


def switching_scenario(n_episodes=6):
    """Growth moves the patient to a second backbone with other hazards; there, skeletal events recur."""
    names = {
        "subgroups": ("all",),
        "arms": ("control", "active"),
        "channels": ("new", "growth", "skeletal", "death"),
        "states": ("first", "second"),
    }
    hazards = build_hazards(
        **names,
        base=[
            BaseHazard("new", (0.0, 6.0), (0.03, 0.05), state="first"),
            BaseHazard("new", (0.0,), (0.09,), state="second"),
            BaseHazard("growth", (0.0,), (0.08,), state="first"),
            BaseHazard("skeletal", (0.0, 12.0), (0.02, 0.06), state="second"),
            BaseHazard("death", (0.0,), (0.01,)),
        ],
        effects=[Effect("new", "active", 0.6), Effect("growth", "active", 0.5, shape=Delayed(3.0))],
        transitions=[
            Transition("first", "growth", "second"),
            Transition("second", "skeletal", "second"),
        ],
    )
    return scenario(hazards, **names, n_episodes=n_episodes)
