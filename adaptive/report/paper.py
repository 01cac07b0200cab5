"""What fits on paper: which characters the fonts have, where long words may break, how wide a table is."""

import re
import shlex
import unicodedata
from dataclasses import replace
from functools import cache
from pathlib import Path
from textwrap import wrap

import matplotlib
from matplotlib.ft2font import FT2Font

from adaptive.report.pivot import Cell, Table

_FOLDER = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
FONTS = tuple(_FOLDER / f"DejaVuSans{style}.ttf" for style in ("", "-Bold", "-Oblique", "-BoldOblique"))
PORTRAIT, LANDSCAPE = 481.0, 745.0
"""Width between the margins of an A4 page, points."""
INSET = 6.0
LONG_WORD = 22
TEXT_COLUMN = 11.0
"""Width of a column of sentences below which a table of them is hard to read, in units of the type size."""
SIZES = (
    (8.5, False),
    (8.0, False),
    (7.5, False),
    (7.0, False),
    (6.8, False),
    (8.0, True),
    (7.0, True),
    (6.5, True),
)
SMALLEST = 6.0
LEAST_TITLE = 9
SHORT_COLUMN = 9.0
KEPT_LINES = 18
"""Printed lines up to which a table stays on one page."""
MOST_ROWS = 12
"""Rows up to which a label may span them; they stay on one page, where all of them have it."""
TALLEST = 1.3
"""Height over width of a drawing that still fills the width of a page."""

_SEAM = re.compile(r"(?<=[/._=:,;|+@&?-])(?=\w)|(?<=\))(?=\()")
_LISTED = re.compile(r"(?<=[=,/])(?=\w)")
"""Where a long word of a command is best broken: before an item of a list or a part of a path."""
_GAP = "\N{ZERO WIDTH SPACE}"
"""Where a word may break; the template sets a box without width there, so that no copied word holds it."""
_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
"""A commit or a SHA-256: to be compared and copied whole."""
_SHELL = re.compile(r"""(\s*)(#.*|(?:'[^']*'|"[^"]*"|\\.|[^\s'"\\])+|\S)""")
"""Blanks, and a word of a shell or a comment to the end of its line."""


@cache
def _known() -> frozenset[int]:
    """Return the code points that the fallback font has."""
    return frozenset(FT2Font(str(FONTS[0])).get_charmap())


def printable(text: str) -> str:
    """Return text with every character that the fonts lack, or that acts unseen, written as its number.

    A missing character would make the file unfit for an archive; a control character could turn the
    direction of what follows.
    """
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return "".join(character if _shows(character) else _named(character) for character in text)


def _shows(character: str) -> bool:
    """Whether a character can be printed as it is."""
    if character in ("\n", _GAP):
        return True
    hidden = unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    return not hidden and ord(character) in _known()


def _named(character: str) -> str:
    """Return the number of a character; a tab is four blanks."""
    return "    " if character == "\t" else f"(U+{ord(character):04X})"


def breakable(text: str, longest: int = LONG_WORD) -> str:
    """Return printable text in which words above ``longest`` characters may break, best at their seams."""
    return re.sub(rf"\S{{{longest + 1},}}", lambda found: _broken(found[0], longest), printable(text))


def _broken(word: str, longest: int) -> str:
    """Return a word with invisible places to break."""
    return _GAP.join(_pieces(word, longest))


def _pieces(word: str, longest: int, seam: re.Pattern[str] = _SEAM) -> list[str]:
    """Return a word in pieces that end at its seams; one without a seam is cut unless it is a hash."""
    pieces = []
    for piece in seam.split(word):
        whole = _HASH.fullmatch(piece)
        pieces += [piece] if whole else [piece[i : i + longest] for i in range(0, len(piece), longest)]
    return pieces


def continued(text: str, longest: int) -> str:
    """Return commands whose lines above ``longest`` characters go on after a backslash; they do the same."""
    return "\n".join(
        line if len(line) <= longest else _continued(line, longest) for line in printable(text).split("\n")
    )


