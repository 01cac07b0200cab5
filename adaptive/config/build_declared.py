"""Builds what calibration and the searches need: settings, a design, declared scenarios."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from adaptive.config.build import PARTS, build_study
from adaptive.config.checks import Faults
from adaptive.config.read import code_keys, read, unknown_key
from adaptive.design.protocol import Design
from adaptive.errors import BadInput
from adaptive.oc.calibrate import declare
from adaptive.oc.calibrate_rules import Null

T = TypeVar("T")
_TRIAL = (*PARTS, "scenario")


class Declared(NamedTuple):
    """A design and the scenarios declared for it.

    Attributes
    ----------
    design
        The protocol.
    scenarios
        Every scenario with its true nulls, in the order given.
    rules
        Names of the design's rules, in order.
    """

    design: Design
    scenarios: tuple[Null, ...]
    rules: tuple[str, ...]


def own_settings(config: Mapping[str, Any], schema: type[T]) -> T:
    """Return a command's settings; raises ``BadInput`` with every fault of them."""
    faults = Faults(code_keys(config))
    names = tuple(f.name for f in dataclasses.fields(schema))  # type: ignore[arg-type]
    # An experiment says how its report is made; that is `adaptive simulate`'s business, and no fault here.
    known = (*names, *_TRIAL, "report")
    faults.extend(unknown_key(str(key), str(key), known) for key in config if key not in known)
    given = {key: config[key] for key in names if key in config}
    values = read(schema, given, "", faults, prefix=False)
    if values is None or faults:
        raise BadInput(faults)
    return values


def build_declared(configs: Sequence[Mapping[str, Any]]) -> Declared:
    """Return the one design of several configurations, and their scenarios.

    Raises
    ------
    BadInput
        With every fault, or if the configurations hold several designs.
    """
    faults: list[str] = []
    studies = []
    for config in configs:
        try:
            studies.append(build_study({key: config[key] for key in _TRIAL if key in config}))
        except BadInput as error:
            faults += error.faults
    if faults:
        raise BadInput(list(dict.fromkeys(faults)))
    names = list(dict.fromkeys(study.design.name for study in studies))
    if len(names) > 1:
        raise BadInput(
            f"design: {len(names)} came ({', '.join(names)}); this command works on one design, for example "
            f"design={names[0]}"
        )
    horizon = float(configs[0]["design"]["horizon_months"])
    scenarios = tuple(
        declare(study.scenario.name, studies[0].design, study.scenario, horizon) for study in studies
    )
    return Declared(studies[0].design, scenarios, tuple(configs[0]["rules"]))
