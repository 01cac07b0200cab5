"""Write every table as CSV and every number as JSON, beside the report."""

import csv
import json
import re
from pathlib import Path

import pandas as pd

from adaptive.report.contract import contract, plain_json, records
from adaptive.report.document import Document, contents, walk
from adaptive.report.pivot import Table

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
"""Frames of the content that are written as they are."""
_FORMULA = re.compile(r"^\s*[=+\-@\t\r]")


def neutral(value: object) -> object:
    """Return text that a spreadsheet would run as a formula with an apostrophe in front of it.

    Such text begins, after any blanks, with ``= + - @``, or with a tab or carriage return. Numbers, text
    that is a plain number, and other values are returned as they are.
    """
    if not isinstance(value, str) or not _FORMULA.match(value):
        return value
    try:
        float(value)
    except ValueError:
        return "'" + value
    return value


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame as UTF-8 CSV with formula-like text neutralised, in headings too."""
    safe = frame.rename(columns=neutral)
    for position, column in enumerate(safe.columns):
        values = safe.iloc[:, position]
        if not (pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values)):
            safe = safe.assign(**{column: values.map(neutral)})
    safe.to_csv(path, index=False, lineterminator="\n")


def table_csv(table: Table, path: Path) -> None:
    """Write a table with its cells as printed, every row label written out."""
    above = [""] * len(table.head)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([neutral(title) for title in table.head])
        for row in table.rows:
            above = [cell.text if cell.span else above[i] for i, cell in enumerate(row)]
            writer.writerow([neutral(text) for text in above])


def write_json(content: dict, whole: Document, checklist: list[dict], path: Path) -> None:
    """Write the contract, the numbered contents, and every frame and tidy table with all its digits.

    ``checklist`` holds the rows of the compliance matrix.
    """
    sections = {part.anchor: part.number for part in walk(whole.chapters)}
    body = {
        "meta": plain_json(content["meta"]) | {"identity": dict(whole.identity)},
        "metrics": content["labels"]["metrics"],
        "summary": content["summary"],
        "warnings": content["warnings"],
        **contract(content | {"checklist": checklist}, sections),
        "contents": contents(whole),
        "frames": {name: records(content[name]) for name in FRAMES},
        "tables": {name: records(frame) for name, frame in content["tables"].items()},
    }
    text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    path.write_text(text + "\n", encoding="utf-8")
