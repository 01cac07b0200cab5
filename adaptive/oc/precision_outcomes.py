"""One value per trial of every characteristic, from tables in memory, and the names people give them.

Lets a run, or a search over designs, look at its own results before anything is written.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from adaptive.errors import BadInput, did_you_mean
from adaptive.io.frames import Tables
from adaptive.oc.labels import METRICS
from adaptive.oc.load import (
    CELL_COLUMNS,
    ESTIMATES,
    OVERRUN,
    REASON_CODES,
    STATUS_CODES,
    TRIAL_COLUMNS,
    CellResult,
    Truth,
    codes_of,
)
from adaptive.oc.outcomes import ALL, Key, Outcomes, paired_outcomes

BY_TRIAL = (
    *("type_i_error", "power", "fwer", "disjunctive_power", "conjunctive_power", "correct_set"),
    *("patients", "events", "months", "accrual_months"),
    *("patients_inferior", "wrong_way", "wrong_way_experimental"),
)
"""Characteristics that are a mean over trials of one value each."""


def metric_names() -> dict[str, str]:
    """Return every name of a characteristic: its own, and its printed title with underscores."""
    titles = {METRICS[name][0].lower().replace(" ", "_"): name for name in BY_TRIAL}
    return titles | {name: name for name in BY_TRIAL}


def metric_named(name: str, key: str) -> str:
    """Return a characteristic's own name; raises ``BadInput`` for one that does not exist."""
    names = metric_names()
    if name in names:
        return names[name]
    hint = did_you_mean(name, tuple(names))
    raise BadInput(f"{key}: {name!r} is not a characteristic; give one of {', '.join(BY_TRIAL)}{hint}")


def outcomes_of(tables: Sequence[Tables], design: dict[str, Any], truth: dict[str, Any]) -> Outcomes:
    """Return one value per trial of every characteristic.

    Parameters
    ----------
    tables
        Tables of the trials, in order.
    design, truth
        Descriptions, as a manifest and ``truth.json`` hold them.
    """
    return paired_outcomes(result_of(tables, design, truth))


def result_of(tables: Sequence[Tables], design: dict[str, Any], truth: dict[str, Any]) -> CellResult:
    """Return tables in memory as a result; there is nothing on disk behind it."""
    trials = pa.concat_tables([part.trials for part in tables])
    cells = pa.concat_tables([part.cells for part in tables])
    shape = (trials.num_rows, len(design["subgroups"]), len(design["arms"]))
    columns = {name: _numbers(trials[name]) for name in TRIAL_COLUMNS if name != "reason"}
    columns["reason"] = codes_of(trials["reason"], REASON_CODES, "reason")
    named = ("status", "advice")
    arrays = {
        name: (codes_of(cells[name], STATUS_CODES, name) if name in named else _numbers(cells[name])).reshape(
            shape
        )
        for name in CELL_COLUMNS
    }
    log_hr = np.array([[np.nan if x is None else x for x in row] for row in truth["log_hr"]], float)
    return CellResult(
        path=Path(),
        manifest={"design": design, "scenario": "", "counts": {}},
        config={},
        config_text="",
        truth=Truth(log_hr=log_hr, is_null=np.array(truth["is_null"], bool), content=truth),
        trials=columns,
        patients=arrays["patients"].astype(np.int64),
        events=arrays["events"].astype(float),
        exposure=arrays["exposure"].astype(float),
        status=arrays["status"][:, :, 1:].astype(np.int64),
        decided_look=arrays["decided_look"][:, :, 1:].astype(np.int64),
        advice=arrays["advice"][:, :, 1:].astype(np.int64),
        advised_look=np.nan_to_num(arrays["advised_look"][:, :, 1:], nan=-1).astype(np.int64),
        awaiting_look=np.nan_to_num(arrays["awaiting_look"][:, :, 1:], nan=-1).astype(np.int64),
        overrun={name: arrays[name][:, :, 1:].astype(float) for name in OVERRUN},
        estimates={name: arrays[name][:, :, 1:].astype(float) for name in ESTIMATES},
    )


def find_key(outcomes: Outcomes, metric: str, subgroup: str = ALL, arm: str = ALL) -> Key | None:
    """Return the key of a characteristic, or ``None`` where the trial has no such thing."""
    key = Key(metric, subgroup, arm)
    return key if key in outcomes else None


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    """Return a column as NumPy numbers; nulls of an integer column become -1."""
    if column.null_count and pa.types.is_integer(column.type):
        column = column.fill_null(-1)
    return column.to_numpy()
