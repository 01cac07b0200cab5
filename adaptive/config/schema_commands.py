# ruff: noqa: RUF009 (the calls below return dataclass fields)
"""Schemas of what a command is asked: settings of a study, of an interim analysis, of a table's posterior."""

from dataclasses import dataclass
from typing import Any

from adaptive.config.checks import Anything, Flag, Labels, Table, checked, text, whole

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


@dataclass
class Report:
    """How the report of a study is made."""

    enabled: bool = checked(Flag(), True)
    output: str | None = text(None, nullable=True)


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
