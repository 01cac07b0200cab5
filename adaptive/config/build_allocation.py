"""Builds allocation rules from configuration values and checks that their bounds can hold."""

from typing import Any

import numpy as np

from adaptive.config.build_looks import spread
from adaptive.config.checks import Faults
from adaptive.config.read import read_kind
from adaptive.config.schema import SCHEMAS
from adaptive.config.schema_design import DesignValues, ThallWathen
from adaptive.design.allocation import AbstractAllocation, FixedAllocation, ThallWathenAllocation

_ROUNDING = 1e-9


def build_allocation(data: Any, design: DesignValues | None, faults: Faults) -> AbstractAllocation | None:
    """Return the allocation rule, or ``None`` after writing down every fault.

    Parameters
    ----------
    data
        Values with a ``kind``.
    design
        The protocol's values, or ``None`` if they are faulty.
    faults
        Where faults are written.
    """
    values = read_kind(SCHEMAS["allocation"], data, "allocation", faults)
    if values is None or design is None:
        return None
    before = len(faults)
    ratio = spread(values.ratio, len(design.arms), "allocation.ratio", faults, "arm, control first")
    if values.kind == "thall_wathen":
        _bounds(values, len(design.arms), faults)
    if len(faults) > before:
        return None
    weights = np.asarray(ratio, float)
    if values.kind == "fixed":
        return FixedAllocation(ratio=weights)
    return ThallWathenAllocation(
        ratio=weights,
        power=values.power,
        burn_in=values.burn_in,
        floor=values.floor,
        cap=values.cap,
        control_share=values.control_share,
    )


def _bounds(values: ThallWathen, n_arms: int, faults: Faults) -> None:
    """Write down bounds that no probabilities can meet."""
    protected = values.control_share > 0
    adapting = n_arms - 1 if protected else n_arms
    left = 1.0 - values.control_share
    share = f", after the control share of {values.control_share:g}" if protected else ""
    who = f"{adapting} arms divide" if adapting > 1 else "the experimental arm gets"
    if values.floor * adapting > left + _ROUNDING:
        faults.append(
            f"allocation.floor: {values.floor:g} is not allowed; {who} {left:g}"
            f"{share}, so give at most {left / adapting:.4g}"
        )
    if values.cap * adapting < left - _ROUNDING:
        faults.append(
            f"allocation.cap: {values.cap:g} is not allowed; {who} {left:g}"
            f"{share}, so give at least {left / adapting:.4g}"
        )
    if values.cap < values.floor:
        faults.add("allocation.cap", values.cap, f"give at least allocation.floor, {values.floor:g}")
