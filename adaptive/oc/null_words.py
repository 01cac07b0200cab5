"""Words for a search of the null space: its factors, a point's place, and what its points cannot tell.

Takes the plain data of a stored search. Estimates nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from adaptive.oc.report_text import counted, joined

GLOBAL = "all null"
NEAR = 0.1
"""Share of a factor's range, on the log scale, within which a value is near the edge of the box."""
NO_ARMS = (
    "No point has an arm without benefit beside one that has it in the same subgroup: the error of such an "
    "arm was not searched."
)
FACTOR_WORDS = {
    "hazard": "hazard of the endpoint",
    "channel": "hazard of",
    "accrual": "accrual rate",
    "drift": "hazard by the date of entry",
    "mix": "share of",
    "effect": "hazard ratio where there is benefit",
}


def factor_label(factor: Mapping[str, Any]) -> str:
    """Return the column of a factor."""
    return factor["kind"] if factor["name"] == "all" else f"{factor['kind']}:{factor['name']}"


def factor_words(factor: Mapping[str, Any]) -> str:
    """Return what a factor multiplies, in words."""
    words, name = FACTOR_WORDS[factor["kind"]], factor["name"]
    if name == "all":
        return words
    return f"{words} in {name}" if factor["kind"] == "hazard" else f"{words} {name}"


def place_words(search: Mapping[str, Any], row: Mapping[str, Any]) -> list[str]:
    """Return where a point is: the pattern of nulls, then a value per factor that matters there."""
    months = search["drift_months"]
    return [row["nulls"], *(_value(f, row[factor_label(f)], months) for f in _mattering(search, row))]


def _mattering(search: Mapping[str, Any], row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the factors that change a point: where no cell has a benefit, the size of one does not."""
    factors = [factor for factor in search["factors"] if factor_label(factor) in row]
    return [factor for factor in factors if factor["kind"] != "effect" or row["nulls"] != GLOBAL]


def _value(factor: Mapping[str, Any], value: float, drift_months: float) -> str:
    """Return a factor's value in words: a hazard ratio, or a multiple of what the scenario has."""
    if factor["kind"] == "effect":
        return f"{factor_words(factor)} {value:.2f}"
    late = f" for entries from month {drift_months:g}" if factor["kind"] == "drift" else ""
    return f"{FACTOR_WORDS['hazard'] if late else factor_words(factor)} ×{value:.2f}{late}"


def edge_words(search: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    """Say which values of a point lie near the edge of the box; empty if none does."""
    near = [factor for factor in _mattering(search, row) if _is_near(factor, row[factor_label(factor)])]
    if not near:
        return ""
    values = ", ".join(
        f"{_value(factor, row[factor_label(factor)], search['drift_months'])} (box {factor['low']:g} to "
        f"{factor['high']:g})"
        for factor in near
    )
    place = "a corner" if len(near) > 1 else "the edge"
    return f"This point lies near {place} of the box: {values}. A larger error within the box is possible."


def _is_near(factor: Mapping[str, Any], value: float) -> bool:
    low, high = factor["low"], factor["high"]
    if high <= low:
        return False
    place = np.log(value / low) / np.log(high / low)
    return bool(min(place, 1 - place) <= NEAR)


def set_numbers(search: Mapping[str, Any]) -> list[int]:
    """Return which set of nuisance parameters each row has, counted from 1; patterns share their sets."""
    labels = [factor_label(factor) for factor in search["factors"]]
    sets: dict[tuple[float, ...], int] = {}
    return [sets.setdefault(tuple(row[label] for label in labels), len(sets) + 1) for row in search["rows"]]


def spread_words(search: Mapping[str, Any]) -> str:
    """Say how many different sets of nuisance parameters the points of both stages rest on."""
    found: dict[int, Counter[int]] = {1: Counter(), 2: Counter()}
    for row, number in zip(search["rows"], set_numbers(search), strict=True):
        found[row["stage"]][number] += 1
    moving = sum(factor["high"] > factor["low"] for factor in search["factors"])
    first, second = (counted(search[f"stage_{stage}"]["points"], "point") for stage in (1, 2))
    patterns, sets = counted(len(search["patterns"]), "pattern"), counted(len(found[1]), "set")
    n_edge = search["stage_1"].get("at_edge", 0) // len(search["patterns"])
    edge = f", {n_edge} of them at the edge to which the error of the others rises" if n_edge else ""
    return (
        f"The {first} of stage 1 combine {patterns} of nulls{_whole(search)} with {sets} of "
        f"{counted(moving, 'nuisance parameter')}{edge}; the {second} of stage 2 rest on {len(found[2])} of "
        f"these sets, with up to {counted(max(found[2].values()), 'point')} on one. The parameters of a set "
        "vary together, and between the sets the error is not known."
    )


def _whole(search: Mapping[str, Any]) -> str:
    """Return that the patterns are of whole subgroups or arms, where single cells did not vary."""
    partial = search["settings"]["partial"]
    kinds = ({partial} if isinstance(partial, str) else set(partial)) - {"none"}
    if not kinds or "cells" in kinds:
        return ""
    return f" (whole {joined(sorted(kinds, reverse=True))}, no single cells)"


def varied_words(partial: str | Sequence[str]) -> str:
    """Return which parts of the trial may be without benefit, by the kinds of partial nulls asked for."""
    kinds = [partial] if isinstance(partial, str) else list(partial)
    named = [kind for kind in kinds if kind != "none"]
    return f"which {' or '.join(named)} have no benefit" if named else "no arm has a benefit anywhere"


def against(excess: float) -> str:
    """Return how much higher or lower stage 1 was than stage 2, in words."""
    return f"{abs(excess):.4f} {'higher' if excess > 0 else 'lower'} than stage 2"


def found_words(search: Mapping[str, Any], name: str, text: str) -> str:
    """Say what a search found, where, and what its points cannot tell.

    Parameters
    ----------
    search
        Plain data of the search, with the number of ``arms`` that a subgroup offers.
    name
        The design with how futility was taken.
    text
        The largest error of stage 2, to print.
    """
    worst, rows = search["worst"], search["rows"]
    has_gap = search["arms"] > 1 and not any(row.get("beside_benefit") for row in rows)
    parts = [
        f"{name}: the largest error found is {text} at: {'; '.join(place_words(search, worst))}.",
        edge_words(search, worst),
        f"The simultaneous {100 * search['simultaneous_confidence']:g}% upper bound over the points of stage "
        f"2 is {search['simultaneous_upper_bound']:.4f}; target {search['target']:g}: {search['verdict']}.",
        f"At these points stage 1 gave an error {against(search['excess_of_stage_1'])} on average.",
        spread_words(search),
        NO_ARMS if has_gap else "",
    ]
    return " ".join(part for part in parts if part)


def left_out(searched: Sequence[str], ignored: Sequence[str], unsearched: Sequence[str]) -> list[str]:
    """Say which designs were not searched, and which, of those it matters for, not with futility ignored."""
    only = [design for design in searched if design not in ignored]
    said = [f"{joined(only)}: searched with futility as designed only."] if only else []
    if unsearched:
        said.append(f"{joined(unsearched)}: not searched; nothing is said of the error there.")
    return said
