"""Where a rule applies: in some cells only, or judged over several cells that are closed together.

A scope changes neither the measures nor the thresholds of the rule that it holds. Cells that are not open do
not take part.
"""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool

from adaptive.codes import CellStatus
from adaptive.design.measure import AbstractMeasure
from adaptive.design.rules import AbstractRule, Asks
from adaptive.errors import BadInput
from adaptive.records import Progress

HOW = ("all", "any")


class AbstractScoped(AbstractRule):
    """A rule with a scope; what it asks is what the rule within asks."""

    rule: eqx.AbstractVar[AbstractRule]

    @property
    def binding(self) -> bool:
        """Whether the rule within binds."""
        return self.rule.binding

    @property
    def verdict(self) -> CellStatus:
        """The verdict of the rule within."""
        return self.rule.verdict

    @property
    def measures(self) -> tuple[AbstractMeasure, ...]:
        """The measures of the rule within."""
        return self.rule.measures

    @property
    def parts(self) -> tuple[AbstractRule, ...]:
        """The rule within."""
        return (self.rule,)

    @property
    @abstractmethod
    def scope(self) -> str:
        """Words on the cells; empty if each cell is by itself."""

    def applied(self, progress: Progress) -> Bool[Array, ""]:
        """Return whether the rule within is applied."""
        return self.rule.applied(progress)

    def asks(self, look: int) -> tuple[Asks, ...]:
        """Return what the rule within asks."""
        return self.rule.asks(look)


class OnlyIn(AbstractScoped):
    """A rule that acts in some cells and never in others.

    Attributes
    ----------
    rule
        The rule.
    cells
        Where it may fire, shape ``(S, B)``.
    where
        The same in words.
    """

    rule: AbstractRule
    cells: Bool[Array, "S B"] = eqx.field(converter=jnp.asarray)
    where: str = eqx.field(static=True, default="some cells")

    @property
    def scope(self) -> str:
        """Where."""
        return f"only in {self.where}"

    @property
    def reach(self) -> Bool[Array, "S B"]:
        """The cells."""
        return self.cells

    def fires(self, statistics, evidence, progress):
        """Return where the rule fires, within the cells."""
        return self.rule.fires(statistics, evidence, progress) & self.cells


def _due(progress: Progress) -> Bool[Array, "S B"]:
    """Return the cells that a look may still decide."""
    waiting = (progress.status == CellStatus.AWAITING) & progress.is_final
    return (progress.status == CellStatus.OPEN) | waiting


def _together(fired: Bool[Array, "S B"], due: Bool[Array, "S B"], how: str, axis: int) -> Bool[Array, "S B"]:
    """Return for every due cell whether all, or any, of the due cells along an axis fired."""
    hit = (fired & due).any(axis=axis, keepdims=True)
    if how == "all":
        hit = hit & (fired | ~due).all(axis=axis, keepdims=True)
    return hit & due


def _check_how(rule: AbstractRule, how: str) -> None:
    if how not in HOW:
        raise BadInput(f"{type(rule).__name__}: how {how!r} is not allowed; give 'all' or 'any'")


class AcrossSubgroups(AbstractScoped):
    """Judge an arm in all its open subgroups together, and drop it in all of them at once.

    Attributes
    ----------
    rule
        The rule that each subgroup is asked.
    how
        ``"all"``: it fires where every open subgroup fires; ``"any"``: where at least one does.
    """

    rule: AbstractRule
    how: str = eqx.field(static=True, default="all")

    def __check_init__(self):
        _check_how(self, self.how)

    @property
    def scope(self) -> str:
        """All subgroups at once."""
        return f"in all subgroups at once, when {'every' if self.how == 'all' else 'any'} open one meets it"

    def fires(self, statistics, evidence, progress):
        """Return the arms' open cells where the subgroups together fire."""
        fired = self.rule.fires(statistics, evidence, progress)
        return _together(fired, _due(progress) & self.rule.reach, self.how, 0)


class AcrossArms(AbstractScoped):
    """Judge a subgroup by all its open arms together, and close it for all of them at once (enrichment).

    Attributes
    ----------
    rule
        The rule that each arm is asked.
    how
        ``"all"``: it fires where every open arm fires; ``"any"``: where at least one does.
    """

    rule: AbstractRule
    how: str = eqx.field(static=True, default="all")

    def __check_init__(self):
        _check_how(self, self.how)

    @property
    def scope(self) -> str:
        """All arms at once."""
        return f"for all arms at once, when {'every' if self.how == 'all' else 'any'} open one meets it"

    def fires(self, statistics, evidence, progress):
        """Return the subgroups' open cells where the arms together fire."""
        fired = self.rule.fires(statistics, evidence, progress)
        return _together(fired, _due(progress) & self.rule.reach, self.how, 1)
