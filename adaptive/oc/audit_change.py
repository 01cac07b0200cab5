"""What the flipped decisions of an audit do to error rates and power: an estimate, and a bound.

Looks, not trials, were drawn, and the nearest ones are all of their kind. So a number per trial is
``(sum over the nearest looks + other looks * mean over the random looks that are not among them) / trials``.
Nothing here fits or reads a file.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from adaptive.montecarlo import Z95
from adaptive.oc.audit_judge import BEST
from adaptive.oc.load import CellResult

LOOK = ["design", "scenario", "trial", "look"]
CELL = [*LOOK, "subgroup", "arm"]
CLAIM = "EFFICACY"
CHANGES = {
    "any": "any decision differs",
    "false_gained": "a false claim by the fast engine alone",
    "false_lost": "a false claim by NUTS alone",
    "true_gained": "a true claim by the fast engine alone",
    "true_lost": "a true claim by NUTS alone",
}


@dataclass(frozen=True)
class Behind:
    """What the audited looks stand for.

    Attributes
    ----------
    looks, trials
        Numbers of looks and of trials from which the sample was drawn, over all results.
    """

    looks: int
    trials: int


def clopper_pearson(found: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Return exact limits of a proportion, which also take fractional counts; ``(0, 1)`` when ``n`` is 0.

    References
    ----------
    Clopper and Pearson (1934), Biometrika 26, 404-413, doi:10.1093/biomet/26.4.404.
    """
    if n <= 0:
        return 0.0, 1.0
    tail = (1.0 - level) / 2.0
    lower = 0.0 if found <= 0 else float(stats.beta.ppf(tail, found, n - found + 1.0))
    upper = 1.0 if found >= n else float(stats.beta.ppf(1.0 - tail, found + 1.0, n - found))
    return lower, upper


