"""Configuration values in, ``Design`` and ``Scenario`` out, with every fault found at once.

This package is the only place that instantiates: a ``kind`` picks a class from a closed registry, never a
path from a file. Takes plain data, so that a stored ``config.yaml`` builds the same objects again.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from adaptive.config.build_analysis import build_engine, check_fit
from adaptive.config.build_design import build_protocol
from adaptive.config.build_models import build_model
from adaptive.config.build_scenario import build_truth
from adaptive.config.build_until import build_until
from adaptive.config.checks import Faults
from adaptive.config.read import code_keys, read, unknown_key
from adaptive.config.schema_commands import Report, Settings
from adaptive.design.protocol import Design
from adaptive.errors import BadInput, did_you_mean
from adaptive.models.base import AbstractModel
from adaptive.oc.precision import Until
from adaptive.posterior.base import AbstractEngine
from adaptive.scenario.truth import Scenario

PARTS = ("design", "looks", "rules", "allocation", "model", "posterior")
"""The keys that make a protocol."""
SETTINGS = tuple(Settings.__dataclass_fields__)


class Study(NamedTuple):
    """One cell of a study: a protocol in a scenario, and how to run it."""

    design: Design
    scenario: Scenario
    settings: Settings
    report: Report
    until: Until | None = None


def build_study(config: Mapping[str, Any]) -> Study:
    """Return the design, the scenario and the settings of one cell.

    Parameters
    ----------
    config
        Plain values: ``design``, ``scenario``, ``looks``, ``rules``, ``allocation``, ``model``,
        ``posterior``, ``report`` and the settings.

    Raises
    ------
    BadInput
        With every fault: full key, the value that came, what is allowed, the nearest name.
    """
    faults = Faults(code_keys(config))
    known = (*PARTS, "scenario", "report", *SETTINGS)
    faults.extend(unknown_key(str(key), str(key), known) for key in config if key not in known)
    settings = read(Settings, {k: config[k] for k in SETTINGS if k in config}, "", faults, prefix=False)
    report = read(Report, config.get("report") or {}, "report", faults)
    design, scenario = build_protocol(config, faults), build_truth(config, faults)
    _agree(config, faults)
    until = build_until(config, faults)
    if faults:
        raise BadInput(faults)
    return Study(design, scenario, settings, report, until)


def build_design(config: Mapping[str, Any]) -> Design:
    """Return the protocol alone; raises ``BadInput`` with every fault."""
    faults = Faults(code_keys(config))
    design = build_protocol(config, faults)
    if faults:
        raise BadInput(faults)
    return design


def build_scenario(config: Mapping[str, Any]) -> Scenario:
    """Return the truth alone; raises ``BadInput`` with every fault."""
    faults = Faults(code_keys(config))
    scenario = build_truth(config, faults)
    if faults:
        raise BadInput(faults)
    return scenario


def build_inference(config: Mapping[str, Any]) -> tuple[AbstractModel, AbstractEngine]:
    """Return a model and an engine that can fit it; raises ``BadInput`` with every fault."""
    faults = Faults(code_keys(config))
    model = build_model(config.get("model"), None, faults)
    engine = build_engine(config.get("posterior"), faults)
    if model is not None and engine is not None:
        check_fit(config["model"], config["posterior"], faults)
    if faults:
        raise BadInput(faults)
    return model, engine


def _agree(config: Mapping[str, Any], faults: Faults) -> None:
    """Write down where the design and the scenario do not speak of the same trial."""
    design, scenario = config.get("design"), config.get("scenario")
    if not isinstance(design, Mapping) or not isinstance(scenario, Mapping):
        return
    for label in ("arms", "subgroups"):
        ours, theirs = design.get(label), scenario.get(label)
        if isinstance(ours, list) and isinstance(theirs, list) and ours != theirs:
            faults.append(_difference(label, ours, theirs))
    channels = scenario.get("channels")
    for label in ("endpoint", "absent_channels"):
        names = design.get(label)
        for name in names if isinstance(names, list) else []:
            if isinstance(channels, list) and name not in channels:
                hint = did_you_mean(str(name), [str(c) for c in channels])
                faults.append(
                    f"design.{label}: {name!r} is not an event channel; scenario.channels has "
                    f"{', '.join(map(str, channels))}{hint}"
                )


def _difference(label: str, ours: list, theirs: list) -> str:
    """Say how the names of the design and the scenario differ."""
    stranger = next((str(name) for name in ours if name not in theirs), None)
    hint = "" if stranger is None else did_you_mean(stranger, [str(name) for name in theirs])
    hint = f" ({stranger!r}{hint})" if hint else ""
    return (
        f"design.{label}: {ours} differs from scenario.{label}: {theirs}; both need the same "
        f"names in the same order{hint}"
    )
