"""Probability that all components of a small normal vector exceed a limit, without random numbers.

Separation of variables (Genz 1992, doi:10.1080/10618600.1992.10477010) with Gauss-Legendre points.
"""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import erf, ndtri
from jaxtyping import Array

from adaptive.posterior.small import Matrix, Vector, cholesky
from adaptive.posterior.storing import stored

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(6)
_NODES, _WEIGHTS = 0.5 * (_NODES + 1.0), 0.5 * _WEIGHTS
_ROOT_HALF = 0.5**0.5
MOST_SKEW = 0.9
MOST_SCORE = 3.0
"""Within these the corrected score rises with the limit."""


def all_above(
    mean: Vector, covariance: Matrix, limit: Array | float, skewness: Vector | None = None
) -> Array:
    """Return ``P(X_c > limit for all c)`` for ``X ~ N(mean, covariance)`` of dimension 1 to 3.

    Parameters
    ----------
    mean, covariance
        Arrays of one shape.
    limit
        The common limit, of that shape or a number.
    skewness
        Of each component. Its normal score at the limit is then ``z - skewness (z^2 - 1) / 6`` (Cornish and
        Fisher 1938, doi:10.2307/1400905) for ``z = (limit - mean) / sd``, which leaves a normal copula.
    """
    n = len(mean)
    lower = cholesky(covariance)
    height = stored([m - limit for m in mean])
    if skewness is not None:
        deviation = [stored(jnp.sqrt(covariance[i][i])) for i in range(n)]
        height = [_scored(h / d, g) * d for h, d, g in zip(height, deviation, skewness, strict=True)]
        height = stored(height)
    if n == 1:
        return normal_below(height[0] / lower[0][0])
    picks = np.array(list(itertools.product(range(len(_NODES)), repeat=n - 1)))
    uniform = jnp.asarray(_NODES[picks], height[0].dtype)
    weight = jnp.asarray(np.prod(_WEIGHTS[picks], axis=1), height[0].dtype)
    visit = lambda q, total: total + weight[q] * _path(lower, height, uniform[q])  # noqa: E731
    return jax.lax.fori_loop(0, len(picks), visit, jnp.zeros_like(height[0]))


def one_above(score: Array, skewness: Array) -> Array:
    """Return ``P(X > limit)`` of one skewed variable, ``score`` being ``(mean - limit) / sd``."""
    return normal_below(_scored(score, skewness))


def _scored(score: Array, skewness: Array) -> Array:
    """Return the score of a normal variable with the same probability of being above its limit."""
    near = jnp.clip(score, -MOST_SCORE, MOST_SCORE)
    return score + jnp.clip(skewness, -MOST_SKEW, MOST_SKEW) * (near * near - 1.0) * (1.0 / 6.0)


def _path(lower: Matrix, height: Vector, uniform: Array) -> Array:
    """Return the product of conditional probabilities along one choice of quadrature points."""
    tiny = jnp.finfo(height[0].dtype).tiny
    probability, drawn = 1.0, []
    for i, h in enumerate(height):
        shifted = h - sum(lower[i][k] * drawn[k] for k in range(i))
        part = stored(normal_below(shifted / lower[i][i]))
        probability = probability * part
        if i < len(height) - 1:
            drawn.append(stored(ndtri(jnp.maximum(uniform[i] * part, tiny))))
    return probability


def normal_below(x: Array) -> Array:
    """Return the standard normal distribution function to 1e-7 in absolute terms, never below 0."""
    return jnp.maximum(0.5 + 0.5 * erf(x * _ROOT_HALF), 0.0)
