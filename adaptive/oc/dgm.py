"""How virtual patients are made, in formulas, and what each scenario assumes: plain data for the report.

Facts of a scenario are read off the object that generates patients; nothing is typed twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from adaptive.errors import BadInput
from adaptive.io.hashing import sha256_data
from adaptive.oc.coverage import coverage
from adaptive.oc.load import CellResult
from adaptive.oc.published import check_table
from adaptive.oc.scenario_facts import Facts, departures, facts_of, pattern_words
from adaptive.oc.source import Source
from adaptive.scenario.truth import Scenario

FORMULAS = (
    (
        "Arrival",
        "arrivals ~ Poisson process with rate r(t);  P(subgroup = s | entry in month t) = m[s](t)",
        [
            "t month since the first patient; r and m linear between knots, constant after the last",
        ],
    ),
    (
        "Hazards",
        "h[c](u) = h0[c, z, s](u) · exp(β[c, z, s, a](u)) · D[c](t)",
        [
            "c event channel (endpoint, death, dropout), z health state, s subgroup, a arm",
            "u months since randomisation; h0 and β are constant within intervals of u; β = 0 for control",
            "t month of entry; ln D is linear between its knots, the same in every arm",
        ],
    ),
    (
        "Course",
        "∫ h[c](u) du from the last transition to T[c] = E[c],  E[c] ~ Exponential(1);  the first T[c] acts",
        [
            "E independent over patients, channels and transitions: no frailty ties a patient's channels",
            "the channel that acts ends observation or moves the patient to another health state",
            "the same E under every arm and in every design: designs meet the same virtual patients",
        ],
    ),
    (
        "What a look in month v sees",
        "time = min(first endpoint event, end of observation, v - t),  event = 1 if the first of these",
        ["exact event times: no visits in between, no error in the outcome, the arm or the subgroup"],
    ),
)
"""Title, formula and symbols of each step."""


@dataclass(frozen=True)
class Assumed:
    """One scenario: its result, and what builds it; ``None`` where its configuration builds nothing."""

    result: CellResult
    scenario: Scenario | None


def dgm_part(source: Source, tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """Return formulas, a row per scenario, departures from the model, published checks and coverage.

    Returns
    -------
    ``formulas``; ``scenarios``, ``checks`` (frames); ``misspecification`` (sentences made by the program) and
    ``notes``. ``coverage`` of the families of scenarios is a part by itself.
    """
    del tables
    assumed, notes = assumed_scenarios(source)
    facts = {name: facts_of(item.result, item.scenario) for name, item in assumed.items()}
    cuts = _model_cuts(source.results)
    return {
        "formulas": [{"title": title, "text": text, "where": where} for title, text, where in FORMULAS],
        "scenarios": scenario_rows(assumed, facts, cuts),
        "misspecification": misspecification(facts, cuts),
        "checks": check_table(
            source.dossier.get("checks", []), {name: item.scenario for name, item in assumed.items()}
        ),
        "notes": notes,
    }


def coverage_part(source: Source, tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """Return which families of scenarios are covered, by which, and what is missing (checklist G1 to G3)."""
    del tables
    assumed, _ = assumed_scenarios(source)
    return coverage(source, {name: facts_of(item.result, item.scenario) for name, item in assumed.items()})


def assumed_scenarios(source: Source) -> tuple[dict[str, Assumed], list[str]]:
    """Return every scenario once, and why some could not be built."""
    found: dict[str, Assumed] = {}
    notes = []
    for result in source.results:
        if result.scenario in found:
            continue
        built = None
        if source.makers.scenario is not None:
            try:
                built = source.makers.scenario(result.config)
            except BadInput as error:
                notes.append(f"The configuration of {result.scenario} builds no scenario: {error}")
        found[result.scenario] = Assumed(result, built)
    return found, notes


def scenario_rows(
    assumed: dict[str, Assumed], facts: dict[str, Facts], cuts: Sequence[float]
) -> pd.DataFrame:
    """Return a row per scenario: class, what it says of itself, what is true, departures, hash."""
    rows = []
    for name, item in assumed.items():
        scenario = item.result.config.get("scenario") or {}
        leaves = departures(facts[name], cuts)
        kind = "null" if facts[name].is_null else "alternative"
        rows.append(
            {
                "scenario": name,
                "class": f"{kind}, stress" if leaves or facts[name].harms else kind,
                "description": str(scenario.get("description") or ""),
                "truth": pattern_words(item.result),
                "departures": "; ".join(leaves) or "none",
                "hash": sha256_data(scenario)[:12],
            }
        )
    return pd.DataFrame(rows)


def misspecification(facts: dict[str, Facts], cuts: Sequence[float]) -> list[str]:
    """Return each way in which some scenario's truth leaves the analysis model, with those scenarios."""
    by_kind: dict[str, list[str]] = {}
    for name, found in facts.items():
        for words in departures(found, cuts):
            by_kind.setdefault(words, []).append(name)
    return [f"{words}: {', '.join(names)}" for words, names in by_kind.items()]


def _model_cuts(results: Sequence[CellResult]) -> tuple[float, ...]:
    """Return the interval starts that every design's model has."""
    each = [set((result.config.get("design") or {}).get("cuts") or [0.0]) for result in results]
    return tuple(float(cut) for cut in np.sort(list(set.intersection(*each))))
