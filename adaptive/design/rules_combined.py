"""Rules made of rules that give one verdict: all of them, any of them, or the first that is applied.

A part that has no threshold at a look is not applied there. Combinations keep nothing between looks, and a
part's own ``binding`` does not matter: that of the combination does.
"""

from functools import reduce

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from adaptive.codes import CellStatus
from adaptive.design.measure import AbstractMeasure
from adaptive.design.rules import AbstractRule, Asks
from adaptive.errors import BadInput
from adaptive.records import Evidence, Progress


class AbstractCombination(AbstractRule):
    """A rule whose parts all have its verdict."""

    rules: eqx.AbstractVar[tuple[AbstractRule, ...]]

    def __check_init__(self):
        verdicts = sorted({part.verdict.name.lower() for part in self.rules})
        if len(verdicts) != 1:
            raise BadInput(
                f"{type(self).__name__}: parts with the verdicts {verdicts} came; give at least one part, "
                "and parts of one verdict"
            )

    @property
    def parts(self) -> tuple[AbstractRule, ...]:
        """The rules combined."""
        return self.rules

    @property
    def verdict(self) -> CellStatus:
        """The verdict of the parts."""
        return self.rules[0].verdict

    @property
    def measures(self) -> tuple[AbstractMeasure, ...]:
        """The measures of the parts, in order."""
        return tuple(measure for part in self.rules for measure in part.measures)

    def asks(self, look: int) -> tuple[Asks, ...]:
        """Return what the parts ask, in order."""
        return tuple(ask for part in self.rules for ask in part.asks(look))

    def applied(self, progress: Progress) -> Bool[Array, ""]:
        """Return whether any part is applied at this look."""
        return reduce(jnp.logical_or, [part.applied(progress) for part in self.rules])

    def each(
        self, statistics: Float[Array, "M S B"], evidence: Evidence, progress: Progress
    ) -> list[Bool[Array, "S B"]]:
        """Return where each part fires; never where it is not applied."""
        fired, start = [], 0
        for part in self.rules:
            rows = slice(start, start + len(part.measures))
            start = rows.stop
            fired.append(part.fires(statistics[rows], evidence, progress) & part.applied(progress))
        return fired


class AllOfRules(AbstractCombination):
    """Fires where every part fires; at a look where one of them is not applied, nowhere."""

    rules: tuple[AbstractRule, ...]
    binding: bool = eqx.field(static=True, default=True)

    def applied(self, progress: Progress) -> Bool[Array, ""]:
        """Return whether every part is applied at this look."""
        return reduce(jnp.logical_and, [part.applied(progress) for part in self.rules])

    def fires(self, statistics, evidence, progress):
        """Return where every part fires."""
        return reduce(jnp.logical_and, self.each(statistics, evidence, progress))


class AnyOfRules(AbstractCombination):
    """Fires where at least one part fires."""

    rules: tuple[AbstractRule, ...]
    binding: bool = eqx.field(static=True, default=True)

    @property
    def joined(self) -> str:
        """One is enough."""
        return "or"

    def fires(self, statistics, evidence, progress):
        """Return where any part fires."""
        return reduce(jnp.logical_or, self.each(statistics, evidence, progress))


class InOrder(AbstractCombination):
    """Fires where the first part that is applied at the look fires; later parts are not asked then.

    For a hybrid design: a posterior probability at the interim looks, a log-rank test where that has no
    threshold.
    """

    rules: tuple[AbstractRule, ...]
    binding: bool = eqx.field(static=True, default=True)

    @property
    def joined(self) -> str:
        """The next is asked only where those before are not applied."""
        return "or, where that is not applied,"

    def fires(self, statistics, evidence, progress):
        """Return where the first applied part fires."""
        fired = self.each(statistics, evidence, progress)
        result = jnp.zeros_like(fired[0])
        for part, fires in zip(self.rules[::-1], fired[::-1], strict=True):
            result = jnp.where(part.applied(progress), fires, result)
        return result
