"""Checks of every row of a patient file; each returns values and the faults found, none stops at the first.

A fault says which rows, what came, and what is allowed. Nothing here reads files or cuts data.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime

import numpy as np
import pandas as pd

from adaptive.errors import did_you_mean
from adaptive.io.columns import DAYS_PER_MONTH, DAYS_PER_UNIT, ColumnMap
from adaptive.io.delimited import row_list

MISSING = ("", "na", "n/a", "nan", "null", "none", ".", "?")
LONGEST_MONTHS = 720.0
"""Sixty years; longer follow-up means a wrong unit."""


def is_missing(value: str) -> bool:
    """Return whether a cell stands for a missing value."""
    return value.lower() in MISSING


def missing_columns(table: pd.DataFrame, columns: ColumnMap) -> list[str]:
    """Return a fault for each mapped column that the file does not have."""
    have = list(table.columns)
    return [
        f"column {name!r} (columns.{role}) is not in the file, which has {', '.join(map(repr, have))}"
        + did_you_mean(name, have)
        for role, name in columns.names().items()
        if name not in have
    ]


def _rows_by_value(cells: pd.Series) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {}
    for row, value in cells.items():
        groups.setdefault(value, []).append(row)
    return groups


def _each_bad(cells: pd.Series, bad: Callable[[str], str | None]) -> list[str]:
    """Return a fault per distinct value for which ``bad`` gives a message; missing values are left out."""
    faults = []
    for value, rows in _rows_by_value(cells).items():
        message = None if is_missing(value) else bad(value)
        if message:
            faults.append(f"{row_list(rows)}: {cells.name} {value!r} {message}")
    return faults


def missing_values(table: pd.DataFrame, columns: ColumnMap) -> list[str]:
    """Return a fault per column that has empty cells."""
    faults = []
    for name in columns.names().values():
        rows = [row for row, value in table[name].items() if is_missing(value)]
        if rows:
            faults.append(f"{row_list(rows)}: {name} is missing; every patient needs a value")
    return faults


def labels(
    cells: pd.Series, mapping: Mapping[str, str], allowed: tuple[str, ...], what: str
) -> tuple[pd.Series, list[str]]:
    """Map labels to the design's and return those that it does not know."""
    mapped = cells.map(lambda value: mapping.get(value, value))
    known = list(dict.fromkeys([*mapping, *allowed]))
    unknown = {value for value, label in zip(cells, mapped, strict=True) if label not in allowed}
    faults = _each_bad(
        cells,
        lambda value: (
            f"is not {what}; allowed: {', '.join(map(repr, known))}{did_you_mean(value, known)}"
            if value in unknown
            else None
        ),
    )
    return mapped, faults


def duplicates(cells: pd.Series) -> list[str]:
    """Return a fault per patient with more than one row."""
    return [
        f"{row_list(rows)}: {cells.name} {value!r} occurs {len(rows)} times; one row per patient is needed"
        for value, rows in _rows_by_value(cells).items()
        if len(rows) > 1 and not is_missing(value)
    ]


def numbers(cells: pd.Series) -> tuple[np.ndarray, list[str]]:
    """Return the cells as finite numbers, NaN where they are not."""

    def parse(value: str) -> float:
        try:
            return float(value)
        except ValueError:
            return np.nan

    def bad(value: str) -> str | None:
        if np.isfinite(parse(value)):
            return None
        hint = "; write decimals with a point" if "," in value else ""
        return f"is not a number; write the number alone, without a unit{hint}"

    return np.array([parse(value) for value in cells]), _each_bad(cells, bad)


def days(cells: pd.Series, date_format: str) -> tuple[np.ndarray, list[str]]:
    """Return the cells as proleptic day numbers, NaN where they are not dates of that format."""

    def parse(value: str) -> float:
        try:
            return float(datetime.strptime(value, date_format).date().toordinal())
        except ValueError:
            return np.nan

    example = date(2026, 6, 30).strftime(date_format)

    def bad(value: str) -> str | None:
        return None if np.isfinite(parse(value)) else f"is not a date written like {example} ({date_format})"

    return np.array([parse(value) for value in cells]), _each_bad(cells, bad)


def indicators(cells: pd.Series, columns: ColumnMap) -> tuple[np.ndarray, list[str]]:
    """Return whether each row is an event."""
    happened, censored = tuple(map(str, columns.event_values)), tuple(map(str, columns.censored_values))
    allowed = f"{', '.join(map(repr, happened))} (event) or {', '.join(map(repr, censored))} (censored)"
    faults = _each_bad(
        cells, lambda value: None if value in happened + censored else f"is not allowed; use {allowed}"
    )
    return cells.isin(happened).to_numpy(), faults


