"""Reads a plain mapping against a schema dataclass: unknown keys, missing keys, types and ranges.

Knows nothing of designs or scenarios; collects faults and never raises.
"""

from collections.abc import Mapping
from dataclasses import MISSING as NO_DEFAULT
from dataclasses import Field, fields
from typing import Any, TypeVar

from adaptive.config.checks import Faults, shown
from adaptive.errors import did_you_mean

T = TypeVar("T")


def read(schema: type[T], data: Any, key: str, faults: Faults, *, prefix: bool = True) -> T | None:
    """Return the schema filled with checked values, or ``None`` after writing down every fault.

    Parameters
    ----------
    schema
        A schema dataclass.
    data
        What the configuration holds at ``key``.
    key
        Full key, for messages.
    faults
        Where faults are written.
    prefix
        Whether field names follow ``key`` in messages; false at the root of the configuration.
    """
    if not isinstance(data, Mapping):
        faults.add(key, data, f"give a mapping with {', '.join(f.name for f in fields(schema))}")
        return None
    before = len(faults)
    known = {f.name: f for f in fields(schema)}
    for name in data:
        if str(name) not in known:
            faults.append(unknown_key(_join(key, name, prefix), str(name), tuple(known)))
    values = {n: _value(f, data, _join(key, n, prefix), faults) for n, f in known.items()}
    return None if len(faults) > before else schema(**values)


def _join(key: str, name: Any, prefix: bool) -> str:
    return f"{key}.{name}" if prefix and key else str(name)


def unknown_key(key: str, name: str, known: tuple[str, ...]) -> str:
    """Return the message about a key that no schema has."""
    return f"{key}: there is no such key; the keys here are {', '.join(known)}{did_you_mean(name, known)}"


def _default(field: Field) -> Any:
    if field.default_factory is not NO_DEFAULT:
        return field.default_factory()
    return field.default


def _value(field: Field, data: Mapping, key: str, faults: Faults) -> Any:
    """Return one field's value: what is given, else the default."""
    value = data.get(field.name, "???")
    if isinstance(value, str) and value == "???":
        value = _default(field)
        if isinstance(value, str) and value == "???":
            faults.append(f"{key}: nothing was given; this key is required")
            return None
    check = field.metadata.get("check")
    return value if check is None else check.parse(value, key, faults)


def read_kind(kinds: Mapping[str, type], data: Any, key: str, faults: Faults) -> Any:
    """Return the schema that ``data['kind']`` names, filled, or ``None`` after writing down the faults."""
    if not isinstance(data, Mapping):
        faults.add(key, data, f"give a mapping with a kind: {', '.join(kinds)}")
        return None
    kind = data.get("kind")
    if not isinstance(kind, str) or kind not in kinds:
        hint = did_you_mean(kind, tuple(kinds)) if isinstance(kind, str) else ""
        faults.append(f"{key}.kind: {shown(kind)} is not a kind; give one of {', '.join(kinds)}{hint}")
        return None
    return read(kinds[kind], data, key, faults)


def code_keys(data: Any, key: str = "") -> list[str]:
    """Return a fault for every key that asks to run code; configurations are data."""
    if isinstance(data, Mapping):
        items = [(str(name), item) for name, item in data.items()]
    elif isinstance(data, list | tuple):
        items = [(str(i), item) for i, item in enumerate(data)]
    else:
        return []
    found = []
    for name, item in items:
        full = f"{key}.{name}" if key else name
        if name.startswith("_") and name.endswith("_"):
            found.append(
                f"{full}: configurations hold values only; remove this key and give a 'kind' instead"
            )
        found += code_keys(item, full)
    return found
