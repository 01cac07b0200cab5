"""A small design for calibration: one subgroup, two arms, three looks at events, a quick engine."""

from dataclasses import replace

import numpy as np
from scipy import stats

from adaptive.design.protocol import Analysis
from adaptive.oc.calibrate import Request, calibrate, confirmed, declare
from adaptive.oc.calibrate_errors import Plan
from adaptive.oc.calibrate_found import Aim
from tests.independent.test_independent_group_sequential import A, design, scenario
from tests.toy import ToyEngine, ToyModel

TARGET = 0.025
AIM = Aim(TARGET, conservative=True)
N_SEEDS = 20
ALARM = 1e-6


def small_design(engine=None):
    """Return design A of the group-sequential checks, with the quick engine unless another is given."""
    made = design(**A)
    return made if engine else replace(made, analysis=Analysis(np.zeros(1), ToyModel(), ToyEngine()))


def small_null(protocol):
    """Return the one declared scenario: no effect."""
    return declare("no effect", protocol, scenario(hr=1.0, median=6.0), 24.0)


def repeated(n, n_confirm, *, n_seeds=N_SEEDS, request=None, first=100, fresh=5000):
    """Calibrate and confirm under many seeds; the fresh seeds are ``fresh`` further on."""
    protocol, request = small_design(), request or Request(AIM)
    nulls = [small_null(protocol)]
    found = []
    for seed in range(first, first + n_seeds):
        one = calibrate(protocol, 0, nulls, request, Plan(seed, n))
        found.append(confirmed(one, nulls, request.aim, Plan(seed + fresh, n_confirm), seed))
    return found


def spread(found):
    """Return ``sum (c - mean)^2 / mean(mcse^2)``, chi-squared with one degree of freedom less than seeds."""
    c = np.array([one.found.c for one in found])
    stated = np.mean([one.found.mcse**2 for one in found])
    return float(((c - c.mean()) ** 2).sum() / stated)


def spread_limits(n_seeds=N_SEEDS):
    """Return the limits of ``spread`` outside which chance brings it once in a million."""
    return tuple(stats.chi2.ppf([ALARM / 2, 1 - ALARM / 2], n_seeds - 1))


def scatter(counts, n, n_calibration, target=TARGET):
    """Return the sum of squares of confirmed errors about the target, in units of what chance explains.

    A threshold that is an order statistic of ``n_calibration`` trials has an error with variance ``a (1 - a)
    /
    n_calibration``; fresh trials add theirs. Chi-squared with as many degrees of freedom as counts.
    """
    gaps = np.asarray(counts) / n - target
    return float((gaps**2).sum() / (target * (1 - target) * (1 / n + 1 / n_calibration)))


def scatter_limits(n_seeds=N_SEEDS):
    """Return the limits of ``scatter`` outside which chance brings it once in a million."""
    return tuple(stats.chi2.ppf([ALARM / 2, 1 - ALARM / 2], n_seeds))
