"""Arrange tidy frames into tables to print. Every cell is text made elsewhere; nothing is computed here."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

ABSENT = "\N{EN DASH}"
_NUMBER = re.compile(r"\W{0,2}\d")
LONG = 40


@dataclass(frozen=True)
class Cell:
    """One printed cell; a span of 0 means that the cell above covers it."""

    text: str
    span: int = 1
    flagged: bool = False


@dataclass(frozen=True)
class Table:
    """A table to print.

    Attributes
    ----------
    name
        Identifier, also the anchor.
    caption
        What the table shows, with the number of trials.
    head
        Column titles; the first ``stub`` name the rows.
    rows
        Cells, one list per row.
    collapsed
        Whether it is folded away until the reader opens it.
    numeric
        Whether the body holds numbers, which are set right-aligned.
    notes
        Sentences to print under the table.
    made_by
        Which command made its numbers: ``simulate``, ``audit``, ``nulls``, ``sensitivity`` or ``truth``; or
        ``configuration`` or ``dossier`` where nothing was computed.
    """

    name: str
    caption: str
    head: list[str]
    rows: list[list[Cell]]
    stub: int = 1
    collapsed: bool = False
    numeric: bool = True
    notes: list[str] = field(default_factory=list)
    made_by: str = "simulate"

    @property
    def text_columns(self) -> frozenset[int]:
        """Columns set as text: those that name the rows, and of the body those that mostly hold words."""
        body = range(self.stub, len(self.head))
        return frozenset(range(self.stub)) | {c for c in body if not self.numeric or self._holds_words(c)}

    def _holds_words(self, column: int) -> bool:
        texts = [row[column].text for row in self.rows if row[column].text not in ("", ABSENT)]
        return sum(_NUMBER.match(text) is None for text in texts) * 2 > len(texts)


def number_of_trials(frame: pd.DataFrame) -> str:
    """Return ``n = ...`` with the range where it differs."""
    low, high = int(frame.n.min()), int(frame.n.max())
    return f"n = {low:,}" if low == high else f"n = {low:,} to {high:,}"


def pivot(
    frame: pd.DataFrame,
    *,
    name: str,
    caption: str,
    keys: Mapping[str, str],
    columns: str,
    titles: Mapping | None = None,
    rename: Mapping[str, Mapping] | None = None,
    collapse: bool | None = None,
    counted: str = "virtual trials per design and scenario",
    made_by: str = "simulate",
    order: Sequence | None = None,
) -> Table | None:
    """Return a table with a row per combination of ``keys`` and a column per value of ``columns``.

    Parameters
    ----------
    frame
        Tidy rows; ``None`` is returned when there are none.
    keys
        Column names of the row labels, with the titles to print.
    titles
        Titles of the body columns by value.
    rename
        Printed values by key column.
    collapse
        Whether to fold the table; by default when it is longer than ``LONG`` rows.
    counted
        What ``n`` counts, for the caption.
    made_by
        Which command made the numbers; see ``Table``.
    order
        Values of ``columns`` in print order; by default as they occur.
    """
    if frame.empty:
        return None
    order = list(order or dict.fromkeys(frame[columns]))
    wide = frame.assign(_column=frame[columns]).pivot(index=list(keys), columns="_column", values="text")
    labels = frame[list(keys)].drop_duplicates()
    wide = wide.reindex(pd.MultiIndex.from_frame(labels) if len(keys) > 1 else labels.iloc[:, 0])
    body = wide[order].fillna(ABSENT).to_numpy().tolist()
    for key, names in (rename or {}).items():
        labels = labels.assign(**{key: labels[key].map(lambda value, names=names: names.get(value, value))})
    stub = spanned(labels.astype(str).to_numpy().tolist())
    rows = [head + [Cell(str(text)) for text in line] for head, line in zip(stub, body, strict=True)]
    return Table(
        name=name,
        caption=f"{caption} {number_of_trials(frame)} {counted}.".strip(),
        head=[*keys.values(), *(str((titles or {}).get(value, value)) for value in order)],
        rows=rows,
        stub=len(keys),
        collapsed=len(rows) > LONG if collapse is None else collapse,
        made_by=made_by,
    )


def spanned(labels: Sequence[Sequence[str]]) -> list[list[Cell]]:
    """Merge equal labels of consecutive rows in every column but the last."""
    cells = [[Cell(text) for text in line] for line in labels]
    if not cells:
        return cells
    for column in range(len(cells[0]) - 1):
        start = 0
        for index in range(1, len(cells) + 1):
            same = index < len(cells) and labels[index][: column + 1] == labels[start][: column + 1]
            if not same:
                cells[start][column] = Cell(labels[start][column], span=index - start)
                for covered in range(start + 1, index):
                    cells[covered][column] = Cell("", span=0)
                start = index
    return cells


def plain(
    frame: pd.DataFrame,
    *,
    name: str,
    caption: str,
    stub: int = 1,
    titles: Mapping | None = None,
    flag: str | None = None,
    collapse: bool | None = None,
    numeric: bool = False,
    made_by: str = "simulate",
) -> Table | None:
    """Return a frame as it is; rows whose ``flag`` column is not empty are marked instead of printing it."""
    if frame.empty:
        return None
    flagged = (frame[flag] != "").tolist() if flag else [False] * len(frame)
    frame = frame.drop(columns=flag) if flag else frame
    texts = [[printed(value) for value in line] for line in frame.astype(object).to_numpy().tolist()]
    heads = spanned([line[:stub] for line in texts])
    rows = [
        [
            *(replace(cell, flagged=mark and cell.span == 1) for cell in head),
            *(Cell(text, flagged=mark) for text in line[stub:]),
        ]
        for head, line, mark in zip(heads, texts, flagged, strict=True)
    ]
    head = [(titles or {}).get(column, str(column)) for column in frame.columns]
    long = len(rows) > LONG if collapse is None else collapse
    return Table(name, caption, head, rows, stub, long, numeric, made_by=made_by)


def printed(value: object) -> str:
    """Return a value as text: thousands separated, at most four significant digits of a fraction."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value is pd.NA or (isinstance(value, float) and value != value):
        return ABSENT
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
