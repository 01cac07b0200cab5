"""Weighted means and ratios over scenarios and cells that share virtual patients.

Scenarios of a study use the same random numbers, so their estimates are correlated and their variances do
not add up. Every estimate here sums what each virtual patient list (seed and trial index) contributes to
it, over everything that it contributes to, before it squares: covariances are in the standard error.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, Shaped

from adaptive import montecarlo as mc
from adaptive.montecarlo import Estimate


class Piece(NamedTuple):
    """What one scenario adds to a pooled estimate.

    Attributes
    ----------
    weight
        Weight of the scenario.
    seed
        Seed of its trials: trials of the same seed and index share their patients.
    trial
        Trial indices, shape ``(R,)``.
    top, bottom
        One value per trial of the numerator and of the denominator, shape ``(R,)``; ``bottom`` is ``None``
        where the estimate is a weighted mean.
    """

    weight: float
    seed: int
    trial: Int[np.ndarray, " R"]
    top: Shaped[np.ndarray, " R"]
    bottom: Shaped[np.ndarray, " R"] | None = None


def pooled(pieces: Sequence[Piece], minimum: int = 0) -> Estimate:
    """Return ``sum_j w_j mean(a_j) / sum_j w_j mean(b_j)``, without ``b`` the weighted mean alone.

    With ``R`` the ratio and ``B`` its denominator, trial ``r`` of scenario ``j`` contributes
    ``w_j (a_jr - mean(a_j) - R (b_jr - mean(b_j))) / (B sqrt(n_j (n_j - 1)))``; the MCSE is the root of the
    sum, over virtual patient lists, of the square of their summed contributions.

    Parameters
    ----------
    pieces
        One per scenario, or per scenario and cell.
    minimum
        Missing when fewer trials than this have a denominator other than 0.

    Returns
    -------
    ``n`` counts the trials of all pieces, ``m`` those with a denominator other than 0 (all, without one).
    """
    n = int(sum(piece.trial.size for piece in pieces))
    m = int(sum(_size(piece) for piece in pieces))
    above = sum(piece.weight * float(np.mean(piece.top)) for piece in pieces)
    below = sum(piece.weight * _mean_bottom(piece) for piece in pieces)
    if not pieces or m < max(minimum, 1) or not below > 0:
        return Estimate(np.nan, np.nan, np.nan, np.nan, n, m)
    ratio = above / below
    mcse = float(np.sqrt((_contributions(pieces, ratio) ** 2).sum())) / below
    half = mc.Z95 * mcse
    return Estimate(ratio, mcse, ratio - half, ratio + half, n, m)


def pooled_proportion(pieces: Sequence[Piece], minimum: int = 0) -> Estimate:
    """Return ``pooled`` with limits kept between 0 and 1; Wilson's where nothing varied.

    Wilson's limits take ``(sum u)^2 / sum u^2`` as the number of independent trials, ``u`` the weight that a
    virtual patient list has in the denominator: copies of one scenario know no more than the scenario.
    """
    found = pooled(pieces, minimum)
    if found.mcse == 0 and found.estimate in (0.0, 1.0):
        effective = _effective_number(pieces)
        lower, upper = mc.wilson(found.estimate * effective, effective)
        return found._replace(lower=lower, upper=upper)
    return found._replace(
        lower=float(np.maximum(found.lower, 0.0)), upper=float(np.minimum(found.upper, 1.0))
    )


def _size(piece: Piece) -> int:
    return int(piece.trial.size if piece.bottom is None else (piece.bottom != 0).sum())


def _mean_bottom(piece: Piece) -> float:
    return 1.0 if piece.bottom is None else float(np.mean(piece.bottom))


def _contributions(pieces: Sequence[Piece], ratio: float) -> np.ndarray:
    """Return the summed contribution of every virtual patient list, times the denominator.

    A weighted mean has weights that sum to ``B`` or less, and a constant denominator contributes nothing.
    """
    if min(piece.trial.size for piece in pieces) < 2:
        return np.full(1, np.nan)
    return _over_lists(pieces, [_contribution(piece, ratio) for piece in pieces])


def _contribution(piece: Piece, ratio: float) -> np.ndarray:
    size = piece.trial.size
    values = np.asarray(piece.top, float) - float(np.mean(piece.top))
    if piece.bottom is not None:
        values = values - ratio * (np.asarray(piece.bottom, float) - float(np.mean(piece.bottom)))
    return piece.weight * values / np.sqrt(size * (size - 1))


def _effective_number(pieces: Sequence[Piece]) -> float:
    """Return the number of independent trials that weigh as unequally as the virtual patient lists do."""
    ones = [np.ones(p.trial.size) if p.bottom is None else np.asarray(p.bottom, float) for p in pieces]
    weights = [p.weight * own / p.trial.size for p, own in zip(pieces, ones, strict=True)]
    total = _over_lists(pieces, weights)
    return float(total.sum() ** 2 / (total**2).sum())


def _over_lists(pieces: Sequence[Piece], values: Sequence[np.ndarray]) -> np.ndarray:
    """Return the sum over pieces of what each trial adds, by virtual patient list."""
    seeds = {seed: i for i, seed in enumerate(dict.fromkeys(piece.seed for piece in pieces))}
    first = min(int(piece.trial.min()) for piece in pieces)
    width = 1 + max(int(piece.trial.max()) for piece in pieces) - first
    total = np.zeros(len(seeds) * width)
    for piece, own in zip(pieces, values, strict=True):
        total[seeds[piece.seed] * width + piece.trial - first] += own
    return total
