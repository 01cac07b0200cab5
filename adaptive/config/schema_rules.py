# ruff: noqa: RUF009 (the calls below return dataclass fields)
"""Schemas of decision rules and of the measures that they compare with thresholds."""

from dataclasses import dataclass
from typing import Any

from adaptive.config.checks import (
    Anything,
    Flag,
    Maybe,
    Numbers,
    Range,
    Real,
    Table,
    checked,
    real,
    text,
)


@dataclass
class Rule:
    """One decision rule: a margin, a measure, or rules to combine."""

    kind: str = text()
    margin: float | None = checked(Maybe(Real(Range(above=0))), None)
    measure: Any = checked(Anything(), None)
    all_of: Any = checked(Anything(), None)
    any_of: Any = checked(Anything(), None)
    in_order: Any = checked(Anything(), None)
    threshold: Any = checked(Maybe(Numbers(Range(above=0, below=1), False, True)), None)
    side: str | None = text(None, "above", "below", nullable=True)
    min_events: float = real(0.0, low=0)
    only: Any = checked(Maybe(Table(1)), None)
    across: Any = checked(Maybe(Table(1)), None)
    binding: bool = checked(Flag(), True)


@dataclass
class HazardRatioBelow:
    """P(HR < margin)."""

    kind: str = "hazard_ratio_below"
    margin: float = real(1.0, above=0)


@dataclass
class HazardRatioAbove:
    """P(HR > margin)."""

    kind: str = "hazard_ratio_above"
    margin: float = real(1.0, above=0)


@dataclass
class Equivalence:
    """P(lower < HR < upper)."""

    kind: str = "equivalence"
    lower: float = real(above=0, below=1)
    upper: float = real(above=1)


@dataclass
class NonInferiority:
    """P(HR < margin), the margin allowing a worse arm."""

    kind: str = "non_inferiority"
    margin: float = real(above=1)


@dataclass
class RiskDifferenceBelow:
    """P(risk of the arm - risk of control < margin) at a time."""

    kind: str = "risk_difference_below"
    margin: float = real(0.0, above=-1, below=1)
    months: float = real(above=0)


@dataclass
class NonInferiorityRisk:
    """The same, the margin allowing a worse arm."""

    kind: str = "non_inferiority_risk"
    margin: float = real(above=0, below=1)
    months: float = real(above=0)


@dataclass
class Best:
    """P(the arm is best)."""

    kind: str = "best"


@dataclass
class PooledEffect:
    """P(mean HR of all subgroups < 1)."""

    kind: str = "pooled_effect"


@dataclass
class LogRank:
    """One-sided confidence of the log-rank test."""

    kind: str = "log_rank"
    margin: float = real(1.0, above=0)
    stratified: bool = checked(Flag(), False)


@dataclass
class Cox:
    """One-sided confidence of Cox's Wald test."""

    kind: str = "cox"
    margin: float = real(1.0, above=0)
    ties: str = text("efron", "efron", "breslow")
    stratified: bool = checked(Flag(), False)
