"""Answers to the key questions of a dossier, generated from the tables; the authors' reading is kept apart.

A question names a metric and where to look; nothing here judges what the number means.
"""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd

from adaptive import montecarlo as mc
from adaptive.errors import did_you_mean
from adaptive.oc import answer_words
from adaptive.oc.answer_words import CHANGE, looked_for
from adaptive.oc.load import CellResult
from adaptive.oc.metrics import row
from adaptive.oc.outcomes import ALL, Key, inferior_arms, paired_outcomes
from adaptive.oc.source import Source
from adaptive.oc.tables import tidy

OVERALL = ("", "mean", "overall", "prior")
"""Levels that a question without one means, in this order."""


def answers_part(source: Source, tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """Return ``answers``: question, sentences, rows and the authors' reading of each; and their tidy frame.

    ``answer`` is one sentence over all scenarios and designs, ``also`` has those on further numbers. A
    question that finds no number says what it looked for instead of an answer.
    """
    answers, rows = [], []
    for question in source.dossier.get("questions", []):
        found = rows_for(question, tables)
        if len(found) and question.get("change_from"):
            found = pd.concat([found, changes(question, source.results)], ignore_index=True)
        notes = [words for words in (_ratios(question, found, source.results),) if words]
        more = [(name, also_rows(name, question, tables)) for name in question.get("also", [])]
        answers.append(
            {
                "id": question["id"],
                "question": question["question"],
                "what": looked_for(question),
                "answer": _answer(question, found, source.results) if len(found) else "",
                "sentences": answer_words.sentences(question, found) if len(found) else [],
                "also": [*notes, *(answer_words.also(name, question, own) for name, own in more)],
                "absent": "" if len(found) else _why_not(question, tables),
                "reading": question.get("reading", ""),
                "rows": found,
            }
        )
        rows += [frame.assign(question=question["id"]) for frame in (found, *(own for _, own in more))]
    frame = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()
    return {"answers": answers, "tables": {"answers": frame} if len(frame) else {}}


def _answer(question: Mapping[str, Any], rows: pd.DataFrame, results: Sequence[CellResult]) -> str:
    """Return the sentence that answers; of patients on inferior arms with where control alone is inferior."""
    told = answer_words.headline(question, rows)
    if question["metric"] != "patients_inferior" or not rows.estimate.notna().any():
        return told
    subgroup = question.get("subgroup", ALL)
    found = dict.fromkeys(rows.scenario[rows.estimate.notna()], False)
    for result in results:
        inferior, _ = inferior_arms(result)
        own = [subgroup in (ALL, name) for name in result.subgroups]
        if result.scenario in found and result.design in set(rows.design):
            found[result.scenario] |= bool(inferior[own, 1:].any())
    place = "" if subgroup == ALL else f" in {subgroup}"
    return " ".join(filter(None, (told, answer_words.only_control(found, place))))


def _ratios(question: Mapping[str, Any], rows: pd.DataFrame, results: Sequence[CellResult]) -> str:
    """Return a bias of one cell as hazard ratios, or nothing for any other number."""
    asked = question.get("subgroup"), question.get("arm")
    if question["metric"] != "bias" or question.get("against") or not all(asked) or rows.empty:
        return ""
    true = {
        (r.scenario, r.design): r.truth.log_hr[r.subgroups.index(asked[0]), r.arms.index(asked[1]) - 1]
        for r in results
    }
    return answer_words.as_ratios(rows, true)


def add_searches(
    answers: Sequence[dict[str, Any]],
    questions: Sequence[Mapping[str, Any]],
    searches: Sequence[Mapping[str, Any]],
) -> None:
    """Add to the answers what searches of the nulls found of the same error."""
    for entry, question in zip(answers, questions, strict=True):
        entry["also"] = [*entry["also"], *answer_words.searched(question, searches)]


def rows_for(question: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the tidy rows that answer a question, in the order of its scenarios and the report's designs.

    ``against`` asks for paired differences from the benchmark, which must be that design. Without
    ``subgroup`` and ``arm`` the rows are those of the whole trial; without ``level`` those over all trials;
    without ``scenarios`` those of every scenario that has the number.
    """
    frames = [tables["paired"]] if question.get("against") else _single(tables)
    for frame in frames:
        found = _asked(frame, question)
        found = found[
            (found.subgroup == question.get("subgroup", "all")) & (found.arm == question.get("arm", "all"))
        ]
        found = _at_level(found, question)
        if len(found):
            return found.sort_values(
                "scenario", key=_rank(found.scenario, question), kind="stable"
            ).reset_index(drop=True)
    return pd.DataFrame(columns=list(tables["claims"].columns))


def _asked(frame: pd.DataFrame, question: Mapping[str, Any]) -> pd.DataFrame:
    """Return the rows of the metric in the scenarios and designs that a question names, or in all."""
    found = frame[frame.metric == question["metric"]]
    for column, names in (("scenario", question.get("scenarios")), ("design", question.get("designs"))):
        if names:
            found = found[found[column].isin(names)]
    return found


def also_rows(name: str, question: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of a further number, ``metric`` or ``metric:level``, where the question looks.

    Of a number that the whole trial does not have, those of every cell.
    """
    metric, _, level = name.partition(":")
    own = {key: value for key, value in question.items() if key not in ("against", "level")}
    own |= {"metric": metric, "level": level}
    found = rows_for(own, tables)
    if len(found) or question.get("arm") or question.get("subgroup"):
        return found
    for frame in _single(tables):
        cells = _asked(frame, own)
        cells = cells[(cells.subgroup != "all") & (cells.arm != "all")]
        cells = cells[cells.level == level] if level else cells[cells.level.isin(OVERALL)]
        if len(cells):
            return cells.reset_index(drop=True)
    return found


def changes(question: Mapping[str, Any], results: Sequence[CellResult]) -> pd.DataFrame:
    """Return by how much a paired difference is another than in the scenario ``change_from``.

    Trial by trial ``(design - benchmark) - (design - benchmark there)``: scenarios share the random numbers
    of nature too, so the standard error is that of the mean of these values.
    """
    base, against = question["change_from"], question["against"]
    cells = {(result.scenario, result.design): result for result in results}
    key = Key(question["metric"], question.get("subgroup", ALL), question.get("arm", ALL))
    rows = []
    for scenario, design in cells:
        named = scenario in question.get("scenarios", [scenario]) and design in question.get(
            "designs", [design]
        )
        four = [(scenario, design), (scenario, against), (base, design), (base, against)]
        if not named or scenario == base or design == against or not set(four) <= set(cells):
            continue
        values = _together([cells[place] for place in four], key)
        if values is not None:
            change = mc.mean(values[0] - values[1] - values[2] + values[3])
            place = {"scenario": scenario, "design": design}
            rows.append(place | row(*key[:1], change, level=CHANGE, subgroup=key.subgroup, arm=key.arm))
    return tidy(rows)


def _together(results: Sequence[CellResult], key: Key) -> list[np.ndarray] | None:
    """Return one outcome of several results over the trials that all have, or ``None`` if one lacks it."""
    outcomes = [paired_outcomes(result).get(key) for result in results]
    seeds = {result.manifest["seed"] for result in results}
    common = reduce(np.intersect1d, [result.trials["trial"] for result in results])
    if len(seeds) > 1 or not common.size or any(values is None for values in outcomes):
        return None
    return [
        values[np.searchsorted(result.trials["trial"], common)].astype(float)
        for values, result in zip(outcomes, results, strict=True)
    ]


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
