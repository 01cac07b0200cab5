"""Replay a finished trial as if it were monitored live: every look of the design, decisions carried along.

Each look sees only what was there at its cut-off, and patients of comparisons that were closed before they
entered are left out, as the live trial would not have randomised them. Who was randomised to what
cannot be changed afterwards: the record keeps its own allocation.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd

from adaptive.codes import CellStatus
from adaptive.design.decide import advance, initial_progress
from adaptive.design.looks import TrialClock
from adaptive.design.protocol import Design
from adaptive.errors import BadInput
from adaptive.interim.analyse import analyse
from adaptive.interim.commands import (
    DECIDED,
    WITHHELD,
    decision_record,
    describe_source,
    write_outputs,
    write_text,
)
from adaptive.interim.request import MonitorRequest
from adaptive.interim.state import Previous, at_look, read_previous
from adaptive.io.patients import PatientData, cut, read_patients, to_snapshot
from adaptive.records import Progress
from adaptive.report.memo import render_overview

OUTCOMES = {
    "EFFICACY": "{arm} in {subgroup}: efficacy, the arm graduates",
    "FUTILITY": "{arm} in {subgroup}: dropped for futility",
    "HARM": "{arm} in {subgroup}: dropped for harm",
    "COMPLETED": "{arm} in {subgroup}: final analysis without a claim",
}


@dataclass(frozen=True)
class DueLook:
    """A look that is due: its cut-off in clock units, and whether the calendar limit forced it."""

    cutoff: float
    forced: bool


def run_monitor(design: Design, request: MonitorRequest, output_dir: Path) -> int:
    """Hold every look of the design on a finished trial; a memo per look and an overview.

    Writes ``look_1/``, ``look_2/``, ... (each with ``decision.json``, ``memo.html`` and, for sampling
    engines, ``posterior.nc``), ``looks.csv`` and ``overview.html``.

    Parameters
    ----------
    design
        The protocol whose looks and rules are replayed.
    request
        Data, column map, engine.
    output_dir
        Folder to write to; made if needed.

    Returns
    -------
    0, or 3 if any look's decision was withheld because of its diagnostics.

    Raises
    ------
    BadInput
        With every fault of the data; if the file was already cut; if no look is ever due.
    """
    data = read_patients(request.data, request.columns, design.arms, design.subgroups)
    if data.cut:
        raise BadInput("columns.entry: missing; a replay needs to know when each patient was randomised")
    folder, records, size = Path(output_dir), [], len(data.frame)
    progress, previous = initial_progress(design), None
    for number in range(1, design.looks.n_looks + 1):
        due = due_look(design, data, progress, number)
        if due is None:
            continue
        place = folder / f"look_{number}"
        record, progress = _hold(design, request, data, progress, number, due, previous, place, size)
        previous = read_previous(place / "decision.json")
        records.append({**record, "folder": place.name})
        if record["stop_reason"] != "RUNNING":
            break
        data = without_closed(design, data, progress, due.cutoff)
    if not records:
        raise BadInput("looks: the data never meet the condition of any look; check the look plan")
    _write_overview(folder, records, data.notes)
    return WITHHELD if any(record["withheld"] for record in records) else DECIDED


def due_look(design: Design, data: PatientData, progress: Progress, number: int) -> DueLook | None:
    """Return when look ``number`` (from 1) is held, or ``None`` if it is skipped.

    As in the simulator: a look whose condition cannot be met in time, or that would come no later than the
    look before, is skipped; the final look is held at the calendar limit at the latest.
    """
    entry, time = data.frame["entry"].to_numpy(float), data.frame["time"].to_numpy(float)
    event = data.frame["event"].to_numpy(bool)
    group = {name: index for index, name in enumerate(design.subgroups)}
    clock = TrialClock(
        entry=jnp.asarray(entry / data.per_month),
        event=jnp.asarray(np.where(event, (entry + time) / data.per_month, np.inf)),
        subgroup=jnp.asarray([group[name] for name in data.frame["subgroup"]], jnp.int32),
        rank=jnp.arange(1, len(data.frame) + 1, dtype=jnp.int32),
        previous=jnp.maximum(progress.time, 0.0),
    )
    planned = float(design.looks.time(clock, jnp.asarray(number - 1, jnp.int32)))
    limit, is_final = float(design.limits.max_months), number == design.looks.n_looks
    month = min(planned, limit)
    before = float(progress.time)
    if not is_final and (planned > limit or month <= before):
        return None
    cutoff = snap(max(month, before, 0.0) * data.per_month, np.concatenate([entry, (entry + time)[event]]))
    return DueLook(cutoff, is_final and planned > limit)


def snap(cutoff: float, moments: np.ndarray) -> float:
    """Return the latest moment of the data within rounding of ``cutoff``, or ``cutoff``.

    A look triggered by an event must see that event although months and days round differently.
    """
    near = moments[np.abs(moments - cutoff) <= 1e-5 * max(1.0, cutoff)]
    return max(cutoff, float(near.max())) if near.size else cutoff


def without_closed(design: Design, data: PatientData, progress: Progress, cutoff: float) -> PatientData:
    """Leave out who entered after ``cutoff`` into a closed comparison, or a subgroup with none open."""
    is_open = np.asarray(progress.status == CellStatus.OPEN)
    accrues = np.concatenate([is_open.any(axis=1, keepdims=True), is_open], axis=1)
    group = data.frame["subgroup"].map(design.subgroups.index).to_numpy(int)
    arm = data.frame["arm"].map(design.arms.index).to_numpy(int)
    keep = (data.frame["entry"].to_numpy(float) <= cutoff) | accrues[group, arm]
    return replace(data, frame=data.frame.loc[keep])


def _hold(
    design: Design,
    request: MonitorRequest,
    data: PatientData,
    progress: Progress,
    number: int,
    due: DueLook,
    previous: Previous | None,
    place: Path,
    size: int,
) -> tuple[dict[str, Any], Progress]:
    """Hold one look, write its folder, and return its record and the progress after it."""
    start = at_look(progress, number, design.looks.n_looks, due.cutoff / data.per_month)
    rows = cut(data, due.cutoff)
    snapshot = to_snapshot(rows, design.arms, design.subgroups, size)
    result = analyse(design, snapshot, start, request.sampling)
    source = describe_source(request.data, data, rows, due.cutoff, f"look {number} of the design's plan")
    record = decision_record(result, source, request.sampling, previous, time_limit=due.forced)
    write_outputs(place, record, result, rows)
    return record, start if result.decision is None else advance(start, result.decision)


def what_happened(records: list[dict[str, Any]]) -> list[str]:
    """Return one sentence per closed comparison and one for the end of the trial."""
    lines = []
    for record in records:
        when = f"look {record['look']} ({record['cutoff']['label']}, month {record['cutoff']['months']:.1f})"
        lines += [f"{_outcome(cell)}, at {when}." for cell in record["cells"] if cell["verdict"]]
        if record["withheld"]:
            lines.append(f"Diagnostics failed at {when}: no rule was applied there.")
    last = records[-1]
    if last["stop_reason"] != "RUNNING":
        lines.append(f"The trial ended at look {last['look']} with {last['totals']['patients']} patients.")
    return lines


def _outcome(cell: dict[str, Any]) -> str:
    return OUTCOMES[cell["verdict"]].format(arm=cell["arm"], subgroup=cell["subgroup"])


def looks_table(records: list[dict[str, Any]]) -> pd.DataFrame:
    """Return a row per look, subgroup and arm, with each rule's probability and what the look decided."""
    rows = []
    for record in records:
        for cell in record["cells"]:
            row = {
                "look": record["look"],
                "cutoff": record["cutoff"]["label"],
                "month": record["cutoff"]["months"],
                "patients": record["totals"]["patients"],
                "events": record["totals"]["events"],
                "subgroup": cell["subgroup"],
                "arm": cell["arm"],
                **{f"log_hr_{key}": value for key, value in cell["log_hr"].items()},
                "status": cell["status_after"],
                "verdict": cell["verdict"],
            }
            for rule in cell["rules"]:
                row[f"{rule['rule']}: {rule['quantity']}"] = rule["value"]
            rows.append(row)
    return pd.DataFrame(rows)


def _write_overview(folder: Path, records: list[dict[str, Any]], data_notes: tuple[str, ...]) -> None:
    notes = [
        "Every look saw only patients randomised by its cut-off and events that had happened by then.",
        "Patients who entered a comparison after it closed are left out; the live trial would not have "
        "randomised them. It would have filled the open arms faster, which a replay cannot show.",
        *data_notes,
    ]
    table = looks_table(records)
    write_text(folder / "looks.csv", table.to_csv(index=False, float_format="%.10g"))
    write_text(folder / "overview.html", render_overview(records, what_happened(records), notes))
