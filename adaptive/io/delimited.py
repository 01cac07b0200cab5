"""Delimited text in, rows of strings out; strings out, spreadsheet-safe text in. No meaning attached.

Every structural fault (encoding, delimiter, ragged rows, empty file) is reported in words.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from adaptive.errors import BadInput

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def neutralise(text: str) -> str:
    """Prefix a cell that a spreadsheet would run as a formula with an apostrophe."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def restore(text: str) -> str:
    """Undo ``neutralise``."""
    return text[1:] if text[:1] == "'" and text[1:].startswith(FORMULA_STARTS) else text


def row_list(rows: Sequence[int], limit: int = 8) -> str:
    """Return ``'row 4'`` or ``'rows 4, 9 and 17'``, shortened after ``limit`` rows."""
    shown = [str(row) for row in rows[:limit]]
    if len(rows) == 1:
        return f"row {shown[0]}"
    if len(rows) > limit:
        return f"rows {', '.join(shown)} and {len(rows) - limit} more"
    return f"rows {', '.join(shown[:-1])} and {shown[-1]}"


def decode(raw: bytes, encoding: str, name: str) -> str:
    """Return the text of a file, a byte-order mark removed.

    Raises
    ------
    BadInput
        If the bytes are not text in that encoding.
    """
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise BadInput(f"{name}: the file is UTF-16, {encoding} was expected; save it as UTF-8")
    try:
        text = raw.decode("utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding)
    except LookupError:
        raise BadInput(f"columns.encoding: {encoding!r} is unknown; use utf-8 or latin-1") from None
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise BadInput(
            f"{name}: row {line} holds a byte (0x{raw[error.start]:02x}) that is not {encoding}; "
            "save the file as UTF-8 or set columns.encoding (spreadsheets often write 'cp1252')"
        ) from None
    if "\0" in text:
        raise BadInput(f"{name}: the file holds NUL bytes, so it is not text; export it as CSV")
    return text


def read_rows(path: Path, delimiter: str, encoding: str) -> tuple[pd.DataFrame, bytes]:
    """Read a delimited file into a frame of strings indexed by spreadsheet row number (header is row 1).

    Raises
    ------
    BadInput
        If the file is missing, empty, in another encoding or delimiter, has ragged rows or repeated columns.
    """
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise BadInput(f"{path}: {reason}; give the path of a CSV file with one row per patient") from None
    name = Path(path).name
    text = decode(raw, encoding, name)
    if not text.strip():
        raise BadInput(f"{name}: the file is empty; a header row and one row per patient are needed")
    try:
        records = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise BadInput(f"{name}: not readable as delimited text ({error}); check quotes") from None
    header = [cell.strip() for cell in records[0]]
    faults = _header_faults(name, header, delimiter)
    body = [(row, cells) for row, cells in enumerate(records[1:], start=2) if any(c.strip() for c in cells)]
    faults += _ragged(body, len(header)) if not faults else []
    if not body and not faults:
        faults.append(f"{name}: there is a header but no patient row; one row per patient is needed")
    if faults:
        raise BadInput(faults)
    frame = pd.DataFrame([cells for _, cells in body], index=[row for row, _ in body], columns=header)
    return frame.map(lambda cell: restore(cell.strip())), raw


def _header_faults(name: str, header: list[str], delimiter: str) -> list[str]:
    if len(header) == 1:
        other = [mark for mark in (";", "\t", ",", "|") if mark != delimiter and mark in header[0]]
        if other:
            return [
                f"{name}: with delimiter {delimiter!r} the header is one column ({header[0]!r}); "
                f"the file seems to use {other[0]!r}: set columns.delimiter"
            ]
    repeated = sorted({column for column in header if header.count(column) > 1})
    return [f"{name}: column {column!r} occurs more than once; rename one" for column in repeated]


def _ragged(body: list[tuple[int, list[str]]], width: int) -> list[str]:
    by_width: dict[int, list[int]] = {}
    for row, cells in body:
        if len(cells) != width:
            by_width.setdefault(len(cells), []).append(row)
    return [
        f"{row_list(rows)}: {count} cells where the header has {width}; quote cells that hold the delimiter"
        for count, rows in by_width.items()
    ]


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write CSV: text cells neutralised against formulas, floats at 17 significant digits."""

    def cell(value: object) -> str:
        return f"{value:.17g}" if isinstance(value, float) else neutralise(str(value))

    with Path(path).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([neutralise(name) for name in header])
        writer.writerows([cell(value) for value in row] for row in rows)
