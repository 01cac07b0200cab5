"""Sentences that answer a key question, made from the rows found for it. Nothing here judges a number."""

from collections.abc import Mapping, Sequence
from math import exp
from typing import Any

import pandas as pd

from adaptive.montecarlo import round_by_se
from adaptive.oc import labels, report_text

LONGEST = 4
"""Scenarios that are named one by one; of more only the number is told."""
SEARCHED = {"fwer": "any_false_claim", "type_i_error": "per_comparison"}
"""Which error of a search of nulls is the same number as a metric."""


def headline(question: Mapping[str, Any], rows: pd.DataFrame) -> str:
    """Return the answer in one sentence, over every scenario and design of the rows.

    A comparison is told by how many scenarios differ either way by more than their 95% Monte Carlo limits,
    as yes or no where the question says which direction means yes; any other number by its range.
    """
    known = rows[rows.estimate.notna()]
    if known.empty:
        return "Too few trials qualify for a number."
    if (known.level == CHANGE).any():
        return " ".join(_change(question, entry) for entry in _changes(known))
    if question.get("against"):
        return _compared(question, known)
    if len(known) == 1:
        return f"{_count(known)}: {amount(question)(known.iloc[0])}."
    words = report_text.extremes(known, amount(question), _within(known))
    return f"{_count(known)}: {words}."


CHANGE = "change"
"""Level of the rows that compare a paired difference between scenarios."""


def _count(known: pd.DataFrame) -> str:
    """Return how many scenarios and designs the rows are of; the name of one that stands alone."""
    scenarios, designs = (list(dict.fromkeys(known[name])) for name in ("scenario", "design"))
    many = report_text.counted(len(scenarios), "scenario")
    where = f"In {report_text.quoted(scenarios[0])}" if len(scenarios) == 1 else many
    return f"{where} with {designs[0] if len(designs) == 1 else report_text.counted(len(designs), 'design')}"


def _within(known: pd.DataFrame):
    """Return what names the place of a row among those of one scenario, or of several."""
    if known.scenario.nunique() == 1 and known.design.nunique() > 1:
        return lambda entry: entry.design
    return place_of(known)


def place_of(rows: pd.DataFrame):
    """Return what names the place of a row: its scenario, and what else tells it from others."""
    told = [name for name in ("subgroup", "arm", "design") if rows[name].nunique() > 1]
    return lambda entry: ", ".join([report_text.quoted(entry.scenario), *(entry[name] for name in told)])


def _compared(question: Mapping[str, Any], known: pd.DataFrame) -> str:
    lower, higher = known[known.upper < 0], known[known.lower > 0]
    rest = len(known) - len(lower) - len(higher)
    amounts = report_text.extremes(known, amount(question), place_of(known))
    yes, no = (lower, higher) if question.get("yes_if") == "below" else (higher, lower)
    n = report_text.counted(len(known), "scenario" if known.design.nunique() == 1 else "comparison")
    if question.get("yes_if"):
        told = f"{'Yes' if len(yes) else 'No'}: in {len(yes)} of {n}{_named(yes)}"
        told += f", the reverse in {len(no)}{_named(no)}"
    else:
        told = f"Of {n}, lower in {len(lower)}{_named(lower)}, higher in {len(higher)}{_named(higher)}"
    if rest:
        told += f", no difference beyond Monte Carlo error in {rest}"
    return f"{told}; judged by the 95% Monte Carlo limits of each by itself. The difference is {amounts}."


def _named(rows: pd.DataFrame) -> str:
    names = list(dict.fromkeys(rows.scenario))
    return f" ({report_text.joined(names)})" if 0 < len(names) <= LONGEST else ""


def sentences(question: Mapping[str, Any], rows: pd.DataFrame) -> list[str]:
    """Return one sentence per design: smallest and largest estimate over the scenarios, with error and n."""
    said = []
    for design, own in rows[rows.level != CHANGE].groupby("design", sort=False):
        known = own[own.estimate.notna()]
        versus = f" minus {question['against']}, paired" if question.get("against") else ""
        words = report_text.extremes(known, amount(question))
        gaps = [name for name in question.get("scenarios") or [] if name not in set(known.scenario)]
        gap = f" No number in {report_text.joined(gaps)}." if gaps else ""
        said.append(f"{design}{versus}: {words} ({_denominator(known)}).{gap}")
    return said


def _changes(rows: pd.DataFrame) -> list[pd.Series]:
    return [entry for _, entry in rows[rows.level == CHANGE].iterrows()]


def _change(question: Mapping[str, Any], entry: pd.Series) -> str:
    """Say by how much a paired difference is another in one scenario than in that it is compared with."""
    sure = entry.lower > 0 or entry.upper < 0
    yes = entry.upper < 0 if question.get("yes_if") == "below" else entry.lower > 0
    start = ("Yes: from " if yes else "No: from ") if question.get("yes_if") else "From "
    against = f"{entry.design} minus {question['against']}"
    return (
        f"{start}{question['change_from']} to {entry.scenario} the paired difference {against} changes by "
        f"{amount(question)(entry)}, over the same virtual patients; its 95% limits "
        f"{'exclude' if sure else 'include'} 0."
    )


