"""Chapter 9: single virtual trials, look by look."""

from adaptive.report.blocks import Explorer, Items, Text
from adaptive.report.explorer_data import explorer_data
from adaptive.report.figures_examples import scale_of
from adaptive.report.pivot import ABSENT, Cell, Table
from adaptive.report.section import Section, section
from adaptive.report.sections_examples import example_cases

LEAD = (
    "Each example is one simulated trial. The examples were found in the stored results by rules that are "
    "stated with them, not picked by hand, and each is shown again by one command. An example shows how the "
    "design behaves, not how often: the table says how many trials of the same result are like it. Looks are "
    "counted from 1; a hazard ratio (HR) below 1 means benefit."
)

HEAD = ("Trial", "Such trials", "Proportion (MCSE)")


def examples_chapter(content: dict) -> Section:
    """Return the chapter."""
    found = content.get("examples") or {}
    items = found.get("items", [])
    overlays = any(cell["mean"] is not None for item in items for cell in item["overlay"])
    return section(
        "examples",
        "Example trials",
        [LEAD] if items else ["No example is shown, for the reasons below."],
        _overview(content, items),
        Items("Not shown:", [_missing(entry) for entry in found.get("absent", [])]) if found else None,
        *(Text(note) for note in found.get("notes", [])),
        _explorer(content, items),
        short="Examples",
        covers=(("J", "I6") if overlays else ("J",)) if items else (),
    )


def _missing(entry: dict) -> str:
    return f"{entry['title']}: {entry['why']}."


def _overview(content: dict, items: list[dict]) -> Table | None:
    """Return which examples are shown, and how many trials are like each."""
    table = content["tables"].get("examples")
    if not items or table is None:
        return None
    shares = dict(zip(table.level, table.text, strict=True))
    varied = any(item["setting"] for item in items)
    rows = [
        [
            item["title"] + (" (nearest found)" if item["near"] else ""),
            item["design"],
            item["scenario"],
            *([item["setting"] or ABSENT] if varied else []),
            str(item["trial"]),
            f"{item['share']['m']:,} of {item['share']['n']:,}",
            shares[item["id"]],
        ]
        for item in items
    ]
    return Table(
        name="examples",
        caption="The examples, and how many virtual trials of the same result are like each."
        + (
            " Setting: what the sensitivity analysis changed; of trials of the study, none." if varied else ""
        ),
        head=["Example", "Design", "Scenario", *(["Setting"] if varied else []), *HEAD],
        rows=[[Cell(text) for text in row] for row in rows],
        numeric=False,
    )


def _explorer(content: dict, items: list[dict]) -> Explorer | None:
    if not items:
        return None
    caption = "Choose a trial, then a look: what was seen, what each rule said, and what was decided."
    data = explorer_data(items, scale_of(items))
    return Explorer("example-explorer", caption, example_cases(content), data)
