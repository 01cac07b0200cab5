"""Parts of the report that print the dossier: status, rationale, estimands, questions, ranges, limitations.

What the authors wrote is printed as they wrote it and marked as theirs. Computes nothing.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from adaptive.report.blocks import Items, Text
from adaptive.report.pivot import Table, pivot, plain
from adaptive.report.section import Section, section

NO_DOSSIER = (
    "The study has no dossier, so its authors have stated nothing here. `docs/report.md` says how to write "
    "one; `adaptive report RESULTS dossier=FILE` reads it."
)
AUTHORS = "Stated by the authors of the study (dossier)."
ATTRIBUTES = {
    "endpoint": "Endpoint",
    "population": "Population",
    "treatment": "Treatment",
    "variable": "Variable",
    "summary": "Population summary",
}
REASONS = {
    "adaptive": "Why adaptive",
    "bayesian": "Why Bayesian",
    "simpler": "Why not simpler",
    "role": "Role in the programme",
}


def dossier_of(content: dict) -> dict[str, Any]:
    """Return the dossier; empty if there is none."""
    return content.get("dossier", {})


def frame(rows: list[Mapping[str, Any]], columns: Mapping[str, str]) -> pd.DataFrame:
    """Return records as text with the columns wanted; an entry left out is a dash."""
    return pd.DataFrame(
        [[str(row.get(key) or "\N{EN DASH}") for key in columns] for row in rows], columns=list(columns)
    )


def status_section(content: dict) -> Section:
    """Return version, status and rationale."""
    dossier = dossier_of(content)
    return section(
        "rationale",
        "Status and rationale",
        [AUTHORS] if dossier.get("given") else [NO_DOSSIER],
        _status(content),
        _reasons(dossier),
        Items("Planned interaction with regulators:", dossier["interaction"])
        if dossier.get("interaction")
        else None,
        short="Rationale",
        covers=(
            *(("A3",) if dossier.get("status") and dossier.get("rules_predate_data") else ()),
            *(("A4",) if set(REASONS) <= set(dossier.get("rationale", {})) else ()),
            *(("A5",) if dossier.get("interaction") else ()),
        ),
    )


def _status(content: dict) -> Table | None:
    """Return what identifies this version of the study."""
    dossier, meta = dossier_of(content), content["meta"]
    frozen = dossier.get("frozen", {})
    rows = [
        ("Status of the design", dossier.get("status", "")),
        ("Version of the dossier", dossier.get("version", "")),
        ("Frozen", ", ".join(frozen[key] for key in ("date", "by", "reason")) if frozen else ""),
        ("Do the rules predate the data?", dossier.get("rules_predate_data", "")),
        ("SHA-256 of the dossier", dossier.get("sha256", "")),
        ("Date of the report", str(meta.get("date") or "")),
        ("Commit of the simulations", _common(content["provenance"], "commit")),
        ("Commit of this report", _report_commit(content)),
    ]
    shown = pd.DataFrame([row for row in rows if row[1]], columns=["item", "value"])
    return plain(
        shown,
        name="status",
        caption="Version and status. Hashes of every configuration are in the appendix.",
        titles={"item": "Item", "value": "Value"},
        made_by="dossier",
    )


def _report_commit(content: dict) -> str:
    """Return the commit that made the report; empty if the content does not tell."""
    code = content.get("software", {}).get("code")
    return "" if code is None else code.commit.iloc[-1].strip("\N{EN DASH}")


def _common(table: pd.DataFrame, column: str) -> str:
    """Return a column's values, each once."""
    return ", ".join(dict.fromkeys(str(value) for value in table.get(column, [])))


def _reasons(dossier: Mapping[str, Any]) -> Table | None:
    given = dossier.get("rationale", {})
    rows = [(words, given[key]) for key, words in REASONS.items() if key in given]
    return plain(
        pd.DataFrame(rows, columns=["question", "answer"]),
        name="rationale",
        caption="Rationale of the design.",
        titles={"question": "", "answer": "Reason given by the authors"},
        made_by="dossier",
    )


def question_section(content: dict) -> Section:
    """Return the key questions, numbered, and which number answers each."""
    answers = content.get("answers", {}).get("answers", [])
    columns = {"id": "No.", "question": "Question", "what": "Answered by"}
    return section(
        "questions",
        "Key questions",
        ["Each question is answered in the clinical discussion by numbers of this report."]
        if answers
        else [NO_DOSSIER if not dossier_of(content).get("given") else "The dossier asks no question."],
        plain(
            frame(answers, columns),
            name="questions",
            caption="Questions that the simulations are to answer.",
            titles=columns,
            made_by="dossier",
        ),
        covers=("B4",),
    )


