"""The generator's law, checked against its own hazards through events and exposure."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adaptive.rng import trial_key
from adaptive.scenario.generate import realise
from adaptive.scenario.truth import Accrual, Drift
from adaptive.simulate.world import draw_world
from tests.scenario_examples import rich_scenario, switching_scenario
from tests.statistics import assert_mc_close

pytestmark = pytest.mark.statistical
N, TRIALS = 500, 400


def courses(scenario, endpoint=("new",), trials=TRIALS):
    """Courses of many trials, patients of all trials on one axis."""

    def one(trial):
        world = draw_world(
            trial_key(17, trial),
            n_arrivals=N,
            n_episodes=scenario.n_episodes,
            n_channels=len(scenario.channels),
            dtype=jnp.float64,
        )
        return realise(scenario, world, endpoint)

    batch = jax.jit(jax.vmap(one))(jnp.arange(trials))
    return jax.tree.map(lambda x: np.asarray(x).reshape(-1, *x.shape[2:]), batch)


def true_rates(scenario):
    hazards = scenario.hazards
    rates = np.asarray(hazards.base)[:, :, :, None, :] * np.exp(np.asarray(hazards.log_hr))
    return np.asarray(hazards.cuts), rates


def tally(scenario, course, months_scale=1.0):
    """Events and expected events per state, channel, subgroup, arm and interval."""
    cuts, rates = true_rates(scenario)
    h, c, s = rates.shape[:3]
    stops = np.append(cuts[1:], np.inf)
    events, expected = np.zeros(rates.shape), np.zeros(rates.shape)
    history = course.history
    begin = np.zeros(history.time.shape[:2])
    for e in range(history.time.shape[2]):
        fired, end = history.channel[:, :, e] >= 0, history.time[:, :, e]
        end = np.where(fired, end, begin)
        months = np.maximum(np.minimum(end[..., None], stops) - np.maximum(begin[..., None], cuts), 0.0)
        at = ((end[..., None] > cuts) & (end[..., None] <= stops)) & fired[..., None]
        for state in range(h):
            for group in range(s):
                here = (history.state[:, :, e] == state) & (course.subgroup == group)[:, None]
                risk = (months * here[..., None]).sum(axis=0)
                expected[state, :, group] += rates[state, :, group] * risk[None] * months_scale
                for channel in range(c):
                    counted = at & (here & (history.channel[:, :, e] == channel))[..., None]
                    events[state, channel, group] += counted.sum(axis=0)
        begin = end
    return events, expected


def compare(events, expected):
    """Events minus compensator is a martingale whose variance is the compensator."""
    enough = expected > 50
    assert (events[expected == 0] == 0).all()
    return assert_mc_close(
        events[enough] / expected[enough], 1.0, 1 / np.sqrt(expected[enough]), label="observed over expected"
    )


@pytest.fixture(scope="module")
def rich():
    scenario = rich_scenario()
    return scenario, courses(scenario)


def test_events_are_what_hazard_and_exposure_predict(rich):
    events, expected = tally(*rich)
    assert (expected > 50).sum() > 50
    compare(events, expected)


def test_each_channel_and_arm_is_right_to_two_percent(rich):
    events, expected = (x.sum(axis=(0, 2, 4)) for x in tally(*rich))
    assert compare(events, expected) < 0.06


def test_planted_error_in_exposure_is_detected(rich):
    with pytest.raises(AssertionError):
        compare(*tally(*rich, months_scale=1.1))


def test_planted_error_in_one_hazard_is_detected(rich):
    scenario, course = rich
    wrong = eqx.tree_at(lambda s: s.hazards.base, scenario, scenario.hazards.base.at[0, 1].multiply(1.1))
    with pytest.raises(AssertionError):
        compare(*tally(wrong, course))


def test_swapped_interval_convention_is_detected(rich):
    """A delayed effect that starts half a month early must not pass."""
    scenario, course = rich
    cuts = scenario.hazards.cuts
    early = eqx.tree_at(lambda s: s.hazards.cuts, scenario, jnp.where(cuts == 4.0, 3.5, cuts))
    with pytest.raises(AssertionError):
        compare(*tally(early, course))


def test_episodes_follow_the_hazards_of_their_state():
    scenario = switching_scenario()
    compare(*tally(scenario, courses(scenario, trials=80)))


def test_drift_multiplies_hazards_by_entry_month():
    drift = Drift([0.0, 20.0], [[0.0, 0.0, 0.0], [np.log(2.0), 0.0, -np.log(3.0)]])
    scenario = rich_scenario(drift=drift, accrual=Accrual([0.0], [20.0]))
    course = courses(scenario)
    late = course.entry >= 20.0
    factor = np.asarray([2.0, 1.0, 1 / 3.0]).reshape(1, 3, 1, 1, 1)
    events, expected = tally(scenario, jax.tree.map(lambda x: x[late], course))
    compare(events, expected * factor)
    with pytest.raises(AssertionError):
        compare(events, expected)
