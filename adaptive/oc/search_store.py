"""A design search on disk, one file per design so that it can go on; tables of all; text for the screen."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from adaptive import montecarlo as mc
from adaptive.io.atomic import write_atomic
from adaptive.io.hashing import finite_or_null, sha256_data
from adaptive.io.manifest import code_state, versions
from adaptive.io.store import json_bytes
from adaptive.oc.calibrate_store import SCOPE, csv_bytes, made
from adaptive.oc.search import Judged, Judging
from adaptive.oc.search_front import differences, feasible, front, nearly_beaten

POINTS, SUMMARY, TABLE, SCENARIOS = "points", "search.json", "designs", "scenarios.csv"
_ABOUT = b"about"


def keep_point(folder: Path, identity: Any, judged: Judged) -> None:
    """Store one design's judgement: its per-trial values, and the rest as metadata."""
    about = {
        "values": judged.values,
        "thresholds": judged.thresholds,
        "errors": {name: list(pair) for name, pair in judged.errors.items()},
        "by_scenario": [[*key, list(estimate)] for key, estimate in judged.by_scenario.items()],
    }
    table = pa.table({name: pa.array(values) for name, values in judged.trials.items()})
    text = json.dumps(finite_or_null(about), sort_keys=True)
    table = table.replace_schema_metadata({_ABOUT: text.encode()})
    path = made(folder / POINTS) / f"{sha256_data(identity)}.parquet"
    write_atomic(path, lambda file: pq.write_table(table, file, compression="zstd"))


def kept_point(folder: Path, identity: Any) -> Judged | None:
    """Return a stored judgement of the same design under the same conditions, or ``None``."""
    try:
        table = pq.read_table(folder / POINTS / f"{sha256_data(identity)}.parquet", partitioning=None)
    except (OSError, pa.ArrowException):
        return None
    about = json.loads(table.schema.metadata[_ABOUT])
    thresholds = about["thresholds"]
    return Judged(
        values=about["values"],
        thresholds=thresholds and [np.nan if p is None else p for p in thresholds],
        trials={name: table[name].to_numpy() for name in table.column_names},
        by_scenario={
            (a, b): mc.Estimate(*(np.nan if x is None else x for x in estimate))
            for a, b, estimate in about["by_scenario"]
        },
        errors={name: tuple(pair) for name, pair in about["errors"].items()},
    )


def table_of(designs: Sequence[Judged], judging: Judging) -> pd.DataFrame:
    """Return a row per design: parameters, error with its bound, objectives, differences from design 0."""
    calibrated = judging.calibration is not None
    allowed = [feasible(judged, judging.target, judging.gamma, calibrated) for judged in designs]
    on_front = front(designs, judging.objectives, allowed)
    near = nearly_beaten(designs, judging.objectives, allowed, on_front)
    rows = []
    for number, judged in enumerate(designs):
        error = judged.error
        row = {"design": number, **{key: _plain(value) for key, value in judged.values.items()}}
        if judged.thresholds is not None:
            row["thresholds"] = _plain(judged.thresholds)
        row |= {"error": error.estimate, "error_mcse": error.mcse, "error_upper": judged.upper(judging.gamma)}
        row |= {"error_held": allowed[number], "on_front": on_front[number], "near_front": near[number]}
        for name in judging.objectives:
            estimate = judged.objective(name)
            row |= {name: estimate.estimate, f"{name}_mcse": estimate.mcse}
        rows.append(row)
    frame = pd.DataFrame(rows)
    for gap in differences(designs, designs[0], judging.objectives):
        frame.loc[gap["design"], f"{gap['objective']}_minus_0"] = gap["estimate"]
        frame.loc[gap["design"], f"{gap['objective']}_minus_0_mcse"] = gap["mcse"]
    return frame


def _plain(value: Any) -> Any:
    """Return a value as a table's cell holds it."""
    return json.dumps(finite_or_null(value)) if isinstance(value, list | tuple | dict) else value


