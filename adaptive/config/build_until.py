"""Builds a request for precision from configuration values."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from adaptive.config.checks import Faults
from adaptive.config.read import read
from adaptive.config.schema_commands import Precision
from adaptive.errors import BadInput
from adaptive.oc.precision import Until, check_until


def build_until(config: Mapping[str, Any], faults: Faults) -> Until | None:
    """Return the request under the key ``until``, or ``None`` if there is none or it is faulty.

    Parameters
    ----------
    config
        The configuration of a cell.
    faults
        Where faults are written.
    """
    before = len(faults)
    values = read(Precision, config.get("until") or {}, "until", faults)
    if values is None or (values.metric is None and values.mcse is None):
        return None
    for name in ("metric", "mcse"):
        if getattr(values, name) is None:
            faults.append(f"until.{name}: nothing was given; metric and mcse are required together")
    if len(faults) > before:
        return None
    until = Until(**dataclasses.asdict(values))
    design = config.get("design") or {}
    try:
        return check_until(until, design.get("subgroups") or (), (design.get("arms") or ())[1:])
    except BadInput as error:
        faults.extend(error.faults)
    return None
