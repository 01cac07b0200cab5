"""What each virtual trial contributes to the operating characteristics: one value per trial and metric.

Means of these values are the estimates (``oc.metrics``), their differences on the same trials the paired
comparisons (``oc.compare``), their cumulative means the convergence series (``oc.convergence``).
Nothing here estimates anything. Axes: ``R`` trials, ``S`` subgroups, ``A`` arms, ``B = A - 1``.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Shaped

from adaptive.codes import CellStatus
from adaptive.oc.load import CellResult

ALL = "all"
ADVISED = "_advice_applied"
FEW = 10
"""An arm with fewer patients than this in a subgroup is counted as small."""


class Key(NamedTuple):
    """Name of one per-trial outcome; ``subgroup`` and ``arm`` are ``"all"`` where they do not apply."""

    metric: str
    subgroup: str = ALL
    arm: str = ALL


Outcomes = dict[Key, Shaped[np.ndarray, " R"]]


def has_advisory_rules(result: CellResult) -> bool:
    """Return whether any rule of the design is non-binding."""
    return any(not rule.get("binding", True) for rule in result.manifest["design"].get("rules", []))


def claims_after_advice(result: CellResult) -> Bool[np.ndarray, "R S B"]:
    """Return claims that stand when advice to stop is followed: none where advice came at an earlier look."""
    advised = (result.advice == CellStatus.FUTILITY) | (result.advice == CellStatus.HARM)
    return result.claimed & ~(advised & (result.advised_look < result.decided_look))


def claim_outcomes(result: CellResult, claimed: Bool[np.ndarray, "R S B"], suffix: str = "") -> Outcomes:
    """Return claims per offered cell and the trial-wide summaries of them.

    Per cell ``type_i_error`` where the arm has no benefit and ``power`` where it has; ``fwer`` any false
    claim; ``disjunctive_power`` any true claim; ``conjunctive_power`` every true claim; ``correct_set``
    exactly the true claims; and any false and any true claim per arm over subgroups and per subgroup over
    arms. A summary is left out when no offered cell is of its kind.
    """
    offered, is_null = result.offered, result.truth.is_null
    outcomes: Outcomes = {}
    for s, subgroup in enumerate(result.subgroups):
        for b, arm in enumerate(result.arms[1:]):
            if offered[s, b]:
                metric = "type_i_error" if is_null[s, b] else "power"
                outcomes[Key(metric + suffix, subgroup, arm)] = claimed[:, s, b]
    false, true = claimed[:, offered & is_null], claimed[:, offered & ~is_null]
    if false.shape[1]:
        outcomes[Key("fwer" + suffix)] = false.any(axis=1)
    if true.shape[1]:
        outcomes[Key("disjunctive_power" + suffix)] = true.any(axis=1)
        outcomes[Key("conjunctive_power" + suffix)] = true.all(axis=1)
    if offered.any():
        outcomes[Key("correct_set" + suffix)] = ~false.any(axis=1) & true.all(axis=1)
    return outcomes | _margins(result, claimed, suffix)


def _margins(result: CellResult, claimed: Bool[np.ndarray, "R S B"], suffix: str) -> Outcomes:
    """Return any false and any true claim per arm and per subgroup, where there are several of both.

    With one arm, or one subgroup, these are the numbers of the cells or of the trial again.
    """
    offered, is_null = result.offered, result.truth.is_null
    if min(offered.shape) < 2:
        return {}
    places = [("arm", ALL, arm, np.s_[:, b]) for b, arm in enumerate(result.arms[1:])]
    places += [("subgroup", subgroup, ALL, np.s_[s, :]) for s, subgroup in enumerate(result.subgroups)]
    outcomes: Outcomes = {}
    for kind, subgroup, arm, where in places:
        own = claimed[(slice(None), *where)]
        for name, wanted in (("error", is_null), ("power", ~is_null)):
            chosen = (offered & wanted)[where]
            if chosen.any():
                outcomes[Key(f"{kind}_{name}{suffix}", subgroup, arm)] = own[:, chosen].any(axis=1)
    return outcomes


def all_claim_outcomes(result: CellResult) -> Outcomes:
    """Return claim outcomes, and the same with non-binding advice applied when a rule is non-binding."""
    outcomes = claim_outcomes(result, result.claimed)
    if has_advisory_rules(result):
        outcomes |= claim_outcomes(result, claims_after_advice(result), ADVISED)
    return outcomes


def size_outcomes(result: CellResult) -> Outcomes:
    """Return patients, endpoint events, and months of trial and of accrual."""
    return {
        Key(name): result.trials[name].astype(float)
        for name in ("patients", "events", "months", "accrual_months")
    }


def true_log_hr(result: CellResult) -> tuple[np.ndarray, np.ndarray]:
    """Return the true log hazard ratio of every arm, 0 for control, and which arms take part, ``(S, A)``."""
    n_subgroups = len(result.subgroups)
    log_hr = np.concatenate([np.zeros((n_subgroups, 1)), result.truth.log_hr], axis=1)
    offered = result.offered
    takes_part = np.concatenate([offered.any(axis=1, keepdims=True), offered], axis=1)
    return log_hr, takes_part & np.isfinite(log_hr)


def inferior_arms(result: CellResult) -> tuple[np.ndarray, np.ndarray]:
    """Return which arms are truly inferior to their subgroup's best arm, and which are best, ``(S, A)``.

    Best is the lowest true log hazard ratio among the arms offered, control included; ties are all best.
    """
    log_hr, takes_part = true_log_hr(result)
    masked = np.where(takes_part, log_hr, np.inf)
    best = takes_part & (masked <= masked.min(axis=1, keepdims=True) + 1e-9)
    return takes_part & ~best, best


def benefit_outcomes(result: CellResult) -> Outcomes:
    """Return patients on truly inferior arms, and whether such an arm got more patients than the best.

    ``wrong_way`` compares all arms with control among them; ``wrong_way_experimental`` experimental arms
    only, among which the best is sought afresh. Subgroups without an inferior arm are left out.
    """
    inferior, best = inferior_arms(result)
    outcomes: Outcomes = {}
    if inferior.any():
        outcomes[Key("patients_inferior")] = result.patients[:, inferior].sum(axis=1).astype(float)
    log_hr, takes_part = true_log_hr(result)
    for s, subgroup in enumerate(result.subgroups):
        if inferior[s].any():
            key = Key("patients_inferior", subgroup)
            outcomes[key] = result.patients[:, s, inferior[s]].sum(axis=1).astype(float)
            outcomes[Key("wrong_way", subgroup)] = _wrong_way(result.patients[:, s], inferior[s], best[s])
        rivals = takes_part[s].copy()
        rivals[0] = False
        if rivals.any():
            top = rivals & (log_hr[s] <= log_hr[s][rivals].min() + 1e-9)
            if (rivals & ~top).any():
                key = Key("wrong_way_experimental", subgroup)
                outcomes[key] = _wrong_way(result.patients[:, s], rivals & ~top, top)
    return outcomes


def few_outcomes(result: CellResult, fewest: int = FEW) -> Outcomes:
    """Return, per subgroup and arm that takes part, whether it ends with fewer than ``fewest`` patients."""
    _, takes_part = true_log_hr(result)
    return {
        Key("few_patients", result.subgroups[s], result.arms[a]): result.patients[:, s, a] < fewest
        for s, a in zip(*np.nonzero(takes_part), strict=True)
    }


def _wrong_way(patients: np.ndarray, worse: np.ndarray, best: np.ndarray) -> Bool[np.ndarray, " R"]:
    """Return whether some worse arm has more patients than every best arm."""
    return patients[:, worse].max(axis=1) > patients[:, best].max(axis=1)


def paired_outcomes(result: CellResult) -> Outcomes:
    """Return every outcome that designs are compared on, trial by trial."""
    return all_claim_outcomes(result) | size_outcomes(result) | benefit_outcomes(result)
