"""What a chapter of the report is, and how the tables that compare designs are cut from tidy frames.

A report is a list of chapters, each a ``Section`` with parts. HTML and PDF are drawn from these alone; a
block that one of them cannot show must not exist.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pandas as pd

from adaptive.report.blocks import Block, Explorer
from adaptive.report.pivot import Table, pivot

FALSE_CLAIMS = (
    *("fwer", "type_i_error", "arm_error", "subgroup_error", "correct_set"),
    *("average_type_i_error", "ppv", "npv"),
)
CELLS = {"scenario": "Scenario", "subgroup": "Subgroup", "arm": "Arm"}


@dataclass(frozen=True)
class Section:
    """A chapter or a part of one.

    Attributes
    ----------
    name
        Anchor, unique in the report.
    title, short
        Title, and its form in the navigation.
    lead
        Sentences before everything else.
    blocks
        What is shown, in order.
    parts
        Subsections; a report has two levels.
    covers
        Items of the checklist that this section answers, such as ``H1``.
    """

    name: str
    title: str
    lead: list[str]
    blocks: list[Block] = field(default_factory=list)
    short: str = ""
    parts: list["Section"] = field(default_factory=list)
    covers: tuple[str, ...] = ()


def section(
    name: str,
    title: str,
    lead: list[str],
    *blocks: Block | None,
    short: str = "",
    parts: list[Section | None] | None = None,
    covers: tuple[str, ...] = (),
) -> Section:
    """Return a section without the blocks and parts that have nothing to show."""
    shown = [block for block in blocks if block is not None]
    return Section(
        name, title, lead, shown, short or title, [p for p in parts or [] if p is not None], covers
    )


def numbered(
    sections: Sequence[Section], within: Section | None = None, number: str = ""
) -> Iterator[tuple[str, Section]]:
    """Yield sections with their printed numbers: 1, 2, ... or, within a section, 1.1, 1.2, ...

    The cases of explorers come before the parts of the section that holds them. ``within`` is that section
    and ``number`` its number.
    """
    before = sum(len(block.cases) for block in within.blocks if isinstance(block, Explorer)) if within else 0
    for i, section in enumerate(sections, start=before + 1):
        yield f"{number}.{i}" if number else str(i), section


def walked(chapters: Sequence[Section]) -> Iterator[tuple[str, Section]]:
    """Yield chapters and their parts with their printed numbers, in print order."""
    for number, chapter in numbered(chapters):
        yield number, chapter
        yield from numbered(chapter.parts, chapter, number)


def metric_titles(content: dict) -> dict[str, str]:
    """Return the printed name of every metric."""
    return {name: entry["label"] for name, entry in content["labels"]["metrics"].items()}


def of_metrics(table: pd.DataFrame, *names: str) -> pd.DataFrame:
    """Return the rows of some metrics, those with advice applied included, by scenario and metric."""
    wanted = [name for plain_name in names for name in (plain_name, f"{plain_name}_advice_applied")]
    ranks = {
        "scenario": {name: i for i, name in enumerate(dict.fromkeys(table.scenario))},
        "metric": {name: i for i, name in enumerate(wanted)},
    }
    chosen = table[table.metric.isin(wanted)]
    return chosen.sort_values(list(ranks), key=lambda column: column.map(ranks[column.name]), kind="stable")


def noninferior(content: dict) -> list[str]:
    """Return the designs that claim non-inferiority."""
    notes = content.get("results_notes", {})
    return [*notes.get("margins", {}), *notes.get("risk_margin", [])]


def judged(frame: pd.DataFrame, content: dict, against: str | None = None) -> pd.DataFrame:
    """Return rows without those that take a claim where there is no benefit for false and may not.

    That is what ``FALSE_CLAIMS`` count, for designs that claim non-inferiority, and for every design whose
    number is a difference from such a one (``against``).
    """
    others = noninferior(content)
    counts = frame.metric.str.removesuffix("_advice_applied").isin(FALSE_CLAIMS)
    return frame[~(counts & (frame.design.isin(others) | (against in others)))]


def _keys(frame: pd.DataFrame, *columns: str) -> dict[str, str]:
    """Return row labels with their titles, without those that never change within the frame."""
    titles = {
        "scenario": "Scenario",
        "metric": "Metric",
        "subgroup": "Subgroup",
        "arm": "Arm",
        "design": "Design",
    }
    return {c: titles[c] for c in columns if c == "scenario" or frame[c].nunique() > 1}


def compared(frame: pd.DataFrame, content: dict, *columns: str, **options) -> Table | None:
    """Return a table with a column per design and a row per combination of the other columns that vary."""
    names = {name: entry["label"] for name, entry in content["labels"]["metrics"].items()}
    for column, order in (("design", content["meta"]["designs"]), ("scenario", content["meta"]["scenarios"])):
        frame = frame.sort_values(column, key=lambda c, order=order: c.map(order.index), kind="stable")
    keys = _keys(frame, "scenario", *columns)
    whole = {"subgroup": {"all": "All"}, "arm": {"all": "All"}, "metric": names}
    return pivot(
        frame, keys=keys, columns="design", rename={k: v for k, v in whole.items() if k in keys}, **options
    )
