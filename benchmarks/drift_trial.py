"""The trial of the drift benchmark: two arms, one population, allocation updated every quarter.

Nothing protects control and nothing stops early, so that what drift does to the one test at the end is seen
alone. Must not run anything; the test of the same claim uses it too.
"""

import jax.numpy as jnp
import numpy as np

from adaptive.design.allocation import FixedAllocation, ThallWathenAllocation
from adaptive.design.looks import CalendarLooks
from adaptive.design.protocol import Analysis, Design, Limits
from adaptive.design.rules import EfficacyRule
from adaptive.models import Drifting, NoPooling
from adaptive.posterior.laplace import LaplaceEngine
from adaptive.scenario.truth import Accrual, Drift, Hazards, Population, Scenario

ACCRUAL = 36.0
FINAL = 42.0
RATE = 6.0
HAZARD = 0.08
THRESHOLD = 0.975
QUARTERS = np.arange(3.0, ACCRUAL + 1.0, 3.0)
PRIOR = {"mu_scale": 1.0, "tau_scale": 0.5, "baseline_shape": 0.1, "baseline_rate": 1.0}


def design(adaptive: bool, analysis: str, *, omega: float = 0.5, every: float = 3.0, shift: float = 0.0):
    """Return the protocol.

    Parameters
    ----------
    adaptive
        Thall-Wathen randomisation, P(best) to the power 1 between 0.1 and 0.9 after 40 patients; else 1:1.
    analysis
        ``plain``, ``walk`` or ``stratified``.
    omega
        Share of the information kept from period to period, for ``walk``.
    every, shift
        Months in a period of entry, and months by which its borders come after those of the allocation.
    """
    n = int(RATE * ACCRUAL)
    months = np.append(QUARTERS, FINAL)
    ratio = np.ones(2)
    rar = {"power": 1.0, "burn_in": 40.0, "floor": 0.1, "cap": 0.9, "control_share": 0.0}
    return Design(
        name="drift",
        arms=("control", "agent"),
        subgroups=("all",),
        endpoint=("event",),
        eligible=np.ones((1, 1), bool),
        limits=Limits(np.int32(n), np.full(1, n, np.int32), FINAL, int(1.5 * n)),
        looks=CalendarLooks(months),
        allocation=ThallWathenAllocation(ratio=ratio, **rar) if adaptive else FixedAllocation(ratio),
        rules=(EfficacyRule(margin=1.0, threshold=np.append(np.full(len(QUARTERS), np.nan), THRESHOLD)),),
        analysis=_analysis(analysis, omega, every, shift),
    )


def _analysis(kind: str, omega: float, every: float, shift: float) -> Analysis:
    model, cuts, engine = NoPooling(**PRIOR), np.array([0.0, 6.0]), LaplaceEngine()
    if kind == "plain":
        return Analysis(cuts, model, engine)
    borders = np.arange(every, ACCRUAL, every) + shift
    periods = np.append(0.0, borders[borders < ACCRUAL])
    trend = Drifting(model, omega=omega, n_periods=periods.size) if kind == "walk" else model
    return Analysis(cuts, trend, engine, periods=jnp.asarray(periods))


def scenario(factor: float, hazard_ratio: float = 1.0) -> Scenario:
    """Return the truth: over the accrual, hazards of both arms change by ``factor``, geometrically.

    Those of the middle are 0.08 a month whatever the factor, so that there are as many events.
    """
    log = np.log(factor)
    return Scenario(
        name="drift",
        subgroups=("all",),
        arms=("control", "agent"),
        channels=("event",),
        states=("on study",),
        n_episodes=1,
        hazards=Hazards(
            cuts=np.zeros(1),
            base=np.full((1, 1, 1, 1), HAZARD),
            log_hr=np.array([0.0, np.log(hazard_ratio)]).reshape(1, 1, 1, 2, 1),
            next_state=-np.ones((1, 1), np.int32),
        ),
        population=Population(knots=np.zeros(1), mix=np.ones((1, 1))),
        accrual=Accrual(knots=np.zeros(1), rate=np.full(1, RATE)),
        drift=Drift(knots=np.array([0.0, ACCRUAL]), log_multiplier=np.array([[-0.5 * log], [0.5 * log]])),
    )
