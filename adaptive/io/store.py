"""The store of one cell: chunks that survive a kill at any moment, merged into final Parquet files.

``plan.json`` is written first and says what is being made; each chunk is written whole or not at all;
the final files do not depend on how the trials were cut into chunks; ``manifest.json`` comes last and
means that the cell is complete; only then are plan and chunks removed. Nothing here simulates.
"""

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from adaptive.errors import BadInput
from adaptive.io import chunks
from adaptive.io.atomic import remove_temporaries, sync_directory, unwritable, write_atomic
from adaptive.io.frames import Tables
from adaptive.io.hashing import plain

PLAN, MANIFEST, CHUNKS = "plan.json", "manifest.json", "chunks"
ROW_GROUP = 1 << 17
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Plan:
    """What a cell's files are made of.

    Attributes
    ----------
    identity
        What the user asked for (configuration hash, seed, number of trials, ...); two runs with the same
        identity must give the same results.
    environment
        What made the numbers (versions, device, code); it may not change in the middle of a run.
    chunk_size
        Trials per chunk of the run that wrote the plan; results do not depend on it.
    """

    identity: dict[str, Any]
    environment: dict[str, Any]
    chunk_size: int

    def to_json(self) -> bytes:
        """Return the plan as indented JSON."""
        return json_bytes({"schema_version": SCHEMA_VERSION, **plain(asdict(self))})


