"""A calibration on disk: JSON, CSV, YAML to paste, and the statistics for another target.

Statistics are kept per scenario in Parquet and read again only for the same design, seed, trials and code.
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from jaxtyping import Float

from adaptive import montecarlo as mc
from adaptive.io.atomic import unwritable, write_atomic
from adaptive.io.hashing import finite_or_null
from adaptive.io.manifest import code_state, versions
from adaptive.io.store import json_bytes
from adaptive.oc.calibrate import Calibration, Request
from adaptive.oc.calibrate_bounds import FLOOR, clopper_pearson
from adaptive.oc.calibrate_confirm import LEVEL, VERDICTS, Confirmed
from adaptive.oc.calibrate_found import Comparison

SUMMARY, TABLE, PASTE, STATISTICS = "calibration.json", "errors.csv", "overrides.yaml", "statistics"
SCOPE = "estimated over the declared set"
_IDENTITY = b"identity"


def write_calibration(
    folder: Path | str, calibration: Calibration, request: Request, rule: str, settings: dict[str, Any]
) -> Path:
    """Write ``calibration.json``, ``errors.csv`` and ``overrides.yaml``; returns the folder.

    Parameters
    ----------
    folder
        Where they go.
    calibration, request
        What was found, and what was asked.
    rule
        Name of the rule in the configuration.
    settings
        The configuration, for the record.

    Raises
    ------
    BadInput
        If the operating system cannot write.
    """
    folder = made(folder)
    content = {
        **summary(calibration, request, rule),
        "settings": settings,
        "versions": versions(),
        "code": code_state(),
    }
    write_atomic(folder / SUMMARY, lambda file: file.write(json_bytes(finite_or_null(content))))
    write_atomic(folder / TABLE, lambda file: file.write(csv_bytes(error_rows(calibration))))
    paste = overrides_yaml(rule, calibration.found.thresholds)
    write_atomic(folder / PASTE, lambda file: file.write(paste.encode()))
    return folder


def made(folder: Path | str) -> Path:
    """Return the folder, made if it is not there."""
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    return folder


def summary(calibration: Calibration, request: Request, rule: str) -> dict[str, Any]:
    """Return what was found and confirmed as plain data."""
    found, aim = calibration.found, request.aim
    content = {
        "scope": SCOPE,
        "rule": rule,
        "target": aim.target,
        "error": aim.error,
        "conservative": aim.conservative,
        "shape": request.shape,
        "method": found.method,
        "why_not_stored": list(calibration.reasons),
        "parameter": {"c": found.c, "mcse": found.mcse, "lower": found.lower, "upper": found.upper},
        "parameter_confidence": 1 - aim.gamma,
        "thresholds": found.thresholds,
        "worst": comparison(found.worst),
        "steps": [{"c": c, "worst_count": count} for c, count in found.steps],
    }
    return content | {"confirmation": _confirmation(calibration.confirmed)}


def _confirmation(fresh: Confirmed | None) -> dict[str, Any] | None:
    if fresh is None:
        return None
    return {
        "seed": fresh.seed,
        "verdict": fresh.verdict,
        "means": VERDICTS[fresh.verdict],
        "worst": comparison(fresh.worst),
        "simultaneous_upper_bound": fresh.upper,
        "simultaneous_confidence": 1 - fresh.aim.gamma,
    }


def comparison(item: Comparison) -> dict[str, Any]:
    """Return one error rate as plain data, with its Monte Carlo error and exact 99.9% limits."""
    estimate = mc.proportion_of_counts(item.count, item.n)
    lower, upper = clopper_pearson(item.count, item.n, LEVEL)
    return {
        "scenario": item.scenario,
        "subgroup": item.subgroup,
        "arm": item.arm,
        "false_claims": item.count,
        "n": item.n,
        "estimate": estimate.estimate,
        "mcse": estimate.mcse,
        "lower_999": lower,
        "upper_999": upper,
    }


def error_rows(calibration: Calibration) -> list[dict[str, Any]]:
    """Return every error rate: on the trials that found the thresholds, and on fresh ones."""
    rows = [{"trials": "calibration", **comparison(item)} for item in calibration.found.comparisons]
    fresh = calibration.confirmed
    for item in () if fresh is None else fresh.comparisons:
        rows.append(
            {"trials": "fresh", **comparison(item), "simultaneous_upper": fresh.bound(item)}  # type: ignore
        )
    return rows


def csv_bytes(rows: Sequence[dict[str, Any]]) -> bytes:
    """Return rows as CSV with the columns of all of them."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def overrides_yaml(rule: str, thresholds: Sequence[float]) -> str:
    """Return the thresholds as YAML to paste into a rules file."""
    values = [None if np.isnan(p) else float(p) for p in thresholds]
    return yaml.safe_dump({rule: {"threshold": values}}, default_flow_style=None)


def override_text(rule: str, thresholds: Sequence[float]) -> str:
    """Return the thresholds as an override of a command line."""
    values = ",".join("null" if np.isnan(p) else f"{p:.9g}" for p in thresholds)
    return f"'rules.{rule}.threshold=[{values}]'"


def keep_statistics(folder: Path, name: str, z: Float[np.ndarray, "R S B K"], identity: str) -> None:
    """Store the statistics of one scenario: a row per trial, a column per cell and look, -38 for none."""
    flat = z.reshape(z.shape[0], -1)
    schema = pa.schema([(f"z{i}", pa.float64()) for i in range(flat.shape[1])])
    shape = "x".join(str(n) for n in z.shape[1:])
    schema = schema.with_metadata({_IDENTITY: identity.encode(), b"cells x arms x looks": shape.encode()})
    table = pa.table([pa.array(column) for column in flat.T], schema=schema)
    made(folder)
    write_atomic(folder / f"{name}.parquet", lambda file: pq.write_table(table, file, compression="zstd"))


def kept_statistics(
    folder: Path, name: str, shape: tuple[int, ...], identity: str
) -> Float[np.ndarray, "R S B K"] | None:
    """Return stored statistics of the same identity, or ``None``."""
    file = folder / f"{name}.parquet"
    try:
        table = pq.read_table(file, partitioning=None)
    except (OSError, pa.ArrowException):
        return None
    if (table.schema.metadata or {}).get(_IDENTITY) != identity.encode():
        return None
    flat = np.stack([column.to_numpy() for column in table.columns], axis=1)
    return np.maximum(flat, -FLOOR).reshape(-1, *shape)
