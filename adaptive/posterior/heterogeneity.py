"""Quadrature over the between-subgroup standard deviation ``tau``.

The posterior of ``tau`` under a half-normal prior, as far as the likelihood is smooth in ``tau^2``, is an
even analytic function. So is it in ``u`` with ``tau = c sinh(u)``, and the midpoint rule in ``u`` converges
geometrically (Trefethen and Weideman 2014, doi:10.1137/130932132). ``c`` follows the precision of the data:
below it nodes are evenly spaced, above it their ratio is constant. Must not know how the evidence is
computed.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

PRIOR_REACH = 4.0
"""The nodes reach at least this many prior scales: the half-normal prior leaves 6e-5 above."""


class TauNodes(eqx.Module):
    """Nodes of ``tau``, and the log of prior density times spacing up to a constant, shape ``(T,)``."""

    tau: Float[Array, " T"]
    log_weight: Float[Array, " T"]


def tau_nodes(
    scale: Float[Array, ""], information: Float[Array, "S B"], estimate: Float[Array, "S B"], n_nodes: int
) -> TauNodes:
    """Place the nodes.

    Parameters
    ----------
    scale
        Scale of the half-normal prior of ``tau``.
    information, estimate
        Rough precision and value of each log hazard ratio by itself.
    n_nodes
        Number of nodes; static.

    Notes
    -----
    ``c`` is half the standard error of a typical cell, at most the prior scale. With estimates spread by
    ``v`` (root sum of squares) the posterior mode of ``tau`` lies near ``sqrt(scale * v)``, so the upper
    end is ``PRIOR_REACH * scale + sqrt(scale * v)``.
    """
    typical = jnp.sum(information) / information.size
    centre = jnp.minimum(0.5 / jnp.sqrt(jnp.maximum(typical, 1e-12)), scale)
    upper = PRIOR_REACH * scale + jnp.sqrt(scale * _spread(information, estimate))
    step = jnp.arcsinh(upper / centre) / n_nodes
    u = (jnp.arange(n_nodes, dtype=step.dtype) + 0.5) * step
    tau = centre * jnp.sinh(u)
    return TauNodes(tau, -0.5 * (tau / scale) ** 2 + jnp.log(jnp.cosh(u)))


def _spread(information: Float[Array, "S B"], estimate: Float[Array, "S B"]) -> Float[Array, ""]:
    """Return the largest root sum of squares over the arms of the deviations from the arm's mean."""
    weight = information + 1e-6
    mean = (weight * estimate).sum(axis=0, keepdims=True) / weight.sum(axis=0, keepdims=True)
    return jnp.sqrt(((estimate - mean) ** 2).sum(axis=0)).max()
