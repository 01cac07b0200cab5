"""Judge simulation-based calibration: what must be uniform, zero or one, and how far it is off.

Every check is a p-value that is uniform when prior, simulator, likelihood and engine agree. A verdict takes
the smallest, corrected for their number. Must not fit anything.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import stats

from adaptive.posterior.sbc import MARGINS, Replicates

POINTS = np.array([0.005, 0.01, 0.025, *np.arange(0.05, 0.951, 0.05), 0.975, 0.99, 0.995])
"""Where the distribution function of the places is compared; dense where thresholds live."""
EDGES = np.array([0.0, 0.025, 0.1, 0.5, 0.9, 0.975, 1.0])
"""Bins of the posterior probability of benefit."""
LEAST_VARIANCE = 25.0
"""Binomial variance in a bin below which its normal approximation is not used."""


class Check(NamedTuple):
    """One check: what it looked at, how far it is off in standard errors, and its two-sided p-value."""

    name: str
    z: float
    p_value: float


def all_checks(replicates: Replicates) -> list[Check]:
    """Return every check of a calibration run.

    Returns
    -------
    Checks of places (each test quantity, and all cells together) and of the place against the data. For
    engines without draws also of standardised errors, of P(HR < margin), of P(best), and of the
    between-subgroup parameters: moments and shares of a few draws carry an error of their own.
    """
    checks = [*place_checks(replicates), *data_checks(replicates)]
    if len(replicates.names) > replicates.truth.log_hr[0].size:
        return checks
    return [
        *checks,
        *moment_checks(replicates),
        *probability_checks(replicates),
        *best_checks(replicates),
        *between_checks(replicates),
    ]


def worst(checks: list[Check]) -> Check:
    """Return the check with the smallest p-value."""
    return min(checks, key=lambda check: check.p_value)


def verdict(checks: list[Check], false_alarm: float) -> bool:
    """Return whether the smallest p-value times the number of checks is at least ``false_alarm``."""
    return worst(checks).p_value * len(checks) >= false_alarm


def place_checks(replicates: Replicates) -> list[Check]:
    """Check that places are uniform: their distribution function, and mean and square of normal scores.

    The distribution function is compared with exact binomial tails at ``POINTS``, corrected for their
    number: a simultaneous band in the manner of Sailynoja, Buerkner and Vehtari (2022),
    doi:10.1007/s11222-021-10090-6, made conservative instead of calibrated by simulation. Scores ``Phi^-1``
    of uniform places are standard normal, so their mean sees a shift and their square a wrong scale.
    """
    places = np.asarray(replicates.answer.place, float)
    n, scores = places.shape[0], scores_of(places)
    found = []
    for q, name in enumerate(replicates.names):
        found.append(ecdf_check(f"distribution of {name}", places[:, q]))
        found.append(_of_z(f"shift of {name}", scores[:, q].mean() * np.sqrt(n)))
        found.append(_of_chi2(f"scale of {name}", (scores[:, q] ** 2).sum(), n))
    cells = scores[:, : replicates.truth.log_hr[0].size]
    return [
        *found,
        _mean_is("shift of all cells", cells.mean(axis=1), 0.0),
        _mean_is("scale of all cells", (cells**2).mean(axis=1), 1.0),
    ]


def data_checks(replicates: Replicates) -> list[Check]:
    """Check that the place in the posterior cannot be foretold from the data.

    The normal score times the (centred) rough log rate ratio must have mean zero. An engine that returns
    the prior has uniform places and fails here.
    """
    cells = replicates.truth.log_hr[0].size
    scores = scores_of(np.asarray(replicates.answer.place, float)[:, :cells])
    rough = replicates.answer.rough.reshape(scores.shape).astype(float)
    # Any function of the data will do, and a bounded one has a mean that is soon normal.
    bounded = np.tanh(rough)
    own = scores * bounded
    across = scores * (bounded.mean(axis=1, keepdims=True) - bounded)
    found = [_mean_is("place against the data", own.mean(axis=1), 0.0)]
    return found + ([_mean_is("place against other cells", across.mean(axis=1), 0.0)] if cells > 1 else [])


def moment_checks(replicates: Replicates) -> list[Check]:
    """Check that ``(theta - mean) / sd`` has mean 0 and mean square 1, which holds for every shape."""
    return _standardised("log HR", replicates.truth.log_hr, replicates.answer.mean, replicates.answer.sd)


def probability_checks(replicates: Replicates) -> list[Check]:
    """Check that of the cases with ``P(HR < m) = p`` a share ``p`` has ``HR < m``, overall and by bins."""
    found = []
    for g, margin in enumerate(MARGINS):
        stated = replicates.answer.p_below[:, g].astype(float)
        happened = replicates.truth.log_hr < np.log(margin)
        found += calibration_checks(f"P(HR < {margin:g})", happened, stated)
    return found


def best_checks(replicates: Replicates) -> list[Check]:
    """Check that an arm is best as often as P(best) says, arm by arm."""
    log_hr, stated = replicates.truth.log_hr, replicates.answer.p_best.astype(float)
    with_control = np.concatenate([np.zeros_like(log_hr[:, :, :1]), log_hr], axis=2)
    best = with_control.argmin(axis=2)
    return [
        _mean_is(f"P(arm {a} is best)", ((best == a) - stated[:, :, a]).mean(axis=1), 0.0)
        for a in range(stated.shape[2])
    ]


def between_checks(replicates: Replicates) -> list[Check]:
    """Check the posterior summaries of ``mu`` and ``tau``, where the model has them."""
    truth, overall = replicates.truth, replicates.answer.overall
    found = []
    if np.isfinite(truth.mu).all() and np.isfinite(overall.mu_mean).all():
        found += _standardised("mu", truth.mu, overall.mu_mean, overall.mu_sd)
        found += calibration_checks("P(mu < 0)", truth.mu < 0, overall.mu_p_below_0.astype(float))
    if np.isfinite(truth.tau).all() and np.isfinite(overall.tau_mean).all():
        found += _standardised("tau", truth.tau[:, None], overall.tau_mean[:, None], overall.tau_sd[:, None])
    return found


def calibration_checks(name: str, happened: np.ndarray, stated: Float[np.ndarray, "..."]) -> list[Check]:
    """Compare events with their stated probabilities, replicates on the first axis: overall and in bins."""
    rows = happened.shape[0]
    gap, variance = (happened - stated).reshape(rows, -1), (stated * (1 - stated)).reshape(rows, -1)
    bins = np.digitize(stated.reshape(rows, -1), EDGES[1:-1])
    found = [_mean_is(name, gap.mean(axis=1), 0.0)]
    for k in range(EDGES.size - 1):
        inside = bins == k
        if variance[inside].sum() >= LEAST_VARIANCE:
            label = f"{name} when it is {EDGES[k]:g} to {EDGES[k + 1]:g}"
            found.append(_mean_is(label, (gap * inside).sum(axis=1), 0.0))
    return found


def ecdf_check(name: str, places: Float[np.ndarray, " R"]) -> Check:
    """Compare the distribution function with exact binomial tails at ``POINTS``."""
    n = places.size
    counts = (places[:, None] <= POINTS[None, :]).sum(axis=0)
    tails = np.minimum(stats.binom.cdf(counts, n, POINTS), stats.binom.sf(counts - 1, n, POINTS))
    k = int(tails.argmin())
    z = (counts[k] - n * POINTS[k]) / np.sqrt(n * POINTS[k] * (1 - POINTS[k]))
    return Check(name, float(z), float(min(1.0, 2.0 * tails[k] * POINTS.size)))


def scores_of(places: Float[np.ndarray, "R Q"]) -> Float[np.ndarray, "R Q"]:
    """Return ``Phi^-1(place)``, places kept 1e-7 inside (0, 1): 5.2 standard deviations."""
    return stats.norm.ppf(np.clip(places, 1e-7, 1 - 1e-7))


def _standardised(name: str, truth: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> list[Check]:
    error = ((truth - mean) / sd).reshape(truth.shape[0], -1).astype(float)
    return [
        _mean_is(f"mean error of {name}", error.mean(axis=1), 0.0),
        _mean_is(f"squared error of {name}", (error**2).mean(axis=1), 1.0),
    ]


def _mean_is(name: str, values: Float[np.ndarray, " R"], expected: float) -> Check:
    """Compare a mean over replicates with what it must be, by its own standard error."""
    se = values.std(ddof=1) / np.sqrt(values.size)
    return _of_z(name, (values.mean() - expected) / se if se > 0 else 0.0)


def _of_z(name: str, z: float) -> Check:
    return Check(name, float(z), float(2 * stats.norm.sf(abs(z))))


def _of_chi2(name: str, statistic: float, n: int) -> Check:
    tail = min(stats.chi2.cdf(statistic, n), stats.chi2.sf(statistic, n))
    return Check(name, float((statistic - n) / np.sqrt(2 * n)), float(min(1.0, 2 * tail)))
