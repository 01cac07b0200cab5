"""Reads the numbers of a scenario: nodes ``{value, unit, source, tag}`` and courses over calendar time.

The unit is part of a value, so that a table in per cent per year may be copied as it was published and is
converted here.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from adaptive.config.checks import Check, Faults, Numbers, Range
from adaptive.config.read import read
from adaptive.config.schema_scenario import Parameter
from adaptive.errors import did_you_mean

PER_TIME = {"per month": 1.0, "per year": 1.0 / 12.0, "percent per year": 1.0 / 1200.0}
MONTHS = {"months": 1.0, "years": 12.0}
ARRIVALS = {"per month": 1.0, "per year": 1.0 / 12.0}
RATIO = {"hazard ratio": 1.0}
SHARE = {"proportion": 1.0, "percent": 0.01}
MULTIPLIER = {"multiplier": 1.0}
FACTOR = {"factor": 1.0}


class Slot(NamedTuple):
    """What a parameter may be: its check, and what one of each unit is in the unit of computation."""

    check: Check
    units: Mapping[str, float]


def parameter(data: Any, key: str, slot: Slot, faults: Faults, schema: type = Parameter) -> Any:
    """Return a parameter node with its value checked and converted, or ``None`` after writing down faults."""
    node = read(schema, data, key, faults)
    if node is None:
        return None
    before = len(faults)
    node.value = slot.check.parse(node.value, f"{key}.value", faults)
    if node.unit not in slot.units:
        hint = did_you_mean(node.unit, tuple(slot.units))
        faults.add(f"{key}.unit", node.unit, f"give one of {', '.join(slot.units)}", hint)
    if len(faults) > before:
        return None
    node.value = _scaled(node.value, slot.units[node.unit])
    return node


def _scaled(value: Any, factor: float) -> Any:
    return [item * factor for item in value] if isinstance(value, list) else value * factor


def only_keys(data: Mapping, key: str, known: Sequence[str], required: Sequence[str], faults: Faults) -> bool:
    """Write down unknown and missing keys of a mapping; return whether there were none."""
    before = len(faults)
    for name in data:
        if name not in known:
            keys = ", ".join(known)
            faults.append(f"{key}.{name}: no such key; the keys here are {keys}{did_you_mean(name, known)}")
    faults.extend(f"{key}.{n}: nothing was given; this key is required" for n in required if n not in data)
    return len(faults) == before


def is_known(name: str, allowed: Sequence[str], key: str, what: str, faults: Faults) -> bool:
    """Return whether a name is among the scenario's, writing down a fault if not."""
    if name in allowed:
        return True
    hint = did_you_mean(name, allowed)
    faults.append(f"{key}: {name!r} is not a {what} of the scenario; it has {', '.join(allowed)}{hint}")
    return False


def read_knots(data: Mapping[str, Any], key: str, faults: Faults) -> list[float] | None:
    """Return calendar months at which a course over calendar time has its knots; month 0 if not given."""
    if "knots" not in data:
        return [0.0]
    node = parameter(data["knots"], f"{key}.knots", Slot(Numbers(Range(low=0)), MONTHS), faults)
    if node is None:
        return None
    if any(b <= a for a, b in pairwise(node.value)):
        faults.add(f"{key}.knots.value", node.value, "give strictly increasing months")
        return None
    return node.value


def read_course(data: Any, size: int, key: str, within: Range, faults: Faults) -> list[float]:
    """Return one value per knot; a single value holds throughout."""
    items = Numbers(within).parse(data, key, faults)
    if items is not None and len(items) not in (1, size):
        faults.append(f"{key}: {len(items)} values came; give one, or {size}: one per knot")
    return [math.nan] * size if items is None else (items * size if len(items) == 1 else items[:size])


def by_name(value: Any, names: Sequence[str], key: str, faults: Faults) -> dict[str, Any] | None:
    """Return name -> value of a mapping by name, or of a list in the order of the names."""
    if isinstance(value, Mapping):
        for name in value:
            is_known(str(name), names, f"{key}.{name}", "subgroup or channel", faults)
        return {str(name): item for name, item in value.items() if name in names}
    if isinstance(value, list) and len(value) == len(names):
        return dict(zip(names, value, strict=True))
    faults.add(key, value, f"give a mapping by name, or a list in the order {', '.join(names)}")
    return None


def read_courses(
    data: Mapping, field: str, names: Sequence[str], units: Mapping, key: str, faults: Faults
) -> tuple[list[float], dict[str, list[float]]] | None:
    """Return knots and, by name, the values at the knots."""
    before = len(faults)
    only_keys(data, key, ("knots", field), (field,), faults)
    knots = read_knots(data, key, faults)
    node = read(Parameter, data[field], f"{key}.{field}", faults) if field in data else None
    if node is not None and node.unit not in units:
        hint = did_you_mean(node.unit, tuple(units))
        faults.add(f"{key}.{field}.unit", node.unit, f"give one of {', '.join(units)}", hint)
    if node is None or knots is None or len(faults) > before:
        return None
    where = f"{key}.{field}.value"
    found = by_name(node.value, names, where, faults) or {}
    scale = units[node.unit]
    courses = {
        name: [v * scale for v in read_course(item, len(knots), f"{where}.{name}", Range(low=0), faults)]
        for name, item in found.items()
    }
    return None if len(faults) > before else (knots, courses)
