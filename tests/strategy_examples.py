"""One example of every registered rule, allocation and look plan, and evidence made by hand to show them.

A new strategy needs its line here; the contract tests fail until it has one.
"""

import jax.numpy as jnp
import numpy as np

from adaptive.codes import CellStatus, HealthCode
from adaptive.design.allocation import FixedAllocation, ThallWathenAllocation
from adaptive.design.allocation_adaptive import ResponseAdaptiveAllocation
from adaptive.design.allocation_control import (
    CompetingControl,
    FixedControl,
    MatchedControl,
    SquareRootControl,
)
from adaptive.design.allocation_exponents import (
    ConstantExponent,
    EnrolledExponent,
    LookExponent,
    SubgroupEnrolledExponent,
)
from adaptive.design.allocation_minimum import Minimum
from adaptive.design.allocation_targets import BiasedCoinWeights, ExponentialTargetWeights, NeymanWeights
from adaptive.design.allocation_timing import AtLooksAllocation
from adaptive.design.allocation_weights import (
    BestArmWeights,
    EqualWeights,
    InformationWeights,
    PooledWeights,
    TrippaWeights,
)
from adaptive.design.looks import (
    AllOf,
    AnyOf,
    CalendarLooks,
    EnrolledLooks,
    EventLooks,
    FollowUpLook,
    Spaced,
    Then,
    TrialClock,
)
from adaptive.design.measure import HazardRatioBelow
from adaptive.design.rules import EfficacyRule, FutilityRule, HarmRule
from adaptive.design.rules_combined import AllOfRules, AnyOfRules, InOrder
from adaptive.design.rules_measured import MeasuredRule
from adaptive.design.rules_scope import AcrossArms, AcrossSubgroups, OnlyIn
from adaptive.measures.best import ArmIsBest
from adaptive.measures.cox import Cox
from adaptive.measures.final import FinalTest, TwoSided
from adaptive.measures.graduation import ConfirmatorySuccess
from adaptive.measures.imputation import Assumed
from adaptive.measures.log_rank import LogRank
from adaptive.measures.pooled import PooledEffect
from adaptive.measures.predictive import PredictiveProbability
from adaptive.measures.predictive_information import PredictiveInformation
from adaptive.measures.ratios import HazardRatioAbove, HazardRatioBetween
from adaptive.measures.risk import RiskDifferenceBelow
from adaptive.records import Evidence, Health, Progress

N_LOOKS = 3

RULES = {
    "efficacy": EfficacyRule(margin=1.0, threshold=[0.99, 0.98, 0.975], min_events=10.0),
    "futility": FutilityRule(margin=0.8, threshold=[0.05, 0.1, np.nan], min_events=10.0),
    "harm": HarmRule(margin=1.0, threshold=[0.98, 0.98, 0.98], min_events=5.0),
    "measured_efficacy": MeasuredRule(
        LogRank(), [0.99, 0.98, 0.975], CellStatus.EFFICACY, "above", min_events=10.0
    ),
    "measured_futility": MeasuredRule(
        HazardRatioAbove(0.8), [0.95, 0.9, np.nan], CellStatus.FUTILITY, "above", min_events=10.0
    ),
    "measured_harm": MeasuredRule(PooledEffect(), [0.02, 0.02, 0.02], CellStatus.HARM, "below"),
    "equivalent": MeasuredRule(
        HazardRatioBetween(0.8, 1.25), [0.9, 0.9, np.nan], CellStatus.FUTILITY, "above"
    ),
    "expected_success": MeasuredRule(
        HazardRatioBelow(0.9), [0.9, 0.95, np.nan], CellStatus.AWAITING, "above", min_events=4.0
    ),
}
RULES |= {
    "all_of": AllOfRules((RULES["efficacy"], RULES["measured_efficacy"])),
    "any_of": AnyOfRules((RULES["futility"], FutilityRule(margin=1.0, threshold=[np.nan, 0.1, 0.2]))),
    "in_order": InOrder(
        (
            EfficacyRule(margin=1.0, threshold=[0.99, 0.98, np.nan]),
            MeasuredRule(Cox(), [0.5, 0.98, 0.975], CellStatus.EFFICACY, "above"),
        )
    ),
    "only_in": OnlyIn(RULES["futility"], [[True, False], [True, True]]),
    "across_subgroups": AcrossSubgroups(RULES["futility"], "all"),
    "across_arms": AcrossArms(OnlyIn(RULES["harm"], [[True, False], [True, True]]), "any"),
}

