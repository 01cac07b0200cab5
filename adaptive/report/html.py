"""Write the operating-characteristics report: one HTML file without any link to the network.

Text from configurations reaches the page through Jinja's autoescape only; the one thing marked safe is SVG
made here, whose text Matplotlib escapes.
"""

from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from adaptive.report.chapters import chapters
from adaptive.report.export import write_csv, write_json
from adaptive.report.figure_style import Drawing
from adaptive.report.pivot import plain
from adaptive.report.section import Section

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
    page, parts = output / "report.html", chapters(content)
    page.write_text(report_html(content, parts), encoding="utf-8")
    write_figures(parts, output / "figures")
    return page


def write_figures(parts: list[Section], folder: Path) -> None:
    """Write every drawing as an SVG file on a white ground, so that it can be used by itself."""
    folder.mkdir(exist_ok=True)
    for drawing in (block for part in walk(parts) for block in part.blocks if isinstance(block, Drawing)):
        if drawing.svg:
            alone = drawing.svg.replace("<svg ", '<svg style="background: #fff" ', 1)
            (folder / f"{drawing.name.removeprefix('figure-')}.svg").write_text(alone, encoding="utf-8")


def walk(parts: list[Section]) -> Iterator[Section]:
    """Yield every section with its parts, in print order."""
    for part in parts:
        yield part
        yield from walk(part.parts)


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
    environment.filters["kind"] = lambda block: type(block).__name__
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
        chapters=parts,
    )
