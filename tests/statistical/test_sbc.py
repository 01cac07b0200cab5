"""Simulation-based calibration of every model with every engine that fits it, and what it would have caught.

One line of ``CASES`` per model and engine. Exposures are such that about 10 or 200 events are expected. The
baseline prior is a proper one, around 2% a month: under the nearly improper prior that analyses use, the
hazards drawn would be absurd. So what is tested is the engine at these priors.
"""

import dataclasses
import functools
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from adaptive.codes import HealthCode
from adaptive.models import (
    ExNex,
    FullPooling,
    GammaHazards,
    HistoricalControls,
    NestedPooling,
    NoPooling,
    PartialPooling,
    PerArmPooling,
    RobustPooling,
)
from adaptive.models.base import AbstractModel
from adaptive.posterior.base import AbstractEngine
from adaptive.posterior.conjugate import ConjugateEngine
from adaptive.posterior.laplace import LaplaceEngine
from adaptive.posterior.nuts import NutsEngine
from adaptive.posterior.sbc import Answer, Replicates, calibrate
from adaptive.posterior.sbc_checks import all_checks, place_checks, scores_of, verdict, worst
from adaptive.posterior.sbc_draws import Truth, even_exposure
from adaptive.posterior.sbc_power import (
    PLANTS,
    POWER,
    critical_z,
    detectable,
    plant,
    shifted,
    swapped_arms,
    wrong_exposure,
)
from tests.statistics import SUITE_FALSE_ALARM

pytestmark = pytest.mark.statistical
HAZARD = 0.02
POOLING = {"mu_scale": 1.0, "tau_scale": 0.5, "baseline_shape": 4.0, "baseline_rate": 4.0 / HAZARD}
EXNEX = ExNex(**POOLING, p_exchangeable=[0.8, 0.5, 0.3], nex_mean=0.5, nex_scale=0.7)
ROBUST = RobustPooling(**POOLING, informative_weight=0.6, informative_mean=-0.7, informative_scale=0.2)
PAST, PAST_MONTHS = np.array([[60.0, 20.0], [30.0, 90.0]]), np.array([[2000.0, 1200.0], [3000.0, 4000.0]])
HISTORY = HistoricalControls(ROBUST, events=PAST, exposure=PAST_MONTHS, discount=0.5)
SAMPLER = NutsEngine(
    chains=1, warmup=150, draws=200, target_accept=0.9, min_ess=1.0, max_rhat=2.0, max_divergences=1000.0
)


class Case(NamedTuple):
    """A model, an engine, subgroups x arms x intervals, expected events, replicates."""

    engine: AbstractEngine
    model: AbstractModel
    shape: tuple[int, int, int]
    n: int = 4096
    events: tuple[float, ...] = (10.0, 200.0)


CASES = {
    "partial pooling, one arm": Case(LaplaceEngine(), PartialPooling(**POOLING), (3, 2, 2)),
    "partial pooling, two arms": Case(LaplaceEngine(), PartialPooling(**POOLING), (3, 3, 2)),
    "no pooling": Case(LaplaceEngine(), NoPooling(**POOLING), (3, 2, 2)),
    "full pooling": Case(LaplaceEngine(), FullPooling(**POOLING), (3, 2, 2)),
    "subgroups that may stand alone": Case(LaplaceEngine(), EXNEX, (3, 2, 2)),
    "robust mixture with historical controls": Case(LaplaceEngine(), HISTORY, (2, 2, 2)),
    "arms of one class": Case(
        LaplaceEngine(), NestedPooling(**POOLING, class_scale=0.3, classes=(0, 0)), (2, 3, 1)
    ),
    "a spread per arm": Case(LaplaceEngine(), PerArmPooling(**POOLING), (2, 3, 1)),
    "constant hazards": Case(ConjugateEngine(), GammaHazards(4.0, 4.0 / HAZARD), (3, 2, 1), 2048),
    "partial pooling, sampled": Case(SAMPLER, PartialPooling(**POOLING), (3, 2, 1), 512, (60.0,)),
}


def exposure(case, n_events):
    return even_exposure(n_events, HAZARD, case.shape)


SLIPS = {
    "subgroups that may stand alone": {"p_exchangeable": [0.3, 0.5, 0.8]},
    "robust mixture with historical controls": {"exposure": PAST_MONTHS[::-1]},
    "arms of one class": {"class_scale": 1.0},
    "a spread per arm": {"tau_scale": 0.25},
}
"""Numbers of the model that the fit is given wrongly."""


@functools.lru_cache
def right(name, n_events):
    case = CASES[name]
    return calibrate(case.engine, case.model, exposure(case, n_events), n=case.n, seed=20)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_posteriors_are_calibrated(name):
    for n_events in CASES[name].events:
        replicates = right(name, n_events)
        assert (replicates.answer.code == HealthCode.OK).all()
        checks = all_checks(replicates)
        assert verdict(checks, SUITE_FALSE_ALARM), (n_events, worst(checks))


def run_plants(name, n_events, plants):
    case = CASES[name]
    return {
        error.name: all_checks(
            plant(case.engine, case.model, exposure(case, n_events), error, size, n=case.n, seed=20)
        )
        for error, size in plants
    }


