"""Checks of a JSON table of events and exposure: every fault at once, in the user's words.

It must not compute a posterior.
"""

import math
from itertools import pairwise
from numbers import Real
from typing import Any

import numpy as np

from adaptive.errors import BadInput, did_you_mean

KEYS = ("subgroups", "arms", "intervals", "events", "exposure", "pooling", "prior", "margins")
PRIOR_KEYS = ("mu_scale", "tau_scale", "baseline_shape", "baseline_rate")
POOLING = ("partial", "none", "full")


def check_table(payload: Any) -> None:
    """Raise ``BadInput`` with every fault of ``payload``; return nothing when there is none."""
    if not isinstance(payload, dict):
        raise BadInput(f"input: got {type(payload).__name__}; give a JSON object with {', '.join(KEYS)}")
    faults = _check_keys(payload, KEYS, "")
    faults += _check_labels(payload, "subgroups", 1) + _check_labels(payload, "arms", 2)
    faults += _check_counts(payload)
    faults += _check_pooling(payload) + _check_prior(payload) + _check_margins(payload)
    if faults:
        raise BadInput(faults)


def _check_keys(given: dict, allowed: tuple[str, ...], prefix: str) -> list[str]:
    """Return faults for missing and unknown keys."""
    missing = [f"{prefix}{name}: missing; add it" for name in allowed if name not in given]
    unknown = [
        f"{prefix}{name}: unknown key; allowed are {', '.join(allowed)}{did_you_mean(str(name), allowed)}"
        for name in given
        if name not in allowed
    ]
    return missing + unknown


def _check_labels(payload: dict, name: str, least: int) -> list[str]:
    if name not in payload:
        return []
    labels = payload[name]
    if not isinstance(labels, list) or not all(isinstance(label, str) and label for label in labels):
        return [f"{name}: got {labels!r}; give a list of non-empty texts"]
    faults = [] if len(labels) >= least else [f"{name}: got {len(labels)}; give at least {least}"]
    doubles = sorted({label for label in labels if labels.count(label) > 1})
    return faults + [f"{name}: {label!r} occurs more than once; labels must differ" for label in doubles]


def _check_counts(payload: dict) -> list[str]:
    """Return faults of events, exposure and intervals."""
    arrays = {name: _array(payload[name]) for name in ("events", "exposure") if name in payload}
    faults = [
        f"{name}: not numbers in the shape subgroup x arm x interval; give nested lists of equal length"
        for name, value in arrays.items()
        if value is None
    ]
    known = {name: value for name, value in arrays.items() if value is not None}
    for name, value in known.items():
        faults += _check_shape(payload, name, value) + _check_values(payload, name, value)
    if len(known) == 2:
        faults += _check_pair(payload, known["events"], known["exposure"])
    return faults + _check_intervals(payload, known)


def _array(values: Any) -> np.ndarray | None:
    """Return a three-axis float array, or None when ``values`` is not one."""
    try:
        array = np.asarray(values, dtype=object)
    except ValueError:
        return None
    if array.ndim != 3 or array.size == 0 or not all(_is_number(x) for x in array.ravel()):
        return None
    return array.astype(float)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _check_shape(payload: dict, name: str, value: np.ndarray) -> list[str]:
    faults = []
    for axis, key in enumerate(("subgroups", "arms")):
        labels = payload.get(key)
        if isinstance(labels, list) and len(labels) != value.shape[axis]:
            faults.append(
                f"{name}: {value.shape[axis]} {key} along axis {axis + 1}, "
                f"but {key} lists {len(labels)}; make them agree"
            )
    return faults


def _where(payload: dict, index: tuple[int, ...]) -> str:
    """Return the labels of a cell."""
    names = []
    for key, i in zip(("subgroups", "arms"), index[:2], strict=True):
        labels = payload.get(key)
        names.append(str(labels[i]) if isinstance(labels, list) and i < len(labels) else f"{key} {i + 1}")
    return f"({', '.join(names)}, interval {index[2] + 1})"


def _check_values(payload: dict, name: str, value: np.ndarray) -> list[str]:
    bad = ~np.isfinite(value) | (value < 0)
    allowed = "finite and not negative"
    if name == "events":
        bad |= np.isfinite(value) & (value != np.round(value))
        allowed = "whole numbers, not negative"
    cells = [tuple(at) for at in np.argwhere(bad).tolist()]
    return [f"{name}: {value[at]:g} at {_where(payload, at)}; must be {allowed}" for at in cells]


def _check_pair(payload: dict, events: np.ndarray, exposure: np.ndarray) -> list[str]:
    if events.shape != exposure.shape:
        return [
            f"exposure: shape {exposure.shape} differs from the shape {events.shape} of events; "
            "make them equal"
        ]
    cells = [tuple(at) for at in np.argwhere((events > 0) & (exposure == 0)).tolist()]
    return [
        f"exposure: 0 months with {events[at]:g} events at {_where(payload, at)}; "
        "give the person-months at risk"
        for at in cells
    ]


def _check_intervals(payload: dict, known: dict[str, np.ndarray]) -> list[str]:
    """Return faults of the interval starts or edges."""
    if "intervals" not in payload:
        return []
    cuts = payload["intervals"]
    if not isinstance(cuts, list) or not cuts or not all(_is_number(x) and math.isfinite(x) for x in cuts):
        return [f"intervals: got {cuts!r}; give interval starts, or edges, in months"]
    faults = []
    if cuts[0] != 0 or any(b <= a for a, b in pairwise(cuts)):
        faults.append(f"intervals: got {cuts!r}; the first must be 0 and each must exceed the one before")
    if known:
        n = next(iter(known.values())).shape[2]
        if len(cuts) not in (n, n + 1):
            faults.append(
                f"intervals: got {len(cuts)} numbers for {n} columns; give {n} starts or {n + 1} edges"
            )
    return faults


def _check_pooling(payload: dict) -> list[str]:
    value = payload.get("pooling", "none")
    if isinstance(value, str) and value in POOLING:
        return []
    return [f"pooling: {value!r} is unknown; use {', '.join(POOLING)}{did_you_mean(str(value), POOLING)}"]


def _check_prior(payload: dict) -> list[str]:
    prior = payload.get("prior")
    if "prior" not in payload:
        return []
    if not isinstance(prior, dict):
        return [f"prior: got {prior!r}; give an object with {', '.join(PRIOR_KEYS)}"]
    faults = _check_keys(prior, PRIOR_KEYS, "prior.")
    return faults + [
        f"prior.{name}: got {value!r}; must be a positive finite number"
        for name, value in prior.items()
        if name in PRIOR_KEYS and not _is_positive(value)
    ]


def _check_margins(payload: dict) -> list[str]:
    if "margins" not in payload:
        return []
    margins = payload["margins"]
    if not isinstance(margins, list) or not margins:
        return [f"margins: got {margins!r}; give a list of hazard ratios, such as [1.0, 0.8]"]
    faults = [
        f"margins: got {m!r}; a margin is a positive hazard ratio" for m in margins if not _is_positive(m)
    ]
    texts = [str(m) for m in margins]
    return faults + [
        f"margins: {t} occurs more than once" for t in sorted({t for t in texts if texts.count(t) > 1})
    ]


def _is_positive(value: Any) -> bool:
    return _is_number(value) and math.isfinite(value) and value > 0