def write_search(
    folder: Path | str,
    designs: Sequence[Judged],
    frame: pd.DataFrame,
    judging: Judging,
    figure: str,
    settings: dict[str, Any],
) -> Path:
    """Write tables, figure and summary; returns the folder."""
    folder = made(folder)
    records = frame.to_dict("records")
    shown = frame.assign(**{c: frame[c].astype(str) for c in frame.columns if frame[c].dtype == object})
    table = pa.Table.from_pandas(shown, preserve_index=False)
    write_atomic(folder / f"{TABLE}.parquet", lambda file: pq.write_table(table, file))
    write_atomic(folder / f"{TABLE}.csv", lambda file: file.write(csv_bytes(records)))
    rows = [
        {"design": number, "scenario": scenario, "objective": name, **estimate._asdict()}
        for number, judged in enumerate(designs)
        for (scenario, name), estimate in judged.by_scenario.items()
    ]
    write_atomic(folder / SCENARIOS, lambda file: file.write(csv_bytes(rows)))
    if figure:
        write_atomic(folder / "pareto.svg", lambda file: file.write(figure.encode()))
    content = {
        "scope": SCOPE,
        "target": judging.target,
        "error": judging.error,
        "calibrated": judging.calibration is not None,
        "objectives": list(judging.objectives),
        "designs": records,
        "settings": settings,
        "versions": versions(),
        "code": code_state(),
    }
    write_atomic(folder / SUMMARY, lambda file: file.write(json_bytes(finite_or_null(content))))
    return folder


def told(frame: pd.DataFrame, judging: Judging) -> list[str]:
    """Return the table for the screen and what it means."""
    fixed = {"design", "thresholds", "error", "error_mcse", "error_upper"}
    own = {name for base in judging.objectives for name in (base, f"{base}_mcse")}
    differing = {name for name in frame.columns if "_minus_0" in name}
    flags = {"error_held", "on_front", "near_front"}
    parameters = [name for name in frame.columns if name not in fixed | own | differing | flags]
    head = ["design", *(name.removeprefix("rules.") for name in parameters), "error (MCSE)", "upper bound"]
    head += [*(f"{name} (MCSE)" for name in judging.objectives), "front"]
    rows = [head] + [_told_row(row, parameters, judging) for row in frame.to_dict("records")]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return [
        *lines,
        "",
        "front: * on the Pareto front by the estimates, ~ beaten by nobody beyond Monte Carlo "
        "error, - beaten, "
        "! the error is not held",
        f"design 0 is the configuration as it is; errors up to {judging.target:g} are allowed, {SCOPE}",
        *_gaps(frame, judging),
    ]


def _told_row(row: dict[str, Any], parameters: Sequence[str], judging: Judging) -> list[str]:
    cells = [str(row["design"])]
    for name in parameters:
        value = row[name]
        cells.append("as is" if value is None or value != value else str(value))
    cells += [_pair(row["error"], row["error_mcse"]), f"{row['error_upper']:.4f}"]
    cells += [_pair(row[name], row[f"{name}_mcse"]) for name in judging.objectives]
    mark = "*" if row["on_front"] else "~" if row["near_front"] else "-" if row["error_held"] else "!"
    return [*cells, mark]


def _pair(estimate: float, mcse: float) -> str:
    value, error = mc.round_by_se(estimate, mcse)
    return f"{value} ({error})"


def _gaps(frame: pd.DataFrame, judging: Judging) -> list[str]:
    """Return the differences of the front's designs from design 0, with their errors."""
    lines = []
    for row in frame[frame.on_front & (frame.design > 0)].to_dict("records"):
        gaps = [
            f"{name} {_pair(row[f'{name}_minus_0'], row[f'{name}_minus_0_mcse'])}"
            for name in judging.objectives
        ]
        lines.append(f"design {row['design']} minus design 0, same patients: {', '.join(gaps)}")
    return lines