def json_bytes(value: Any) -> bytes:
    """Return plain data as indented JSON with sorted keys and a final newline."""
    return (json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n").encode()


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return ``'key: then ..., now ...'`` for each key whose value differs."""
    keys = sorted(old.keys() | new.keys())
    return [
        f"{key}: then {old.get(key)!r}, now {new.get(key)!r}" for key in keys if old.get(key) != new.get(key)
    ]


class CellStore:
    """Chunks of one cell; open it with ``CellStore.open`` while holding the cell's lock.

    Parameters
    ----------
    path
        Directory of the cell.
    schemas
        Name and schema of each table, the one with a row per trial first.
    """

    def __init__(self, path: Path, schemas: dict[str, pa.Schema]):
        self.path = path
        self.schemas = schemas
        self.done: list[range] = []

    @classmethod
    def open(cls, path: Path, plan: Plan, schemas: dict[str, pa.Schema]) -> "CellStore":
        """Start a cell, or resume it: keep finished chunks that are whole and delete the others.

        Raises
        ------
        BadInput
            If the directory holds an unfinished run of something else, or cannot be written.
        """
        store = cls(path, schemas)
        remove_temporaries(path)
        try:
            _accept_plan(path, plan)
            (path / CHUNKS).mkdir(exist_ok=True)
            sync_directory(path)
        except OSError as error:
            raise unwritable(path, error) from error
        store._verify_chunks()
        return store

    def missing(self, n_trials: int, size: int) -> list[range]:
        """Return the trials that no finished chunk holds, in pieces of at most ``size``."""
        edges = [0, *(edge for held in self.done for edge in (held.start, held.stop)), n_trials]
        gaps = [range(start, stop) for start, stop in zip(edges[::2], edges[1::2], strict=True)]
        return [gap[first : first + size] for gap in gaps for first in range(0, len(gap), size)]

    def put(self, trials: range, parts: Sequence[pa.Table]) -> None:
        """Store the tables of one chunk, in the order of ``schemas``.

        Raises
        ------
        BadInput
            If the chunk cannot be written.
        """
        chunks.write_chunk(self.path / CHUNKS / chunks.chunk_name(trials), list(parts))
        self.done = sorted([*self.done, trials], key=lambda held: held.start)

    def tables(self, trials: range) -> Tables:
        """Return trials and cells of a finished chunk, without its looks."""
        first, second = chunks.read_chunk(self.path / CHUNKS / chunks.chunk_name(trials), 2)
        return Tables(first, second, None)

    def merge(self) -> list[str]:
        """Write the final Parquet files from the chunks and return their names."""
        return [self._merge(slot, name) for slot, name in enumerate(self.schemas)]

    def _verify_chunks(self) -> None:
        folder = self.path / CHUNKS
        remove_temporaries(folder)
        end = 0
        for file in sorted(folder.iterdir()):
            trials = chunks.chunk_trials(file)
            whole = trials is not None and chunks.is_whole(file, trials, list(self.schemas.values()))
            if whole and trials.start >= end:
                self.done.append(trials)
                end = trials.stop
            else:
                file.unlink()

    def _merge(self, slot: int, name: str) -> str:
        final = f"{name}.parquet"
        groups = regroup(self._tables(slot), ROW_GROUP)
        write_atomic(self.path / final, lambda file: write_parquet(file, self.schemas[name], groups))
        return final

    def _tables(self, slot: int) -> Iterator[pa.Table]:
        for trials in self.done:
            file = self.path / CHUNKS / chunks.chunk_name(trials)
            yield chunks.read_chunk(file, slot + 1)[slot]


def _accept_plan(path: Path, plan: Plan) -> None:
    """Write the plan of a new cell, or refuse to go on with a different one."""
    file = path / PLAN
    if not file.exists():
        if (path / CHUNKS).exists():
            raise BadInput(f"{path} holds chunks without {PLAN}, so nobody knows of what; delete {path}")
        write_atomic(file, lambda stream: stream.write(plan.to_json()))
        return
    old, new = read_json(file), plain(asdict(plan))
    changed = [
        *differences(old.get("identity", {}), new["identity"]),
        *differences(old.get("environment", {}), new["environment"]),
    ]
    if changed:
        raise BadInput(_refusal(path, "holds an unfinished run of something else", changed))


def _refusal(path: Path, state: str, changed: list[str]) -> str:
    listed = "; ".join(changed)
    return f"{path} {state} ({listed}); choose another output, restore what differs, or delete {path}"


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON object from a file.

    Raises
    ------
    BadInput
        If the file cannot be read as a JSON object.
    """
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read ({error}); delete {path.parent} and run again") from error
    if not isinstance(value, dict):
        raise BadInput(f"{path} does not hold a JSON object; delete {path.parent} and run again")
    return value


def is_complete(path: Path, identity: dict[str, Any]) -> bool:
    """Return whether the directory holds the finished cell with this identity.

    Raises
    ------
    BadInput
        If it holds a finished cell with another identity, or a manifest that cannot be read.
    """
    if not (path / MANIFEST).exists():
        return False
    old = read_json(path / MANIFEST).get("identity", {})
    changed = differences(old, plain(identity))
    if changed:
        raise BadInput(_refusal(path, "holds the finished results of something else", changed))
    return True


def has_leftovers(path: Path) -> bool:
    """Return whether plan or chunks of the finished cell are still to be removed."""
    return (path / PLAN).exists() or (path / CHUNKS).exists()


def clear(path: Path) -> None:
    """Remove the chunks and the plan of a finished cell."""
    shutil.rmtree(path / CHUNKS, ignore_errors=True)
    (path / PLAN).unlink(missing_ok=True)
    remove_temporaries(path)


def regroup(parts: Iterator[pa.Table], size: int) -> Iterator[pa.Table]:
    """Cut a stream of tables into contiguous tables of exactly ``size`` rows and a shorter last one."""
    held: list[pa.Table] = []
    rows = 0
    for part in parts:
        held.append(part)
        rows += part.num_rows
        while rows >= size:
            whole = pa.concat_tables(held)
            yield whole.slice(0, size).combine_chunks()
            held, rows = [whole.slice(size)], rows - size
    if rows:
        yield pa.concat_tables(held).combine_chunks()


def write_parquet(file: BinaryIO, schema: pa.Schema, groups: Iterator[pa.Table]) -> None:
    """Write one row group per table; the bytes depend on the rows alone."""
    repeating = [field.name for field in schema if not pa.types.is_floating(field.type)]
    with pq.ParquetWriter(
        file, schema, version="2.6", compression="zstd", use_dictionary=repeating, write_statistics=True
    ) as writer:
        for table in groups:
            writer.write_table(table, row_group_size=ROW_GROUP)
