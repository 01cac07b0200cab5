"""Estimates from independent virtual trials, each with its Monte Carlo standard error (MCSE).

Every function takes one value per trial and returns an ``Estimate``. NumPy and SciPy only; nothing here
may know what a trial, an arm or a design is. Axis: ``R`` trials. Limits are 95% and describe Monte Carlo
error alone: they say nothing of how true the assumptions of a scenario are.

References
----------
Morris, White and Crowther (2019), Statistics in Medicine 38, 2074-2102, doi:10.1002/sim.8086.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Shaped
from scipy import special

Z95 = float(special.ndtri(0.975))
MIN_CONDITIONAL = 200

Values = Shaped[np.ndarray, " R"]


class Estimate(NamedTuple):
    """A Monte Carlo estimate.

    Attributes
    ----------
    estimate, mcse
        The estimate and its Monte Carlo standard error; NaN where it cannot be had.
    lower, upper
        95% Monte Carlo limits.
    n
        Number of trials.
    m
        Numerator of a proportion, or the number of trials that a conditional statistic uses.
    """

    estimate: float
    mcse: float
    lower: float
    upper: float
    n: int
    m: int


def _normal(estimate: float, mcse: float, n: int, m: int | None = None) -> Estimate:
    """Attach normal limits."""
    half = Z95 * mcse
    size = n if m is None else m
    return Estimate(float(estimate), float(mcse), float(estimate - half), float(estimate + half), n, size)


def _missing(n: int, m: int) -> Estimate:
    """Return an estimate that cannot be had."""
    return Estimate(np.nan, np.nan, np.nan, np.nan, n, m)


def wilson(successes: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score limits of a proportion; ``(0, 1)`` when ``n`` is 0.

    Both numbers may be fractions, such as an effective number of trials.

    Centre ``(x + z^2 / 2) / (n + z^2)``; half-width ``z sqrt(x (n - x) / n + z^2 / 4) / (n + z^2)``.

    References
    ----------
    Wilson (1927), Journal of the American Statistical Association 22, 209-212,
    doi:10.1080/01621459.1927.10502953.
    """
    if n == 0:
        return 0.0, 1.0
    z = float(special.ndtri(0.5 + level / 2))
    centre = (successes + z**2 / 2) / (n + z**2)
    half = z * np.sqrt(successes * (n - successes) / n + z**2 / 4) / (n + z**2)
    lower = 0.0 if successes == 0 else max(0.0, centre - half)
    upper = 1.0 if successes == n else min(1.0, centre + half)
    return float(lower), float(upper)


def proportion(success: Bool[np.ndarray, " R"]) -> Estimate:
    """Return ``p = x / n`` with MCSE ``sqrt(p (1 - p) / n)`` and Wilson limits; ``m`` is ``x``."""
    return proportion_of_counts(int(success.sum()), int(success.size))


def proportion_of_counts(successes: int, n: int) -> Estimate:
    """Return the proportion ``successes / n``, as ``proportion`` does."""
    if n == 0:
        return _missing(0, 0)
    p = successes / n
    return Estimate(p, float(np.sqrt(p * (1 - p) / n)), *wilson(successes, n), n, successes)


def mean(values: Values) -> Estimate:
    """Return the mean with MCSE ``sd / sqrt(n)``."""
    n = int(values.size)
    if n == 0:
        return _missing(0, 0)
    mcse = values.std(ddof=1) / np.sqrt(n) if n > 1 else np.nan
    return _normal(values.mean(), mcse, n)


def standard_deviation(values: Values) -> Estimate:
    """Return the sample SD; its MCSE uses the fourth moment, so it holds for skewed and bounded numbers.

    ``Var(s^2) = (m4 - s^4 (n - 3) / (n - 1)) / n`` and ``MCSE(s) = sqrt(Var(s^2)) / (2 s)``.
    """
    n = int(values.size)
    if n < 2:
        return _missing(n, n)
    centred = values - values.mean()
    variance = float((centred**2).sum() / (n - 1))
    if variance == 0:
        return Estimate(0.0, 0.0, 0.0, 0.0, n, n)
    excess = float((centred**4).mean()) - variance**2 * (n - 3) / (n - 1)
    return _normal(np.sqrt(variance), np.sqrt(max(excess, 0.0) / n / (4 * variance)), n)


def empirical_se(estimates: Values) -> Estimate:
    """Return the SD of an estimator over trials, with the normal-theory MCSE ``s / sqrt(2 (n - 1))``."""
    n = int(estimates.size)
    if n < 2:
        return _missing(n, n)
    sd = float(estimates.std(ddof=1))
    return _normal(sd, sd / np.sqrt(2 * (n - 1)), n)


