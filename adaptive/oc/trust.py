"""Whether a report may be final: what was checked of the results, and every fault with what to do about it.

Judges, and refuses nothing: the commands refuse, or mark the report as a draft.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from adaptive.io.hashing import sha256_data
from adaptive.io.manifest import code_state, is_untouched
from adaptive.oc import labels
from adaptive.oc.evidence import code_differs
from adaptive.oc.load import CellResult
from adaptive.oc.parameters import is_of, parameter_table
from adaptive.oc.pieces import Piece, pieces_of
from adaptive.oc.source import Source
from adaptive.oc.targets import strangers, target_faults, target_table, targets_of, unjudged

SHOWN = 3
"""Cells or parameters that a fault names; the rest are counted."""


def trust_part(source: Source, tables: dict[str, pd.DataFrame]) -> dict:
    """Return ``faults``, ``checked``, ``targets`` (a frame) and ``target_by_metric``.

    Parameters
    ----------
    source
        What the report is made from.
    tables
        Every tidy frame of the report.
    """
    targets = targets_of(source.dossier)
    reached = target_table(tables, targets)
    faults = [
        *_without_place(source.altered, source.results),
        *dict.fromkeys(source.damaged),
        *result_faults(source.results),
        *evidence_faults(source),
        *report_faults(),
        *benchmark_faults(source.results),
        *scenario_faults(source.results),
        *parameter_faults(source.results, source.dossier.get("parameters", [])),
        *strangers(source.dossier.get("targets") or {}, list(labels.METRICS)),
        *unjudged(source.dossier.get("targets") or {}, tables, reached),
        *target_faults(reached, targets),
    ]
    return {
        "faults": faults,
        "checked": checked(source.results, reached),
        "targets": reached,
        "target_by_metric": targets,
        "tables": {"targets": reached},
    }


def _without_place(faults: Sequence[str], results: Sequence[CellResult]) -> list[str]:
    """Return faults with the place of a result as design/scenario, so that a moved study says the same."""
    for result in results:
        name = f"{result.design}/{result.scenario}"
        faults = [fault.replace(str(result.path), name) for fault in faults]
    return list(faults)


def result_faults(results: Sequence[CellResult]) -> list[str]:
    """Return what is wrong with manifests, configurations and code of the results."""
    core = code_state()["core_sha256"]
    checks: tuple[tuple[Callable[[CellResult], bool], str], ...] = (
        (
            lambda r: "manifest_sha256" not in r.manifest or not is_untouched(r.manifest),
            "the manifest is not what the simulation wrote; simulate again",
        ),
        (
            lambda r: sha256_data(r.config) != r.manifest.get("config_sha256"),
            "config.yaml is not the configuration that was run (config_sha256 differs); simulate again",
        ),
        (
            lambda r: _code(r).get("dirty") is True,
            "made by code with uncommitted changes, which nobody else has; commit, then simulate again",
        ),
        (
            lambda r: _code(r).get("core_sha256") is None,
            "the manifest does not say which simulation code made the numbers (core_sha256); simulate again",
        ),
        (
            lambda r: _code(r).get("core_sha256") not in (None, core),
            "made by another simulation code than the one installed here; simulate again, or install the "
            "version that the manifest names",
        ),
    )
    faults = [f"{_named(found)}: {text}" for is_bad, text in checks if (found := _which(results, is_bad))]
    return faults + _mixed_faults(results)


def _code(result: CellResult) -> dict:
    code = result.manifest.get("code")
    return code if isinstance(code, dict) else {}


def _which(results: Sequence[CellResult], is_bad: Callable[[CellResult], bool]) -> list[str]:
    return [f"{result.design}/{result.scenario}" for result in results if is_bad(result)]


def _named(names: Sequence[str]) -> str:
    """Return the first names and the number of the others."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _mixed_faults(results: Sequence[CellResult]) -> list[str]:
    """Say that results of one study were made by different simulation codes."""
    groups = defaultdict(list)
    for result in results:
        groups[_code(result).get("core_sha256")].append(f"{result.design}/{result.scenario}")
    if len(groups) < 2:
        return []
    shown = "; ".join(f"{str(code)[:12]} in {_named(names)}" for code, names in groups.items())
    return [f"results of different simulation codes: {shown}; simulate all with one"]


