"""One example of every registered rule, allocation and look plan, and evidence made by hand to show them.

A new strategy needs its line here; the contract tests fail until it has one.
"""

import jax.numpy as jnp
import numpy as np

from adaptive.codes import HealthCode
from adaptive.design.allocation import FixedAllocation, ThallWathenAllocation
from adaptive.design.looks import (
    AllOf,
    AnyOf,
    CalendarLooks,
    EnrolledLooks,
    EventLooks,
    FollowUpLook,
    Then,
    TrialClock,
)
from adaptive.design.rules import EfficacyRule, FutilityRule, HarmRule
from adaptive.records import Evidence, Health, Progress

N_LOOKS = 3

RULES = {
    "efficacy": EfficacyRule(margin=1.0, threshold=[0.99, 0.98, 0.975], min_events=10.0),
    "futility": FutilityRule(margin=0.8, threshold=[0.05, 0.1, np.nan], min_events=10.0),
    "harm": HarmRule(margin=1.0, threshold=[0.98, 0.98, 0.98], min_events=5.0),
}

ALLOCATIONS = {
    "fixed": FixedAllocation(ratio=[2.0, 1.0, 1.0]),
    "thall_wathen": ThallWathenAllocation(
        ratio=[1.0, 1.0, 1.0], power=0.5, burn_in=20.0, floor=0.15, cap=0.6, control_share=0.33
    ),
}

LOOKS = {
    "enrolled": EnrolledLooks(counts=[4, 6, 9], delay=[0.0, 1.5, 0.0]),
    "events": EventLooks(counts=[1, 2, 4]),
    "calendar": CalendarLooks(months=[6.0, 12.0, 24.0]),
    "follow_up": FollowUpLook(months=12.0),
    "then": Then(first=CalendarLooks(months=[6.0, 12.0]), last=FollowUpLook(months=12.0)),
    "all_of": AllOf(parts=(EventLooks(counts=[1, 2, 4]), CalendarLooks(months=[6.0, 12.0, 24.0]))),
    "any_of": AnyOf(parts=(EventLooks(counts=[1, 2, 4]), CalendarLooks(months=[6.0, 12.0, 24.0]))),
}


def evidence(
    *, p_best=((0.2, 0.3, 0.5),), p_below=(((0.5, 0.5),),), patients=30, events=20.0, code=HealthCode.OK
) -> Evidence:
    """Return evidence with the given numbers; ``p_below`` is ``(G, S, B)``, counts fill their shape."""
    best, below = jnp.asarray(p_best), jnp.asarray(p_below)
    shape, cells = best.shape, below.shape[1:]
    nan = jnp.asarray(jnp.nan)
    return Evidence(
        statistics=below,
        p_best=best,
        mean=jnp.zeros(cells),
        sd=jnp.ones(cells),
        lower=-jnp.ones(cells),
        upper=jnp.ones(cells),
        patients=jnp.broadcast_to(jnp.asarray(patients, jnp.int32), shape),
        events=jnp.broadcast_to(jnp.asarray(events, best.dtype), shape),
        exposure=jnp.full(shape, 100.0),
        health=Health(jnp.asarray(int(code), jnp.int32), nan, nan, jnp.asarray(0, jnp.int32)),
    )


def progress(status=((1, 1),), *, look: int = 0, is_final: bool = False) -> Progress:
    """Return the progress of a trial at a look, ``status`` holding ``CellStatus`` numbers, ``(S, B)``."""
    state = jnp.asarray(status, jnp.int32)
    return Progress(
        look=jnp.asarray(look, jnp.int32),
        time=jnp.asarray(6.0),
        is_final=jnp.asarray(is_final),
        status=state,
        decided_look=jnp.full_like(state, -1),
        advice=jnp.zeros_like(state),
        allocation=jnp.full((state.shape[0], state.shape[1] + 1), 1.0 / (state.shape[1] + 1)),
    )


def clock(entry, event, subgroup=None) -> TrialClock:
    """Return a clock; entries and events in calendar months, ``inf`` for never."""
    group = np.zeros(len(entry)) if subgroup is None else subgroup
    return TrialClock(
        entry=jnp.asarray(entry, float),
        event=jnp.asarray(event, float),
        subgroup=jnp.asarray(group, jnp.int32),
        rank=jnp.cumsum(jnp.isfinite(jnp.asarray(entry, float)), dtype=jnp.int32),
    )
