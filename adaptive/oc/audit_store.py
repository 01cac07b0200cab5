"""An audit on disk: ``audit/audit.parquet`` and ``audit/audit.json`` beside the results that it is about.

The results and their manifests are left as they are; the audit names the SHA-256 of each manifest, and is
used only for results that still have it. Nothing here computes a number.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from adaptive.errors import BadInput
from adaptive.io.atomic import unwritable, write_atomic
from adaptive.io.hashing import finite_or_null, sha256_data, sha256_file
from adaptive.io.manifest import code_state, versions
from adaptive.io.store import MANIFEST, json_bytes
from adaptive.oc.load import CellResult

FOLDER, TABLE, SUMMARY = "audit", "audit.parquet", "audit.json"
VERSION = 1
_SELF = "audit_sha256"
_REMEDY = "run `adaptive audit` again, or delete the folder"


class Audit(NamedTuple):
    """A stored audit: where it lies, its summary, and its table."""

    folder: Path
    content: dict[str, Any]
    table: pd.DataFrame


def identify(result: CellResult, root: Path) -> dict[str, Any]:
    """Return which result was audited: names, place below ``root``, and the hash of its manifest."""
    return {
        "design": result.design,
        "scenario": result.scenario,
        "path": result.path.relative_to(root).as_posix() if result.path.is_relative_to(root) else "",
        "manifest_sha256": sha256_file(result.path / MANIFEST),
        "config_sha256": result.manifest.get("config_sha256"),
        "seed": result.manifest["seed"],
    }


def write_audit(root: Path, content: dict[str, Any], table: pd.DataFrame) -> Path:
    """Write the table, then the summary with its hash; returns the folder.

    Parameters
    ----------
    root
        The folder that was audited.
    content
        What was audited, how, and the summary, as plain data.
    table
        The rows of ``audit_judge.compare``.

    Raises
    ------
    BadInput
        If the operating system cannot write.
    """
    folder = root / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    stored = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
    # An old summary must never stand beside a new table.
    (folder / SUMMARY).unlink(missing_ok=True)
    write_atomic(folder / TABLE, lambda file: pq.write_table(stored, file, compression="zstd"))
    made_by = {"versions": versions(), "code": code_state()}
    files = {TABLE: sha256_file(folder / TABLE)}
    body = finite_or_null({"schema_version": VERSION, **content, **made_by, "files": files})
    body[_SELF] = sha256_data(body)
    write_atomic(folder / SUMMARY, lambda file: file.write(json_bytes(body)))
    return folder


def read_audit(folder: Path) -> Audit:
    """Return a stored audit after checking it against its own hashes.

    Raises
    ------
    BadInput
        If it cannot be read, is of another version, or was altered.
    """
    file = folder / SUMMARY
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        body = {key: value for key, value in content.items() if key != _SELF}
        own, recorded = sha256_data(body), content[_SELF]
        version, digest = content["schema_version"], content["files"][TABLE]
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise BadInput(f"{file}: cannot be read ({error!r}); {_REMEDY}") from error
    if version != VERSION:
        raise BadInput(f"{file}: schema_version {version!r}; this version reads {VERSION}; {_REMEDY}")
    if own != recorded:
        raise BadInput(f"{file}: altered after it was written; {_REMEDY}")
    table = folder / TABLE
    if not table.is_file() or sha256_file(table) != digest:
        raise BadInput(f"{table}: missing or altered after it was written; {_REMEDY}")
    return Audit(folder, content, pq.read_table(table).to_pandas())


def find_audits(results: Sequence[CellResult]) -> list[Path]:
    """Return the audit folders at the results and at the two folders above each, design and study."""
    places = [folder for r in results for folder in (r.path, r.path.parent, r.path.parent.parent)]
    return [p / FOLDER for p in dict.fromkeys(places) if (p / FOLDER / SUMMARY).is_file()]


def belongs(audit: Audit, results: Sequence[CellResult]) -> tuple[int, list[str]]:
    """Return how many of the results the audit covers, and those that it covers in another state."""
    audited = {
        (item["design"], item["scenario"]): item["manifest_sha256"] for item in audit.content["results"]
    }
    matches, strangers = 0, []
    for result in results:
        recorded = audited.get((result.design, result.scenario))
        if recorded is None:
            continue
        if recorded == sha256_file(result.path / MANIFEST):
            matches += 1
        else:
            strangers.append(f"{result.design} / {result.scenario}")
    return matches, strangers


def fitting_audit(results: Sequence[CellResult]) -> tuple[Audit | None, list[str]]:
    """Return the audit that covers most of the results, and a message about each that is not used.

    Raises
    ------
    BadInput
        If an audit beside the results was altered.
    """
    best, most, messages = None, 0, []
    for folder in find_audits(results):
        audit = read_audit(folder)
        matches, strangers = belongs(audit, results)
        if strangers or not matches:
            named = ", ".join(strangers[:3]) or "none of these"
            messages.append(
                f"The audit in {folder} is of other results ({named}: the manifest differs) and is not shown"
            )
        elif matches > most:
            best, most = audit, matches
    return best, messages
