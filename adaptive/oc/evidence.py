"""What evidence of other commands in a study's folder has in common: a hash of itself, and what made it.

Evidence is shown only beside the results that it was made for, by the same simulation code. Nothing here
knows what the evidence says.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from adaptive.errors import BadInput
from adaptive.io.atomic import write_atomic
from adaptive.io.hashing import finite_or_null, sha256_data, sha256_file
from adaptive.io.manifest import code_state, versions
from adaptive.io.store import MANIFEST, json_bytes
from adaptive.oc.load import CellResult
from adaptive.oc.source import Source

T = TypeVar("T")
SELF = "evidence_sha256"
VERSION = 1


def write_evidence(file: Path, content: Mapping[str, Any]) -> None:
    """Write plain data with versions, code and a hash of all of it.

    Raises
    ------
    BadInput
        If the operating system cannot write.
    """
    body = finite_or_null(
        {"schema_version": VERSION, **content, "versions": versions(), "code": code_state()}
    )
    body[SELF] = sha256_data(body)
    write_atomic(file, lambda stream: stream.write(json_bytes(body)))


def read_evidence(file: Path, remedy: str) -> dict[str, Any]:
    """Return what was written, after checking it against its own hash.

    Parameters
    ----------
    file
        The file.
    remedy
        What to do if it cannot be used.

    Raises
    ------
    BadInput
        If it cannot be read, is of another version, or was altered.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        body = {key: value for key, value in content.items() if key != SELF}
        own, recorded, version = sha256_data(body), content[SELF], content["schema_version"]
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise BadInput(f"{file}: cannot be read ({error!r}); {remedy}") from error
    if version != VERSION:
        raise BadInput(f"{file}: schema_version {version!r}; this version reads {VERSION}; {remedy}")
    if own != recorded:
        raise BadInput(f"{file}: altered after it was written; {remedy}")
    return content


def simulation_code(made_by: Mapping[str, Any]) -> str | None:
    """Return the hash of the code that made something, of its simulating part where that is known."""
    code = made_by.get("code")
    return (code.get("core_sha256") or code.get("sha256")) if isinstance(code, Mapping) else None


def identity_of(result: CellResult) -> dict[str, Any]:
    """Return which result evidence was made for: its names, and the hash of its manifest."""
    return {
        "design": result.design,
        "scenario": result.scenario,
        "manifest_sha256": sha256_file(result.path / MANIFEST),
    }


def strangers(made_for: Sequence[Mapping[str, Any]], results: Sequence[CellResult]) -> list[str]:
    """Return the results that evidence was made for and that are not here, or are here in another state."""
    here = {(r.design, r.scenario): r for r in results}
    found = []
    for item in made_for:
        result = here.get((item["design"], item["scenario"]))
        name = f"{item['design']} / {item['scenario']}"
        if result is None:
            found.append(f"{name} is not among these results")
        elif sha256_file(result.path / MANIFEST) != item["manifest_sha256"]:
            found.append(f"{name} has another manifest")
    return found


def code_differs(content: Mapping[str, Any], results: Sequence[CellResult]) -> bool:
    """Return whether other simulation code made the evidence than made the results."""
    codes = {simulation_code(result.manifest) for result in results}
    return codes != {simulation_code(content)}


def or_draft(source: Source, load: Callable[[], tuple[T | None, list[str]]]) -> tuple[T | None, list[str]]:
    """Return what ``load`` returns; a draft goes without altered evidence, says so, and counts it as a fault.

    Raises
    ------
    BadInput
        If the evidence was altered and no draft is made.
    """
    try:
        return load()
    except BadInput as error:
        if not source.draft:
            raise
        source.damaged.extend(error.faults)
        return None, list(error.faults)