def decisions(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row per look and open cell, with the distance of the cell's nearest applied rule.

    Looks whose reference fit failed its gates are left out; ``unresolved`` counts them.
    """
    rules = frame[(frame.quantity != BEST) & frame.open & (frame.health == "OK")]
    first = rules.drop_duplicates(CELL).drop(columns=["distance"])
    nearest = rules.groupby(CELL, sort=False).distance.min().rename("distance").reset_index()
    return first.merge(nearest, on=CELL)


def changes(frame: pd.DataFrame, behind: Behind) -> pd.DataFrame:
    """Return how often a trial has a look of each kind of ``CHANGES``, with limits.

    The limits are exact for the share of looks (Clopper and Pearson), whatever trials they come from, because
    looks are what was drawn. Since a trial with a differing look has at least one, the first row bounds the
    probability that a trial decides anything differently, and so any change of a type I error or a power.
    """
    table = decisions(frame)
    kinds = _kinds(table)
    rows = []
    for settled in (False, True):
        marks = table[[*LOOK, "random", "near"]].assign(
            **{name: values & (table.real if settled else True) for name, values in kinds.items()}
        )
        looks = marks.groupby(LOOK, sort=False).any()
        rows += [
            {"change": name, "beyond_error": settled} | _per_trial(looks, name, behind) for name in CHANGES
        ]
    return pd.DataFrame(rows)


def _kinds(table: pd.DataFrame) -> dict[str, pd.Series]:
    """Return, per decision, whether it differs and how claims differ."""
    fast, nuts = table.verdict_fast == CLAIM, table.verdict_nuts == CLAIM
    return {
        "any": table.flip,
        "false_gained": fast & ~nuts & table.null,
        "false_lost": nuts & ~fast & table.null,
        "true_gained": fast & ~nuts & ~table.null,
        "true_lost": nuts & ~fast & ~table.null,
    }


def _per_trial(looks: pd.DataFrame, name: str, behind: Behind) -> dict:
    near = looks[looks.near]
    rest = looks[looks.random & ~looks.near]
    n, found, others = len(rest), int(rest[name].sum()), behind.looks - len(near)
    share = found / n if n else (0.0 if not others else float("nan"))
    low, high = clopper_pearson(found, n) if others else (0.0, 0.0)
    counted = int(near[name].sum())
    return {
        "near_looks": counted,
        "random_looks": found,
        "random_n": n,
        **{
            label: float((counted + others * value) / behind.trials)
            for label, value in (("per_trial", share), ("lower", low), ("upper", high))
        },
    }


def exposed(results: Sequence[CellResult]) -> dict[str, float]:
    """Return what a trial has, on average over the results, that can be claimed falsely or truly.

    ``type_i_error`` and ``power``: cells without and with a benefit; ``fwer`` and ``disjunctive_power``: 1 if
    there is one of them, so the share of trials that have one.
    """
    trials = np.array([result.n_trials for result in results], float)
    null = np.array([int((r.truth.is_null & r.offered).sum()) for r in results])
    benefit = np.array([int((~r.truth.is_null & r.offered).sum()) for r in results])
    counts = {"type_i_error": null, "power": benefit, "fwer": null > 0, "disjunctive_power": benefit > 0}
    return {name: float((trials * count).sum() / trials.sum()) for name, count in counts.items()}


def induced(frame: pd.DataFrame, behind: Behind, per_trial: dict[str, float]) -> pd.DataFrame:
    """Return the change of error rates and power that the audited engine's differences induce.

    A look counts 1 for a claim by the audited engine alone and -1 for one by the sampler alone: of each cell
    (``type_i_error``, ``power``), or of the look, if one engine makes any claim there and the other none
    (``fwer``, ``disjunctive_power``). The sum per trial over what a trial has of such cells is the change of
    the mean rate, were a claim at one look never made at another: a claim lost at a look may be made at a
    later one, and a stop by one engine alone may prevent a claim, which this does not net out.

    Parameters
    ----------
    frame
        The table of ``audit_judge``.
    behind
        What the sample stands for.
    per_trial
        What ``exposed`` returned.

    Returns
    -------
    Per metric: ``estimate``, ``mcse`` and 95% limits, counts of either kind, ``per_trial``. The error is that
    of a mean of differences with half an observation added to either kind, so that it is not 0 where none was
    found (Agresti and Min 2005, Statistics in Medicine 24, 729-740, doi:10.1002/sim.1781).
    """
    looks = _net_claims(decisions(frame))
    rows = []
    for metric, size in per_trial.items():
        if size > 0:
            rows.append({"metric": metric, "per_trial": size} | _net(looks, metric, behind, size))
    return pd.DataFrame(rows)


def _net_claims(table: pd.DataFrame) -> pd.DataFrame:
    """Return, per look, claims by the audited engine less those by the sampler."""
    engines = {"fast": table.verdict_fast == CLAIM, "nuts": table.verdict_nuts == CLAIM}
    marks = table[[*LOOK, "random", "near"]].copy()
    for kind, own in (("false", table.null), ("true", ~table.null)):
        for engine, claims in engines.items():
            marks[f"{kind}_{engine}"] = (claims & own).astype(int)
    groups = marks.groupby(LOOK, sort=False)
    looks, claims = groups[["random", "near"]].any(), groups.sum(numeric_only=True)
    for kind, cell, trial in (("false", "type_i_error", "fwer"), ("true", "power", "disjunctive_power")):
        fast, nuts = claims[f"{kind}_fast"], claims[f"{kind}_nuts"]
        looks[cell] = fast - nuts
        looks[trial] = (fast > 0).astype(int) - (nuts > 0).astype(int)
    return looks


def _net(looks: pd.DataFrame, metric: str, behind: Behind, size: float) -> dict:
    near = looks[looks.near][metric].to_numpy()
    rest = looks[looks.random & ~looks.near][metric].to_numpy()
    n, others = rest.size, behind.looks - near.size
    scale = 1.0 / (behind.trials * size)
    # Without a random look nothing is known of the others, and zero times NaN would not be zero.
    mean = rest.mean() if n else (np.nan if others else 0.0)
    spread = (rest**2).sum() + 1.0 - rest.sum() ** 2 / (n + 2.0)
    estimate, error = scale * (near.sum() + others * mean), scale * others * np.sqrt(spread) / (n + 2.0)
    return {
        "gained": int(np.maximum(near, 0).sum() + np.maximum(rest, 0).sum()),
        "lost": int(np.maximum(-near, 0).sum() + np.maximum(-rest, 0).sum()),
        "estimate": float(estimate),
        "mcse": float(error),
        "lower": float(estimate - Z95 * error),
        "upper": float(estimate + Z95 * error),
    }