def _continued(line: str, longest: int) -> str:
    """Return a command in several lines, broken between words or else at the seams of one."""
    lines, room = [""], longest - len(" \\")
    for gap, word in _SHELL.findall(line):
        joint, parts = " \\", _shell_parts(word, room)
        for part in parts:
            if lines[-1] and len(lines[-1] + gap + part) > room:
                lines[-1] += joint
                lines.append(part)
            else:
                lines[-1] += gap + part
            joint, gap = "\\", ""
    return "\n".join(lines)


def _shell_parts(word: str, longest: int) -> list[str]:
    """Return a word of a shell as one, or in quoted parts that make it again where it is too long."""
    if len(word) <= longest or word.startswith("#"):
        return [word]
    (value,) = shlex.split(word)
    return [shlex.quote(piece) for piece in _pieces(value, longest - 2, _LISTED)]


def figure_width(svg: str) -> float:
    """Return the width of a drawing in per cent of the line, less for one taller than a page."""
    found = re.search(r'viewBox="[\d.]+ [\d.]+ ([\d.]+) ([\d.]+)"', svg)
    if not found:
        return 100.0
    ratio = float(found[2]) / float(found[1])
    return 100.0 if ratio <= TALLEST else 100.0 * TALLEST / ratio


def sized(table: Table) -> dict:
    """Return a table for paper: its first labels set above their rows if they span some, type that fits.

    Type goes from 8.5 to 6.8 points, then the page is turned, then the type is made smaller still.
    """
    grouped = table.stub > 1 and sum(bool(row[0].span) for row in table.rows) * 2 <= len(table.rows)
    start = int(grouped)
    least = [_width(table, column) for column in range(start, len(table.head))]
    size, wide = _fitting(least)
    room = (LANDSCAPE if wide else PORTRAIT) / size - INSET / size * len(least)
    widths = _widths(table, start, room)
    rows = [line for row in _repeated(table.rows, start) for line in _lines(table, row, start)]
    # A column that its text sets is at least as wide as its least width: no row is taller than with that.
    assumed = [own or small for own, small in zip(widths, least, strict=True)]
    if start:
        _keep_groups(rows, assumed)
    return {
        "caption": printable(table.caption),
        "notes": [breakable(note) for note in table.notes],
        "head": [_title(table, column) for column in range(start, len(table.head))],
        "grouped": grouped,
        "rows": rows,
        "left": sorted(column - start for column in table.text_columns if column >= start),
        "shares": widths,
        "kept": sum(_height(row, assumed) for row in rows) <= KEPT_LINES,
        "size": size,
        "wide": wide,
    }


def _repeated(rows: list[list[Cell]], start: int) -> list[list[Cell]]:
    """Return rows with each label of very many of them in every one; it would stay on the first page."""
    shown = [list(row) for row in rows]
    for i, row in enumerate(rows):
        for column, cell in enumerate(row[start:], start):
            for below in range(i, i + cell.span) if cell.span > MOST_ROWS else ():
                shown[below][column] = replace(shown[below][column], text=cell.text, span=1)
    return shown


def _keep_groups(lines: list[dict], widths: list[float]) -> None:
    """Mark the first row of each group with how many rows stay together: all of a small group, else one."""
    starts = [i for i, line in enumerate(lines) if line["group"] is not None]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        rows = lines[start + 1 : end]
        together = len(rows) <= MOST_ROWS and sum(_height(row, widths) for row in rows) <= KEPT_LINES
        for i, row in enumerate(rows):
            row["keeps"] = 1 if not together else len(rows) * (i == 0)


def _lines(table: Table, row: list[Cell], start: int) -> list[dict]:
    """Return a row, with the label of its group in front where one begins."""
    above = [{"group": _group(table.head[0], row[0].text), "cells": []}] if start and row[0].span else []
    cells = [
        {"text": breakable(cell.text), "span": cell.span, "flagged": cell.flagged}
        for cell in row[start:]
        if cell.span
    ]
    return [*above, {"group": None, "cells": cells}]


