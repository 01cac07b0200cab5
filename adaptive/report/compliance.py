"""Which items of the checklist a report answers: read off its finished sections, never declared by hand.

A section answers an item if it says so (``covers``) and has something to show. What is left is not
applicable, lacks evidence that a command or the dossier supplies, or needs what the engine cannot do yet.
"""

from collections.abc import Sequence

from adaptive.report.blocks import Explorer, Items, Notice
from adaptive.report.checklist import CHECKLIST, MUST, Item
from adaptive.report.figure_style import Drawing
from adaptive.report.pivot import Table
from adaptive.report.section import Section, walked

PRESENT, PARTLY, ABSENT, NOT_APPLICABLE, UNAVAILABLE = (
    "present",
    "present in part",
    "evidence missing",
    "not applicable",
    "not available",
)

SUPPLIED_BY = {
    **dict.fromkeys(("A3", "A4", "A5", "B1", "B2", "B4", "D4", "E2", "G4", "N"), "the dossier"),
    "B3": "adaptive truth",
    **dict.fromkeys(("F3", "F4"), "adaptive audit"),
    "I1": "adaptive nulls",
    **dict.fromkeys(("I2", "I7", "K"), "adaptive sensitivity"),
    **dict.fromkeys(("H8", "I11"), "a design prior in the dossier, and stored looks"),
    "H12": "adaptive simulate with a benchmark design",
}
"""Who can make the evidence for an item; of the others it is ``adaptive simulate``."""

UNAVAILABLE_ITEMS = {
    "E5": "no diagnostic of a conflict between prior and data is computed",
    "H9": "the engine has no rule on overall survival; deaths compete with the endpoint and are not judged",
}
"""Items that need what the engine cannot do."""

LIMITS = {
    "D1": "not in the engine: frailty, assessment schedules (interval censoring), adherence, biomarker "
    "trajectories, misclassification of outcome or subgroup",
    "G2": "not in the engine: effects confined to a biomarker level, growth of existing lesions as an event "
    "of its own",
    "G3": "not in the engine: missing data beyond dropout, assessment intervals",
    "J": "not in the engine: a stop for harm on overall survival, an early marker that disagrees",
    "K": "not in the engine: assessment interval, misclassification, informative dropout, surrogate "
    "strength, switching of the background treatment, fraud at a site",
}
"""Items that a report can answer in part only, whatever the study."""


def checklist_rows(parts: Sequence[Section], content: dict) -> list[dict[str, str]]:
    """Return a row per item.

    Parameters
    ----------
    parts
        Chapters of the report in their order, without or with the compliance chapter itself.
    content
        Content of the report.

    Returns
    -------
    Rows with ``id``, ``level``, ``title``, ``status``, ``section`` (numbers, such as ``8.1``), ``reason``
    and ``origin``.
    """
    where = sections_by_item(parts)
    for item, shown in _front(content).items():
        if shown:
            where.setdefault(item, []).insert(0, "front page")
    return [_row(item, where.get(item.id, []), content) for item in CHECKLIST]


def compliance_faults(parts: Sequence[Section], content: dict) -> list[str]:
    """Return a fault per item that must be answered, is not, and could be: by a command or by the dossier."""
    return [
        f"checklist {row['id']} ({row['title']}): {row['reason']}"
        for row in checklist_rows(parts, content)
        if row["level"] == MUST and row["status"] == ABSENT
    ]


def sections_by_item(parts: Sequence[Section]) -> dict[str, list[str]]:
    """Return the numbers of the sections that answer each item and have something to show."""
    known = {item.id for item in CHECKLIST}
    found: dict[str, list[str]] = {}
    for number, part in walked(parts):
        if has_content(part):
            for name in part.covers:
                numbers = found.setdefault(name if name in known else name[:1], [])
                if number not in numbers:
                    numbers.append(number)
    return found


def has_content(part: Section) -> bool:
    """Return whether a section shows something: a heading, a sentence above or a reason for a gap do not."""
    return any(_shows(block) for block in part.blocks) or any(has_content(p) for p in part.parts)


def _shows(block: object) -> bool:
    if isinstance(block, Drawing):
        return bool(block.svg)
    if isinstance(block, Table):
        return bool(block.rows)
    if isinstance(block, Items):
        return bool(block.items)
    if isinstance(block, Explorer):
        return bool(block.cases)
    return not isinstance(block, Notice)


def _front(content: dict) -> dict[str, bool]:
    """Return the items that the front page answers."""
    meta = content["meta"]
    named = "adaptive" in meta["title"].lower() and bool(meta.get("subtitle"))
    alone = not any(
        design.get("adapts", True) for design in content.get("specification", {}).get("designs", [])
    )
    return {"A1": named or alone, "A2": bool(content.get("summary"))}


def _row(item: Item, sections: list[str], content: dict) -> dict[str, str]:
    """Return one row."""
    status, reason = _status(item, sections, content)
    return {
        "id": item.id,
        "level": item.level,
        "title": item.title,
        "status": status,
        "section": ", ".join(sections),
        "reason": reason,
        "origin": item.origin,
    }


def _status(item: Item, sections: list[str], content: dict) -> tuple[str, str]:
    """Return the status of an item, and why."""
    if reason := _not_applicable(item.id, content):
        return NOT_APPLICABLE, reason
    if item.id in UNAVAILABLE_ITEMS:
        return UNAVAILABLE, UNAVAILABLE_ITEMS[item.id]
    if sections:
        short = [LIMITS[item.id]] if item.id in LIMITS else []
        short += content.get("coverage", {}).get("missing", {}).get(item.id, [])
        short += _unanswered(content) if item.id == "N" else []
        short += _not_stored(content) if item.id == "F2" else []
        return (PARTLY if short else PRESENT), "; ".join(short)
    return ABSENT, f"supplied by {SUPPLIED_BY.get(item.id, 'adaptive simulate, with looks stored')}"


def _unanswered(content: dict) -> list[str]:
    """Return the key questions that the results do not answer."""
    answers = content.get("answers", {}).get("answers", [])
    return [f"{entry['id']}: {entry['absent']}" for entry in answers if entry["absent"]]


def _not_stored(content: dict) -> list[str]:
    """Return the diagnostics of the reference fits whose distribution an audit does not keep."""
    fits = (content.get("audit") or {}).get("tables", {}).get("audit_fits")
    if fits is None:
        return []
    # The frame writes a check that was not kept in words, the same in every column.
    return [f"not stored: {check}" for check in fits.check[fits.worst == "not stored"]]


def _not_applicable(item: str, content: dict) -> str:
    """Return why an item does not apply to the study, or an empty string."""
    return content.get("specification", {}).get("not_applicable", {}).get(item, "")