def bias(estimates: Values, truth: float) -> Estimate:
    """Return ``mean(estimate) - truth`` with MCSE ``sqrt(sum (x - mean)^2 / (n (n - 1)))``."""
    return mean(estimates - truth)


def mean_squared_error(estimates: Values, truth: float) -> Estimate:
    """Return the mean of ``(x - truth)^2`` with MCSE ``sqrt(sum (square - MSE)^2 / (n (n - 1)))``."""
    return mean((estimates - truth) ** 2)


def root_mean_squared_error(estimates: Values, truth: float) -> Estimate:
    """Return the square root of the MSE; MCSE by the delta method, ``MCSE(MSE) / (2 RMSE)``."""
    square = mean_squared_error(estimates, truth)
    if not square.estimate > 0:
        return square
    root = float(np.sqrt(square.estimate))
    return _normal(root, square.mcse / (2 * root), square.n)


def coverage(lower: Values, upper: Values, truth: float) -> Estimate:
    """Return how often ``lower <= truth <= upper``, as a proportion."""
    return proportion((lower <= truth) & (truth <= upper))


def model_se(sds: Values) -> Estimate:
    """Return ``sqrt(mean(sd^2))``; MCSE ``sqrt(Var(sd^2) / (4 n ModSE^2))``."""
    n = int(sds.size)
    if n < 2:
        return _missing(n, n)
    variances = sds**2
    root = float(np.sqrt(variances.mean()))
    return _normal(root, np.sqrt(variances.var(ddof=1) / (4 * n)) / root if root > 0 else 0.0, n)


def relative_se_error(estimates: Values, sds: Values) -> Estimate:
    """Return ``100 (ModSE / EmpSE - 1)``, the per cent error of the model's standard error.

    MCSE ``100 (ModSE / EmpSE) sqrt(Var(sd^2) / (4 n ModSE^4) + 1 / (2 (n - 1)))``.
    """
    n = int(sds.size)
    model, empirical = model_se(sds), empirical_se(estimates)
    if n < 2 or not empirical.estimate > 0 or not model.estimate > 0:
        return _missing(n, n)
    ratio = model.estimate / empirical.estimate
    spread = (model.mcse / model.estimate) ** 2 + 1 / (2 * (n - 1))
    return _normal(100 * (ratio - 1), 100 * ratio * np.sqrt(spread), n)


def quantile(values: Values, probability: float) -> Estimate:
    """Return an order-statistic quantile with binomial limits and the Maritz-Jarrett standard error.

    The estimate is the ``ceil(n q)``-th smallest value, so it is always a value that occurred. The limits
    are the order statistics whose ranks are the 2.5% and 97.5% points of Binomial(n, q). The MCSE is the SD
    of that order statistic when trials are resampled, which has a closed form.

    References
    ----------
    Maritz and Jarrett (1978), Journal of the American Statistical Association 73, 194-196,
    doi:10.1080/01621459.1978.10480027.
    """
    return quantiles(values, (probability,))[0]


def quantiles(values: Values, probabilities: tuple[float, ...]) -> list[Estimate]:
    """Return several quantiles of the same values, sorted once; see ``quantile``."""
    n = int(values.size)
    if n == 0:
        return [_missing(0, 0) for _ in probabilities]
    ordered = np.sort(values).astype(float)
    return [_quantile(ordered, probability) for probability in probabilities]


def _quantile(ordered: Float[np.ndarray, " R"], probability: float) -> Estimate:
    """Return one quantile of values already sorted."""
    n = ordered.size
    rank = min(max(int(np.ceil(n * probability)), 1), n)
    spread = Z95 * np.sqrt(n * probability * (1 - probability))
    low = max(int(np.floor(n * probability - spread)), 1)
    high = min(int(np.ceil(n * probability + spread)) + 1, n)
    # Beyond ten standard deviations of the resampled rank the weights are below 1e-20.
    reach = int(10 * np.sqrt(n * probability * (1 - probability))) + 30
    first, last = max(rank - reach, 0), min(rank + reach, n)
    weights = np.diff(special.betainc(rank, n - rank + 1, np.arange(first, last + 1) / n))
    near = ordered[first:last] - ordered[rank - 1]
    mcse = float(np.sqrt(weights @ (near - weights @ near) ** 2))
    return Estimate(float(ordered[rank - 1]), mcse, float(ordered[low - 1]), float(ordered[high - 1]), n, n)


def conditional(
    statistic: Callable[..., Estimate],
    condition: Bool[np.ndarray, " R"],
    *values: Values,
    minimum: int = MIN_CONDITIONAL,
) -> Estimate:
    """Apply a statistic to the ``m`` trials where ``condition`` holds; NaN when ``m < minimum``.

    The MCSE uses ``m``, not ``n``; both are kept.
    """
    n, m = int(condition.size), int(condition.sum())
    if m < minimum:
        return _missing(n, m)
    found = statistic(*(value[condition] for value in values))
    return found._replace(n=n, m=m)


