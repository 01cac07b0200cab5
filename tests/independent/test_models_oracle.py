"""The further models, sampled by NUTS once each, against brute force that shares no code with them.

Historical controls are sampled around the robust prior, to compile one program less.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adaptive.posterior.nuts import NutsEngine
from tests.model_cases import EVENTS, EXPOSURE, model
from tests.model_oracle import by_prior_draws
from tests.model_problems import MARGINS, PLAIN, RIGHT, WRONG, exact
from tests.posterior_cases import PRIOR, as_table
from tests.posterior_oracle import partial_pooling, tau_rule
from tests.statistics import assert_mc_close

pytestmark = [pytest.mark.statistical, pytest.mark.slow]
SAMPLER = NutsEngine(chains=4, warmup=1000, draws=4000)


@functools.lru_cache
def sampled(kind):
    problem = RIGHT[kind]
    program = model(kind, tau_scale=problem.prior["tau_scale"])
    return SAMPLER.fit(jax.random.key(5), program, as_table(problem.events, problem.exposure))


def compare(kind, problem):
    """Check probabilities and means of the draws; the tolerance is that of the worst-mixing parameter."""
    posterior, (truth, _, _) = sampled(kind), exact(problem)
    ess = float(posterior.health.ess)
    for found, expected in (
        (posterior.p_below(jnp.log(jnp.asarray(MARGINS))), truth.p_below),
        (posterior.p_best(), truth.p_best),
    ):
        se = np.sqrt(np.maximum(expected * (1 - expected), 0.01) / ess)
        assert_mc_close(found, expected, se, n_checks=30, label=f"{kind}: probabilities")
    assert_mc_close(posterior.moments()[0], truth.mean, truth.sd / np.sqrt(ess), n_checks=30, label="mean")
    overall = posterior.overall()
    assert_mc_close(overall.mu_mean, truth.mu_mean, truth.mu_sd / np.sqrt(ess), n_checks=30, label="mu")
    if problem.shared_tau:
        assert_mc_close(
            overall.tau_mean, truth.tau_mean, truth.tau_sd / np.sqrt(ess), n_checks=30, label="tau"
        )


@pytest.mark.parametrize("kind", RIGHT)
def test_sampled_posterior_is_that_of_brute_force(kind):
    health = sampled(kind).health
    assert (int(health.code), int(health.divergences)) == (0, 0)
    assert float(health.ess) > 2000
    compare(kind, RIGHT[kind])


@pytest.mark.parametrize("slip", WRONG)
def test_a_slip_in_the_program_is_detected(slip):
    with pytest.raises(AssertionError, match="largest excess"):
        compare(*WRONG[slip])


def check_exchangeability(expected):
    sites = sampled("exnex").sites
    probability = jax.vmap(jax.vmap(model("exnex").probability_exchangeable))
    draws = np.asarray(probability(sites["log_hr"], sites["mu"], sites["tau"])).reshape(-1, 2)
    se = draws.std(axis=0) / np.sqrt(float(sampled("exnex").health.ess))
    assert_mc_close(draws.mean(axis=0), expected, se, label="P(exchangeable)")


def test_posterior_probability_of_exchangeability():
    check_exchangeability(exact(RIGHT["exnex"])[1])
    with pytest.raises(AssertionError):
        check_exchangeability(exact(WRONG["swapped probabilities"][1])[1])


def test_one_tau_is_not_reported_where_there_are_two():
    overall = sampled("per_arm").overall()
    assert np.isnan([overall.tau_mean, overall.tau_sd]).all()
    assert np.isfinite([overall.mu_mean, overall.mu_sd, overall.mu_p_below_0]).all()


@pytest.mark.parametrize("kind", RIGHT)
def test_both_brute_forces_agree(kind):
    problem = RIGHT[kind]
    truth, shared, _ = exact(problem)
    found, se = by_prior_draws(problem, 200_000)
    expected = np.concatenate([truth.mean.ravel(), truth.p_below[0].ravel(), shared])
    assert_mc_close(found, expected, np.maximum(se, 1e-9), allowance=2e-4, label=kind)


def test_the_grid_is_that_of_partial_pooling_where_nothing_is_added():
    settings = {"grid": np.linspace(-6, 6, 97), "taus": tau_rule(2.5, 24)}
    known = partial_pooling(EVENTS, EXPOSURE, PRIOR, MARGINS, **settings)
    np.testing.assert_allclose(exact(PLAIN)[0].p_below, known.p_below, atol=1e-12)
