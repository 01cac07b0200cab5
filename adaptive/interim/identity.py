"""Fingerprints: of a design, so that a look is never analysed under another protocol; of files and versions.

A design's fingerprint leaves its engine out (the engine is recorded beside it) and rounds numbers to six
digits, so that the float32 and float64 forms of one protocol have the same fingerprint.
"""

import dataclasses
import hashlib
import json
import platform
from collections.abc import Mapping
from enum import Enum
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import equinox as eqx
import numpy as np

from adaptive.design.protocol import Design

PACKAGES = ("adaptive-trials", "jax", "jaxlib", "numpyro", "equinox", "arviz", "numpy", "pandas")


def describe(value: Any) -> Any:
    """Return plain data that determine a pytree of modules: class names, labels and numbers."""
    if isinstance(value, eqx.Module):
        fields = {f.name: describe(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {"kind": type(value).__name__, **fields}
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, Mapping):
        return {str(key): describe(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [describe(item) for item in value]
    if isinstance(value, (str, bool, type(None))):
        return value
    return _numbers(np.asarray(value))


def _numbers(values: np.ndarray) -> Any:
    if values.ndim:
        return [_numbers(np.asarray(item)) for item in values]
    return values.item() if values.dtype.kind in "bi" else f"{float(values):.6g}"


def design_hash(design: Design) -> str:
    """Return the SHA-256 fingerprint of a protocol, its engine left out."""
    plain = describe(design)
    del plain["analysis"]["engine"]
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def versions() -> dict[str, str]:
    """Return the versions of Python, of this package and of what it computes with."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
