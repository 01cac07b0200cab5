"""One chunk of trials in one file: the tables as Arrow streams, then the SHA-256 of all that precedes.

The hash is part of the file, so a torn or altered chunk is always told from a whole one. A chunk is
named by its trials, ``<first>-<stop>.arrow``; nothing here knows a study or its plan.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from adaptive.io.atomic import write_atomic
from adaptive.io.hashing import BLOCK

SUFFIX = ".arrow"
_DIGEST_SIZE = hashlib.sha256().digest_size


class _Hashing:
    """A writable file that hashes what passes through it."""

    def __init__(self, file: BinaryIO):
        self._file = file
        self.digest = hashlib.sha256()
        self.closed = False

    def write(self, data) -> int:
        self.digest.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()


def chunk_name(trials: range) -> str:
    """Return the file name of the chunk of ``trials``."""
    return f"{trials.start:010d}-{trials.stop:010d}{SUFFIX}"


def chunk_trials(path: Path) -> range | None:
    """Return the trials that a chunk's file name speaks of, or ``None`` if it is no chunk name."""
    first, _, stop = path.name.removesuffix(SUFFIX).partition("-")
    if not (path.suffix == SUFFIX and first.isdigit() and stop.isdigit() and int(first) < int(stop)):
        return None
    return range(int(first), int(stop))


def write_chunk(path: Path, parts: list[pa.Table]) -> None:
    """Write the tables of one chunk, whole or not at all."""

    def write(file: BinaryIO) -> None:
        hashing = _Hashing(file)
        for table in parts:
            with pa.ipc.new_stream(hashing, table.schema) as stream:
                stream.write_table(table.combine_chunks())
        file.write(hashing.digest.digest())

    write_atomic(path, write)


def read_chunk(path: Path, n_parts: int) -> list[pa.Table]:
    """Return the tables of one chunk; the file is mapped, not loaded."""
    source = pa.memory_map(str(path))
    return [pa.ipc.open_stream(source).read_all() for _ in range(n_parts)]


def is_whole(path: Path, trials: range, schemas: list[pa.Schema]) -> bool:
    """Return whether the chunk's hash holds and its tables are those of ``trials``."""
    if not _hash_holds(path):
        return False
    try:
        parts = read_chunk(path, len(schemas))
    except (OSError, pa.ArrowException):
        return False
    same = all(
        part.schema.equals(schema, check_metadata=True) for part, schema in zip(parts, schemas, strict=True)
    )
    return same and parts[0]["trial"].to_pylist() == list(trials)


def _hash_holds(path: Path) -> bool:
    remaining = path.stat().st_size - _DIGEST_SIZE
    if remaining <= 0:
        return False
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in _blocks(file, remaining):
            digest.update(block)
        return file.read() == digest.digest()


def _blocks(file: BinaryIO, remaining: int) -> Iterator[bytes]:
    while remaining > 0 and (block := file.read(min(BLOCK, remaining))):
        remaining -= len(block)
        yield block
