"""Write the report in all its forms: HTML, PDF, JSON, CSV and SVG, from one numbered document."""

from pathlib import Path

from adaptive.report.chapters import chapters
from adaptive.report.compliance import checklist_rows
from adaptive.report.document import Document, document, placed_blocks
from adaptive.report.export import FRAMES, table_csv, write_csv, write_json
from adaptive.report.figure_style import Drawing
from adaptive.report.html import report_html
from adaptive.report.pdf import write_pdf
from adaptive.report.pivot import Table
from adaptive.report.section import Section


def render_report(content: dict, output: Path | str, parts: list[Section] | None = None) -> Path:
    """Write the report in every form.

    Parameters
    ----------
    content
        What to print; its layout is in the docstring of ``adaptive.report``.
    output
        Directory to write to; made if it is missing, and files in it are replaced.
    parts
        Chapters of the content where they are there already.

    Returns
    -------
    Path of ``report.html``. Beside it lie ``report.pdf``, ``report.json``, ``tables/*.csv`` with every
    number, ``tables/printed/*.csv`` with every table as printed, and ``figures/*.svg``.
    """
    output = Path(output)
    output.mkdir(parents=True, exist_ok=True)
    parts = parts or chapters(content)
    whole = document(content, parts)
    write_tables(content, whole, output / "tables")
    write_json(content, whole, checklist_rows(parts, content), output / "report.json")
    write_figures(whole, output / "figures")
    page = output / "report.html"
    page.write_text(report_html(whole), encoding="utf-8")
    write_pdf(whole, output / "report.pdf")
    return page


def write_tables(content: dict, whole: Document, folder: Path) -> None:
    """Write every frame of numbers, and every table of the report with its cells as printed."""
    (folder / "printed").mkdir(parents=True, exist_ok=True)
    for name, frame in {**{n: content[n] for n in FRAMES}, **content["tables"]}.items():
        write_csv(frame, folder / f"{name}.csv")
    for placed in placed_blocks(whole):
        if isinstance(placed.block, Table):
            name = placed.anchor.removeprefix("table-")
            table_csv(placed.block, folder / "printed" / f"{name}.csv")


def write_figures(whole: Document, folder: Path) -> None:
    """Write every drawing as an SVG file on a white ground, so that it can be used by itself."""
    folder.mkdir(exist_ok=True)
    for placed in placed_blocks(whole):
        if isinstance(placed.block, Drawing) and placed.block.svg:
            alone = placed.block.svg.replace("<svg ", '<svg style="background: #fff" ', 1)
            name = placed.anchor.removeprefix("figure-")
            (folder / f"{name}.svg").write_text(alone, encoding="utf-8")
