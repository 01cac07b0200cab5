"""Around predictive probability: bounds, information fraction, graduation, draws of hazards."""

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy import integrate, stats
from scipy.special import digamma

from adaptive.design.decide import at_look, initial_progress
from adaptive.errors import BadInput
from adaptive.measures.best import ArmIsBest
from adaptive.measures.final import FinalTest, TwoSided
from adaptive.measures.graduation import ConfirmatorySuccess
from adaptive.measures.imputation import Assumed
from adaptive.measures.log_rank import LogRank
from adaptive.measures.predictive import PredictiveProbability, bounds
from adaptive.measures.predictive_information import PredictiveInformation
from adaptive.models.drifting import Drifting
from adaptive.models.hazards import GammaHazards
from adaptive.models.likelihood import marginal_log_likelihood
from adaptive.models.pooling import NoPooling
from adaptive.posterior.conjugate import ConjugateEngine
from adaptive.posterior.draws import expected_hazard, hazard_draws, log_hr_draws
from adaptive.posterior.laplace import LaplaceEngine
from adaptive.records import EventTable, FittedLook, Health, Snapshot
from tests.statistics import assert_mc_close
from tests.toy import ToyPosterior, toy_design

MEAN, SD = -0.3, 0.25
ASSUMED = Assumed(5.0, 12.0)


def normal_look(mean=MEAN, sd=SD, events=60.0) -> FittedLook:
    """Return a look of one cell whose posterior is normal, with so many events in each of two arms."""
    health = Health(jnp.asarray(0, jnp.int32), jnp.asarray(1.0), jnp.asarray(1.0), jnp.asarray(0, jnp.int32))
    design = toy_design()
    shape = design.eligible.shape
    posterior = ToyPosterior(jnp.full(shape, mean), jnp.full(shape, sd), health)
    table = EventTable(
        jnp.full((shape[0], shape[1] + 1, 1), events), jnp.full((shape[0], shape[1] + 1, 1), 900.0)
    )
    nobody = jnp.zeros(1)
    snapshot = Snapshot(
        nobody.astype(jnp.int32), nobody.astype(jnp.int32), nobody, nobody > 0, nobody > 0, nobody
    )
    return FittedLook(
        jr.key(0), snapshot, table, posterior, at_look(initial_progress(design), 0, 10.0, False)
    )


def test_bounds_are_clopper_and_pearsons():
    n = 100
    x = np.arange(n + 1)
    lower, upper = (np.asarray(bounds(n, jnp.asarray(0.95), side)) for side in ("lower", "upper"))
    exact = np.where(x > 0, stats.beta.ppf(0.05, x, n - x + 1), 0.0)
    np.testing.assert_allclose(lower, exact, atol=1e-10)
    np.testing.assert_allclose(upper, np.where(x < n, stats.beta.ppf(0.95, x + 1, n - x), 1.0), atol=1e-10)
    assert np.flatnonzero(upper < 0.1).max() == 4 and np.flatnonzero(lower > 0.9).min() == 96


@pytest.mark.parametrize("events", [100.0, 300.0, 900.0])
def test_graduation_is_the_integral_over_the_posterior(events):
    value = ConfirmatorySuccess(events).value(toy_design(), normal_look())
    scale, z = np.sqrt(events / 4), stats.norm.isf(0.025)
    integral, _ = integrate.quad(
        lambda t: stats.norm.pdf(t, MEAN, SD) * stats.norm.cdf(-t * scale - z), MEAN - 8 * SD, MEAN + 8 * SD
    )
    np.testing.assert_allclose(value, integral, atol=1e-5)
    np.testing.assert_allclose(
        integral, stats.norm.cdf((-MEAN * scale - z) / np.sqrt(1 + (scale * SD) ** 2)), atol=1e-9
    )


def test_graduation_by_brute_force_trials():
    """Draw an effect, simulate a later trial's estimate, test it; and the sign: a harm does not graduate."""
    rng, n, events = np.random.default_rng(2), 400_000, 300.0
    theta = rng.normal(MEAN, SD, n)
    z = -(theta + rng.normal(size=n) * 2 / np.sqrt(events)) * np.sqrt(events) / 2
    share = float(np.mean(z > stats.norm.isf(0.025)))
    value = np.asarray(ConfirmatorySuccess(events).value(toy_design(), normal_look()))
    assert_mc_close(value, share, np.sqrt(share * (1 - share) / n))
    assert np.all(np.asarray(ConfirmatorySuccess(events).value(toy_design(), normal_look(mean=0.5))) < 0.02)
    assert ConfirmatorySuccess(300.0, share=0.6).name == "p_confirmed_300_0.025_share_0.6"


def test_the_information_fraction_form_is_the_predictive_power_of_a_normal_model():
    """Brute force: draw the effect, then the score of the further events, and test the sum."""
    look, rng, n = normal_look(), np.random.default_rng(4), 400_000
    measure = PredictiveInformation(FinalTest(LogRank(), 0.975), ASSUMED, events=jnp.asarray(200.0))
    value = np.asarray(measure.value(toy_design(), look))
    now = 1 / SD**2
    further = 80.0 / 120.0 / (2 / 60.5)
    theta = rng.normal(MEAN, SD, n)
    score = now * MEAN + rng.normal(further * theta, np.sqrt(further))
    share = float(np.mean(-score / np.sqrt(now + further) > stats.norm.isf(0.025)))
    assert_mc_close(value, share, np.sqrt(share * (1 - share) / n))


