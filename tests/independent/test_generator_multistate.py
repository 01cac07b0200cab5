"""Multi-episode courses against closed forms of recurrent-event and illness-death processes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from adaptive.rng import trial_key
from adaptive.scenario.build import BaseHazard, Transition, build_hazards
from adaptive.scenario.generate import realise
from adaptive.simulate.world import draw_world
from tests.scenario_examples import scenario
from tests.statistics import assert_mc_close

pytestmark = pytest.mark.statistical
N = 100_000


def history_of(truth, trial=0):
    world = draw_world(
        trial_key(23, trial),
        n_arrivals=N,
        n_episodes=truth.n_episodes,
        n_channels=len(truth.channels),
        dtype=jnp.float64,
    )
    return jax.tree.map(
        lambda x: np.asarray(x[:, 0]),
        jax.jit(realise, static_argnames="endpoint")(truth, world, truth.channels[:1]).history,
    )


def recurrent(rate_late):
    names = {"subgroups": ("all",), "arms": ("control", "active"), "channels": ("skeletal", "death")}
    names["states"] = ("alive",)
    hazards = build_hazards(
        **names,
        base=[BaseHazard("skeletal", (0.0, 10.0), (0.1, rate_late)), BaseHazard("death", (0.0,), (0.02,))],
        transitions=[Transition("alive", "skeletal", "alive")],
    )
    return scenario(hazards, **names, n_episodes=24)


def test_recurrent_events_of_constant_rate_are_poisson():
    """Among those alive at 15 months the count is Poisson(1.5); all-comers by the death-stopped mean."""
    history = history_of(recurrent(0.1))
    skeletal = (history.channel == 0) & (history.time <= 15.0)
    counts = skeletal.sum(axis=1)
    death = np.where(history.channel == 1, history.time, np.inf).min(axis=1)
    alive = death > 15.0
    n = alive.sum()
    assert_mc_close(alive.mean(), np.exp(-0.3), np.sqrt(np.exp(-0.3) * (1 - np.exp(-0.3)) / N), label="alive")
    k = np.arange(6)
    share = np.asarray([(counts[alive] == i).mean() for i in k])
    law = stats.poisson.pmf(k, 1.5)
    assert_mc_close(share, law, np.sqrt(law * (1 - law) / n), label="Poisson law")
    mean = 0.1 / 0.02 * (1 - np.exp(-0.3))
    assert_mc_close(counts.mean(), mean, counts.std() / np.sqrt(N), label="mean count with death")
    with pytest.raises(AssertionError):
        assert_mc_close(counts.mean(), 1.05 * mean, counts.std() / np.sqrt(N))


def test_recurrent_events_run_on_the_clock_since_randomisation():
    """The rate changes at 10 months after randomisation, not 10 months after the last event."""
    history = history_of(recurrent(0.4))
    death = np.where(history.channel == 1, history.time, np.inf).min(axis=1)
    alive = death > 15.0
    late = (history.channel == 0) & (history.time > 10.0) & (history.time <= 15.0)
    counts = late.sum(axis=1)[alive]
    assert_mc_close(counts.mean(), 2.0, np.sqrt(2.0 / alive.sum()), label="count in (10, 15]")
    assert_mc_close(counts.var(), 2.0, np.sqrt((2.0 + 8.0) / alive.sum()), label="variance in (10, 15]")


def test_illness_death_occupancy():
    """Constant rates: growth 0.1 to a second backbone, death 0.02 before and 0.08 after it."""
    names = {
        "subgroups": ("all",),
        "arms": ("control", "active"),
        "channels": ("growth", "death"),
        "states": ("first", "second"),
    }
    hazards = build_hazards(
        **names,
        base=[
            BaseHazard("growth", (0.0,), (0.1,), state="first"),
            BaseHazard("death", (0.0,), (0.02,), state="first"),
            BaseHazard("death", (0.0,), (0.08,), state="second"),
        ],
        transitions=[Transition("first", "growth", "second")],
    )
    history = history_of(scenario(hazards, **names, n_episodes=2))
    growth = np.where(history.channel == 0, history.time, np.inf).min(axis=1)
    t = np.asarray([1.0, 5.0, 12.0, 30.0])
    first = (np.minimum(growth, history.end)[:, None] > t).mean(axis=0)
    second = ((growth[:, None] <= t) & (history.end[:, None] > t)).mean(axis=0)
    p_first = np.exp(-0.12 * t)
    p_second = 0.1 * (np.exp(-0.08 * t) - np.exp(-0.12 * t)) / (0.12 - 0.08)
    assert_mc_close(first, p_first, np.sqrt(p_first * (1 - p_first) / N), label="first state")
    assert_mc_close(second, p_second, np.sqrt(p_second * (1 - p_second) / N), label="second state")
