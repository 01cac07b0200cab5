"""Group-sequential theory as the oracle of the whole simulator.

With one subgroup, two arms, fixed allocation and a flat prior, stopping when ``P(HR < 1) > Phi(z)`` is a
group-sequential log-rank design. Published numbers: gsDesign 3.11 ``gsSurv`` (analytic) and independent
finite-sample simulations of the same designs; rpact 3.3.4 (analytic and 10,000 simulations). Theory is
asymptotic and its simulations used the log-rank statistic, so power may differ by 0.025 and type I error
by 0.004 beyond Monte Carlo error, as stated with the published numbers.
"""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from adaptive import analysis
from adaptive.codes import CellStatus
from adaptive.design.allocation import FixedAllocation
from adaptive.design.looks import EventLooks
from adaptive.design.protocol import Analysis, Design, Limits
from adaptive.design.rules import EfficacyRule, FutilityRule
from adaptive.models.pooling import NoPooling
from adaptive.posterior.laplace import LaplaceEngine
from adaptive.records import EventTable
from adaptive.scenario.truth import Accrual, Drift, Hazards, Population, Scenario
from adaptive.simulate.drivers import simulate
from tests.statistics import assert_mc_close

POWER_ALLOWANCE, ALPHA_ALLOWANCE = 0.025, 0.004


def scenario(*, hr, median, dropout=0.0, knots=(0.0,), rate=(1.0,)):
    base = np.zeros((1, 2, 1, 1))
    base[0, 0], base[0, 1] = np.log(2) / median, dropout
    log_hr = np.zeros((1, 2, 1, 2, 1))
    log_hr[0, 0, 0, 1] = np.log(hr)
    return Scenario(
        name="two arms",
        subgroups=("all",),
        arms=("control", "treatment"),
        channels=("event", "dropout"),
        states=("on study",),
        n_episodes=1,
        hazards=Hazards(np.zeros(1), base, log_hr, -np.ones((1, 2), np.int32)),
        population=Population(np.zeros(1), np.ones((1, 1))),
        accrual=Accrual(np.asarray(knots), np.asarray(rate)),
        drift=Drift(np.zeros(1), np.zeros((1, 2))),
    )


def design(*, patients, events, efficacy, futility=None):
    rules = [EfficacyRule(margin=1.0, threshold=norm.cdf(efficacy))]
    if futility is not None:
        rules.append(FutilityRule(margin=1.0, threshold=norm.cdf(futility)))
    return Design(
        name="group sequential",
        arms=("control", "treatment"),
        subgroups=("all",),
        endpoint=("event",),
        eligible=np.ones((1, 1), bool),
        limits=Limits(np.int32(patients), np.full(1, patients, np.int32), 400.0, patients),
        looks=EventLooks(counts=np.asarray(events, np.int32)),
        allocation=FixedAllocation(ratio=np.ones(2)),
        rules=tuple(rules),
        analysis=Analysis(cuts=np.zeros(1), model=NoPooling(10.0, 0.5, 0.001, 0.001), engine=LaplaceEngine()),
    )


def cumulative(result, n_looks, status):
    """Cumulative probability, by look, of leaving with the given status."""
    hit = result.status[:, 0, 0] == status
    return np.array([(hit & (result.decided_look[:, 0, 0] <= k)).mean() for k in range(n_looks)])


def check(result, published, *, status, n_published, allowance):
    n = result.reason.size
    ours = cumulative(result, len(published), status)
    p = np.asarray(published)
    se = np.sqrt(p * (1 - p) * (1 / n + 1 / n_published))
    assert_mc_close(ours, p, se, allowance=allowance, label=f"{ours}")
    return ours


A = dict(patients=106, events=(31, 62, 93), efficacy=(3.0107, 2.5465, 1.9992))
A_POWER, A_ALPHA = (0.1272, 0.5570, 0.9026), (0.0014, 0.0078, 0.0243)
A_FUTILITY = (-0.2388, 0.9410, 1.9992)
C = dict(
    patients=148,
    events=(27, 54, 80, 107),
    efficacy=(3.1554, 2.8175, 2.4200, 1.8598),
    futility=(0.1555, 0.7616, 1.3357, 1.8598),
)
C_TRUTH = dict(median=6.0, dropout=np.log(2) / 40, rate=(147.8 / 24,))


@pytest.mark.parametrize(
    "hr, published, allowance",
    [(0.5, A_POWER, POWER_ALLOWANCE), (1.0, A_ALPHA, ALPHA_ALLOWANCE)],
)
def test_c1_design_a_without_futility(hr, published, allowance):
    result = simulate(design(**A), scenario(hr=hr, median=6.0), seed=1, trials=np.arange(20_000)).result
    check(result, published, status=CellStatus.EFFICACY, n_published=10_000, allowance=allowance)