def evidence_faults(source: Source) -> list[str]:
    """Return evidence that the commands of the report would not make again."""
    return [
        f"{piece.place}: {reason}; run `adaptive {piece.kind}` again, or delete the folder"
        for piece in pieces_of(source)
        for reason in _reasons(piece, source.results)
    ]


def _reasons(piece: Piece, results: Sequence[CellResult]) -> list[str]:
    """Return why one piece of evidence cannot be made again by its command and the code of the results."""
    codes = [piece.content["code"], *piece.cells]
    found = []
    if any(code_differs({"code": code}, results) for code in codes):
        found.append("made by another simulation code than the results")
    if any(code.get("dirty") is True for code in codes):
        found.append("made by code with uncommitted changes, which nobody else has")
    if not piece.content.get("command"):
        found.append("does not say by which command it was made")
    return found


def report_faults() -> list[str]:
    """Return why the report itself cannot be made again by anybody else."""
    if code_state()["dirty"] is not True:
        return []
    return [
        "this report: made by code with uncommitted changes, which nobody else has; commit, make it again"
    ]


def benchmark_faults(results: Sequence[CellResult]) -> list[str]:
    """Return scenarios without the benchmark design, on whose trials every other design is compared."""
    name = results[0].manifest.get("benchmark")
    if not name:
        return ["the study names no benchmark design; set benchmark to a well-understood one and simulate it"]
    there = {result.scenario for result in results if result.design == name}
    missing = [s for s in dict.fromkeys(result.scenario for result in results) if s not in there]
    if not missing:
        return []
    return [f"scenario {_named(missing)}: without the benchmark {name}; simulate {name} there too"]


def scenario_faults(results: Sequence[CellResult]) -> list[str]:
    """Return scenarios that were not the same for every design; they share a name, not their patients."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        found[result.scenario][sha256_data(result.config.get("scenario"))].append(result.design)
    return [
        f"scenario {name}: not the same for {' and '.join(_named(designs) for designs in groups.values())} "
        "(their configurations differ); simulate all designs with one"
        for name, groups in found.items()
        if len(groups) > 1
    ]


def parameter_faults(results: Sequence[CellResult], stated: Sequence[Mapping[str, str]] = ()) -> list[str]:
    """Return parameters that do not say where they come from, and stated ones that do not exist.

    Unverified ones are flagged, not faults.
    """
    table = parameter_table(results)
    faults = [
        f"parameters: {name!r} in the dossier is no parameter of these results; give a name of the table of "
        "parameters, or the beginning of one"
        for name in (entry["parameter"] for entry in stated)
        if not any(is_of(parameter, name) for parameter in table.parameter)
    ]
    for flag, key in (("no source", "source"), ("no tag", "tag")):
        names = list(dict.fromkeys(table.loc[table.flag == flag, "parameter"]))
        if names:
            faults.append(f"parameter {_named(names)}: has no {key}; write its {key} beside its value")
    return faults


def checked(results: Sequence[CellResult], reached: pd.DataFrame) -> list[str]:
    """Say what was compared before the report was made, whether or not it held."""
    files = sum(len(result.manifest["files"]) for result in results)
    return [
        f"SHA-256 of {files} files of {len(results)} results against their manifests, and of each manifest "
        "against itself",
        "each resolved configuration against the hash that its result was stored with",
        f"the simulation code of each result against the one that made this report "
        f"(core {code_state()['core_sha256'][:12]}), and that version control told of no uncommitted changes",
        "the simulation code of each piece of evidence and of its cells against that of the results, that no "
        "uncommitted changes were told of, and that each names the command that made it",
        f"Monte Carlo standard errors of {len(reached)} metrics of cells against their targets",
        "that every scenario was simulated with the benchmark design, and is the same for every design",
        "that every parameter with provenance names a source and how far it was checked",
    ]
