"""Read stored results into arrays. Axes: ``R`` trials, ``S`` subgroups, ``A`` arms, ``B = A - 1``.

Everything read is first checked against its manifest (``oc.verify``). Nothing here computes a metric.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from jaxtyping import Bool, Float, Int

from adaptive.codes import CellStatus, StopReason
from adaptive.errors import BadInput
from adaptive.oc.verify import check_together, find_results, read_manifest

YAML_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The safe loader in C where PyYAML was built with it: a report reads a hundred configurations and more."""
CONTROL = -1
STATUS_CODES = {status.name: int(status) for status in CellStatus} | {"CONTROL": CONTROL, "NONE": 0}
REASON_CODES = {reason.name: int(reason) for reason in StopReason}
TRIAL_COLUMNS = (
    "trial",
    "reason",
    "looks_held",
    "last_look",
    "months",
    "accrual_months",
    "patients",
    "events",
    "screened",
    "arrivals_exhausted",
    "unhealthy_looks",
)
ESTIMATES = ("log_hr_mean", "log_hr_sd", "log_hr_lower", "log_hr_upper")
OVERRUN = ("overrun_log_hr_mean", "overrun_log_hr_upper", "overrun_p_below_1")
CELL_COLUMNS = (
    *("patients", "events", "exposure"),
    *("status", "decided_look", "advice", "advised_look", "awaiting_look"),
    *ESTIMATES,
    *OVERRUN,
)


@dataclass(frozen=True)
class Truth:
    """True values of a scenario.

    Attributes
    ----------
    log_hr
        Log hazard ratios against control of the declared estimand, shape ``(S, B)``.
    is_null
        Whether the arm has no benefit in the subgroup, shape ``(S, B)``.
    content
        The stored file as it is.
    """

    log_hr: Float[np.ndarray, "S B"]
    is_null: Bool[np.ndarray, "S B"]
    content: dict


@dataclass(frozen=True)
class CellResult:
    """One design in one scenario: what is stored of its trials.

    Attributes
    ----------
    path, manifest, config, config_text
        Where it lies, its manifest, its resolved configuration as a mapping and as text.
    truth
        True values of the scenario.
    trials
        Arrays ``(R,)`` by column name; ``reason`` holds ``codes.StopReason`` values.
    patients, events, exposure
        Per cell, control first, shape ``(R, S, A)``.
    status, decided_look
        Final ``codes.CellStatus`` and the look that decided, shape ``(R, S, B)``.
    advice, advised_look
        The first advice, or 0, and the look that gave it; no matter where there is none, shape ``(R, S, B)``.
    awaiting_look
        Look that ended accrual because success was expected, or -1, shape ``(R, S, B)``.
    estimates
        ``log_hr_mean``, ``_sd``, ``_lower`` and ``_upper``, each ``(R, S, B)``, NaN where there is none.
    overrun
        ``overrun_log_hr_mean``, ``_upper`` and ``overrun_p_below_1``: with the data up to the month in which
        the deciding look took effect, each ``(R, S, B)``, NaN without lags.
    """

    path: Path
    manifest: dict
    config: dict
    config_text: str
    truth: Truth
    trials: dict[str, np.ndarray]
    patients: Int[np.ndarray, "R S A"]
    events: Float[np.ndarray, "R S A"]
    exposure: Float[np.ndarray, "R S A"]
    status: Int[np.ndarray, "R S B"]
    decided_look: Int[np.ndarray, "R S B"]
    advice: Int[np.ndarray, "R S B"]
    advised_look: Int[np.ndarray, "R S B"]
    awaiting_look: Int[np.ndarray, "R S B"]
    estimates: dict[str, Float[np.ndarray, "R S B"]]
    overrun: dict[str, Float[np.ndarray, "R S B"]]

    @property
    def design(self) -> str:
        """Name of the design."""
        return self.manifest["design"]["name"]

    @property
    def scenario(self) -> str:
        """Name of the scenario."""
        return self.manifest["scenario"]

    @property
    def arms(self) -> tuple[str, ...]:
        """Arm names, control first."""
        return tuple(self.manifest["design"]["arms"])

    @property
    def subgroups(self) -> tuple[str, ...]:
        """Subgroup names."""
        return tuple(self.manifest["design"]["subgroups"])

    @property
    def n_trials(self) -> int:
        """Number of finished trials."""
        return int(self.trials["trial"].size)

    @property
    def offered(self) -> Bool[np.ndarray, "S B"]:
        """Whether the design offers the arm in the subgroup."""
        return (self.status != CellStatus.NEVER_OPENED).any(axis=0)

    @property
    def claimed(self) -> Bool[np.ndarray, "R S B"]:
        """Whether benefit was claimed."""
        return self.status == CellStatus.EFFICACY