@pytest.mark.slow
@pytest.mark.parametrize("n_events", [10.0, 200.0])
def test_planted_errors_are_found(n_events):
    """A tenth off in the posterior's place, its width, or an exposure; a prior of tau half as wide."""
    plants = zip(PLANTS, (0.1, 0.1, 0.5, 0.1), strict=True)
    for name, checks in run_plants("partial pooling, one arm", n_events, plants).items():
        assert not verdict(checks, SUITE_FALSE_ALARM), (name, worst(checks))


@pytest.mark.slow
@pytest.mark.parametrize("name", SLIPS)
def test_a_model_fitted_with_a_wrong_number_is_found(name):
    case = CASES[name]
    wrong = dataclasses.replace(case.model, **{key: jnp.asarray(value) for key, value in SLIPS[name].items()})
    replicates = calibrate(case.engine, case.model, exposure(case, 200.0), n=case.n, seed=20, fit_model=wrong)
    checks = all_checks(replicates)
    assert not verdict(checks, SUITE_FALSE_ALARM), worst(checks)


@pytest.mark.slow
def test_swapped_arms_and_an_engine_that_returns_the_prior_are_found():
    case = CASES["partial pooling, one arm"]
    months = exposure(case, 200.0)
    swapped = calibrate(case.engine, case.model, months, n=256, seed=20, distort=swapped_arms)
    assert not verdict(all_checks(swapped), SUITE_FALSE_ALARM)
    blind = calibrate(
        case.engine, case.model, months, n=case.n, seed=20, distort=lambda d, e: (0.0 * d, 0.0 * e)
    )
    checks = all_checks(blind)
    assert verdict(place_checks(blind), SUITE_FALSE_ALARM), "its places are uniform all the same"
    assert worst(checks).name.startswith("place against"), worst(checks)
    assert not verdict(checks, SUITE_FALSE_ALARM)


@pytest.mark.slow
def test_planted_errors_are_found_in_a_sampler():
    """The ranks of draws see what they can with fewer replicates: arms swapped, an exposure too long."""
    case = CASES["partial pooling, sampled"]
    months = exposure(case, 60.0)
    _, _, distort = wrong_exposure(case.engine, case.model, 0.5)
    for wrong in (swapped_arms, distort):
        replicates = calibrate(case.engine, case.model, months, n=256, seed=20, distort=wrong)
        assert not verdict(all_checks(replicates), SUITE_FALSE_ALARM)


def made_up(rng, n, shift=0.0, cells=3):
    """Replicates of independent standard normal posteriors, stated ``shift`` SD too low."""
    scores = rng.standard_normal((n, cells)) + shift
    zeros = np.zeros((n, cells, 1))
    truth = object.__new__(Truth)
    object.__setattr__(truth, "log_hr", zeros)
    answer = object.__new__(Answer)
    object.__setattr__(answer, "place", stats.norm.cdf(scores))
    return Replicates(tuple(f"cell {i}" for i in range(cells)), truth, answer)


def test_false_alarms_are_as_rare_as_stated_and_power_as_high():
    """At a false-alarm rate of 5%, and at the shift for which the closed form promises 90%."""
    rng = np.random.default_rng(5)
    runs, n, alarm = 400, 512, 0.05
    n_checks = len(place_checks(made_up(rng, n)))
    quiet = [verdict(place_checks(made_up(rng, n)), alarm) for _ in range(runs)]
    assert np.mean(quiet) >= stats.binom.ppf(SUITE_FALSE_ALARM, runs, 1 - alarm) / runs
    shift = (critical_z(n_checks, alarm) + stats.norm.ppf(POWER)) / np.sqrt(3 * n)
    loud = [not verdict(place_checks(made_up(rng, n, shift)), alarm) for _ in range(runs)]
    assert np.mean(loud) >= stats.binom.ppf(SUITE_FALSE_ALARM, runs, POWER) / runs
    half = [not verdict(place_checks(made_up(rng, n, shift / 2)), alarm) for _ in range(runs)]
    assert np.mean(half) < 0.6


def test_the_size_that_would_be_seen_is_that_of_the_closed_form():
    rng, n = np.random.default_rng(6), 2048
    base = made_up(rng, n)
    scores = scores_of(base.answer.place)
    moved = made_up(np.random.default_rng(0), n)
    object.__setattr__(moved.answer, "place", stats.norm.cdf(scores + 0.2))
    before, after = place_checks(base), place_checks(moved)
    found, name = detectable(before, after, 0.2, SUITE_FALSE_ALARM)
    expected = (critical_z(len(before), SUITE_FALSE_ALARM) + stats.norm.ppf(POWER)) / np.sqrt(3 * n)
    assert name == "shift of all cells"
    np.testing.assert_allclose(found, expected, rtol=0.1)


def test_a_warped_posterior_is_moved_and_stretched():
    case = CASES["partial pooling, one arm"]
    table = calibrate(case.engine, case.model, exposure(case, 200.0), n=1, seed=3)
    engine, model, _ = shifted(case.engine, case.model, 0.5)
    warped = calibrate(engine, model, exposure(case, 200.0), n=1, seed=3)
    np.testing.assert_allclose(warped.answer.mean - table.answer.mean, 0.5 * table.answer.sd)
    assert (warped.answer.place < table.answer.place).all()
    assert jnp.allclose(warped.answer.sd, table.answer.sd)
