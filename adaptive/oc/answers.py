"""Answers to the key questions of a dossier, generated from the tables; the authors' reading is kept apart.

A question names a metric and where to look; nothing here judges what the number means.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from adaptive.errors import did_you_mean
from adaptive.oc import labels, report_text
from adaptive.oc.source import Source

OVERALL = ("", "mean", "overall", "prior")
"""Levels that a question without one means, in this order."""


def answers_part(source: Source, tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """Return ``answers``: question, sentence, rows and the authors' reading of each; and their tidy frame.

    A question that finds no number says what it looked for instead of an answer.
    """
    answers, rows = [], []
    for question in source.dossier.get("questions", []):
        found = rows_for(question, tables)
        answers.append(
            {
                "id": question["id"],
                "question": question["question"],
                "what": looked_for(question),
                "sentences": sentences(question, found) if len(found) else [],
                "absent": "" if len(found) else _why_not(question, tables),
                "reading": question.get("reading", ""),
                "rows": found,
            }
        )
        rows.append(found.assign(question=question["id"]))
    frame = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()
    return {"answers": answers, "tables": {"answers": frame} if len(frame) else {}}


def rows_for(question: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the tidy rows that answer a question, in the order of its scenarios and the report's designs.

    ``against`` asks for paired differences from the benchmark, which must be that design. Without
    ``subgroup`` and ``arm`` the rows are those of the whole trial; without ``level`` those over all trials.
    """
    frames = [tables["paired"]] if question.get("against") else _single(tables)
    for frame in frames:
        found = frame[frame.metric == question["metric"]]
        found = found[
            (found.subgroup == question.get("subgroup", "all")) & (found.arm == question.get("arm", "all"))
        ]
        for column, names in (("scenario", question.get("scenarios")), ("design", question.get("designs"))):
            if names:
                found = found[found[column].isin(names)]
        found = _at_level(found, question)
        if len(found):
            return found.sort_values(
                "scenario", key=_rank(found.scenario, question), kind="stable"
            ).reset_index(drop=True)
    return pd.DataFrame(columns=list(tables["claims"].columns))


def _single(tables: Mapping[str, pd.DataFrame]) -> list[pd.DataFrame]:
    """Return the tidy frames of one design at a time."""
    return [
        frame
        for name, frame in tables.items()
        if name not in ("paired", "answers") and {"metric", "text"} <= set(frame)
    ]


def _rank(scenarios: pd.Series, question: Mapping[str, Any]):
    order = list(question.get("scenarios") or dict.fromkeys(scenarios))
    return lambda column: column.map(order.index)


def _at_level(found: pd.DataFrame, question: Mapping[str, Any]) -> pd.DataFrame:
    """Return the rows of the level asked for, or of the first of the usual ones that there is."""
    if question.get("against"):
        return found
    if question.get("level"):
        found = found[found.level.astype(str) == question["level"]]
        return found.drop_duplicates(["scenario", "design"])
    for level in OVERALL:
        if len(rows := found[found.level == level]):
            return rows.drop_duplicates(["scenario", "design"])
    return found.iloc[:0]


def sentences(question: Mapping[str, Any], rows: pd.DataFrame) -> list[str]:
    """Return one sentence per design: smallest and largest estimate over the scenarios, with error and n."""
    unit = labels.METRICS[_plain(question["metric"])][1]
    said = []
    for design, own in rows.groupby("design", sort=False):
        known = own[own.estimate.notna()]
        versus = f" minus {question['against']}, paired" if question.get("against") else ""
        words = report_text.extremes(known, lambda e, u=unit: _amount(e, u, question))
        gaps = [name for name in question.get("scenarios") or [] if name not in set(known.scenario)]
        gap = f" No number in {report_text.joined(gaps)}." if gaps else ""
        said.append(f"{design}{versus}: {words} ({_denominator(known)}).{gap}")
    return said


def _denominator(rows: pd.DataFrame) -> str:
    """Return the numbers of trials, and for numbers given a claim those of claims too."""
    if rows.empty:
        return "too few trials qualify"
    low, high = int(rows.n.min()), int(rows.n.max())
    n = f"n = {low:,}" if low == high else f"n = {low:,} to {high:,}"
    claimed = (rows.level == "claimed").all() and rows.m.notna().all()
    given = f", of which at least m = {int(rows.m.min()):,} with a claim" if claimed else ""
    return f"{n} virtual trials per scenario{given}"


def _amount(entry: pd.Series, unit: str, question: Mapping[str, Any]) -> str:
    """Return an estimate with its error in its unit."""
    if unit == "probability":
        paired = bool(question.get("against"))
        return report_text.points(entry) if paired else report_text.percent(entry.estimate, entry.mcse)
    return report_text.number(entry, unit)


def _plain(metric: str) -> str:
    return metric.removesuffix("_advice_applied")


def looked_for(question: Mapping[str, Any]) -> str:
    """Return what number answers a question, in words."""
    label = labels.METRICS[_plain(question["metric"])][0]
    level = f" ({question['level']})" if question.get("level") else ""
    place = [question[key] for key in ("arm", "subgroup") if question.get(key)]
    against = f", paired difference from {question['against']}" if question.get("against") else ""
    return f"{label}{level}{', ' + ' in '.join(place) if place else ''}{against}"


def _why_not(question: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> str:
    """Return why a question has no answer: names that the results do not have, or that there is no number."""
    claims = tables["claims"]
    faults = []
    for key, column in (("scenarios", "scenario"), ("designs", "design")):
        known = list(dict.fromkeys(claims[column]))
        faults += [
            f"no {column} {name!r} among the results{did_you_mean(name, known)}"
            for name in question.get(key) or []
            if name not in known
        ]
    return "; ".join(faults) or f"the results hold no {looked_for(question)}"
