"""A design in words precise enough to be programmed from: looks, randomisation, delays, limits.

Written from the objects that run, so that the words cannot describe another design than the one simulated.
Decision rules are in ``specification_rules``, the analysis model in ``specification_model``.
"""

from collections.abc import Sequence

import numpy as np

from adaptive.design.allocation import FixedAllocation, ThallWathenAllocation
from adaptive.design.allocation_adaptive import ResponseAdaptiveAllocation
from adaptive.design.allocation_base import AbstractAllocation
from adaptive.design.allocation_timing import AtLooksAllocation
from adaptive.design.assignment_blocks import PermutedBlocks
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
from adaptive.oc.describe_parts import in_words

Line = tuple[str, str]
"""What is specified, and how."""


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
            inside = trigger(plan.plan, look, subgroups)
            low, high = float(plan.min_gap), float(plan.max_gap)
            return f"{inside}; at least {low:g} and at most {high:g} months after the look before"
    return type(plan).__name__


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
        ("Endpoint event", f"first {' or '.join(design.endpoint)}; every other end of follow-up censors"),
        (
            "Blinding",
            "not part of the simulation: no simulated outcome depends on who knows the arm",
        ),
    ]


def randomisation_lines(design: Design) -> list[Line]:
    """Return how an arm is drawn, with what probabilities, and when these change."""
    drawn = "each patient independently, with the probabilities in force in the patient's subgroup"
    if isinstance(design.assignment, PermutedBlocks):
        drawn = (
            f"permuted blocks of {design.assignment.size} within each subgroup; places per arm are the "
            "probabilities in force times the block size, rounded by largest remainder; a new block starts "
            "after every look"
        )
    return [
        ("Drawing the arm", drawn),
        *_allocation_lines(design.allocation, design),
        (
            "Closed arms",
            "an arm that is closed, not yet open or not offered in a subgroup has probability 0 there; "
            "control randomises as long as some experimental arm does; a subgroup without one enrols nobody",
        ),
    ]


def allocation_formula(allocation: AbstractAllocation) -> tuple[str, list[str]] | None:
    """Return the formula of the probabilities with the numbers in force, and its symbols; else ``None``."""
    if isinstance(allocation, AtLooksAllocation):
        return allocation_formula(allocation.inside)
    if isinstance(allocation, FixedAllocation):
        return "π[s, a] = ratio[a] / Σ ratio[open arms of s]", [f"ratio = {_numbers(allocation.ratio)}"]
    if not isinstance(allocation, ThallWathenAllocation):
        return None
    power, share = float(allocation.power), float(allocation.control_share)
    floor, cap = float(allocation.floor), float(allocation.cap)
    best = "P(arm a has the lowest hazard in subgroup s | data), control among the arms compared"
    where = [f"p[s, a] = {best}; a weight counts as at least 0.000001"]
    where.append("κ[s] = the number for which the probabilities of the open arms of s sum to 1")
    where.append(
        "where the bounds cannot hold for the arms still open they are scaled together until they can"
    )
    if share > 0:
        left = f"π[s, control] = {share:g};  "
        where.append("a over the open experimental arms of s")
    else:
        left = ""
        where.append("a over the open arms of s, control included")
    return f"{left}π[s, a] = min(max(κ[s] · p[s, a]^{power:g}, {floor:g}), {cap:g})", where


def _allocation_lines(allocation: AbstractAllocation, design: Design) -> list[Line]:
    if isinstance(allocation, AtLooksAllocation):
        due = [str(look + 1) for look in range(design.looks.n_looks) if bool(allocation.due[look])]
        inside = _allocation_lines(allocation.inside, design)
        return [
            *inside,
            ("Changes only", f"after look {', '.join(due) or 'none'}; else what is in force stays"),
        ]
    lines = [("Starting ratio", f"{_numbers(getattr(allocation, 'ratio', 1))}, control first")]
    if isinstance(allocation, FixedAllocation):
        return [*lines, ("Changes", "none: the ratio holds among the arms still open, from start to end")]
    if isinstance(allocation, ThallWathenAllocation):
        burn_in, share = float(allocation.burn_in), float(allocation.control_share)
        held = f"{share:g} of each subgroup" if share > 0 else "none: control competes like any arm"
        whose = "an experimental arm" if share > 0 else "an arm, control included"
        lines += [
            ("Burn-in", f"the starting ratio until {burn_in:g} patients of the subgroup are randomised"),
            ("Protected share of control", held),
            (
                "Floor and cap",
                f"{float(allocation.floor):g} and {float(allocation.cap):g} of {whose}",
            ),
        ]
    elif isinstance(allocation, ResponseAdaptiveAllocation):
        lines.append(("Weights and settings in force", in_words(allocation)))
    return [
        *lines,
        ("Changes", "after every look, in each subgroup past its burn-in"),
        ("After a fit that fails its checks", "the starting ratio among the open arms, until the next look"),
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
        ("Delay of data", f"a look in month t sees patients and follow-up as of month t - {data:g}"),
        ("Delay of decisions", f"decisions of a look in month t act from month t + {decision:g}"),
        (
            "Overrun",
            "patients who enter in between are randomised as before and followed; a second analysis with "
            "their data is reported beside the deciding one and changes no decision; the final look waits "
            "for its data",
        ),
    ]


def calendar_lines(design: Design) -> list[Line]:
    """Return arms that enter or leave; nothing if all stay."""
    if design.calendar is None:
        return []
    lines = []
    for arm, first, last in zip(design.arms[1:], design.calendar.first, design.calendar.last, strict=True):
        enters = f"after look {int(first) + 1}" if int(first) >= 0 else "at the start"
        leaves = f"last look {int(last) + 1}" if int(last) >= 0 else "stays to the final look"
        lines.append(
            (f"Calendar of {arm}", f"enters {enters} (or as soon as no other arm is open); {leaves}")
        )
    return lines


def _numbers(values: object) -> str:
    """Return numbers separated by colons, as a ratio is written."""
    return " : ".join(f"{float(x):g}" for x in np.ravel(np.asarray(values)))
