"""Builds look plans from configuration values and checks that looks come in order."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from adaptive.config.checks import Faults, Number
from adaptive.config.read import read_kind
from adaptive.config.schema import SCHEMAS
from adaptive.config.schema_design import DesignValues
from adaptive.design.looks import (
    AbstractLookPlan,
    AllOf,
    AnyOf,
    CalendarLooks,
    EnrolledLooks,
    EventLooks,
    FollowUpLook,
    Spaced,
    Then,
)
from adaptive.errors import did_you_mean


def build_looks(data: Any, design: DesignValues | None, key: str, faults: Faults) -> AbstractLookPlan | None:
    """Return the look plan, or ``None`` after writing down every fault.

    Parameters
    ----------
    data
        Values with a ``kind``.
    design
        The protocol's values, or ``None`` if they are faulty.
    key, faults
        Full key of ``data``; where faults are written.
    """
    values = read_kind(SCHEMAS["looks"], data, key, faults)
    return None if values is None else _BUILDERS[values.kind](values, design, key, faults)


def spread(values: Sequence[Number], size: int, key: str, faults: Faults, what: str) -> list[Number] | None:
    """Return a list of exactly ``size`` numbers; one number stands for all of them."""
    if len(values) == 1:
        return list(values) * size
    if len(values) == size:
        return list(values)
    faults.add(key, list(values), f"{len(values)} values came; give one, or exactly {size}: one per {what}")
    return None


def increasing(values: Sequence[Number], key: str, faults: Faults) -> bool:
    """Return whether the values increase, writing down a fault if not."""
    if all(a < b for a, b in pairwise(values)):
        return True
    faults.add(key, list(values), "looks come in order; give strictly increasing values")
    return False


def _within(values: Sequence[Number], limit: Number, key: str, faults: Faults, name: str) -> bool:
    """Return whether no value exceeds a maximum of the design."""
    if max(values) <= limit:
        return True
    faults.append(
        f"{key}: {max(values):g} is not allowed; {name} is {limit:g}, give at most that or raise it"
    )
    return False


def _enrolled(values, design, key: str, faults: Faults) -> AbstractLookPlan | None:
    delay = spread(values.delay, len(values.counts), f"{key}.delay", faults, "look")
    sound = increasing(values.counts, f"{key}.counts", faults)
    if design is not None:
        sound &= _within(values.counts, design.max_patients, f"{key}.counts", faults, "design.max_patients")
    if delay is None or not sound:
        return None
    return EnrolledLooks(counts=np.asarray(values.counts, np.int32), delay=np.asarray(delay, float))


def _events(values, design, key: str, faults: Faults) -> AbstractLookPlan | None:
    sound = increasing(values.counts, f"{key}.counts", faults)
    index = -1
    if design is not None:
        sound &= _within(values.counts, design.max_patients, f"{key}.counts", faults, "design.max_patients")
        if values.subgroup is not None and values.subgroup not in design.subgroups:
            hint = did_you_mean(values.subgroup, design.subgroups)
            allowed = f"give null or one of {', '.join(design.subgroups)}"
            faults.add(f"{key}.subgroup", values.subgroup, allowed, hint)
            sound = False
        elif values.subgroup is not None:
            index = design.subgroups.index(values.subgroup)
    return EventLooks(counts=np.asarray(values.counts, np.int32), subgroup=index) if sound else None


def _calendar(values, design, key: str, faults: Faults) -> AbstractLookPlan | None:
    sound = increasing(values.months, f"{key}.months", faults)
    if design is not None:
        sound &= _within(values.months, design.max_months, f"{key}.months", faults, "design.max_months")
    return CalendarLooks(months=np.asarray(values.months, float)) if sound else None


def _follow_up(values, design, key: str, faults: Faults) -> AbstractLookPlan:
    return FollowUpLook(months=values.months)


def _then(values, design, key: str, faults: Faults) -> AbstractLookPlan | None:
    first = build_looks(values.first, design, f"{key}.first", faults)
    last = build_looks(values.last, design, f"{key}.last", faults)
    if first is None or last is None:
        return None
    if type(first) is type(last) and not isinstance(first, AllOf | AnyOf | Then | Spaced):
        pair = [_numbers(first)[-1], _numbers(last)[0]]
        if not isinstance(first, FollowUpLook) and pair[1] <= pair[0]:
            faults.add(f"{key}.last", pair[1], f"the looks of 'first' end at {pair[0]:g}; give later ones")
            return None
    return Then(first=first, last=last)


def _numbers(plan: AbstractLookPlan) -> list[Number]:
    values = plan.months if isinstance(plan, CalendarLooks | FollowUpLook) else plan.counts
    return np.atleast_1d(np.asarray(values)).tolist()


def _parts(values, design, key: str, faults: Faults) -> tuple[AbstractLookPlan, ...] | None:
    parts: Mapping[str, Any] = values.parts
    built = {n: build_looks(part, design, f"{key}.parts.{n}", faults) for n, part in parts.items()}
    if any(plan is None for plan in built.values()):
        return None
    counts = {name: plan.n_looks for name, plan in built.items()}
    if len(set(counts.values())) > 1:
        faults.add(f"{key}.parts", counts, "every part needs the same number of looks")
        return None
    return tuple(built.values())


def _all_of(values, design, key: str, faults: Faults) -> AbstractLookPlan | None:
    parts = _parts(values, design, key, faults)
    return None if parts is None else AllOf(parts=parts)


def _any_of(values, design, key: str, faults: Faults) -> AbstractLookPlan | None:
    parts = _parts(values, design, key, faults)
    return None if parts is None else AnyOf(parts=parts)


def _spaced(values, design, key: str, faults: Faults) -> AbstractLookPlan | None:
    plan = build_looks(values.plan, design, f"{key}.plan", faults)
    widest = math.inf if values.max_gap is None else values.max_gap
    if widest < values.min_gap:
        faults.add(f"{key}.max_gap", values.max_gap, f"give at least {key}.min_gap, {values.min_gap:g}")
        return None
    return None if plan is None else Spaced(plan=plan, min_gap=values.min_gap, max_gap=widest)


_BUILDERS = {
    "enrolled": _enrolled,
    "events": _events,
    "calendar": _calendar,
    "follow_up": _follow_up,
    "then": _then,
    "all_of": _all_of,
    "any_of": _any_of,
    "spaced": _spaced,
}