def load_results(paths: Iterable[Path | str], altered: list[str] | None = None) -> list[CellResult]:
    """Read every result at or below the paths, in the order scenario, design as they were found.

    Parameters
    ----------
    paths
        Folders of results.
    altered
        If given, files that differ from their manifest are read all the same and their faults put here.

    Raises
    ------
    BadInput
        With the faults of all results: altered, incomplete, unreadable, or not of one study.
    """
    found, faults = [], []
    for path in find_results(paths):
        try:
            found.append((path, read_manifest(path, altered)))
        except BadInput as error:
            faults.extend(error.faults)
    if faults:
        raise BadInput(faults)
    check_together(found)
    results = []
    for path, manifest in found:
        try:
            results.append(load_cell(path, manifest))
        except BadInput as error:
            faults.extend(error.faults)
    if faults:
        raise BadInput(faults)
    return results


def load_cell(path: Path, manifest: dict) -> CellResult:
    """Read one result directory whose files have been checked."""
    text = (path / "config.yaml").read_text(encoding="utf-8")
    shape = len(manifest["design"]["subgroups"]), len(manifest["design"]["arms"])
    trials = _read_trials(path, manifest)
    cells = _read_cells(path, manifest, trials["trial"])
    if not trials["trial"].size:
        raise BadInput(f"{path}: no finished trial; a report needs at least one")
    return CellResult(
        path=path,
        manifest=manifest,
        config=_read_config(path, text),
        config_text=text,
        truth=_read_truth(path, (shape[0], shape[1] - 1)),
        trials=trials,
        patients=cells["patients"].astype(np.int64),
        events=cells["events"].astype(float),
        exposure=cells["exposure"].astype(float),
        status=cells["status"][:, :, 1:].astype(np.int64),
        decided_look=cells["decided_look"][:, :, 1:].astype(np.int64),
        advice=cells["advice"][:, :, 1:].astype(np.int64),
        advised_look=np.nan_to_num(cells["advised_look"][:, :, 1:], nan=-1).astype(np.int64),
        awaiting_look=np.nan_to_num(cells["awaiting_look"][:, :, 1:], nan=-1).astype(np.int64),
        overrun={name: cells[name][:, :, 1:].astype(float) for name in OVERRUN},
        estimates={name: cells[name][:, :, 1:].astype(float) for name in ESTIMATES},
    )


def read_columns(path: Path, columns: Iterable[str]) -> pa.Table:
    """Read columns of a parquet file, text as dictionary codes.

    Raises
    ------
    BadInput
        If the file is not parquet or lacks a column.
    """
    columns = list(columns)
    try:
        schema = pq.read_schema(path)
        absent = [name for name in columns if name not in schema.names]
        if absent:
            raise BadInput(f"{path}: lacks the column(s) {', '.join(absent)}; re-run the cell")
        text = [n for n in columns if pa.types.is_string(schema.field(n).type) or _is_large(schema, n)]
        return pq.read_table(path, columns=columns, read_dictionary=text, partitioning=None)
    except (OSError, pa.ArrowException) as error:
        raise BadInput(f"{path}: not a readable parquet file ({error}); re-run the cell") from error


def _is_large(schema: pa.Schema, name: str) -> bool:
    """Return whether a column is text with 64-bit offsets, as pandas 3 writes it."""
    return pa.types.is_large_string(schema.field(name).type)


def codes_of(column: pa.ChunkedArray, codes: dict[str, int], where: str) -> Int[np.ndarray, " n"]:
    """Translate names to codes; a null becomes 0.

    Raises
    ------
    BadInput
        For a name that has no code.
    """
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    column = column.unify_dictionaries().combine_chunks()
    column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    names = column.dictionary.to_pylist()
    unknown = [str(name) for name in names if name not in codes]
    if unknown:
        raise BadInput(f"{where}: unknown value(s) {', '.join(unknown)}; allowed: {', '.join(codes)}")
    lookup = np.array([*(codes[name] for name in names), 0], np.int64)
    indices = column.indices.fill_null(len(names)).to_numpy(zero_copy_only=False)
    return lookup[indices]


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    """Return a column as NumPy numbers; nulls of a float column become NaN, of an integer column -1."""
    if column.null_count and pa.types.is_integer(column.type):
        column = column.fill_null(-1)
    return column.to_numpy()


