"""Which commands made the results and the evidence, as far as what they stored says so."""

import json
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
    """Return the commands that made the results, each once."""
    return sorted({str(r.manifest.get("command") or "") for r in results} - {""})


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
