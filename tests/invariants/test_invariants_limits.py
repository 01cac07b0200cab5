"""Hard limits hold in every trial: maxima, closed subgroups, arms never offered, the calendar limit."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adaptive.codes import CellStatus, StopReason
from adaptive.design.assignment import CompleteRandomisation, Line
from adaptive.design.protocol import Limits
from adaptive.design.rules import EfficacyRule, FutilityRule
from adaptive.simulate import step
from adaptive.simulate.drivers import simulate
from tests.toy import ToyEngine, toy_design, toy_scenario

N = 300


def limits(patients=120, per=(120, 120), months=60.0, arrivals=240):
    return Limits(np.int32(patients), np.asarray(per, np.int32), months, arrivals)


def run(design, scenario=None, n=N):
    return simulate(design, scenario or toy_scenario(), seed=9, trials=np.arange(n))


def test_maximum_overall_and_per_subgroup():
    out = run(toy_design(limits=limits(patients=110, per=(50, 70))))
    per_subgroup = out.result.patients.sum(-1)
    assert (per_subgroup <= [50, 70]).all() and (per_subgroup.sum(-1) <= 110).all()
    assert (per_subgroup[:, 0] == 50).mean() > 0.9


def test_arm_never_offered_gets_nobody_and_no_verdict():
    eligible = np.array([[True, False], [True, True]])
    out = run(toy_design(eligible=eligible))
    assert (out.result.patients[:, 0, 2] == 0).all()
    assert (out.result.status[:, 0, 1] == CellStatus.NEVER_OPENED).all()
    assert (out.result.status[:, eligible] != CellStatus.NEVER_OPENED).all()


def test_closed_subgroups_stop_accruing():
    rules = (
        EfficacyRule(margin=1.0, threshold=np.full(3, 0.999)),
        FutilityRule(margin=1.0, threshold=np.full(3, 0.7)),
    )
    out = run(toy_design(rules=rules, limits=limits(arrivals=1000)), toy_scenario(((0.5, 0.5), (-1.5, -1.5))))
    closed = (out.looks.decision.status[:, 0, 0] != CellStatus.OPEN).all(-1) & out.looks.held[:, 1]
    before, after = out.looks.evidence.patients[:, 0, 0], out.looks.evidence.patients[:, 1, 0]
    assert closed.sum() > 20
    np.testing.assert_array_equal(before[closed], after[closed])
    running = ~closed & out.looks.held[:, 1]
    assert (after.sum(-1) > before.sum(-1))[running].all()


def test_calendar_limit_forces_the_final_look():
    out = run(toy_design(limits=limits(months=10.0)), toy_scenario(rate=3.0))
    assert (out.result.months <= 10.0).all()
    assert (out.result.reason == StopReason.TIME_LIMIT).mean() > 0.9


def test_running_out_of_arrivals_is_reported():
    out = run(toy_design(limits=limits(arrivals=100)))
    assert out.result.arrivals_exhausted.mean() > 0.9
    assert not run(toy_design(limits=limits(arrivals=1000))).result.arrivals_exhausted.any()


@pytest.mark.parametrize("allocation", [[0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.2, 0.0, 0.8], [1 / 3] * 3])
def test_closed_arms_are_never_drawn(allocation):
    uniform = jnp.concatenate([jnp.linspace(0.0, 1.0 - 2**-53, 10_001), jnp.asarray([2.0**-33])])
    nobody = jnp.zeros(uniform.shape, jnp.int32)
    line = Line(nobody, nobody, uniform, None)
    arms = CompleteRandomisation().arms(jnp.asarray([allocation]), line)
    share = np.bincount(arms, minlength=3) / uniform.size
    np.testing.assert_allclose(share, allocation, atol=3e-4)
    assert (share[np.asarray(allocation) == 0] == 0).all()


def test_a_threshold_sweep_compiles_once():
    traces = 0

    def counted(design):
        nonlocal traces
        traces += 1
        nature, state = step.open_trial(design, toy_scenario(), jnp.uint32(1), jnp.uint32(2))
        return step.hold_look(design, nature, state, jnp.int32(0))[1].decision.verdict

    compiled = eqx.filter_jit(counted)
    for threshold in (0.9, 0.95, 0.99):
        rules = (EfficacyRule(margin=1.0, threshold=np.full(3, threshold)),)
        jax.block_until_ready(compiled(toy_design(rules=rules)))
    assert traces == 1


def test_a_threshold_sweep_of_the_simulator_compiles_once():
    traces = []

    class Counted(ToyEngine):
        def fit(self, key, model, table):
            traces.append(table.events.dtype)
            return ToyEngine().fit(key, model, table)

    design = eqx.tree_at(lambda d: d.analysis.engine, toy_design(), Counted())
    claims = []
    for threshold in np.linspace(0.5, 0.99, 20):
        rules = (EfficacyRule(margin=1.0, threshold=np.full(3, threshold)),)
        swept = eqx.tree_at(lambda d: d.rules, design, rules)
        claims.append((run(swept, n=20).result.status == CellStatus.EFFICACY).sum())
    assert len(traces) == 1
    assert claims[0] > claims[-1]


def test_a_bad_fit_decides_nothing_and_is_counted():
    class Sick(ToyEngine):
        def fit(self, key, model, table):
            good = ToyEngine().fit(key, model, table)
            return eqx.tree_at(lambda p: p.health.code, good, jnp.asarray(5, jnp.int32))

    design = toy_design()
    sick = eqx.tree_at(lambda d: d.analysis.engine, design, Sick())
    out = run(sick, toy_scenario(((-3.0, -3.0), (-3.0, -3.0))), n=20)
    assert (out.result.status == CellStatus.COMPLETED).all()
    assert (out.result.unhealthy_looks == out.result.looks_held).all()
