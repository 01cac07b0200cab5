"""``analyse`` as a command: files in, a decision record, a memo and the posterior out.

Writes into a folder that holds no decision yet; a decision is never overwritten.
"""

import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from adaptive.codes import StopReason
from adaptive.design.decide import measures_of
from adaptive.design.protocol import Design
from adaptive.errors import BadInput
from adaptive.interim.analyse import Interim, analyse, site_labels, unsettled
from adaptive.interim.diagnostics import write_netcdf
from adaptive.interim.identity import describe, design_hash, versions
from adaptive.interim.record import arm_rows, cell_rows, health_row, number, totals
from adaptive.interim.request import AnalysisRequest, Sampling
from adaptive.interim.state import SCHEMA, Previous, progress_at, read_previous
from adaptive.interim.words import recommendation
from adaptive.io.patients import PatientData, cut, cutoff_label, parse_cutoff, read_patients, to_snapshot
from adaptive.measures.predictive import PredictiveProbability
from adaptive.measures.predictive_information import PredictiveInformation
from adaptive.report.memo import render_memo

PREDICTS = PredictiveProbability, PredictiveInformation

DECIDED, WITHHELD = 0, 3
"""Exit codes: a decision was made; diagnostics failed and the decision is withheld (2 is bad input)."""


def run_analyse(design: Design, request: AnalysisRequest, output_dir: Path) -> int:
    """Analyse one look of a real trial and write ``decision.json``, ``memo.html`` and ``posterior.nc``.

    Parameters
    ----------
    design
        The protocol.
    request
        Data, cut-off, look, earlier decision, engine.
    output_dir
        Folder to write to; made if needed.

    Returns
    -------
    ``DECIDED`` or ``WITHHELD``.

    Raises
    ------
    BadInput
        With every fault of the request or the data, or if the folder already holds a decision.
    """
    data = read_patients(request.data, request.columns, design.arms, design.subgroups)
    check_entries(design, data)
    cutoff = parse_cutoff(request.cutoff, data)
    previous = read_previous(request.previous) if request.previous is not None else None
    month = cutoff / data.per_month
    progress, _ = progress_at(design, previous, request.look, month)
    rows = cut(data, cutoff)
    result = analyse(design, to_snapshot(rows, design.arms, design.subgroups), progress, request.sampling)
    source = describe_source(request.data, data, rows, cutoff, str(request.cutoff))
    record = decision_record(result, source, request.sampling, previous)
    write_outputs(Path(output_dir), record, result, rows)
    return WITHHELD if record["withheld"] else DECIDED


def check_entries(design: Design, data: PatientData) -> None:
    """Raise ``BadInput`` if the design needs entry dates and the file has none."""
    predicts = [m.words for m in measures_of(design) if isinstance(m, PREDICTS)]
    if predicts and data.cut:
        raise BadInput(
            f"columns.entry: the design's rules look at the {predicts[0]}, and the file has no entry dates, "
            "so nobody knows who is still in follow-up; name the column of randomisation dates"
        )
    if design.analysis.periods is not None and data.cut:
        raise BadInput(
            "columns.entry: the design's model has a time trend over periods of entry, and the file has no "
            "entry dates; name the column of randomisation dates, or give design.periods=null and "
            "model.drift=null"
        )


def describe_source(
    path: Path, data: PatientData, rows: pd.DataFrame, cutoff: float, given: str
) -> dict[str, Any]:
    """Return where the data came from, what was left out, and the cut-off in every notation."""
    later = len(data.frame) - len(rows)
    notes = list(data.notes)
    if later:
        notes.append(f"{later} patients of the file entered after the cut-off and were left out")
    return {
        "cutoff": {"given": given, "label": cutoff_label(cutoff, data), "months": cutoff / data.per_month},
        "input": {
            "file": Path(path).name,
            "sha256": data.sha256,
            "patients_in_file": len(data.frame),
            "first_patient_in": data.origin.isoformat() if data.origin else None,
            "notes": notes,
        },
    }


def decision_record(
    result: Interim,
    source: dict[str, Any],
    sampling: Sampling,
    previous: Previous | None,
    *,
    time_limit: bool = False,
) -> dict[str, Any]:
    """Return the content of ``decision.json``; ``time_limit``: the calendar limit forced this look."""
    design, progress = result.design, result.progress
    close = unsettled(design, result.evidence, progress, result.errors)
    cells = cell_rows(design, result.evidence, progress, result.decision, result.raw, result.errors, close)
    arms = arm_rows(design, result.evidence, progress, result.decision)
    reason = StopReason(0 if result.decision is None else int(result.decision.reason))
    if time_limit and reason == StopReason.FINAL_LOOK:
        reason = StopReason.TIME_LIMIT
    return {
        "schema_version": SCHEMA,
        "kind": "interim decision",
        "design": {
            "name": design.name,
            "sha256": design_hash(design),
            "endpoint": list(design.endpoint),
            "arms": list(design.arms),
            "subgroups": list(design.subgroups),
            "model": type(design.analysis.model).__name__,
        },
        "look": int(progress.look) + 1,
        "n_looks": design.looks.n_looks,
        "is_final": bool(progress.is_final),
        **source,
        "recommendation": recommendation(cells, reason.name, result.withheld_because),
        "withheld": result.decision is None,
        "withheld_because": list(result.withheld_because),
        "stop_reason": reason.name,
        "totals": totals(arms),
        "cells": cells,
        "arms": arms,
        "health": health_row(result.evidence),
        "diagnostics": _diagnostics(result),
        "engine": {"settings": describe(design.analysis.engine), "seed": sampling.seed},
        "previous": _previous(previous),
        "versions": versions(),
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _previous(previous: Previous | None) -> dict[str, Any] | None:
    if previous is None:
        return None
    before = previous.content
    return {"sha256": previous.sha256, "look": before["look"], "cutoff": before["cutoff"]["label"]}


def _diagnostics(result: Interim) -> dict[str, Any] | None:
    if result.diagnostics is None:
        return None
    plain = asdict(result.diagnostics)
    plain["code"] = result.diagnostics.code.name
    return _finite(plain)


def _finite(value: Any) -> Any:
    """Replace numbers that JSON has no notation for by null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return number(value) if isinstance(value, float) else value


def write_outputs(folder: Path, record: dict[str, Any], result: Interim, rows: pd.DataFrame) -> None:
    """Write the posterior (if sampled), the memo, and last the decision."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "decision.json"
    if target.exists():
        raise BadInput(f"output: {target} exists; a decision is never overwritten, give another folder")
    if result.diagnostics is not None:
        write_posterior(folder / "posterior.nc", result, record)
    write_text(folder / "memo.html", render_memo(record, rows[["subgroup", "arm", "time", "event"]]))
    write_text(target, json.dumps(record, indent=1, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a file in one step, so that a reader never sees half of it."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def write_posterior(path: Path, result: Interim, record: dict[str, Any]) -> None:
    """Write the draws as ArviZ NetCDF with labelled axes."""
    posterior = result.posterior
    axes = {name: site_labels(result.design, np.shape(draws)[2:]) for name, draws in posterior.sites.items()}
    write_netcdf(
        path,
        {name: np.asarray(draws) for name, draws in posterior.sites.items()},
        np.asarray(posterior.diverging),
        np.asarray(posterior.energy),
        {name: [axis for axis, _ in pairs] for name, pairs in axes.items()},
        {axis: labels for pairs in axes.values() for axis, labels in pairs},
        {"design_sha256": record["design"]["sha256"], "input_sha256": record["input"]["sha256"]},
    )
