# ruff: noqa: RUF009 (the calls below return dataclass fields)
"""Schemas of what a command is asked: settings of a study, of an interim analysis, of a table's posterior."""

from dataclasses import dataclass
from typing import Any

from adaptive.config.checks import (
    Anything,
    Flag,
    Labels,
    Maybe,
    Names,
    Numbers,
    Range,
    Real,
    Table,
    Whole,
    checked,
    real,
    text,
    whole,
)

PRECISIONS = ("float32", "float64")


@dataclass
class Settings:
    """How a study is run. None of these changes what a trial is."""

    study: str = text("single")
    benchmark: str | None = text(None, nullable=True)
    n_trials: int = whole(1000, low=1, high=2**32 - 1)
    seed: int = whole(20260101, low=0, high=2**32 - 1)
    chunk_size: int = whole(500, low=1)
    driver: str = text("dropping", "dropping", "scan")
    precision: str = text("float64", *PRECISIONS)
    keep_looks: bool = checked(Flag(), True)
    output: str = text("results")
    until: Any = checked(Table(), None)


@dataclass
class Precision:
    """The precision at which a cell has enough trials; without a metric it has ``n_trials``."""

    metric: str | None = text(None, nullable=True)
    mcse: float | None = checked(Maybe(Real(Range(above=0))), None)
    at_least: int = whole(1024, low=100, high=2**32 - 1)
    at_most: int = whole(100_000, low=100, high=2**32 - 1)
    step: int = whole(1024, low=1, high=2**32 - 1)
    subgroup: str = text("all")
    arm: str = text("all")


@dataclass
class Report:
    """How the report of a study is made."""

    enabled: bool = checked(Flag(), True)
    output: str | None = text(None, nullable=True)
    dossier: str | None = text(None, nullable=True)


@dataclass
class Columns:
    """Which column of a patient file means what, and how its labels map to the design's."""

    patient: str = text("patient")
    subgroup: str = text("subgroup")
    arm: str = text("arm")
    entry: str | None = text("entry", nullable=True)
    entry_as: str = text("date")
    end: str = text("time")
    end_as: str = text("months")
    event: str = text("event")
    event_values: Any = checked(Labels(), ["1"])
    censored_values: Any = checked(Labels(), ["0"])
    arms: Any = checked(Table(), None)
    subgroups: Any = checked(Table(), None)
    date_format: str = text("%Y-%m-%d")
    origin: str | None = text(None, nullable=True)
    delimiter: str = checked(Anything(), ",")
    encoding: str = text("utf-8")


@dataclass
class Monitoring:
    """A replay of a finished trial through every look."""

    data: str = text()
    output: str = text()
    seed: int = whole(0, low=0, high=2**32 - 1)
    precision: str = text("float64", *PRECISIONS)


@dataclass
class Analysing(Monitoring):
    """One interim analysis."""

    cutoff: Any = checked(Anything())
    look: Any = checked(Anything(), None)
    previous: str | None = text(None, nullable=True)


@dataclass
class Fitting:
    """A posterior from a table of events and exposure."""

    input: str = text()
    output: str = text()
    seed: int = whole(0, low=0, high=2**32 - 1)
    precision: str = text("float64", *PRECISIONS)


@dataclass
class Auditing:
    """An audit of the engine behind stored results."""

    n_random: int = whole(1000, low=0, high=10**6)
    n_near: int = whole(1000, low=0, high=10**6)
    seed: int = whole(1, low=0, high=2**32 - 1)
    max_trials: int = whole(20_000, low=1, high=2**32 - 1)
    block: int = whole(32, low=1, high=4096)
    workers: Any = checked(Anything(), None)
    retries: int = whole(1, low=0, high=4)
    precision: str = text("float64", "float64")


@dataclass
class Declaring:
    """What commands share that simulate declared scenarios."""

    study: str | None = text(None, nullable=True)
    benchmark: str | None = text(None, nullable=True)
    target: float = real(0.025, above=0, below=0.5)
    error: str = text("any_false_claim", "any_false_claim", "per_comparison")
    gamma: float = real(0.05, above=0, below=0.5)
    seed: int = whole(20260101, low=0, high=2**32 - 1)
    precision: str = text("float64", *PRECISIONS)
    output: str = text()


@dataclass
class Calibrating(Declaring):
    """Thresholds for a target error."""

    nulls: Any = checked(Maybe(Names()), None)
    rule: str | None = text(None, nullable=True)
    shape: str = text("constant", "constant", "obrien_fleming", "own")
    information: Any = checked(Maybe(Numbers(Range(above=0, high=1))), None)
    method: str = text("auto", "auto", "stored", "again")
    conservative: bool = checked(Flag(), True)
    n_trials: int = whole(20_000, low=100, high=2**32 - 1)
    n_confirm: int = whole(20_000, low=0, high=2**32 - 1)
    confirm_seed: int | None = checked(Maybe(Whole(Range(low=0, high=2**32 - 1))), None)


@dataclass
class SearchingNulls(Declaring):
    """The largest error over a space of nulls."""

    box: Any = checked(Table(), None)
    partial: Any = checked(Labels(), "subgroups")
    drift_months: float = real(36.0, above=0)
    n_points: int = whole(16, low=0, high=4096)
    n_first: int = whole(2048, low=1, high=2**32 - 1)
    n_worst: int = whole(8, low=1, high=1000)
    n_second: int = whole(20_000, low=1, high=2**32 - 1)
    second_seed: int | None = checked(Maybe(Whole(Range(low=0, high=2**32 - 1))), None)


@dataclass
class SearchingDesigns(Declaring):
    """Designs compared on the same patients."""

    over: Any = checked(Table(), None)
    method: str = text("grid", "grid", "sobol", "nsga2")
    n_points: int = whole(32, low=1, high=4096)
    nulls: Any = checked(Maybe(Names()), None)
    alternatives: Any = checked(Maybe(Names()), None)
    objectives: Any = checked(Names(), ["disjunctive_power", "patients", "months", "patients_inferior"])
    calibrate: bool = checked(Flag(), False)
    rule: str | None = text(None, nullable=True)
    shape: str = text("constant", "constant", "obrien_fleming", "own")
    information: Any = checked(Maybe(Numbers(Range(above=0, high=1))), None)
    n_null: int = whole(10_000, low=1, high=2**32 - 1)
    n_trials: int = whole(4000, low=2, high=2**32 - 1)
    n_calibrate: int = whole(10_000, low=100, high=2**32 - 1)
