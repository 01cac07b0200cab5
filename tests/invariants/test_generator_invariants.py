"""What must hold for every draw, whatever the numbers."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adaptive.errors import BadInput
from adaptive.rng import trial_key
from adaptive.scenario.build import BaseHazard, build_hazards
from adaptive.scenario.generate import first_endpoint, live
from adaptive.scenario.generate import realise as realise_plainly
from adaptive.scenario.truth import Accrual, Drift
from adaptive.simulate.world import draw_world
from tests.scenario_examples import rich_scenario, scenario, switching_scenario

realise = jax.jit(realise_plainly, static_argnames="endpoint")


@partial(jax.jit, static_argnames=("n", "e", "c", "dtype"))
def world(n=2000, e=1, c=3, dtype=jnp.float64, trial=3):
    return draw_world(trial_key(8, trial), n_arrivals=n, n_episodes=e, n_channels=c, dtype=dtype)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_a_higher_hazard_only_shortens_its_own_channel(dtype):
    noise = world(dtype=dtype)
    base = rich_scenario()
    raised = eqx.tree_at(
        lambda s: s.hazards.base,
        base,
        base.hazards.base.at[:, 0].multiply(jnp.asarray([1.0, 1.2])[None, :, None]),
    )
    before, after = (realise(s, noise, ("new",)) for s in (base, raised))
    assert bool((after.history.end <= before.history.end).all())
    assert bool((after.event | ~before.event).all())
    unchanged = np.asarray(before.subgroup) == 0
    np.testing.assert_array_equal(np.asarray(before.time)[unchanged], np.asarray(after.time)[unchanged])
    assert bool((after.time <= before.time).all())


def test_scenarios_share_their_noise():
    noise = world()
    base = rich_scenario()
    other = rich_scenario(accrual=Accrual([0.0, 12.0], [1.0, 30.0]))
    a, b = (realise(s, noise, ("new",)) for s in (base, other))
    assert not np.array_equal(a.entry, b.entry)
    np.testing.assert_array_equal(a.subgroup, b.subgroup)
    np.testing.assert_array_equal(a.time, b.time)


def test_arms_without_an_effect_share_their_course():
    none = rich_scenario()
    none = eqx.tree_at(lambda s: s.hazards.log_hr, none, jnp.zeros_like(none.hazards.log_hr))
    course = realise(none, world(), ("new", "death"))
    np.testing.assert_array_equal(course.time, course.time[:, :1] * jnp.ones((1, 3)))


def test_course_and_history_agree():
    course = realise(rich_scenario(), world(), ("new", "death"))
    channel = np.asarray(course.history.channel[..., 0])
    np.testing.assert_array_equal(course.event, (channel == 0) | (channel == 1))
    np.testing.assert_array_equal(course.time, course.history.time[..., 0])
    assert bool((course.time > 0).all())
    assert course.time.shape == (2000, 3) and course.history.time.shape == (2000, 3, 1)


def test_unused_episodes_change_nothing():
    once = rich_scenario()
    often = eqx.tree_at(lambda s: s.hazards, rich_scenario(), once.hazards)
    often = type(often)(**{**vars(often), "n_episodes": 3})
    a = realise(once, world(), ("new",))
    b = realise(often, world(e=3), ("new",))
    np.testing.assert_allclose(a.time, b.time, rtol=1e-13)
    np.testing.assert_array_equal(a.event, b.event)
    assert bool((b.history.channel[..., 1:] == -1).all())
    assert bool(jnp.isinf(b.history.time[..., 1:]).all())


def test_episodes_are_ordered_and_states_follow_transitions():
    truth = switching_scenario()
    history = realise(truth, world(e=6, c=4), ("new",)).history
    time, channel, state = (np.asarray(x) for x in (history.time, history.channel, history.state))
    fired = channel >= 0
    both = fired[..., 1:] & fired[..., :-1]
    assert both.sum() > 500
    assert (time[..., 1:][both] > time[..., :-1][both]).all()
    then = np.asarray(truth.hazards.next_state)[state, np.maximum(channel, 0)]
    np.testing.assert_array_equal(then[..., :-1][both], state[..., 1:][both])
    goes_on = fired[..., :-1] & (then[..., :-1] >= 0)
    np.testing.assert_array_equal(goes_on, fired[..., 1:])
    last = np.where(fired, time, -np.inf).max(axis=-1)
    np.testing.assert_array_equal(last, np.asarray(history.end))


def test_patients_who_use_up_their_episodes_are_censored_at_the_last_one():
    truth = switching_scenario(n_episodes=2)
    course = realise(truth, world(e=2, c=4), ("new",))
    used_up = np.asarray(course.history.channel[..., 1]) == 2
    assert used_up.sum() > 50
    assert not np.asarray(course.event)[used_up].any()
    np.testing.assert_array_equal(
        np.asarray(course.time)[used_up], np.asarray(course.history.time[..., 1])[used_up]
    )


def test_a_recurrent_endpoint_is_its_first_event():
    course = realise(switching_scenario(), world(e=6, c=4), ("skeletal",))
    times = np.where(np.asarray(course.history.channel) == 2, np.asarray(course.history.time), np.inf)
    event = np.asarray(course.event)
    np.testing.assert_array_equal(event, np.isfinite(times.min(axis=-1)))
    np.testing.assert_array_equal(np.asarray(course.time)[event], times.min(axis=-1)[event])


def test_nothing_ever_happens_without_hazard():
    names = {"subgroups": ("all",), "arms": ("control", "active"), "channels": ("new", "death")}
    hazards = build_hazards(**names, states=("start",), base=[BaseHazard("new", (0.0, 2.0), (0.1, 0.0))])
    course = realise(scenario(hazards, **names), world(c=2), ("new",))
    time, event = np.asarray(course.time), np.asarray(course.event)
    assert not np.isnan(time).any()
    assert (time[event] <= 2.0).all() and np.isposinf(time[~event]).all()
    assert (np.asarray(course.history.channel)[~event] == -1).all()
    assert event.mean() == pytest.approx(1 - np.exp(-0.2), abs=0.05)


@pytest.mark.parametrize("cut", [3.0, 12.0])
def test_an_amount_that_is_spent_at_a_cut_fires_at_the_cut(cut):
    names = {"subgroups": ("all",), "arms": ("control", "active"), "channels": ("new",)}
    hazards = build_hazards(
        **names, states=("start",), base=[BaseHazard("new", (0.0, 3.0, 12.0), (0.25, 0.5, 1.0))]
    )
    at = 0.25 * 3.0 + 0.5 * (cut - 3.0)
    amounts = jnp.asarray([np.nextafter(at, 0), at, np.nextafter(at, 9)])[None, None, :]
    history = live(hazards, jnp.zeros(3, jnp.int32), amounts)
    before, exact, after = np.asarray(history.time[:, 0, 0]).tolist()
    assert before <= exact == cut <= after
    time, event = first_endpoint(history, (0,))
    assert bool(event.all()) and time[1, 0] == cut


def test_both_precisions_live_the_same_lives():
    for truth, e, c in ((rich_scenario(), 1, 3), (switching_scenario(n_episodes=3), 3, 4)):
        drifting = eqx.tree_at(
            lambda s: s.drift, truth, Drift([0.0, 300.0], jnp.outer(jnp.arange(2), jnp.ones(c)))
        )
        low, high = (
            realise(drifting, world(e=e, c=c, dtype=d), ("new",)) for d in (jnp.float32, jnp.float64)
        )
        assert {x.dtype for x in (low.time, low.entry, low.history.end)} == {np.dtype("float32")}
        np.testing.assert_array_equal(low.event, high.event)
        np.testing.assert_allclose(low.time, high.time, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(low.entry, high.entry, rtol=1e-5, atol=1e-5)


def test_one_compilation_serves_a_sweep_and_a_batch_equals_its_members():
    traces = []

    @jax.jit
    def run(truth, trial):
        traces.append(0)
        return realise(truth, world(n=50, trial=trial), ("new",)).time

    base = rich_scenario()
    for factor in (1.0, 1.5, 2.0):
        run(eqx.tree_at(lambda s: s.hazards.base, base, factor * base.hazards.base), 0)
    assert len(traces) == 1
    alone = jnp.stack([run(base, t) for t in range(4)])
    together = jax.vmap(lambda t: run(base, t))(jnp.arange(4))
    np.testing.assert_allclose(alone, together, rtol=1e-12)


def test_unknown_endpoint_is_refused_with_a_suggestion():
    with pytest.raises(BadInput, match="did you mean 'death'"):
        realise(rich_scenario(), world(n=5), ("deth",))
    with pytest.raises(BadInput, match="no channel given"):
        realise(rich_scenario(), world(n=5), ())
