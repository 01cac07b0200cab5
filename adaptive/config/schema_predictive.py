# ruff: noqa: RUF009 (the calls below return dataclass fields)
"""Schemas of measures that predict success, at the final look or in a later trial; and of two-sided tests."""

from dataclasses import dataclass
from typing import Any

from adaptive.config.checks import Maybe, Range, Real, Table, Whole, checked, real, text, whole


@dataclass
class TwoSided:
    """One minus the two-sided p-value of a one-sided confidence."""

    kind: str = "two_sided"
    measure: Any = checked(Table(1))


@dataclass
class FinalTest:
    """A measure above a threshold."""

    measure: Any = checked(Table(1))
    threshold: float = real(above=0, below=1)


@dataclass
class _Future:
    """What is assumed of the future, and the test at its end."""

    kind: str = text()
    final: Any = checked(Table(1))
    sample: str = text("maximum", "current", "maximum")
    entry_rate: float = real(above=0)
    follow_up: float | None = checked(Maybe(Real(Range(above=0))), None)
    dropout: float | None = checked(Maybe(Real(Range(above=0))), None)


@dataclass
class Predictive(_Future):
    """Predictive probability of success by full imputation."""

    imputations: int = whole(100, low=10, high=100000)
    bound: str = text("none", "none", "lower", "upper")
    level: float = real(0.95, above=0.5, below=1)


@dataclass
class PredictiveInformation(_Future):
    """The same from the information fraction."""

    events: int | None = checked(Maybe(Whole(Range(low=1))), None)


@dataclass
class ConfirmatorySuccess:
    """Success in a later trial of so many events, or patients of whom a share has the event."""

    kind: str = "confirmatory_success"
    events: int | None = checked(Maybe(Whole(Range(low=1))), None)
    patients: int | None = checked(Maybe(Whole(Range(low=2))), None)
    event_share: float | None = checked(Maybe(Real(Range(above=0, high=1))), None)
    level: float = real(0.025, above=0, below=0.5)
    share: float = real(0.5, above=0, below=1)
