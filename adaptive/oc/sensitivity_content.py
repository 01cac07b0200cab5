"""What the report says of the sensitivity analysis: a tidy table, what was varied, and what could not be."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from adaptive.io.manifest import read_manifest
from adaptive.oc.evidence import or_draft
from adaptive.oc.load import CellResult, load_cell
from adaptive.oc.sensitivity import FOLDER, Factor, base_path, cell_place, under
from adaptive.oc.sensitivity_binding import claims_by_obedience, released
from adaptive.oc.sensitivity_effects import differences, estimates, shared
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
    lists every level with its overrides. ``binding`` has the claims with rules to stop followed and never
    followed, if a level changes nothing but that; ``rule`` names the rules.

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
    varied = [_tables(study, factor, here) for factor in index.factors]
    effects, binding = (pd.concat(frames, ignore_index=True) for frames in zip(*varied, strict=True))
    return {
        "lead": _lead(index),
        "messages": [],
        "factors": [_described(factor, index.factors) for factor in index.factors],
        "not_run": dict(index.content["not_run"]),
        "tables": {
            "sensitivity": effects,
            "binding": binding,
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
        "that a difference is taken trial by trial; its Monte Carlo error is that of the difference. Of a "
        "base, too, only the trials that its levels have are shown, so that its numbers may differ within "
        "Monte Carlo error from those of all its trials elsewhere in this report.",
        *_drawn_apart(factors),
        "One thing at a time says nothing of what happens when several assumptions fail together; the levels "
        "are assumptions of this analysis, not estimates.",
    ]


def _drawn_apart(factors: Sequence[Factor]) -> list[str]:
    """Say which factors are drawn as curves, so that the figures of the others count fewer."""
    curves = [factor.title for factor in factors if factor.axis]
    if not curves:
        return []
    return [
        "Drawn as curves in the section on the chance of a claim, and so not counted in the figures here: "
        f"{'; '.join(curves)}. The tables have every factor."
    ]


def _described(factor: Factor, factors: Sequence[Factor]) -> dict[str, Any]:
    """Return what the report needs to know of a factor."""
    return {
        "name": factor.name,
        "title": factor.title,
        "question": factor.question,
        "base": factor.base,
        "under": under(factor, factors),
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


def _tables(
    study: Path, factor: Factor, here: Mapping[tuple[str, str], CellResult]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of one factor: estimates and differences, and claims where only obedience varies."""
    effects, binding = [], []
    for design in factor.designs:
        for scenario in factor.scenarios:
            place = {"scenario": scenario, "design": design}
            cells = shared(_cells(study, factor, design, scenario, here))
            base = cells[factor.base]
            for name, cell in cells.items():
                found = estimates(cell) + (differences(cell, base) if name != factor.base else [])
                effects.append(_labelled(found, place, setting=name))
                if rule := released(cell, base):
                    binding.append(_labelled(claims_by_obedience(cell, base), place, rule=rule))
    nothing = _labelled([], {}, rule="")
    tables = pd.concat(effects, ignore_index=True), pd.concat([nothing, *binding], ignore_index=True)
    for table in tables:
        table.insert(0, "factor", factor.name)
    return tables


def _labelled(found: list[dict], place: Mapping[str, str], **label: str) -> pd.DataFrame:
    """Return rows of a place as a tidy frame that starts with a label."""
    rows = tidy([{**place, **entry} for entry in found])
    for name, value in label.items():
        rows.insert(0, name, value)
    return rows


def _cells(
    study: Path, factor: Factor, design: str, scenario: str, here: Mapping[tuple[str, str], CellResult]
) -> dict[str, CellResult]:
    """Return every level of a factor in one cell of the study; what is loaded already is not read again."""
    cells = {}
    for level in factor.levels:
        if level.name == factor.base:
            path, loaded = base_path(study, factor, design, scenario), here.get((design, scenario))
        else:
            path, loaded = study / FOLDER / cell_place(factor.name, level.name, design, scenario), None
        known = loaded is not None and loaded.path.resolve() == path.resolve()
        cells[level.name] = loaded if known else load_cell(path, read_manifest(path))
    return cells
