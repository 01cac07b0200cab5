"""The predictive probability of success from the information fraction: a closed form, no random numbers.

A normal approximation of what ``predictive`` computes by imputation; docs/predictive.md maps its error.
Nothing here draws or decides.
"""

import equinox as eqx
import jax.numpy as jnp
from jax.scipy.special import ndtr, ndtri
from jaxtyping import Array, Float

from adaptive.codes import CellStatus
from adaptive.design.measure import AbstractMeasure
from adaptive.errors import BadInput
from adaptive.measures.final import FinalTest, TwoSided
from adaptive.measures.imputation import Assumed, present_of
from adaptive.measures.imputation_expected import further_events
from adaptive.measures.predictive import SAMPLES
from adaptive.posterior.draws import expected_hazard
from adaptive.records import FittedLook

FARTHEST = 8.0
"""Standard normal units; a probability nearer to 0 or 1 than this allows counts as this."""


class PredictiveInformation(AbstractMeasure):
    """``Phi((z - c sqrt(f)) / sqrt(1 - f))``: ``z`` of this look, critical value ``c``, fraction ``f``.

    ``z = Phi^-1(P(HR < margin | data))`` is the present evidence; ``f = I / (I + I')`` with ``I = 1 / sd^2``
    of the log hazard ratio and ``I'`` what further events add, ``I' = h(d + d') - h(d)`` with
    ``h = 1 / (1 / d_arm + 1 / d_control)``. The further events ``d'`` are those expected under the design, at
    the expected hazards. Of a two-sided test both directions are added. NaN at the final look and where no
    cell is open.

    Attributes
    ----------
    final
        The test of the final look, on a hazard ratio below a margin.
    assumed
        What the protocol assumes of the future.
    events
        Planned events of arm and control together at the final look; None if they are to be expected from the
        design's follow-up, which needs a final look that does not wait for a number of events.
    sample
        ``"current"`` or ``"maximum"``; static.

    Raises
    ------
    BadInput
        If ``sample`` is neither, or the final test is not on a hazard ratio below a margin.

    References
    ----------
    Spiegelhalter, Freedman and Blackburn (1986), Control Clin Trials 7, 8-17,
    doi:10.1016/0197-2456(86)90003-6.
    """

    final: FinalTest
    assumed: Assumed
    events: Float[Array, ""] | None = None
    sample: str = eqx.field(static=True, default="maximum")

    def __check_init__(self):
        if self.sample not in SAMPLES:
            raise BadInput(
                f"PredictiveInformation: sample {self.sample!r} is not allowed; give one of "
                f"{', '.join(SAMPLES)}"
            )
        if not hasattr(self._tested, "margin"):
            raise BadInput(
                f"PredictiveInformation: {type(self._tested).__name__} is not a test of a hazard ratio below "
                "a margin; use the measure hazard_ratio_below, log_rank or cox, or full imputation"
            )

    @property
    def _tested(self) -> AbstractMeasure:
        return self.final.measure.measure if isinstance(self.final.measure, TwoSided) else self.final.measure

    @property
    def name(self) -> str:
        """``pp_information_``, the sample and the final test."""
        events = "" if self.events is None else f"_{float(self.events):g}_events"
        return f"pp_information_{self.sample}{events}_{self.final.name}"

    @property
    def words(self) -> str:
        """The probability."""
        at = "the current sample size" if self.sample == "current" else "the maximum sample size"
        return f"predictive probability (information fraction) at {at} of {self.final.words}"

    def value(self, design: eqx.Module, look: FittedLook) -> Float[Array, "S B"]:
        """Return the predictive probability of every cell."""
        wanted = (look.progress.status == CellStatus.OPEN).any() & ~look.progress.is_final
        spread = look.posterior.moments()[1]
        now = 1.0 / spread**2
        fraction = now / (now + self._further(design, look).astype(now.dtype))
        below = look.posterior.p_below(jnp.log(self._tested.margin)[None])[0].astype(now.dtype)
        z = jnp.clip(ndtri(below), -FARTHEST, FARTHEST)
        two = isinstance(self.final.measure, TwoSided)
        level = self.final.threshold.astype(now.dtype)
        critical = ndtri(0.5 * (1.0 + level) if two else level)
        rest = jnp.sqrt(jnp.maximum(1.0 - fraction, jnp.finfo(now.dtype).eps))
        value = ndtr((z - critical * jnp.sqrt(fraction)) / rest)
        if two:
            value = value + ndtr((-z - critical * jnp.sqrt(fraction)) / rest)
        return jnp.where(wanted, value, jnp.nan)

    def _further(self, design: eqx.Module, look: FittedLook) -> Float[Array, "S B"]:
        """Return the information that further events add."""
        now = look.table.events.sum(axis=2)
        if self.events is None:
            hazard = expected_hazard(look.posterior, design.analysis.model, look.table)
            present = present_of(design, look)
            more = further_events(design, present, self.assumed, hazard, grow=self.sample == "maximum")
            more = more.astype(now.dtype)
            return _information(now[:, 1:] + more[:, 1:], now[:, :1] + more[:, :1]) - _information(
                now[:, 1:], now[:, :1]
            )
        both = now[:, 1:] + now[:, :1]
        missing = jnp.maximum(self.events.astype(now.dtype) - both, 0.0)
        return _information(now[:, 1:], now[:, :1]) * missing / jnp.maximum(both, 1.0)


def _information(arm: Float[Array, "S B"], control: Float[Array, "#S #B"]) -> Float[Array, "S B"]:
    """Return the information on a log hazard ratio of so many events; half an event is added to each."""
    return 1.0 / (1.0 / (arm + 0.5) + 1.0 / (control + 0.5))
