"""The interface of posteriors and of the engines that make them.

``weigh`` and the commands use only these methods; nothing here may look at a design or a rule.
"""

from abc import abstractmethod

import equinox as eqx
from jaxtyping import Array, Float, PRNGKeyArray

from adaptive.models.base import AbstractModel
from adaptive.records import EventTable, Health


class Overall(eqx.Module):
    """Between-subgroup parameters: mean effect per arm and heterogeneity; NaN where the model has none."""

    mu_mean: Float[Array, " B"]
    mu_sd: Float[Array, " B"]
    mu_p_below_0: Float[Array, " B"]
    tau_mean: Float[Array, ""]
    tau_sd: Float[Array, ""]


class AbstractPosterior(eqx.Module):
    """Posterior of the log hazard ratios ``theta[s, b]`` of arm ``b + 1`` against control."""

    health: eqx.AbstractVar[Health]

    @abstractmethod
    def p_below(self, log_margins: Float[Array, " G"]) -> Float[Array, "G S B"]:
        """Return ``P(theta[s, b] < log_margins[g] | data)``."""

    @abstractmethod
    def p_best(self) -> Float[Array, "S A"]:
        """Return the probability that the arm has the lowest hazard, control included; rows sum to 1."""

    @abstractmethod
    def moments(self) -> tuple[Float[Array, "S B"], Float[Array, "S B"]]:
        """Return posterior mean and standard deviation of ``theta``."""

    @abstractmethod
    def quantiles(self, levels: Float[Array, " Q"]) -> Float[Array, "Q S B"]:
        """Return marginal posterior quantiles of ``theta`` at ``levels`` in (0, 1)."""

    @abstractmethod
    def overall(self) -> Overall:
        """Return the summary of the between-subgroup parameters."""


class AbstractEngine(eqx.Module):
    """A way to compute a posterior; pure, and usable under ``jit`` and ``vmap``."""

    @abstractmethod
    def fit(self, key: PRNGKeyArray, model: AbstractModel, table: EventTable) -> AbstractPosterior:
        """Return the posterior of ``model`` given ``table``. Deterministic engines ignore ``key``."""
