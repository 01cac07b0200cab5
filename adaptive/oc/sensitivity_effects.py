"""What one level of a factor does to the operating characteristics, against its base on the same trials.

Axes: ``R`` trials, ``S`` subgroups, ``B`` experimental arms.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import reduce

import numpy as np
from jaxtyping import Float, Int

from adaptive import montecarlo as mc
from adaptive.errors import BadInput
from adaptive.oc.load import CellResult
from adaptive.oc.metrics import row
from adaptive.oc.outcomes import Key, Outcomes, paired_outcomes

WHOLE = ("fwer", "disjunctive_power", "correct_set", "patients", "months", "patients_inferior")
"""Outcomes of a whole trial that are compared."""
SIZES = ("patients", "months")
"""Outcomes that mean the same whatever is true."""
ESTIMATE, DIFFERENCE = "estimate", "difference"


def shared(cells: Mapping[str, CellResult]) -> dict[str, CellResult]:
    """Return cells cut to the trials that all of them have, in one order.

    An estimate of a level then differs from that of its base by exactly the change that stands beside it.

    Raises
    ------
    BadInput
        If they share no trial.
    """
    common = reduce(np.intersect1d, (cell.trials["trial"] for cell in cells.values()))
    if not common.size:
        places = ", ".join(str(cell.path) for cell in cells.values())
        raise BadInput(f"{places} have no trial in common; run `adaptive sensitivity` again")
    return {name: _cut(cell, common) for name, cell in cells.items()}


def _cut(result: CellResult, trials: Int[np.ndarray, " r"]) -> CellResult:
    """Return the result of some of its trials."""
    _, _, rows = np.intersect1d(trials, result.trials["trial"], return_indices=True)
    single = ("patients", "events", "exposure", "status", "decided_look")
    single += ("advice", "advised_look", "awaiting_look")
    return replace(
        result,
        **{name: getattr(result, name)[rows] for name in single},
        **{
            name: {column: values[rows] for column, values in getattr(result, name).items()}
            for name in ("trials", "estimates", "overrun")
        },
    )


def outcomes_of(result: CellResult) -> Outcomes:
    """Return the compared outcomes, and ``claim``: any claim, true or false, over all and per subgroup."""
    found = {key: values for key, values in paired_outcomes(result).items() if key in map(Key, WHOLE)}
    claimed = result.claimed & result.offered[None]
    found[Key("claim")] = claimed.any(axis=(1, 2))
    for s, subgroup in enumerate(result.subgroups):
        if result.offered[s].any():
            found[Key("claim", subgroup)] = claimed[:, s].any(axis=1)
    return found


def errors_of(result: CellResult) -> dict[str, Float[np.ndarray, "R S B"]]:
    """Return per cell the error of the posterior mean, and whether the interval covers; NaN where unknown.

    The true value is the level's own: a delayed effect has another than a constant one.
    """
    known = np.isfinite(result.truth.log_hr) & result.offered
    truth = np.where(known, result.truth.log_hr, np.nan)
    lower, upper = result.estimates["log_hr_lower"], result.estimates["log_hr_upper"]
    error = result.estimates["log_hr_mean"] - truth
    covers = np.where(np.isfinite(lower) & np.isfinite(upper), (lower <= truth) & (truth <= upper), np.nan)
    return {"bias": error, "coverage": np.where(np.isfinite(error), covers, np.nan)}


def _over_cells(values: Float[np.ndarray, "R S B"]) -> Float[np.ndarray, " r"]:
    """Return the mean over the known cells of each trial that has any."""
    flat = values.reshape(values.shape[0], -1)
    known = np.isfinite(flat)
    some = known.any(axis=1)
    return np.where(known, flat, 0.0)[some].sum(axis=1) / known[some].sum(axis=1)


def estimates(result: CellResult) -> list[dict]:
    """Return the level's own characteristics; bias and coverage are means over cells."""
    rows = [level_row(key, estimate_of(values), ESTIMATE) for key, values in outcomes_of(result).items()]
    for metric, values in errors_of(result).items():
        rows.append(level_row(Key(metric), mc.mean(_over_cells(values)), ESTIMATE))
    return rows


def differences(level: CellResult, base: CellResult) -> list[dict]:
    """Return ``level - base`` for every outcome that both have; ``shared`` gave them the same trials.

    Where the two do not have the same true nulls, only patients and months are compared: a claim that is
    false in one and true in the other is no pair.

    Raises
    ------
    BadInput
        If the two do not share the seed.
    """
    if level.manifest["seed"] != base.manifest["seed"]:
        raise BadInput(
            f"{level.path} has seed {level.manifest['seed']} and {base.path} {base.manifest['seed']}; paired "
            "differences need one seed; run `adaptive sensitivity` again"
        )
    own, other = outcomes_of(level), outcomes_of(base)
    same = np.array_equal(level.truth.is_null, base.truth.is_null)
    rows = [
        level_row(key, difference_of(own[key], other[key]), DIFFERENCE)
        for key in own
        if key in other and (same or key.metric in SIZES)
    ]
    return rows + (_error_differences(level, base) if same else [])


def _error_differences(level: CellResult, base: CellResult) -> list[dict]:
    first, second = errors_of(level), errors_of(base)
    return [
        level_row(Key(metric), mc.mean(_over_cells(first[metric] - second[metric])), DIFFERENCE)
        for metric in first
    ]


def estimate_of(values: np.ndarray) -> mc.Estimate:
    """Return the proportion or the mean of an outcome."""
    return mc.proportion(values) if values.dtype == bool else mc.mean(values)


def difference_of(first: np.ndarray, second: np.ndarray) -> mc.Estimate:
    """Return the paired difference of an outcome."""
    paired: Callable = mc.paired_proportion if first.dtype == bool else mc.paired_mean
    return paired(first, second)


def level_row(key: Key, estimate: mc.Estimate, level: str) -> dict:
    """Return an estimate as a row."""
    return row(key.metric, estimate, level=level, subgroup=key.subgroup, arm=key.arm)
