"""Probability that all components of a small normal vector exceed a limit, without random numbers.

Separation of variables (Genz 1992, doi:10.1080/10618600.1992.10477010) with Gauss-Legendre points.
"""

import itertools

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import erf, ndtri
from jaxtyping import Array

from adaptive.posterior.small import Matrix, Vector, change, cholesky

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(6)
_NODES, _WEIGHTS = (0.5 * (_NODES + 1.0)).tolist(), (0.5 * _WEIGHTS).tolist()

_ROOT_HALF = 0.5**0.5


def all_above(mean: Vector, covariance: Matrix, limit: Array) -> Array:
    """Return ``P(X_c > limit for all c)`` for ``X ~ N(mean, covariance)`` of dimension 1 to 3.

    Parameters
    ----------
    mean, covariance
        Arrays of one shape.
    limit
        The common limit, same shape.
    """
    n, shape = len(mean), limit.shape
    spread = lambda v: v[..., None]  # noqa: E731
    lower = change(cholesky(covariance), spread)
    height = [spread(m - limit) for m in mean]
    picks = list(itertools.product(range(len(_NODES)), repeat=n - 1))
    axis = (1,) * len(shape) + (len(picks),)
    uniform = [np.reshape([_NODES[pick[i]] for pick in picks], axis) for i in range(n - 1)]
    weight = np.reshape([np.prod([_WEIGHTS[k] for k in pick]) for pick in picks], axis)
    paths = _paths(lower, height, [jnp.asarray(u, limit.dtype) for u in uniform])
    return (paths * jnp.asarray(weight, limit.dtype)).sum(axis=-1)


def _paths(lower: Matrix, height: Vector, uniform: Vector) -> Array:
    """Return the product of conditional probabilities along each choice of quadrature points (last axis)."""
    tiny = jnp.finfo(height[0].dtype).tiny
    probability, drawn = 1.0, []
    for i, h in enumerate(height):
        shifted = h - sum(lower[i][k] * drawn[k] for k in range(i))
        part = _normal_below(shifted / lower[i][i])
        probability = probability * part
        if i < len(uniform):
            drawn.append(ndtri(jnp.maximum(uniform[i] * part, tiny)))
    return probability


def _normal_below(x: Array) -> Array:
    """Return the standard normal distribution function to 1e-7: single precision costs a tenth on a CPU."""
    return (0.5 + 0.5 * erf(x.astype(jnp.float32) * _ROOT_HALF)).astype(x.dtype)
