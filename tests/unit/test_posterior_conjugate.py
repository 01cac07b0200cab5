import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from adaptive.errors import BadInput
from adaptive.posterior.conjugate import ConjugateEngine
from adaptive.records import EventTable
from tests.posterior_cases import as_table, gamma_model, pooling_model, table
from tests.statistics import assert_mc_close

KEY = jax.random.key(0)
CASES = {
    "plain": table(1, 3, 3, 2, 60),
    "large": table(2, 2, 2, 2, 2000),
    "no events": (np.zeros((2, 3, 1)), np.full((2, 3, 1), 50.0)),
    "empty": table(3, 2, 2, 2, 30, empty=[(0, 1)]),
}


def fit(events, exposure):
    return ConjugateEngine().fit(KEY, gamma_model(), as_table(events, exposure))


def parameters(events, exposure):
    return 0.5 + events.sum(axis=2), 20.0 + exposure.sum(axis=2)


@pytest.mark.parametrize("name", CASES)
def test_p_below_is_the_f_distribution_function(name):
    shape, rate = parameters(*CASES[name])
    margins = np.array([0.5, 0.8, 1.0, 1.3])
    got = fit(*CASES[name]).p_below(jnp.log(jnp.asarray(margins)))
    for g, margin in enumerate(margins):
        ratio = (rate[:, 1:] / shape[:, 1:]) / (rate[:, :1] / shape[:, :1])
        exact = stats.f.cdf(margin * ratio, 2 * shape[:, 1:], 2 * shape[:, :1])
        np.testing.assert_allclose(got[g], exact, atol=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_moments_quantiles_and_p_best_agree_with_draws(name):
    shape, rate = parameters(*CASES[name])
    posterior = fit(*CASES[name])
    rng = np.random.default_rng(5)
    n = 200_000
    log_hazard = (
        np.log(rng.gamma(shape + 1, 1.0, (n, *shape.shape))) + np.log(rng.random((n, *shape.shape))) / shape
    )
    log_hazard -= np.log(rate)
    winner = log_hazard.argmin(axis=2)
    share = np.stack([(winner == a).mean(axis=0) for a in range(shape.shape[1])], axis=1)
    se = np.sqrt(np.maximum(share * (1 - share), 1 / n) / n)
    assert_mc_close(posterior.p_best(), share, se, label="p_best")
    np.testing.assert_allclose(posterior.p_best().sum(axis=1), 1.0, atol=1e-12)
    log_hr = log_hazard[:, :, 1:] - log_hazard[:, :, :1]
    mean, sd = posterior.moments()
    assert_mc_close(mean, log_hr.mean(axis=0), np.asarray(sd) / np.sqrt(n), label="mean")
    np.testing.assert_allclose(sd, log_hr.std(axis=0), rtol=0.03)
    levels = jnp.asarray([0.025, 0.5, 0.975])
    quantiles = posterior.quantiles(levels)
    for q in range(3):
        below = jnp.stack([posterior.p_below(quantiles[q, s])[:, s] for s in range(shape.shape[0])])
        got = jnp.diagonal(below, axis1=1, axis2=2)
        np.testing.assert_allclose(got, levels[q], atol=1e-7)


def test_two_arms_p_best_is_p_below_one():
    posterior = fit(*table(4, 3, 1, 2, 25))
    below = posterior.p_below(jnp.zeros(1))[0]
    np.testing.assert_allclose(posterior.p_best()[:, 1:], below, atol=1e-8)


def test_moments_are_polygammas():
    shape, rate = parameters(*CASES["plain"])
    mean, sd = fit(*CASES["plain"]).moments()
    level = special.digamma(shape) - np.log(rate)
    np.testing.assert_allclose(mean, level[:, 1:] - level[:, :1], rtol=1e-10)
    spread = special.polygamma(1, shape)
    np.testing.assert_allclose(sd, np.sqrt(spread[:, 1:] + spread[:, :1]), rtol=1e-9)


@pytest.mark.parametrize(
    "bug", [lambda d, e: (d, e * np.array([1, 1.1, 1])[None, :, None]), lambda d, e: (d[:, ::-1], e[:, ::-1])]
)
def test_planted_bugs_are_detected(bug):
    events, exposure = table(6, 2, 2, 2, 200)
    right = fit(events, exposure).p_below(jnp.zeros(1))
    wrong = fit(*map(np.ascontiguousarray, bug(events, exposure))).p_below(jnp.zeros(1))
    assert np.abs(right - wrong).max() > 1e-3


def test_other_models_are_refused_by_name():
    with pytest.raises(BadInput, match="PartialPooling.*GammaHazards only"):
        ConjugateEngine().fit(KEY, pooling_model("partial"), as_table(*CASES["plain"]))


def test_not_finite_input_is_reported():
    posterior = ConjugateEngine().fit(
        KEY, gamma_model(), EventTable(jnp.full((1, 2, 1), jnp.nan), jnp.ones((1, 2, 1)))
    )
    assert int(posterior.health.code) == 5
