"""Schemas of the configuration: plain dataclasses, stored with Hydra under ``schema/<group>/<kind>``.

A YAML file holds values only; its ``kind`` names the schema, and ``config.build`` alone turns values into
objects. Ranges are the field's check; what ties several keys together is checked by the builder.
"""

from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore

from adaptive.config.checks import Anything, Flag, Labels, Names, Table, checked, numbers, real, text, whole

TAGS = ("verified", "secondary", "derived", "unverified")
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
    event_values: list[str] = checked(Labels(), ["1"])
    censored_values: list[str] = checked(Labels(), ["0"])
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
class DesignValues:
    """A protocol, without its looks, rules, allocation, model and posterior."""

    name: str = text()
    arms: list[str] = checked(Names(2))
    subgroups: list[str] = checked(Names())
    endpoint: list[str] = checked(Names())
    max_patients: int = whole(low=1)
    max_months: float = real(above=0)
    n_arrivals: int = whole(low=1)
    horizon_months: float = real(above=0)
    absent_channels: list[str] = checked(Names(0), [])
    cuts: Any = numbers(low=0)
    max_per_subgroup: Any = checked(Anything(), None)
    eligible: Any = checked(Table(), None)
    description: str = text("no description")


@dataclass
class Fixed:
    """Constant ratio."""

    kind: str = "fixed"
    ratio: Any = numbers(1.0, above=0)


@dataclass
class ThallWathen:
    """Response-adaptive randomisation on P(best)."""

    kind: str = "thall_wathen"
    ratio: Any = numbers(1.0, above=0)
    power: float = real(low=0)
    burn_in: float = real(low=0)
    floor: float = real(low=0, high=1)
    cap: float = real(above=0, high=1)
    control_share: float = real(low=0, below=1)


@dataclass
class Rule:
    """One decision rule."""

    kind: str = text()
    margin: float = real(above=0)
    threshold: Any = numbers(above=0, below=1, blank=True)
    min_events: float = real(0.0, low=0)
    binding: bool = checked(Flag(), True)


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
    n_nodes: int = whole(12, low=1, high=200)
    n_newton: int = whole(4, low=1, high=50)
    n_sweeps: int = whole(1, low=0, high=20)
    n_points: int = whole(17, low=9, high=401)


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
    max_rhat: float = real(1.01, above=1)
    min_ess: float = real(400.0, low=0)
    max_divergences: float = real(0.0, low=0)
    min_ebfmi: float = real(0.3, low=0)


@dataclass
class ScenarioValues:
    """An assumed truth. Every number is a node of value, unit, source and tag."""

    name: str = text()
    arms: list[str] = checked(Names(2))
    subgroups: list[str] = checked(Names())
    channels: list[str] = checked(Names())
    hazards: Any = checked(Table(1))
    mix: Any = checked(Table(1))
    accrual: Any = checked(Table(1))
    effects: Any = checked(Table(), None)
    drift: Any = checked(Table(), None)
    states: list[str] = checked(Names(), ["on study"])
    transitions: Any = checked(Table(), None)
    n_episodes: int = whole(1, low=1, high=50)
    description: str = text("no description")


@dataclass
class Parameter:
    """One number of a scenario and where it comes from."""

    value: Any = checked(Anything())
    unit: str = text()
    source: str = text()
    tag: str = text("???", *TAGS)


@dataclass
class HazardValues(Parameter):
    """Control hazard of one channel; ``cuts`` are interval starts in months."""

    subgroup: str = text("all")
    state: str | None = text(None, nullable=True)
    cuts: Any = numbers([0.0], low=0)


@dataclass
class EffectValues:
    """Effect of one arm on one channel."""

    arm: str = text()
    channel: str = text()
    hazard_ratio: Any = checked(Table(1))
    subgroups: Any = checked(Anything(), "all")
    state: str | None = text(None, nullable=True)
    shape: Any = checked(Table(), None)


@dataclass
class TransitionValues:
    """A channel that moves the patient to another state."""

    state: str = text()
    channel: str = text()
    next_state: str = text()


SCHEMAS: dict[str, dict[str, type]] = {
    "allocation": {"fixed": Fixed, "thall_wathen": ThallWathen},
    "looks": {
        "enrolled": Enrolled,
        "events": Events,
        "calendar": Calendar,
        "follow_up": FollowUp,
        "then": Then,
        "all_of": AllOf,
        "any_of": AnyOf,
    },
    "rule": {"efficacy": Rule, "futility": Rule, "harm": Rule},
    "model": {
        "partial_pooling": PartialPooling,
        "no_pooling": NoPooling,
        "full_pooling": FullPooling,
        "gamma_hazards": GammaHazards,
    },
    "posterior": {"laplace": Laplace, "conjugate": Conjugate, "nuts": Nuts},
}
"""Group -> kind -> schema. Closed: a kind that is not here does not exist."""


def register() -> None:
    """Store every schema with Hydra; calling it again changes nothing."""
    store = ConfigStore.instance()
    store.store(group="schema", name="settings", node=Settings)
    store.store(group="schema", name="report", node=Report)
    store.store(group="schema", name="columns", node=Columns)
    store.store(group="schema", name="design", node=DesignValues)
    store.store(group="schema", name="scenario", node=ScenarioValues)
    for group, kinds in SCHEMAS.items():
        for kind, schema in kinds.items():
            store.store(group=f"schema/{group}", name=kind, node=schema)
