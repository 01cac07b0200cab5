# ruff: noqa: RUF009 (the calls below return dataclass fields)
"""Schemas of a protocol: design, allocation, looks, model, posterior."""

from dataclasses import dataclass
from typing import Any

from adaptive.config.checks import (
    Anything,
    Maybe,
    Names,
    Numbers,
    Range,
    Real,
    Table,
    Whole,
    checked,
    numbers,
    real,
    text,
    whole,
)

LARGEST_BLOCK = 64
"""Patients in the largest permuted block."""


@dataclass
class DesignValues:
    """A protocol, without its looks, rules, allocation, model and posterior."""

    name: str = text()
    arms: Any = checked(Names(2))
    subgroups: Any = checked(Names())
    endpoint: Any = checked(Names())
    max_patients: int = whole(low=1)
    max_months: float = real(above=0)
    n_arrivals: int = whole(low=1)
    horizon_months: float = real(above=0)
    absent_channels: Any = checked(Names(0), [])
    cuts: Any = numbers(low=0)
    max_per_subgroup: Any = checked(Anything(), None)
    eligible: Any = checked(Table(), None)
    lags: Any = checked(Table(), None)
    arm_calendar: Any = checked(Table(), None)
    periods: Any = checked(Maybe(Numbers(Range(low=0))), None)
    block_size: Any = checked(Maybe(Whole(Range(low=2, high=LARGEST_BLOCK))), None)
    description: str = text("no description")


@dataclass
class LagValues:
    """Delays of data and of decisions, in months."""

    data: float = real(0.0, low=0)
    decision: float = real(0.0, low=0)


@dataclass
class ArmDates:
    """Looks, counted from 1, at which an arm enters and leaves."""

    enters_after_look: int | None = checked(Maybe(Whole(Range(low=1))), None)
    leaves_at_look: int | None = checked(Maybe(Whole(Range(low=1))), None)


@dataclass
class Enrolled:
    """Looks at numbers of randomised patients."""

    kind: str = "enrolled"
    counts: Any = numbers(integer=True, low=1)
    delay: Any = numbers(0.0, low=0)


@dataclass
class Events:
    """Looks at numbers of endpoint events."""

    kind: str = "events"
    counts: Any = numbers(integer=True, low=1)
    subgroup: str | None = text(None, nullable=True)


@dataclass
class Calendar:
    """Looks at calendar months."""

    kind: str = "calendar"
    months: Any = numbers(above=0)


@dataclass
class FollowUp:
    """One look a while after the last patient."""

    kind: str = "follow_up"
    months: float = real(low=0)


@dataclass
class Then:
    """The looks of one plan, then those of another."""

    kind: str = "then"
    first: Any = checked(Table(1))
    last: Any = checked(Table(1))


@dataclass
class Spaced:
    """The looks of a plan, kept within gaps."""

    kind: str = "spaced"
    plan: Any = checked(Table(1))
    min_gap: float = real(0.0, low=0)
    max_gap: float | None = checked(Maybe(Real(Range(above=0))), None)


@dataclass
class AllOf:
    """Looks that wait for every part."""

    kind: str = "all_of"
    parts: Any = checked(Table(1))


@dataclass
class AnyOf:
    """Looks that wait for the first part."""

    kind: str = "any_of"
    parts: Any = checked(Table(1))


@dataclass
class PartialPooling:
    """Subgroups share information."""

    kind: str = "partial_pooling"
    mu_scale: float = real(above=0)
    tau_scale: float = real(above=0)
    baseline_shape: float = real(above=0)
    baseline_rate: float = real(above=0)
    historical: Any = checked(Table(), None)
    drift: Any = checked(Table(), None)


@dataclass
class NoPooling(PartialPooling):
    """Subgroups by themselves."""

    kind: str = "no_pooling"


@dataclass
class FullPooling(PartialPooling):
    """One effect in all subgroups."""

    kind: str = "full_pooling"


@dataclass
class GammaHazards:
    """One constant hazard per subgroup and arm."""

    kind: str = "gamma_hazards"
    shape: float = real(above=0)
    rate: float = real(above=0)


@dataclass
class Laplace:
    """The fast engine."""

    kind: str = "laplace"
    n_nodes: int = whole(6, low=1, high=200)
    n_pilot: int = whole(8, low=0, high=200)
    n_newton: int = whole(3, low=1, high=50)
    n_sweeps: int = whole(1, low=0, high=20)
    n_points: int = whole(15, low=9, high=401)
    n_conditional: int = whole(4, low=2, high=40)
    precision: str = text("float32", "float32", "float64")


@dataclass
class Conjugate:
    """The exact engine of the constant-hazard model."""

    kind: str = "conjugate"


@dataclass
class Nuts:
    """NumPyro's sampler."""

    kind: str = "nuts"
    chains: int = whole(4, low=2, high=64)
    warmup: int = whole(1000, low=50)
    draws: int = whole(1000, low=50)
    target_accept: float = real(0.95, above=0, below=1)
    max_tree_depth: int = whole(10, low=1, high=15)
    max_rhat: float = real(1.01, above=1)
    min_ess: float = real(400.0, low=0)
    max_divergences: float = real(0.0, low=0)
    min_ebfmi: float = real(0.3, low=0)
