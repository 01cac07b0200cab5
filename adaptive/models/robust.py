"""Partial pooling whose mean effect has an informative prior with a vague part for the case that it is wrong.

It must not know how it is fitted.
"""

import itertools
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jaxtyping import Array, Float

from adaptive.models.hierarchy import (
    MANY_ARMS,
    MANY_SUBGROUPS,
    Hierarchy,
    TauNodes,
    diagonal,
    repeated,
)
from adaptive.models.parts import per_entry, per_lane, scattered
from adaptive.models.pooling import AbstractPooling


class RobustPooling(AbstractPooling):
    """Partial pooling with a robust mixture prior on the mean log hazard ratio of each arm.

    ``mu[b] ~ w Normal(informative_mean, informative_scale) + (1 - w) Normal(0, mu_scale)``, arms independent;
    ``log_hr[s, b] ~ Normal(mu[b], tau)``, ``tau ~ HalfNormal(tau_scale)``. When data and the informative part
    disagree, its posterior weight falls and the vague part takes over. Schmidli, Gsteiger, Roychoudhury,
    O'Hagan, Spiegelhalter and Neuenschwander (2014), Biometrics 70, 1023-1032, doi:10.1111/biom.12242.

    Attributes
    ----------
    mu_scale
        Standard deviation of the vague part.
    tau_scale, baseline_shape, baseline_rate
        As in ``PartialPooling``.
    informative_weight
        Prior weight ``w`` of the informative part, 0 to 1, one number or ``(B,)``.
    informative_mean, informative_scale
        Mean and standard deviation of the informative part, one number or ``(B,)``.
    """

    heterogeneous: ClassVar[bool] = True
    most: ClassVar[tuple[int, int]] = (MANY_SUBGROUPS, MANY_ARMS)
    mu_scale: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    tau_scale: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    baseline_shape: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    baseline_rate: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    informative_weight: Float[Array, "*B"] = eqx.field(converter=jnp.asarray)
    informative_mean: Float[Array, "*B"] = eqx.field(converter=jnp.asarray)
    informative_scale: Float[Array, "*B"] = eqx.field(converter=jnp.asarray)

    def sample_prior(self, shape: tuple[int, int]) -> Float[Array, "S B"]:
        """Sample ``mu``, ``tau`` and the log hazard ratios."""
        weight, parts = self._parts(shape[1])
        mixing = dist.Categorical(probs=jnp.stack([weight, 1.0 - weight], axis=1))
        mu = numpyro.sample("mu", dist.MixtureSameFamily(mixing, parts).to_event(1))
        numpyro.deterministic("informative", self.probability_informative(mu))
        tau = numpyro.sample("tau", dist.HalfNormal(self.tau_scale))
        return scattered(mu, tau, shape)

    def probability_informative(self, mu: Float[Array, " B"]) -> Float[Array, " B"]:
        """Return P(informative part | mu) per arm; its posterior mean is the part's posterior weight."""
        weight, parts = self._parts(mu.shape[0])
        density = parts.log_prob(mu[:, None])
        log_odds = jnp.log(weight) - jnp.log1p(-weight) + density[:, 0] - density[:, 1]
        return jax.nn.sigmoid(log_odds)

    def given(self, nodes: TauNodes, shape: tuple[int, int]) -> Hierarchy:
        """Return a component per node of ``tau`` and choice of the arms whose informative part holds."""
        arms = range(shape[1])
        choices = list(itertools.product((True, False), repeat=shape[1]))
        names = ("informative_weight", "informative_mean", "informative_scale")
        weight, mean, scale = (
            per_lane(getattr(self, name), shape[1], f"RobustPooling.{name}, per experimental arm")
            for name in names
        )
        tiny = jnp.finfo(weight[0].dtype).tiny
        log = lambda x: jnp.log(jnp.maximum(x, tiny))  # noqa: E731
        log_parts = [sum(log(weight[b] if c[b] else 1.0 - weight[b]) for b in arms) for c in choices]
        log_weight, tau, members = repeated(nodes, log_parts)
        spread_out = lambda parts: jnp.concatenate([jnp.broadcast_to(x, nodes.tau.shape) for x in parts])  # noqa: E731
        centres = [spread_out([mean[b] if c[b] else jnp.zeros_like(mean[b]) for c in choices]) for b in arms]
        scales = [spread_out([scale[b] if c[b] else self.mu_scale for c in choices]) for b in arms]
        return Hierarchy(log_weight, [tau] * shape[1], centres, diagonal(scales), members=members)

    def _parts(self, n_experimental: int) -> tuple[Float[Array, " B"], dist.Normal]:
        """Return the weight and both normal parts, the informative one first."""
        names = ("informative_weight", "informative_mean", "informative_scale")
        weight, mean, scale = (
            per_entry(getattr(self, name), n_experimental, f"RobustPooling.{name}, per experimental arm")
            for name in names
        )
        vague = jnp.broadcast_to(self.mu_scale, scale.shape)
        centres = jnp.stack([mean, jnp.zeros_like(mean)], axis=1)
        return weight, dist.Normal(centres, jnp.stack([scale, vague], axis=1))
