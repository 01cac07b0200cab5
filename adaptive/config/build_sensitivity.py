# ruff: noqa: RUF009 (the calls below return dataclass fields)
"""Reads a declared sensitivity analysis: factors, levels and what cannot be run. Composes no cell."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adaptive.config.checks import Faults, Maybe, Names, Range, Real, Table, checked, shown, text, whole
from adaptive.config.read import code_keys, read, unknown_key
from adaptive.errors import BadInput, did_you_mean
from adaptive.oc.sensitivity import Declaration, Factor, Level

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+=-]*")


@dataclass
class Varying:
    """What the command is asked beside the settings of a study."""

    only: Any = checked(Maybe(Names()), None)
    n_trials: int = whole(4000, low=2, high=2**32 - 1)


@dataclass
class FactorValues:
    """A factor without its name."""

    title: str = text()
    question: str = text()
    base: str = text()
    designs: Any = checked(Names())
    scenarios: Any = checked(Names())
    levels: Any = checked(Table(2))
    overrides: Any = checked(Names(0), [])
    axis: str | None = text(None, nullable=True)


@dataclass
class LevelValues:
    """A level without its name."""

    label: str = text()
    overrides: Any = checked(Names(0), [])
    value: Any = checked(Maybe(Real(Range())), None)


@dataclass
class NotRunValues:
    """What cannot be run, and why."""

    factor: str = text()
    reason: str = text()


def build_varying(config: Mapping[str, Any]) -> tuple[Varying, Declaration]:
    """Return the settings of the command and everything that is declared.

    Raises
    ------
    BadInput
        With every fault: unknown keys with the nearest name, missing ones, a base that is no level.
    """
    faults = Faults(code_keys(config))
    known = ("only", "n_trials", "sensitivity")
    faults.extend(unknown_key(str(key), str(key), known) for key in config if key not in known)
    own = {key: config[key] for key in ("only", "n_trials") if key in config}
    asked = read(Varying, own, "", faults, prefix=False)
    declared = _declaration(config.get("sensitivity") or {}, faults)
    if declared is not None and asked is not None and asked.only is not None:
        _check_known(asked.only, [factor.name for factor in declared.factors], faults)
    if faults or asked is None or declared is None:
        raise BadInput(faults)
    return asked, declared


def _declaration(data: Mapping[str, Any], faults: Faults) -> Declaration | None:
    known = ("factors", "not_run")
    faults.extend(unknown_key(f"sensitivity.{key}", str(key), known) for key in data if key not in known)
    factors = data.get("factors")
    if not isinstance(factors, Mapping) or not factors:
        faults.add("sensitivity.factors", factors, "give a mapping of factors by name")
        return None
    built = [_factor(str(name), item, faults) for name, item in factors.items()]
    rows = data.get("not_run") or []
    rows = rows if isinstance(rows, list) else [rows]
    missing = [read(NotRunValues, row, f"sensitivity.not_run[{i}]", faults) for i, row in enumerate(rows)]
    left_out = {row.factor: row.reason for row in missing if row is not None}
    return Declaration(tuple(factor for factor in built if factor is not None), left_out)


def _factor(name: str, data: Any, faults: Faults) -> Factor | None:
    key = f"sensitivity.factors.{name}"
    before = len(faults)
    _check_name(name, key, faults)
    values = read(FactorValues, data, key, faults)
    given = data.get("levels") if isinstance(data, Mapping) else None
    given = given if isinstance(given, Mapping) else {}
    levels = [_level(str(n), item, f"{key}.levels.{n}", faults) for n, item in given.items()]
    if values is None:
        return None
    if values.base not in values.levels:
        have = tuple(values.levels)
        hint = did_you_mean(values.base, have)
        faults.add(f"{key}.base", values.base, f"give one of its levels: {', '.join(have)}", hint)
    if len(faults) > before:
        return None
    found = {level.name: level for level in levels if level is not None}
    if found[values.base].overrides:
        faults.append(
            f"{key}.levels.{values.base}.overrides: the base changes nothing; give [] or another base"
        )
    _check_axis(key, values.axis, found, faults)
    return Factor(
        name=name,
        levels=tuple(found.values()),
        **{k: getattr(values, k) for k in ("title", "question", "base", "designs", "scenarios", "overrides")},
        axis=values.axis,
    )


def _level(name: str, data: Any, key: str, faults: Faults) -> Level | None:
    _check_name(name, key, faults)
    values = read(LevelValues, data, key, faults)
    return None if values is None else Level(name, values.label, values.overrides, values.value)


def _check_name(name: str, key: str, faults: Faults) -> None:
    if not _NAME.fullmatch(name):
        faults.append(f"{key}: {shown(name)} names a folder; use letters, digits and _ . + = -")


def _check_axis(key: str, axis: str | None, levels: Mapping[str, Level], faults: Faults) -> None:
    """Write down levels without a value where there is an axis, and values where there is none."""
    for level in levels.values():
        if axis is not None and level.value is None:
            faults.append(f"{key}.levels.{level.name}.value: nothing was given; the factor has an axis")
        elif axis is None and level.value is not None:
            faults.append(f"{key}.axis: nothing was given, but level {level.name} has a value; name the axis")


def _check_known(only: Sequence[str], known: Sequence[str], faults: Faults) -> None:
    for name in only:
        if name not in known:
            faults.add("only", name, f"give some of {', '.join(known)}", did_you_mean(name, known))
