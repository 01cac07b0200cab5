"""Checks that a scenario is a possible truth. Returns every fault by field name and raises nothing."""

import numpy as np

from adaptive.scenario.build import grid_faults
from adaptive.scenario.truth import Accrual, Drift, Hazards, Population, Scenario

_SUM_ERROR = 1e-5


def _label_faults(scenario: Scenario) -> list[str]:
    found = []
    for field in ("subgroups", "arms", "channels", "states"):
        labels, least = getattr(scenario, field), 2 if field == "arms" else 1
        if len(labels) < least:
            found.append(f"{field}: {len(labels)} given; give at least {least}")
        if repeated := sorted({label for label in labels if labels.count(label) > 1}):
            found.append(f"{field}: {', '.join(repeated)} given more than once; names must differ")
    if scenario.n_episodes < 1:
        found.append(f"n_episodes: {scenario.n_episodes}; give 1 or more")
    return found


def _shape_fault(field: str, array, expected: tuple[int, ...]) -> list[str]:
    if tuple(array.shape) == expected:
        return []
    return [f"{field}: shape {tuple(array.shape)}; the scenario's names and cuts need {expected}"]


def _hazard_faults(hazards: Hazards, scenario: Scenario) -> list[str]:
    sizes = tuple(len(x) for x in (scenario.states, scenario.channels, scenario.subgroups, scenario.arms))
    h, c, s, a = sizes
    m = hazards.cuts.shape[0]
    found = grid_faults("hazards.cuts", np.asarray(hazards.cuts), first=0.0)
    wrong_shape = _shape_fault("hazards.base", hazards.base, (h, c, s, m))
    wrong_shape += _shape_fault("hazards.log_hr", hazards.log_hr, (h, c, s, a, m))
    wrong_shape += _shape_fault("hazards.next_state", hazards.next_state, (h, c))
    if wrong_shape:
        return found + wrong_shape
    return found + _hazard_value_faults(hazards) + _transition_faults(hazards, scenario)


def _hazard_value_faults(hazards: Hazards) -> list[str]:
    base, log_hr = np.asarray(hazards.base), np.asarray(hazards.log_hr)
    found = []
    if not (np.isfinite(base).all() and (base >= 0).all()):
        worst = base[~(np.isfinite(base) & (base >= 0))][0]
        found.append(f"hazards.base: has {worst:g}; hazards per month are finite and not negative")
    elif not (base[0] > 0).any():
        found.append("hazards.base: no channel has a hazard in the first state; nothing would ever happen")
    if not np.isfinite(log_hr).all():
        found.append("hazards.log_hr: has values that are not finite; hazard ratios are finite and above 0")
    elif (log_hr[:, :, :, 0] != 0).any():
        found.append("hazards.log_hr: not 0 for control; effects are against control")
    return found


def _transition_faults(hazards: Hazards, scenario: Scenario) -> list[str]:
    to, n_states = np.asarray(hazards.next_state), len(scenario.states)
    found = []
    if ((to < -1) | (to >= n_states)).any():
        found.append(f"hazards.next_state: has {to.tolist()}; allowed are -1 (ends) to {n_states - 1}")
    elif scenario.n_episodes == 1 and (to[0] >= 0).any():
        goes_on = [name for name, state in zip(scenario.channels, to[0], strict=True) if state >= 0]
        found.append(
            f"n_episodes: 1, but {', '.join(goes_on)} does not end observation; give the largest number of "
            "transitions of a patient"
        )
    return found


def _population_faults(population: Population, scenario: Scenario) -> list[str]:
    mix = np.asarray(population.mix)
    found = grid_faults("population.knots", np.asarray(population.knots))
    wrong = _shape_fault("population.mix", mix, (population.knots.shape[0], len(scenario.subgroups)))
    if wrong:
        return found + wrong
    if not (np.isfinite(mix).all() and (mix >= 0).all()):
        found.append(f"population.mix: {mix.tolist()}; probabilities are finite and not negative")
    elif (np.abs(mix.sum(axis=1) - 1.0) > _SUM_ERROR).any():
        found.append(f"population.mix: rows sum to {mix.sum(axis=1).tolist()}; each must sum to 1")
    return found


def _accrual_faults(accrual: Accrual) -> list[str]:
    rate = np.asarray(accrual.rate)
    found = grid_faults("accrual.knots", np.asarray(accrual.knots), first=0.0)
    found += _shape_fault("accrual.rate", rate, tuple(accrual.knots.shape))
    if not (np.isfinite(rate).all() and (rate >= 0).all()):
        found.append(f"accrual.rate: {rate.tolist()}; arrivals per month are finite and not negative")
    elif rate.size and not rate[-1] > 0:
        found.append(f"accrual.rate: ends at {rate[-1]:g}; the last rate must be above 0")
    return found


def _drift_faults(drift: Drift, scenario: Scenario) -> list[str]:
    values = np.asarray(drift.log_multiplier)
    found = grid_faults("drift.knots", np.asarray(drift.knots))
    found += _shape_fault("drift.log_multiplier", values, (drift.knots.shape[0], len(scenario.channels)))
    if not np.isfinite(values).all():
        found.append("drift.log_multiplier: has values that are not finite; give logs of multipliers")
    return found


def check_scenario(scenario: Scenario) -> list[str]:
    """Return every fault of a scenario: field, what came, what is allowed. Empty if it is sound."""
    return [
        *_label_faults(scenario),
        *_hazard_faults(scenario.hazards, scenario),
        *_population_faults(scenario.population, scenario),
        *_accrual_faults(scenario.accrual),
        *_drift_faults(scenario.drift, scenario),
    ]
