"""Decision rules. A rule sees the evidence and the progress of the trial, and nothing else.

A rule answers one question per cell: does it fire at this look? Several rules are merged by
``design.decide`` under the written precedence harm > efficacy > futility.
"""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from adaptive.codes import CellStatus
from adaptive.records import Evidence, Progress


class AbstractRule(eqx.Module):
    """A rule that closes cells, or only advises to when ``binding`` is false.

    A NaN threshold means that the rule is not applied at that look.
    """

    margin: eqx.AbstractVar[Float[Array, ""]]
    threshold: eqx.AbstractVar[Float[Array, " K"]]
    min_events: eqx.AbstractVar[Float[Array, ""]]
    binding: eqx.AbstractVar[bool]

    @property
    @abstractmethod
    def verdict(self) -> CellStatus:
        """State given to a cell when the rule fires."""

    @abstractmethod
    def fires(
        self, p_below: Float[Array, "S B"], evidence: Evidence, progress: Progress
    ) -> Bool[Array, "S B"]:
        """Return where the rule fires; ``p_below`` is P(HR < ``margin``) of this rule."""


def enough_events(evidence: Evidence, min_events: Float[Array, ""]) -> Bool[Array, "S B"]:
    """Return whether arm and control together have at least ``min_events`` events in the subgroup."""
    return evidence.events[:, 1:] + evidence.events[:, :1] >= min_events


class EfficacyRule(AbstractRule):
    """Claim benefit when P(HR < margin) > threshold[look]."""

    margin: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    threshold: Float[Array, " K"] = eqx.field(converter=jnp.asarray)
    min_events: Float[Array, ""] = eqx.field(converter=jnp.asarray, default=0.0)
    binding: bool = eqx.field(static=True, default=True)

    @property
    def verdict(self) -> CellStatus:
        """Efficacy."""
        return CellStatus.EFFICACY

    def fires(self, p_below, evidence, progress):
        """Return where the posterior probability of benefit exceeds the threshold."""
        return (p_below > self.threshold[progress.look]) & enough_events(evidence, self.min_events)


class FutilityRule(AbstractRule):
    """Give up when P(HR < margin) < threshold[look]."""

    margin: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    threshold: Float[Array, " K"] = eqx.field(converter=jnp.asarray)
    min_events: Float[Array, ""] = eqx.field(converter=jnp.asarray, default=0.0)
    binding: bool = eqx.field(static=True, default=True)

    @property
    def verdict(self) -> CellStatus:
        """Futility."""
        return CellStatus.FUTILITY

    def fires(self, p_below, evidence, progress):
        """Return where the posterior probability of benefit is below the threshold."""
        return (p_below < self.threshold[progress.look]) & enough_events(evidence, self.min_events)


class HarmRule(AbstractRule):
    """Stop for harm when P(HR >= margin) > threshold[look]."""

    margin: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    threshold: Float[Array, " K"] = eqx.field(converter=jnp.asarray)
    min_events: Float[Array, ""] = eqx.field(converter=jnp.asarray, default=0.0)
    binding: bool = eqx.field(static=True, default=True)

    @property
    def verdict(self) -> CellStatus:
        """Harm."""
        return CellStatus.HARM

    def fires(self, p_below, evidence, progress):
        """Return where the posterior probability of harm exceeds the threshold."""
        return (1.0 - p_below > self.threshold[progress.look]) & enough_events(evidence, self.min_events)
