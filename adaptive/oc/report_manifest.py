"""The manifest of a report: SHA-256 of every file of it and of everything it was made from.

Says what would have to be the same for the report to be made again; ``oc.reverify`` compares.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from adaptive.errors import BadInput
from adaptive.io.atomic import write_atomic
from adaptive.io.hashing import finite_or_null, sha256_data, sha256_file
from adaptive.io.manifest import code_state, machine, versions
from adaptive.io.store import MANIFEST, json_bytes
from adaptive.oc.verify import EVIDENCE

KIND, VERSION = "report", 1
_SELF = "manifest_sha256"
_PARTS = ("tables", "figures")
PACKAGES = ("fonttools", "jinja2", "matplotlib", "pandas", "scipy", "typst")
"""What tables, figures and pages rest on, beside the packages that every manifest names."""
_REMEDY = "make the report again with `adaptive report`"


class Made(NamedTuple):
    """How a report was asked for.

    Attributes
    ----------
    folders
        Folders of results.
    study
        Folder of the study, or ``None``.
    dossier
        File of the dossier, or ``None``.
    draft
        Whether faults were shown instead of refused.
    date
        Day that the report bears, ``YYYY-MM-DD``.
    command
        Command line.
    output
        Folder of the report as in a fresh checkout.
    unmade
        What a fresh checkout would not make as it is stored, as far as it was tried when the report was made.
    """

    folders: Sequence[Path]
    study: Path | None
    dossier: Path | None
    draft: bool
    date: str
    command: str
    output: str
    unmade: Sequence[str] = ()


def report_files(output: Path) -> list[str]:
    """Return the files of a report, relative to its folder, from what lies where a report writes."""
    found = [file for file in output.glob("report.*") if file.is_file()]
    found += [file for part in _PARTS for file in (output / part).rglob("*") if file.is_file()]
    return sorted(file.relative_to(output).as_posix() for file in found)


def evidence_files(folders: Sequence[Path], study: Path | None) -> list[Path]:
    """Return every file of evidence in the study's folder and beside the results, without reports."""
    places = [folder for result in folders for folder in (result, result.parent, result.parent.parent)]
    places = [*([study] if study else []), *places]
    parts = [name for name in EVIDENCE if name != KIND]
    roots = dict.fromkeys((place / name).resolve() for place in places for name in parts)
    return [file for root in sorted(roots) for file in sorted(root.rglob("*")) if file.is_file()]


def write_report_manifest(
    output: Path, made: Made, content: Mapping[str, Any], results: Sequence[Path], files: Sequence[str]
) -> Path:
    """Write ``manifest.json`` beside a report; the last act of making it. Returns its path.

    Parameters
    ----------
    output
        Folder of the report.
    made
        How it was asked for.
    content
        Content of the report: names, draft, faults.
    results
        Folders of the results that were read.
    files
        What was drawn, relative to ``output``; anything else that lies there is not the report's.
    """
    body = {
        "kind": KIND,
        "schema_version": VERSION,
        "study": content["meta"]["study"],
        "draft": bool(content["meta"].get("draft")),
        "faults": list(content.get("trust", {}).get("faults", [])),
        "made": _asked(output, made),
        "files": {name: sha256_file(output / name) for name in files},
        "results": [_result(output, folder) for folder in results],
        "evidence": {
            _relative(output, file): sha256_file(file) for file in evidence_files(results, made.study)
        },
        "dossier_sha256": sha256_file(made.dossier) if made.dossier else None,
        **made_by(),
    }
    body = finite_or_null(body)
    body[_SELF] = sha256_data(body)
    path = output / MANIFEST
    write_atomic(path, lambda file: file.write(json_bytes(body)))
    return path


def made_by() -> dict[str, dict[str, Any]]:
    """Return versions, machine and code that a report made here and now is made by."""
    packages = {name: metadata.version(name) for name in PACKAGES}
    return {"versions": versions() | packages, "machine": machine(), "code": code_state()}


def made_otherwise(manifest: Mapping[str, Any]) -> list[str]:
    """Return in what the versions, machine and code that made a report differ from those here."""
    now = made_by()
    found = []
    for part, items in now.items():
        before = manifest.get(part) or {}
        names = dict.fromkeys([*before, *items])
        found += [
            f"{name} {before.get(name)}, here {items.get(name)}"
            for name in names
            if before.get(name) != items.get(name)
        ]
    return found


def _asked(output: Path, made: Made) -> dict[str, Any]:
    return {
        "folders": [_relative(output, folder) for folder in made.folders],
        "study": _relative(output, made.study) if made.study else None,
        "dossier": _relative(output, made.dossier) if made.dossier else None,
        "draft": made.draft,
        "date": made.date,
        "command": made.command,
        "output": made.output,
        "unmade": list(made.unmade),
    }


def _result(output: Path, folder: Path) -> dict[str, Any]:
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return {
        "path": _relative(output, folder),
        "design": manifest["design"]["name"],
        "scenario": manifest["scenario"],
        "seed": manifest["seed"],
        "config_sha256": manifest.get("config_sha256"),
        "core_sha256": (manifest.get("code") or {}).get("core_sha256"),
        "manifest_sha256": sha256_file(folder / MANIFEST),
        "files": manifest["files"],
    }


def _relative(output: Path, path: Path) -> str:
    """Return a path as seen from the report, so that both can move together."""
    return Path(os.path.relpath(path.resolve(), output.resolve())).as_posix()


def read_report_manifest(report: Path) -> dict[str, Any]:
    """Return the manifest of a report.

    Raises
    ------
    BadInput
        If there is none or it is none of a report; an altered one is read, because the checks tell that.
    """
    file = report / MANIFEST
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(
            f"{file}: cannot be read ({error}); give the folder of a report, or {_REMEDY}"
        ) from error
    if not isinstance(content, dict) or content.get("kind") != KIND:
        raise BadInput(f"{file}: is not the manifest of a report; give the folder of a report")
    if content.get("schema_version") != VERSION:
        raise BadInput(
            f"{file}: schema_version {content.get('schema_version')!r}; this version reads {VERSION}"
        )
    if faults := list(_shape_faults(content)):
        raise BadInput([f"{file}: {fault}; {_REMEDY}" for fault in faults])
    return content


def _shape_faults(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a manifest lacks to be checked at all."""
    for key, kind in (("files", dict), ("evidence", dict), ("results", list), ("made", dict), ("code", dict)):
        if not isinstance(content.get(key), kind):
            yield f"{key} is missing or of another kind"
    made, results = content.get("made"), content.get("results")
    if isinstance(made, dict) and not (
        isinstance(made.get("folders"), list)
        and {"study", "dossier", "draft", "date", "command", "output"} <= set(made)
    ):
        yield "made does not say how the report was asked for"
    wanted = {"path", "design", "scenario", "seed", "manifest_sha256", "files"}
    if isinstance(results, list) and not all(isinstance(r, dict) and wanted <= set(r) for r in results):
        yield "a result is incompletely described"
