"""A whole simulation with the sampler at every look: drivers agree, decisions are those of the fast engine.

The sampler's trials and the fast engine's are the same until a decision differs, and one may differ only
where a probability is within Monte Carlo error of its threshold.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adaptive.codes import CellStatus, HealthCode
from adaptive.oc.audit_frame import rule_value
from adaptive.posterior.laplace import LaplaceEngine
from adaptive.posterior.nuts import NutsEngine
from adaptive.simulate.drivers import simulate
from tests.posterior_cases import pooling_model
from tests.toy import toy_design, toy_scenario

pytestmark = [pytest.mark.statistical, pytest.mark.slow]

LANES, SEED = 8, 4
TRIALS = np.arange(2 * LANES)
ENGINE = NutsEngine(
    chains=2,
    warmup=200,
    draws=300,
    target_accept=0.95,
    max_tree_depth=6,
    max_rhat=1.1,
    min_ess=50.0,
    max_divergences=5.0,
)
SCENARIO = toy_scenario(((-0.9, 0.0), (-0.3, 0.5)))
BIAS = 0.02
"""Stated error of the fast engine at tables of this size, added to the Monte Carlo error."""


def design(engine):
    base = toy_design(adaptive=False)
    return eqx.tree_at(lambda d: (d.analysis.model, d.analysis.engine), base, (pooling_model("full"), engine))


@pytest.fixture(scope="module")
def sampled():
    return simulate(design(ENGINE), SCENARIO, seed=SEED, trials=TRIALS, lanes=LANES)


def test_both_drivers_run_the_sampler_and_agree(sampled):
    scan = simulate(design(ENGINE), SCENARIO, seed=SEED, trials=TRIALS, lanes=LANES, driver="scan")
    for ours, theirs in zip(jax.tree.leaves(sampled), jax.tree.leaves(scan), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert (sampled.result.status >= CellStatus.EFFICACY).all()


def test_a_trial_does_not_depend_on_its_neighbours(sampled):
    alone = simulate(design(ENGINE), SCENARIO, seed=SEED, trials=TRIALS[5:6], lanes=LANES)
    for ours, theirs in zip(jax.tree.leaves(sampled), jax.tree.leaves(alone), strict=True):
        np.testing.assert_array_equal(ours[5:6], theirs)


def test_decisions_are_those_of_the_fast_engine_up_to_monte_carlo_error(sampled):
    fast = simulate(design(LaplaceEngine()), SCENARIO, seed=SEED, trials=TRIALS, lanes=LANES)
    ours, theirs = sampled.looks, fast.looks
    same = np.logical_and.accumulate(
        (ours.decision.status == theirs.decision.status).all(axis=(2, 3)), axis=1
    )
    # Data are the same up to and including the first look at which a decision differs.
    shared = np.concatenate([np.ones((TRIALS.size, 1), bool), same[:, :-1]], axis=1) & ours.held
    np.testing.assert_array_equal(ours.evidence.events[shared], theirs.evidence.events[shared])
    look = np.nonzero(shared)[1]
    n_settled = 0
    for g, rule in enumerate(toy_design().rules):
        threshold = np.asarray(rule.threshold)[look][:, None, None]
        p_nuts, p_fast = (rule_value(rule, r.evidence.statistics[shared][:, g]) for r in (ours, theirs))
        error = BIAS + 5.0 * np.sqrt(np.maximum(p_fast * (1 - p_fast), 0.001) / 150.0)
        differ = (p_nuts > threshold) != (p_fast > threshold)
        settled = (np.abs(p_fast - threshold) > error) & np.isfinite(threshold)
        assert not (differ & settled).any()
        n_settled += int(settled.sum())
    assert n_settled > 50


def test_a_fit_that_fails_its_gates_fires_no_rule_and_is_counted(sampled):
    strict = eqx.tree_at(lambda e: e.min_ess, ENGINE, jnp.asarray(1e9))
    failed = simulate(design(strict), SCENARIO, seed=SEED, trials=TRIALS, lanes=LANES)
    codes = failed.looks.evidence.health.code[failed.looks.held]
    assert (codes != HealthCode.OK).all()
    assert (failed.result.status == CellStatus.COMPLETED).all()
    assert (failed.result.unhealthy_looks == failed.result.looks_held).all()
    healthy = sampled.looks.evidence.health.code[sampled.looks.held] == HealthCode.OK
    assert healthy.mean() > 0.8
    np.testing.assert_array_equal(sampled.result.unhealthy_looks.sum(), (~healthy).sum())