@pytest.mark.parametrize(
    "hr, efficacy, futility, n, allowance",
    [
        (0.5, (0.1239, 0.5432, 0.8820), (0.0189, 0.0530, 0.1180), 40_000, POWER_ALLOWANCE),
        (1.0, (0.0017, 0.0071, 0.0263), (0.4024, 0.8310, 0.9737), 10_000, None),
    ],
)
def test_c1_design_a_with_futility(hr, efficacy, futility, n, allowance):
    with_futility = design(**A, futility=A_FUTILITY)
    result = simulate(with_futility, scenario(hr=hr, median=6.0), seed=2, trials=np.arange(20_000)).result
    check(result, efficacy, status=CellStatus.EFFICACY, n_published=n, allowance=allowance or ALPHA_ALLOWANCE)
    check(result, futility, status=CellStatus.FUTILITY, n_published=n, allowance=POWER_ALLOWANCE)


@pytest.mark.parametrize(
    "hr, efficacy, futility, allowance",
    [
        (0.5, (0.0877, 0.4004, 0.7493, 0.9000), (0.05, 0.0707, 0.0866, 0.1), POWER_ALLOWANCE),
        (1.0, (0.0008, 0.0030, 0.0089, 0.0249), (0.5618, 0.8116, 0.9300, 0.9751), ALPHA_ALLOWANCE),
    ],
)
def test_c1_design_c_with_binding_futility(hr, efficacy, futility, allowance):
    result = simulate(design(**C), scenario(hr=hr, **C_TRUTH), seed=3, trials=np.arange(20_000)).result
    check(result, efficacy, status=CellStatus.EFFICACY, n_published=np.inf, allowance=allowance)
    check(result, futility, status=CellStatus.FUTILITY, n_published=np.inf, allowance=POWER_ALLOWANCE)


def test_c2_accrual_in_steps_and_dropout():
    """rpact: 231.3 / 350.5 events at months 39.5 / 53.7, power .4030 / .7966 by simulation."""
    steps = np.arange(1, 7)
    knots = np.sort(np.concatenate([[0.0], steps - 1e-9, steps]))
    rate = np.repeat([6.0, 12, 18, 24, 30, 36, 42], 2)[: knots.size]
    truth = scenario(hr=0.74, median=60.0, dropout=-np.log(1 - 0.025) / 12, knots=knots, rate=rate)
    protocol = design(patients=1200, events=(232, 351), efficacy=(2.524, 1.992))
    n = 4000
    simulated = simulate(protocol, truth, seed=4, trials=np.arange(n))
    check(simulated.result, (0.4030, 0.7966), status=2, n_published=10_000, allowance=POWER_ALLOWANCE)
    month = simulated.looks.time[:, 0]
    assert_mc_close(month.mean(), 39.6, month.std() * np.sqrt(1 / n + 1 / 10_000), allowance=0.05)
    duration = simulated.result.months
    assert_mc_close(duration.mean(), 48.0, duration.std() * np.sqrt(1 / n + 1 / 10_000), allowance=0.05)


@pytest.mark.parametrize("bug, patients", [("ten percent exposure", 107), ("swapped arms", 108)])
def test_planted_bugs_break_the_theory(bug, patients, monkeypatch):
    """Each bug, built into the engine, must fail the check of design A.

    The odd numbers of patients make the compiler trace these designs anew, bug included, and keep the
    traces away from every other test.
    """
    honest = analysis.tabulate

    def wrong(*args):
        table = honest(*args)
        if bug == "swapped arms":
            return EventTable(table.events[:, ::-1], table.exposure[:, ::-1])
        return EventTable(table.events, table.exposure * jnp.asarray([1.0, 1.1])[None, :, None])

    monkeypatch.setattr(analysis, "tabulate", wrong)
    protocol = design(**{**A, "patients": patients})
    trials = np.arange(20_000)
    power = simulate(protocol, scenario(hr=0.5, median=6.0), seed=5, trials=trials).result
    null = simulate(protocol, scenario(hr=1.0, median=6.0), seed=5, trials=trials).result
    with pytest.raises(AssertionError, match="gap"):
        check(null, A_ALPHA, status=CellStatus.EFFICACY, n_published=10_000, allowance=ALPHA_ALLOWANCE)
        check(power, A_POWER, status=CellStatus.EFFICACY, n_published=10_000, allowance=POWER_ALLOWANCE)
