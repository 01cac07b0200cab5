"""Brute-force posteriors in plain NumPy and SciPy, sharing nothing with the package.

Every integral over the log hazard ratios, their means and ``tau`` is a dense tensor grid; given ``mu`` and
``tau`` the subgroups are independent, so that a subgroup's likelihood is a Gaussian convolution of a grid.
One, two or three experimental arms. The grid must cover the posterior and be finer than its standard
deviations.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq


@dataclass(frozen=True)
class Truth:
    """Exact answers: margins x S x B, S x A, S x B, and the between-subgroup summaries."""

    p_below: np.ndarray
    p_best: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    mu_mean: np.ndarray
    mu_sd: np.ndarray
    mu_p_below_0: np.ndarray
    tau_mean: float
    tau_sd: float
    quantile: np.ndarray


def log_likelihood_grid(events, exposure, grid, a0, b0):
    """Log likelihood of one subgroup (A x J tables) on the tensor grid of B axes."""
    n_arms = events.shape[0]
    axes = np.meshgrid(*[grid] * (n_arms - 1), indexing="ij")
    value = sum(events[b + 1].sum() * axes[b] for b in range(n_arms - 1))
    for j in range(events.shape[1]):
        total = b0 + exposure[0, j] + sum(np.exp(axes[b]) * exposure[b + 1, j] for b in range(n_arms - 1))
        value = value - (a0 + events[:, j].sum()) * np.log(total)
    return value - value.max()


@lru_cache(maxsize=64)
def _kernel(tau, grid):
    """Normal density of the column's point about the row's, rows summing to 1 on the endless grid.

    Scaled to sum to 1 on the grid itself, rows near its ends would favour a large ``tau``.
    """
    points = np.array(grid)
    step = (points[1] - points[0]) / tau
    endless = np.exp(-0.5 * (np.arange(-np.ceil(9.0 / step), np.ceil(9.0 / step) + 1) * step) ** 2).sum()
    return np.exp(-0.5 * ((points[:, None] - points[None, :]) / tau) ** 2) / endless


def convolve(kernel, values):
    """Apply ``kernel`` along every axis."""
    for axis in range(values.ndim):
        values = np.moveaxis(np.tensordot(kernel, values, axes=([1], [axis])), 0, axis)
    return values


def partial_pooling(events, exposure, prior, margins, *, grid, taus, levels=(0.025, 0.975)):
    """Exact posterior under partial pooling; ``taus`` is (nodes, weights) of a rule on (0, infinity)."""
    n_subgroups, n_arms, _ = events.shape
    n_exp = n_arms - 1
    h = grid[1] - grid[0]
    lik = [
        np.exp(
            log_likelihood_grid(events[s], exposure[s], grid, prior["baseline_shape"], prior["baseline_rate"])
        )
        for s in range(n_subgroups)
    ]
    log_mu = sum(
        np.expand_dims(-0.5 * (grid / prior["mu_scale"]) ** 2, tuple(c for c in range(n_exp) if c != b))
        for b in range(n_exp)
    )
    mu_prior = np.exp(log_mu) * h**n_exp / (prior["mu_scale"] * np.sqrt(2 * np.pi)) ** n_exp
    joint = [np.zeros_like(lik[0]) for _ in lik]
    mu_density, tau_mass = np.zeros_like(lik[0]), []
    for tau, weight in zip(*taus, strict=True):
        kernel = _kernel(float(tau), tuple(grid))
        smoothed = [convolve(kernel, x) for x in lik]
        mass = weight * np.exp(-0.5 * (tau / prior["tau_scale"]) ** 2)
        full = mass * mu_prior * np.prod(smoothed, axis=0)
        mu_density += full
        tau_mass.append(full.sum())
        for s in range(n_subgroups):
            others = mass * mu_prior * np.prod([x for r, x in enumerate(smoothed) if r != s], axis=0)
            joint[s] += lik[s] * convolve(kernel.T, others)
    return _summaries(joint, grid, margins, levels, mu_density, np.array(tau_mass), np.asarray(taus[0]))


def no_pooling(events, exposure, prior, margins, *, grid, levels=(0.025, 0.975)):
    """Exact posterior under no pooling."""
    n_exp = events.shape[1] - 1
    log_prior = sum(
        np.expand_dims(-0.5 * (grid / prior["mu_scale"]) ** 2, tuple(c for c in range(n_exp) if c != b))
        for b in range(n_exp)
    )
    logs = [
        log_likelihood_grid(events[s], exposure[s], grid, prior["baseline_shape"], prior["baseline_rate"])
        for s in range(events.shape[0])
    ]
    joint = [np.exp(x + log_prior) for x in logs]
    return _summaries(joint, grid, margins, levels)


def full_pooling(events, exposure, prior, margins, *, grid, levels=(0.025, 0.975)):
    """Exact posterior under full pooling (one subgroup's answer)."""
    n_exp = events.shape[1] - 1
    log_density = sum(
        np.expand_dims(-0.5 * (grid / prior["mu_scale"]) ** 2, tuple(c for c in range(n_exp) if c != b))
        for b in range(n_exp)
    )
    for s in range(events.shape[0]):
        log_density = log_density + log_likelihood_grid(
            events[s], exposure[s], grid, prior["baseline_shape"], prior["baseline_rate"]
        )
    joint = [np.exp(log_density - log_density.max())] * events.shape[0]
    return _summaries(joint, grid, margins, levels)


def _marginal(density, axis):
    return density.sum(axis=tuple(c for c in range(density.ndim) if c != axis))


def _moments(marginal, grid):
    mean = (marginal * grid).sum() / marginal.sum()
    return mean, np.sqrt((marginal * (grid - mean) ** 2).sum() / marginal.sum())


def _cdf(marginal, grid):
    integral = CubicSpline(grid, marginal).antiderivative()
    return lambda x: (integral(x) - integral(grid[0])) / (integral(grid[-1]) - integral(grid[0]))


def _quantile(marginal, grid, level):
    cdf = _cdf(marginal, grid)
    return brentq(lambda x: float(cdf(x)) - level, grid[0], grid[-1], xtol=1e-9)


def _best(density, grid):
    """P(each arm is best): nested antiderivatives, so limits that fall on grid points are exact."""
    n_exp = density.ndim
    total = density.sum()
    h = grid[1] - grid[0]
    result = []
    for b in range(n_exp):
        moved = np.moveaxis(density, b, 0)
        inner = np.array([_mass_above(moved[i], grid, grid[i]) for i in range(len(grid))])
        spline = CubicSpline(grid, inner).antiderivative()
        result.append((spline(0.0) - spline(grid[0])) / h / total)
    inner = np.array([_mass_above(np.moveaxis(density, 0, 0)[i], grid, 0.0) for i in range(len(grid))])
    spline = CubicSpline(grid, inner).antiderivative()
    return np.array([(spline(grid[-1]) - spline(0.0)) / h / total, *result])


def _mass_above(values, grid, limit):
    h = grid[1] - grid[0]
    for _ in range(values.ndim):
        spline = CubicSpline(grid, values, axis=0).antiderivative()
        values = (spline(grid[-1]) - spline(limit)) / h
    return values


def _summaries(joint, grid, margins, levels, mu_density=None, tau_mass=None, taus=None):
    n_exp = joint[0].ndim
    marginals = [[_marginal(x, b) for b in range(n_exp)] for x in joint]
    p_below = [[[_cdf(m, grid)(np.log(g)) for m in row] for row in marginals] for g in margins]
    quantile = [[[_quantile(m, grid, q) for m in row] for row in marginals] for q in levels]
    moments = np.array([[_moments(m, grid) for m in row] for row in marginals])
    nan = np.full(n_exp, np.nan)
    mu = (nan, nan, nan, np.nan, np.nan)
    if mu_density is not None:
        parts = [_marginal(mu_density, b) for b in range(n_exp)]
        pairs = np.array([_moments(m, grid) for m in parts])
        mean_tau = (tau_mass * taus).sum() / tau_mass.sum()
        sd_tau = np.sqrt((tau_mass * (taus - mean_tau) ** 2).sum() / tau_mass.sum())
        mu = (pairs[:, 0], pairs[:, 1], np.array([_cdf(m, grid)(0.0) for m in parts]), mean_tau, sd_tau)
    best = np.array([_best(x, grid) for x in joint])
    return Truth(np.array(p_below), best, moments[..., 0], moments[..., 1], *mu, np.array(quantile))


def tau_rule(upper, n):
    """Gauss-Legendre nodes and weights on (0, upper)."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return 0.5 * upper * (nodes + 1), 0.5 * upper * weights
