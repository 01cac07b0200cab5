"""One process per cell: a lock file that names its holder and that the kernel releases when it dies.

The kernel's lock on the open file decides; the content says who holds it. Where the file system has no
such locks the content alone decides. Nothing here knows what the lock protects.
"""

import errno
import fcntl
import json
import os
import platform
from pathlib import Path

from adaptive.errors import BadInput
from adaptive.io.atomic import unwritable

LOCK_NAME = ".lock"


class CellLock:
    """Context manager that holds ``<directory>/.lock``.

    A lock whose process has died is stale and is taken over.

    Parameters
    ----------
    directory
        Existing directory to lock.
    """

    def __init__(self, directory: Path):
        self._path = Path(directory) / LOCK_NAME
        self._file: int | None = None

    def __enter__(self) -> "CellLock":
        """Take the lock.

        Raises
        ------
        BadInput
            If another process that is still running holds it.
        """
        while self._file is None:
            self._file = self._try()
        os.ftruncate(self._file, 0)
        holder = {"pid": os.getpid(), "host": platform.node()}
        os.pwrite(self._file, json.dumps(holder).encode(), 0)
        return self

    def __exit__(self, *exception) -> None:
        """Remove the lock file, then let go of it."""
        self._path.unlink(missing_ok=True)
        os.close(self._file)
        self._file = None

    def _try(self) -> int | None:
        """Return the locked file, or ``None`` when its holder removed it meanwhile."""
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise unwritable(self._path, error) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = _holder(file)
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES) or _alive(holder):
                os.close(file)
                raise BadInput(self._refusal(holder)) from None
        if self._is_current(file):
            return file
        os.close(file)
        return None

    def _is_current(self, file: int) -> bool:
        try:
            return os.path.samestat(os.fstat(file), os.stat(self._path))
        except FileNotFoundError:
            return False

    def _refusal(self, holder: dict) -> str:
        who = f"process {holder.get('pid', 'unknown')} on host {holder.get('host', 'unknown')}"
        return (
            f"{self._path.parent} is being written by {who}; one process at a time may write a cell: "
            f"wait for it or choose another output; if that process has ended, delete {self._path}"
        )


def _holder(file: int) -> dict:
    """Return what the lock file says about its holder; empty when it says nothing readable."""
    try:
        holder = json.loads(os.pread(file, 4096, 0))
    except ValueError:
        return {}
    return holder if isinstance(holder, dict) else {}


def _alive(holder: dict) -> bool:
    """Return whether the holder may still run; a process on another host cannot be seen, so it may."""
    if not holder:
        return False
    if holder.get("host") != platform.node():
        return True
    try:
        os.kill(int(holder["pid"]), 0)
    except (ProcessLookupError, KeyError, ValueError):
        return False
    except PermissionError:
        return True
    return True
