"""Final decisions against bands of the true effect: how often a design goes or stops where it should not."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pandas as pd

from adaptive.codes import CellStatus
from adaptive.oc.load import CellResult
from adaptive.oc.margins import NEAR, claim_margin, design_margins
from adaptive.oc.metrics import row
from adaptive.oc.pooling import Piece, pooled_proportion
from adaptive.oc.source import Source
from adaptive.oc.tables import tidy

SMALL, NONE = 0.8, 0.005
WITHIN = "within the margin"
BANDS = {
    "benefit": f"true hazard ratio up to {SMALL}",
    "small benefit": f"true hazard ratio between {SMALL} and 1",
    "none": "true hazard ratio 1",
    WITHIN: "true hazard ratio above 1 and below the margin of a design that claims non-inferiority",
    "harm": "true hazard ratio above 1, for a design that claims non-inferiority at its margin or above",
}
"""Bands of the true hazard ratio; within 0.5% of 1 counts as 1."""
SUPERIORITY = {"harm": "true hazard ratio above 1"}
"""What the last band is where every design claims superiority, and there is none within a margin."""
STATES = (CellStatus.EFFICACY, CellStatus.FUTILITY, CellStatus.HARM, CellStatus.COMPLETED)
WRONG = {
    "benefit": ("FUTILITY", "HARM"),
    "small benefit": ("HARM",),
    "none": ("EFFICACY", "HARM"),
    "harm": ("EFFICACY",),
}
"""Final states that are errors: a false go, a false stop, a false alarm of harm."""
WRONG_NONINFERIOR = WRONG | {"none": ("FUTILITY", "HARM"), WITHIN: ()}
"""The same of a design that claims non-inferiority: the claim is true, and giving up false, where HR is 1."""


def band_of(log_hr: float, margin: float = 1.0) -> str:
    """Return the band of a true log hazard ratio for a design with that margin."""
    if abs(log_hr) < NONE:
        return "none"
    if log_hr > 0:
        return "harm" if log_hr >= np.log(margin) - NEAR else WITHIN
    return "benefit" if np.exp(log_hr) <= SMALL + 1e-9 else "small benefit"


def decision_part(source: Source, _: dict[str, pd.DataFrame]) -> dict:
    """Return the share of each final state by design and band of the true hazard ratio.

    ``share = mean`` over the scenarios and cells of the band, each with equal weight. ``n`` counts trials
    times cells, ``m`` those in the state; the standard error sums over cells and scenarios that share virtual
    patients. In the table ``level`` is the state and ``band`` the band; ``wrong`` names the states of each
    band that are errors, by design.
    """
    designs = list(dict.fromkeys(result.design for result in source.results))
    frames = [_of_design([r for r in source.results if r.design == design]) for design in designs]
    margins = design_margins(source.results)
    bands = {band: BANDS[band] for band in BANDS if margins or band != WITHIN}
    return {
        "bands": bands if margins else bands | SUPERIORITY,
        "wrong": {design: WRONG_NONINFERIOR if design in margins else WRONG for design in designs},
        "tables": {"decisions": pd.concat(frames, ignore_index=True)},
    }


def _of_design(results: Sequence[CellResult]) -> pd.DataFrame:
    places = defaultdict(list)
    for result in results:
        for s, b in zip(*np.nonzero(result.offered & np.isfinite(result.truth.log_hr)), strict=True):
            band = band_of(float(result.truth.log_hr[s, b]), claim_margin(result))
            places[band].append((result, s, b))
    rows, bands = [], []
    for band in BANDS:
        for state in STATES if places[band] else ():
            pieces = [
                Piece(1.0, r.manifest["seed"], r.trials["trial"], r.status[:, s, b] == state)
                for r, s, b in places[band]
            ]
            estimate = pooled_proportion(pieces)
            counted = sum(int(piece.top.sum()) for piece in pieces)
            rows.append(row("decision", estimate._replace(m=counted), level=state.name))
            bands.append(band)
    frame = tidy([{"scenario": "all", "design": results[0].design} | entry for entry in rows])
    return frame.assign(band=bands)
