"""Turns a finished cell back into an unfinished one, so that more trials can be added to those it has.

Trials are addressed by seed and number; what is added is what a longer run would have simulated. The steps
are
ordered so that a kill between any two leaves either the finished cell or a resumable one.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from adaptive.errors import BadInput
from adaptive.io import store
from adaptive.io.frames import Tables

PIECE = 4096


def reopen(cell: Path, plan: store.Plan, schemas: dict[str, pa.Schema], manifest: dict[str, Any]) -> None:
    """Put the trials of a finished cell back into chunks and remove its manifest.

    Raises
    ------
    BadInput
        If other code, versions or another device made the cell: its trials would not be those of one run.
    """
    made_by = {"device": manifest["device"], "code_sha256": manifest["code"]["sha256"]}
    made_by |= {name: v for name, v in manifest["versions"].items() if name != "platform"}
    changed = store.differences(made_by, plan.environment)
    if changed:
        raise BadInput(
            f"{cell} was made by something else ({'; '.join(changed)}), so it cannot grow; choose "
            f"another output "
            f"or study, or delete {cell}"
        )
    opened = store.CellStore.open(cell, plan, schemas)
    for trials, parts in pieces(cell, schemas):
        if trials not in opened.done:
            opened.put(trials, parts)
    (cell / store.MANIFEST).unlink()


def pieces(cell: Path, schemas: dict[str, pa.Schema]) -> Iterator[tuple[range, list[pa.Table]]]:
    """Yield the tables of a finished cell by runs of consecutive trials."""
    whole = {
        name: pq.read_table(cell / f"{name}.parquet", partitioning=None).cast(schema)
        for name, schema in schemas.items()
    }
    index = {name: table["trial"].to_numpy() for name, table in whole.items()}
    for trials in runs(index["trials"]):
        parts = []
        for name, table in whole.items():
            first, stop = np.searchsorted(index[name], [trials.start, trials.stop])
            parts.append(table.slice(first, stop - first).combine_chunks())
        yield trials, parts


def runs(trials: np.ndarray) -> Iterator[range]:
    """Yield the runs of consecutive numbers, in pieces of at most ``PIECE``."""
    for block in np.split(trials, np.flatnonzero(np.diff(trials) != 1) + 1):
        for first in range(0, block.size, PIECE):
            part = block[first : first + PIECE]
            yield range(int(part[0]), int(part[-1]) + 1)


def stored_tables(cell: Path, schemas: dict[str, pa.Schema]) -> Iterator[tuple[range, Tables]]:
    """Yield the trials and cells of a finished cell, without its looks."""
    short = {name: schemas[name] for name in ("trials", "cells")}
    for trials, (first, second) in pieces(cell, short):
        yield trials, Tables(first, second, None)
