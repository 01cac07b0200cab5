"""What a sensitivity analysis is: factors, each with levels that change a few settings of a study's cells.

A level is a list of overrides. The base of a factor is the level without any: the study's own cells, or, for
a factor whose levels share overrides, cells simulated for it. Nothing here composes or simulates.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from adaptive.design.protocol import Design
from adaptive.scenario.truth import Scenario

FOLDER = "sensitivity"
FREE = ("n_trials", "keep_looks")
"""Settings in which a level may differ from its base: trials of the same study, with or without looks."""


@dataclass(frozen=True)
class Level:
    """One setting of a factor.

    Attributes
    ----------
    name, label
        Name of its folder, and what it is called in print.
    overrides
        What it changes, as ``key=value`` texts.
    value
        The number on the factor's axis, if it has one.
    """

    name: str
    label: str
    overrides: tuple[str, ...] = ()
    value: float | None = None


@dataclass(frozen=True)
class Factor:
    """Something about the design or the truth that is varied while everything else stays.

    Attributes
    ----------
    name, title, question
        Name of its folder, what it is called in print, and what it is varied for.
    base
        Name of the level that the others are compared with.
    designs, scenarios
        Cells of the study in which it is varied.
    levels
        Every level, in print order.
    overrides
        What all levels share, the base included.
    axis
        What ``Level.value`` is, with its unit; a factor with an axis is drawn as a curve.
    """

    name: str
    title: str
    question: str
    base: str
    designs: tuple[str, ...]
    scenarios: tuple[str, ...]
    levels: tuple[Level, ...]
    overrides: tuple[str, ...] = ()
    axis: str | None = None

    def level(self, name: str) -> Level:
        """Return the level of that name."""
        return next(level for level in self.levels if level.name == name)

    def is_simulated(self, level: Level) -> bool:
        """Return whether the level has cells of its own; the others are cells of the study."""
        return bool(self.overrides or level.overrides)

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data, as the index keeps it."""
        return {**asdict(self), "levels": [asdict(level) for level in self.levels]}


@dataclass(frozen=True)
class Declaration:
    """Everything that is declared: the factors, and what cannot be run with the reason, by name."""

    factors: tuple[Factor, ...]
    not_run: Mapping[str, str]

    def chosen(self, only: Collection[str] | None) -> "Declaration":
        """Return the declaration with some of its factors, or all of them for ``None``."""
        factors = self.factors if only is None else tuple(f for f in self.factors if f.name in only)
        return Declaration(factors, self.not_run)


@dataclass(frozen=True)
class Order:
    """One cell of one level, ready to be simulated."""

    factor: str
    level: str
    design: Design
    scenario: Scenario
    config: dict[str, Any]
    command: str
    chunk_size: int

    @property
    def place(self) -> str:
        """Its folder below the study's folder of sensitivity analyses."""
        return cell_place(self.factor, self.level, self.design.name, self.scenario.name)


def under(factor: Factor, factors: Sequence[Factor]) -> str:
    """Return in what all levels of a factor, its base included, differ from the study's cells.

    A level of another factor that makes the same changes gives the words, else they are the overrides.
    """
    changes = {text for text in factor.overrides if text.partition("=")[0] not in FREE}
    words = []
    for other in factors:
        for level in other.levels:
            if level.overrides and changes.issuperset(level.overrides):
                words.append(f"{other.title.lower()}: {level.label}")
                changes -= set(level.overrides)
    return "; ".join([*words, *(text for text in factor.overrides if text in changes)])


def cell_place(factor: str, level: str, design: str, scenario: str) -> str:
    """Return the folder of a level's cell below the study's folder of sensitivity analyses."""
    return f"{factor}/{level}/{design}/{scenario}"


def base_path(study: Path, factor: Factor, design: str, scenario: str) -> Path:
    """Return the folder of the base cell: one of the study, or one simulated for the factor."""
    if not factor.is_simulated(factor.level(factor.base)):
        return study / design / scenario
    return study / FOLDER / cell_place(factor.name, factor.base, design, scenario)
