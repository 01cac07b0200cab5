"""Compose recorded commands here and compare with what is stored; simulates nothing.

The hash of the simulation code does not cover the shipped configurations, which the commands that a report
prints are composed from.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from adaptive.commands.arguments import Arguments, split_arguments
from adaptive.config.compose import compose_one
from adaptive.errors import BadInput
from adaptive.io.hashing import finite_or_null, sha256_data
from adaptive.io.store import MANIFEST

_OTHER = "its command gives other settings than those stored, with the configurations that are installed"


def unmade(found: Sequence[Path], study: Path | None) -> list[str]:
    """Return the results and evidence that their recorded commands would not make again here.

    What records no command is left out; so is what cannot be read, which others tell.

    Parameters
    ----------
    found
        Folders of results.
    study
        Folder of the study, or ``None``.
    """
    from adaptive.oc.pieces import pieces

    faults: dict[str, list[str]] = {}
    for folder in found:
        reason = _of_result(folder)
        if reason:
            faults.setdefault(reason, []).append("/".join(folder.parts[-2:]))
    for piece in pieces(found, study):
        reason = _of_piece(piece)
        if reason:
            faults.setdefault(reason, []).append(piece.place)
    return [f"{_named(names)}: {reason}; make it again" for reason, names in faults.items()]


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _of_result(folder: Path) -> str:
    """Return why the command of a result would not make it; empty if it would or none is recorded."""
    from adaptive.commands.simulate import stored
    from adaptive.oc.pieces import read_json_or_nothing

    manifest = read_json_or_nothing(folder / MANIFEST)
    on_demand, recorded = manifest.get("until") is not None, manifest.get("config_sha256")
    return _judged(
        manifest.get("command"), "simulate", lambda config: sha256_data(stored(config, on_demand)) == recorded
    )


def _of_piece(piece: Any) -> str:
    """Return why the command of a piece of evidence asks for something else than what is stored."""
    command, content = piece.content.get("command"), piece.content
    if piece.kind == "sensitivity":
        factors = content["factors"]
        return _judged(
            command, piece.kind, lambda declared: all(declared.get(f["name"]) == f for f in factors)
        )
    if piece.kind not in ("audit", "nulls"):
        return ""
    return _judged(command, piece.kind, lambda config: finite_or_null(config) == content.get("settings"))


def _judged(command: Any, kind: str, is_same: Callable[[Any], bool]) -> str:
    """Return why a command does not compose to what is stored; empty if it does."""
    from adaptive.oc.places import words_of

    words = words_of(command) if isinstance(command, str) else []
    if words[:2] != ["adaptive", kind]:
        return ""
    try:
        return "" if is_same(_composed(kind, words[2:])) else _OTHER
    except BadInput as error:
        return f"its command cannot be given here ({error.faults[0]})"


def _composed(kind: str, words: Sequence[str]) -> Any:
    """Return the configuration that a command composes here; the factors of a sensitivity analysis."""
    if kind == "audit":
        words = [word for word in words if word.startswith("-") or "=" in word]
    given = split_arguments(words)
    if kind == "sensitivity":
        return _factors(given)
    return compose_one("config" if kind == "simulate" else kind, given.overrides, given.config_dir)


def _factors(given: Arguments) -> dict[str, Any]:
    from adaptive.commands.sensitivity import declared_factors

    return {
        name: json.loads(json.dumps(finite_or_null(item))) for name, item in declared_factors(given).items()
    }
