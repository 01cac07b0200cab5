"""Find the evidence in a study's folder: which command made each piece, by which code, where it lies.

Reads what the pieces say of themselves only; whether they were altered is for ``oc.evidence`` to tell.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from adaptive.io.store import MANIFEST
from adaptive.oc.sensitivity import cell_place
from adaptive.oc.source import Source

NAMES = {
    "audit": "Engine audit",
    "nulls": "Search over nulls",
    "sensitivity": "Sensitivity analysis",
    "truth": "Check of true values",
}
"""Commands that leave evidence in the folder of their name, and what they leave."""


class Piece(NamedTuple):
    """What one command left.

    Attributes
    ----------
    kind
        Command, a key of ``NAMES``.
    place
        Folder, relative to the study.
    content
        What the piece says.
    cells
        Code of each cell simulated for it; empty where its own code made all of it.
    """

    kind: str
    place: str
    content: Mapping[str, Any]
    cells: Sequence[Mapping[str, Any]] = ()


def pieces(results: Iterable[Path], study: Path | None) -> list[Piece]:
    """Return every piece of evidence that says what made it, in the order in which a study needs them.

    Parameters
    ----------
    results
        Folders of results; an audit lies in one, or in that of its design or study.
    study
        Folder of the study, or ``None`` if results were given one by one.
    """
    folders = [folder.resolve() for folder in results]
    roots = [study.resolve()] if study is not None else [folder.parent.parent for folder in folders]
    files = [(kind, file) for kind in NAMES for file in _files(kind, folders, study)]
    return [piece for kind, file in files if (piece := _read(kind, file, roots))]


def pieces_of(source: Source) -> list[Piece]:
    """Return every piece of evidence of what a report is made from."""
    return pieces([result.path for result in source.results], source.folder)


def _files(kind: str, results: Sequence[Path], study: Path | None) -> Iterator[Path]:
    """Yield the files in which pieces of one kind describe themselves."""
    name = f"{kind}.json"
    if kind == "audit":
        places = dict.fromkeys(place for own in results for place in (own, own.parent, own.parent.parent))
        yield from (place / kind / name for place in places)
    elif study is not None:
        root = study.resolve() / kind
        yield from sorted(root.glob(f"**/{name}") if kind == "nulls" else root.glob(name))


def _read(kind: str, file: Path, roots: Sequence[Path]) -> Piece | None:
    content = read_json_or_nothing(file)
    if not isinstance(content.get("code"), dict):
        return None
    cells = list(_cell_codes(file.parent, content)) if kind == "sensitivity" else []
    return Piece(kind, _place(file.parent, roots), content, cells)


def read_json_or_nothing(file: Path) -> dict[str, Any]:
    """Return the mapping in a file; an empty one if there is none."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _cell_codes(folder: Path, index: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the code that simulated each cell of a sensitivity analysis."""
    for cell in index.get("cells", []):
        place = cell_place(cell["factor"], cell["level"], cell["design"], cell["scenario"])
        yield read_json_or_nothing(folder / place / MANIFEST).get("code") or {}


def _place(folder: Path, roots: Sequence[Path]) -> str:
    """Return a folder as seen from the study; designs lie in a study, and scenarios in designs."""
    root = next((root for root in roots if folder.is_relative_to(root)), folder.parent)
    return folder.relative_to(root).as_posix()
