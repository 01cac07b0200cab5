"""The report as it is printed: numbered chapters, parts, tables and figures, the same in every form.

Chapters and parts are numbered 1 and 1.1; tables and figures run through the whole report. HTML, PDF and JSON
are all drawn from one ``Document``, so a number means the same thing in each. Nothing is computed here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version

from adaptive.report.blocks import Block, Explorer, Items, Text
from adaptive.report.figure_style import Drawing
from adaptive.report.made_by import Commands
from adaptive.report.pivot import Table, plain
from adaptive.report.section import Section, numbered

CONFIGURATIONS = "Configurations, SHA-256"
REMARK = (
    "Monte Carlo standard errors (MCSE) measure how much an estimate would vary with another seed. They do "
    "not measure how true the assumptions are. Every table is also in tables/ as CSV, every number with its "
    "MCSE in report.json."
)


@dataclass(frozen=True)
class Placed:
    """A block in its place.

    Attributes
    ----------
    kind
        Name of the block's class.
    block
        What is shown.
    number
        Such as ``Table 3``; empty for what is not numbered.
    anchor
        Unique in the report; empty for what nothing refers to.
    made_by
        Which command made the numbers of a table.
    parts
        The cases of an explorer.
    """

    kind: str
    block: Block
    number: str = ""
    anchor: str = ""
    made_by: str = ""
    parts: list["Part"] = field(default_factory=list)


@dataclass(frozen=True)
class Part:
    """A chapter, a part of one, or a case within it, with its number and the depth of its heading."""

    number: str
    anchor: str
    title: str
    short: str
    lead: list[str]
    blocks: list[Placed]
    parts: list["Part"]
    level: int
    covers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Document:
    """The whole report.

    Attributes
    ----------
    meta
        As in the content.
    identity
        Label and value of what tells this report from others.
    summary
        The page that comes first.
    warnings
        What must be read before the rest.
    faults
        Why the report is a draft.
    chapters
        In print order.
    """

    meta: dict
    identity: list[tuple[str, str]]
    summary: Part
    warnings: list[str]
    faults: list[str]
    chapters: list[Part]

    @property
    def draft(self) -> bool:
        """Whether the report is marked as a draft."""
        return bool(self.meta.get("draft"))


class _Counter:
    """Hand out numbers and anchors in print order."""

    def __init__(self) -> None:
        self.counts = {"Table": 0, "Figure": 0}
        self.taken: set[str] = set()

    def next(self, kind: str) -> str:
        self.counts[kind] += 1
        return f"{kind} {self.counts[kind]}"

    def anchor(self, wanted: str) -> str:
        found, copy = wanted, 1
        while found in self.taken:
            copy += 1
            found = f"{wanted}-{copy}"
        self.taken.add(found)
        return found


def document(content: dict, chapters: Sequence[Section]) -> Document:
    """Return the report with every number in place.

    Parameters
    ----------
    content
        Its layout is in the docstring of ``adaptive.report``.
    chapters
        Of ``report.chapters``.
    """
    counter, commands = _Counter(), Commands(content, chapters)
    front = Section("summary", "Summary", [], list(summary_blocks(content)), "Summary")
    return Document(
        content["meta"],
        identity(content),
        _part(front, "", 1, counter, commands),
        list(content["warnings"]),
        list(content.get("trust", {}).get("faults", [])),
        [_part(chapter, number, 1, counter, commands) for number, chapter in numbered(chapters)],
    )


def summary_blocks(content: dict) -> Iterator[Block]:
    """Yield what the first page shows."""
    for paragraph in content["summary"]:
        yield Items(paragraph["text"], paragraph["items"]) if paragraph["items"] else Text(paragraph["text"])
    headline = plain(
        content["headline"],
        name="headline",
        caption="Main operating characteristics: estimates with Monte Carlo standard error (MCSE), and the "
        "scenario that they belong to.",
        titles={"design": "Design"},
    )
    if headline is not None:
        yield headline
    yield Text(REMARK)


def identity(content: dict) -> list[tuple[str, str]]:
    """Return what tells this report from others, without what is not known."""
    meta = content["meta"]
    digest = content_hash(content)
    found = {
        "Study": meta["study"],
        "Report": "draft" if meta.get("draft") else "final",
        "Design": content.get("dossier", {}).get("status", ""),
        "Date": meta.get("date"),
        CONFIGURATIONS: digest[:16] if digest else "",
        "Software": software(),
    }
    return [(label, str(value)) for label, value in found.items() if value]


def software() -> str:
    """Return name and version of the program that wrote the report."""
    try:
        return f"adaptive {version('adaptive-trials')}"
    except PackageNotFoundError:
        return "adaptive"


def content_hash(content: dict) -> str:
    """Return one hash of all configurations: SHA-256 over their own hashes, sorted, a line each."""
    digests = sorted(str(config["sha256"]) for config in content["configs"])
    return sha256("\n".join(digests).encode()).hexdigest() if digests else ""


def content_label(whole: Document) -> str:
    """Return the short hash of the configurations, for the head of each page."""
    found = dict(whole.identity).get(CONFIGURATIONS, "")
    return f"configurations {found[:12]}" if found else ""


def _part(section: Section, number: str, level: int, counter: _Counter, commands: Commands) -> Part:
    """Give a section and everything in it their numbers."""
    anchor = counter.anchor(section.name)
    blocks = [_placed(block, number, level, counter, commands) for block in section.blocks]
    parts = [
        _part(part, own, level + 1, counter, commands)
        for own, part in numbered(section.parts, section, number)
    ]
    title, short = section.title, section.short or section.title
    return Part(number, anchor, title, short, list(section.lead), blocks, parts, level, section.covers)


def _placed(block: Block, number: str, level: int, counter: _Counter, commands: Commands) -> Placed:
    """Give a block its number."""
    kind = type(block).__name__
    if isinstance(block, Table):
        anchor = counter.anchor(f"table-{block.name}")
        return Placed(kind, block, counter.next("Table"), anchor, commands.line(block.made_by))
    if isinstance(block, Drawing):
        anchor = counter.anchor(block.name)
        return Placed(kind, block, counter.next("Figure") if block.svg else "", anchor)
    if isinstance(block, Explorer):
        within = numbered(block.cases, number=number)
        cases = [_part(case, own, level + 1, counter, commands) for own, case in within]
        return Placed(kind, block, "", counter.anchor(block.name), parts=cases)
    return Placed(kind, block)


def walk(parts: Sequence[Part]) -> Iterator[Part]:
    """Yield every part in print order, the cases of explorers included."""
    for part in parts:
        yield part
        for block in part.blocks:
            yield from walk(block.parts)
        yield from walk(part.parts)


def placed_blocks(whole: Document) -> Iterator[Placed]:
    """Yield every block of the report in print order, those of the summary first."""
    for part in walk([whole.summary, *whole.chapters]):
        yield from part.blocks


def contents(whole: Document) -> list[dict]:
    """Return the numbered parts with their tables and figures, for ``report.json``."""
    return [
        {
            "number": part.number,
            "anchor": part.anchor,
            "title": part.title,
            "covers": list(part.covers),
            "tables": [_entry(b, b.block.caption) for b in part.blocks if isinstance(b.block, Table)],
            "figures": [
                _entry(b, b.block.question) for b in part.blocks if isinstance(b.block, Drawing) and b.number
            ],
        }
        for part in walk([whole.summary, *whole.chapters])
    ]


def _entry(placed: Placed, title: str) -> dict:
    """Return one table or figure."""
    made = {"made_by": placed.made_by} if placed.made_by else {}
    return {"number": placed.number, "anchor": placed.anchor, "title": title} | made
