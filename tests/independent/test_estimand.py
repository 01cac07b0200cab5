"""True values against closed forms, a large simulated Cox fit, and simulated multi-state courses."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter

from adaptive.errors import BadInput
from adaptive.rng import trial_key
from adaptive.scenario.build import BaseHazard, Effect, build_hazards
from adaptive.scenario.effects import Constant, Delayed, Reversed, Waning
from adaptive.scenario.estimand import cumulative_incidence, true_log_hr, true_values
from adaptive.scenario.generate import realise
from adaptive.scenario.occupancy import endpoint_law, entry_grid
from adaptive.scenario.truth import Accrual, Drift, Population
from adaptive.simulate.world import draw_world
from tests.scenario_examples import rich_scenario, scenario, switching_scenario
from tests.statistics import assert_mc_close

# lifelines calls pandas in a way that pandas 4 will refuse; the fit is not affected.
pytestmark = pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")

NAMES = {"subgroups": ("all",), "arms": ("control", "active"), "channels": ("new", "death")}


def two_arm(hazard_ratio, shape=None, new=0.06, death=0.02, **parts):
    effects = [Effect("new", "active", hazard_ratio, shape=shape or Constant())]
    base = [BaseHazard("new", (0.0, 5.0), (new, 0.5 * new)), BaseHazard("death", (0.0,), (death,))]
    hazards = build_hazards(**NAMES, states=("start",), base=base, effects=effects)
    return scenario(hazards, **NAMES, **parts)


def simulated(truth, n, endpoint=("new",), trial=0):
    world = draw_world(
        trial_key(31, trial),
        n_arrivals=n,
        n_episodes=truth.n_episodes,
        n_channels=len(truth.channels),
        dtype=jnp.float64,
    )
    return jax.tree.map(np.asarray, jax.jit(realise, static_argnames="endpoint")(truth, world, endpoint))


def cox(course, horizon, subgroup=0, arm=1):
    """Fit arm against control, each patient in one arm only, with administrative censoring."""
    rows = np.flatnonzero(course.subgroup == subgroup)
    assigned = np.where(np.arange(rows.size) % 2, arm, 0)
    time, event = course.time[rows, assigned], course.event[rows, assigned]
    frame = pd.DataFrame(
        {"x": assigned > 0, "time": np.minimum(time, horizon), "event": event & (time <= horizon)}
    )
    fit = CoxPHFitter().fit(frame.astype(float), "time", "event", robust=True)
    return float(fit.params_["x"]), float(fit.standard_errors_["x"])


@pytest.mark.parametrize("horizon", [2.0, 5.0, 24.0, 120.0])
@pytest.mark.parametrize("hazard_ratio", [0.2, 0.67, 1.0, 1.8])
def test_proportional_hazards_give_the_input(hazard_ratio, horizon):
    value = true_log_hr(two_arm(hazard_ratio), ("new",), horizon)
    np.testing.assert_allclose(value, np.log(hazard_ratio), atol=1e-11)


def test_proportional_hazards_of_a_composite_endpoint():
    truth = two_arm(0.6)
    both = eqx.tree_at(
        lambda s: s.hazards.log_hr, truth, truth.hazards.log_hr.at[:, 1].set(truth.hazards.log_hr[:, 0])
    )
    np.testing.assert_allclose(true_log_hr(both, ("new", "death"), 30.0), np.log(0.6), atol=1e-11)


def test_exponential_incidence_in_closed_form():
    truth = two_arm(0.5)
    t = 5.0
    for arm, rate in ((0, 0.06), (1, 0.03)):
        closed = rate / (rate + 0.02) * -np.expm1(-(rate + 0.02) * t)
        assert cumulative_incidence(truth, ("new",), t)[0, arm] == pytest.approx(closed, abs=1e-13)
        alone = cumulative_incidence(truth, ("new",), t, absent=("death",))[0, arm]
        assert alone == pytest.approx(-np.expm1(-rate * t), abs=1e-13)


def test_piecewise_incidence_in_closed_form():
    truth = two_arm(0.5, shape=Delayed(8.0))
    steps = [(5.0, 0.06), (3.0, 0.03), (4.0, 0.015)]
    total, survival = 0.0, 1.0
    for width, rate in steps:
        total += survival * rate / (rate + 0.02) * -np.expm1(-(rate + 0.02) * width)
        survival *= np.exp(-(rate + 0.02) * width)
    assert cumulative_incidence(truth, ("new",), 12.0)[0, 1] == pytest.approx(total, abs=1e-13)


@pytest.mark.statistical
@pytest.mark.parametrize(
    "shape", [Delayed(3.0), Waning(2.0, 14.0), Reversed(6.0, 0.7)], ids=["delayed", "waning", "reversed"]
)
def test_effects_that_change_agree_with_a_large_cox_fit(shape):
    truth = two_arm(0.4, shape)
    value = true_log_hr(truth, ("new",), 20.0)[0, 0]
    estimate, se = cox(simulated(truth, 12_000), 20.0)
    assert assert_mc_close(estimate, value, se, label="Cox") < 0.2
    average = np.log(0.4) * np.mean(shape.multiplier(np.arange(0.5, 20.0)))
    with pytest.raises(AssertionError):
        assert_mc_close(estimate, np.log(0.4), se)
    assert abs(average - value) > 1e-3


@pytest.mark.statistical
def test_drift_is_averaged_over_entry():
    n = 40_000
    months = n / 1000.0
    drift = Drift([0.0, months], [[0.0, 0.0], [np.log(6.0), 0.0]])
    truth = two_arm(0.4, drift=drift, accrual=Accrual([0.0], [1000.0]))
    value = true_log_hr(truth, ("new",), 20.0, n_patients=n)[0, 0]
    assert np.log(0.4) + 0.01 < value
    course = simulated(truth, n)
    estimate, se = cox(jax.tree.map(lambda x: x[::3], course), 20.0)
    assert_mc_close(estimate, value, se, label="Cox with drift")
    share = (course.event & (course.time <= 20.0)).mean(axis=0)
    incidence = cumulative_incidence(truth, ("new",), 20.0, n_patients=n)[0]
    assert_mc_close(share, incidence, np.sqrt(share * (1 - share) / n), label="incidence with drift")
    flat = cumulative_incidence(two_arm(0.4), ("new",), 20.0)[0]
    with pytest.raises(AssertionError):
        assert_mc_close(share, flat, np.sqrt(share * (1 - share) / n))


def test_entry_grid_follows_accrual_and_mix():
    drift = Drift([0.0, 9.0], [[0.0], [1.0]])
    hazards = build_hazards(
        subgroups=("a", "b", "c"),
        arms=("control", "active"),
        channels=("new",),
        states=("start",),
        base=[BaseHazard("new", (0.0,), (0.1,))],
    )
    truth = scenario(
        hazards,
        subgroups=("a", "b", "c"),
        arms=("control", "active"),
        channels=("new",),
        drift=drift,
        accrual=Accrual([0.0], [10.0]),
        population=Population([0.0, 10.0], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
    )
    entry, weight = entry_grid(truth, 100)
    np.testing.assert_allclose(entry, (np.arange(64) + 0.5) / 64 * 10.0, rtol=1e-12)
    np.testing.assert_allclose(weight.sum(axis=0), 1.0)
    assert weight[:, 0] @ entry == pytest.approx(10 / 3, rel=1e-3)
    assert weight[:, 1] @ entry == pytest.approx(20 / 3, rel=1e-3)
    assert weight[:, 2] @ entry == pytest.approx(5.0)
    assert np.isfinite(true_log_hr(truth, ("new",), 12.0, n_patients=100)).all()


@pytest.mark.statistical
def test_multi_state_law_agrees_with_simulation():
    truth, n, horizon = switching_scenario(), 100_000, 18.0
    for endpoint in (("new",), ("skeletal", "death")):
        course = simulated(truth, n, endpoint)
        incidence = cumulative_incidence(truth, endpoint, horizon)[0]
        share = (course.event & (course.time <= horizon)).mean(axis=0)
        detectable = assert_mc_close(share, incidence, np.sqrt(incidence * (1 - incidence) / n))
        assert detectable < 0.01
    indices = (0,)
    law = endpoint_law(truth, indices, horizon)
    course = simulated(truth, n)
    at_risk = (course.time[:, :, None] > law.time[None, None, ::7]).mean(axis=0).T
    expected = law.at_risk[::7, 0]
    assert_mc_close(at_risk, expected, np.sqrt(expected * (1 - expected) / n), label="at risk")
    estimate, se = cox(jax.tree.map(lambda x: x[::8], course), horizon)
    assert_mc_close(estimate, true_log_hr(truth, ("new",), horizon)[0, 0], se, label="Cox, multi-state")


def test_running_out_of_episodes_is_part_of_the_law():
    few, many = (cumulative_incidence(switching_scenario(n_episodes=k), ("new",), 60.0)[0, 0] for k in (2, 6))
    assert few < many - 0.001


def test_null_classification():
    def is_null(hazard_ratio, shape=None, horizon=12.0):
        return bool(true_values(two_arm(hazard_ratio, shape), ("new",), horizon).is_null[0, 0])

    assert is_null(1.0) and is_null(1.3) and is_null(0.5, Delayed(12.0))
    assert not is_null(0.99) and not is_null(0.5, Delayed(11.0))
    mostly_harm = two_arm(0.9, Reversed(1.0, 4.0))
    assert true_log_hr(mostly_harm, ("new",), 12.0)[0, 0] > 0
    assert not is_null(0.9, Reversed(1.0, 4.0))


def test_no_effect_on_other_channels_is_needed_for_a_null():
    values = true_values(rich_scenario(), ("death",), 24.0)
    np.testing.assert_array_equal(values.is_null, [[True, True], [True, True]])
    assert values.log_hr[1, 1] == pytest.approx(np.log(1.5), abs=1e-11)
    assert values.incidence.shape == (2, 3)
    np.testing.assert_allclose(values.difference, values.incidence[:, 1:] - values.incidence[:, :1])


def test_an_endpoint_that_never_happens():
    truth = two_arm(0.5, new=0.0)
    assert true_log_hr(truth, ("new",), 12.0)[0, 0] == 0.0


@pytest.mark.parametrize("horizon", [0.0, -1.0, np.inf, np.nan])
def test_bad_horizon_is_refused(horizon):
    with pytest.raises(BadInput, match="horizon"):
        true_log_hr(two_arm(0.5), ("new",), horizon)


def test_unknown_channels_are_refused():
    with pytest.raises(BadInput, match="did you mean 'new'"):
        true_values(two_arm(0.5), ("news",), 12.0)
    with pytest.raises(BadInput, match="absent"):
        cumulative_incidence(two_arm(0.5), ("new",), 12.0, absent=("dropout",))