def paired_mean(first: Values, second: Values) -> Estimate:
    """Return ``mean(first - second)`` over the same trials, MCSE ``sd(d) / sqrt(n)``."""
    return mean(np.asarray(first, float) - np.asarray(second, float))


def paired_proportion(first: Bool[np.ndarray, " R"], second: Bool[np.ndarray, " R"]) -> Estimate:
    """Return the difference of two proportions over the same trials, in McNemar's form.

    With ``b`` trials where only the first holds and ``c`` where only the second does, the difference is
    ``(b - c) / n`` and its MCSE ``sqrt(b + c - (b - c)^2 / n) / n``; ``m`` is ``b + c``.
    """
    n = int(first.size)
    if n == 0:
        return _missing(0, 0)
    b, c = int((first & ~second).sum()), int((~first & second).sum())
    return _normal((b - c) / n, float(np.sqrt(b + c - (b - c) ** 2 / n)) / n, n, b + c)


def running_mean(
    values: Values, counts: Shaped[np.ndarray, " K"]
) -> tuple[Float[np.ndarray, " K"], Float[np.ndarray, " K"]]:
    """Return the mean of the first ``counts[k]`` values and its MCSE (NaN for one value)."""
    shift = float(values[0]) if values.size else 0.0
    centred = np.asarray(values, float) - shift
    total = np.cumsum(centred)[counts - 1]
    square = np.cumsum(centred**2)[counts - 1]
    average = total / counts
    freedom = np.where(counts > 1, counts - 1, np.nan)
    variance = np.maximum(square - counts * average**2, 0.0) / freedom
    return average + shift, np.sqrt(variance / counts)


def split_check(values: Values, blocks: int = 10) -> tuple[float, int, float]:
    """Test whether consecutive blocks of trials agree as independent trials must.

    Returns ``sum_b n_b (mean_b - mean)^2 / s^2``, its degrees of freedom ``blocks - 1``, and the upper tail
    probability of the chi-squared distribution. All NaN when the values do not vary or there are too few
    (fewer than 20 per block, or fewer than 5 expected occurrences per block of the rarer outcome).
    """
    values = np.asarray(values, float)
    if values.size < 20 * blocks or _rarer(values) < 5 * blocks:
        return np.nan, blocks - 1, np.nan
    parts = np.array_split(values, blocks)
    sizes = np.array([part.size for part in parts])
    gaps = np.array([part.mean() for part in parts]) - values.mean()
    statistic = float((sizes * gaps**2).sum() / values.var(ddof=1))
    return statistic, blocks - 1, float(special.gammaincc((blocks - 1) / 2, statistic / 2))


def _rarer(values: Values) -> int:
    """Return how often the rarer of two outcomes occurs, or the size when there are more than two."""
    at_top, at_bottom = values == values.max(), values == values.min()
    if at_top.all():
        return 0
    return int(min(at_top.sum(), at_bottom.sum())) if (at_top | at_bottom).all() else int(values.size)


def decimals_by_se(mcse: float) -> int | None:
    """Return the decimals to print: MCSE to two digits if it starts with 1 or 2, else to one."""
    if not np.isfinite(mcse) or mcse <= 0:
        return None
    exponent = int(np.floor(np.log10(mcse)))
    leading = mcse / 10.0**exponent
    return -exponent + (1 if leading < 2.95 else 0)


def round_by_se(estimate: float, mcse: float) -> tuple[str, str]:
    """Return estimate and MCSE as text with as many digits as the MCSE warrants.

    Without a usable MCSE (missing, or below a millionth of the estimate) the estimate has four
    significant digits and the MCSE is ``0`` or an en dash. Minus signs are U+2212, and a rounded zero
    has none.
    """
    if not np.isfinite(estimate):
        return "\N{EN DASH}", "\N{EN DASH}"
    # The order statistic of a nearly constant sample has a standard error that is zero but for rounding.
    mcse = 0.0 if abs(mcse) <= 1e-6 * abs(estimate) else mcse
    places = decimals_by_se(mcse)
    if places is None:
        return _signed(f"{estimate:.4g}"), "0" if mcse == 0 else "\N{EN DASH}"
    shown = max(places, 0)
    return _signed(f"{round(estimate, places):.{shown}f}"), f"{round(mcse, places):.{shown}f}"


def _signed(text: str) -> str:
    """Use a typographic minus, and none on zero."""
    if text.startswith("-"):
        return text[1:] if not text.strip("-0.") else "\N{MINUS SIGN}" + text[1:]
    return text
