"""Draw the report as PDF/A-2a and PDF/UA-1 through Typst: the document of the page, in one fixed template.

Strings stay strings: Typst reads them from a JSON file and shows them as text, so that no character of a
configuration can become markup. The same document gives the same bytes.
"""

import json
import shutil
from datetime import UTC, date, datetime, time
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

import typst

from adaptive.report.blocks import Block, Code, Explorer, Formula, Items, Notice, Text
from adaptive.report.document import Document, Part, Placed, content_label, software
from adaptive.report.figure_style import WEB_FONT, Drawing
from adaptive.report.paper import FONTS, breakable, continued, figure_width, printable, sized
from adaptive.report.pivot import Table

STANDARDS = ["a-2a", "ua-1"]
"""Archivable and accessible: all fonts embedded, every element tagged, every figure with alternative text."""

LONG_CODE = 40
UNDATED = date(1970, 1, 1)
"""An archive asks for a date in the file's metadata; this is the usual one for a file that was given none."""


def write_pdf(whole: Document, path: Path) -> None:
    """Write the report as PDF.

    Raises
    ------
    RuntimeError
        If Typst cannot make a file that meets the standards.
    """
    with TemporaryDirectory(prefix="adaptive-report-") as name:
        folder = Path(name)
        (folder / "fonts").mkdir()
        for font in FONTS:
            shutil.copy(font, folder / "fonts")
        template = files("adaptive.report") / "templates" / "report.typ"
        (folder / "report.typ").write_text(template.read_text(encoding="utf-8"), encoding="utf-8")
        tree = _Tree(folder).document(whole)
        (folder / "document.json").write_text(json.dumps(tree, ensure_ascii=False), encoding="utf-8")
        compiler = typst.Compiler(
            str(folder / "report.typ"),
            root=str(folder),
            font_paths=[str(folder / "fonts")],
            ignore_system_fonts=True,
        )
        stamp = datetime.combine(_date(whole), time(tzinfo=UTC))
        path.write_bytes(compiler.compile(format="pdf", pdf_standards=STANDARDS, timestamp=stamp))


def _date(whole: Document) -> date:
    """Return the date of the report; it never is the clock's, so that a report can be made again."""
    given = whole.meta.get("date")
    return date.fromisoformat(str(given)) if given else UNDATED


class _Tree:
    """Turn a document into plain values; drawings become files in ``folder``."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.deferred: list[Placed] = []

    def document(self, whole: Document) -> dict:
        """Return everything that the template shows."""
        meta, when = whole.meta, _date(whole)
        faults = [printable(fault) for fault in whole.faults]
        return {
            "title": printable(("DRAFT: " if whole.draft else "") + meta["title"]),
            "subtitle": printable(meta.get("subtitle") or ""),
            "study": printable(meta["study"]),
            "description": printable(meta.get("subtitle") or meta["title"]),
            "author": software(),
            "software": software(),
            "keywords": [
                "operating characteristics",
                "Bayesian adaptive clinical trial",
                printable(meta["study"]),
            ],
            "date": [when.year, when.month, when.day],
            "config": content_label(whole),
            "identity": [[label, printable(value)] for label, value in whole.identity],
            "draft": whole.draft,
            "draft_title": "This is a draft: "
            + ("the following stands in the way of a final report" if faults else "it was asked for as one"),
            "faults": faults,
            "warnings": [printable(warning) for warning in whole.warnings],
            "summary": self.part(whole.summary, turn=False),
            "chapters": [self.part(chapter) for chapter in whole.chapters],
            "annex": self.annex(),
        }

    def annex(self) -> dict | None:
        """Return the tables that the page folds away, as a part after all others; ``None`` without any."""
        if not self.deferred:
            return None
        blocks, self.deferred = self.deferred, []
        lead = [
            "Tables that would interrupt the reading, in their order. Each is announced where it belongs, "
            "and is in tables/printed as CSV."
        ]
        return self.part(Part("A", "annex", "Long tables", "Long tables", lead, blocks, [], 1), defer=False)

    def part(self, part: Part, *, turn: bool = True, defer: bool = True) -> dict:
        """Return a part; neighbouring blocks that need a wide page share it, long tables go to the annex."""
        runs: list[dict] = []
        for placed in part.blocks:
            later = defer and isinstance(placed.block, Table) and placed.block.collapsed
            shown = self.announced(placed) if later else self.placed(placed)
            wide = turn and shown.pop("wide", False)
            if not runs or runs[-1]["wide"] != wide:
                runs.append({"wide": wide, "blocks": []})
            runs[-1]["blocks"].append(shown)
        return {
            "number": part.number,
            "anchor": part.anchor,
            "title": printable(part.title),
            "level": part.level,
            "lead": [printable(text) for text in part.lead],
            "runs": runs,
            "parts": [self.part(inner, defer=defer) for inner in part.parts],
        }

    def announced(self, placed: Placed) -> dict:
        """Return the line that stands for a table of the annex."""
        self.deferred.append(placed)
        rows = f"{len(placed.block.rows):,} rows, in the annex"
        place = {"number": placed.number, "anchor": placed.anchor}
        return {"kind": "Later", "caption": printable(placed.block.caption), "rows": rows} | place

    def placed(self, placed: Placed) -> dict:
        """Return a block with its number and anchor."""
        block = placed.block
        if isinstance(block, Table):
            shown = sized(block) | {"made_by": breakable(placed.made_by)}
        elif isinstance(block, Drawing):
            shown = self.drawing(placed, block) if block.svg else _absent(block)
        elif isinstance(block, Explorer):
            shown = {"parts": [self.part(p, defer=False) for p in placed.parts]}
        else:
            shown = _words(block)
        return {"kind": placed.kind, "number": placed.number, "anchor": placed.anchor} | shown

    def drawing(self, placed: Placed, block: Drawing) -> dict:
        """Return a drawing, written to a file with a font that the PDF can embed."""
        name = f"{placed.anchor}.svg"
        svg = block.svg.replace(WEB_FONT, "'DejaVu Sans'")
        (self.folder / name).write_text(printable(svg), encoding="utf-8")
        return {
            "file": name,
            "question": printable(block.question),
            "caption": printable(block.caption),
            "alt": printable(f"{block.question} {block.caption}".strip()),
            "width": figure_width(svg),
        }


def _absent(block: Drawing) -> dict:
    """Return a sentence in place of a drawing that does not exist."""
    return {"kind": "Text", "text": printable(f"No figure for “{block.question}”: {block.absent}.")}


def _words(block: Block) -> dict:
    """Return a block of text."""
    if isinstance(block, Text):
        return {"text": printable(block.text)}
    if isinstance(block, Items):
        items = [printable(item) for item in block.items]
        return {"lead": printable(block.lead), "items": items, "ordered": block.ordered}
    if isinstance(block, Notice):
        return {"title": printable(block.title), "items": [printable(item) for item in block.items]}
    if isinstance(block, Code):
        long = block.collapsed or block.text.count("\n") > LONG_CODE
        widest = 60 if long else 90
        text = (continued if block.shell else breakable)(block.text, widest)
        return {"caption": printable(block.caption), "text": text, "long": long}
    if isinstance(block, Formula):
        return {"text": printable(block.text), "where": [printable(line) for line in block.where]}
    raise TypeError(f"no form on paper for a {type(block).__name__}")
