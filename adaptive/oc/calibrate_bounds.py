"""Exact limits of proportions and of order statistics, as calibration needs them. NumPy and SciPy only.

Limits describe Monte Carlo error alone: they hold for the scenarios that were simulated, and say nothing of
scenarios that were not.
"""

import numpy as np
from jaxtyping import Float
from scipy import special, stats

from adaptive import montecarlo as mc

FLOOR = 38.0
"""Statistics beyond this z-value are cut off, so that "never" and "always" are finite."""


def clopper_pearson(count: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Return the exact central limits of a proportion.

    The roots of ``P(X >= count) = P(X <= count) = (1 - level) / 2`` in the binomial probability, as
    quantiles of beta distributions.

    References
    ----------
    Clopper and Pearson (1934), Biometrika 26, 404-413, doi:10.1093/biomet/26.4.404.
    """
    tail = (1.0 - level) / 2
    lower = 0.0 if count == 0 else float(special.betaincinv(count, n - count + 1, tail))
    return lower, upper_bound(count, n, tail)


def upper_bound(count: int, n: int, gamma: float) -> float:
    """Return the exact upper bound of a proportion, which fails with probability ``gamma`` at most."""
    return 1.0 if count >= n else float(special.betaincinv(count + 1, n - count, 1.0 - gamma))


def allowed_count(n: int, target: float, gamma: float | None = None) -> int:
    """Return how many of ``n`` trials may make a false claim.

    Parameters
    ----------
    n, target
        Trials, and the error rate aimed at.
    gamma
        ``None`` for ``floor(n target)``; otherwise the largest count whose exact upper bound at ``1 - gamma``
        does not exceed the target, or -1 if not even 0 does.
    """
    if gamma is None:
        return int(np.floor(n * target + 1e-9))
    # P(X <= x | target) <= gamma is the same as "the upper bound of x is at most the target".
    x = int(stats.binom.ppf(gamma, n, target))
    while x >= 0 and upper_bound(x, n, gamma) > target:
        x -= 1
    return x


def exceedance_point(values: Float[np.ndarray, " R"], allowed: int) -> float:
    """Return the smallest value that at most ``allowed`` of the values exceed."""
    return float(np.sort(values)[values.size - 1 - allowed])


def exceedance_limits(
    values: Float[np.ndarray, " R"], target: float, gamma: float = 0.05
) -> tuple[float, float]:
    """Return distribution-free limits of the point that ``values`` exceed with probability ``target``.

    The number of values above that point is binomial, so two order statistics hold it with probability at
    least ``1 - gamma`` (Conover 1999, Practical Nonparametric Statistics, section 3.2). Infinite where there
    are too few values.
    """
    ordered, n = np.sort(values)[::-1], values.size
    high = int(stats.binom.isf(gamma / 2, n, target)) + 1
    low = int(stats.binom.ppf(gamma / 2, n, target))
    # P(X <= low - 1) < gamma / 2 by the definition of the quantile.
    upper = float(ordered[low - 1]) if low >= 1 else np.inf
    return (float(ordered[high - 1]) if high <= n else -np.inf), upper


def exceedance_error(values: Float[np.ndarray, " R"], allowed: int) -> float:
    """Return the Monte Carlo standard error of ``exceedance_point`` (Maritz and Jarrett)."""
    n = values.size
    return mc.quantile(values, (n - allowed - 0.5) / n).mcse
