"""What the chapter on software says: versions, random numbers, numeric contract, files, trail, validation.

Facts are read from manifests, from the streams and from the shipped map of tests; nothing is claimed that the
results or the program do not carry.
"""

import inspect
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from adaptive.io.hashing import sha256_data
from adaptive.io.store import SCHEMA_VERSION
from adaptive.oc.commands_content import command_of
from adaptive.oc.load import CellResult
from adaptive.oc.pieces import NAMES, pieces_of
from adaptive.oc.places import words_of
from adaptive.oc.report_manifest import made_by
from adaptive.oc.reverify_trials import TOLERANCE
from adaptive.oc.source import Source
from adaptive.oc.validation import COLUMNS, shipped
from adaptive.rng import Stream
from adaptive.simulate.drivers import LANES

FILES = (
    ("config.yaml", "result", "everything that determines the result, resolved"),
    ("truth.json", "result", "true values of the scenario"),
    ("trials.parquet", "result", "a row per trial"),
    ("cells.parquet", "result", "a row per trial, subgroup and arm"),
    ("looks.parquet", "result", "a row per trial, look, subgroup and arm (optional)"),
    ("manifest.json", "result", "SHA-256 of each, seed, counts, versions, code"),
    ("report.html, report.pdf", "report", "this text"),
    ("report.json", "report", "every number, machine-readable"),
    ("tables/*.csv", "report", "every number as CSV; tables/printed: as printed"),
    ("figures/*.svg", "report", "every figure"),
    ("manifest.json", "report", "SHA-256 of each, of every result, of the dossier and of other evidence"),
)
NOT_KNOWN = "\N{EN DASH}"
SHORT = 12
"""Characters of a hash in a table of many; a table beside it has them all."""


def software_part(source: Source, tables: dict[str, pd.DataFrame]) -> dict:
    """Return the facts of the chapter as frames and sentences."""
    del tables
    results = source.results
    return {
        "versions": version_rows(results),
        "code": code_rows(source),
        "overrides": override_rows(results),
        "schema_version": SCHEMA_VERSION,
        "scenario_list_sha256": scenario_list_hash(results),
        "streams": stream_rows(),
        "random": random_facts(results),
        "numeric": numeric_facts(results),
        "files": pd.DataFrame(FILES, columns=["file", "part of", "holds"]),
        "trail": trail_rows(source.dossier),
        "status": status_facts(source.dossier),
        "validation": pd.DataFrame(shipped(), columns=list(COLUMNS)),
    }


def version_rows(results: Sequence[CellResult]) -> pd.DataFrame:
    """Return versions and machines of the results, and of what made the report, a row per item."""
    ours = _versions_of(made_by())
    theirs = [_versions_of(result.manifest) for result in results]
    names = dict.fromkeys([name for found in [*theirs, ours] for name in found])
    rows = []
    for name in names:
        values = list(dict.fromkeys(found.get(name) or NOT_KNOWN for found in theirs))
        rows.append((name, "; ".join(values), ours.get(name) or NOT_KNOWN))
    return pd.DataFrame(rows, columns=["item", "results", "report"])


def _versions_of(manifest: Mapping[str, Any]) -> dict[str, str | None]:
    """Return versions, code and machine of one manifest by the name they are printed with."""
    code, made_on = manifest.get("code") or {}, manifest.get("machine") or {}
    return {
        **{str(name): value for name, value in (manifest.get("versions") or {}).items()},
        "git commit": code.get("commit"),
        "uncommitted changes": _changed(code),
        "SHA-256 of all source files": code.get("sha256"),
        "SHA-256 of the simulation code": code.get("core_sha256"),
        "SHA-256 of requirements.lock": made_on.get("requirements_lock_sha256"),
        "processor": made_on.get("processor"),
        "accelerator runtime and driver": made_on.get("accelerator"),
        "device": manifest.get("device"),
        "precision": manifest.get("dtype"),
    }


def _changed(code: Mapping[str, Any]) -> str:
    return {True: "yes", False: "no"}.get(code.get("dirty"), "not under version control")


def code_rows(source: Source) -> pd.DataFrame:
    """Return the code of the results, of each piece of evidence and of the report, a row per code of each."""
    rows = _code_rows("Results", [result.manifest.get("code") or {} for result in source.results])
    for piece in pieces_of(source):
        name = f"{NAMES[piece.kind]} ({piece.place})"
        rows += _code_rows(f"{name}, cells", piece.cells)
        rows += _code_rows(name, [piece.content["code"]], counted=False)
    rows += _code_rows("This report", [made_by()["code"]], counted=False)
    return pd.DataFrame(rows, columns=["what", "commit", "uncommitted changes", "simulation code"])


