"""Write the operating-characteristics report: one HTML file without any link to the network.

Text from configurations reaches the page through Jinja's autoescape only; the one thing marked safe is SVG
made here, whose text Matplotlib escapes.
"""

from pathlib import Path

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from adaptive.report.export import write_csv, write_json
from adaptive.report.figure_style import Drawing
from adaptive.report.pivot import Table, plain
from adaptive.report.section import Section
from adaptive.report.sections import sections

FRAMES = (
    "headline",
    "designs",
    "scenarios",
    "scenario_settings",
    "design_settings",
    "parameters",
    "provenance",
    "files",
)


def render_report(content: dict, output: Path | str) -> Path:
    """Write the report, its tables as CSV and its numbers as JSON.

    Parameters
    ----------
    content
        What to print; its layout is in the docstring of ``adaptive.report``.
    output
        Directory to write to; made if it is missing, and files in it are replaced.

    Returns
    -------
    Path of ``report.html``. Beside it lie ``report.json``, ``tables/*.csv`` and ``figures/*.svg``.
    """
    output = Path(output)
    tables = output / "tables"
    tables.mkdir(parents=True, exist_ok=True)
    for name, frame in {**{n: content[n] for n in FRAMES}, **content["tables"]}.items():
        write_csv(frame, tables / f"{name}.csv")
    write_json(content, output / "report.json")
    page, parts = output / "report.html", sections(content)
    page.write_text(report_html(content, parts), encoding="utf-8")
    write_figures(parts, output / "figures")
    return page


def write_figures(parts: list[Section], folder: Path) -> None:
    """Write every drawing as an SVG file on a white ground, so that it can be used by itself."""
    folder.mkdir(exist_ok=True)
    for drawing in (block for part in parts for block in part.blocks if isinstance(block, Drawing)):
        if drawing.svg:
            alone = drawing.svg.replace("<svg ", '<svg style="background: #fff" ', 1)
            (folder / f"{drawing.name.removeprefix('figure-')}.svg").write_text(alone, encoding="utf-8")


def report_html(content: dict, parts: list[Section]) -> str:
    """Return the report as HTML text."""
    environment = Environment(
        loader=PackageLoader("adaptive.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["svg"] = lambda drawing: Markup(drawing.svg)
    environment.tests["table"] = lambda block: isinstance(block, Table)
    template = environment.get_template("report.html.j2")
    return template.render(
        content=content,
        meta=content["meta"],
        headline=plain(
            content["headline"],
            name="headline",
            caption="Estimates with Monte Carlo standard error (MCSE), and the scenario they belong to.",
            titles={"design": "Design"},
        ),
        sections=parts,
        provenance=provenance_tables(content),
        definitions=definitions(content),
    )


def provenance_tables(content: dict) -> list[Table]:
    """Return what made the results: facts common to all, those that differ, and the hashes of the files."""
    common, differing = split_constant(content["provenance"], keep=("scenario", "design"))
    names = {"scenario": "Scenario", "design": "Design"}
    found = [
        plain(
            common,
            name="provenance_common",
            caption="The same for every result.",
            titles={"item": "Item", "value": "Value"},
        ),
        plain(
            differing,
            name="provenance",
            caption="What differs between results.",
            stub=2,
            titles=names,
            collapse=len(differing) > 12,
        ),
        plain(
            content["files"],
            name="files",
            caption="Files that the report was made from; each was read only after its SHA-256 was checked.",
            stub=2,
            titles=names | {"file": "File"},
            collapse=True,
        ),
    ]
    return [table for table in found if table is not None]


def split_constant(frame: pd.DataFrame, keep: tuple[str, ...]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return columns with one value as rows of item and value, and the frame without them."""
    constant = [c for c in frame.columns if c not in keep and frame[c].nunique(dropna=False) == 1]
    common = pd.DataFrame([(name, frame[name].iloc[0]) for name in constant], columns=["item", "value"])
    return common, frame.drop(columns=constant)


def definitions(content: dict) -> Table | None:
    """Return how each metric that occurs in the report is computed."""
    used = {name for frame in content["tables"].values() if "metric" in frame for name in frame.metric}
    rows = [
        {"Metric": entry["label"], "Unit": entry["unit"], "Definition": entry["definition"]}
        for name, entry in content["labels"]["metrics"].items()
        if name in used
    ]
    return plain(
        pd.DataFrame(rows), name="definitions", caption="How each number is computed.", collapse=True
    )
