import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.handlers import seed, trace
from numpyro.infer import Predictive
from numpyro.infer.util import log_density
from scipy import stats

from tests.posterior_cases import PRIOR, as_table, gamma_model, pooling_model, table
from tests.statistics import assert_mc_close

N = 20000
SHAPE = (3, 3, 2)


def prior_draws(model):
    return Predictive(model, num_samples=N)(jax.random.key(0), None, SHAPE)


@pytest.mark.parametrize(
    ("kind", "variance", "between"), [("partial", 1.25, 1.0), ("none", 1.0, 0.0), ("full", 1.0, 1.0)]
)
def test_prior_predictive_has_the_stated_covariances(kind, variance, between):
    log_hr = np.asarray(prior_draws(pooling_model(kind))["log_hr"])
    assert log_hr.shape == (N, 3, 2)
    square = log_hr[:, 0, 0] ** 2
    assert_mc_close(square.mean(), variance, square.std() / np.sqrt(N), label="variance")
    cross = log_hr[:, 0, 0] * log_hr[:, 1, 0]
    assert_mc_close(cross.mean(), between, max(cross.std(), 0.01) / np.sqrt(N), label="between subgroups")
    other = log_hr[:, 0, 0] * log_hr[:, 0, 1]
    assert_mc_close(other.mean(), 0.0, other.std() / np.sqrt(N), label="between arms")


def test_tau_scale_is_the_scale_of_a_half_normal():
    tau = np.asarray(prior_draws(pooling_model("partial"))["tau"])
    expected = stats.halfnorm.mean(scale=PRIOR["tau_scale"])
    assert_mc_close(tau.mean(), expected, tau.std() / np.sqrt(N), label="tau")


def test_constant_hazards_have_the_stated_prior():
    drawn = prior_draws(gamma_model())
    hazard = np.asarray(drawn["hazard"])
    assert_mc_close(hazard[:, 0, 0].mean(), 0.5 / 20.0, hazard[:, 0, 0].std() / np.sqrt(N), label="hazard")
    ratio = np.log(hazard[:, :, 1:] / hazard[:, :, :1])
    np.testing.assert_allclose(drawn["log_hr"], ratio, rtol=1e-6)


@pytest.mark.parametrize("kind", ["partial", "none", "full"])
def test_log_hr_is_a_deterministic_site(kind):
    sites = trace(seed(pooling_model(kind), 0)).get_trace(as_table(*table(1, 3, 2, 2, 30)), SHAPE)
    assert sites["log_hr"]["type"] == "deterministic"
    assert sites["log_hr"]["value"].shape == (3, 2)


def test_constant_hazards_condition_on_the_poisson_likelihood():
    model, (events, exposure) = gamma_model(), table(2, 2, 1, 2, 20)
    hazard = jnp.asarray(np.random.default_rng(0).gamma(2.0, 0.01, (2, 2)))
    got, _ = log_density(model, (as_table(events, exposure), (2, 2, 2)), {}, {"hazard": hazard})
    d, e = events.sum(axis=2), exposure.sum(axis=2)
    exact = stats.gamma.logpdf(hazard, 0.5, scale=1 / 20.0).sum()
    poisson = (
        stats.poisson.logpmf(d, np.asarray(hazard) * e) - d * np.log(e) + stats.gamma(1).logpdf(0)
    ).sum()
    constant = -sum(np.log(np.arange(1, int(n) + 1)).sum() for n in d.ravel())
    np.testing.assert_allclose(got, exact + poisson - constant, rtol=1e-9)
