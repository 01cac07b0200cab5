"""Small trials for tests: three arms in two subgroups, and a quick normal-approximation engine."""

import jax.numpy as jnp
import numpy as np
from jax.scipy.stats import norm

from adaptive.codes import HealthCode
from adaptive.design.allocation import FixedAllocation, ThallWathenAllocation
from adaptive.design.looks import EnrolledLooks, FollowUpLook, Then
from adaptive.design.protocol import Analysis, Design, Limits
from adaptive.design.rules import EfficacyRule, FutilityRule, HarmRule
from adaptive.errors import BadInput
from adaptive.models.base import AbstractModel
from adaptive.posterior.base import AbstractEngine, AbstractPosterior, Overall
from adaptive.records import Health
from adaptive.scenario.truth import Accrual, Drift, Hazards, Population, Scenario

SUBGROUPS = ("red", "blue")
ARMS = ("control", "low", "high")


class ToyModel(AbstractModel):
    """A stand-in that no engine reads."""

    def __call__(self, table, shape):
        raise BadInput("the toy model is not a program")


class ToyPosterior(AbstractPosterior):
    """Independent normals."""

    mean: jnp.ndarray
    sd: jnp.ndarray
    health: Health

    def p_below(self, log_margins):
        return norm.cdf((log_margins[:, None, None] - self.mean[None]) / self.sd[None])

    def p_best(self):
        weights = jnp.concatenate([jnp.ones_like(self.mean[:, :1]), jnp.exp(-self.mean / self.sd)], axis=1)
        return weights / weights.sum(axis=1, keepdims=True)

    def moments(self):
        return self.mean, self.sd

    def quantiles(self, levels):
        return self.mean[None] + norm.ppf(levels)[:, None, None] * self.sd[None]

    def overall(self):
        missing = jnp.full(self.mean.shape[1], jnp.nan)
        return Overall(missing, missing, missing, jnp.asarray(jnp.nan), jnp.asarray(jnp.nan))


class ToyEngine(AbstractEngine):
    """Log ratio of event rates with half an event added, and its delta-method SD."""

    def fit(self, key, model, table):
        del key, model
        events = table.events.sum(-1) + 0.5
        rate = events / (table.exposure.sum(-1) + 10.0)
        mean = jnp.log(rate[:, 1:]) - jnp.log(rate[:, :1])
        sd = jnp.sqrt(1 / events[:, 1:] + 1 / events[:, :1])
        nan = jnp.asarray(jnp.nan, mean.dtype)
        code = jnp.asarray(int(HealthCode.OK), jnp.int32)
        return ToyPosterior(mean, sd, Health(code, nan, nan, jnp.asarray(0, jnp.int32)))


def toy_design(
    *, adaptive: bool = True, max_patients: int = 120, looks=None, rules=None, **changes
) -> Design:
    """Return a three-arm, two-subgroup design with interim looks at 40 and 80 patients."""
    looks = looks or Then(
        EnrolledLooks(counts=np.array([40, 80], np.int32), delay=np.array([0.0, 1.0])),
        FollowUpLook(months=6.0),
    )
    k = looks.n_looks
    rules = rules or (
        EfficacyRule(margin=1.0, threshold=np.full(k, 0.975)),
        FutilityRule(margin=0.8, threshold=np.append(np.full(k - 1, 0.1), np.nan)),
        HarmRule(margin=1.0, threshold=np.full(k, 0.98)),
    )
    allocation = (
        ThallWathenAllocation(
            ratio=np.ones(3), power=0.5, burn_in=20.0, floor=0.1, cap=0.8, control_share=0.0
        )
        if adaptive
        else FixedAllocation(ratio=np.ones(3))
    )
    fields = dict(
        name="toy",
        arms=ARMS,
        subgroups=SUBGROUPS,
        endpoint=("event",),
        eligible=np.ones((2, 2), bool),
        limits=Limits(
            max_patients=np.int32(max_patients),
            max_per_subgroup=np.full(2, max_patients, np.int32),
            max_months=60.0,
            n_arrivals=2 * max_patients,
        ),
        looks=looks,
        allocation=allocation,
        rules=rules,
        analysis=Analysis(cuts=np.array([0.0, 6.0]), model=ToyModel(), engine=ToyEngine()),
    )
    return Design(**{**fields, **changes})


def toy_scenario(
    log_hr=((0.0, 0.0), (0.0, 0.0)), *, subgroups=SUBGROUPS, arms=ARMS, mix=(0.6, 0.4), rate=6.0
):
    """Return constant hazards of event, death and dropout, with log hazard ratios ``(S, B)``."""
    s, a = len(subgroups), len(arms)
    base = np.zeros((1, 3, s, 2))
    base[0, 0] = np.linspace(0.06, 0.1, s)[:, None]
    base[0, 1], base[0, 2] = 0.02, 0.01
    effect = np.zeros((1, 3, s, a, 2))
    effect[0, 0, :, 1:] = np.asarray(log_hr)[:, :, None]
    return Scenario(
        name="toy",
        subgroups=subgroups,
        arms=arms,
        channels=("event", "death", "dropout"),
        states=("on study",),
        n_episodes=1,
        hazards=Hazards(
            cuts=np.array([0.0, 12.0]), base=base, log_hr=effect, next_state=-np.ones((1, 3), np.int32)
        ),
        population=Population(knots=np.array([0.0]), mix=np.array([mix])),
        accrual=Accrual(knots=np.array([0.0, 3.0]), rate=np.array([rate / 3, rate])),
        drift=Drift(knots=np.array([0.0]), log_multiplier=np.zeros((1, 3))),
    )