def also(name: str, question: Mapping[str, Any], rows: pd.DataFrame) -> str:
    """Return the range of a further number over scenarios, designs and cells."""
    metric, _, level = name.partition(":")
    own = {"metric": metric, "level": level}
    known = rows[rows.estimate.notna()]
    cells = bool(len(rows)) and bool((rows.arm != "all").any()) and not question.get("arm")
    where = " in one cell" if cells else ""
    words = report_text.extremes(known, amount(own), place_of(known))
    return f"{title(own)}{where}: {words}."


def searched(question: Mapping[str, Any], searches: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what searches of the nulls found of the same error; it may exceed that of every scenario."""
    said = []
    for search in searches:
        if SEARCHED.get(question["metric"]) != search["error"] or question.get("against"):
            continue
        if question.get("designs") and search["design"] not in question["designs"]:
            continue
        worst = next(item for item in search["classes"] if item["kind"] == "largest of all")
        said.append(
            f"Searched nulls, {search['design']} ({search['variant']}): largest {worst['text']} on "
            f"{worst['n']:,} trials, simultaneous {100 * search['simultaneous_confidence']:g}% upper bound "
            f"{search['simultaneous_upper_bound']:.3f}."
        )
    return said


def as_ratios(rows: pd.DataFrame, true: Mapping[tuple[str, str], float]) -> str:
    """Return the smallest and the largest bias of one cell as hazard ratios, true beside estimated.

    ``true`` has the true log hazard ratio of the cell by scenario and design.
    """
    known = rows[rows.estimate.notna()]
    if known.empty:
        return ""

    def told(entry: pd.Series) -> str:
        log_hr = true[entry.scenario, entry.design]
        mean = exp(log_hr + entry.estimate)
        shown, error = round_by_se(mean, mean * entry.mcse)
        return f"{exp(log_hr):.2f} is estimated at {shown} (MCSE {error}) in {place(entry)}"

    place = place_of(known)
    ends = dict.fromkeys((known.estimate.idxmin(), known.estimate.idxmax()))
    words = "; one of ".join(told(known.loc[index]) for index in ends)
    return f"As hazard ratios, with geometric means over the trials that count: a true one of {words}."


def only_control(inferior: Mapping[str, bool], place: str) -> str:
    """Return in how many scenarios control alone is inferior, so that control alone makes the number.

    ``inferior`` says of every scenario whether an experimental arm is inferior too.
    """
    others = [name for name, found in inferior.items() if found]
    n, alone = len(inferior), len(inferior) - len(others)
    if not alone:
        return ""
    where = "Here" if n == 1 else f"In {'each' if alone == n else alone} of the {n} scenarios"
    rest = f" In {report_text.joined(others)} an experimental arm is inferior{place}." if others else ""
    return (
        f"{where} control is the only inferior arm{place}: the number then counts patients on control alone, "
        f"and says nothing on the allocation between experimental arms.{rest}"
    )


def _denominator(rows: pd.DataFrame) -> str:
    """Return the numbers of trials, and for numbers given a claim those of claims too."""
    if rows.empty:
        return "too few trials qualify"
    low, high = int(rows.n.min()), int(rows.n.max())
    n = f"n = {low:,}" if low == high else f"n = {low:,} to {high:,}"
    claimed = (rows.level == "claimed").all() and rows.m.notna().all()
    given = f", of which at least m = {int(rows.m.min()):,} with a claim" if claimed else ""
    return f"{n} virtual trials per scenario{given}"


def amount(question: Mapping[str, Any]):
    """Return what turns a row into an estimate with its error in its unit."""
    unit = labels.METRICS[plain(question["metric"])][1]
    if unit != "probability":
        return lambda entry: report_text.number(entry, unit)
    if question.get("against"):
        return report_text.points
    return lambda entry: report_text.percent(entry.estimate, entry.mcse)


def plain(metric: str) -> str:
    """Return a metric without the mark of advice followed."""
    return metric.removesuffix("_advice_applied")


def title(question: Mapping[str, Any]) -> str:
    """Return the printed name of a metric with its level."""
    label, level = labels.METRICS[plain(question["metric"])][0], question.get("level")
    return f"{label} ({labels.STATES.get(level, level)})" if level else label


def looked_for(question: Mapping[str, Any]) -> str:
    """Return what number answers a question, in words."""
    place = [question[key] for key in ("arm", "subgroup") if question.get(key)]
    against = f", paired difference from {question['against']}" if question.get("against") else ""
    return f"{title(question)}{', ' + ' in '.join(place) if place else ''}{against}"