def _group(title: str, label: str) -> str:
    """Return the label of a group with the title of its column, which has no place of its own any more."""
    joint = " " if title == "Look" else ": "
    return breakable(label if title in ("", "Scenario") else f"{title}{joint}{label}")


def _height(row: dict, widths: list[float]) -> int:
    """Return about how many lines a row takes at most in columns of these widths."""
    last = widths[len(widths) - len(row["cells"]) :]
    lines = [
        sum(1 + int(em(line) / (width * 1.001)) if width else 1 for line in cell["text"].split("\n"))
        for cell, width in zip(row["cells"], last, strict=True)
    ]
    return max(lines, default=1)


def _width(table: Table, column: int) -> float:
    """Return the least width of a column in units of the type size: numbers unbroken, text in a few words."""
    texts = [row[column].text for row in table.rows]
    if column not in table.text_columns:
        title = max((em(word) for word in table.head[column].split()), default=0.0)
        return max([title, *(em(text) for text in texts)])
    longest = max((em(line) for text in texts for line in text.split("\n")), default=0.0)
    return max(_longest_word(table, column), min(longest, TEXT_COLUMN))


def _widths(table: Table, start: int, room: float) -> list[float]:
    """Return the width of each column of a table of sentences, 0 where its text sets it.

    In units of the type size, to fill ``room``. Columns of short texts keep their width. The others get what
    their longest word takes, and share the rest by a power of how much they hold, so that one long cell does
    not make a wide column of mostly short ones.
    """
    columns = range(start, len(table.head))
    longest = [max((em(row[c].text) for row in table.rows), default=0.0) for c in columns]
    if table.numeric or sum(longest) < TEXT_COLUMN * len(columns):
        return [0.0] * len(columns)
    words = [_longest_word(table, c) for c in columns]
    means = [sum(len(row[c].text) for row in table.rows) / max(len(table.rows), 1) for c in columns]
    short = [most <= SHORT_COLUMN for most in longest]
    powers = [0.0 if own else mean**0.6 for mean, own in zip(means, short, strict=True)]
    if not (total := sum(powers)):
        return [0.0] * len(columns)
    taken = [max(most, word) if own else word for most, word, own in zip(longest, words, short, strict=True)]
    rest = max(room - sum(taken), 0.0)
    return [
        0.0 if own else word + rest * power / total
        for word, power, own in zip(words, powers, short, strict=True)
    ]


def _longest_word(table: Table, column: int) -> float:
    """Return the width of the longest piece of a column that does not break, its title included."""
    texts = [table.head[column], *(row[column].text for row in table.rows)]
    return max(
        (em(piece) for text in texts for piece in re.split(rf"[\s{_GAP}]", breakable(text))), default=0
    )


def _title(table: Table, column: int) -> str:
    """Return a column title in lines about as wide as what stands below it."""
    title = breakable(table.head[column])
    below = max((len(line) for row in table.rows for line in row[column].text.split("\n")), default=0)
    longest = max((len(word) for word in title.split()), default=0)
    room = max(below, longest, LEAST_TITLE)
    return "\n".join(wrap(title, room, break_long_words=False, break_on_hyphens=False))


def em(text: str) -> float:
    """Return about how wide text is in units of the type size."""
    return sum(0.27 if c in " .,;:()[]|'i" else 0.72 if c.isupper() else 0.5 for c in text)


def _fitting(widths: list[float]) -> tuple[float, bool]:
    """Return the largest type that fits, and whether the page is turned for it."""
    for size, wide in SIZES:
        room = LANDSCAPE if wide else PORTRAIT
        if sum(widths) * size + INSET * len(widths) <= room:
            return size, wide
    return SMALLEST, True
