"""Builds what a protocol says of delays and of arms that come and go. Knows nothing of any truth."""

from typing import Any

import numpy as np

from adaptive.config.checks import Faults
from adaptive.config.read import read
from adaptive.config.schema_design import ArmDates, DesignValues, LagValues
from adaptive.design.protocol import ArmCalendar, Lags
from adaptive.errors import did_you_mean


def build_lags(values: DesignValues, faults: Faults) -> Lags | None:
    """Return the delays, or ``None`` where nothing is delayed or a fault was written down."""
    if not values.lags:
        return None
    found = read(LagValues, values.lags, "design.lags", faults)
    if found is None or found.data == found.decision == 0:
        return None
    return Lags(data=found.data, decision=found.decision)


def build_calendar(values: DesignValues, n_looks: int | None, faults: Faults) -> ArmCalendar | None:
    """Return when arms enter and leave, or ``None`` where all stay or a fault was written down.

    Parameters
    ----------
    values
        The protocol's values; ``arm_calendar`` maps experimental arms to ``ArmDates``.
    n_looks
        Number of looks, or ``None`` if the look plan is faulty.
    faults
        Where faults are written.
    """
    before, experimental = len(faults), values.arms[1:]
    first, last = (np.full(len(experimental), -1, np.int32) for _ in range(2))
    for arm, given in values.arm_calendar.items():
        key = f"design.arm_calendar.{arm}"
        if arm not in experimental:
            hint = did_you_mean(arm, experimental)
            faults.append(
                f"{key}: {arm!r} is not an experimental arm; they are {', '.join(experimental)}{hint}"
            )
            continue
        dates = read(ArmDates, given, key, faults)
        if dates is not None and n_looks is not None:
            at = experimental.index(arm)
            first[at], last[at] = _looks(dates, key, n_looks, faults)
    if not values.arm_calendar or n_looks is None or len(faults) > before:
        return None
    if (first >= 0).all():
        faults.append(
            "design.arm_calendar: every experimental arm enters later; leave out enters_after_look of at "
            "least one arm, so that the trial can start"
        )
        return None
    return ArmCalendar(first=first, last=last)


def _looks(dates: ArmDates, key: str, n_looks: int, faults: Faults) -> tuple[int, int]:
    """Return the looks as indices, -1 for none, writing down those that cannot be."""
    enters, leaves = dates.enters_after_look, dates.leaves_at_look
    if enters is not None and enters >= n_looks:
        faults.append(_out_of_range(f"{key}.enters_after_look", enters, n_looks))
    if leaves is not None and leaves >= n_looks:
        faults.append(_out_of_range(f"{key}.leaves_at_look", leaves, n_looks))
    if enters is not None and leaves is not None and leaves <= enters:
        faults.add(f"{key}.leaves_at_look", leaves, f"give a look after enters_after_look, {enters}")
    return (-1 if enters is None else enters - 1), (-1 if leaves is None else leaves - 1)


def _out_of_range(key: str, look: Any, n_looks: int) -> str:
    return f"{key}: {look} is not allowed; give null or a look from 1 to {n_looks - 1}, before the final one"
