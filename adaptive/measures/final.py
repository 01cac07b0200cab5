"""The test that decides a trial at its final look, as predictions apply it to completed data.

Any measure against a threshold will do; log-rank tests and the conjugate posterior have forms of their own
that are quick enough for thousands of completed data sets a trial. Nothing here draws a future.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from adaptive.data import tabulate
from adaptive.design.measure import AbstractMeasure, Favours, HazardRatioBelow
from adaptive.design.protocol import Design
from adaptive.measures.final_gamma import p_below
from adaptive.measures.final_log_rank import log_rank_z
from adaptive.measures.log_rank import LogRank
from adaptive.models.hazards import GammaHazards
from adaptive.posterior.conjugate import ConjugateEngine
from adaptive.records import FittedLook, Progress, Snapshot


class TwoSided(AbstractMeasure):
    """One minus the two-sided p-value of a test, ``|2 c - 1|`` of its one-sided confidence ``c``.

    Large values say that the arms differ, in either direction.

    Attributes
    ----------
    measure
        A one-sided confidence, such as the log-rank test's ``Phi(z)``, or a posterior probability.
    """

    measure: AbstractMeasure

    @property
    def favours(self) -> Favours:
        """Either direction."""
        return Favours.EITHER

    @property
    def name(self) -> str:
        """``two_sided_`` and the measure's."""
        return f"two_sided_{self.measure.name}"

    @property
    def words(self) -> str:
        """``|2 c - 1|`` in the measure's words."""
        return f"|2c - 1|, c = {self.measure.words}"

    def value(self, design: eqx.Module, look: FittedLook) -> Float[Array, "S B"]:
        """Return ``|2 c - 1|``."""
        return jnp.abs(2.0 * self.measure.value(design, look) - 1.0)


class FinalTest(eqx.Module):
    """Success at the final look: a measure above a threshold.

    Attributes
    ----------
    measure
        What is tested.
    threshold
        Success if the measure is above it; equality is none.
    """

    measure: AbstractMeasure
    threshold: Float[Array, ""] = eqx.field(converter=jnp.asarray)

    @property
    def name(self) -> str:
        """The measure's name and the threshold."""
        return f"{self.measure.name}_above_{float(self.threshold):g}"

    @property
    def words(self) -> str:
        """The condition, as a reader wants it."""
        return f"{self.measure.words} > {float(self.threshold):g}"

    def value(
        self, design: Design, key: Key[Array, ""], snapshot: Snapshot, progress: Progress
    ) -> Float[Array, "S B"]:
        """Return the measure on completed data; the quick forms agree with the measure's own value."""
        quick = _quick(self.measure, design, snapshot)
        if quick is not None:
            return quick
        size, periods = (len(design.subgroups), len(design.arms)), design.analysis.periods
        table = tabulate(snapshot, design.analysis.cuts, *size, periods)
        posterior = design.analysis.engine.fit(key, design.analysis.model, table)
        return self.measure.value(design, FittedLook(key, snapshot, table, posterior, progress))

    def succeeds(
        self, design: Design, key: Key[Array, ""], snapshot: Snapshot, progress: Progress
    ) -> Bool[Array, "S B"]:
        """Return which cells succeed on completed data."""
        return self.value(design, key, snapshot, progress) > self.threshold


def _quick(measure: AbstractMeasure, design: Design, snapshot: Snapshot) -> Float[Array, "S B"] | None:
    """Return the measure by its quick form, or None if it has none."""
    if isinstance(measure, TwoSided):
        inner = _quick(measure.measure, design, snapshot)
        return None if inner is None else jnp.abs(2.0 * inner - 1.0)
    if isinstance(measure, LogRank):
        return log_rank_z(measure, snapshot, len(design.subgroups), len(design.arms))
    constant = isinstance(design.analysis.model, GammaHazards)
    exact = isinstance(design.analysis.engine, ConjugateEngine)
    if isinstance(measure, HazardRatioBelow) and constant and exact:
        return p_below(measure.margin, design.analysis.model, snapshot, *design.eligible.shape)
    return None
