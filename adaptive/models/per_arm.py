"""Partial pooling in which every arm has its own spread between subgroups.

It must not know how it is fitted.
"""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jaxtyping import Array, Float

from adaptive.models.hierarchy import MANY_SUBGROUPS, Hierarchy, TauNodes, diagonal, exchangeable
from adaptive.models.parts import scattered
from adaptive.models.pooling import AbstractPooling


class PerArmPooling(AbstractPooling):
    """Partial pooling with a between-subgroup standard deviation per arm, not shared.

    ``log_hr[s, b] ~ Normal(mu[b], tau[b])``, ``mu[b] ~ Normal(0, mu_scale)``,
    ``tau[b] ~ HalfNormal(tau_scale)``, all independent. So the arms are coupled by the common control alone.

    The site is ``tau_arm`` of shape ``(B,)``: there is no one ``tau``, so that summaries of it are NaN. With
    one experimental arm the model is ``PartialPooling`` and the site is ``tau``.
    """

    heterogeneous: ClassVar[bool] = True
    most: ClassVar[tuple[int, int]] = (MANY_SUBGROUPS, 2)
    mu_scale: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    tau_scale: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    baseline_shape: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    baseline_rate: Float[Array, ""] = eqx.field(converter=jnp.asarray)

    def sample_prior(self, shape: tuple[int, int]) -> Float[Array, "S B"]:
        """Sample ``mu``, ``tau`` per arm and the log hazard ratios."""
        mu = numpyro.sample("mu", dist.Normal(0.0, self.mu_scale).expand(shape[1:]).to_event(1))
        spread = dist.HalfNormal(self.tau_scale)
        if shape[1] == 1:
            return scattered(mu, numpyro.sample("tau", spread), shape)
        return scattered(mu, numpyro.sample("tau_arm", spread.expand(shape[1:]).to_event(1)), shape)

    def given(self, nodes: TauNodes, shape: tuple[int, int]) -> Hierarchy:
        """Return a component per pair of nodes: one ``tau`` for each of two arms."""
        if shape[1] == 1:
            return exchangeable(nodes, self.mu_scale, 1)
        n = nodes.tau.shape[0]
        first, second = jnp.repeat(nodes.tau, n, axis=0), jnp.tile(nodes.tau, (n, 1))
        log_weight = jnp.repeat(nodes.log_weight, n, axis=0) + jnp.tile(nodes.log_weight, (n, 1))
        wide = jnp.broadcast_to(self.mu_scale, first.shape)
        return Hierarchy(log_weight, [first, second], [0.0, 0.0], diagonal([wide, wide]))
