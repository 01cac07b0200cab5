"""Aggregates of the optional row-per-look file. ``H`` is the number of looks held over all trials."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.parquet as pq
from jaxtyping import Float, Int

from adaptive.errors import BadInput
from adaptive.montecarlo import Estimate, quantiles
from adaptive.oc.load import STATUS_CODES, CellResult, codes_of, read_columns

LEVELS = (0.05, 0.5, 0.95)
NAMED = ("advice", "status", "verdict")
COURSE = ("month", "patients", "events", "allocation")
"""Columns that the tables on the course of trials use."""


@dataclass(frozen=True)
class Looks:
    """Every look held.

    Attributes
    ----------
    trial, look
        Trial and index of the look, shape ``(H,)``.
    columns
        Stored columns by name, shape ``(H, S, A)``; those that the file lacks are absent.
    """

    trial: Int[np.ndarray, " H"]
    look: Int[np.ndarray, " H"]
    columns: dict[str, np.ndarray]


def has_looks(result: CellResult) -> bool:
    """Return whether the result keeps its looks."""
    return "looks.parquet" in result.manifest["files"]


def read_looks(
    result: CellResult, column: str
) -> tuple[Int[np.ndarray, " H"], Int[np.ndarray, " H"], np.ndarray]:
    """Return trial and look of every held look, and one column as ``(H, S, A)``."""
    found = read_look_columns(result, (column,))
    return found.trial, found.look, found.columns[column]


def read_course(result: CellResult) -> Looks | None:
    """Return what is stored of ``COURSE``, or ``None`` when the result keeps no looks."""
    if not has_looks(result):
        return None
    stored = stored_columns(result)
    return read_look_columns(result, [name for name in COURSE if name in stored])


def stored_columns(result: CellResult) -> list[str]:
    """Return the names of the stored columns, none when the result keeps no looks."""
    return pq.read_schema(result.path / "looks.parquet").names if has_looks(result) else []


def read_look_columns(result: CellResult, columns: Sequence[str]) -> Looks:
    """Return some columns of every held look, in the order trial, look, subgroup, arm.

    Raises
    ------
    BadInput
        If there is not one row per held look, subgroup and arm, or a column is missing.
    """
    file = result.path / "looks.parquet"
    table = read_columns(file, ("trial", "look", "subgroup", "arm", *columns))
    n_subgroups, n_arms = len(result.subgroups), len(result.arms)
    subgroup = codes_of(
        table["subgroup"], {n: i for i, n in enumerate(result.subgroups)}, f"{file}, subgroup"
    )
    arm = codes_of(table["arm"], {n: i for i, n in enumerate(result.arms)}, f"{file}, arm")
    trial, look = table["trial"].to_numpy(), table["look"].to_numpy()
    values = {
        name: codes_of(table[name], STATUS_CODES, f"{file}, {name}")
        if name in NAMED
        else table[name].to_numpy()
        for name in columns
    }
    cell, size = subgroup * n_arms + arm, n_subgroups * n_arms
    if not _in_order(cell, size):
        order = np.lexsort((cell, look, trial))
        trial, look, cell = trial[order], look[order], cell[order]
        values = {name: array[order] for name, array in values.items()}
        if not _in_order(cell, size):
            raise BadInput(f"{file}: not one row per held look, subgroup and arm; re-run the cell")
    shaped = {name: array.reshape(-1, n_subgroups, n_arms) for name, array in values.items()}
    return Looks(trial[::size], look[::size], shaped)


def _in_order(cell: Int[np.ndarray, " n"], size: int) -> bool:
    """Return whether the cells of a look follow each other, look after look."""
    return cell.size % size == 0 and bool((cell.reshape(-1, size) == np.arange(size)).all())


def allocation_by_look(
    result: CellResult, looks: Looks | None = None
) -> list[tuple[int, int, int, float, Estimate]]:
    """Return quantiles of the allocation in force after each look.

    Over the trials in which the subgroup still randomises after the look; each entry is the look's index,
    subgroup, arm, quantile level and its estimate. Empty when the result keeps no looks.
    """
    looks = looks or read_course(result)
    if looks is None:
        return []
    look, allocation = looks.look, looks.columns["allocation"]
    entries = []
    for k in np.unique(look):
        at_look: Float[np.ndarray, "H S A"] = allocation[look == k]
        for s in range(allocation.shape[1]):
            running = at_look[at_look[:, s].sum(axis=1) > 0, s]
            if not running.shape[0]:
                continue
            for a in range(allocation.shape[2]):
                found = quantiles(running[:, a], LEVELS)
                entries += [(int(k), s, a, p, e) for p, e in zip(LEVELS, found, strict=True)]
    return entries
