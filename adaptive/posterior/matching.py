"""From the likelihood to Gaussian sites: Newton's method first, then moment matching.

Newton's method gives the Laplace approximation. It is not accurate enough below about 100 events, so
each site is then replaced by the one that gives the *exact* mean and covariance of cavity times
likelihood, by quadrature in ``B`` dimensions (expectation propagation: Minka 2001, arXiv:1301.2294;
Rasmussen and Williams 2006, section 3.6). The likelihood is concave, so the sites have non-negative
precision. This module must not know the prior of ``tau``.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from adaptive.models.likelihood import Cells
from adaptive.posterior.gaussian import (
    Combined,
    Normal,
    Prior,
    Sites,
    combine,
    log_site_integral,
    over_subgroups,
    squared_distance,
)
from adaptive.posterior.small import Matrix, Vector, add, change, cholesky, dot, inverse, times

MAX_STEP = 2.0
"""Longest Newton step in a log hazard ratio: longer ones come only from a nearly flat likelihood."""


class Tilted(eqx.Module):
    """Cavity times likelihood: log integral and moments, shape ``(S, T)``."""

    log_integral: Array
    mean: Vector
    covariance: Matrix


class Matched(eqx.Module):
    """The result of matching: sites' consequences, the exact moments, and log evidence ``(T,)``."""

    combined: Combined
    tilted: Tilted
    log_evidence: Array


def normal_rule(n_dimensions: int) -> tuple[np.ndarray, np.ndarray]:
    """Return points ``(P, B)`` and positive weights of a rule for the standard normal.

    Gauss-Hermite in one (7 points) and two (5 x 5) dimensions; in three and four the degree-5 rule with
    ``2 B^2 + 1`` points (McNamee and Stenger 1967, doi:10.1007/BF02165155).
    """
    if n_dimensions <= 2:
        nodes, weights = np.polynomial.hermite_e.hermegauss({1: 7, 2: 5}[n_dimensions])
        return _tensor(nodes, weights / weights.sum(), n_dimensions)
    return _degree_five(n_dimensions)


def _tensor(nodes: np.ndarray, weights: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the tensor product of a rule with itself."""
    grids = np.meshgrid(*[nodes] * n, indexing="ij")
    factors = np.meshgrid(*[weights] * n, indexing="ij")
    return np.stack([g.ravel() for g in grids], axis=1), np.prod([f.ravel() for f in factors], axis=0)


def _degree_five(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the fully symmetric degree-5 rule, leaving out points of weight zero."""
    unit = np.eye(n)
    pairs = [a * unit[i] + b * unit[j] for i in range(n) for j in range(i) for a in (1, -1) for b in (1, -1)]
    points = np.concatenate(
        [
            np.zeros((1, n)),
            np.sqrt(n + 2.0) * np.concatenate([unit, -unit]),
            np.sqrt(n / 2 + 1.0) * np.array(pairs),
        ]
    )
    weights = np.concatenate(
        [[2 / (n + 2)], np.full(2 * n, (4 - n) / (2 * (n + 2) ** 2)), np.full(len(pairs), 1 / (n + 2) ** 2)]
    )
    return points[weights > 0], weights[weights > 0]


def newton(cells: Cells, prior: Prior, start: Vector, n_steps: int) -> Sites:
    """Return the sites of the Laplace approximation after ``n_steps`` limited Newton steps.

    Parameters
    ----------
    cells
        Likelihood with one trailing axis for the nodes.
    start
        Log hazard ratios, ``B`` arrays ``(S, T)``.
    """

    def step(_, theta: Vector) -> Vector:
        mean = combine(prior, expand_at(cells, theta)).posterior.mean
        return [t + jnp.clip(m - t, -MAX_STEP, MAX_STEP) for t, m in zip(theta, mean, strict=True)]

    return expand_at(cells, jax.lax.fori_loop(0, n_steps, step, start))


def expand_at(cells: Cells, theta: Vector) -> Sites:
    """Return the second-order expansion of the log likelihood at ``theta`` as sites."""
    gradient, curvature = cells.gradient_and_curvature(theta)
    return Sites(curvature, add(gradient, times(curvature, theta)))


def tilt(cells: Cells, cavity: Normal, guess: Normal) -> Tilted:
    """Return the moments of cavity times likelihood, with quadrature points placed by ``guess``."""
    rule, rule_weights = normal_rule(len(guess.mean))
    dtype = guess.mean[0].dtype
    spread = lambda x: x[..., None]  # noqa: E731
    points = [
        jnp.asarray(rule[:, b], dtype).reshape((1,) * guess.mean[0].ndim + (-1,))
        for b in range(rule.shape[1])
    ]
    lower = change(cholesky(guess.covariance), spread)
    offset = [dot(lower[b][: b + 1], points[: b + 1]) for b in range(len(points))]
    theta = add(change(guess.mean, spread), offset)
    from_cavity = add(theta, change(cavity.mean, spread), -1.0)
    log_rule = jnp.asarray(np.log(rule_weights) + 0.5 * (rule**2).sum(axis=1), dtype)
    height = cells.expanded(1).log_likelihood(theta) + log_rule.reshape(points[0].shape)
    height = height - 0.5 * squared_distance(change(cavity.precision, spread), from_cavity)
    top = height.max(axis=-1, keepdims=True)
    weight = jnp.exp(height - top)
    total = weight.sum(axis=-1)
    log_integral = jnp.log(total) + top[..., 0] + 0.5 * (cavity.log_det - guess.log_det)
    return _moments(weight / total[..., None], guess.mean, offset, log_integral)


def _moments(weight: Array, centre: Vector, offset: Vector, log_integral: Array) -> Tilted:
    """Return mean and covariance of weighted points ``centre + offset``."""
    shift = [(weight * x).sum(axis=-1) for x in offset]
    n = range(len(offset))
    square = [[(weight * offset[b] * offset[c]).sum(axis=-1) for c in range(b + 1)] for b in n]
    covariance = [[square[max(b, c)][min(b, c)] - shift[b] * shift[c] for c in n] for b in n]
    return Tilted(log_integral, add(centre, shift), covariance)


def match(cells: Cells, prior: Prior, sites: Sites, n_sweeps: int) -> Matched:
    """Return the sites after ``n_sweeps`` parallel sweeps of moment matching, and their evidence."""

    def visit(sites: Sites) -> tuple[Combined, Tilted]:
        combined = combine(prior, sites)
        return combined, tilt(cells, combined.cavity, combined.posterior)

    def sweep(_, state: tuple[Combined, Tilted]) -> tuple[Combined, Tilted]:
        return visit(_site_that_matches(state[0].cavity, state[1]))

    combined, tilted = jax.lax.fori_loop(0, n_sweeps, sweep, visit(sites))
    gain = tilted.log_integral - log_site_integral(combined.cavity, combined.posterior)
    log_evidence = combined.log_evidence + over_subgroups(gain)
    return Matched(combined, tilted, log_evidence[0])


def _site_that_matches(cavity: Normal, tilted: Tilted) -> Sites:
    """Return the site that turns the cavity into a normal with the tilted moments."""
    precision, _ = inverse(tilted.covariance)
    linear = add(times(precision, tilted.mean), times(cavity.precision, cavity.mean), -1.0)
    return Sites(add(precision, cavity.precision, -1.0), linear)
