"""The sampler against the deterministic engines, and its own judgement of itself."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adaptive.codes import HealthCode
from adaptive.posterior.conjugate import ConjugateEngine
from adaptive.posterior.laplace import LaplaceEngine
from adaptive.posterior.nuts import NutsEngine
from tests.posterior_cases import as_table, gamma_model, pooling_model, table
from tests.statistics import assert_mc_close

pytestmark = pytest.mark.statistical
MARGINS = jnp.log(jnp.asarray([1.0, 0.8]))
DATA = table(21, 3, 2, 2, 90, empty=[(0, 1, 1)])
SAMPLER = NutsEngine(chains=4, warmup=300, draws=500, min_ess=200.0)
BIAS = 0.005
"""Stated error of the fast engine's probabilities at this number of events; 0 for the exact ones."""


@functools.lru_cache
def sampled(kind):
    model = gamma_model() if kind == "hazards" else pooling_model(kind)
    return SAMPLER.fit(jax.random.key(11), model, as_table(*DATA))


def deterministic(kind, events, exposure):
    if kind == "hazards":
        return ConjugateEngine().fit(jax.random.key(0), gamma_model(), as_table(events, exposure))
    return LaplaceEngine().fit(jax.random.key(0), pooling_model(kind), as_table(events, exposure))


def compare(kind, exact):
    posterior = sampled(kind)
    n = float(posterior.health.ess)  # the worst-mixing parameter, bulk or tail
    share = posterior.p_below(MARGINS)
    se = np.sqrt(np.maximum(share * (1 - share), 0.01) / n)
    return assert_mc_close(share, exact.p_below(MARGINS), se, allowance=BIAS, label=kind)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["partial", "full", "hazards"])
def test_sampler_and_deterministic_engine_agree(kind):
    posterior = sampled(kind)
    assert float(posterior.health.ess) > 200
    compare(kind, deterministic(kind, *DATA))
    exact_mean, exact_sd = deterministic(kind, *DATA).moments()
    mean, sd = posterior.moments()
    se = np.asarray(exact_sd) / np.sqrt(float(posterior.health.ess))
    assert_mc_close(mean, exact_mean, se, allowance=0.005, label="mean")
    np.testing.assert_allclose(sd / exact_sd, 1.0, atol=0.2)


@pytest.mark.slow
def test_swapped_arms_are_detected():
    events, exposure = (np.ascontiguousarray(x[:, [1, 0, 2]]) for x in DATA)
    with pytest.raises(AssertionError):
        compare("full", deterministic("full", events, exposure))


@pytest.mark.slow
def test_draws_have_named_sites_and_a_verdict():
    posterior = sampled("partial")
    assert {name: x.shape for name, x in posterior.sites.items()} == {
        "log_hr": (4, 500, 3, 2),
        "mu": (4, 500, 2),
        "tau": (4, 500),
    }
    assert posterior.energy.shape == posterior.diverging.shape == (4, 500)
    assert int(posterior.health.code) in (HealthCode.OK, HealthCode.DIVERGENT)
    overall = posterior.overall()
    assert overall.mu_mean.shape == (2,)
    assert 0 < float(overall.tau_mean) < 1


def judged(log_hr, diverging=0, energy=None, **gates):
    chains, draws = log_hr.shape[:2]
    flags = jnp.arange(chains * draws).reshape(chains, draws) < diverging
    energy = (
        jnp.asarray(np.random.default_rng(1).standard_normal((chains, draws))) if energy is None else energy
    )
    return NutsEngine(**gates).judge({"log_hr": log_hr}, flags, energy)


def test_each_gate_gives_its_code():
    good = jnp.asarray(np.random.default_rng(0).standard_normal((4, 500, 2, 1)))
    drift = jnp.cumsum(jnp.asarray(np.random.default_rng(2).standard_normal((4, 500))), axis=1)
    assert int(judged(good).code) == HealthCode.OK
    assert int(judged(good.at[0].add(1.0)).code) == HealthCode.NOT_CONVERGED
    assert int(judged(good[:, :60], max_rhat=1.1).code) == HealthCode.LOW_ESS
    assert int(judged(good, diverging=1).code) == HealthCode.DIVERGENT
    assert int(judged(good, energy=drift).code) == HealthCode.LOW_ENERGY
    assert int(judged(good.at[0, 0].set(jnp.nan)).code) == HealthCode.NOT_FINITE
