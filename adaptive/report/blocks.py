"""What a section of the report can hold beside tables and figures. Text is plain text, never markup."""

from dataclasses import dataclass, field

from adaptive.report.figure_style import Drawing
from adaptive.report.pivot import Table


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Items:
    """A list of sentences, with a sentence before it that may be empty."""

    lead: str
    items: list[str]
    ordered: bool = False


@dataclass(frozen=True)
class Notice:
    """What a reader must not miss, set apart."""

    title: str
    items: list[str]


@dataclass(frozen=True)
class Code:
    """Verbatim text, such as a configuration; long ones fold away on the page.

    Attributes
    ----------
    text
        What is shown.
    caption
        What it is.
    collapsed
        Whether it folds away.
    shell
        Whether it is commands, whose long lines go on after a backslash on paper, so that a copy still runs.
    """

    text: str
    caption: str = ""
    collapsed: bool = False
    shell: bool = False


@dataclass(frozen=True)
class Formula:
    """A formula in Unicode text, and what its symbols mean, a line each."""

    text: str
    where: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Explorer:
    """Worked virtual trials, shown one at a time on the page and one after the other on paper.

    Attributes
    ----------
    name
        Anchor.
    caption
        What is shown.
    cases
        One section per trial: sentences, tables and figures, as elsewhere.
    data
        What the page steps through, as plain data; see ``explorer_data``.
    """

    name: str
    caption: str
    cases: list["object"] = field(default_factory=list)
    data: dict = field(default_factory=dict)


Block = Table | Drawing | Text | Items | Notice | Code | Formula | Explorer
