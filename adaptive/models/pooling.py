"""Three models of the log hazard ratios that differ only in how subgroups share information.

All have piecewise-exponential hazards with Gamma baselines per subgroup and interval (integrated
out) and take the same prior numbers. They must not know how they are fitted.
"""

from abc import abstractmethod
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jaxtyping import Array, Float

from adaptive.models.hierarchy import (
    MANY_ARMS,
    MANY_SUBGROUPS,
    AbstractHierarchical,
    Hierarchy,
    TauNodes,
    exchangeable,
    known_mean,
)
from adaptive.models.likelihood import Rows, marginal_log_likelihood
from adaptive.records import EventTable


class AbstractPooling(AbstractHierarchical):
    """A normal prior on the log hazard ratios with the common likelihood.

    Attributes
    ----------
    mu_scale
        Prior standard deviation of the mean log hazard ratio of an arm (or of each ratio by itself).
    tau_scale
        Scale of the half-normal prior of the between-subgroup standard deviation.
    baseline_shape, baseline_rate
        Gamma prior of every baseline hazard; the rate is in months.
    """

    mu_scale: eqx.AbstractVar[Float[Array, ""]]
    tau_scale: eqx.AbstractVar[Float[Array, ""]]
    baseline_shape: eqx.AbstractVar[Float[Array, ""]]
    baseline_rate: eqx.AbstractVar[Float[Array, ""]]

    @abstractmethod
    def sample_prior(self, shape: tuple[int, int]) -> Float[Array, "S B"]:
        """Sample the log hazard ratios from the prior."""

    def __call__(self, table: EventTable | Rows | None, shape: tuple[int, int, int]) -> Float[Array, "S B"]:
        """Sample ``log_hr`` and condition on ``table`` if given; ``shape`` is ``(S, A, J)``."""
        log_hr = numpyro.deterministic("log_hr", self.sample_prior((shape[0], shape[1] - 1)))
        if table is not None:
            value = marginal_log_likelihood(log_hr, table, self.baseline_shape, self.baseline_rate)
            numpyro.factor("log_likelihood", value)
        return log_hr


class PartialPooling(AbstractPooling):
    """Subgroups share information through a mean and a spread per arm.

    ``log_hr[s, b] ~ Normal(mu[b], tau)``, ``mu[b] ~ Normal(0, mu_scale)``, ``tau ~ HalfNormal(tau_scale)``.
    Written non-centred, ``log_hr = mu + tau * raw`` with ``raw ~ Normal(0, 1)``: with few subgroups ``tau``
    may be near 0, where the centred form is a funnel that a sampler does not enter.
    """

    heterogeneous: ClassVar[bool] = True
    most: ClassVar[tuple[int, int]] = (MANY_SUBGROUPS, MANY_ARMS)
    mu_scale: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    tau_scale: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    baseline_shape: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    baseline_rate: Float[Array, ""] = eqx.field(converter=jnp.asarray)

    def sample_prior(self, shape: tuple[int, int]) -> Float[Array, "S B"]:
        """Sample ``mu``, ``tau`` and the log hazard ratios."""
        mu = numpyro.sample("mu", dist.Normal(0.0, self.mu_scale).expand(shape[1:]).to_event(1))
        tau = numpyro.sample("tau", dist.HalfNormal(self.tau_scale))
        raw = numpyro.sample("raw", dist.Normal(0.0, 1.0).expand(shape).to_event(2))
        return jnp.broadcast_to(mu[None, :], shape) + tau * raw

    def given(self, nodes: TauNodes, shape: tuple[int, int]) -> Hierarchy:
        """Return one component per node of ``tau``."""
        return exchangeable(nodes, self.mu_scale, shape[1])


class NoPooling(AbstractPooling):
    """``log_hr[s, b] ~ Normal(0, mu_scale)``, independent; ``tau_scale`` is accepted and unused."""

    heterogeneous: ClassVar[bool] = False
    most: ClassVar[tuple[int, int]] = (MANY_SUBGROUPS, MANY_ARMS)
    mu_scale: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    tau_scale: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    baseline_shape: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    baseline_rate: Float[Array, ""] = eqx.field(converter=jnp.asarray)

    def sample_prior(self, shape: tuple[int, int]) -> Float[Array, "S B"]:
        """Sample every log hazard ratio by itself."""
        return numpyro.sample("raw", dist.Normal(0.0, self.mu_scale).expand(shape).to_event(2))

    def given(self, nodes: TauNodes, shape: tuple[int, int]) -> Hierarchy:
        """Return the one component: every ratio is normal about 0 with standard deviation ``mu_scale``."""
        return known_mean(nodes, shape[1])


class FullPooling(AbstractPooling):
    """``log_hr[s, b] = mu[b] ~ Normal(0, mu_scale)`` in every subgroup.

    ``tau_scale`` is accepted and unused.
    """

    heterogeneous: ClassVar[bool] = False
    most: ClassVar[tuple[int, int]] = (MANY_SUBGROUPS, MANY_ARMS)
    mu_scale: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    tau_scale: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    baseline_shape: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    baseline_rate: Float[Array, ""] = eqx.field(converter=jnp.asarray)

    def sample_prior(self, shape: tuple[int, int]) -> Float[Array, "S B"]:
        """Sample one log hazard ratio per arm."""
        mu = numpyro.sample("mu", dist.Normal(0.0, self.mu_scale).expand(shape[1:]).to_event(1))
        return jnp.broadcast_to(mu[None, :], shape)

    def given(self, nodes: TauNodes, shape: tuple[int, int]) -> Hierarchy:
        """Return the one component: the common ratio is normal about 0, its deviation ``mu_scale``."""
        return known_mean(nodes, shape[1])
