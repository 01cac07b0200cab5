import itertools

import arviz as az
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from adaptive.posterior.convergence import bulk_ess, energy_fraction, split_rhat, tail_ess
from adaptive.posterior.matching import normal_rule
from adaptive.posterior.orthant import all_above
from adaptive.posterior.small import cholesky, inverse
from adaptive.posterior.tabulated import Grid, tabulate


def spd(seed, n):
    x = np.random.default_rng(seed).normal(size=(n, n + 2))
    return x @ x.T


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_small_matrices_agree_with_lapack(n):
    matrix = spd(n, n)
    nested = [[jnp.asarray(matrix[i, j]) for j in range(n)] for i in range(n)]
    inverted, log_det = inverse(nested)
    np.testing.assert_allclose(np.array(inverted), np.linalg.inv(matrix), rtol=1e-9)
    np.testing.assert_allclose(log_det, np.linalg.slogdet(matrix)[1], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(np.array(cholesky(nested)), np.linalg.cholesky(matrix), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_rules_integrate_the_standard_normal_to_degree_five(n):
    points, weights = normal_rule(n)
    assert np.all(weights > 0)
    for powers in itertools.product(range(6), repeat=n):
        if sum(powers) <= 5:
            exact = np.prod([0 if p % 2 else stats.norm.moment(p) for p in powers])
            np.testing.assert_allclose((weights * np.prod(points**powers, axis=1)).sum(), exact, atol=1e-10)


def tabulated(distribution, n_points):
    """A density with its grid placed as the engine places it."""
    mean, sd = jnp.asarray(distribution.mean()), jnp.asarray(distribution.std())
    grid = Grid(mean, 1.5 * sd, jnp.arcsinh(6.0 / 1.5) * jnp.ones(()), n_points)
    x, slope = grid.points()
    log_density = jnp.asarray(distribution.logpdf(np.asarray(x))) + slope
    table = tabulate(grid, log_density)
    return tabulate(grid, log_density - jnp.log(table.total))


@pytest.mark.parametrize(
    ("distribution", "error"),
    [(stats.norm(-0.3, 0.2), 5e-4), (stats.loggamma(20.0), 5e-4), (stats.loggamma(1.5, -1.0, 0.7), 4e-3)],
    ids=["normal", "slightly skewed", "very skewed"],
)
def test_tabulated_distribution_function_quantiles_and_moments(distribution, error):
    table = tabulated(distribution, 17)
    x = np.quantile(distribution.rvs(2000, random_state=1), np.linspace(0.001, 0.999, 57))
    below = np.array([table.below(jnp.asarray(v)) for v in x])
    np.testing.assert_allclose(below, distribution.cdf(x), atol=error)
    assert np.all(np.diff(below) >= 0)
    levels = np.array([0.025, 0.2, 0.5, 0.8, 0.975])
    quantiles = np.array([table.quantile(jnp.asarray(q)) for q in levels])
    np.testing.assert_allclose(quantiles, distribution.ppf(levels), atol=0.01 * distribution.std())
    back = np.array([table.below(jnp.asarray(q)) for q in quantiles])
    np.testing.assert_allclose(back, levels * float(table.total), atol=1e-9)
    mean, sd = table.moments()
    np.testing.assert_allclose(
        [mean, sd], [distribution.mean(), distribution.std()], atol=0.01 * distribution.std()
    )


@pytest.mark.parametrize("n", [1, 2, 3])
def test_orthant_probability_agrees_with_scipy(n):
    matrix, mean = spd(7 + n, n), np.linspace(-0.5, 0.8, n)
    got = all_above(
        [jnp.asarray(m) for m in mean],
        [[jnp.asarray(matrix[i, j]) for j in range(n)] for i in range(n)],
        jnp.asarray(-0.2),
    )
    exact = stats.multivariate_normal(-mean, matrix, seed=1, abseps=1e-7).cdf(np.full(n, 0.2))
    np.testing.assert_allclose(got, exact, atol=5e-4)


def draws(seed, correlation, shift=0.0):
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((4, 600, 3))
    out = np.zeros_like(noise)
    for k in range(1, noise.shape[1]):
        out[:, k] = correlation * out[:, k - 1] + noise[:, k]
    out[0] += shift
    return out


@pytest.mark.parametrize("correlation", [0.0, 0.6, -0.3, 0.97])
@pytest.mark.parametrize("shift", [0.0, 2.0])
def test_diagnostics_agree_with_arviz(correlation, shift):
    x = draws(3, correlation, shift)
    for i in range(x.shape[2]):
        one = jnp.asarray(x)[:, :, i : i + 1]
        np.testing.assert_allclose(split_rhat(one)[0], az.rhat(x[:, :, i], method="rank"), rtol=1e-3)
        np.testing.assert_allclose(bulk_ess(one)[0], az.ess(x[:, :, i], method="bulk"), rtol=0.02)
        np.testing.assert_allclose(tail_ess(one)[0], az.ess(x[:, :, i], method="tail"), rtol=0.05)


def test_energy_fraction_is_two_for_independent_energies():
    energy = jnp.asarray(np.random.default_rng(0).standard_normal((2, 20000)))
    np.testing.assert_allclose(energy_fraction(energy), 2.0, atol=0.1)
