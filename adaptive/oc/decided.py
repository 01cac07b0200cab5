"""When cells are decided, and on how many patients: the adaptation of an arm in a subgroup, look by look.

Rows as in ``oc.metrics``; ``look`` counts from 1. Cells that the design does not offer have no rows. Axes:
``R`` trials, ``S`` subgroups, ``B`` experimental arms.
"""

import numpy as np
from jaxtyping import Bool, Int

from adaptive import montecarlo as mc
from adaptive.codes import CellStatus
from adaptive.oc.load import CellResult
from adaptive.oc.looks import Looks
from adaptive.oc.metrics import n_looks, row
from adaptive.oc.outcomes import FEW

ANY = "any"
STOPS = (CellStatus.FUTILITY, CellStatus.HARM)
VERDICTS = (CellStatus.EFFICACY, *STOPS)
DECISIONS = (*VERDICTS, CellStatus.COMPLETED)


def decided(result: CellResult, looks: Looks | None) -> list[dict]:
    """Return when cells and subgroups are decided, and how often on few patients.

    ``decided_by`` is the probability that a cell has been decided at or before a look, by reason (level
    ``any`` sums them); ``closed_by`` that every arm offered in a subgroup has been; ``given_up_early`` that
    the cell is closed for futility or harm before the last planned look, whether or not accrual goes on;
    ``few_at_decision`` that arm or control has fewer than ``FEW`` patients at the look that claimed benefit
    or closed the cell, over the trials in which one did, which needs stored looks.
    """
    rows = []
    planned = n_looks(result)
    patients, over = at_decision(result, looks), np.isin(result.status, DECISIONS)
    for s, subgroup in enumerate(result.subgroups):
        offered = np.nonzero(result.offered[s])[0]
        for b in offered:
            place = {"subgroup": subgroup, "arm": result.arms[b + 1]}
            status, look = result.status[:, s, b], result.decided_look[:, s, b]
            rows += _by_look(status, look, planned, place)
            early = np.isin(status, STOPS) & (look < planned - 1)
            rows.append(row("given_up_early", mc.proportion(early), **place))
            if patients is not None:
                known, few = patients[0][:, s, b], patients[1][:, s, b] < FEW
                rows.append(
                    row("few_at_decision", mc.conditional(mc.proportion, known, few, minimum=1), **place)
                )
        if offered.size:
            last = np.where(over[:, s, offered], result.decided_look[:, s, offered], planned)
            for k in range(planned):
                closed = mc.proportion((last <= k).all(axis=1))
                rows.append(row("closed_by", closed, look=k + 1, subgroup=subgroup))
    return rows


def _by_look(status: np.ndarray, look: np.ndarray, planned: int, place: dict) -> list[dict]:
    """Return the probability that one cell has been decided by each look, by reason."""
    groups = [(code.name, status == code) for code in DECISIONS]
    groups.append((ANY, np.isin(status, DECISIONS)))
    return [
        row("decided_by", mc.proportion(mask & (look <= k)), level=name, look=k + 1, **place)
        for name, mask in groups
        for k in range(planned)
    ]


def at_decision(
    result: CellResult, looks: Looks | None
) -> tuple[Bool[np.ndarray, "R S B"], Int[np.ndarray, "R S B"]] | None:
    """Return the smaller number of patients of arm and control at the look that gave a verdict on a cell.

    Both arrays are ``(R, S, B)``: whether there is such a look and it is stored, and the number. A cell whose
    last look passes without a rule firing has no verdict. ``None`` without stored looks.
    """
    if looks is None or "patients" not in looks.columns:
        return None
    place = np.full((result.n_trials, n_looks(result)), -1)
    place[np.searchsorted(result.trials["trial"], looks.trial), looks.look] = np.arange(looks.look.size)
    known, smaller = np.zeros(result.status.shape, bool), np.zeros(result.status.shape, int)
    counted = looks.columns["patients"]
    for s, b in np.ndindex(result.status.shape[1:]):
        has_verdict = np.isin(result.status[:, s, b], VERDICTS)
        at = place[np.arange(result.n_trials), np.where(has_verdict, result.decided_look[:, s, b], 0)]
        known[:, s, b] = has_verdict & (at >= 0)
        smaller[:, s, b] = np.minimum(counted[at, s, 0], counted[at, s, b + 1])
    return known, smaller
