"""The precision that a final report asks of every number it rests on, and whether a study reached it.

A target is the largest Monte Carlo standard error (MCSE) allowed for a metric, at every place (subgroup, arm)
where the study states it. Descriptive numbers (percentiles, numbers given a claim) have none.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from adaptive.montecarlo import Z95

DEFAULTS: dict[str, float] = {
    "type_i_error": 0.0025,
    "fwer": 0.0035,
    **dict.fromkeys(("power", "disjunctive_power", "conjunctive_power", "correct_set"), 0.005),
    **dict.fromkeys(("wrong_way", "wrong_way_experimental", "coverage"), 0.005),
    **dict.fromkeys(("patients", "events", "patients_in", "patients_inferior"), 1.0),
    **dict.fromkeys(("months", "accrual_months"), 0.25),
    **dict.fromkeys(("bias", "empirical_se", "rmse", "posterior_sd"), 0.01),
}
"""Targets of a study that declares none, in the unit of the metric; 10,000 trials meet them in most designs.

A proportion has an MCSE of at most 0.005 with 10,000 trials; 0.0025 allows a type I error up to 0.067 with as
many, and 0.0035 a family-wise one up to 0.14.
"""
TABLES = ("claims", "size", "allocation", "estimation", "benefit")
LEVELS = ("", "mean", "overall")
"""Levels that a target is for: over all trials; not percentiles and not numbers given a claim."""
COLUMNS = ("scenario", "design", "metric", "n", "mcse", "target", "met")


def targets_of(dossier: Mapping) -> dict[str, float]:
    """Return the target of every metric: the study's own, else the default."""
    return DEFAULTS | {str(name): float(value) for name, value in (dossier.get("targets") or {}).items()}


def target_table(tables: Mapping[str, pd.DataFrame], targets: Mapping[str, float]) -> pd.DataFrame:
    """Return the largest MCSE over places of every scenario, design and metric beside its target.

    Parameters
    ----------
    tables
        Tidy frames by name; those of ``TABLES`` are read.
    targets
        Largest MCSE by metric.

    Returns
    -------
    Frame with ``COLUMNS``. ``mcse`` is ``max(MCSE, half-width of the 95% limits / 1.96)``, because a
    proportion of 0 or 1 has an MCSE of 0 however few its trials; ``n`` is the smallest number of trials.
    """
    frames = [_reached(tables[name], targets) for name in TABLES if name in tables and len(tables[name])]
    found = [frame for frame in frames if len(frame)]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=list(COLUMNS))


def _reached(frame: pd.DataFrame, targets: Mapping[str, float]) -> pd.DataFrame:
    """Return the rows of one table."""
    frame = frame[frame.metric.isin(targets) & frame.level.isin(LEVELS)]
    # A column of which every number is missing is not one of numbers.
    frame = frame.astype(dict.fromkeys(("estimate", "mcse", "lower", "upper"), float))
    frame = frame[np.isfinite(frame.estimate)]
    width = (frame.upper - frame.lower) / (2 * Z95)
    # A missing MCSE or limit must not pass, so it counts as infinite.
    mcse = np.maximum(frame.mcse.fillna(np.inf), width.fillna(np.inf))
    grouped = frame.assign(mcse=mcse).groupby(["scenario", "design", "metric"], sort=False)
    found = grouped.agg(n=("n", "min"), mcse=("mcse", "max")).reset_index()
    found["target"] = found.metric.map(targets).astype(float)
    # A share of one half at the planned number of trials has its target exactly; rounding must not fail it.
    found["met"] = found.mcse <= found.target * (1 + 1e-9)
    return found[list(COLUMNS)]


def target_faults(table: pd.DataFrame, targets: Mapping[str, float]) -> list[str]:
    """Say for every metric which cells miss its target, and how many trials would meet it."""
    faults = []
    for metric, rows in table[~table.met.astype(bool)].groupby("metric", sort=False):
        worst = rows.loc[rows.mcse.idxmax()]
        faults.append(
            f"{metric}: {_cells(rows)} the target MCSE {targets[metric]:g}; the largest is "
            f"{worst.mcse:.3g} in {worst.design} / {worst.scenario} with {worst.n} trials; {_remedy(worst)}, "
            "or declare a larger target in the dossier (targets) with its reason"
        )
    return faults


def _cells(rows: pd.DataFrame) -> str:
    return "1 cell misses" if len(rows) == 1 else f"{len(rows)} cells miss"


def _remedy(worst: pd.Series) -> str:
    """Return how many trials would do, the MCSE falling with the root of their number."""
    ratio = float(worst.mcse) / float(worst.target)
    if not np.isfinite(ratio):
        return "simulate more trials"
    wanted = 100 * int(np.ceil(int(worst.n) * ratio**2 / 100))
    return f"simulate about {wanted:,} trials"


def strangers(targets: Mapping[str, float], known: Sequence[str]) -> list[str]:
    """Return faults of targets for metrics that do not exist."""
    return [
        f"targets: {name!r} is not a metric of this report; give one of {', '.join(known)}"
        for name in targets
        if name not in known
    ]


def unjudged(
    targets: Mapping[str, float], tables: Mapping[str, pd.DataFrame], reached: pd.DataFrame
) -> list[str]:
    """Return faults of declared targets for numbers that the report states but does not hold to a target.

    A metric that the report does not state at all, such as a type I error without a null, is no fault.
    """
    stated = {name for frame in tables.values() if "metric" in frame for name in frame.metric}
    return [
        f"targets: {name!r} is stated in this report, but not held to a target (percentiles, averages over "
        "scenarios and numbers given a claim are not); remove it from the dossier"
        for name in targets
        if name in stated and name not in set(reached.metric)
    ]
