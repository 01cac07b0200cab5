"""What the report says of the sensitivity analysis: a tidy table, what was varied, and what could not be."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from adaptive.io.manifest import read_manifest
from adaptive.oc.evidence import or_draft
from adaptive.oc.load import CellResult, load_cell
from adaptive.oc.sensitivity import FOLDER, Factor, Level, base_path, cell_place
from adaptive.oc.sensitivity_effects import differences, estimates
from adaptive.oc.sensitivity_store import Index, fitting_index
from adaptive.oc.source import Source
from adaptive.oc.tables import tidy

NOT_RUN = (
    "No sensitivity analysis is stored with these results; `adaptive sensitivity` varies one assumption at a "
    "time. Until then nothing here says how far the results depend on any one of them."
)


def sensitivity_part(source: Source, tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Return ``lead``, ``messages``, ``factors``, ``not_run`` and the tables of the analysis.

    ``sensitivity`` has the columns of every tidy table after ``factor`` and ``setting`` (the level's name);
    ``level`` is ``estimate`` or ``difference`` (from the base on the same trials). ``sensitivity_settings``
    lists every level with its overrides.

    Raises
    ------
    BadInput
        If the analysis or one of its cells was altered, unless a draft is made.
    """
    del tables
    index, messages = or_draft(source, lambda: fitting_index(source.folder, source.results))
    if index is None:
        return {
            "lead": [NOT_RUN, *messages],
            "messages": messages,
            "factors": [],
            "not_run": {},
            "tables": {},
        }
    study = index.folder.parent
    here = {(result.design, result.scenario): result for result in source.results}
    frames = [_rows(study, factor, here) for factor in index.factors]
    return {
        "lead": _lead(index),
        "messages": [],
        "factors": [_described(factor) for factor in index.factors],
        "not_run": dict(index.content["not_run"]),
        "tables": {
            "sensitivity": pd.concat(frames, ignore_index=True),
            "sensitivity_settings": settings_table(index.factors),
        },
    }


def _lead(index: Index) -> list[str]:
    cells, factors = index.content["cells"], index.factors
    numbers = sorted({cell["n_trials"] for cell in cells})
    trials = " or ".join(f"{number:,}" for number in numbers)
    levels = sum(factor.is_simulated(level) for factor in factors for level in factor.levels)
    return [
        f"{len(factors)} assumptions or settings were varied one at a time, over {levels} levels in "
        f"{len(cells)} cells of {trials} virtual trials each. A level has the random numbers of its base, so "
        "that a difference is taken trial by trial; its Monte Carlo error is that of the difference.",
        "One thing at a time says nothing of what happens when several assumptions fail together; the levels "
        "are assumptions of this analysis, not estimates.",
    ]


def _described(factor: Factor) -> dict[str, Any]:
    """Return what the report needs to know of a factor."""
    return {
        "name": factor.name,
        "title": factor.title,
        "question": factor.question,
        "base": factor.base,
        "axis": factor.axis,
        "designs": list(factor.designs),
        "scenarios": list(factor.scenarios),
        "levels": [{"name": x.name, "label": x.label, "value": x.value} for x in factor.levels],
    }


def settings_table(factors: Sequence[Factor]) -> pd.DataFrame:
    """Return a row per level: factor, level, what it changes."""
    return pd.DataFrame(
        [
            {
                "factor": factor.title,
                "level": level.label + (" (base)" if level.name == factor.base else ""),
                "changes": "\n".join([*factor.overrides, *level.overrides]) or "nothing",
            }
            for factor in factors
            for level in factor.levels
        ]
    )


def _rows(study: Path, factor: Factor, here: Mapping[tuple[str, str], CellResult]) -> pd.DataFrame:
    """Return the tidy rows of one factor: every level's estimates, and differences from the base."""
    frames = []
    for design in factor.designs:
        for scenario in factor.scenarios:
            base = _read(base_path(study, factor, design, scenario), here.get((design, scenario)))
            for level in factor.levels:
                if level.name == factor.base:
                    found = estimates(base)
                else:
                    own = _level(study, factor, level, design, scenario)
                    found = [*estimates(own), *differences(own, base)]
                rows = tidy([{"scenario": scenario, "design": design} | entry for entry in found])
                rows.insert(0, "setting", level.name)
                frames.append(rows)
    frame = pd.concat(frames, ignore_index=True)
    frame.insert(0, "factor", factor.name)
    return frame


def _level(study: Path, factor: Factor, level: Level, design: str, scenario: str) -> CellResult:
    return _read(study / FOLDER / cell_place(factor.name, level.name, design, scenario), None)


def _read(path: Path, loaded: CellResult | None) -> CellResult:
    """Return a cell; one of the study is loaded already."""
    if loaded is not None and loaded.path.resolve() == path.resolve():
        return loaded
    return load_cell(path, read_manifest(path))
