"""What a model expects before any data: hazard ratios, their spread between subgroups, survival on control.

Hazard ratios are draws from the model's own prior program, so that works for every model. Baselines, which
the programs integrate out, are drawn from their Gamma priors. Each number has its Monte Carlo error. Nothing
here sees data or a truth.
"""

from collections.abc import Sequence
from itertools import combinations

import jax
import numpy as np
from jaxtyping import Float

from adaptive import montecarlo as mc
from adaptive.errors import BadInput
from adaptive.models.base import AbstractModel
from adaptive.models.drifting import Drifting
from adaptive.models.hazards import GammaHazards
from adaptive.models.historical import HistoricalControls
from adaptive.models.prior_draws import draw_priors
from adaptive.oc.borrowing import EVENTS_PER_INFORMATION
from adaptive.oc.metrics import row

N_DRAWS = 100_000
SEED = 20_260_000
HR_LEVELS = (0.025, 0.25, 0.5, 0.75, 0.975)
SPREAD_LEVELS = (0.05, 0.5, 0.95)
BELOW = (1.0, 0.8, 0.5)
ABOVE = 2.0
LARGEST_LOG = 300.0


def draw_log_hr(
    model: AbstractModel, shape: tuple[int, int], n: int = N_DRAWS, seed: int = SEED
) -> Float[np.ndarray, "D S B"]:
    """Return prior draws of the log hazard ratios; ``shape`` is ``(S, A)``.

    Raises
    ------
    BadInput
        If a draw is not a number, as when two hazards are both too small for the precision.
    """
    drawn = np.asarray(draw_priors(model, jax.random.key(seed), (*shape, 1), n)["log_hr"], float)
    if np.isnan(drawn).any():
        raise BadInput(
            f"{type(model).__name__}: {np.isnan(drawn).mean():.2g} of the prior draws are no numbers; the "
            "prior is too wide for this precision, give a larger shape"
        )
    return np.clip(drawn, -LARGEST_LOG, LARGEST_LOG)


def prior_rows(
    log_hr: Float[np.ndarray, "D S B"], subgroups: tuple[str, ...], arms: tuple[str, ...]
) -> list[dict]:
    """Return the prior predictive summary as tidy rows.

    Parameters
    ----------
    log_hr
        Prior draws.
    subgroups, arms
        Names; ``arms[0]`` is control.

    Returns
    -------
    Per subgroup and arm: quantiles of the hazard ratio (``prior_hr``), P(HR < 1), P(HR < 0.8), P(HR < 0.5)
    (``prior_hr_below``), P(HR > 2) (``prior_hr_above``), and what the prior by itself is worth in events,
    four times its precision (``prior_events``). Per arm, with two subgroups or more: quantiles of the SD of
    log HR over subgroups (``prior_spread``) and of the largest hazard ratio over the smallest
    (``prior_ratio``), the probability that this ratio exceeds 2 (``prior_ratio_above``), and the correlation
    of log HR between two subgroups, averaged over pairs (``prior_correlation``).
    """
    rows = []
    for b, arm in enumerate(arms[1:]):
        for s, subgroup in enumerate(subgroups):
            rows += [r | {"subgroup": subgroup, "arm": arm} for r in _cell_rows(log_hr[:, s, b])]
        if len(subgroups) > 1:
            rows += [r | {"arm": arm} for r in _spread_rows(log_hr[:, :, b])]
    return rows


def baseline_numbers(
    model: AbstractModel, shape: tuple[int, int]
) -> tuple[Float[np.ndarray, "S J"], Float[np.ndarray, "S J"]]:
    """Return shape and rate of the Gamma prior of control's hazard; ``shape`` is ``(S, J)``.

    With a drift over periods of entry it is that of the first period. Historical controls are in it.
    """
    added = [np.zeros(shape), np.zeros(shape)]
    while isinstance(model, Drifting | HistoricalControls):
        if isinstance(model, HistoricalControls):
            added = [float(model.discount) * np.asarray(x, float) for x in (model.events, model.exposure)]
        model = model.model
    if isinstance(model, GammaHazards):
        # One hazard for all intervals.
        shape, names = (shape[0], 1), ("shape", "rate")
        added = [np.zeros(shape)] * 2
    else:
        names = ("baseline_shape", "baseline_rate")
    numbers = (np.broadcast_to(np.asarray(getattr(model, name), float), shape) for name in names)
    prior_shape, prior_rate = (number + more for number, more in zip(numbers, added, strict=True))
    return prior_shape, prior_rate