def _read_trials(path: Path, manifest: dict) -> dict[str, np.ndarray]:
    """Read the row-per-trial file, sorted by trial."""
    file = path / "trials.parquet"
    table = read_columns(file, TRIAL_COLUMNS)
    columns = {name: _numbers(table[name]) for name in TRIAL_COLUMNS if name != "reason"}
    columns["reason"] = codes_of(table["reason"], REASON_CODES, f"{file}, reason")
    order = np.argsort(columns["trial"], kind="stable")
    columns = {name: values[order] for name, values in columns.items()}
    trial, finished = columns["trial"], manifest["counts"]["finished"]
    if (np.diff(trial) == 0).any():
        raise BadInput(f"{file}: a trial index occurs twice; re-run the cell")
    if trial.size != finished:
        raise BadInput(f"{file}: {trial.size} trials, but the manifest counts {finished} finished; re-run it")
    if not np.array_equal(trial, _due(manifest)):
        raise BadInput(
            f"{file}: trials were left out or added: it must hold trials 0 to "
            f"{manifest['counts']['requested'] - 1} without those recorded as failed; re-run the cell"
        )
    return columns


def _due(manifest: dict) -> Int[np.ndarray, " R"]:
    """Return the numbers of the trials that must be stored: all that were asked for but the failed ones."""
    due = np.ones(int(manifest["counts"]["requested"]), bool)
    for lost in manifest.get("failures", ()):
        due[int(lost["first"]) : int(lost["stop"])] = False
    return np.flatnonzero(due)


def _read_cells(path: Path, manifest: dict, trial: np.ndarray) -> dict[str, np.ndarray]:
    """Read the row-per-cell file into ``(R, S, A)`` arrays in the order of the manifest's labels."""
    file = path / "cells.parquet"
    table = read_columns(file, ("trial", "subgroup", "arm", *CELL_COLUMNS))
    subgroups, arms = manifest["design"]["subgroups"], manifest["design"]["arms"]
    listed = _numbers(table["trial"])
    if not np.isin(listed, trial).all():
        raise BadInput(f"{file}: rows of trials that trials.parquet does not hold; re-run the cell")
    position = (
        np.searchsorted(trial, listed) * len(subgroups)
        + codes_of(table["subgroup"], {name: i for i, name in enumerate(subgroups)}, f"{file}, subgroup")
    ) * len(arms) + codes_of(table["arm"], {name: i for i, name in enumerate(arms)}, f"{file}, arm")
    expected = np.arange(trial.size * len(subgroups) * len(arms))
    order = None if np.array_equal(position, expected) else np.argsort(position, kind="stable")
    if order is not None and not np.array_equal(position[order], expected):
        raise BadInput(f"{file}: not exactly one row per trial, subgroup and arm; re-run the cell")
    named = {"status", "advice"}
    shape = (trial.size, len(subgroups), len(arms))
    arrays = {}
    for name in CELL_COLUMNS:
        column = table[name]
        flat = codes_of(column, STATUS_CODES, f"{file}, {name}") if name in named else _numbers(column)
        arrays[name] = (flat if order is None else flat[order]).reshape(shape)
    return arrays


def _read_config(path: Path, text: str) -> dict:
    """Parse the resolved configuration."""
    try:
        config = yaml.load(text, Loader=YAML_LOADER)
    except yaml.YAMLError as error:
        raise BadInput(f"{path / 'config.yaml'}: not YAML ({error}); re-run the cell") from error
    return config if isinstance(config, dict) else {}


def _read_truth(path: Path, shape: tuple[int, int]) -> Truth:
    """Read the true values and check their shape."""
    file = path / "truth.json"
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        log_hr = np.array(content["log_hr"], float)
        is_null = np.array(content["is_null"], bool)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{file}: cannot be read ({error!r}); re-run the cell") from error
    if log_hr.shape != shape or is_null.shape != shape:
        raise BadInput(
            f"{file}: log_hr {log_hr.shape} and is_null {is_null.shape}; both must be {shape}, "
            "subgroups by experimental arms; re-run the cell"
        )
    return Truth(log_hr=log_hr, is_null=is_null, content=content)
