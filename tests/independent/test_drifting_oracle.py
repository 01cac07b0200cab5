"""The drifting model against programs that know no conjugacy: grids of the hazard, simulation, and NUTS."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import signal, stats

from adaptive.models import Drifting, NoPooling, PartialPooling
from adaptive.models.likelihood import marginal_log_likelihood
from adaptive.posterior.laplace import LaplaceEngine
from adaptive.posterior.nuts import NutsEngine
from adaptive.posterior.sbc import place_of
from adaptive.records import EventTable
from tests.posterior_cases import as_table
from tests.statistics import SUITE_FALSE_ALARM, assert_mc_close

pytestmark = pytest.mark.statistical
SHAPE, RATE = 4.0, 80.0
PRIOR = {"mu_scale": 1.0, "tau_scale": 0.5, "baseline_shape": SHAPE, "baseline_rate": RATE}
OMEGA = 0.5
# Control first; the arm enters late, when hazards are lower: where a trend matters.
EVENTS = np.array([[6.0, 3.0, 1.0], [1.0, 4.0, 5.0]])
EXPOSURE = np.array([[90.0, 60.0, 30.0], [20.0, 80.0, 150.0]])

LOG_HAZARD = np.linspace(np.log(2e-4), np.log(2.0), 3000)


def gridded_log_likelihood(ratio, events, exposure, omega):
    """Predict and update the density of the log hazard on a grid, period by period.

    ``ratio`` are the hazard ratios, control's 1; the step is ``log(eta / omega)`` with a Beta variable.
    """
    step = LOG_HAZARD[1] - LOG_HAZARD[0]
    hazard = np.exp(LOG_HAZARD)
    density = stats.gamma.pdf(hazard, SHAPE, scale=1 / RATE) * hazard
    a, value = SHAPE, 0.0
    for p in range(events.shape[1]):
        if p:
            u = step * np.arange(-len(LOG_HAZARD) + 1, len(LOG_HAZARD))
            eta = omega * np.exp(u)
            kernel = np.where(
                eta < 1, stats.beta.pdf(np.minimum(eta, 1), omega * a, (1 - omega) * a) * eta, 0
            )
            density = signal.fftconvolve(density, kernel / kernel.sum())
            density = np.maximum(density[len(LOG_HAZARD) - 1 : 2 * len(LOG_HAZARD) - 1], 0)
        mean = hazard[None] * (ratio * exposure[:, p])[:, None]
        density = density * np.exp(stats.poisson.logpmf(events[:, p, None], mean).sum(axis=0))
        total = density.sum()
        value, density = value + np.log(total), density / total
        a = (omega * a if p else a) + events[:, p].sum()
    return value


def ours(theta, events, exposure, omega):
    model = Drifting(NoPooling(**PRIOR), omega=omega, n_periods=events.shape[1])
    rows = model.rows(as_table(events[None], exposure[None]))
    return float(
        marginal_log_likelihood(jnp.asarray(theta)[None], rows, jnp.asarray(SHAPE), jnp.asarray(RATE))
    )


@pytest.mark.parametrize("omega", [0.4, 0.7])
def test_likelihood_is_that_of_the_evolution_on_a_grid(omega):
    three = np.array([*EVENTS, [2.0, 0.0, 3.0]]), np.array([*EXPOSURE, [50.0, 40.0, 45.0]])
    for data, points in (((EVENTS, EXPOSURE), [[-1.2], [-0.4], [0.9]]), (three, [[-0.7, 0.5], [0.8, -1.0]])):
        base = gridded_log_likelihood(np.ones(len(data[0])), *data, omega)
        for theta in points:
            brute = gridded_log_likelihood(np.exp([0.0, *theta]), *data, omega) - base
            np.testing.assert_allclose(ours(theta, *data, omega), brute, atol=2e-4)
            other = ours(theta, *data, 0.95)
            assert abs(other - brute) > 0.02, "the check could not tell another omega"


def test_posterior_is_that_of_brute_force():
    grid = np.linspace(-4.5, 4.0, 120)
    log_density = [gridded_log_likelihood(np.exp([0.0, t]), EVENTS, EXPOSURE, OMEGA) for t in grid]
    weight = np.exp(log_density - np.max(log_density)) * stats.norm.pdf(grid)
    weight /= weight.sum()
    model = Drifting(NoPooling(**PRIOR), omega=OMEGA, n_periods=3)
    table = as_table(EVENTS[None], EXPOSURE[None])
    fit = LaplaceEngine().fit(jax.random.key(0), model, table)
    np.testing.assert_allclose(fit.mean[0, 0], weight @ grid, atol=2e-3)
    np.testing.assert_allclose(fit.sd[0, 0] ** 2, weight @ grid**2 - (weight @ grid) ** 2, rtol=5e-3)
    edges = np.array([-0.7, 0.0, 0.4])
    spline = np.interp(edges, grid + 0.5 * (grid[1] - grid[0]), np.cumsum(weight))
    np.testing.assert_allclose(fit.p_below(jnp.asarray(edges))[:, 0, 0], spline, atol=2e-3)
    plain = LaplaceEngine().fit(jax.random.key(0), Drifting(NoPooling(**PRIOR), 1.0, 3), table)
    assert abs(float(plain.mean[0, 0]) - weight @ grid) > 0.05, "the case does not tell drift from none"


def replicates(n, exposure, omega, seed=1):
    """Truths and events drawn period by period: the evolution's Beta depends on what has been seen."""
    rng = np.random.default_rng(seed)
    theta = rng.normal(size=(n, exposure.shape[0] - 1))
    ratio = np.exp(np.concatenate([np.zeros((n, 1)), theta], axis=1))
    a, hazard, events = np.full(n, SHAPE), rng.gamma(SHAPE, 1 / RATE, n), []
    for p in range(exposure.shape[1]):
        if p:
            hazard = hazard * rng.beta(omega * a, (1 - omega) * a) / omega
            a = omega * a
        events.append(rng.poisson(hazard[:, None] * ratio * exposure[None, :, p]))
        a = a + events[-1].sum(axis=1)
    return theta, np.stack(events, axis=2).astype(float)


