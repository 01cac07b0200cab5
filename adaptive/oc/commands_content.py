"""Which commands made the results and the evidence, as far as what they stored says so."""

import json
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from adaptive.oc.load import CellResult
from adaptive.oc.source import Source

SUMMARIES = ("audit", "nulls", "sensitivity", "truth")
"""Commands that leave evidence in the folder of their name."""


def commands_part(source: Source, tables: dict[str, pd.DataFrame]) -> dict:
    """Return the command lines by command, each once, in the order in which a study needs them."""
    del tables
    found = {"simulate": simulate_commands(source.results)}
    for name in SUMMARIES:
        found[name] = list(dict.fromkeys(_recorded(name, source.folder)))
    return {name: lines for name, lines in found.items() if lines}


def simulate_commands(results: Sequence[CellResult]) -> list[str]:
    """Return the commands that made the results: one for all where they are a sweep, else each once."""
    commands = sorted({str(r.manifest.get("command") or "") for r in results} - {""})
    together = _sweep(commands)
    return [together] if together else commands


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


def _recorded(name: str, folder: Path | None) -> Iterator[str]:
    """Yield the commands in the evidence of one command, or the command with its folder if none is stored."""
    if folder is None:
        return
    for file in sorted({*(folder / name).glob("*.json"), *(folder / name).glob(f"*/{name}.json")}):
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        command = content.get("command") if isinstance(content, dict) else None
        if isinstance(command, str) and command:
            yield command
        elif name == "audit":
            yield f"adaptive audit <folder of {folder.resolve().name}>"
