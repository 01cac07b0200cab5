"""Comparisons whose tolerance is computed from Monte Carlo error."""

import numpy as np
from scipy import stats

SUITE_FALSE_ALARM = 1e-6


def assert_mc_close(estimate, expected, se, *, n_checks: int | None = None, allowance=0.0, label: str = ""):
    """Check ``|estimate - expected| <= allowance + z * se``, two-sided, Bonferroni over ``n_checks``.

    ``allowance`` is a known bias of the expectation (for example an asymptotic formula), stated by its
    source. Returns the smallest error that the check would have seen with probability one half.
    """
    estimate, expected, se = np.broadcast_arrays(*map(np.asarray, (estimate, expected, se)))
    n = n_checks or estimate.size
    z = stats.norm.isf(SUITE_FALSE_ALARM / (2 * n))
    limit = allowance + z * se
    gap = np.abs(estimate - expected)
    worst = np.argmax(gap - limit) if gap.ndim else 0
    assert np.all(gap <= limit), (
        f"{label}: largest excess at {np.unravel_index(worst, gap.shape) if gap.ndim else ''}: "
        f"estimate {estimate.flat[worst]:.6g}, expected {expected.flat[worst]:.6g}, "
        f"gap {gap.flat[worst]:.3g} > {np.broadcast_to(limit, gap.shape).flat[worst]:.3g}"
    )
    return float(np.max(limit)) if limit.size else 0.0
