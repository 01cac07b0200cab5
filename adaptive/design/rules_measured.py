"""A rule on any measure: one threshold per look, on a stated side of it.

The side is a static field, because a wrong sign is the error that no table of results shows. What a measure
means is the measure's business; nothing here computes one.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from adaptive.codes import CellStatus
from adaptive.design.measure import AbstractMeasure, Favours
from adaptive.design.rules import AbstractThresholdRule, Asks, enough_events
from adaptive.errors import BadInput

VERDICTS = (CellStatus.HARM, CellStatus.EFFICACY, CellStatus.FUTILITY, CellStatus.AWAITING)
"""States that a rule may give."""

SIDES = ("above", "below")


def natural_side(verdict: CellStatus, favours: Favours) -> str | None:
    """Return the side of the threshold on which a verdict lies, or ``None`` if the measure does not say.

    Efficacy and awaiting success lie where the measure speaks for benefit; futility and harm on the other
    side. Of a measure that is large when the arms are alike, or when they differ either way, a claim lies
    above.
    """
    claims = verdict in (CellStatus.EFFICACY, CellStatus.AWAITING)
    if favours in (Favours.NEITHER, Favours.EITHER):
        return "above" if claims else None
    return "above" if claims == (favours == Favours.BENEFIT) else "below"


class MeasuredRule(AbstractThresholdRule):
    """Give a verdict where a measure lies strictly on one side of ``threshold[look]``.

    Attributes
    ----------
    measure
        What is compared.
    threshold
        One per look, shape ``(K,)``; NaN where the rule is not applied.
    verdict
        ``EFFICACY``, ``FUTILITY``, ``HARM`` or ``AWAITING`` (success expected: accrual ends, the final look
        decides).
    side
        ``"above"`` or ``"below"``; equality never fires.
    min_events
        Events of arm and control together, in the cell's own subgroup, without which it does not fire.
    binding
        Whether it closes cells, or only advises to.

    Raises
    ------
    BadInput
        If ``verdict`` or ``side`` is none of these, or the side contradicts what the measure favours.
    """

    measure: AbstractMeasure
    threshold: Float[Array, " K"] = eqx.field(converter=jnp.asarray)
    verdict: CellStatus = eqx.field(static=True)
    side: str = eqx.field(static=True)
    min_events: Float[Array, ""] = eqx.field(converter=jnp.asarray, default=0.0)
    binding: bool = eqx.field(static=True, default=True)

    def __check_init__(self):
        if self.verdict not in VERDICTS or self.side not in SIDES:
            raise BadInput(
                f"MeasuredRule: verdict {self.verdict!r} with side {self.side!r} is not allowed; give one of "
                f"{', '.join(code.name for code in VERDICTS)} and 'above' or 'below'"
            )
        expected = natural_side(self.verdict, self.measure.favours)
        if expected is not None and self.side != expected:
            raise BadInput(
                f"MeasuredRule: side {self.side!r} is not allowed; large values of the measure speak for "
                f"{self.measure.favours.name.lower()}, so {self.verdict.name.lower()} lies {expected!r}"
            )

    @property
    def sign(self) -> str:
        """Side of the threshold on which the rule fires."""
        return ">" if self.side == "above" else "<"

    def fires(self, statistics, evidence, progress):
        """Return where the measure lies on the rule's side of the threshold."""
        level = self.threshold[progress.look]
        beyond = statistics[0] > level if self.side == "above" else statistics[0] < level
        return beyond & enough_events(evidence, self.min_events)

    def asks(self, look: int) -> tuple[Asks, ...]:
        """Return the comparison of the measure with the threshold of the look."""
        threshold = float(self.threshold[look])
        return (Asks(self.measure.words, self.sign, threshold, False, float(self.min_events)),)
