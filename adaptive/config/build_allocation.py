"""Builds allocation rules from configuration values and checks that their bounds can hold."""

from math import sqrt
from typing import Any

import numpy as np

from adaptive.config.build_looks import spread
from adaptive.config.build_weights import Frame, build_control, build_weights
from adaptive.config.checks import Faults
from adaptive.config.read import read_kind
from adaptive.config.schema import SCHEMAS
from adaptive.config.schema_design import DesignValues
from adaptive.design.allocation import AbstractAllocation, FixedAllocation, ThallWathenAllocation
from adaptive.design.allocation_adaptive import ResponseAdaptiveAllocation
from adaptive.design.allocation_control import FixedControl, SquareRootControl
from adaptive.design.allocation_minimum import Minimum
from adaptive.design.allocation_timing import AtLooksAllocation

_ROUNDING = 1e-9


def build_allocation(
    data: Any,
    design: DesignValues | None,
    faults: Faults,
    n_looks: int | None = None,
    most: np.ndarray | None = None,
) -> AbstractAllocation | None:
    """Return the allocation rule, or ``None`` after writing down every fault.

    Parameters
    ----------
    data
        Values with a ``kind``.
    design
        The protocol's values, or ``None`` if they are faulty.
    faults
        Where faults are written.
    n_looks
        Number of looks, or ``None`` if the look plan is faulty.
    most
        Largest number of patients of each subgroup, or ``None`` if that is faulty.
    """
    if design is None:
        read_kind(SCHEMAS["allocation"], data, "allocation", faults)
        return None
    return _built(data, Frame(design, n_looks, most), "allocation", faults)


def _built(data: Any, frame: Frame, key: str, faults: Faults) -> AbstractAllocation | None:
    values = read_kind(SCHEMAS["allocation"], data, key, faults)
    return None if values is None else _BUILDERS[values.kind](values, frame, key, faults)


def _ratio(values: Any, frame: Frame, key: str, faults: Faults) -> np.ndarray | None:
    ratio = spread(values.ratio, len(frame.design.arms), f"{key}.ratio", faults, "arm, control first")
    return None if ratio is None else np.asarray(ratio, float)


def _fixed(values: Any, frame: Frame, key: str, faults: Faults) -> AbstractAllocation | None:
    ratio = _ratio(values, frame, key, faults)
    return None if ratio is None else FixedAllocation(ratio=ratio)


def _thall_wathen(values: Any, frame: Frame, key: str, faults: Faults) -> AbstractAllocation | None:
    before = len(faults)
    ratio = _ratio(values, frame, key, faults)
    _bounds(values, values.control_share, len(frame.design.arms), key, faults)
    if len(faults) > before:
        return None
    return ThallWathenAllocation(
        ratio=ratio,
        power=values.power,
        burn_in=values.burn_in,
        floor=values.floor,
        cap=values.cap,
        control_share=values.control_share,
    )


def _response_adaptive(values: Any, frame: Frame, key: str, faults: Faults) -> AbstractAllocation | None:
    before = len(faults)
    n_arms = len(frame.design.arms)
    ratio = _ratio(values, frame, key, faults)
    weights = build_weights(values.weights, frame, f"{key}.weights", faults)
    control = build_control(values.control, values.weights, f"{key}.control", faults)
    share = 1.0 / (1.0 + sqrt(n_arms - 1)) if isinstance(control, SquareRootControl) else 0.0
    share = float(control.share) if isinstance(control, FixedControl) else share
    _bounds(values, share, n_arms, key, faults)
    if len(faults) > before:
        return None
    return ResponseAdaptiveAllocation(
        ratio=ratio,
        weights=weights,
        control=control,
        minimum=Minimum(values.burn_in, values.min_patients, values.min_events, values.min_exposure),
        floor=values.floor,
        cap=values.cap,
    )


def _at_looks(values: Any, frame: Frame, key: str, faults: Faults) -> AbstractAllocation | None:
    inside = _built(values.allocation, frame, f"{key}.allocation", faults)
    if frame.n_looks is None:
        return None
    unknown = [look for look in values.looks if look >= frame.n_looks]
    if unknown:
        last = frame.n_looks - 1
        allowed = f"give looks from 1 to {last}, before the final one" if last else "the design has one look"
        faults.add(f"{key}.looks", unknown[0], allowed)
        return None
    due = np.isin(np.arange(frame.n_looks) + 1, values.looks)
    return None if inside is None else AtLooksAllocation(inside=inside, due=due)


_BUILDERS = {
    "fixed": _fixed,
    "thall_wathen": _thall_wathen,
    "response_adaptive": _response_adaptive,
    "at_looks": _at_looks,
}


def _bounds(values: Any, share: float, n_arms: int, key: str, faults: Faults) -> None:
    """Write down bounds that no probabilities can meet; ``share`` is control's own, or 0."""
    protected = share > 0
    adapting = n_arms - 1 if protected else n_arms
    left = 1.0 - share
    after = f", after the control share of {share:.4g}" if protected else ""
    who = f"{adapting} arms divide" if adapting > 1 else "the experimental arm gets"
    if values.floor * adapting > left + _ROUNDING:
        faults.append(
            f"{key}.floor: {values.floor:g} is not allowed; {who} {left:.4g}"
            f"{after}, so give at most {left / adapting:.4g}"
        )
    if values.cap * adapting < left - _ROUNDING:
        faults.append(
            f"{key}.cap: {values.cap:g} is not allowed; {who} {left:.4g}"
            f"{after}, so give at least {left / adapting:.4g}"
        )
    if values.cap < values.floor:
        faults.add(f"{key}.cap", values.cap, f"give at least {key}.floor, {values.floor:g}")
