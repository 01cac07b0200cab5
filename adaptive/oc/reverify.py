"""Check a report against everything it was made from: hashes, configurations, code, tables, virtual trials.

Each check says what it compared, how much, and where it differs. Nothing here builds or renders: what makes a
report or a design again is handed in.
"""

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from adaptive.errors import BadInput
from adaptive.io.hashing import sha256_data, sha256_file
from adaptive.io.manifest import code_state, is_untouched, versions
from adaptive.io.store import MANIFEST
from adaptive.oc.report_manifest import evidence_files, made_otherwise, report_files
from adaptive.oc.reverify_files import compare_folders
from adaptive.oc.reverify_trials import TOLERANCE
from adaptive.oc.verify import find_results, read_manifest

SHOWN = 3
"""Items that a note names; the rest are counted."""


class Check(NamedTuple):
    """One check.

    Attributes
    ----------
    name
        What was checked, in a word or two.
    compared
        How much was compared, in words.
    differences
        A line per difference.
    notes
        What a reader must know of the check.
    """

    name: str
    compared: str
    differences: list[str]
    notes: tuple[str, ...] = ()


class Places:
    """Where the files that a report names lie now.

    Parameters
    ----------
    report
        Folder of the report.
    manifest
        Its manifest; paths in it are seen from the report.
    moved
        Folder of the study if it is not where the manifest says.
    """

    def __init__(self, report: Path, manifest: dict[str, Any], moved: Path | None = None):
        self.report, self.manifest, self.moved = report, manifest, moved
        self._by_name: dict[tuple[str, str], Path] = {}
        if moved is not None:
            for folder in find_results([moved]):
                named = _names(folder)
                if named is not None:
                    self._by_name[named] = folder

    def result(self, entry: Mapping[str, Any]) -> Path:
        """Return the folder of a result."""
        if self.moved is None:
            return self._here(entry["path"])
        return self._by_name.get((entry["design"], entry["scenario"]), self.moved / "missing")

    def other(self, name: str) -> Path:
        """Return a file of evidence or the dossier."""
        study = self.manifest["made"]["study"]
        if self.moved is None or study is None:
            return self._here(name)
        return self.moved / os.path.relpath(name, study)

    def study(self) -> Path | None:
        """Return the folder of the study, or ``None`` if the report was made without one."""
        study = self.manifest["made"]["study"]
        return None if study is None else (self.moved or self._here(study))

    def folders(self) -> list[Path]:
        """Return the folders that the report was asked for."""
        study, folders = self.manifest["made"]["study"], self.manifest["made"]["folders"]
        if self.moved is None:
            return [self._here(folder) for folder in folders]
        return [self.moved] if folders == [study] else [self.result(e) for e in self.manifest["results"]]

    def _here(self, name: str) -> Path:
        return Path(os.path.normpath(self.report / name))


def _names(folder: Path) -> tuple[str, str] | None:
    try:
        manifest = read_manifest(folder, [])
    except BadInput:
        return None
    return manifest["design"]["name"], manifest["scenario"]


def check_report_files(places: Places) -> Check:
    """Compare every file of the report with its manifest, and the manifest with itself."""
    report, manifest = places.report, places.manifest
    listed = manifest["files"]
    differences = [] if is_untouched(manifest) else [f"{MANIFEST}: altered after it was written"]
    differences += _hash_differences({name: report / name for name in listed}, listed)
    differences += [f"{name}: is not in the manifest" for name in report_files(report) if name not in listed]
    return Check("report files", f"{len(listed)} files and the manifest by SHA-256", differences)


def _hash_differences(places: Mapping[str, Path], recorded: Mapping[str, str]) -> list[str]:
    """Return a line per file that is missing or not the recorded one."""
    found = []
    for name, digest in sorted(recorded.items()):
        if not places[name].is_file():
            found.append(f"{name}: missing")
        elif (actual := sha256_file(places[name])) != digest:
            found.append(
                f"{name}: altered (SHA-256 {actual[:12]}..., the manifest says {str(digest)[:12]}...)"
            )
    return found


