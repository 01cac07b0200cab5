"""Hashes of files and of plain data, the same on every machine.

Data are hashed as canonical JSON: sorted keys, no spaces, ASCII. Nothing here knows what is hashed.
"""

import datetime
import hashlib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

BLOCK = 1 << 20


def plain(value: Any) -> Any:
    """Return ``value`` as dictionaries, lists, strings, numbers, booleans and ``None`` only.

    Tuples and arrays become lists, dates and paths become strings, keys become strings.

    Raises
    ------
    TypeError
        If a value is none of these.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return float(value) if isinstance(value, np.floating) else value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, datetime.date | datetime.datetime):
        return value.isoformat()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "dtype") and hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no place in a configuration or a manifest: {value!r}")


def finite_or_null(value: Any) -> Any:
    """Return plain data with NaN and infinities as ``None``, for strict JSON."""
    return _replace_non_finite(plain(value), lambda number: None)


def canonical_json(value: Any) -> str:
    """Return plain data as canonical JSON; NaN and infinities become the strings nan, inf and -inf."""
    named = _replace_non_finite(plain(value), str)
    return json.dumps(named, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _replace_non_finite(value: Any, replace) -> Any:
    if isinstance(value, dict):
        return {key: _replace_non_finite(item, replace) for key, item in value.items()}
    if isinstance(value, list):
        return [_replace_non_finite(item, replace) for item in value]
    return replace(value) if isinstance(value, float) and not math.isfinite(value) else value


def sha256_data(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON of ``value``, in hexadecimal."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
