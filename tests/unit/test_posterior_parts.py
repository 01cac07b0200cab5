import functools
import itertools

import arviz as az
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from adaptive.posterior.convergence import bulk_ess, energy_fraction, split_rhat, tail_ess
from adaptive.posterior.lanes import in_lanes
from adaptive.posterior.orthant import all_above, normal_below
from adaptive.posterior.quadrature import gauss_hermite, normal_rule
from adaptive.posterior.small import cholesky, inverse
from adaptive.posterior.storing import stored
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
    np.testing.assert_allclose(
        np.array(cholesky(nested), float), np.linalg.cholesky(matrix), rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_rules_integrate_the_standard_normal_to_degree_five(n):
    points, weights = normal_rule(n)
    assert np.all(weights > 0)
    for powers in itertools.product(range(6), repeat=n):
        if sum(powers) <= 5:
            exact = np.prod([0 if p % 2 else stats.norm.moment(p) for p in powers])
            np.testing.assert_allclose((weights * np.prod(points**powers, axis=1)).sum(), exact, atol=1e-10)


def test_gauss_hermite_integrates_to_twice_its_points():
    points, weights = gauss_hermite(4)
    for power in range(8):
        exact = 0 if power % 2 else stats.norm.moment(power)
        np.testing.assert_allclose((weights * points[:, 0] ** power).sum(), exact, atol=1e-9)


def tabulated(distribution, n_points):
    """A density with its grid placed as the engine places it; one lane."""
    mean, sd = (jnp.asarray([value]) for value in (distribution.mean(), distribution.std()))
    grid = Grid(mean, 1.5 * sd, jnp.arcsinh(6.0 / 1.5) * jnp.ones(1), n_points)
    x, slope = grid.points()
    log_density = jnp.asarray(distribution.logpdf(np.asarray(x))) + slope
    table = tabulate(grid, log_density)
    return tabulate(grid, log_density - jnp.log(table.total)[None])


@pytest.mark.parametrize(
    ("distribution", "error"),
    [(stats.norm(-0.3, 0.2), 5e-4), (stats.loggamma(20.0), 5e-4), (stats.loggamma(1.5, -1.0, 0.7), 4e-3)],
    ids=["normal", "slightly skewed", "very skewed"],
)
def test_tabulated_distribution_function_quantiles_and_moments(distribution, error):
    with jax.numpy_rank_promotion("allow"):  # as in lanes
        check_tabulated(distribution, error)


def check_tabulated(distribution, error):
    table = tabulated(distribution, 17)
    x = np.quantile(distribution.rvs(2000, random_state=1), np.linspace(0.001, 0.999, 57))
    below = np.array([table.below(jnp.asarray([v]))[0] for v in x])
    np.testing.assert_allclose(below, distribution.cdf(x), atol=error)
    assert np.all(np.diff(below) >= 0)
    levels = np.array([0.025, 0.2, 0.5, 0.8, 0.975])
    quantiles = np.array([table.quantile(jnp.asarray([q]))[0] for q in levels])
    np.testing.assert_allclose(quantiles, distribution.ppf(levels), atol=0.01 * distribution.std())
    back = np.array([table.below(jnp.asarray([q]))[0] for q in quantiles])
    np.testing.assert_allclose(back, levels * float(table.total[0]), atol=1e-9)
    mean, sd = (value[0] for value in table.moments())
    np.testing.assert_allclose(
        [mean, sd], [distribution.mean(), distribution.std()], atol=0.01 * distribution.std()
    )


@pytest.mark.parametrize("n", [1, 2, 3])
def test_orthant_probability_agrees_with_scipy(n):
    matrix, mean = spd(7 + n, n), np.linspace(-0.5, 0.8, n)
    got = all_above(
        [jnp.asarray([m]) for m in mean],
        [[jnp.asarray([matrix[i, j]]) for j in range(n)] for i in range(n)],
        -0.2,
    )
    exact = stats.multivariate_normal(-mean, matrix, seed=1, abseps=1e-7).cdf(np.full(n, 0.2))
    np.testing.assert_allclose(got, [exact], atol=5e-4)


def test_normal_probability_is_never_negative():
    """It once was, in single precision: the logarithm of a probability became NaN in two looks of 140,000."""
    x = jnp.linspace(-12.0, 12.0, 200_001, dtype=jnp.float32)
    assert float(normal_below(x).min()) >= 0.0


@pytest.mark.parametrize("shape", [(), (5,), (300,), (2, 3), (3, 200)])
def test_lanes_are_invisible(shape):
    """A function in lanes gives the same under any nesting of vmap."""
    x = jnp.asarray(np.random.default_rng(0).normal(size=(*shape, 4)))
    offset = jnp.asarray(0.3)
    one = functools.partial(in_lanes, _of_lanes)
    for _ in shape:
        one = jax.vmap(one, in_axes=(0, None))
    got = one(x, offset)
    flat = x.reshape(-1, 4)
    alone = [in_lanes(_of_lanes, row, offset) for row in flat[:: max(1, len(flat) // 5)]]
    for place in range(2):
        chosen = got[place].reshape(-1, *got[place].shape[len(shape) :])[:: max(1, len(flat) // 5)]
        np.testing.assert_array_equal(chosen, np.stack([a[place] for a in alone]))
    np.testing.assert_allclose(got[0], (np.exp(np.asarray(x)) + 0.3).sum(axis=-1), rtol=1e-12)


def _of_lanes(x, offset):
    """Works on the last axis; the offset of a lane goes with anything in front of it."""
    grown = jnp.exp(x) + offset
    return sum(grown[k] for k in range(x.shape[0])), grown


def test_stored_changes_no_number_and_spreads_what_is_not_finite():
    values = jnp.asarray([0.0, -1.5, 1e300, 1e-300])
    np.testing.assert_array_equal(stored(values), values)
    assert np.isnan(stored(jnp.asarray([jnp.inf, -jnp.inf, jnp.nan]))).all()
    assert stored([0.0, values])[0] == 0.0


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