def check_results(places: Places) -> Check:
    """Compare results, evidence and dossier with what the report was made from."""
    entries, differences, n_files = places.manifest["results"], [], 0
    for entry in entries:
        folder, label = places.result(entry), _label(entry)
        recorded = {MANIFEST: entry["manifest_sha256"], **entry["files"]}
        n_files += len(recorded)
        if not folder.is_dir():
            differences.append(f"{label}: there is no {folder}; give results=FOLDER if the study was moved")
            continue
        found = _hash_differences({name: folder / name for name in recorded}, recorded)
        differences += [f"{label}/{text}" for text in found]
        stray = sorted(f.name for f in folder.glob("*.parquet") if f.name not in recorded)
        differences += [f"{label}/{name}: is not in the manifest" for name in stray]
    evidence = places.manifest["evidence"]
    differences += _hash_differences({name: places.other(name) for name in evidence}, evidence)
    differences += _dossier_difference(places) + _new_evidence(places)
    counted = f"{len(entries)} results, {n_files} files, {len(evidence)} files of evidence by SHA-256"
    return Check("results", counted, differences)


def _label(entry: Mapping[str, Any]) -> str:
    return f"{entry['design']}/{entry['scenario']}"


def _dossier_difference(places: Places) -> list[str]:
    name, digest = places.manifest["made"]["dossier"], places.manifest.get("dossier_sha256")
    return [] if name is None else _hash_differences({name: places.other(name)}, {name: digest})


def _new_evidence(places: Places) -> list[str]:
    """Return evidence that came after the report; it would not be the same report any more."""
    folders = [folder for entry in places.manifest["results"] if (folder := places.result(entry)).is_dir()]
    known = {places.other(name).resolve() for name in places.manifest["evidence"]}
    return [
        f"{file}: evidence that the report does not know; make the report again"
        for file in evidence_files(folders, places.study())
        if file.resolve() not in known
    ]


def check_configurations(places: Places) -> Check:
    """Compare each stored configuration with the hash under which its result was made."""
    differences = []
    for entry in places.manifest["results"]:
        file = places.result(entry) / "config.yaml"
        try:
            digest = sha256_data(yaml.safe_load(file.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError, yaml.YAMLError, TypeError) as error:
            differences.append(f"{_label(entry)}/config.yaml: cannot be read ({type(error).__name__})")
            continue
        if digest != entry.get("config_sha256"):
            differences.append(f"{_label(entry)}/config.yaml: is not the configuration that was run")
    return Check("configurations", f"{len(places.manifest['results'])} resolved configurations", differences)


def check_code(places: Places) -> Check:
    """Compare the code that made results and report with the code installed here."""
    installed, manifest = code_state(), places.manifest
    core = str(installed["core_sha256"])
    other = [e for e in manifest["results"] if e.get("core_sha256") != core]
    differences = [
        f"{_label(entry)}: simulation code {str(entry.get('core_sha256'))[:12]}, installed {core[:12]}"
        for entry in other
    ]
    notes = ()
    if other := made_otherwise(manifest):
        more = f" and {len(other) - SHOWN} more" if len(other) > SHOWN else ""
        notes = (
            "the report was made by another version of the program or its packages, or on another machine "
            f"({'; '.join(other[:SHOWN])}{more}): only the numbers of its tidy tables are compared; install "
            "what its manifest.json names for the whole",
        )
    return Check(
        "code", f"simulation code of {len(manifest['results'])} results by SHA-256", differences, notes
    )


def same_platform(manifest: Mapping[str, Any], device: str, machine: Mapping[str, Any]) -> bool:
    """Return whether a result was made with the same packages on the same kind of machine as this one."""
    names = ("python", "jax", "jaxlib", "numpy", "equinox")
    before, now = manifest.get("versions") or {}, versions()
    return (
        all(before.get(name) == now.get(name) for name in names)
        and manifest.get("device") == device
        and (manifest.get("machine") or {}).get("processor") == machine.get("processor")
    )


def check_made_again(report: Path, places: Places, make: Callable[[Path], None]) -> Check:
    """Make the report again from the stored results and compare what it says.

    Parameters
    ----------
    report
        Folder of the report.
    places
        Where its results lie.
    make
        Writes the report into a folder.
    """
    exact = not made_otherwise(places.manifest)
    with tempfile.TemporaryDirectory() as temporary:
        try:
            make(Path(temporary))
        except BadInput as error:
            return Check("report again", "not made", [f"cannot be made again: {f}" for f in error.faults])
        found = compare_folders(report, Path(temporary), report_files(report), exact=exact)
    compared = f"{found.numbers:,} values of tables and report.json"
    agreement = f", to {TOLERANCE:g} of each; counts exactly"
    compared += f", and {found.drawn} drawn files byte by byte" if exact else agreement
    return Check("report again", compared, found.differences)
