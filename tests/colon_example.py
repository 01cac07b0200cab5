"""The colon-cancer example as its tests use it: design, column map, paths."""

from pathlib import Path

import jax.numpy as jnp
from jax.scipy.special import ndtr, ndtri

from adaptive.design.allocation import FixedAllocation
from adaptive.design.looks import EventLooks
from adaptive.design.protocol import Analysis, Design, Limits
from adaptive.design.rules import EfficacyRule, FutilityRule, HarmRule
from adaptive.io.columns import ColumnMap
from adaptive.models.pooling import PartialPooling
from adaptive.posterior.base import AbstractEngine, AbstractPosterior, Overall
from adaptive.posterior.laplace import LaplaceEngine
from adaptive.records import Health

FOLDER = Path(__file__).parent / "data" / "colon"
PATIENTS = FOLDER / "patients.csv"
ARMS = ("Obs", "Lev", "Lev+5FU")
SUBGROUPS = ("up to 4 nodes", "more than 4 nodes")
COLUMNS = ColumnMap(
    patient="id",
    subgroup="node4",
    arm="arm",
    entry="entry_date",
    end="days",
    end_as="days",
    event="recurrence",
    subgroups={"0": SUBGROUPS[0], "1": SUBGROUPS[1]},
    origin="1984-03-01",
)


def design(model=None, cuts=(0.0, 6.0, 12.0, 18.0, 24.0, 36.0, 48.0)) -> Design:
    return Design(
        name="colon",
        arms=ARMS,
        subgroups=SUBGROUPS,
        endpoint=("recurrence",),
        eligible=jnp.ones((2, 2), bool),
        limits=Limits(max_patients=929, max_per_subgroup=[929, 929], max_months=96.0, n_arrivals=1400),
        looks=EventLooks(counts=[100, 200, 300, 400]),
        allocation=FixedAllocation(ratio=[1.0, 1.0, 1.0]),
        rules=(
            EfficacyRule(margin=1.0, threshold=[0.999, 0.995, 0.99, 0.98], min_events=20.0),
            FutilityRule(margin=0.8, threshold=[0.05, 0.10, 0.10, float("nan")], min_events=20.0),
            HarmRule(margin=1.0, threshold=[0.99, 0.99, 0.99, 0.99], min_events=20.0),
        ),
        analysis=Analysis(
            cuts=list(cuts), model=model or PartialPooling(1.0, 0.5, 0.1, 1.0), engine=LaplaceEngine()
        ),
    )


class NormalPosterior(AbstractPosterior):
    """Test double: independent normal log hazard ratios."""

    mean: jnp.ndarray
    sd: jnp.ndarray
    health: Health

    def p_below(self, log_margins):
        return ndtr((log_margins[:, None, None] - self.mean[None]) / self.sd[None])

    def p_best(self):
        hazard = jnp.concatenate([jnp.ones_like(self.mean[:, :1]), jnp.exp(self.mean)], axis=1)
        return hazard**-4.0 / (hazard**-4.0).sum(axis=1, keepdims=True)

    def moments(self):
        return self.mean, self.sd

    def quantiles(self, levels):
        return self.mean[None] + ndtri(levels)[:, None, None] * self.sd[None]

    def overall(self):
        nan = jnp.full(self.mean.shape[1:], jnp.nan)
        return Overall(nan, nan, nan, nan[0], nan[0])


class NormalEngine(AbstractEngine):
    """Test double that compiles fast: log ratios of smoothed rates; for what surrounds an engine."""

    def fit(self, key, model, table):
        del key, model
        events, months = table.events.sum(axis=2) + 0.5, table.exposure.sum(axis=2) + 1.0
        log_rate = jnp.log(events / months)
        variance = 1.0 / events
        zero = jnp.zeros((), jnp.int32)
        nan = jnp.full((), jnp.nan, months.dtype)
        return NormalPosterior(
            log_rate[:, 1:] - log_rate[:, :1],
            jnp.sqrt(variance[:, 1:] + variance[:, :1]),
            Health(zero, nan, nan, zero),
        )
