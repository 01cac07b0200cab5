"""Turn simulated records into the three result tables: trials, cells and looks.

Row order is trial, (look,) subgroup, arm. NumPy reshapes only; no loop over trials. What is not a finite
number becomes null, never NaN. Nothing here writes a file, and nothing may drop a trial.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from adaptive.codes import CellStatus, HealthCode, StopReason
from adaptive.errors import BadInput
from adaptive.records import LookRecord, TrialResult

NONE, CONTROL = "NONE", "CONTROL"
STATUS_NAMES = (*(code.name for code in CellStatus), CONTROL)
VERDICT_NAMES = (NONE, *(code.name for code in CellStatus if code > 0))
REASON_NAMES = tuple(code.name for code in StopReason)
HEALTH_NAMES = tuple(code.name for code in HealthCode)
CONTROL_CODE = STATUS_NAMES.index(CONTROL)

_NAME = pa.dictionary(pa.int32(), pa.string())
_ESTIMATES = ("log_hr_mean", "log_hr_sd", "log_hr_lower", "log_hr_upper")


_OVERRUN = {
    "mean": ("overrun_log_hr_mean", "log hazard ratio"),
    "sd": ("overrun_log_hr_sd", "log hazard ratio"),
    "lower": ("overrun_log_hr_lower", "log hazard ratio"),
    "upper": ("overrun_log_hr_upper", "log hazard ratio"),
    "p_benefit": ("overrun_p_below_1", "probability"),
}
"""Field of ``Overrun`` -> column and unit."""


@dataclass(frozen=True)
class Labels:
    """Names that turn array positions into rows and columns.

    Attributes
    ----------
    subgroups, arms
        Names in axis order; ``arms[0]`` is control.
    measures
        Name of each row of ``Evidence.statistics`` and the number or numbers that it rounds; may repeat.
    """

    subgroups: tuple[str, ...]
    arms: tuple[str, ...]
    measures: tuple[tuple[str, float | tuple[float, ...] | None], ...]

    def measure_columns(self) -> dict[str, int]:
        """Return the column name of each distinct measure and its first position in ``statistics``.

        Raises
        ------
        BadInput
            If two different margins have the same name in six significant digits.
        """
        columns: dict[str, int] = {}
        for slot, (name, number) in enumerate(self.measures):
            first = columns.setdefault(name, slot)
            if self.measures[first][1] != number:
                raise BadInput(
                    f"rule margins {self.measures[first][1]!r} and {number!r} differ only beyond six "
                    "significant digits; give both rules the same margin or margins that differ visibly"
                )
        return columns


class Tables(NamedTuple):
    """The result tables of some trials; ``looks`` is ``None`` when looks are not kept."""

    trials: pa.Table
    cells: pa.Table
    looks: pa.Table | None


def schemas(labels: Labels) -> dict[str, pa.Schema]:
    """Return the schema of each table, with units in the field metadata under ``unit``."""
    return {"trials": _trials_schema(), "cells": _cells_schema(), "looks": _looks_schema(labels)}


def tables(labels: Labels, trials: np.ndarray, result: TrialResult, looks: LookRecord | None) -> Tables:
    """Return the result tables of ``R`` trials.

    Parameters
    ----------
    labels
        Names of the design.
    trials
        Trial indices, shape ``(R,)``.
    result
        Records with NumPy leaves of shape ``(R, ...)``.
    looks
        Records with NumPy leaves of shape ``(R, K, ...)``; rows not held are left out. ``None`` to skip.

    Raises
    ------
    BadInput
        If two margins would share a column.
    """
    trials = np.asarray(trials, np.int64)
    look_table = None if looks is None else _looks_table(labels, trials, looks)
    return Tables(_trials_table(trials, result), _cells_table(labels, trials, result), look_table)


def _field(name: str, kind: pa.DataType, unit: str = "") -> pa.Field:
    return pa.field(name, kind, metadata={"unit": unit} if unit else None)


def _size_fields() -> list[pa.Field]:
    return [
        _field("patients", pa.int64(), "patients"),
        _field("events", pa.int64(), "events"),
        _field("exposure", pa.float64(), "person-months"),
    ]


def _estimate_fields() -> list[pa.Field]:
    return [_field(name, pa.float64(), "log hazard ratio") for name in _ESTIMATES]


def _trials_schema() -> pa.Schema:
    return pa.schema(
        [
            _field("trial", pa.int64()),
            _field("reason", _NAME),
            _field("looks_held", pa.int64(), "looks"),
            _field("last_look", pa.int64()),
            _field("months", pa.float64(), "months"),
            _field("accrual_months", pa.float64(), "months"),
            _field("patients", pa.int64(), "patients"),
            _field("events", pa.int64(), "events"),
            _field("screened", pa.int64(), "patients"),
            _field("arrivals_exhausted", pa.bool_()),
            _field("unhealthy_looks", pa.int64(), "looks"),
        ]
    )


def _cells_schema() -> pa.Schema:
    return pa.schema(
        [
            _field("trial", pa.int64()),
            _field("subgroup", _NAME),
            _field("arm", _NAME),
            *_size_fields(),
            _field("status", _NAME),
            _field("decided_look", pa.int64()),
            _field("decided_month", pa.float64(), "months"),
            _field("advice", _NAME),
            _field("advised_look", pa.int64()),
            _field("awaiting_look", pa.int64()),
            *_estimate_fields(),
            *(_field(name, pa.float64(), unit) for name, unit in _OVERRUN.values()),
        ]
    )


def _looks_schema(labels: Labels) -> pa.Schema:
    return pa.schema(
        [
            _field("trial", pa.int64()),
            _field("look", pa.int64()),
            _field("month", pa.float64(), "months"),
            _field("is_final", pa.bool_()),
            _field("subgroup", _NAME),
            _field("arm", _NAME),
            *_size_fields(),
            _field("allocation", pa.float64(), "probability"),
            _field("p_best", pa.float64(), "probability"),
            *_estimate_fields(),
            *(_field(name, pa.float64(), "probability") for name in labels.measure_columns()),
            _field("verdict", _NAME),
            _field("advice", _NAME),
            _field("status", _NAME),
            _field("health", _NAME),
        ]
    )


def _trials_table(trials: np.ndarray, result: TrialResult) -> pa.Table:
    columns = {
        "trial": trials,
        "reason": _names(result.reason, REASON_NAMES),
        "looks_held": _counts(result.looks_held),
        "last_look": _counts(result.last_look),
        "months": _numbers(result.months),
        "accrual_months": _numbers(result.accrual_months),
        "patients": _counts(np.sum(result.patients, axis=(1, 2))),
        "events": _counts(np.sum(result.events, axis=(1, 2))),
        "screened": _counts(result.screened),
        "arrivals_exhausted": pa.array(np.asarray(result.arrivals_exhausted, bool)),
        "unhealthy_looks": _counts(result.unhealthy_looks),
    }
    return pa.table(columns, schema=_trials_schema())


def _cells_table(labels: Labels, trials: np.ndarray, result: TrialResult) -> pa.Table:
    columns = {
        **_cell_keys(labels, trials.size),
        **_sizes(result.patients, result.events, result.exposure),
        "trial": _repeat(trials, labels),
        "status": _names(_with_control(result.status, CONTROL_CODE), STATUS_NAMES),
        "decided_look": _counts(_with_control(result.decided_look, -1)),
        "decided_month": _numbers(_with_control(result.decided_month, np.nan)),
        "advice": _names(_with_control(result.advice, 0), VERDICT_NAMES),
        "advised_look": _counts(_with_control(result.advised_look, -1)),
        "awaiting_look": _counts(_with_control(result.awaiting_look, -1)),
        **_estimates(result),
        **_overrun(result),
    }
    return _ordered(columns, _cells_schema())


def _overrun(result: TrialResult) -> dict[str, pa.Array]:
    """Return the analysis with the overrun; null without lags."""
    missing = np.full_like(result.mean, np.nan)
    found = {name: missing if result.overrun is None else getattr(result.overrun, name) for name in _OVERRUN}
    return {_OVERRUN[name][0]: _numbers(_with_control(values, np.nan)) for name, values in found.items()}


def _looks_table(labels: Labels, trials: np.ndarray, looks: LookRecord) -> pa.Table:
    held = np.nonzero(np.asarray(looks.held, bool))
    evidence, decision = looks.evidence, looks.decision
    columns = {
        **_cell_keys(labels, held[0].size),
        **_sizes(evidence.patients[held], evidence.events[held], evidence.exposure[held]),
        "trial": _repeat(trials[held[0]], labels),
        "look": _repeat(held[1].astype(np.int64), labels),
        "month": _numbers(_repeat(looks.time[held], labels)),
        "is_final": _repeat(np.asarray(looks.is_final[held], bool), labels),
        "allocation": _numbers(decision.allocation[held]),
        "p_best": _numbers(evidence.p_best[held]),
        **_estimates(evidence, held),
        **{
            name: _numbers(_with_control(evidence.statistics[:, :, slot][held], np.nan))
            for name, slot in labels.measure_columns().items()
        },
        "verdict": _names(_with_control(decision.verdict[held], 0), VERDICT_NAMES),
        "advice": _names(_with_control(decision.advice[held], 0), VERDICT_NAMES),
        "status": _names(_with_control(decision.status[held], CONTROL_CODE), STATUS_NAMES),
        "health": _names(_repeat(evidence.health.code[held], labels), HEALTH_NAMES),
    }
    return _ordered(columns, _looks_schema(labels))


def _ordered(columns: dict, schema: pa.Schema) -> pa.Table:
    return pa.table({name: columns[name] for name in schema.names}, schema=schema)


def _cell_keys(labels: Labels, n: int) -> dict[str, pa.Array]:
    """Return the subgroup and arm columns of ``n`` blocks of ``S x A`` rows."""
    n_subgroups, n_arms = len(labels.subgroups), len(labels.arms)
    subgroup = np.tile(np.repeat(np.arange(n_subgroups), n_arms), n)
    arm = np.tile(np.arange(n_arms), n * n_subgroups)
    return {"subgroup": _names(subgroup, labels.subgroups), "arm": _names(arm, labels.arms)}


def _sizes(patients: np.ndarray, events: np.ndarray, exposure: np.ndarray) -> dict[str, pa.Array]:
    return {"patients": _counts(patients), "events": _counts(events), "exposure": _numbers(exposure)}


def _estimates(record, rows=...) -> dict[str, pa.Array]:
    """Return the four columns of the log hazard ratio, null for control."""
    parts = (record.mean, record.sd, record.lower, record.upper)
    return {
        name: _numbers(_with_control(part[rows], np.nan))
        for name, part in zip(_ESTIMATES, parts, strict=True)
    }


def _repeat(values: np.ndarray, labels: Labels) -> np.ndarray:
    """Repeat a value per trial or look for each of its ``S x A`` rows."""
    return np.repeat(values, len(labels.subgroups) * len(labels.arms))


def _with_control(values: np.ndarray, control) -> np.ndarray:
    """Put a control column in front of ``(..., B)`` values."""
    column = np.full((*values.shape[:-1], 1), control, np.result_type(values, type(control)))
    return np.concatenate([column, values], axis=-1)


def _numbers(values: np.ndarray) -> pa.Array:
    flat = np.ravel(np.asarray(values, np.float64))
    return pa.array(flat, mask=~np.isfinite(flat))


def _counts(values: np.ndarray) -> pa.Array:
    """Return whole numbers; negative ones mean "none" in the records and become null."""
    flat = np.ravel(np.rint(values).astype(np.int64))
    return pa.array(flat, mask=flat < 0)


def _names(codes: np.ndarray, names: tuple[str, ...]) -> pa.DictionaryArray:
    """Return codes as strings from a fixed dictionary, so that every chunk has the same one."""
    return pa.DictionaryArray.from_arrays(
        pa.array(np.ravel(codes).astype(np.int32)), pa.array(names, pa.string())
    )
