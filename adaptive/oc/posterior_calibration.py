"""Posterior probabilities of benefit against the share with benefit under the design prior.

A posterior probability is calibrated under its own prior. Where the design prior differs from the analysis
prior it need not be, and the size of the departure is the answer. Rows as in ``oc.metrics``.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from adaptive.montecarlo import MIN_CONDITIONAL
from adaptive.oc.design_prior import Weighted
from adaptive.oc.load import CellResult
from adaptive.oc.looks import read_looks, stored_columns
from adaptive.oc.metrics import row
from adaptive.oc.pooling import Piece, pooled_proportion

EDGES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99, 1.0)
COLUMN = "p_below_1"


def posterior_at_decision(result: CellResult) -> Float[np.ndarray, "R S B"] | None:
    """Return P(HR < 1) at the look that decided the cell, the last one held for a cell that none did.

    NaN where there is none; ``None`` if the result keeps no looks or no rule of the design uses P(HR < 1).
    """
    if COLUMN not in stored_columns(result):
        return None
    trial, look, values = read_looks(result, COLUMN)
    found = np.full(result.status.shape, np.nan)
    where = np.searchsorted(result.trials["trial"], trial)
    decided = np.where(
        result.decided_look >= 0, result.decided_look, result.trials["last_look"][:, None, None]
    )
    at = decided[where] == look[:, None, None]
    rows, s, b = np.nonzero(at)
    found[where[rows], s, b] = values[:, :, 1:][rows, s, b]
    return found


def calibration_rows(weighted: Sequence[Weighted]) -> list[dict]:
    """Return, per bin of the posterior probability of benefit, its mean and the share with benefit.

    ``calibration_share`` is ``sum_j w_j P_j(in the bin, with benefit) / sum_j w_j P_j(in the bin)`` over
    scenarios and offered cells, ``calibration_mean`` the mean posterior probability in the bin. ``m`` counts
    trials times cells in the bin; suppressed below 200. Empty where a result has no such probability.
    """
    cells = []
    for w in weighted:
        posterior = posterior_at_decision(w.result)
        if posterior is None:
            return []
        cells += [
            (w, posterior[:, s, b], bool(w.result.truth.is_null[s, b]))
            for s, b in zip(*np.nonzero(w.result.offered), strict=True)
        ]
    rows = []
    for lower, upper in pairwise(EDGES):
        share, mean = [], []
        for w, p, is_null in cells:
            inside = (p >= lower) & ((p < upper) | (upper == 1.0) & (p <= 1.0))
            place = (w.weight, w.result.manifest["seed"], w.result.trials["trial"])
            share.append(Piece(*place, inside & (not is_null), inside))
            mean.append(Piece(*place, np.where(inside, p, 0.0), inside))
        level = f"{lower:g} to {upper:g}"
        rows.append(row("calibration_share", pooled_proportion(share, MIN_CONDITIONAL), level=level))
        rows.append(row("calibration_mean", pooled_proportion(mean, MIN_CONDITIONAL), level=level))
    return rows
