"""A design in words precise enough to be programmed from: looks, arms, delays, limits.

Written from the objects that run, so that the words cannot describe another design than the one simulated.
Randomisation is in ``specification_allocation``, decision rules in ``specification_rules``, the analysis
model in ``specification_model``.
"""

from collections.abc import Sequence

import numpy as np

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
from adaptive.design.protocol import Design
from adaptive.oc.specification_allocation import Line


def trigger(plan: AbstractLookPlan, look: int, subgroups: Sequence[str]) -> str:
    """Return when look ``look`` (from 0) of a plan is held."""
    match plan:
        case EnrolledLooks():
            delay = float(plan.delay[look])
            later = f", {delay:g} months later" if delay else ""
            return f"patient {int(plan.counts[look])} of the trial randomised{later}"
        case EventLooks():
            where = f" in {subgroups[plan.subgroup]}" if plan.subgroup >= 0 else " of the trial"
            return f"endpoint event {int(plan.counts[look])}{where}"
        case CalendarLooks():
            return f"month {float(plan.months[look]):g} after the first patient"
        case FollowUpLook():
            return f"{float(plan.months):g} months after the last randomisation"
        case AllOf():
            return "the last of: " + "; ".join(trigger(part, look, subgroups) for part in plan.parts)
        case AnyOf():
            return "the first of: " + "; ".join(trigger(part, look, subgroups) for part in plan.parts)
        case Then():
            n = plan.first.n_looks
            part, at = (plan.first, look) if look < n else (plan.last, look - n)
            return trigger(part, at, subgroups)
        case Spaced():
            return trigger(plan.plan, look, subgroups) + _gaps(plan)
    raise TypeError(f"no words for a look plan {type(plan).__name__}")


def _gaps(plan: Spaced) -> str:
    """Return the bounds on the months between looks that a plan has."""
    low, high = float(plan.min_gap), float(plan.max_gap)
    bounds = [f"at least {low:g}"] if low > 0 else []
    bounds += [f"at most {high:g}"] if np.isfinite(high) else []
    return f"; {' and '.join(bounds)} months after the last look held" if bounds else ""


def population_lines(design: Design) -> list[Line]:
    """Return arms, strata and who is offered what."""
    eligible = np.asarray(design.eligible)
    left_out = [
        f"{arm} not in {subgroup}"
        for s, subgroup in enumerate(design.subgroups)
        for b, arm in enumerate(design.arms[1:])
        if not eligible[s, b]
    ]
    return [
        ("Arms", f"{', '.join(design.arms)}; control: {design.arms[0]}"),
        ("Subgroups (strata)", ", ".join(design.subgroups)),
        ("Offered", "; ".join(left_out) or "every experimental arm in every subgroup"),
        (
            "Endpoint event",
            f"first {' or '.join(design.endpoint).replace('_', ' ')}; every other end of follow-up censors",
        ),
        (
            "Blinding",
            "not part of the simulation: no simulated outcome depends on who knows the arm",
        ),
    ]


def limit_lines(design: Design) -> list[Line]:
    """Return the hard limits of patients and months."""
    limits = design.limits
    caps = [int(n) for n in np.asarray(limits.max_per_subgroup)]
    most = int(limits.max_patients)
    each = "; ".join(f"{name} {cap}" for name, cap in zip(design.subgroups, caps, strict=True))
    capped = each if min(caps) < most else "none below the maximum of the trial"
    return [
        ("Most patients", f"{most}"),
        ("Most patients of a subgroup", capped),
        ("A full subgroup or trial", "later arrivals are turned away; nobody is replaced"),
        ("Most months", f"{float(limits.max_months):g} from the first patient to the final look"),
        (
            "Smallest size",
            "no minimum of patients or events of the trial: a cell may close at the first look at which a "
            "rule has its threshold and its events",
        ),
        ("Most events", "no limit on events other than by patients and months"),
    ]


def delay_lines(design: Design) -> list[Line]:
    """Return the delays of data and decisions, and what becomes of patients who enter meanwhile."""
    if design.lags is None:
        return [
            ("Delays", "none: a look sees every event up to its month, and its decisions act at once"),
            ("Overrun", "none, because there is no delay; a limitation of the results shown"),
        ]
    data, decision = float(design.lags.data), float(design.lags.decision)
    return [
        (
            "Month of a look",
            "t, in which its trigger is met by what has happened, known by then or not; months of decisions "
            "and the length of a trial are counted to t, without the delays",
        ),
        (
            "Delay of data",
            f"the data cut-off of an interim look is month t - {data:g} (month 0 at the earliest): patients "
            "who entered and events that happened up to then are analysed, nothing later",
        ),
        (
            "Delay of decisions",
            f"decisions of an interim look act on patients who enter after month t + {decision:g}",
        ),
        (
            "Overrun",
            f"patients who enter up to month t + {decision:g} are randomised as before and followed; for the "
            "cells that the look closes, a second analysis of all data up to that month is reported beside "
            "the deciding one and changes no decision",
        ),
        (
            "Final look",
            "without delays: all data up to its month t are analysed in month t, so that the months which "
            "their collection takes are not part of the length of a trial",
        ),
    ]


def calendar_lines(design: Design) -> list[Line]:
    """Return arms that enter or leave; nothing if all stay."""
    if design.calendar is None:
        return []
    dates = zip(design.arms[1:], design.calendar.first, design.calendar.last, strict=True)
    return [
        (f"Calendar of {arm}", f"{_enters(int(first))}; {_leaves(int(last))}") for arm, first, last in dates
    ]


def _enters(look: int) -> str:
    if look < 0:
        return "enters at the start"
    return (
        f"enters after look {look + 1}, or the first held after it; earlier after a look that leaves no arm "
        "open in any subgroup; never at the final look"
    )


def _leaves(look: int) -> str:
    if look < 0:
        return "stays to the final look"
    return (
        f"last look {look + 1}, or the first held after it, at which its cells without a verdict end "
        "completed, without a claim"
    )
