"""What the patients of a trial, and those after it, have of a design: events in the trial, arms chosen.

Rows as in ``oc.metrics``. Nothing here decides; the arm that a trial chooses follows from its claims.
"""

import numpy as np
from jaxtyping import Float, Int

from adaptive.oc.estimators import ratio_of_means
from adaptive.oc.load import CellResult
from adaptive.oc.metrics import row, rows_of_means
from adaptive.oc.outcomes import ALL, Key, Outcomes


def patient_benefit(result: CellResult) -> list[dict]:
    """Return endpoint events per 100 patients of the trial, and the ideal design percentage.

    ``events_per_100`` is ``100 sum(events) / sum(patients)`` over trials, a ratio of means with its
    delta-method MCSE, per subgroup and over all. ``ideal_percentage`` as in ``ideal_outcomes``.
    """
    rows = []
    for s, subgroup in enumerate((*result.subgroups, ALL)):
        here = np.s_[:, s] if subgroup != ALL else np.s_[:]
        patients, events = (
            values[here].reshape(result.n_trials, -1).sum(axis=1).astype(float)
            for values in (result.patients, result.events)
        )
        estimate = ratio_of_means(events, patients, 100.0)
        rows.append(row("events_per_100", estimate, level="mean", subgroup=subgroup))
    return rows + rows_of_means(ideal_outcomes(result))


def chosen_arms(result: CellResult) -> Int[np.ndarray, "R S"]:
    """Return the arm that each trial chooses in each subgroup, an index of ``result.arms``.

    Of the arms claimed to be of benefit, the one with the lowest posterior mean log hazard ratio; control
    where none is claimed.
    """
    mean = np.where(result.claimed, result.estimates["log_hr_mean"], np.inf)
    mean = np.where(np.isnan(mean), np.inf, mean)
    return np.where(result.claimed.any(axis=2), mean.argmin(axis=2) + 1, 0)


def ideal_outcomes(result: CellResult) -> Outcomes:
    """Return ``100 (worst - chosen) / (worst - best)`` per trial, of the true incidence at the horizon.

    100 if the arm chosen is the best on offer, 0 if it is the worst, control among them; the mean over
    trials is the ideal design percentage (Viele and others 2020). Per subgroup in which arms differ, and over
    all their unweighted mean. Nothing where the stored truth has no incidences.
    """
    incidence = _incidence(result)
    if incidence is None:
        return {}
    takes_part = np.concatenate([result.offered.any(axis=1, keepdims=True), result.offered], axis=1)
    chosen = chosen_arms(result)
    outcomes: Outcomes = {}
    for s, subgroup in enumerate(result.subgroups):
        offered = incidence[s][takes_part[s]]
        if offered.size > 1 and np.ptp(offered) > 1e-9:
            gained = offered.max() - incidence[s][chosen[:, s]]
            outcomes[Key("ideal_percentage", subgroup)] = 100 * gained / np.ptp(offered)
    if outcomes and len(result.subgroups) > 1:
        outcomes[Key("ideal_percentage")] = np.mean(list(outcomes.values()), axis=0)
    return outcomes


def _incidence(result: CellResult) -> Float[np.ndarray, "S A"] | None:
    """Return the true incidence at the horizon by subgroup and arm, or ``None`` where it is not stored."""
    try:
        incidence = np.array(result.truth.content["cif"], float)
    except (KeyError, TypeError, ValueError):
        return None
    shape = (len(result.subgroups), len(result.arms))
    return incidence if incidence.shape == shape and np.isfinite(incidence).all() else None
