"""Chapter 12: every item of the checklist, where it is answered, and whether it is."""

from collections.abc import Sequence

import pandas as pd

from adaptive.report.blocks import Items, Text
from adaptive.report.checklist import GROUPS, ORIGINS
from adaptive.report.compliance import ABSENT, NOT_APPLICABLE, PARTLY, PRESENT, UNAVAILABLE, checklist_rows
from adaptive.report.pivot import plain
from adaptive.report.section import Section, section

HEADS = {
    "item": "Item",
    "level": "Level",
    "title": "What is asked",
    "status": "Status",
    "section": "Section",
    "reason": "What is missing, or why it does not apply",
    "origin": "Origin",
}


COVERS = ("O",)
_PLACE = Section("compliance", "", [], [Text("")], covers=COVERS)
"""Stands for the chapter while the sections are numbered."""


def compliance_chapter(content: dict, before: Sequence[Section], after: Sequence[Section] = ()) -> Section:
    """Return the chapter, made from the finished chapters before and after it."""
    rows = checklist_rows([*before, _PLACE, *after], content)
    frame = pd.DataFrame(rows).rename(columns={"id": "item"})
    frame["flag"] = frame.status.where(~frame.status.isin([PRESENT, NOT_APPLICABLE]), "")
    frame["section"] = frame.section.where(frame.section != "", "\N{EN DASH}")
    return section(
        "compliance",
        "Compliance matrix",
        [
            "The matrix is made by the program from the finished sections of this report: an item counts as "
            "present only where a section answers it with a table, a figure, a formula or a text. Present "
            "says that the answer is there, not that it satisfies a reader. No authority has reviewed it."
        ],
        _counts(frame),
        plain(
            frame[[*HEADS, "flag"]],
            name="checklist",
            caption="Items of the checklist; M must, S should. Rows that are not fully answered are shaded.",
            titles=HEADS,
            flag="flag",
            collapse=False,
            made_by="report",
        ),
        Items("Short names of the origins:", [f"{name}: {words}" for name, words in ORIGINS.items()]),
        short="Compliance",
        covers=COVERS,
    )


def _counts(frame: pd.DataFrame) -> Text:
    """Return how many items have which status, and those of level M that are not fully answered, by name."""
    said = []
    for level, words in (("M", "must"), ("S", "should")):
        found = frame[frame.level == level].status.value_counts()
        each = [
            f"{found[s]} {s}" for s in (PRESENT, PARTLY, NOT_APPLICABLE, ABSENT, UNAVAILABLE) if s in found
        ]
        said.append(f"Of the items of level {words}: {', '.join(each)}.")
    lacking = frame[(frame.level == "M") & frame.status.isin([ABSENT, UNAVAILABLE])]
    names = [f"{row.item} ({GROUPS[row.item[0]]}: {row.title})" for row in lacking.itertuples()]
    said.append(f"Items of level must without an answer: {'; '.join(names)}." if names else "")
    return Text(" ".join(said).strip())
