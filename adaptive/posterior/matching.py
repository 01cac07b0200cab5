"""From the likelihood to Gaussian sites: Newton's method first, then moment matching.

Newton's method gives a Laplace approximation at one typical ``tau``. It is not accurate enough below about
100 events, so each site is then replaced, for each ``tau``, by the one that gives the *exact* mean and
covariance of cavity times likelihood, by quadrature in ``B`` dimensions (expectation propagation: Minka 2001,
arXiv:1301.2294; Rasmussen and Williams 2006, section 3.6). This module must not know the prior of ``tau``.
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
)
from adaptive.posterior.logarithm import log
from adaptive.posterior.quadrature import normal_rule
from adaptive.posterior.small import Matrix, Vector, add, inverse, quadratic, root, symmetric, times
from adaptive.posterior.storing import stored

MAX_STEP = 2.0
"""Longest Newton step in a log hazard ratio: longer ones come only from a nearly flat likelihood."""
MAX_HEIGHT = 60.0
"""Log densities relative to the centre are cut off here, where single precision still has room."""


UNROLLED = 1
"""Quadrature points per turn of the loop: their sums are then added in one pass over memory."""


class Tilted(eqx.Module):
    """Cavity times likelihood: log integral and moments, shape ``(S, N, R)``."""

    log_integral: Array
    mean: Vector
    covariance: Matrix


class Matched(eqx.Module):
    """The result of matching: sites' consequences, the exact moments, and log evidence ``(N, R)``."""

    combined: Combined
    tilted: Tilted
    log_evidence: Array


def newton(cells: Cells, prior: Prior, start: Vector, n_steps: int) -> Sites:
    """Return the sites of the Laplace approximation after ``n_steps`` limited Newton steps.

    Parameters
    ----------
    cells
        Likelihood with one axis for the components.
    start
        Log hazard ratios, ``B`` arrays ``(S, 1, R)``.
    """

    def step(_, theta: Vector) -> Vector:
        mean = combine(prior, expand_at(cells, theta)).posterior.mean
        return stored([t + jnp.clip(m - t, -MAX_STEP, MAX_STEP) for t, m in zip(theta, mean, strict=True)])

    return expand_at(cells, jax.lax.fori_loop(0, n_steps, step, start))


def expand_at(cells: Cells, theta: Vector) -> Sites:
    """Return the second-order expansion of the log likelihood at ``theta`` as sites."""
    gradient, curvature = stored(cells.gradient_and_curvature(theta))
    return stored(Sites(curvature, add(gradient, times(curvature, theta))))


def tilt(cells: Cells, cavity: Normal, guess: Normal) -> Tilted:
    """Return the moments of cavity times likelihood, with quadrature points placed by ``guess``."""
    n, dtype = len(guess.mean), guess.log_det.dtype
    points, weights = normal_rule(n)
    log_rule = jnp.asarray(np.log(weights) + 0.5 * (points**2).sum(axis=1), dtype)
    points, spread = jnp.asarray(points, dtype), root(guess.covariance)

    def height(theta: Vector) -> Array:
        away = add(theta, cavity.mean, -1.0)
        return cells.log_likelihood(theta, log) - 0.5 * quadratic(cavity.precision, away)

    centre = stored(height(guess.mean))

    def visit(q: Array, sums: list[Array]) -> list[Array]:
        offset = times(spread, [points[q, k] for k in range(n)])
        relative = height(add(guess.mean, offset)) - centre + log_rule[q]
        weight = stored(jnp.exp(jnp.minimum(relative, MAX_HEIGHT)))
        return [s + x for s, x in zip(sums, _power_sums(weight, offset), strict=True)]

    n_sums = 1 + n + n * (n + 1) // 2
    start = [jnp.zeros_like(centre)] * n_sums
    sums = jax.lax.fori_loop(0, points.shape[0], visit, start, unroll=UNROLLED)
    log_integral = jnp.log(sums[0]) + centre + 0.5 * (cavity.log_det - guess.log_det)
    shift, covariance = moments_of(sums, n)
    return stored(Tilted(log_integral, add(guess.mean, shift), covariance))


def _power_sums(weight: Array, offset: Vector) -> list[Array]:
    """Return the weight times 1, each offset, and each product of two offsets."""
    first = [weight * x for x in offset]
    second = [first[i] * offset[j] for i in range(len(offset)) for j in range(i + 1)]
    return [weight, *first, *second]


def moments_of(sums: list[Array], n: int) -> tuple[Vector, Matrix]:
    """Return mean and covariance of offsets from their weighted power sums."""
    scale = stored(1.0 / sums[0])
    mean = stored([x * scale for x in sums[1 : n + 1]])
    place = {(i, j): n + 1 + i * (i + 1) // 2 + j for i in range(n) for j in range(i + 1)}
    return mean, symmetric(lambda i, j: stored(sums[place[i, j]] * scale - mean[i] * mean[j]), n)


def match(cells: Cells, prior: Prior, sites: Sites, n_sweeps: int) -> Matched:
    """Return the sites after ``n_sweeps`` parallel sweeps of moment matching, and their evidence.

    A loop also where it runs twice: the body is then compiled once.
    """
    like = prior.spread[0] * sites.linear[0]
    sites = jax.tree.map(lambda x: jnp.broadcast_to(x, like.shape), sites)

    def visit(_, state):
        combined = combine(prior, state[0])
        tilted = tilt(cells, combined.cavity, combined.posterior)
        return _sites_that_match(combined.cavity, tilted, state[0]), combined, tilted

    shapes = jax.eval_shape(lambda s: visit(0, (s, None, None)), sites)
    empty = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes[1:])
    _, combined, tilted = jax.lax.fori_loop(0, n_sweeps + 1, visit, (sites, *empty))
    gain = tilted.log_integral - log_site_integral(combined.cavity, combined.posterior)
    log_evidence = combined.log_evidence + over_subgroups(gain)
    return Matched(combined, tilted, stored(log_evidence[0]))


def _sites_that_match(cavity: Normal, tilted: Tilted, old: Sites) -> Sites:
    """Return the sites that turn the cavity into a normal with the tilted moments.

    The likelihood is concave, so an exact site has no negative precision. Where quadrature or rounding made
    one, the old site stays.
    """
    precision, _ = inverse(tilted.covariance)
    precision = stored(precision)
    linear = add(times(precision, tilted.mean), times(cavity.precision, cavity.mean), -1.0)
    new = Sites(add(precision, cavity.precision, -1.0), linear)
    good = stored(_non_negative(new.precision).astype(linear[0].dtype))
    return stored(jax.tree.map(lambda a, b: jnp.where(good > 0, a, b), new, old))


def _non_negative(matrix: Matrix) -> Array:
    """Return whether the diagonal and all two by two minors of a symmetric matrix are non-negative."""
    n = range(len(matrix))
    good = matrix[0][0] >= 0
    for i in n:
        good &= matrix[i][i] >= 0
        for j in range(i):
            good &= matrix[i][i] * matrix[j][j] >= matrix[i][j] ** 2
    return good
