"""The map from claims to tests, as the report prints it; made from docs/validation.md and shipped as data."""

import json
import re
from importlib.resources import files

COLUMNS = ("part", "claim", "witness", "tests", "smallest error seen")
_TEST = re.compile(r"`(tests/[\w./]*)`")


def parse(text: str) -> list[dict[str, str]]:
    """Return a row per line of the tables of docs/validation.md, with the tests that it names.

    Parameters
    ----------
    text
        The page in Markdown: a heading of level two per part, tables of four columns below it.
    """
    rows, part = [], ""
    for line in text.splitlines():
        if line.startswith("## "):
            part = line[3:].strip()
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if line.startswith("|") and len(cells) == 4 and _TEST.search(cells[2]):
            tests = ", ".join(dict.fromkeys(_TEST.findall(cells[2])))
            said = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", cell).replace("`", "") for cell in cells]
            rows.append(dict(zip(COLUMNS, (part, said[0], said[1], tests, said[3]), strict=True)))
    return rows


def shipped() -> list[dict[str, str]]:
    """Return the rows that the package was shipped with."""
    return json.loads(files("adaptive.oc").joinpath("validation.json").read_text(encoding="utf-8"))
