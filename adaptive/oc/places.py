"""Name folders and recorded commands as in a fresh checkout, not as on the machine that ran them.

A study lies in ``results/STUDY`` there, its report and its evidence below it. Must not look at numbers.
"""

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from adaptive.io.store import MANIFEST

ROOT = "results"
_OF_STUDY = ("audit", "truth")
"""Commands that are given the folder of a study and write into it."""
_FOLDERS = ("--config-dir", "-cd")
_REPORTS = ("report.output",)
"""Settings of a simulation's own report, which the last commands make anew in its place."""


def study_place(study: str) -> str:
    """Return where a study lies in a fresh checkout."""
    return f"{ROOT}/{study}"


def place_of(manifest: Mapping) -> str:
    """Return where a result lies in a fresh checkout."""
    return f"{study_place(manifest['study'])}/{manifest['design']['name']}/{manifest['scenario']}"


def places_of(found: Sequence[Path]) -> dict[str, str]:
    """Return the folders that hold results, and what they are called in a fresh checkout.

    A result whose manifest cannot be read has no name there; whoever reads it says so.

    Parameters
    ----------
    found
        Folders of results, absolute.
    """
    named = {}
    for folder in found:
        try:
            manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            own = place_of(manifest)
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if folder.parts[-2:] == tuple(own.split("/")[-2:]):
            folder, own = folder.parents[1], study_place(manifest["study"])
        named[str(folder)] = own
    return named


def called(path: Path | str, places: Mapping[str, str]) -> str:
    """Return what a file or folder is called: by its study, else relative as given, else by its last name."""
    whole = Path(path).resolve()
    for folder, name in places.items():
        if whole.is_relative_to(folder):
            return (Path(name) / whole.relative_to(folder)).as_posix()
    return portable(Path(path).as_posix())


def portable(path: str) -> str:
    """Return a path that exists nowhere else by its last name, another as it stands."""
    parts = Path(path)
    return parts.name if parts.is_absolute() or ".." in parts.parts else path


def words_of(command: str) -> list[str]:
    """Return the words of a command line, quoted ones whole; split at blanks where quotes do not close."""
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()


def again(command: str, study: str, output: str | None = None) -> str:
    """Return a recorded command with the folders of a fresh checkout.

    Parameters
    ----------
    command
        Command line as it was given.
    study
        Name of the study.
    output
        What the command is to write to; ``results``, or the study's folder of a command that takes one, if
        not given.
    """
    words = words_of(command)
    if len(words) < 2:
        return command
    return shlex.join(_moved(words, study_place(study) if words[1] in _OF_STUDY else ROOT, output))


def _moved(words: Sequence[str], place: str, output: str | None) -> list[str]:
    """Return the words of a command with its folders moved."""
    takes_study, moved, is_folder = place != ROOT, list(words[:2]), False
    for word in words[2:]:
        key, is_setting, value = word.partition("=")
        if key == "output" and is_setting:
            moved.append(f"output={output or place}")
        elif key in _REPORTS:
            continue
        elif is_setting:
            moved.append(f"{key}={portable(value)}")
        elif takes_study and not word.startswith("-"):
            moved.append(output or place)
        else:
            moved.append(portable(word) if is_folder else word)
        is_folder = word in _FOLDERS
    if output and not takes_study and f"output={output}" not in moved:
        moved.append(f"output={output}")
    return moved