def _entries(table: pd.DataFrame, columns: ColumnMap) -> tuple[np.ndarray, date | None, list[str]]:
    """Return entry in clock units since the first patient in, and that patient's date."""
    origin, faults = _origin(columns)
    if columns.entry is None:
        return np.zeros(len(table)), origin, faults
    if columns.entry_as != "date":
        values, more = numbers(table[columns.entry])
        per_unit = 1.0 if columns.clock == "months" else DAYS_PER_UNIT[columns.entry_as]
        return values * per_unit, origin, faults + more
    values, more = days(table[columns.entry], columns.date_format)
    first = origin.toordinal() if origin else int(np.nanmin(values)) if np.isfinite(values).any() else 1
    return values - first, date.fromordinal(first), faults + more


def _origin(columns: ColumnMap) -> tuple[date | None, list[str]]:
    if columns.origin is None:
        return None, []
    try:
        return date.fromisoformat(str(columns.origin)), []
    except ValueError:
        return None, [f"columns.origin: {columns.origin!r} is not a date such as 2026-06-30"]


def _times(
    table: pd.DataFrame, columns: ColumnMap, entry: np.ndarray, origin: date | None
) -> tuple[np.ndarray, list[str]]:
    """Return time since randomisation in clock units."""
    if columns.end_as == "date":
        values, faults = days(table[columns.end], columns.date_format)
        return values - (origin.toordinal() if origin else 1) - entry, faults
    values, faults = numbers(table[columns.end])
    if columns.clock == "months" and columns.end_as == "months":
        return values, faults
    in_days = values * DAYS_PER_UNIT[columns.end_as]
    return in_days if columns.clock == "days" else in_days / DAYS_PER_MONTH, faults


def _impossible(
    table: pd.DataFrame, columns: ColumnMap, entry: np.ndarray, time: np.ndarray, event: np.ndarray
) -> list[str]:
    """Return faults of order: negative times, entries before the first patient in, absurd durations."""
    faults = []
    rows = table.index.to_numpy()
    per_month = DAYS_PER_MONTH if columns.clock == "days" else 1.0
    for row, ended, happened in zip(
        rows[time < 0], table[columns.end][time < 0], event[time < 0], strict=True
    ):
        what = "event" if happened else "last contact"
        faults.append(
            f"row {row}: {columns.end} {ended!r} puts the {what} before randomisation; "
            "times must be on or after entry"
            if columns.end_as == "date"
            else f"row {row}: {columns.end} {ended!r} is negative; time since randomisation must be 0 or more"
        )
    early = rows[entry < 0].tolist()
    if early:
        faults.append(f"{row_list(early)}: {columns.entry} lies before the first patient in (columns.origin)")
    longest = np.nanmax(np.where(np.isfinite(time), time, 0.0)) / per_month
    if longest > LONGEST_MONTHS:
        faults.append(
            f"{columns.end}: follow-up of {longest:.0f} months read as {columns.end_as}; "
            "are units mixed? set columns.end_as to the unit of the file, the same in every row"
        )
    return faults


def check_rows(
    table: pd.DataFrame, columns: ColumnMap, arms: tuple[str, ...], subgroups: tuple[str, ...]
) -> tuple[pd.DataFrame, date | None, list[str], list[str]]:
    """Return the typed frame, the origin, notes, and every fault of every row."""
    arm, arm_faults = labels(table[columns.arm], columns.arms, arms, "an arm of the design")
    group, group_faults = labels(
        table[columns.subgroup], columns.subgroups, subgroups, "a subgroup of the design"
    )
    entry, origin, entry_faults = _entries(table, columns)
    time, time_faults = _times(table, columns, entry, origin)
    event, event_faults = indicators(table[columns.event], columns)
    faults = [
        *missing_values(table, columns),
        *duplicates(table[columns.patient]),
        *arm_faults,
        *group_faults,
        *entry_faults,
        *time_faults,
        *event_faults,
        *_impossible(table, columns, entry, time, event),
    ]
    frame = pd.DataFrame(
        {
            "patient": table[columns.patient],
            "subgroup": group,
            "arm": arm,
            "entry": entry,
            "time": time,
            "event": event,
        }
    )
    return frame, origin, _notes(columns, table, time, event), faults


def _notes(columns: ColumnMap, table: pd.DataFrame, time: np.ndarray, event: np.ndarray) -> Sequence[str]:
    notes = []
    instant = table.index[(time == 0) & event]
    if len(instant):
        notes.append(f"{row_list(list(instant))}: event at time 0 counts in the first interval")
    if columns.entry is None:
        notes.append("the file has no entry dates: it was taken as already cut, look-ahead cannot be checked")
    return notes
