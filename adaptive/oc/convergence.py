"""Whether enough trials were run: running estimates, and a check that blocks of trials agree."""

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import pandas as pd

from adaptive import montecarlo as mc
from adaptive.oc.labels import METRICS
from adaptive.oc.load import CellResult
from adaptive.oc.metrics import row
from adaptive.oc.outcomes import Outcomes, claim_outcomes, size_outcomes
from adaptive.oc.report_text import counted
from adaptive.oc.source import Source

POINTS = 60
LOW = 0.05
NAMED = 3
"""Places with the same values that are named; more are counted."""
SPLITS = (
    *("scenario", "design", "metric", "n", "blocks", "chi_squared", "degrees_of_freedom", "p_value"),
    "also",
)
FOLLOWED = ("fwer", "disjunctive_power", "correct_set", "patients", "months")


def _followed(result: CellResult) -> Outcomes:
    """Return the outcomes whose convergence is shown."""
    outcomes = claim_outcomes(result, result.claimed) | size_outcomes(result)
    return {key: values for key, values in outcomes.items() if key.metric in FOLLOWED}


def running(result: CellResult) -> list[dict]:
    """Return each followed metric over the first ``n`` trials, for about 60 values of ``n``.

    Limits are normal and pointwise; ``n`` is the number of trials used so far.
    """
    total = result.n_trials
    counts = np.unique(np.geomspace(min(20, total), total, POINTS).round().astype(int))
    rows = []
    for key, values in _followed(result).items():
        means, errors = mc.running_mean(values, counts)
        for n, estimate, mcse in zip(counts.tolist(), means, errors, strict=True):
            half = mc.Z95 * mcse
            rows.append(row(key.metric, mc.Estimate(estimate, mcse, estimate - half, estimate + half, n, n)))
    return rows


def split_table(results: Sequence[CellResult], blocks: int = 10) -> pd.DataFrame:
    """Return the tests that consecutive blocks of trials have one mean, one row per distinct set of values.

    ``also`` names where else the very same values occur: the duration of a trial that no effect can change,
    in every scenario; the complement of an error, which has the same test.
    """
    groups: dict[Hashable, list[tuple[CellResult, str, np.ndarray]]] = {}
    for result in results:
        for key, values in _followed(result).items():
            groups.setdefault(_identity(key.metric, values), []).append((result, key.metric, values))
    rows = []
    for (result, metric, values), *others in groups.values():
        statistic, freedom, p_value = mc.split_check(values, blocks)
        rows.append(
            {"scenario": result.scenario, "design": result.design, "metric": metric}
            | {"n": result.n_trials, "blocks": blocks, "chi_squared": statistic}
            | {"degrees_of_freedom": freedom, "p_value": p_value}
            | {"also": _places((result, metric), [other[:2] for other in others])}
        )
    return pd.DataFrame(rows, columns=list(SPLITS))


def _identity(metric: str, values: np.ndarray) -> Hashable:
    """Return one thing for values whose tests are one: equal values, a proportion and its complement."""
    moved = np.asarray(values, float) - float(values[0])
    first = np.flatnonzero(moved)
    if not first.size:
        return metric, values.size, float(values[0])
    # Without the zero a sign of -1 would make negative zeros, which have other bytes.
    return (np.sign(moved[first[0]]) * moved + 0.0).tobytes()


def _places(own: tuple[CellResult, str], others: Sequence[tuple[CellResult, str]]) -> str:
    """Return where else values occur, in words that leave out what is the same."""
    if len(others) > NAMED:
        return f"{len(others)} others"
    result, metric = own
    words = []
    for other, name in others:
        differs = {
            other.scenario: other.scenario != result.scenario,
            other.design: other.design != result.design,
            METRICS[name][0]: name != metric,
        }
        words.append(" \N{MIDDLE DOT} ".join(text for text, shown in differs.items() if shown))
    return ", ".join(words)


def convergence_part(source: Source, tables: Mapping[str, pd.DataFrame]) -> dict[str, list[str]]:
    """Return ``checks``: what the block checks say together."""
    del source
    return {"checks": split_words(tables["splits"])}


def split_words(splits: pd.DataFrame) -> list[str]:
    """Return how many distinct checks there are, the smallest p-value, and what that is among so many."""
    made = splits[splits.p_value.notna()]
    if made.empty:
        return ["No block check could be made: too few trials, or values that do not vary."]
    least, below = made.loc[made.p_value.idxmin()], int((made.p_value < LOW).sum())
    adjusted = min(1.0, len(made) * float(least.p_value))
    verdict = "no evidence" if adjusted >= LOW else "evidence"
    return [
        f"{counted(len(made), 'distinct check')} could be made: {below} gave p below {LOW:g}, where "
        f"{LOW * len(made):.2g} are expected. The smallest p is {least.p_value:.2g} "
        f"({METRICS[least.metric][0].lower()}, {least.design} in {least.scenario}); times the number of "
        f"checks, a bound that holds however they depend on each other, {adjusted:.2g}: {verdict} against "
        "independent trials."
    ]
