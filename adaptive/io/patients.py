"""A patient file in, a validated frame and the snapshot at a data cut-off out.

The snapshot is made exactly as the simulator makes one: patients randomised on or before the cut-off,
follow-up truncated at it, an event counted only if on or before it. Nothing later may be seen.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pandas as pd

from adaptive.errors import BadInput
from adaptive.io.columns import DAYS_PER_MONTH, ColumnMap, column_map_faults
from adaptive.io.delimited import read_rows, write_rows
from adaptive.io.patient_checks import check_rows, missing_columns
from adaptive.records import Snapshot

SNAPSHOT_COLUMNS = ColumnMap(patient="patient", entry=None, end="time_months", end_as="months", event="event")
"""Column map of the files that ``write_snapshot`` makes."""


@dataclass(frozen=True)
class PatientData:
    """A validated patient file.

    Attributes
    ----------
    frame
        One row per patient: ``patient``, ``subgroup``, ``arm`` (design labels), ``entry``, ``time`` (in
        ``clock`` units, entry since the first patient in), ``event`` (bool).
    clock
        ``days`` or ``months``.
    origin
        Date of the first patient in, or ``None`` if the file has no dates.
    cut
        Whether the file has no entry column and so was already cut.
    sha256
        Digest of the file's bytes.
    notes
        What a reader should know that is no fault.
    """

    frame: pd.DataFrame
    clock: str
    origin: date | None
    cut: bool
    sha256: str
    notes: tuple[str, ...] = ()

    @property
    def per_month(self) -> float:
        """Clock units in a month."""
        return DAYS_PER_MONTH if self.clock == "days" else 1.0


def read_patients(
    path: Path, columns: ColumnMap, arms: Sequence[str], subgroups: Sequence[str]
) -> PatientData:
    """Read and validate a patient file.

    Parameters
    ----------
    path
        Delimited text with a header and one row per patient.
    columns
        Meaning of the columns.
    arms, subgroups
        Labels of the design.

    Raises
    ------
    BadInput
        With every fault found: structure first, then columns, then all rows.
    """
    faults = column_map_faults(columns)
    if faults:
        raise BadInput(faults)
    table, raw = read_rows(path, columns.delimiter, columns.encoding)
    faults = missing_columns(table, columns)
    if faults:
        raise BadInput(faults)
    frame, origin, notes, faults = check_rows(table, columns, tuple(arms), tuple(subgroups))
    if faults:
        raise BadInput(faults)
    digest = hashlib.sha256(raw).hexdigest()
    return PatientData(frame, columns.clock, origin, columns.entry is None, digest, tuple(notes))


def parse_cutoff(cutoff: str | float | int | date, data: PatientData) -> float:
    """Return a cut-off in clock units since the first patient in.

    Parameters
    ----------
    cutoff
        An ISO date (the whole day is included), or months since the first patient in.
    data
        The file it applies to.

    Raises
    ------
    BadInput
        If it is neither, or a date while the file has no dates.
    """
    text = str(cutoff).strip()
    try:
        months = float(text)
    except ValueError:
        return _cutoff_date(text, data)
    if not np.isfinite(months) or months < 0:
        raise BadInput(f"cutoff: {text} is not allowed; give a date such as 2026-06-30, or months from 0")
    return months * data.per_month


def _cutoff_date(text: str, data: PatientData) -> float:
    try:
        day = datetime.strptime(text[:10], "%Y-%m-%d").date()
    except ValueError:
        raise BadInput(
            f"cutoff: {text!r} is neither a date such as 2026-06-30 nor a number of months"
        ) from None
    if data.origin is None:
        raise BadInput(
            f"cutoff: {text} is a date, but the file gives no dates; give months since the first patient in, "
            "or set columns.origin to that patient's date"
        )
    return (day - data.origin).days / (1.0 if data.clock == "days" else DAYS_PER_MONTH)


def cutoff_label(cutoff: float, data: PatientData) -> str:
    """Return a cut-off (clock units) as an ISO date where the file has dates, else as months."""
    if data.origin is None:
        return f"month {cutoff / data.per_month:.6g}"
    days = cutoff if data.clock == "days" else cutoff * DAYS_PER_MONTH
    return (data.origin + timedelta(days=int(np.floor(days + 1e-9)))).isoformat()


def cut(data: PatientData, cutoff: float) -> pd.DataFrame:
    """Return the rows a monitor may see at ``cutoff`` (clock units), times in months.

    Columns as in ``PatientData.frame``; an event after the cut-off is censored at it. In a file that was
    already cut, times stay as they are.

    Raises
    ------
    BadInput
        If no patient was randomised on or before the cut-off.
    """
    frame = data.frame
    entry, time = frame["entry"].to_numpy(float), frame["time"].to_numpy(float)
    event = frame["event"].to_numpy(bool)
    if data.cut:
        seen, ended = np.ones(len(frame), bool), np.ones(len(frame), bool)
    else:
        seen, ended = entry <= cutoff, entry + time <= cutoff
        time = np.where(ended, time, np.minimum(time, np.maximum(cutoff - entry, 0.0)))
    if not seen.any():
        raise BadInput(
            f"cutoff: no patient was randomised on or before {cutoff_label(cutoff, data)}; "
            f"the first entry is {cutoff_label(float(entry.min()), data)}"
        )
    out = frame.assign(entry=entry / data.per_month, time=time / data.per_month, event=event & ended)
    return out.loc[seen]


def to_snapshot(
    rows: pd.DataFrame, arms: Sequence[str], subgroups: Sequence[str], size: int | None = None
) -> Snapshot:
    """Turn the rows of ``cut`` into the record that the analysis reads.

    Parameters
    ----------
    rows
        Patients as seen at the cut-off.
    arms, subgroups
        Labels of the design, whose order gives the codes.
    size
        Number of rows to pad to, so that looks of one trial share a compiled analysis.
    """
    n_padding = max((size or 0) - len(rows), 0)

    def padded(values: Sequence, dtype: type) -> np.ndarray:
        return np.concatenate([np.asarray(values, dtype), np.zeros(n_padding, dtype)])

    return Snapshot(
        subgroup=jnp.asarray(padded([subgroups.index(name) for name in rows["subgroup"]], np.int32)),
        arm=jnp.asarray(padded([arms.index(name) for name in rows["arm"]], np.int32)),
        time=jnp.asarray(padded(rows["time"].tolist(), float)),
        event=jnp.asarray(padded(rows["event"].tolist(), bool)),
        observed=jnp.arange(len(rows) + n_padding) < len(rows),
        entry=jnp.asarray(padded(rows["entry"].fillna(0.0).tolist(), float)),
    )


def snapshot_at(data: PatientData, cutoff: float, arms: Sequence[str], subgroups: Sequence[str]) -> Snapshot:
    """Return what a data monitor may see at ``cutoff`` (clock units since the first patient in)."""
    return to_snapshot(cut(data, cutoff), arms, subgroups)


def write_snapshot(path: Path, snapshot: Snapshot, arms: Sequence[str], subgroups: Sequence[str]) -> None:
    """Write the observed rows of a snapshot as CSV, readable with ``SNAPSHOT_COLUMNS``.

    Times have 17 significant digits, so that reading them back gives the same numbers; text that a
    spreadsheet would run as a formula is neutralised.
    """
    seen = np.flatnonzero(np.asarray(snapshot.observed))
    group, arm = np.asarray(snapshot.subgroup), np.asarray(snapshot.arm)
    time, event = np.asarray(snapshot.time, float), np.asarray(snapshot.event)
    rows = ((f"P{i + 1:05d}", subgroups[group[i]], arms[arm[i]], float(time[i]), int(event[i])) for i in seen)
    write_rows(path, ("patient", "subgroup", "arm", "time_months", "event"), rows)
