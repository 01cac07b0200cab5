"""Quadrature over the between-subgroup standard deviation ``tau``.

The posterior of ``tau`` under a half-normal prior, as far as the likelihood is smooth in ``tau^2``, is an
even analytic function. So is it in ``u`` with ``tau = c sinh(u)``, and the midpoint rule in ``u`` converges
geometrically (Trefethen and Weideman 2014, doi:10.1137/130932132). Below ``c`` nodes are evenly spaced, above
it their ratio is constant. A pilot rule placed by rough estimates finds where the posterior is; the nodes
that are used are placed there. Must not know how the evidence is computed.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from adaptive.models.hierarchy import TauNodes
from adaptive.posterior.storing import stored

PRIOR_REACH = 4.0
"""The pilot's nodes reach at least this many prior scales: the half-normal prior leaves 6e-5 above."""
TAIL = 1e-3
"""The nodes leave out less than this posterior probability of large ``tau``, as the pilot sees it."""
HEAD = 0.05
"""``c`` is the ``tau`` below which the pilot sees this probability, or the pilot's ``c`` if larger."""


class TauRange(eqx.Module):
    """Scale ``c`` and upper end of a rule, shape ``(R,)``."""

    centre: Float[Array, " R"]
    upper: Float[Array, " R"]


def tau_range(
    scale: Float[Array, " R"], information: Float[Array, "S B R"], estimate: Float[Array, "S B R"]
) -> TauRange:
    """Place the pilot.

    Parameters
    ----------
    scale
        Scale of the half-normal prior of ``tau``.
    information, estimate
        Rough precision and value of each log hazard ratio by itself.

    Notes
    -----
    ``c`` is half the standard error of a typical cell, at most the prior scale. With estimates spread by
    ``v`` (root sum of squares) the posterior mode of ``tau`` lies near ``sqrt(scale * v)``, so the upper
    end is ``PRIOR_REACH * scale + sqrt(scale * v)``.
    """
    typical = information.sum(axis=(0, 1)) / (information.shape[0] * information.shape[1])
    centre = jnp.minimum(0.5 / jnp.sqrt(jnp.maximum(typical, 1e-12)), scale)
    upper = PRIOR_REACH * scale + jnp.sqrt(scale * _spread(information, estimate))
    return stored(TauRange(centre, upper))


def tau_nodes(scale: Float[Array, " R"], where: TauRange, n_nodes: int) -> TauNodes:
    """Return the midpoint rule's nodes on the range."""
    u = (jnp.arange(n_nodes, dtype=scale.dtype) + 0.5)[:, None] * _step(where, n_nodes)[None]
    tau = where.centre[None] * jnp.sinh(u)
    return stored(TauNodes(tau, -0.5 * (tau / scale[None]) ** 2 + jnp.log(jnp.cosh(u))))


def narrowed(where: TauRange, weight: Float[Array, "T R"]) -> TauRange:
    """Return the range that holds the posterior, given the pilot's posterior weights."""
    n_nodes = weight.shape[0]
    below = [sum(weight[k] for k in range(t + 1)) for t in range(n_nodes)]
    total = below[-1]
    needed = sum((total - b > TAIL * total).astype(total.dtype) for b in below) + 1.0
    unneeded = sum((b < HEAD * total).astype(total.dtype) for b in below)
    step = _step(where, n_nodes)
    upper = where.centre * jnp.sinh(jnp.minimum(needed, float(n_nodes)) * step)
    centre = jnp.maximum(where.centre, where.centre * jnp.sinh(unneeded * step))
    return stored(TauRange(centre, upper))


def _step(where: TauRange, n_nodes: int) -> Float[Array, " R"]:
    return jnp.arcsinh(where.upper / where.centre) / n_nodes


def _spread(information: Float[Array, "S B R"], estimate: Float[Array, "S B R"]) -> Float[Array, " R"]:
    """Return the largest root sum of squares over the arms of the deviations from the arm's mean."""
    weight = information + 1e-6
    mean = (weight * estimate).sum(axis=0) / weight.sum(axis=0)
    return jnp.sqrt(((estimate - mean[None]) ** 2).sum(axis=0)).max(axis=0)