def _code_rows(name: str, codes: Sequence[Mapping[str, Any]], counted: bool = True) -> list[tuple[str, ...]]:
    """Return a row per code, with the number of results that it made."""
    keys = [
        (
            str(code.get("commit") or NOT_KNOWN),
            _changed(code),
            str(code.get("core_sha256") or NOT_KNOWN)[:SHORT],
        )
        for code in codes
    ]
    return [(f"{name}: {keys.count(key)}" if counted else name, *key) for key in dict.fromkeys(keys)]


def override_rows(results: Sequence[CellResult]) -> pd.DataFrame:
    """Return the overrides in the command of each result, as typed."""
    rows = []
    for result in results:
        words = words_of(command_of(result))
        shown = shlex.join(word for word in words if "=" in word or word.startswith("~"))
        rows.append((result.scenario, result.design, shown or NOT_KNOWN))
    return pd.DataFrame(rows, columns=["scenario", "design", "overrides"])


def scenario_list_hash(results: Sequence[CellResult]) -> str:
    """Return the SHA-256 of the scenarios as they were run: names with their resolved configuration."""
    return sha256_data({result.scenario: result.config.get("scenario") for result in results})


def stream_rows() -> pd.DataFrame:
    """Return the streams of random numbers with their numbers; read from the source, where they are told."""
    text = inspect.getsource(Stream)
    told = dict(re.findall(r"^    ([A-Z]+) = \d+\n    \"\"\"(.*?)\"\"\"", text, flags=re.M | re.S))
    rows = [(int(stream), stream.name, told.get(stream.name, "")) for stream in Stream]
    return pd.DataFrame(rows, columns=["number", "stream", "holds"])


def random_facts(results: Sequence[CellResult]) -> list[str]:
    """Return how a random number is found from its address, and who shares numbers with whom."""
    seeds = sorted({str(result.manifest["seed"]) for result in results})
    return [
        "Generator: Threefry-2x32 with 20 rounds, a counter-based generator (Salmon and others 2011, "
        "doi:10.1145/2063384.2063405), as in JAX; it keeps no state.",
        f"Root seed of the results: {', '.join(seeds)}.",
        "Address of a draw: key = fold_in(fold_in(fold_in(key(seed), trial), stream), look). A patient's "
        "draws are words of the stream's key, counted by patient. A trial therefore replays alone: "
        "adaptive replay RESULT trial=NUMBER.",
        "Common random numbers: designs and scenarios with the same seed and trial number see the same "
        "arrivals, subgroups and event-time draws. Differences between designs are taken trial by trial.",
        "Disjoint streams: each use has a stream number of its own, below; a search over nulls and a "
        "calibration confirm with another root seed than the one they chose with, and refuse the same "
        "one.",
        "A simulation over 2^32 trials or seeds is refused, so that no address occurs twice.",
    ]


def numeric_facts(results: Sequence[CellResult]) -> list[str]:
    """Return what may and may not change a number."""
    precisions = ", ".join(sorted({str(result.manifest.get("dtype")) for result in results}))
    devices = ", ".join(sorted({str(result.manifest.get("device")) for result in results}))
    return [
        f"Precision of the results: {precisions}, on {devices}.",
        f"Compiled programs run on blocks of exactly {LANES} trials, short blocks padded. So a trial's "
        "numbers depend neither on the number of trials, nor on the chunk size, interruptions or "
        "workers: bit for bit, with the same packages on the same kind of processor "
        "(tests/invariants/test_invariants_drivers.py, tests/unit/test_study_resume.py).",
        "On another platform adaptive verify asks that counts, states and decisions are equal and that "
        f"other numbers agree to {TOLERANCE:g} (relative, or absolute below 1), and lists what does not. "
        "A decision whose probability lies within rounding of its threshold can differ there.",
        "Measured elsewhere (benchmarks/results/flagship_precision.json of the source): float32 against "
        "float64 on one processor, 4,096 trials of the worked example, no decision differed (95% "
        "interval 0 to 0.0009).",
    ]


def trail_rows(dossier: Mapping[str, Any]) -> pd.DataFrame:
    """Return the history that the authors wrote."""
    rows = [
        tuple(str(e.get(k) or "") for k in ("date", "who", "what", "why"))
        for e in dossier.get("history") or []
    ]
    return pd.DataFrame(rows, columns=["date", "who", "what", "why"])


def status_facts(dossier: Mapping[str, Any]) -> list[str]:
    """Return the status of the dossier and who froze it."""
    frozen, status = dossier.get("frozen") or {}, dossier.get("status")
    said = [
        f"Status of the dossier: {status}." if status else "The study has no dossier that states its status."
    ]
    if frozen:
        said.append(
            f"Frozen on {frozen.get('date', NOT_KNOWN)} by {frozen.get('by', NOT_KNOWN)}: "
            f"{frozen.get('reason', NOT_KNOWN)}"
        )
    if dossier.get("sha256"):
        said.append(f"SHA-256 of the dossier: {dossier['sha256']}.")
    return said
