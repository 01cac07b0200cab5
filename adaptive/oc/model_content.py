"""What the report says of the analysis models: prior prediction, and events borrowed between subgroups.

Made from stored results and their stored configurations; ``build`` turns a configuration into a design. In
double precision whatever the trials used, so that a report does not depend on the process that makes it.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from adaptive import montecarlo as mc
from adaptive.design.protocol import Analysis, Design
from adaptive.errors import BadInput
from adaptive.oc.borrowing import Borrowed, borrowed_events, collapsed
from adaptive.oc.load import CellResult
from adaptive.oc.looks import has_looks, read_looks
from adaptive.oc.metrics import row
from adaptive.oc.prior_predictive import distribution_rows, draw_log_hr, prior_rows, survival_rows
from adaptive.oc.tables import tidy
from adaptive.posterior.conjugate import ConjugateEngine
from adaptive.posterior.laplace import LaplaceEngine

N_TRIALS = 200
"""Trials of each cell, the first by number, whose looks are fitted again for the borrowing."""
LEVELS = (0.05, 0.5, 0.95)
BEFORE = "before any data"
LINE = ("scenario", "design", "metric", "arm", "value", "cumulative", "n")

Build = Callable[[Mapping[str, Any]], Design]


def model_content(results: Sequence[CellResult], build: Build | None) -> dict:
    """Return frames and sentences on the analysis models.

    Parameters
    ----------
    results
        Stored results of one study.
    build
        Makes a design of a resolved configuration; ``None`` leaves the frames empty.

    Returns
    -------
    ``tables``: tidy frames ``prior_predictive`` and ``borrowing``, and ``prior_distribution``; ``notes``: why
    something is missing.
    """
    prior, drawn, borrowed, notes = [], [], [], []
    with jax.enable_x64(True):
        analyses = _analyses(results, build, notes)
        for label, group in _by_model(results, analyses).items():
            rows, lines = _prior(label, group, analyses[group[0].design], notes)
            prior += rows
            drawn += lines
        for result in results:
            if result.design in analyses and len(result.subgroups) > 1:
                borrowed += _borrowing(result, analyses[result.design], notes)
    tables = {"prior_predictive": tidy(prior), "borrowing": tidy(borrowed)}
    tables["prior_distribution"] = pd.DataFrame(drawn, columns=list(LINE))
    return {"tables": tables, "notes": list(dict.fromkeys(notes))}


def _analyses(results: Sequence[CellResult], build: Build | None, notes: list[str]) -> dict[str, Analysis]:
    """Return the analysis of each design, without those whose configuration does not build one."""
    found: dict[str, Analysis] = {}
    for result in results if build is not None else ():
        if result.design not in found:
            try:
                found[result.design] = build(result.config).analysis
            except BadInput as error:
                notes.append(
                    f"The stored configuration of {result.design} builds no design in this version: {error}"
                )
    return found


def _prior(
    label: str, group: Sequence[CellResult], analysis: Analysis, notes: list[str]
) -> tuple[list[dict], list[dict]]:
    """Return the prior predictive summary of a model, and its distribution functions.

    Survival is that at the horizons of the group's scenarios, the months at which the estimand is stated.
    """
    result = group[0]
    try:
        log_hr = draw_log_hr(analysis.model, (len(result.subgroups), len(result.arms)))
    except BadInput as error:
        notes.append(f"Prior prediction under {label} cannot be computed: {error}")
        return [], []
    place = {"scenario": BEFORE, "design": label}
    horizons = {r.truth.content.get("horizon_months") for r in group} - {None}
    survival = survival_rows(
        analysis.model, np.asarray(analysis.cuts, float), sorted(horizons), result.subgroups, result.arms[0]
    )
    rows = [place | entry for entry in (*prior_rows(log_hr, result.subgroups, result.arms), *survival)]
    return rows, [place | entry for entry in distribution_rows(log_hr, result.arms)]


def _by_model(results: Sequence[CellResult], analyses: Mapping[str, Analysis]) -> dict[str, list[CellResult]]:
    """Return the results of each analysis model, under the names of the designs that share it."""
    groups: dict[str, list[CellResult]] = {}
    for result in results:
        if result.design in analyses:
            same = json.dumps(result.config.get("model"), sort_keys=True, default=str)
            groups.setdefault(same, []).append(result)
    return {", ".join(dict.fromkeys(r.design for r in group)): group for group in groups.values()}


def _borrowing(result: CellResult, analysis: Analysis, notes: list[str]) -> list[dict]:
    """Return quantiles over trials of the events borrowed at the first and at the last look."""
    known = isinstance(analysis.engine, LaplaceEngine | ConjugateEngine)
    engine = analysis.engine if known else LaplaceEngine()
    rows = []
    for when, events, exposure in _tables(result, notes):
        try:
            found = borrowed_events(engine, collapsed(analysis.model), events[..., None], exposure[..., None])
        except BadInput as error:
            notes.append(f"Borrowing under {result.design} cannot be computed: {error}")
            return []
        rows += _cell_rows(result, when, events, found)
    place = {"scenario": result.scenario, "design": result.design}
    return [place | entry for entry in rows]


def _tables(result: CellResult, notes: list[str]) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield name, events and exposure ``(R, S, A)`` at the first and the last look of the first trials."""
    if has_looks(result):
        rows, events = _first_look(result, "events")
        _, exposure = _first_look(result, "exposure")
        yield "first", events[rows], exposure[rows]
    else:
        notes.append("Results without stored looks show borrowing at the last look alone.")
    yield "last", result.events[:N_TRIALS], result.exposure[:N_TRIALS]


def _first_look(result: CellResult, column: str) -> tuple[Int[np.ndarray, " R"], Float[np.ndarray, "H S A"]]:
    """Return the rows of each trial's first held look, and one column at every held look."""
    trial, look, values = read_looks(result, column)
    order = np.lexsort((look, trial))
    _, first = np.unique(trial[order], return_index=True)
    return order[first][:N_TRIALS], values.astype(float)


def _cell_rows(result: CellResult, when: str, events: np.ndarray, found: Borrowed) -> list[dict]:
    rows = []
    for s, subgroup in enumerate(result.subgroups):
        for b, arm in enumerate(result.arms[1:]):
            if not result.offered[s, b]:
                continue
            good = np.isfinite(found.borrowed[:, s, b])
            own = (events[:, s, 0] + events[:, s, b + 1]).astype(float)
            for metric, values in (("own_events", own), ("borrowed_events", found.borrowed[:, s, b])):
                quantiles = mc.quantiles(values[good], LEVELS)
                rows += [
                    row(f"{metric}_{when}", e, level=f"{100 * p:g}%", subgroup=subgroup, arm=arm)
                    for p, e in zip(LEVELS, quantiles, strict=True)
                ]
    return rows
