"""Compare the files of two reports: tables and JSON value by value, what is drawn byte by byte."""

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from adaptive.oc.report_manifest import report_files
from adaptive.oc.reverify_trials import TOLERANCE, leaves

KEYS = ("scenario", "design", "metric", "level", "look", "subgroup", "arm")
"""Columns that name a row of a tidy table."""
MEASURED = tuple(f", {name}" for name in ("estimate", "mcse", "lower", "upper"))
COUNTED = (", n", ", m")
"""Ends of the places of a tidy table's numbers."""
ROUNDING = 1e-9
"""What another order of summation may leave of a number that should be zero."""


class Found(NamedTuple):
    """Values of tables and JSON that were compared, drawn files that were compared, and the differences."""

    numbers: int
    drawn: int
    differences: list[str]


def compare_folders(stored: Path, made: Path, names: Sequence[str], *, exact: bool) -> Found:
    """Compare the files of a stored report with those of one made again.

    Parameters
    ----------
    stored, made
        The folders.
    names
        Files of the stored report.
    exact
        Whether both were made by the same program, so that pages and figures must be the same bytes.
    """
    numbers, drawn, differences = 0, 0, []
    ours = set(report_files(made))
    for name in sorted(ours | set(names)):
        if (name in ours) != (name in names):
            where = "made again but not stored" if name in ours else "stored but not made again"
            differences += [f"{name}: {where}"] if exact else []
        elif _is_data(name):
            count, lines = _compare_data(stored / name, made / name, exact)
            numbers += count
            differences += [f"{name}, {line}" for line in lines]
        elif exact:
            drawn += 1
            differences += _compare_bytes(stored / name, made / name, name)
    return Found(numbers, drawn, differences)


def _is_data(name: str) -> bool:
    return name.endswith((".csv", ".json"))


def _compare_data(stored: Path, made: Path, exact: bool) -> tuple[int, list[str]]:
    """Compare two tables or JSON files value by value; the bytes too if the same program wrote both.

    Between two versions or machines only the numbers of tidy tables that both have are compared, because a
    later version may say more: counts exactly, others to ``TOLERANCE``.
    """
    read = _csv_leaves if stored.suffix == ".csv" else _json_leaves
    new = dict(read(made))
    try:
        old = dict(read(stored))
    except (ValueError, csv.Error) as error:
        return len(new), [f"cannot be read ({error})"]
    places = list(dict.fromkeys([*new, *old]))
    if not exact:
        places = [p for p in places if p in new and p in old and p.endswith(MEASURED + COUNTED)]
    lines = [
        f"{place}: stored {_shown(old, place)}, made {_shown(new, place)}"
        for place in places
        if place not in old
        or place not in new
        or not (old[place] == new[place] or (not exact and _close(place, old[place], new[place])))
    ]
    if exact and not lines and stored.read_bytes() != made.read_bytes():
        lines = ["the values agree and the bytes do not"]
    return len(places), lines


def _close(place: str, old: str, new: str) -> bool:
    """Return whether two texts are the same measured number but for the rounding of other libraries.

    Relative to the number itself, however small it is: a standard error of 0.002 must not differ by 0.0001.
    """
    if not place.endswith(MEASURED):
        return False
    try:
        first, second = float(old), float(new)
    except ValueError:
        return False
    return abs(first - second) <= max(TOLERANCE * abs(first), ROUNDING)


def _shown(values: dict[str, Any], place: str) -> str:
    return repr(values[place])[:60] if place in values else "nothing"


def _csv_leaves(file: Path) -> Iterator[tuple[str, str]]:
    """Yield every cell with its row and column; equal text is an equal number, as both are written alike.

    A row of a tidy table is named by what it is about, any other by its line.
    """
    with file.open(encoding="utf-8", newline="") as stream:
        rows = csv.reader(stream)
        head = next(rows, [])
        yield "heading", "\t".join(head)
        keys = [head.index(name) for name in KEYS] if set(KEYS) <= set(head) else []
        for number, row in enumerate(rows, start=2):
            whole = keys and len(row) == len(head)
            name = " / ".join(row[k] for k in keys if row[k]) if whole else f"line {number}"
            yield f"{name}, fields", str(len(row))
            for column, value in zip(head, row, strict=False):
                yield f"{name}, {column}", value


def _json_leaves(file: Path) -> Iterator[tuple[str, str]]:
    """Yield every value with its place, as text: 1 and 1.0 and true are equal to Python."""
    for place, value in leaves(json.loads(file.read_text(encoding="utf-8"))):
        yield place, json.dumps(value)


def _compare_bytes(stored: Path, made: Path, name: str) -> list[str]:
    """Return where two files first differ."""
    old, new = stored.read_bytes(), made.read_bytes()
    if old == new:
        return []
    place = next((i for i, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), None)
    place = min(len(old), len(new)) if place is None else place
    return [f"{name}: differs from the one made again, first at byte {place} of {len(old)}"]
