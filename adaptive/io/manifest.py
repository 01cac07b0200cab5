"""The manifest of a finished cell: what made it, from what, and the SHA-256 of every file.

Its presence means that the cell is complete. Nothing here knows a design; descriptions are handed in.
"""

import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import adaptive
from adaptive.errors import BadInput
from adaptive.io.atomic import write_atomic
from adaptive.io.hashing import finite_or_null, sha256_data, sha256_file
from adaptive.io.store import MANIFEST, SCHEMA_VERSION, json_bytes, read_json

CORE = (
    *("analysis.py", "codes.py", "data.py", "records.py", "rng.py", "survival.py", "weigh.py"),
    *(f"{part}/*.py" for part in ("design", "measures", "models", "posterior", "scenario", "simulate")),
    *("config/build*.py", "config/check*.py", "config/parameters.py", "config/read.py"),
    *("config/schema.py", "config/schema_[!c]*.py", "io/frames.py"),
)
"""Source files that determine a trial's stored numbers: the simulation core, what builds it, its tables."""
_NOT_CORE = tuple(f"config/build_{name}.py" for name in ("declared", "requests", "sensitivity", "until"))
_PACKAGES = ("jax", "jaxlib", "numpyro", "equinox", "numpy", "pyarrow")
_SELF = "manifest_sha256"
_REQUIRED = (
    *("schema_version", "study", "design", "scenario", "seed", "dtype", "device", "versions", "code"),
    *("config_sha256", "files", "counts", "command", "benchmark", "identity"),
)


def versions() -> dict[str, str | None]:
    """Return the versions of Python, of this package and of what its numbers rest on; ``None`` if absent."""
    found = {name: _version(name) for name in _PACKAGES}
    ours = {"python": platform.python_version(), "adaptive": adaptive.__version__}
    return {**ours, **found, "platform": platform.platform()}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def machine() -> dict[str, str | None]:
    """Return the processor's model and the SHA-256 of the lock file that the packages came from, if known."""
    lock = Path(adaptive.__file__).parents[1] / "requirements.lock"
    return {
        "processor": _processor(),
        "requirements_lock_sha256": sha256_file(lock) if lock.is_file() else None,
    }


def _processor() -> str:
    """Return the model of the processor, as Linux tells it, else what Python knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def code_state() -> dict[str, Any]:
    """Return commit, dirty flag and SHA-256 of the package's own source files, as they were at import.

    ``sha256`` is of every source file, ``core_sha256`` of those that determine a trial's numbers (``CORE``):
    a report may be made by later code, but only from results of the same core. A run imports its code once;
    what is edited while it runs is not what it runs. Commit and flag are ``None`` when git does not track
    the package; the hashes tell code apart even then.
    """
    return dict(_AT_IMPORT)


def read_code_state() -> dict[str, Any]:
    """Return the state of the source files as they are now."""
    package = Path(adaptive.__file__).parent
    sources = sorted(package.rglob("*.py"))
    hashes = {source.relative_to(package).as_posix(): sha256_file(source) for source in sources}
    core = core_files(package)
    digests = {
        "sha256": sha256_data(hashes),
        "core_sha256": sha256_data({name: digest for name, digest in hashes.items() if name in core}),
    }
    if _git(package, "ls-files", "--error-unmatch", "__init__.py") is None:
        return {"commit": None, "dirty": None, **digests}
    commit, changed = _git(package, "rev-parse", "HEAD"), _git(package, "status", "--porcelain", "--", ".")
    return {"commit": commit, "dirty": None if changed is None else bool(changed), **digests}


def core_files(package: Path) -> set[str]:
    """Return the source files of the simulation core, relative to the package."""
    found = {file.relative_to(package).as_posix() for glob in CORE for file in package.glob(glob)}
    return found.difference(_NOT_CORE)


def _git(folder: Path, *arguments: str) -> str | None:
    """Return what git prints, or ``None`` where git is absent or refuses."""
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


_AT_IMPORT = read_code_state()


def write_manifest(path: Path, content: dict[str, Any], files: list[str]) -> None:
    """Write ``manifest.json`` with the hashes of ``files``; the last act of making a cell.

    Parameters
    ----------
    path
        Directory of the cell.
    content
        Every field but ``files`` and ``schema_version``; non-finite numbers become null.
    files
        Names of the files that make up the result.

    Raises
    ------
    BadInput
        If the manifest cannot be written.
    """
    body = {
        **finite_or_null(content),
        "schema_version": SCHEMA_VERSION,
        "files": {name: sha256_file(path / name) for name in sorted(files)},
    }
    body[_SELF] = sha256_data(body)
    write_atomic(path / MANIFEST, lambda file: file.write(json_bytes(body)))


def read_manifest(path: Path) -> dict[str, Any]:
    """Return the manifest of a finished cell.

    Raises
    ------
    BadInput
        If there is none, so that the run has not finished, or it cannot be read.
    """
    if not (path / MANIFEST).exists():
        raise BadInput(
            f"{path} holds no {MANIFEST}: the run has not finished; give its command again to resume"
        )
    return read_json(path / MANIFEST)


def verify_files(path: Path) -> list[str]:
    """Return the faults of a stored cell: missing, altered or unlisted files; empty when it is sound."""
    try:
        manifest = read_manifest(path)
    except BadInput as error:
        return list(error.faults)
    faults = _manifest_faults(path, manifest)
    files = manifest.get("files")
    files = files if isinstance(files, dict) else {}
    faults += [fault for name, digest in files.items() if (fault := _file_fault(path, name, digest))]
    unlisted = sorted(file.name for file in path.glob("*.parquet") if file.name not in files)
    return faults + [f"{path / name} is not in the manifest; delete it or run again" for name in unlisted]


def is_untouched(manifest: dict[str, Any]) -> bool:
    """Return whether a manifest still has the hash of its own content that it was written with."""
    body = {key: value for key, value in manifest.items() if key != _SELF}
    return sha256_data(body) == manifest.get(_SELF)


def _manifest_faults(path: Path, manifest: dict[str, Any]) -> list[str]:
    version = manifest.get("schema_version")
    if version != SCHEMA_VERSION:
        return [f"{path / MANIFEST} has schema version {version!r}; this program reads {SCHEMA_VERSION}"]
    missing = [name for name in _REQUIRED if name not in manifest]
    faults = [f"{path / MANIFEST} lacks {', '.join(missing)}; run again"] if missing else []
    if not is_untouched(manifest):
        faults.append(f"{path / MANIFEST} was altered after it was written; delete {path} and run again")
    return faults


def _file_fault(path: Path, name: str, digest: str) -> str | None:
    file = path / name
    if not file.is_file():
        return f"{file} is missing; delete {path} and run again"
    if sha256_file(file) != digest:
        return f"{file} was altered after it was written (SHA-256 differs); delete {path} and run again"
    return None
