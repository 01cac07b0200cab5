"""The flagship design and its scenarios without Hydra, for benchmarks on machines that have none.

A test holds every leaf to what ``experiment=flagship`` builds. ``patients``, ``looks``, ``subgroups`` and
``arms`` change the size, for benchmarks of scaling; the defaults are the flagship. It must not read the
configuration files.
"""

import math

import numpy as np

from adaptive.design.allocation import ThallWathenAllocation
from adaptive.design.looks import EnrolledLooks, FollowUpLook, Then
from adaptive.design.protocol import Analysis, Design, Limits
from adaptive.design.rules import EfficacyRule, FutilityRule
from adaptive.models.pooling import PartialPooling
from adaptive.posterior.base import AbstractEngine
from adaptive.posterior.laplace import LaplaceEngine
from adaptive.scenario.build import BaseHazard, Effect, build_hazards
from adaptive.scenario.truth import Accrual, Drift, Population, Scenario

ARMS = ("placebo", "low dose", "high dose")
SUBGROUPS = ("HR+/HER2-", "HR+/HER2+", "HR-/HER2+", "TNBC")
CHANNELS = ("new_brain_metastasis", "death", "dropout")
METASTASIS = (0.053, 0.037, 0.053, 0.119)
DEATH = (0.077, 0.0315, 0.063, 0.099)
DROPOUT = 10.0 / 100.0 / 12.0
MIX = (0.55, 0.12, 0.10, 0.23)
MOST = (360, 100, 90, 180)
EFFICACY = (0.998, 0.998, 0.995, 0.995, 0.99, 0.99, 0.99, 0.985)
FUTILITY = (0.02, 0.05, 0.05, 0.1, 0.1, 0.15, 0.15, math.nan)
RATIO = 0.55
AFFECTED = {"flagship_null": (), "flagship_both": SUBGROUPS, "flagship_her2": SUBGROUPS[1:3]}
PATIENTS, LOOKS = 600, 8


def names(n_subgroups: int = 4, n_arms: int = 3) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return subgroup and arm names; beyond the flagship's own they are numbered."""
    more = tuple(f"subgroup {i}" for i in range(len(SUBGROUPS), n_subgroups))
    doses = tuple(f"dose {i}" for i in range(len(ARMS), n_arms))
    return (SUBGROUPS + more)[:n_subgroups], (ARMS + doses)[:n_arms]


def shares(n_subgroups: int = 4) -> np.ndarray:
    """Return the subgroup mix: the flagship's, repeated and scaled to sum to 1."""
    mix = np.resize(MIX, n_subgroups)
    return mix if n_subgroups == len(MIX) else mix / mix.sum()


def flagship_design(
    *,
    patients: int = PATIENTS,
    looks: int = LOOKS,
    subgroups: int = 4,
    arms: int = 3,
    engine: AbstractEngine | None = None,
) -> Design:
    """Return the flagship design, or one of another size; ``engine`` replaces the laplace engine."""
    labels, arm_labels = names(subgroups, arms)
    most = np.ceil(np.resize(MOST, subgroups) * patients / PATIENTS) if subgroups <= 4 else patients
    return Design(
        name="flagship",
        arms=arm_labels,
        subgroups=labels,
        endpoint=CHANNELS[:1],
        eligible=np.ones((subgroups, arms - 1), bool),
        limits=Limits(
            max_patients=np.int32(patients),
            max_per_subgroup=np.broadcast_to(most, subgroups).astype(np.int32),
            max_months=33.0,
            n_arrivals=patients * 8 // 5,
        ),
        looks=look_plan(patients, looks),
        allocation=ThallWathenAllocation(
            ratio=np.full(arms, 1.0), power=0.5, burn_in=20.0, floor=0.15, cap=0.6, control_share=0.33
        ),
        rules=(
            EfficacyRule(margin=1.0, threshold=np.resize(EFFICACY, looks), min_events=10.0),
            FutilityRule(margin=0.8, threshold=np.resize(FUTILITY, looks), min_events=10.0),
        ),
        analysis=Analysis(
            cuts=np.asarray([0.0, 3.0, 6.0, 12.0]),
            model=PartialPooling(mu_scale=1.0, tau_scale=0.5, baseline_shape=0.1, baseline_rate=1.0),
            engine=engine or LaplaceEngine(),
        ),
    )


def look_plan(patients: int, looks: int) -> Then:
    """Return looks evenly spread over enrolment from a fifth of the patients on, and the follow-up look."""
    counts = np.round(np.linspace(patients / 5, patients, looks - 1)).astype(np.int32)
    return Then(EnrolledLooks(counts=counts, delay=np.zeros(looks - 1)), FollowUpLook(months=6.0))


def flagship_scenario(
    name: str = "flagship_null", *, patients: int = PATIENTS, subgroups: int = 4, arms: int = 3
) -> Scenario:
    """Return one of the flagship's scenarios; accrual grows with ``patients``, so that time does not."""
    labels, arm_labels = names(subgroups, arms)
    base = [
        BaseHazard(channel, (0.0,), (rate,), label)
        for channel, rates in zip(CHANNELS, (METASTASIS, DEATH), strict=False)
        for label, rate in zip(labels, np.resize(rates, subgroups), strict=True)
    ]
    effects = [
        Effect(CHANNELS[0], arm, RATIO, label)
        for arm in arm_labels[1:]
        for label in AFFECTED[name]
        if label in labels
    ]
    return Scenario(
        name=name,
        subgroups=labels,
        arms=arm_labels,
        channels=CHANNELS,
        states=("on study",),
        n_episodes=1,
        hazards=build_hazards(
            subgroups=labels,
            arms=arm_labels,
            channels=CHANNELS,
            states=("on study",),
            base=[*base, BaseHazard(CHANNELS[2], (0.0,), (DROPOUT,))],
            effects=effects,
        ),
        population=Population(knots=np.zeros(1), mix=shares(subgroups)[None]),
        accrual=Accrual(knots=np.zeros(1), rate=np.asarray([25.0 * patients / PATIENTS])),
        drift=Drift(knots=np.zeros(1), log_multiplier=np.zeros((1, 3))),
    )