def survival_rows(
    model: AbstractModel,
    starts: Float[np.ndarray, " J"],
    months: Sequence[float],
    subgroups: tuple[str, ...],
    control: str,
    n: int = N_DRAWS,
) -> list[dict]:
    """Return what the prior of the baseline expects of event-free survival on control, as tidy rows.

    ``S(t) = exp(-sum_j hazard[j] w[j])``, ``w[j]`` the months of interval ``j`` before ``t``, other causes
    censoring. The level of a row names month and quantile, or the mean. Subgroups with one prior are one row,
    of ``all``.
    """
    shapes, rates = baseline_numbers(model, (len(subgroups), starts.size))
    alike = bool((shapes == shapes[0]).all() and (rates == rates[0]).all())
    if shapes.shape[1] == 1:
        starts = starts[:1]
    rows = []
    for s, subgroup in enumerate(("all",) if alike else subgroups):
        hazard = np.random.default_rng([SEED, s]).gamma(shapes[s], 1.0 / rates[s], (n, starts.size))
        for month in months:
            width = np.clip(np.append(starts[1:], np.inf), None, month) - np.minimum(starts, month)
            survival = np.exp(-(hazard * width).sum(axis=1))
            found = {_level(p): e for p, e in zip(HR_LEVELS, mc.quantiles(survival, HR_LEVELS), strict=True)}
            rows += [
                row("prior_survival", e, level=f"{month:g} months, {name}", subgroup=subgroup, arm=control)
                for name, e in (found | {"mean": mc.mean(survival)}).items()
            ]
    return rows


def distribution_rows(
    log_hr: Float[np.ndarray, "D S B"], arms: tuple[str, ...], points: int = 201
) -> list[dict]:
    """Return the distribution functions of the hazard ratio and of the ratio between subgroups, for drawing.

    The hazard ratio's is that of a subgroup picked at random.
    """
    levels = np.linspace(0.0025, 0.9975, points)
    rows = []
    for b, arm in enumerate(arms[1:]):
        values = {"prior_hr": np.exp(log_hr[:, :, b]).ravel()}
        if log_hr.shape[1] > 1:
            values["prior_ratio"] = _ratio(log_hr[:, :, b])
        for metric, drawn in values.items():
            found = np.quantile(drawn, levels, method="inverted_cdf")
            rows += [
                {"metric": metric, "arm": arm, "value": float(v), "cumulative": float(p), "n": len(log_hr)}
                for v, p in zip(found, levels, strict=True)
            ]
    return rows


def correlation(values: Float[np.ndarray, "D S"]) -> mc.Estimate:
    """Return the mean correlation over pairs of columns; its error from the mean influence of each draw.

    The influence of a draw on a correlation ``r`` is ``x y - r (x^2 + y^2) / 2`` in standard units (Devlin,
    Gnanadesikan and Kettenring 1975, Biometrika 62, 531-545, doi:10.1093/biomet/62.3.531).
    """
    n = values.shape[0]
    spread = values.std(axis=0)
    z = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    influence, total, pairs = np.zeros(n), 0.0, list(combinations(range(values.shape[1]), 2))
    for i, j in pairs:
        r = float((z[:, i] * z[:, j]).mean())
        total += r
        influence += z[:, i] * z[:, j] - r * (z[:, i] ** 2 + z[:, j] ** 2) / 2
    estimate, error = total / len(pairs), influence.std() / len(pairs) / np.sqrt(n)
    half = mc.Z95 * error
    return mc.Estimate(estimate, float(error), estimate - half, estimate + half, n, n)


def _cell_rows(log_hr: Float[np.ndarray, " D"]) -> list[dict]:
    found = mc.quantiles(np.exp(log_hr), HR_LEVELS)
    rows = [row("prior_hr", e, level=_level(p)) for p, e in zip(HR_LEVELS, found, strict=True)]
    rows += [
        row("prior_hr_below", mc.proportion(log_hr < np.log(margin)), level=f"{margin:g}") for margin in BELOW
    ]
    rows.append(row("prior_hr_above", mc.proportion(log_hr > np.log(ABOVE)), level=f"{ABOVE:g}"))
    return [*rows, row("prior_events", _worth(log_hr))]


def _worth(log_hr: Float[np.ndarray, " D"]) -> mc.Estimate:
    """Return ``4 / var`` of the draws; its error is that of the SD by the delta method."""
    sd = mc.standard_deviation(log_hr)
    worth = EVENTS_PER_INFORMATION / sd.estimate**2
    error = 2 * worth * sd.mcse / sd.estimate
    return mc.Estimate(worth, error, worth - mc.Z95 * error, worth + mc.Z95 * error, sd.n, sd.m)


def _spread_rows(log_hr: Float[np.ndarray, "D S"]) -> list[dict]:
    ratio = _ratio(log_hr)
    rows = []
    for metric, values in (("prior_spread", log_hr.std(axis=1, ddof=1)), ("prior_ratio", ratio)):
        found = mc.quantiles(values, SPREAD_LEVELS)
        rows += [row(metric, e, level=_level(p)) for p, e in zip(SPREAD_LEVELS, found, strict=True)]
    rows.append(row("prior_ratio_above", mc.proportion(ratio > ABOVE), level=f"{ABOVE:g}"))
    return [*rows, row("prior_correlation", correlation(log_hr))]


def _ratio(log_hr: Float[np.ndarray, "D S"]) -> Float[np.ndarray, " D"]:
    """Return the largest hazard ratio over the smallest."""
    return np.exp(np.minimum(np.ptp(log_hr, axis=1), LARGEST_LOG))


def _level(probability: float) -> str:
    return f"{100 * probability:g}%"
