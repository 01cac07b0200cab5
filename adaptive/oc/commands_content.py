"""Which commands made the results and the evidence, as far as what they stored says so."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from adaptive.oc.load import CellResult
from adaptive.oc.pieces import NAMES, Piece, pieces_of
from adaptive.oc.places import again, study_place, words_of
from adaptive.oc.source import Source


def commands_part(source: Source, tables: dict[str, pd.DataFrame]) -> dict:
    """Return the command lines by command, each once, in the order in which a study needs them.

    Folders are those of a fresh checkout, so that each writes what the next reads.
    """
    del tables
    found = {"simulate": simulate_commands(source.results)}
    there = pieces_of(source)
    for kind in NAMES:
        own = [piece for piece in there if piece.kind == kind]
        found[kind] = list(dict.fromkeys(line for piece in own for line in piece_commands(piece, source)))
    return {name: lines for name, lines in found.items() if lines}


def simulate_commands(results: Sequence[CellResult]) -> list[str]:
    """Return the commands that made the results: one for all where they are a sweep, else each once."""
    commands = sorted({command_of(result) for result in results} - {""})
    together = _sweep(commands)
    return [together] if together else commands


def command_of(result: CellResult) -> str:
    """Return the command that makes one result in a fresh checkout; empty if none is recorded."""
    return again(str(result.manifest.get("command") or ""), result.manifest["study"])


def _sweep(commands: Sequence[str]) -> str | None:
    """Return the one command that stands for many, if they are every design in every scenario."""
    found = [_without_cell(shlex.split(command)) for command in commands]
    if len(found) < 2 or not all(len(cell) == 2 for _, cell in found):
        return None
    cells = {cell for _, cell in found}
    designs, scenarios = (list(dict.fromkeys(cell[i] for _, cell in found)) for i in (0, 1))
    words = found[0][0]
    if len({tuple(rest) for rest, _ in found}) > 1 or len(cells) != len(designs) * len(scenarios):
        return None
    swept = [f"design={','.join(designs)}", f"scenario={','.join(scenarios)}"]
    return shlex.join([*words[:2], "-m", *words[2:], *swept])


def _without_cell(words: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Return a command without its design and scenario, and these two if it names them plainly."""
    keys = ("design=", "scenario=")
    cell = [word.removeprefix(key) for key in keys for word in words if word.startswith(key)]
    return [word for word in words if not word.startswith(keys)], tuple(cell)


def piece_commands(piece: Piece, source: Source) -> list[str]:
    """Return the commands that make one piece of evidence where a report looks for it."""
    command, study = piece.content.get("command"), source.results[0].manifest["study"]
    if not isinstance(command, str) or not command:
        return []
    place = study_place(study)
    if piece.kind == "nulls":
        return [again(command, study, f"{place}/{piece.place}")]
    if piece.kind == "audit":
        return [again(command, study, f"{place}/{piece.place}".rpartition("/")[0])]
    moved = again(command, study)
    return _whole(moved, piece.content) if piece.kind == "sensitivity" else [moved]


def _whole(command: str, index: Mapping[str, Any]) -> list[str]:
    """Return the commands of a whole sensitivity analysis; it may have been made in several runs.

    The index keeps the command of the last run only, but the trials of every cell.
    """
    sizes: dict[int, list[str]] = {}
    for cell in index.get("cells", []):
        names = sizes.setdefault(int(cell["n_trials"]), [])
        names += [cell["factor"]] if cell["factor"] not in names else []
    words = words_of(command)
    if len(sizes) < 2 and not any(word.startswith("only=") for word in words):
        return [command]
    rest = [word for word in words if not word.startswith(("only=", "n_trials="))]
    return [
        shlex.join([*rest, f"n_trials={n_trials}", f"only=[{','.join(names)}]"])
        for n_trials, names in sizes.items()
    ]
