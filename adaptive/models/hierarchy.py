"""What a model says of the log hazard ratios once ``tau`` is known: a mixture of exchangeable normals.

The fast engine needs no more of a model. This module must not know an engine or a table.

Every array has a trailing axis of lanes, one per trial; ``N`` conditional components, ``B`` written out. A
model is asked with its own fields given that trailing axis too.
"""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from adaptive.models.base import AbstractModel

MANY_SUBGROUPS = 64
MANY_ARMS = 4


class Independent(eqx.Module):
    """Which subgroups of a component stand by themselves: ``theta[s, b] ~ Normal(mean, scale)``.

    Attributes
    ----------
    exchangeable
        1 where the subgroup follows ``mu``, 0 where it stands by itself, shape ``(S, N, 1)``.
    mean, scale
        Shape ``(R,)``.
    """

    exchangeable: Float[Array, "S N one"]
    mean: Float[Array, " R"]
    scale: Float[Array, " R"]


class Hierarchy(eqx.Module):
    """``theta[s, b] ~ Normal(mu[b], spread[b])``, ``mu ~ Normal(mu_mean, F F')``, a mixture over ``N``.

    Attributes
    ----------
    log_weight
        Log prior weight of each component up to a constant, shape ``(N, R)``.
    spread
        Between-subgroup standard deviations, positive: ``B`` arrays ``(N, R)``; one and the same array where
        the arms share it.
    mu_mean
        Mean of ``mu``: ``B`` arrays ``(N, R)`` or 0.0.
    mu_factor
        ``F``: ``B`` rows of any number of arrays ``(N, R)`` or 0.0.
    independent
        Subgroups that stand by themselves; None if all are exchangeable.
    members
        For each node of ``tau`` the components that have it; empty where arms have each their own.
    """

    log_weight: Float[Array, "N R"]
    spread: list[Array]
    mu_mean: list[Array | float]
    mu_factor: list[list[Array | float]]
    independent: Independent | None = None
    members: tuple[tuple[int, ...], ...] = eqx.field(static=True, default=())


class TauNodes(eqx.Module):
    """Nodes of ``tau`` and the log of prior density times spacing up to a constant, shape ``(T, R)``."""

    tau: Float[Array, "T R"]
    log_weight: Float[Array, "T R"]


class AbstractHierarchical(AbstractModel):
    """A model that is an exchangeable normal given ``tau``, with the common likelihood.

    Attributes
    ----------
    heterogeneous
        Whether the model has a ``tau`` with a half-normal prior of scale ``tau_scale``; if not, it is asked
        with one node at ``mu_scale``. Static.
    most
        Most subgroups and most experimental arms that the fast engine takes of this model: it adds up every
        component. Static.
    baseline_shape, baseline_rate
        Gamma prior of every baseline hazard; the rate is in months.
    """

    heterogeneous: eqx.AbstractClassVar[bool]
    baseline_shape: eqx.AbstractVar[Float[Array, ""]]
    baseline_rate: eqx.AbstractVar[Float[Array, ""]]
    most: eqx.AbstractClassVar[tuple[int, int]]

    @abstractmethod
    def given(self, nodes: TauNodes, shape: tuple[int, int]) -> Hierarchy:
        """Return the components at the nodes of ``tau``; ``shape`` is ``(S, B)``, at most ``most``."""

    def typical(self, nodes: TauNodes, shape: tuple[int, int]) -> Hierarchy:
        """Return one component per node that stands for all of them where nodes of ``tau`` are placed."""
        return exchangeable(nodes, self.mu_scale, shape[1])


def exchangeable(nodes: TauNodes, mu_scale: Float[Array, " R"], n_experimental: int) -> Hierarchy:
    """Return the hierarchy of plain partial pooling, one component per node."""
    wide = jnp.broadcast_to(mu_scale, nodes.tau.shape)
    members = tuple((t,) for t in range(nodes.tau.shape[0]))
    spread, zero = [nodes.tau] * n_experimental, [0.0] * n_experimental
    return Hierarchy(nodes.log_weight, spread, zero, diagonal([wide] * n_experimental), members=members)


def known_mean(nodes: TauNodes, n_experimental: int) -> Hierarchy:
    """Return independent normals about 0 whose standard deviation is the nodes' ``tau``."""
    zero = [[0.0] * n_experimental for _ in range(n_experimental)]
    members = tuple((t,) for t in range(nodes.tau.shape[0]))
    return Hierarchy(nodes.log_weight, [nodes.tau] * n_experimental, zero[0], zero, members=members)


def diagonal(entries: list[Array]) -> list[list[Array | float]]:
    """Return a diagonal matrix."""
    return [[x if i == j else 0.0 for j in range(len(entries))] for i, x in enumerate(entries)]


def repeated(nodes: TauNodes, log_parts: list[Array]) -> tuple[Array, Array, tuple[tuple[int, ...], ...]]:
    """Cross the nodes with the parts of a mixture.

    Parameters
    ----------
    log_parts
        Log prior weights of the parts, each ``(R,)``.

    Returns
    -------
    tuple
        Log weights and ``tau`` of the components, part after part, ``(M T, R)``; the members of each node.
    """
    n_nodes, n_parts = nodes.tau.shape[0], len(log_parts)
    log_weight = jnp.concatenate([nodes.log_weight + part for part in log_parts])
    members = tuple(tuple(m * n_nodes + t for m in range(n_parts)) for t in range(n_nodes))
    return log_weight, jnp.concatenate([nodes.tau] * n_parts), members
