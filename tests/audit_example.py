"""A cheap stand-in for an audit: the toy posterior is normal, so a sampler can draw from it exactly."""

import equinox as eqx
import jax
import jax.numpy as jnp

from adaptive.codes import HealthCode
from adaptive.oc.audit_course import run_course
from adaptive.oc.audit_frame import AuditCell
from adaptive.oc.load import load_results
from adaptive.oc.study import run_cell
from adaptive.posterior.base import AbstractEngine, AbstractPosterior
from adaptive.posterior.nuts import AbstractSampler, DrawsPosterior
from adaptive.records import Health
from tests.toy import ToyEngine, toy_design, toy_scenario

SHIFT = 0.02
SCENARIO = toy_scenario(((-0.5, 0.0), (-0.3, 0.4)))


class ToySampler(AbstractSampler):
    """Independent draws of the toy posterior; takes the settings of NUTS and heeds few of them.

    ``bad_below`` makes fits of tables with fewer events fail their first ``n_bad`` attempts.
    """

    chains: int = eqx.field(static=True, default=2)
    warmup: int = eqx.field(static=True, default=0)
    draws: int = eqx.field(static=True, default=500)
    target_accept: float = eqx.field(static=True, default=0.9)
    max_tree_depth: int = eqx.field(static=True, default=1)
    max_rhat: float = 1.01
    min_ess: float = 0.0
    max_divergences: float = 0.0
    min_ebfmi: float = 0.0
    bad_below: float = 0.0
    n_bad: int = eqx.field(static=True, default=1)
    attempt: int = eqx.field(static=True, default=0)

    def fit(self, key, model, table):
        exact = ToyEngine().fit(key, model, table)
        shape = (self.chains, self.draws, *exact.mean.shape)
        noise = jax.random.normal(key, shape, exact.mean.dtype)
        log_hr = exact.mean[None, None] + noise * exact.sd[None, None]
        bad = (table.events.sum() < self.bad_below) & (self.attempt < self.n_bad)
        code = jnp.where(bad, int(HealthCode.NOT_CONVERGED), int(HealthCode.OK)).astype(jnp.int32)
        one = jnp.ones((), exact.mean.dtype)
        health = Health(code, one * shape[0] * shape[1], one, jnp.zeros((), jnp.int32))
        return DrawsPosterior({"log_hr": log_hr}, jnp.zeros(shape[:2], bool), noise[:, :, 0, 0], health)

    def stronger(self, times):
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return ToySampler(**{**fields, "draws": self.draws * 4**times, "attempt": times})


class ShiftedPosterior(AbstractPosterior):
    """A posterior whose probabilities of benefit are too high by ``SHIFT``."""

    exact: AbstractPosterior
    health: Health

    def p_below(self, log_margins):
        return jnp.minimum(self.exact.p_below(log_margins) + SHIFT, 1.0)

    def p_best(self):
        return self.exact.p_best()

    def moments(self):
        return self.exact.moments()

    def quantiles(self, levels):
        return self.exact.quantiles(levels)

    def overall(self):
        return self.exact.overall()


class ShiftedEngine(AbstractEngine):
    """The planted bug."""

    def fit(self, key, model, table):
        exact = ToyEngine().fit(key, model, table)
        return ShiftedPosterior(exact, exact.health)


def design_with(engine):
    return eqx.tree_at(lambda d: d.analysis.engine, toy_design(adaptive=False), engine)


def stored(folder, engine, *, n_trials=256, keep_looks=True, seed=3, config=None):
    """Simulate with an engine, store, and return the result as an audit takes it."""
    design = design_with(engine)
    path = run_cell(
        design,
        SCENARIO,
        study="s",
        seed=seed,
        n_trials=n_trials,
        chunk_size=n_trials,
        path=folder,
        resolved_config=config or {},
        keep_looks=keep_looks,
        progress=False,
    )
    (result,) = load_results([path])
    return AuditCell(result, design, SCENARIO, run_course)
