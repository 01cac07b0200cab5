"""What a scenario assumes, in a few facts that tell scenarios apart. Judges no design."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adaptive.oc.load import CellResult
from adaptive.scenario.estimand import NULL_TOLERANCE
from adaptive.scenario.truth import Scenario


@dataclass(frozen=True)
class Facts:
    """One scenario.

    Attributes
    ----------
    log_hr
        True log hazard ratios of the estimand by subgroup and arm, rows of numbers; not offered ones NaN.
    is_null, harms
        Whether no offered arm has a benefit anywhere; whether some arm does harm somewhere.
    onset, fades
        Whether some effect on the endpoint is smaller at first than later, or smaller at last than before.
    drifts, mix_shifts
        Whether hazards change with the month of entry; whether the mix of subgroups does.
    states
        Number of health states.
    baseline
        Control hazards of the endpoint per month at randomisation, by subgroup; empty if not known.
    changes
        Months since randomisation at which the control hazard of the endpoint changes.
    """

    log_hr: np.ndarray
    is_null: bool
    harms: bool
    onset: bool = False
    fades: bool = False
    drifts: bool = False
    mix_shifts: bool = False
    states: int = 1
    baseline: tuple[float, ...] = ()
    changes: tuple[float, ...] = ()


def facts_of(result: CellResult, scenario: Scenario | None) -> Facts:
    """Return the facts of a scenario; without the scenario itself, those that the stored truth tells."""
    log_hr = np.where(result.offered, result.truth.log_hr, np.nan)
    is_null = not bool((~result.truth.is_null & result.offered).any())
    harms = bool((log_hr > NULL_TOLERANCE).any())
    if scenario is None:
        return Facts(log_hr, is_null, harms)
    endpoint = [scenario.channels.index(name) for name in result.manifest["design"].get("endpoint", [])]
    effects = np.asarray(scenario.hazards.log_hr)[0, endpoint]
    early, late = _course(effects)
    base = np.asarray(scenario.hazards.base)[0, endpoint].sum(axis=0)
    moves = np.flatnonzero(np.abs(np.diff(base, axis=1)).max(axis=0) > NULL_TOLERANCE) + 1
    return Facts(
        log_hr=log_hr,
        is_null=is_null,
        harms=harms,
        onset=early,
        fades=late,
        drifts=bool(np.abs(np.asarray(scenario.drift.log_multiplier)).max(initial=0) > NULL_TOLERANCE),
        mix_shifts=bool(np.ptp(np.asarray(scenario.population.mix), axis=0).max() > NULL_TOLERANCE),
        states=len(scenario.states),
        baseline=tuple(float(rate) for rate in base[:, 0]),
        changes=tuple(float(cut) for cut in np.asarray(scenario.hazards.cuts)[moves]),
    )


def _course(effects: np.ndarray) -> tuple[bool, bool]:
    """Return whether some effect grows, and whether some effect shrinks, over months since randomisation."""
    size = np.abs(effects)
    steps = np.diff(size, axis=-1)
    return bool((steps > NULL_TOLERANCE).any()), bool((steps < -NULL_TOLERANCE).any())


def departures(facts: Facts, cuts: Sequence[float]) -> list[str]:
    """Return how a truth leaves a model with proportional hazards and intervals that begin at ``cuts``."""
    found = []
    if facts.onset:
        found.append("the hazard ratio changes over follow-up: the effect starts late or grows")
    if facts.fades:
        found.append("the hazard ratio changes over follow-up: the effect fades")
    if facts.drifts:
        found.append("hazards change with the month of entry")
    if facts.mix_shifts:
        found.append("the mix of subgroups shifts over entry")
    if facts.states > 1:
        found.append("patients pass through health states with other hazards")
    if set(facts.changes) - set(cuts):
        found.append("the control hazard changes within an interval of the model")
    # An effect that changes over follow-up has other average ratios where the risk set thins out faster.
    if splits(facts.log_hr) and not (facts.onset or facts.fades):
        found.append("subgroups fall into groups with different effects, not a common distribution")
    return found


def splits(log_hr: np.ndarray) -> bool:
    """Return whether, for some arm, subgroups fall into groups of equal effects that differ.

    Effects that all differ are what a common distribution gives.
    """
    for arm in log_hr.T:
        known = arm[np.isfinite(arm)]
        if 1 < np.unique(np.round(known, 9)).size < known.size:
            return True
    return False


def pattern_words(result: CellResult) -> str:
    """Return the true hazard ratios in the fewest words: equal ones over subgroups and arms are said once."""
    ratios = {
        (subgroup, arm): f"{np.exp(result.truth.log_hr[s, b]):.3g}"
        for s, subgroup in enumerate(result.subgroups)
        for b, arm in enumerate(result.arms[1:])
        if result.offered[s, b]
    }
    if len(set(ratios.values())) == 1:
        return f"HR {next(iter(ratios.values()))} for every arm in every subgroup"
    said = []
    for value in dict.fromkeys(ratios.values()):
        cells = [cell for cell, ratio in ratios.items() if ratio == value]
        said.append(f"HR {value}: {_cells(cells, ratios)}")
    return "; ".join(said)


def _cells(cells: list[tuple[str, str]], every: dict[tuple[str, str], str]) -> str:
    """Name cells as arms, as subgroups or one by one, whichever is exact and shortest."""
    subgroups = list(dict.fromkeys(subgroup for subgroup, _ in cells))
    arms = list(dict.fromkeys(arm for _, arm in cells))
    if {(s, a) for s in subgroups for a in arms if (s, a) in every} == set(cells):
        where = "every subgroup" if set(subgroups) == {s for s, _ in every} else ", ".join(subgroups)
        who = "every arm" if set(arms) == {a for _, a in every} else ", ".join(arms)
        return f"{who} in {where}"
    return ", ".join(f"{arm} in {subgroup}" for subgroup, arm in cells)
