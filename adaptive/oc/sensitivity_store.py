"""The index of a sensitivity analysis: what was varied, which cells it made, and from which bases.

``sensitivity/sensitivity.json`` beside the results of the study. It names the SHA-256 of the manifest of
every cell and base, and is used only while all of them are as they were. Nothing here computes a number.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from adaptive.errors import BadInput
from adaptive.io.hashing import sha256_file
from adaptive.io.manifest import code_state, verify_files
from adaptive.io.store import MANIFEST
from adaptive.oc.evidence import code_differs, read_evidence, simulation_code, strangers, write_evidence
from adaptive.oc.load import CellResult
from adaptive.oc.sensitivity import FOLDER, Declaration, Factor, Level, cell_place

INDEX = "sensitivity.json"
REMEDY = "run `adaptive sensitivity` again, or delete the folder"


class Index(NamedTuple):
    """A stored analysis: where it lies, and its index."""

    folder: Path
    content: dict[str, Any]

    @property
    def factors(self) -> tuple[Factor, ...]:
        """Every factor of the index, in print order."""
        return tuple(factor_of(item) for item in self.content["factors"])


def factor_of(data: dict[str, Any]) -> Factor:
    """Return a factor from the plain data of the index."""
    levels = tuple(Level(**{**item, "overrides": tuple(item["overrides"])}) for item in data["levels"])
    lists = {key: tuple(data[key]) for key in ("designs", "scenarios", "overrides")}
    return Factor(**{**data, **lists, "levels": levels})


def write_index(
    study: Path, declared: Declaration, n_trials: int, command: str, order: Sequence[str] = ()
) -> Path:
    """Write the index of the cells that were made; factors of an earlier one that still fits are kept.

    Parameters
    ----------
    study
        Folder of the study.
    declared
        What was simulated just now.
    n_trials
        Trials per cell.
    command
        Command line, for the record.
    order
        Names of all declared factors, in print order.
    """
    new = [_entry(study, factor, n_trials) for factor in declared.factors]
    named = [factor.name for factor in declared.factors]
    old = [entry for entry in _kept(study) if entry["factor"]["name"] not in named]
    ranks = {name: i for i, name in enumerate(order or named)}
    entries = sorted([*old, *new], key=lambda entry: ranks.get(entry["factor"]["name"], len(ranks)))
    write_evidence(
        study / FOLDER / INDEX,
        {
            "study": study.name,
            "factors": [entry["factor"] for entry in entries],
            "cells": [cell for entry in entries for cell in entry["cells"]],
            "bases": _bases(study, [factor_of(entry["factor"]) for entry in entries]),
            "not_run": dict(declared.not_run),
            "command": command,
        },
    )
    return study / FOLDER


def _entry(study: Path, factor: Factor, n_trials: int) -> dict[str, Any]:
    """Return a factor and its simulated cells."""
    cells = [
        {
            "factor": factor.name,
            "level": level.name,
            "design": design,
            "scenario": scenario,
            "n_trials": n_trials,
            "manifest_sha256": sha256_file(
                study / FOLDER / cell_place(factor.name, level.name, design, scenario) / MANIFEST
            ),
        }
        for level in factor.levels
        if factor.is_simulated(level)
        for design in factor.designs
        for scenario in factor.scenarios
    ]
    return {"factor": factor.as_data(), "cells": cells}


def _bases(study: Path, factors: Sequence[Factor]) -> list[dict[str, Any]]:
    """Return the cells of the study that the factors start from."""
    pairs = dict.fromkeys((d, s) for factor in factors for d in factor.designs for s in factor.scenarios)
    return [
        {"design": d, "scenario": s, "manifest_sha256": sha256_file(study / d / s / MANIFEST)}
        for d, s in pairs
    ]


def _kept(study: Path) -> list[dict[str, Any]]:
    """Return the factors of an earlier index whose cells and bases are as they were, with their cells."""
    file = study / FOLDER / INDEX
    if not file.is_file():
        return []
    content = read_evidence(file, REMEDY)
    same = simulation_code(content) == simulation_code({"code": code_state()})
    bases = all(_is_same(study / b["design"] / b["scenario"], b["manifest_sha256"]) for b in content["bases"])
    if not (same and bases):
        return []
    entries = [
        {"factor": item, "cells": [cell for cell in content["cells"] if cell["factor"] == item["name"]]}
        for item in content["factors"]
    ]
    return [
        entry
        for entry in entries
        if all(_is_same(place_of(study / FOLDER, c), c["manifest_sha256"]) for c in entry["cells"])
    ]


def _is_same(cell: Path, digest: str) -> bool:
    return (cell / MANIFEST).is_file() and sha256_file(cell / MANIFEST) == digest


def place_of(folder: Path, cell: dict[str, Any]) -> Path:
    """Return the folder of a cell of the index."""
    return folder / cell_place(cell["factor"], cell["level"], cell["design"], cell["scenario"])


def read_index(folder: Path) -> Index:
    """Return a stored analysis after checking the index and every file of every cell.

    Raises
    ------
    BadInput
        With every fault: an altered index, altered or missing cells.
    """
    content = read_evidence(folder / INDEX, REMEDY)
    faults = []
    for cell in content["cells"]:
        place = place_of(folder, cell)
        found = verify_files(place)
        if not found and not _is_same(place, cell["manifest_sha256"]):
            found = [f"{place}: not the cell that the index names; {REMEDY}"]
        faults += found
    if faults:
        raise BadInput(faults)
    return Index(folder, content)


def fitting_index(study: Path | None, results: Sequence[CellResult]) -> tuple[Index | None, list[str]]:
    """Return the analysis of these results if there is one, and messages about one that is not used.

    Raises
    ------
    BadInput
        If it was altered.
    """
    if study is None or not (study / FOLDER / INDEX).is_file():
        return None, []
    index = read_index(study / FOLDER)
    reasons = strangers(index.content["bases"], results)
    if not reasons and code_differs(index.content, results):
        reasons = ["it was made by another simulation code"]
    if not reasons:
        return index, []
    more = f" and {len(reasons) - 3} more" if len(reasons) > 3 else ""
    told = f"{'; '.join(reasons[:3])}{more}"
    return None, [f"The sensitivity analysis is of other results ({told}) and is not shown; {REMEDY}"]