def test_a_third_of_the_information_and_no_effect():
    """The reason why the check's futility rule cannot fire at Z = 0: 2 (1 - Phi(1.96 / sqrt 2)) = 0.166."""
    sd = float(np.sqrt(2 / 60.5))
    test = FinalTest(TwoSided(LogRank()), 0.95)
    measure = PredictiveInformation(test, ASSUMED, events=jnp.asarray(360.0))
    value = measure.value(toy_design(), normal_look(mean=0.0, sd=sd))
    np.testing.assert_allclose(value, 2 * stats.norm.sf(stats.norm.isf(0.025) / np.sqrt(2)), atol=1e-6)


def test_bad_measures_are_refused():
    with pytest.raises(BadInput, match="maximum"):
        PredictiveProbability(FinalTest(LogRank(), 0.9), ASSUMED, sample="all")
    with pytest.raises(BadInput, match="1 or more"):
        PredictiveProbability(FinalTest(LogRank(), 0.9), ASSUMED, n=0)
    with pytest.raises(BadInput, match="margin"):
        PredictiveInformation(FinalTest(ArmIsBest(), 0.9), ASSUMED)
    table = EventTable(jnp.ones((1, 2, 2)), jnp.ones((1, 2, 2)))
    drifting = Drifting(NoPooling(1.0, 0.5, 0.1, 0.1), 0.5, 2)
    posterior = normal_look().posterior
    for function in (
        lambda: hazard_draws(jr.key(0), posterior, drifting, table, 3),
        lambda: expected_hazard(posterior, drifting, table),
    ):
        with pytest.raises(BadInput, match="calendar period"):
            function()


TABLE = EventTable(
    jnp.asarray([[[12.0, 9.0], [6.0, 5.0], [9.0, 2.0]]]),
    jnp.asarray([[[150.0, 200.0], [160.0, 210.0], [170.0, 190.0]]]),
)


@pytest.fixture(scope="module")
def grid():
    """The joint posterior of two log hazard ratios on a dense grid, from the likelihood alone."""
    axis = np.linspace(-3, 2, 201)
    points = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 1, 2)
    one = eqx.filter_vmap(lambda t: marginal_log_likelihood(t, TABLE, jnp.asarray(0.1), jnp.asarray(1.0)))
    logs = np.asarray(one(jnp.asarray(points))) - 0.5 * (points**2).sum(axis=(1, 2))
    weight = np.exp(logs - logs.max())
    return points[:, 0], weight / weight.sum()


def test_draws_of_the_hazards_follow_the_joint_posterior(grid):
    """Means of log hazards of every arm and interval, and the correlation of the arms, against quadrature."""
    points, weight = grid
    n, model = 20_000, NoPooling(1.0, 0.5, 0.1, 1.0)
    posterior = LaplaceEngine().fit(jr.key(0), model, TABLE)
    drawn = np.log(np.asarray(hazard_draws(jr.key(1), posterior, model, TABLE, n), float))[:, 0]
    ratio = np.exp(np.concatenate([np.zeros((len(points), 1)), points], axis=1))
    exposure = np.asarray(TABLE.exposure)[0]
    level = digamma(0.1 + np.asarray(TABLE.events)[0].sum(axis=0)) - np.log(1.0 + ratio @ exposure)
    expected = weight @ (level[:, None, :] + np.log(ratio)[:, :, None]).reshape(len(points), -1)
    se = drawn.reshape(n, -1).std(axis=0) / np.sqrt(n)
    assert_mc_close(drawn.reshape(n, -1).mean(axis=0), expected, se, allowance=0.015)
    theta = np.asarray(log_hr_draws(jr.key(2), posterior, TABLE, n))[:, 0]
    mean = weight @ points
    covariance = (points - mean).T @ ((points - mean) * weight[:, None])
    exact = covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
    found = np.corrcoef(theta.T)[0, 1]
    assert_mc_close(found, exact, (1 - exact**2) / np.sqrt(n), allowance=0.06)
    np.testing.assert_allclose(theta.std(axis=0), np.sqrt(np.diag(covariance)), rtol=0.03)


def test_draws_of_constant_hazards_are_gamma():
    model, n = GammaHazards(0.5, 2.0), 20_000
    posterior = ConjugateEngine().fit(jr.key(0), model, TABLE)
    drawn = np.asarray(hazard_draws(jr.key(1), posterior, model, TABLE, n))[:, 0, :, 0]
    shape = 0.5 + np.asarray(TABLE.events)[0].sum(axis=1)
    rate = 2.0 + np.asarray(TABLE.exposure)[0].sum(axis=1)
    p = [stats.kstest(drawn[:, a], stats.gamma(shape[a], scale=1 / rate[a]).cdf).pvalue for a in range(3)]
    assert min(p) > 1e-6
    swapped = stats.kstest(drawn[:, 0], stats.gamma(shape[1], scale=1 / rate[1]).cdf).pvalue
    assert swapped < 1e-6
    theta = np.asarray(log_hr_draws(jr.key(1), posterior, TABLE, n))[:, 0]
    mean, sd = posterior.moments()
    assert_mc_close(theta.mean(axis=0), np.asarray(mean)[0], np.asarray(sd)[0] / np.sqrt(n))
    np.testing.assert_allclose(expected_hazard(posterior, model, TABLE)[0, :, 0], shape / rate, rtol=1e-12)
