"""Simulate chosen trials of stored results again and compare every number that is stored of them.

A trial depends on its address alone, so any choice of trials gives the numbers that the whole run gave.
Axes: ``R`` chosen trials.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from adaptive.design.protocol import Design
from adaptive.errors import BadInput
from adaptive.io.frames import tables
from adaptive.io.hashing import finite_or_null
from adaptive.io.manifest import code_state
from adaptive.io.store import MANIFEST
from adaptive.oc.describe import describe_design, describe_truth, labels_of
from adaptive.scenario.truth import Scenario
from adaptive.simulate.drivers import simulate as simulate_trials

KEYS = {
    "trials": ("trial",),
    "cells": ("trial", "subgroup", "arm"),
    "looks": ("trial", "look", "subgroup", "arm"),
}
TOLERANCE = 1e-4
"""Largest difference of a number, relative to the larger of it and 1, on another platform than the run's.

Rounding differs between processors and library versions; the fast engine computes in single precision.
"""
DETECTION = 0.95
SHOWN = 5
"""Failed trials that a line names."""


class Compared(NamedTuple):
    """What one comparison found.

    Attributes
    ----------
    numbers
        Values compared.
    differences
        A line per value that differs.
    notes
        What a reader must know beside.
    """

    numbers: int
    differences: list[str]
    notes: tuple[str, ...] = ()


def choose_trials(counts: Mapping[str, int], n_trials: int, seed: int) -> dict[str, np.ndarray]:
    """Return which of each cell's trials are checked: positions drawn without replacement, sorted.

    Parameters
    ----------
    counts
        Trials stored in each cell.
    n_trials
        Trials over all cells; each cell has at least one, and the rest is spread evenly, cells with too few
        giving theirs to none.
    seed
        Seed of the choice.
    """
    rng = np.random.default_rng(seed)
    share, extra = divmod(n_trials, max(len(counts), 1))
    more = set(rng.permutation(len(counts))[:extra].tolist())
    return {
        name: np.sort(rng.choice(count, min(count, max(1, share + (index in more))), replace=False))
        for index, (name, count) in enumerate(counts.items())
    }


def detectable(n_checked: int, n_stored: int) -> int:
    """Return the fewest altered trials of a cell that a check finds with probability ``DETECTION``.

    With ``k`` of ``n`` trials checked, ``c`` altered ones escape with probability
    ``C(n - c, k) / C(n, k) = prod_{i < k} (n - c - i) / (n - i)``.
    """
    checked = np.arange(n_checked)

    def found(altered: int) -> bool:
        left = (n_stored - altered - checked) / (n_stored - checked)
        return bool(left.min() <= 0 or np.log(left).sum() <= np.log(1 - DETECTION))

    return 1 + bisect_left(range(1, n_stored + 1), True, key=found)


def compare_trials(
    path: Path,
    design: Design,
    scenario: Scenario,
    seed: int,
    trials: np.ndarray,
    *,
    keep_looks: bool,
    tolerance: float = 0.0,
    simulate: Callable = simulate_trials,
) -> Compared:
    """Simulate trials again and compare them with the rows stored in ``path``.

    Parameters
    ----------
    path
        Folder of the cell.
    design, scenario, seed
        What the configuration of the cell says.
    trials
        Numbers of the trials, shape ``(R,)``.
    keep_looks
        Whether the configuration asks for looks to be stored.
    tolerance
        0 for exact equality; else the largest difference of a number relative to the larger of it and 1.
        Counts, names and decisions must be equal whatever the tolerance.
    simulate
        Stands in for the simulator in tests.
    """
    result, looks = simulate(design, scenario, seed=seed, trials=trials)
    made = tables(labels_of(design), trials, result, looks if keep_looks else None)
    numbers, differences = 0, []
    for kind, table in zip(("trials", "cells", "looks"), made, strict=True):
        file = path / f"{kind}.parquet"
        if table is None or not file.is_file():
            differences += _presence(file, wanted=table is not None)
            continue
        stored = pq.read_table(file, filters=pc.field("trial").isin(trials.tolist()))
        found = compare_tables(stored, table, KEYS[kind], tolerance)
        numbers += found.numbers
        differences += [f"{kind}.parquet, {text}" for text in found.differences]
    return Compared(numbers, differences)


def _presence(file: Path, *, wanted: bool) -> list[str]:
    """Return a line if a table is stored and the configuration does not ask for it, or the reverse."""
    if file.is_file() == wanted:
        return []
    return [f"{file.name}: {'missing' if wanted else 'stored, and the configuration does not ask for it'}"]


def failed_trials(manifest: Mapping[str, Any]) -> np.ndarray:
    """Return the numbers of the trials that the manifest records as failed."""
    ranges = [range(int(lost["first"]), int(lost["stop"])) for lost in manifest.get("failures") or ()]
    return np.array([trial for numbers in ranges for trial in numbers], int)


def try_failed(
    manifest: Mapping[str, Any],
    design: Design,
    scenario: Scenario,
    seed: int,
    trials: np.ndarray,
    *,
    simulate: Callable = simulate_trials,
) -> Compared:
    """Simulate trials again that are recorded as failed; it is a difference if they do not fail.

    A trial that was left out because of what it showed could be recorded as failed.

    Parameters
    ----------
    manifest
        Manifest of the cell.
    design, scenario, seed
        What the configuration of the cell says.
    trials
        Numbers of trials that are recorded as failed, shape ``(R,)``; may be empty.
    simulate
        Stands in for the simulator in tests.
    """
    if not trials.size:
        return Compared(0, [])
    shown = "; ".join(
        f"trials {lost['first']} to {lost['stop'] - 1} failed in the run ({str(lost['reason'])[:80]})"
        for lost in manifest["failures"]
    )
    numbers = ", ".join(map(str, trials[:SHOWN])) + (" and others" if trials.size > SHOWN else "")
    try:
        simulate(design, scenario, seed=seed, trials=trials)
    except BadInput:
        raise
    except Exception:
        return Compared(0, [], (f"{shown}; simulated again, they fail again: {numbers}",))
    again = "and can be simulated; delete the result and simulate it again"
    return Compared(0, [f"trials {numbers}: recorded as failed, {again}"], (shown,))


def compare_tables(stored: pa.Table, made: pa.Table, keys: Sequence[str], tolerance: float) -> Compared:
    """Compare two tables value by value after sorting both by their keys."""
    if sorted(stored.column_names) != sorted(made.column_names):
        odd = sorted(set(stored.column_names) ^ set(made.column_names))
        return Compared(0, [f"columns differ: {', '.join(odd) or 'one occurs twice'}"])
    stored, made = (_sorted(table, keys) for table in (stored, made))
    if stored.num_rows != made.num_rows:
        return Compared(0, [f"{stored.num_rows} rows are stored, {made.num_rows} were made again"])
    differences = []
    for name in made.column_names:
        old, new = stored[name].to_pylist(), made[name].to_pylist()
        wrong = [i for i, pair in enumerate(zip(old, new, strict=True)) if not _same(*pair, tolerance)]
        differences += [f"{_place(made, keys, i)}, {name}: stored {old[i]!r}, made {new[i]!r}" for i in wrong]
    return Compared(made.num_rows * made.num_columns, differences)


def _sorted(table: pa.Table, keys: Sequence[str]) -> pa.Table:
    """Return rows in the order of their keys; names are compared as text."""
    plain = pa.table(
        {
            name: table[name].cast(pa.string()) if pa.types.is_dictionary(table[name].type) else table[name]
            for name in table.column_names
        }
    )
    return plain.sort_by([(key, "ascending") for key in keys])


def _same(old: Any, new: Any, tolerance: float) -> bool:
    """Return whether two values are equal: type, missing or not, and number."""
    if type(old) is not type(new):
        return False
    if isinstance(old, float):
        return old == new or (old != old and new != new) or abs(old - new) <= tolerance * max(1.0, abs(old))
    return old == new


def _place(table: pa.Table, keys: Sequence[str], row: int) -> str:
    return ", ".join(f"{key} {table[key][row].as_py()}" for key in keys)


def compare_truth(
    stored: Any, design: Design, scenario: Scenario, horizon: float, absent: Sequence[str]
) -> Compared:
    """Compute the true values again from the scenario and compare them with ``truth.json``."""
    made = describe_truth(design, scenario, horizon, tuple(absent))
    old, new = dict(leaves(stored)), dict(leaves(made))
    differences = [
        f"truth.json, {place}: stored {old.get(place)!r}, made {new.get(place)!r}"
        for place in sorted(old.keys() | new.keys())
        if not _close(old.get(place), new.get(place))
    ]
    return Compared(len(new), differences)


def compare_manifest(
    manifest: Mapping[str, Any], config: Mapping[str, Any], design: Design, n_stored: int
) -> Compared:
    """Compare what a manifest says of its cell with the configuration and with what is stored.

    The description of the design is compared only if the installed program wrote it, word for word.
    """
    pairs = {
        "seed": (manifest.get("seed"), config.get("seed")),
        "dtype": (manifest.get("dtype"), config.get("precision")),
        "study": (manifest.get("study"), config.get("study")),
        "benchmark": (manifest.get("benchmark"), config.get("benchmark")),
        "scenario": (manifest.get("scenario"), (config.get("scenario") or {}).get("name")),
        "counts.finished": ((manifest.get("counts") or {}).get("finished"), n_stored),
    }
    if not manifest.get("until"):
        pairs["counts.requested"] = ((manifest.get("counts") or {}).get("requested"), config.get("n_trials"))
    if (manifest.get("code") or {}).get("sha256") == code_state()["sha256"]:
        pairs["design"] = (manifest.get("design"), finite_or_null(describe_design(design)))
    differences = [
        f"{MANIFEST}, {name}: stored {str(old)[:80]}, made {str(new)[:80]}"
        for name, (old, new) in pairs.items()
        if old != new
    ]
    return Compared(len(pairs), differences)


def leaves(node: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value of nested data with its place."""
    if isinstance(node, dict):
        for key, item in node.items():
            yield from leaves(item, f"{place}.{key}" if place else str(key))
    elif isinstance(node, list):
        for index, item in enumerate(node):
            yield from leaves(item, f"{place}[{index}]")
    else:
        yield place, node


def _close(old: Any, new: Any) -> bool:
    """Return whether two true values agree; deterministic integrals repeat to about ten digits."""
    numbers = (int, float)
    if isinstance(old, bool) or isinstance(new, bool) or not all(isinstance(v, numbers) for v in (old, new)):
        return old == new
    return abs(old - new) <= 1e-9 * max(1.0, abs(new))
