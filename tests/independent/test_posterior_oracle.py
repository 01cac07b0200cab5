"""The fast engine against brute-force quadrature that shares no code with it."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adaptive.posterior.laplace import LaplaceEngine
from tests.posterior_cases import PRIOR, as_table, pooling_model, table
from tests.posterior_oracle import full_pooling, no_pooling, partial_pooling, tau_rule

MARGINS = (1.0, 0.8)
GRID = {1: np.linspace(-8, 6, 561), 2: np.linspace(-5.5, 4, 106), 3: np.linspace(-4.5, 3.5, 37)}
NODES = {1: 40, 2: 24, 3: 12}
ERROR_FEW, ERROR_MANY = 0.010, 0.005
"""Stated error bounds of the probabilities below and from 100 events."""

PARTIAL = {
    "S1 B1, 12 events": table(1, 1, 1, 4, 12),
    "S1 B2, 40 events": table(2, 1, 2, 4, 40),
    "S2 B1, 10 events": table(3, 2, 1, 4, 10),
    "S2 B1, 2000 events": table(4, 2, 1, 4, 2000),
    "S4 B1, 40 events": table(5, 4, 1, 4, 40),
    "S4 B1, 150 events": table(6, 4, 1, 4, 150),
    "S4 B1, discordant": table(7, 4, 1, 4, 300, spread=1.2),
    "S4 B1, no events": (np.zeros((4, 2, 4)), table(8, 4, 1, 4, 1)[1]),
    "S4 B1, nothing": (np.zeros((4, 2, 4)), np.zeros((4, 2, 4))),
    "S4 B1, empty cells": table(9, 4, 1, 4, 120, empty=[(0,), (1, 1), (2, 0), (slice(None), slice(None), 3)]),
    "S8 B1, 80 events": table(10, 8, 1, 2, 80),
    "S8 B1, 600 events": table(11, 8, 1, 6, 600),
    "S4 B2, 40 events": table(12, 4, 2, 4, 40),
    "S4 B2, 400 events": table(13, 4, 2, 4, 400),
    "S4 B2, empty subgroup": table(14, 4, 2, 4, 200, empty=[(3,)]),
    "S2 B3, 60 events": table(15, 2, 3, 3, 60),
}


@functools.lru_cache
def compiled(kind):
    def answers(events, exposure):
        posterior = LaplaceEngine().fit(jax.random.key(0), pooling_model(kind), as_table(events, exposure))
        return {
            "p_below": posterior.p_below(jnp.log(jnp.asarray(MARGINS))),
            "p_best": posterior.p_best(),
            "moments": posterior.moments(),
            "quantile": posterior.quantiles(jnp.asarray([0.025, 0.975])),
            "overall": jax.tree.leaves(posterior.overall()),
            "code": posterior.health.code,
        }

    return jax.jit(answers)


@functools.lru_cache
def exact_partial(name):
    events, exposure = PARTIAL[name]
    n_exp = events.shape[1] - 1
    taus = tau_rule(3.5, NODES[n_exp])
    return partial_pooling(events, exposure, PRIOR, MARGINS, grid=GRID[n_exp], taus=taus)


def probability_error(got, exact):
    return max(np.abs(got["p_below"] - exact.p_below).max(), np.abs(got["p_best"] - exact.p_best).max())


def allowed(events):
    return ERROR_FEW if events.sum() < 100 else ERROR_MANY


@pytest.mark.parametrize("name", PARTIAL)
def test_partial_pooling_agrees_with_brute_force(name):
    events, exposure = PARTIAL[name]
    got, exact = compiled("partial")(events, exposure), exact_partial(name)
    assert int(got["code"]) == 0
    assert probability_error(got, exact) <= allowed(events)
    mean, sd = got["moments"]
    np.testing.assert_allclose((mean - exact.mean) / exact.sd, 0.0, atol=0.02)
    np.testing.assert_allclose(sd / exact.sd, 1.0, atol=0.03)
    np.testing.assert_allclose((got["quantile"] - exact.quantile) / exact.sd[None], 0.0, atol=0.08)
    mu_mean, mu_sd, mu_below, tau_mean, tau_sd = got["overall"]
    np.testing.assert_allclose((mu_mean - exact.mu_mean) / exact.mu_sd, 0.0, atol=0.02)
    np.testing.assert_allclose(mu_sd / exact.mu_sd, 1.0, atol=0.02)
    np.testing.assert_allclose(mu_below, exact.mu_p_below_0, atol=0.01)
    np.testing.assert_allclose([tau_mean, tau_sd], [exact.tau_mean, exact.tau_sd], atol=0.02 * exact.tau_sd)


@pytest.mark.parametrize("kind", ["none", "full"])
@pytest.mark.parametrize(
    "name", ["S1 B1, 12 events", "S4 B1, empty cells", "S4 B2, 40 events", "S2 B3, 60 events"]
)
def test_models_without_heterogeneity_are_exact(kind, name):
    events, exposure = PARTIAL[name]
    oracle = {"none": no_pooling, "full": full_pooling}[kind]
    exact = oracle(events, exposure, PRIOR, MARGINS, grid=GRID[events.shape[1] - 1])
    got = compiled(kind)(events, exposure)
    np.testing.assert_allclose(got["p_below"], exact.p_below, atol=0.003)
    np.testing.assert_allclose(got["p_best"], exact.p_best, atol=0.005)
    np.testing.assert_allclose(got["moments"][0], exact.mean, atol=0.005)
    np.testing.assert_allclose(got["moments"][1] / exact.sd, 1.0, atol=0.01)


@pytest.mark.parametrize(
    "bug",
    [
        lambda d, e: (d, e * np.array([1.0, 1.1])[None, :, None]),
        lambda d, e: (d[:, ::-1], e[:, ::-1]),
        lambda d, e: (d[:, :, ::-1], e),
    ],
    ids=["ten percent exposure", "swapped arms", "shuffled intervals"],
)
def test_planted_bugs_exceed_the_bound(bug):
    name = "S4 B1, 150 events"
    events, exposure = PARTIAL[name]
    wrong = compiled("partial")(*map(np.ascontiguousarray, bug(events, exposure)))
    assert probability_error(wrong, exact_partial(name)) > allowed(events)


def test_a_prior_ten_percent_off_is_seen_in_the_summaries():
    name = "S4 B1, 40 events"
    posterior = LaplaceEngine().fit(
        jax.random.key(0), pooling_model("partial", tau_scale=0.55), as_table(*PARTIAL[name])
    )
    exact = exact_partial(name)
    assert abs(float(posterior.overall().tau_mean) - exact.tau_mean) > 0.02 * exact.tau_sd
