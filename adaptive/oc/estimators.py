"""Estimators of operating characteristics that need more than a mean over trials, each with its MCSE.

Beside ``montecarlo``: nothing here may know what a trial, an arm or a design is. Axis: ``R`` trials.

References
----------
Morris, White and Crowther (2019), Statistics in Medicine 38, 2074-2102, doi:10.1002/sim.8086.
"""

import numpy as np

from adaptive import montecarlo as mc
from adaptive.montecarlo import Estimate, Values

SMALLEST_TRUTH = 0.01
"""Log hazard ratio nearer to 0 than this has no relative bias: the ratio would be a division by nothing."""


def normal_estimate(estimate: float, mcse: float, n: int, m: int | None = None) -> Estimate:
    """Return an estimate with normal 95% limits; ``m`` is ``n`` unless given."""
    half = mc.Z95 * mcse
    m = n if m is None else m
    return Estimate(float(estimate), float(mcse), float(estimate - half), float(estimate + half), n, m)


def relative_bias(estimates: Values, truth: float) -> Estimate:
    """Return ``100 (mean(estimate) / truth - 1)``, per cent; MCSE ``100 MCSE(bias) / |truth|``.

    Above 0 the effect is overstated, whatever its sign. Missing where ``|truth| < SMALLEST_TRUTH``.
    """
    n = int(estimates.size)
    if abs(truth) < SMALLEST_TRUTH:
        return Estimate(np.nan, np.nan, np.nan, np.nan, n, n)
    found = mc.mean(estimates)
    return normal_estimate(100 * (found.estimate / truth - 1), 100 * found.mcse / abs(truth), n)


def bias_eliminated_coverage(lower: Values, upper: Values, estimates: Values) -> Estimate:
    """Return how often an interval contains the mean of the estimates instead of the truth.

    A proportion; its MCSE takes that mean as known.
    """
    return mc.coverage(lower, upper, float(estimates.mean()) if estimates.size else np.nan)


def ratio_of_means(numerator: Values, denominator: Values, factor: float = 1.0) -> Estimate:
    """Return ``factor sum(a) / sum(b)`` over trials; MCSE by the delta method.

    ``MCSE = factor sd(a - R b) / (mean(b) sqrt(n))`` with ``R = mean(a) / mean(b)``. Missing if ``b`` is 0
    in every trial.
    """
    n = int(numerator.size)
    below = float(denominator.mean()) if n else 0.0
    if n < 2 or not below > 0:
        return Estimate(np.nan, np.nan, np.nan, np.nan, n, n)
    ratio = float(numerator.mean()) / below
    spread = (numerator - ratio * denominator).std(ddof=1) / (below * np.sqrt(n))
    return normal_estimate(factor * ratio, factor * spread, n)


def relative_precision(own: Values, reference: Values) -> Estimate:
    """Return ``100 (Var(reference) / Var(own) - 1)`` over the same trials, per cent gained by ``own``.

    MCSE by the delta method on both variances: ``100 Q sd(d_A^2 / V_A - d_B^2 / V_B) / sqrt(n)`` with ``d``
    the deviations from the mean, ``V`` their mean squares and ``Q`` the ratio of the sample variances. For
    bivariate normal estimates with correlation ``r`` this is ``200 Q sqrt((1 - r^2) / n)``, the published
    form with the ratio of the standard errors squared.
    """
    n = int(own.size)
    mine, other = own - own.mean(), reference - reference.mean()
    if n < 2 or not (mine**2).mean() > 0 or not (other**2).mean() > 0:
        return Estimate(np.nan, np.nan, np.nan, np.nan, n, n)
    ratio = float((other**2).mean() / (mine**2).mean())
    spread = (other**2 / (other**2).mean() - mine**2 / (mine**2).mean()).std(ddof=1) / np.sqrt(n)
    return normal_estimate(100 * (ratio - 1), 100 * ratio * spread, n)
