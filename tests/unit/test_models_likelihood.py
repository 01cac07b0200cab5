import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, special

from adaptive.models.likelihood import make_cells, marginal_log_likelihood, plain_rows, rough_log_hr
from tests.posterior_cases import as_table, table

A0, B0 = jnp.asarray(0.1), jnp.asarray(5.0)
CASES = {
    "plain": table(1, 3, 2, 4, 60),
    "one cell each": table(2, 1, 1, 1, 8),
    "four arms": table(3, 2, 4, 3, 90),
    "no events": (np.zeros((2, 3, 2)), table(4, 2, 2, 2, 5)[1]),
    "nothing": (np.zeros((2, 3, 2)), np.zeros((2, 3, 2))),
    "empty cells": table(5, 3, 2, 3, 40, empty=[(0, 1), (1,), (slice(None), slice(None), 2)]),
}


def split_columns(theta):
    return [theta[:, b] for b in range(theta.shape[1])]


def random_theta(shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(-0.3, 0.8, shape))


@pytest.mark.parametrize("name", CASES)
def test_derivatives_agree_with_automatic_differentiation(name):
    data = as_table(*CASES[name])
    n_subgroups, n_arms, _ = data.events.shape
    n_exp = n_arms - 1
    theta = random_theta((n_subgroups, n_exp))
    value = lambda t: marginal_log_likelihood(t, data, A0, B0)  # noqa: E731
    cells = make_cells(plain_rows(data, A0, B0), random_theta((n_subgroups, n_exp), 9))
    gradient, curvature = cells.gradient_and_curvature(split_columns(theta))
    auto, hessian = jax.jit(lambda t: (jax.grad(value)(t), jax.hessian(value)(t)))(theta)
    for s in range(n_subgroups):
        np.testing.assert_allclose([g[s] for g in gradient], auto[s], rtol=1e-9, atol=1e-9)
        got = [[curvature[b][c][s] for c in range(n_exp)] for b in range(n_exp)]
        np.testing.assert_allclose(got, -hessian[s, :, s, :], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_value_does_not_depend_on_the_reference_point_but_for_a_constant(name):
    data = as_table(*CASES[name])
    shape = (data.events.shape[0], data.events.shape[1] - 1)
    cells = make_cells(plain_rows(data, A0, B0), rough_log_hr(data))
    gaps = [
        cells.log_likelihood(split_columns(t)).sum() - marginal_log_likelihood(t, data, A0, B0)
        for t in (random_theta(shape, 1), random_theta(shape, 2))
    ]
    np.testing.assert_allclose(gaps[0], gaps[1], rtol=1e-9, atol=1e-9)


def integrated_likelihood(theta, events, exposure, a0, b0):
    """Integrate the Poisson likelihood over one Gamma baseline by adaptive quadrature in log hazard."""
    hazard_ratio = np.exp(np.concatenate([[0.0], theta]))
    total, shift = events.sum(), special.gammaln(a0 + events.sum())

    def integrand(y):
        rate = np.exp(y)
        log_terms = a0 * y - b0 * rate + total * y - rate * (hazard_ratio * exposure).sum()
        return np.exp(log_terms - shift)

    value = integrate.quad(integrand, -150, 10, points=[-20, -8, -5, -3, 0], limit=400)[0]
    return np.log(value) + (events * np.log(hazard_ratio)).sum()


def likelihood_gap(exposure_used):
    """Difference between closed form and quadrature of the change between two points."""
    events, exposure = np.array([[[4.0], [2.0], [0.0]]]), np.array([[[80.0], [95.0], [30.0]]])
    points = [np.array([-0.4, 0.3]), np.array([0.8, -1.1])]
    exact = [integrated_likelihood(t, events[0, :, 0], exposure[0, :, 0], 0.1, 5.0) for t in points]
    data = as_table(events, exposure_used(exposure))
    closed = [float(marginal_log_likelihood(jnp.asarray(t)[None], data, A0, B0)) for t in points]
    return abs((closed[0] - closed[1]) - (exact[0] - exact[1]))


def test_baselines_are_integrated_out_exactly():
    assert likelihood_gap(lambda x: x) < 1e-6


def test_a_ten_percent_exposure_error_is_detected():
    assert likelihood_gap(lambda x: x * np.array([1.0, 1.1, 1.0])[None, :, None]) > 1e-3


def test_rough_log_hr_is_finite_and_zero_without_data():
    data = as_table(*CASES["nothing"])
    np.testing.assert_array_equal(rough_log_hr(data), np.zeros((2, 2)))
