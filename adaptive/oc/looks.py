"""Aggregates of the optional row-per-look file. ``H`` is the number of looks held over all trials."""

import numpy as np
from jaxtyping import Float, Int

from adaptive.errors import BadInput
from adaptive.montecarlo import Estimate, quantiles
from adaptive.oc.load import STATUS_CODES, CellResult, codes_of, read_columns

LEVELS = (0.05, 0.5, 0.95)


def has_looks(result: CellResult) -> bool:
    """Return whether the result keeps its looks."""
    return "looks.parquet" in result.manifest["files"]


def read_looks(
    result: CellResult, column: str
) -> tuple[Int[np.ndarray, " H"], Int[np.ndarray, " H"], np.ndarray]:
    """Return trial and look of every held look, and one column as ``(H, S, A)``."""
    file = result.path / "looks.parquet"
    table = read_columns(file, ("trial", "look", "subgroup", "arm", column))
    n_subgroups, n_arms = len(result.subgroups), len(result.arms)
    subgroup = codes_of(
        table["subgroup"], {n: i for i, n in enumerate(result.subgroups)}, f"{file}, subgroup"
    )
    arm = codes_of(table["arm"], {n: i for i, n in enumerate(result.arms)}, f"{file}, arm")
    trial, look = table["trial"].to_numpy(), table["look"].to_numpy()
    named = column in ("advice", "status", "verdict")
    values = codes_of(table[column], STATUS_CODES, f"{file}, {column}") if named else table[column].to_numpy()
    cell = subgroup * n_arms + arm
    size = n_subgroups * n_arms
    tiled = cell.size % size == 0 and np.array_equal(cell, np.tile(np.arange(size), cell.size // size))
    if not tiled:
        order = np.lexsort((cell, look, trial))
        trial, look, values, cell = trial[order], look[order], values[order], cell[order]
        if cell.size % size or not np.array_equal(cell, np.tile(np.arange(size), cell.size // size)):
            raise BadInput(f"{file}: not one row per held look, subgroup and arm; re-run the cell")
    return trial[::size], look[::size], values.reshape(-1, n_subgroups, n_arms)


def allocation_by_look(result: CellResult) -> list[tuple[int, int, int, float, Estimate]]:
    """Return quantiles of the allocation in force after each look.

    Over the trials in which the subgroup still randomises after the look; each entry is the look's index,
    subgroup, arm, quantile level and its estimate. Empty when the result keeps no looks.
    """
    if not has_looks(result):
        return []
    _, look, allocation = read_looks(result, "allocation")
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
