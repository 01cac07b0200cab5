"""Write a file whole or not at all: temporary name, flush to disk, atomic rename.

A reader, a crash or a full disk never meets half a file under its final name.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from adaptive.errors import BadInput

TEMPORARY = ".tmp"


def write_atomic(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Create or replace ``path`` with what ``write`` puts into the open file.

    Raises
    ------
    BadInput
        If the operating system cannot write (disk full, no permission); nothing is left behind.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY}")
    try:
        with open(temporary, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_directory(path.parent)
    except OSError as error:
        _discard(temporary)
        raise unwritable(path, error) from error
    except BaseException:
        _discard(temporary)
        raise


def unwritable(path: Path, error: OSError) -> BadInput:
    """Return the fault for a path that the operating system refuses to write."""
    return BadInput(
        f"{path} could not be written: {error.strerror or error}; make room or choose another output, then "
        "give the same command again: finished chunks are kept"
    )


def sync_directory(directory: Path) -> None:
    """Force a directory's entries to disk, so that a rename survives a power cut."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_temporaries(directory: Path) -> None:
    """Delete what killed writers left in ``directory``."""
    for path in directory.glob(f".*{TEMPORARY}"):
        path.unlink(missing_ok=True)


def _discard(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return