def estimand_section(content: dict) -> Section:
    """Return the estimands with their intercurrent events, and their true values."""
    dossier = dossier_of(content)
    estimands = dossier.get("estimands", [])
    attributes = [
        {"estimand": e["name"], "attribute": words, "text": e[key]}
        for e in estimands
        for key, words in ATTRIBUTES.items()
    ]
    events = [{"estimand": e["name"], **event} for e in estimands for event in e["events"]]
    heads = {"estimand": "Estimand", "attribute": "Attribute", "text": "Definition"}
    event_heads = {
        "estimand": "Estimand",
        "event": "Intercurrent event",
        "strategy": "Strategy",
        "handling": "In the analysis, and in the simulation",
    }
    return section(
        "estimands",
        "Estimands",
        [AUTHORS] if estimands else [NO_DOSSIER],
        plain(
            frame(attributes, heads),
            name="estimands",
            caption="Attributes of each estimand.",
            titles=heads,
            stub=2,
            made_by="dossier",
        ),
        plain(
            frame(events, event_heads),
            name="intercurrent_events",
            caption="Intercurrent events. Those said not to be simulated are no part of any number here.",
            titles=event_heads,
            stub=2,
            made_by="dossier",
        ),
        _quantities(content),
        covers=("B1", "B2"),
    )


def _quantities(content: dict) -> Table | None:
    """Return what stands for the estimands in the numbers of this report, with its follow-up."""
    heads = {
        "quantity": "Quantity",
        "definition": "What is computed",
        "follow_up": "Follow-up",
        "used_for": "Used for",
    }
    return plain(
        content.get("horizon", {}).get("quantities", pd.DataFrame()),
        name="estimand_values",
        caption="What stands for the estimands in the numbers of this report, and over which follow-up.",
        titles=heads,
        made_by="configuration",
    )


def range_section(content: dict) -> Section:
    """Return why the scenarios span what they span, and what lies outside."""
    dossier = dossier_of(content)
    columns = {"factor": "Factor", "bounds": "Range", "justification": "Justification"}
    outside = dossier.get("outside", [])
    return section(
        "ranges",
        "Why this range, and what lies outside",
        [AUTHORS] if dossier.get("ranges") or outside else [NO_DOSSIER],
        plain(
            frame(dossier.get("ranges", []), columns),
            name="ranges",
            caption="Ranges of the assumptions and their justification.",
            titles=columns,
            made_by="dossier",
        ),
        Items("Outside the declared set, and so not spoken for by any number here:", outside)
        if outside
        else None,
        short="Ranges",
        covers=("G4",) if dossier.get("ranges") and outside else (),
    )


def answer_sections(content: dict) -> list[Section]:
    """Return a section per key question: the generated answer, its numbers, and the authors' reading."""
    return [_answer(entry) for entry in content.get("answers", {}).get("answers", [])]


def _answer(entry: Mapping[str, Any]) -> Section:
    name = "".join(c if c.isascii() and c.isalnum() else "-" for c in entry["id"].lower())
    said = (
        [Text(entry["answer"]), Items("", [*entry["sentences"], *entry["also"]])]
        if entry["sentences"]
        else []
    )
    return section(
        f"answer-{name}",
        f"{entry['id']}. {entry['question']}",
        [f"Answered by: {entry['what']}."] + ([f"No answer: {entry['absent']}."] if entry["absent"] else []),
        *said,
        _numbers(entry, name),
        Text(f"Reading of the authors: {entry['reading']}") if entry["reading"] else None,
        short=entry["id"],
    )


def _numbers(entry: Mapping[str, Any], name: str) -> Table | None:
    """Return the numbers behind an answer, a row per scenario and a column per design."""
    rows = entry["rows"]
    rows = rows[rows.level != "change"]
    if not len(rows):
        return None
    paired = "paired difference" in entry["what"]
    return pivot(
        rows,
        name=f"answer_{name.replace('-', '_')}",
        caption=f"{entry['what']}, with Monte Carlo standard error.",
        keys={"scenario": "Scenario"},
        columns="design",
        collapse=False,
        counted="pairs of virtual trials" if paired else "virtual trials per design and scenario",
    )
