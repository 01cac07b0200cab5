"""Operating characteristics averaged over a design prior: how likely is each scenario, in the authors' view.

A design prior is a set of weights over the scenarios that were run, declared in the dossier. It judges the
design; the analysis prior, which the trial's model uses, is another thing. Rows as in ``oc.metrics``, with
``n`` the virtual trials (times cells, where several are pooled) and ``m`` those that a conditional number
rests on.

References
----------
O'Hagan, Stevens and Campbell (2005), Pharmaceutical Statistics 4, 187-201, doi:10.1002/pst.175.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from adaptive.codes import CellStatus
from adaptive.montecarlo import MIN_CONDITIONAL, Estimate
from adaptive.oc.load import CellResult
from adaptive.oc.metrics import row
from adaptive.oc.outcomes import ALL
from adaptive.oc.pooling import Piece, pooled_proportion


class Weighted(NamedTuple):
    """One scenario of a design with its weight, positive."""

    weight: float
    result: CellResult


def weighted_results(
    results: Sequence[CellResult], prior: Mapping[str, float]
) -> tuple[dict[str, list[Weighted]], list[str]]:
    """Return the weighted scenarios of each design, and why some designs have none.

    Weights are scaled to the sum 1. A design that was not run in every scenario of positive weight has none:
    an average over the rest would be of another prior.
    """
    positive = {name: float(w) for name, w in prior.items() if w > 0}
    total = sum(positive.values())
    found: dict[str, list[Weighted]] = {}
    notes = []
    for design in dict.fromkeys(result.design for result in results):
        own = {result.scenario: result for result in results if result.design == design}
        absent = [name for name in positive if name not in own]
        if absent or not positive:
            notes.append(
                f"{design} was not run in {', '.join(absent)}, to which the design prior gives weight, so "
                "it has no average."
            )
            continue
        found[design] = [Weighted(w / total, own[name]) for name, w in positive.items()]
    return found, notes


def prior_rows(weighted: Sequence[Weighted]) -> list[dict]:
    """Return assurance, average errors and predictive values per cell and over the trial.

    With weights ``w_j`` over scenarios ``j``: ``assurance = sum w_j P_j(true claim)``; ``prior_claim`` the
    same of any claim; ``average_power`` and ``average_type_i_error`` under the prior restricted to scenarios
    with, and without, a benefit there; ``ppv = sum w_j P_j(true claim) / sum w_j P_j(claim)``, the share of
    claims that are true; ``npv`` the share of futility stops without benefit. Over the trial, claims are
    those of any cell, and the predictive values pool all cells. Predictive values rest on at least 200 claims
    or stops.
    """
    cells = list(dict.fromkeys(cell for w in weighted for cell in _offered(w.result)))
    rows = []
    for subgroup, arm in cells:
        rows += _cell_rows(weighted, subgroup, arm)
    rows += _trial_rows(weighted)
    everywhere = [(w, *cell) for w in weighted for cell in _offered(w.result)]
    return rows + _predictive_rows(everywhere, ALL, ALL)


def _offered(result: CellResult) -> list[tuple[str, str]]:
    return [
        (result.subgroups[s], result.arms[b + 1]) for s, b in zip(*np.nonzero(result.offered), strict=True)
    ]


def _piece(w: Weighted, top: np.ndarray, bottom: np.ndarray | None = None) -> Piece:
    return Piece(w.weight, w.result.manifest["seed"], w.result.trials["trial"], top, bottom)


def _mean(pieces: list[Piece]) -> Estimate | None:
    return pooled_proportion(pieces) if pieces else None


def _rows(found: Mapping[str, Estimate | None], subgroup: str, arm: str) -> list[dict]:
    return [
        row(metric, estimate, level="prior", subgroup=subgroup, arm=arm)
        for metric, estimate in found.items()
        if estimate is not None
    ]


def _cell_rows(weighted: Sequence[Weighted], subgroup: str, arm: str) -> list[dict]:
    """Return the rows of one arm in one subgroup."""
    here = [w for w in weighted if (subgroup, arm) in _offered(w.result)]
    null = {w.result.scenario: _at(w, subgroup, arm, "null") for w in here}
    true = [w for w in here if not null[w.result.scenario]]
    false = [w for w in here if null[w.result.scenario]]
    claims = {w.result.scenario: _at(w, subgroup, arm, "claim") for w in here}

    def pieces(of: list[Weighted], counted: Callable[[str], np.ndarray]) -> list[Piece]:
        return [_piece(w, counted(w.result.scenario)) for w in of]

    found = {
        "assurance": _mean(pieces(here, lambda j: claims[j] & (not null[j]))),
        "prior_claim": _mean(pieces(here, claims.__getitem__)),
        "average_power": _mean(pieces(true, claims.__getitem__)),
        "average_type_i_error": _mean(pieces(false, claims.__getitem__)),
    }
    return _rows(found, subgroup, arm) + _predictive_rows([(w, subgroup, arm) for w in here], subgroup, arm)


def _at(w: Weighted, subgroup: str, arm: str, what: str):
    """Return whether the cell is null, or per trial whether it was claimed or stopped for futility."""
    s, b = w.result.subgroups.index(subgroup), w.result.arms.index(arm) - 1
    if what == "null":
        return bool(w.result.truth.is_null[s, b])
    return w.result.status[:, s, b] == (CellStatus.EFFICACY if what == "claim" else CellStatus.FUTILITY)


def _predictive_rows(places: list[tuple[Weighted, str, str]], subgroup: str, arm: str) -> list[dict]:
    """Return the share of claims that are true, and of futility stops that are right."""
    found = {}
    for metric, what, wanted in (("ppv", "claim", False), ("npv", "futility", True)):
        pieces = []
        for w, s, a in places:
            event = _at(w, s, a, what)
            pieces.append(_piece(w, event & (_at(w, s, a, "null") == wanted), event))
        found[metric] = pooled_proportion(pieces, MIN_CONDITIONAL)
    return _rows(found, subgroup, arm)


def _trial_rows(weighted: Sequence[Weighted]) -> list[dict]:
    """Return the rows of any claim in the trial."""
    true, false, every = [], [], []
    for w in weighted:
        offered, is_null, claimed = w.result.offered, w.result.truth.is_null, w.result.claimed
        right = claimed[:, offered & ~is_null].any(axis=1)
        wrong = claimed[:, offered & is_null].any(axis=1)
        every.append((_piece(w, right), _piece(w, right | wrong)))
        true += [_piece(w, right)] if (offered & ~is_null).any() else []
        false += [_piece(w, wrong)] if (offered & is_null).any() else []
    found = {
        "assurance": _mean([pair[0] for pair in every]),
        "prior_claim": _mean([pair[1] for pair in every]),
        "average_power": _mean(true),
        "average_type_i_error": _mean(false),
    }
    return _rows(found, ALL, ALL)