MEASURES = {
    "hazard_ratio_below": HazardRatioBelow(0.9),
    "hazard_ratio_above": HazardRatioAbove(1.1),
    "equivalence": HazardRatioBetween(0.8, 1.25),
    "non_inferiority": HazardRatioBelow(1.3),
    "risk_difference_below": RiskDifferenceBelow(0.0, 9.0),
    "non_inferiority_risk": RiskDifferenceBelow(0.1, 9.0),
    "best": ArmIsBest(),
    "pooled_effect": PooledEffect(),
    "log_rank": LogRank(),
    "cox": Cox(1.2, stratified=True),
    "two_sided": TwoSided(LogRank()),
    "predictive": PredictiveProbability(FinalTest(LogRank(), 0.975), Assumed(20.0, 12.0), n=200),
    "predictive_information": PredictiveInformation(FinalTest(LogRank(), 0.975), Assumed(20.0, 12.0)),
    "confirmatory_success": ConfirmatorySuccess(300.0),
}

EXPONENTS = {
    "constant": ConstantExponent(0.5),
    "by_look": LookExponent([0.25, 0.5, 1.0]),
    "enrolled": EnrolledExponent(scale=0.5, shape=1.0, most=300.0),
    "subgroup_enrolled": SubgroupEnrolledExponent(scale=0.5, shape=1.5, most=[200.0, 150.0]),
}

WEIGHTS = {
    "equal": EqualWeights(),
    "best": BestArmWeights(EXPONENTS["constant"]),
    "information": InformationWeights(),
    "trippa": TrippaWeights(EXPONENTS["enrolled"], nu=0.1),
    "neyman": NeymanWeights(),
    "exponential": ExponentialTargetWeights(),
    "biased_coin": BiasedCoinWeights(ExponentialTargetWeights(), gamma=2.0),
    "pooled": PooledWeights(BestArmWeights(EXPONENTS["constant"])),
}

CONTROLS = {
    "competing": CompetingControl(),
    "fixed": FixedControl(0.4),
    "matched": MatchedControl(),
    "square_root": SquareRootControl(),
}


def response_adaptive(**changes) -> ResponseAdaptiveAllocation:
    """Return a three-arm allocation without bounds or minimum: P(best), control competing."""
    plain = dict(
        ratio=[1.0, 1.0, 1.0],
        weights=BestArmWeights(ConstantExponent(1.0)),
        control=CompetingControl(),
        minimum=Minimum(),
        floor=0.0,
        cap=1.0,
    )
    return ResponseAdaptiveAllocation(**{**plain, **changes})


ALLOCATIONS = {
    "fixed": FixedAllocation(ratio=[2.0, 1.0, 1.0]),
    "thall_wathen": ThallWathenAllocation(
        ratio=[1.0, 1.0, 1.0], power=0.5, burn_in=20.0, floor=0.15, cap=0.6, control_share=0.33
    ),
    "response_adaptive": response_adaptive(
        weights=WEIGHTS["trippa"], minimum=Minimum(20.0, 5.0, 2.0, 10.0), floor=0.05, cap=0.8
    ),
    "at_looks": AtLooksAllocation(inside=response_adaptive(), due=[True, False, True]),
}

LOOKS = {
    "enrolled": EnrolledLooks(counts=[4, 6, 9], delay=[0.0, 1.5, 0.0]),
    "events": EventLooks(counts=[1, 2, 4]),
    "calendar": CalendarLooks(months=[6.0, 12.0, 24.0]),
    "follow_up": FollowUpLook(months=12.0),
    "then": Then(first=CalendarLooks(months=[6.0, 12.0]), last=FollowUpLook(months=12.0)),
    "all_of": AllOf(parts=(EventLooks(counts=[1, 2, 4]), CalendarLooks(months=[6.0, 12.0, 24.0]))),
    "spaced": Spaced(EventLooks(counts=[1, 2, 4]), min_gap=3.0, max_gap=9.0),
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


def clock(entry, event, subgroup=None, previous=0.0) -> TrialClock:
    """Return a clock; entries and events in calendar months, ``inf`` for never."""
    group = np.zeros(len(entry)) if subgroup is None else subgroup
    return TrialClock(
        entry=jnp.asarray(entry, float),
        event=jnp.asarray(event, float),
        subgroup=jnp.asarray(group, jnp.int32),
        rank=jnp.cumsum(jnp.isfinite(jnp.asarray(entry, float)), dtype=jnp.int32),
        previous=jnp.asarray(float(previous)),
    )
