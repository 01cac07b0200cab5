"""Find stored results and refuse those that are altered, incomplete or do not belong together.

Looks at files, hashes and manifests only; the numbers are read by ``oc.load``.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from adaptive.errors import BadInput
from adaptive.io.hashing import sha256_file
from adaptive.io.manifest import is_untouched
from adaptive.io.store import MANIFEST, SCHEMA_VERSION

REQUIRED = ("config.yaml", "truth.json", "trials.parquet", "cells.parquet")
EVIDENCE = ("audit", "nulls", "sensitivity", "truth", "report")
"""Folders of a study that hold what other commands made; no results of the study lie in them."""
REQUIRED_KEYS = ("schema_version", "study", "design", "scenario", "seed", "files", "counts")


def find_results(paths: Iterable[Path | str]) -> list[Path]:
    """Return every result directory at or below the paths, sorted, each once.

    What lies in a folder of ``EVIDENCE`` below a path is no result of the study and is left out.

    Raises
    ------
    BadInput
        If a path does not exist or holds no result (no ``manifest.json`` at or below it).
    """
    found: dict[Path, None] = {}
    faults = []
    for path in map(Path, paths):
        here = sorted(_below(path)) if path.is_dir() else []
        if not here:
            state = "holds no manifest.json at or below it" if path.is_dir() else "is not a directory"
            faults.append(f"{path}: {state}; give the directory of a finished result or of a whole study")
        found.update(dict.fromkeys(here))
    if not found and not faults:
        faults.append("no result directory was given; give at least one")
    if faults:
        raise BadInput(faults)
    return list(found)


def _below(path: Path) -> list[Path]:
    """Return every directory with a manifest at or below a path, without evidence and reports."""
    found = [file.parent for file in path.rglob(MANIFEST) if not (file.parent / "report.json").exists()]
    return [folder for folder in found if not set(folder.relative_to(path).parts) & set(EVIDENCE)]


def read_manifest(path: Path, altered: list[str] | None = None) -> dict:
    """Return the manifest of a result directory after checking its files against it.

    With a list ``altered``, faults of files that differ from the manifest are put there and not raised.

    Raises
    ------
    BadInput
        With every fault: unreadable or incomplete manifest, missing files, files whose SHA-256 differs,
        fewer trials finished and failed than requested.
    """
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path / MANIFEST}: cannot be read ({error}); re-run the cell") from error
    if not isinstance(manifest, dict):
        raise BadInput(f"{path / MANIFEST}: not a mapping; re-run the cell")
    missing = [key for key in REQUIRED_KEYS if key not in manifest]
    if missing:
        raise BadInput(f"{path / MANIFEST}: without {', '.join(missing)}; re-run the cell")
    faults = [*_version_faults(path, manifest), *_missing_faults(path, manifest)]
    faults += _count_faults(path, manifest)
    changed = _altered_faults(path, manifest)
    if altered is None:
        faults += changed
    else:
        altered += changed
    if faults:
        raise BadInput(faults)
    return manifest


def _version_faults(path: Path, manifest: dict) -> list[str]:
    """Say whether the result's format is one that this version reads."""
    version = manifest["schema_version"]
    if version == SCHEMA_VERSION:
        return []
    return [f"{path}: schema_version {version!r}; this version reads {SCHEMA_VERSION}; re-run the cell"]


def _missing_faults(path: Path, manifest: dict) -> list[str]:
    """Name files that a result must have and has not."""
    files = manifest["files"]
    faults = [
        f"{path}: the manifest lists no {name}; re-run the cell" for name in REQUIRED if name not in files
    ]
    return faults + [
        f"{path / name}: listed in the manifest but missing; restore it or re-run the cell"
        for name in sorted(files)
        if not (path / name).is_file()
    ]


def _altered_faults(path: Path, manifest: dict) -> list[str]:
    """Compare every file with its recorded hash; unlisted result files are told as well."""
    files = manifest["files"]
    faults = [
        f"{file}: present but not listed in the manifest; remove it or re-run the cell"
        for file in sorted(path.glob("*.parquet"))
        if file.name not in files
    ]
    if "manifest_sha256" in manifest and not is_untouched(manifest):
        faults.append(f"{path / MANIFEST}: altered after it was written; restore it or re-run the cell")
    for name, recorded in sorted(files.items()):
        target = path / name
        if target.is_file() and (actual := sha256_file(target)) != recorded:
            faults.append(
                f"{target}: altered: SHA-256 is {actual[:12]}..., the manifest says {str(recorded)[:12]}...; "
                "restore the file or re-run the cell"
            )
    return faults


def _count_faults(path: Path, manifest: dict) -> list[str]:
    """Say whether the run ended before every requested trial was simulated."""
    counts = manifest["counts"]
    absent = [key for key in ("requested", "finished", "failed") if key not in counts]
    if absent:
        return [f"{path}: the manifest's counts lack {', '.join(absent)}; re-run the cell"]
    done = counts["finished"] + counts["failed"]
    if done == counts["requested"]:
        return []
    return [
        f"{path}: incomplete: {counts['requested']} trials requested, {counts['finished']} finished and "
        f"{counts['failed']} failed; resume the run"
    ]


def check_together(manifests: Sequence[tuple[Path, dict]]) -> None:
    """Check that the results form one study: same study, arms, subgroups and benchmark; no cell twice.

    Raises
    ------
    BadInput
        Naming the results that differ.
    """
    faults = []
    for label, value in (
        ("study", lambda m: m["study"]),
        ("schema_version", lambda m: m["schema_version"]),
        ("arms", lambda m: tuple(m["design"]["arms"])),
        ("subgroups", lambda m: tuple(m["design"]["subgroups"])),
        ("benchmark", lambda m: m.get("benchmark")),
    ):
        groups = _grouped(manifests, value)
        if len(groups) > 1:
            shown = "; ".join(f"{key!r} in {_names(paths)}" for key, paths in groups.items())
            faults.append(f"results differ in {label}: {shown}; make one report for each")
    for (design, scenario), paths in _grouped(
        manifests, lambda m: (m["design"]["name"], m["scenario"])
    ).items():
        if len(paths) > 1:
            faults.append(
                f"design {design!r} in scenario {scenario!r} given {len(paths)} times: {_names(paths)}"
            )
    if faults:
        raise BadInput(faults)


def _grouped(manifests: Sequence[tuple[Path, dict]], value) -> dict:
    """Return paths by a value of their manifest."""
    groups = defaultdict(list)
    for path, manifest in manifests:
        groups[value(manifest)].append(path)
    return groups


def _names(paths: Sequence[Path]) -> str:
    """List at most three paths."""
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return ", ".join(str(path) for path in paths[:3]) + more
