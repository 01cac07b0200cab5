"""Decision rules. A rule sees the evidence and the progress of the trial, and nothing else.

A rule answers one question per cell: does it fire at this look? Several rules are merged by
``design.decide`` under the written precedence harm > efficacy > futility > awaiting. Rules on any measure are
in ``design.rules_measured``, combinations in ``design.rules_combined``, scopes in ``design.rules_scope``.
"""

from abc import abstractmethod
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from adaptive.codes import CellStatus
from adaptive.design.measure import AbstractMeasure, HazardRatioBelow
from adaptive.records import Evidence, Progress


class Asks(NamedTuple):
    """What a rule asks of one measure at one look, as plain values for people to read.

    Attributes
    ----------
    words
        The quantity compared, such as ``P(HR >= 1)``.
    sign
        ``">"`` or ``"<"``: the side of the threshold on which it holds.
    threshold
        The threshold; NaN where the rule is not applied at this look.
    complement
        Whether the quantity is one minus the measure.
    min_events
        Events of arm and control together without which it does not hold.
    """

    words: str
    sign: str
    threshold: float
    complement: bool
    min_events: float


class AbstractRule(eqx.Module):
    """A rule that closes cells, or only advises to when ``binding`` is false."""

    binding: eqx.AbstractVar[bool]
    verdict: eqx.AbstractVar[CellStatus]
    """State given to a cell when the rule fires."""

    @property
    @abstractmethod
    def measures(self) -> tuple[AbstractMeasure, ...]:
        """What the rule looks at."""

    @property
    def kind(self) -> str:
        """The verdict as a reader wants it."""
        return "expected success" if self.verdict == CellStatus.AWAITING else self.verdict.name.lower()

    @property
    def joined(self) -> str:
        """The word between what is asked of several measures."""
        return "and"

    @property
    def parts(self) -> tuple["AbstractRule", ...]:
        """The rules that this one is made of; none of a simple rule."""
        return ()

    @property
    def scope(self) -> str:
        """Words on the cells in which the rule applies or acts; empty if each cell is by itself."""
        return ""

    @property
    def reach(self) -> Bool[Array, "#S #B"]:
        """Cells in which the rule may fire."""
        return jnp.ones((1, 1), bool)

    def applied(self, progress: Progress) -> Bool[Array, ""]:
        """Return whether the rule is applied at this look: some part of it has a threshold."""
        del progress
        return jnp.asarray(True)

    @abstractmethod
    def fires(
        self, statistics: Float[Array, "M S B"], evidence: Evidence, progress: Progress
    ) -> Bool[Array, "S B"]:
        """Return where the rule fires; ``statistics`` are the values of its ``measures``."""

    @abstractmethod
    def asks(self, look: int) -> tuple[Asks, ...]:
        """Return what is asked of each of ``measures`` at a look."""


class AbstractThresholdRule(AbstractRule):
    """A rule that compares one measure with one threshold per look.

    A NaN threshold means that the rule is not applied at that look.
    """

    measure: eqx.AbstractVar[AbstractMeasure]
    threshold: eqx.AbstractVar[Float[Array, " K"]]
    min_events: eqx.AbstractVar[Float[Array, ""]]

    @property
    def measures(self) -> tuple[AbstractMeasure, ...]:
        """The one measure."""
        return (self.measure,)

    @property
    def sign(self) -> str:
        """Side of the threshold on which the rule fires; futility fires below."""
        return "<" if self.verdict == CellStatus.FUTILITY else ">"

    def applied(self, progress: Progress) -> Bool[Array, ""]:
        """Return whether there is a threshold at this look."""
        return ~jnp.isnan(self.threshold[progress.look])

    def asks(self, look: int) -> tuple[Asks, ...]:
        """Return the comparison of the measure with the threshold of the look."""
        complement = self.verdict == CellStatus.HARM
        words = self.measure.words.replace("<", ">=") if complement else self.measure.words
        threshold = float(self.threshold[look])
        return (Asks(words, self.sign, threshold, complement, float(self.min_events)),)


def enough_events(evidence: Evidence, min_events: Float[Array, ""]) -> Bool[Array, "S B"]:
    """Return whether arm and control together have at least ``min_events`` events in the subgroup."""
    return evidence.events[:, 1:] + evidence.events[:, :1] >= min_events


class EfficacyRule(AbstractThresholdRule):
    """Claim benefit when P(HR < margin) > threshold[look]."""

    margin: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    threshold: Float[Array, " K"] = eqx.field(converter=jnp.asarray)
    min_events: Float[Array, ""] = eqx.field(converter=jnp.asarray, default=0.0)
    binding: bool = eqx.field(static=True, default=True)

    @property
    def verdict(self) -> CellStatus:
        """Efficacy."""
        return CellStatus.EFFICACY

    @property
    def measure(self) -> AbstractMeasure:
        """P(HR < margin)."""
        return HazardRatioBelow(self.margin)

    def fires(self, statistics, evidence, progress):
        """Return where the posterior probability of benefit exceeds the threshold."""
        return (statistics[0] > self.threshold[progress.look]) & enough_events(evidence, self.min_events)


class FutilityRule(AbstractThresholdRule):
    """Give up when P(HR < margin) < threshold[look]."""

    margin: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    threshold: Float[Array, " K"] = eqx.field(converter=jnp.asarray)
    min_events: Float[Array, ""] = eqx.field(converter=jnp.asarray, default=0.0)
    binding: bool = eqx.field(static=True, default=True)

    @property
    def verdict(self) -> CellStatus:
        """Futility."""
        return CellStatus.FUTILITY

    @property
    def measure(self) -> AbstractMeasure:
        """P(HR < margin)."""
        return HazardRatioBelow(self.margin)

    def fires(self, statistics, evidence, progress):
        """Return where the posterior probability of benefit is below the threshold."""
        return (statistics[0] < self.threshold[progress.look]) & enough_events(evidence, self.min_events)


class HarmRule(AbstractThresholdRule):
    """Stop for harm when P(HR >= margin) > threshold[look]."""

    margin: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    threshold: Float[Array, " K"] = eqx.field(converter=jnp.asarray)
    min_events: Float[Array, ""] = eqx.field(converter=jnp.asarray, default=0.0)
    binding: bool = eqx.field(static=True, default=True)

    @property
    def verdict(self) -> CellStatus:
        """Harm."""
        return CellStatus.HARM

    @property
    def measure(self) -> AbstractMeasure:
        """P(HR < margin)."""
        return HazardRatioBelow(self.margin)

    def fires(self, statistics, evidence, progress):
        """Return where the posterior probability of harm exceeds the threshold."""
        return (1.0 - statistics[0] > self.threshold[progress.look]) & enough_events(
            evidence, self.min_events
        )