CROSSED = np.array([[160.0, 90.0, 60.0, 30.0], [20.0, 60.0, 90.0, 130.0], [40.0, 40.0, 40.0, 40.0]])


def places(model, theta, events, months):
    def one(theta, events):
        table = EventTable(events[None], jnp.asarray(months)[None])
        return place_of(LaplaceEngine().fit(jax.random.key(0), model, table), theta[None])[0]

    return np.asarray(jax.jit(jax.vmap(one))(jnp.asarray(theta), jnp.asarray(events)))


def smallest_p(found):
    """Of the places' distribution, and of the sum of squares of their normal scores, per arm."""
    least = []
    for place in np.clip(found, 1e-9, 1 - 1e-9).T:
        scale = stats.chi2.cdf((stats.norm.ppf(place) ** 2).sum(), place.size)
        least += [stats.kstest(place, "uniform").pvalue, 2 * min(scale, 1 - scale)]
    return min(least) * len(least)


def test_posteriors_are_calibrated_over_the_evolution_they_assume():
    theta, events = replicates(3072, CROSSED, OMEGA)
    model = lambda omega: Drifting(NoPooling(**PRIOR), omega=omega, n_periods=4)  # noqa: E731
    assert smallest_p(places(model(OMEGA), theta, events, CROSSED)) > SUITE_FALSE_ALARM
    assert smallest_p(places(model(1.0), theta, events, CROSSED)) < SUITE_FALSE_ALARM, "drift left out"
    turned = events[:, :, ::-1]
    assert smallest_p(places(model(OMEGA), theta, turned, CROSSED)) < SUITE_FALSE_ALARM, "periods turned"


def test_the_sampler_and_the_fast_engine_agree():
    rng = np.random.default_rng(8)
    exposure = rng.gamma(6.0, 8.0, (3, 2, 3, 6))
    trend = np.exp(np.linspace(0.5, -0.5, 3).repeat(2)) * np.array([1.0, 0.4, 1.4])[:, None]
    events = rng.poisson(0.03 * trend * exposure).astype(float)
    model = Drifting(PartialPooling(**PRIOR), omega=0.6, n_periods=3)
    margins = jnp.log(jnp.asarray([1.0, 0.7]))

    def fitted(engine):
        def one(key, events, exposure):
            posterior = engine.fit(key, model, EventTable(events, exposure))
            return posterior.p_below(margins), posterior.health

        return jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(3), 3), events, exposure)

    fast, _ = fitted(LaplaceEngine())
    share, health = fitted(NutsEngine(chains=2, warmup=250, draws=750, min_ess=200.0))
    n = np.asarray(health.ess)[:, None, None, None]
    assert n.min() > 200
    error = np.sqrt(np.maximum(share * (1 - share), 0.01) / n)
    assert_mc_close(share, fast, error, allowance=0.008)
    with pytest.raises(AssertionError):
        assert_mc_close(share, np.asarray(fast)[:, :, ::-1], error, allowance=0.008)
