"""Splits a command's arguments: flags, Hydra overrides, positional paths. Knows no configuration."""

import argparse
from collections.abc import Sequence
from typing import NamedTuple, NoReturn

from adaptive.errors import BadInput, did_you_mean

PASSED_ON = ("--cfg", "-c", "--info", "-i", "--hydra-help", "--shell-completion", "-sc")
"""Flags that Hydra answers by itself."""
FLAGS = ("--multirun", "-m", "--config-dir", "-cd", "--help", "-h", *PASSED_ON)


class Arguments(NamedTuple):
    """What a command was given.

    Attributes
    ----------
    overrides
        ``key=value`` texts, in order.
    multirun
        Whether ``--multirun`` was given.
    config_dir
        Folder with more YAML files, or ``None``.
    passed_on
        Whether Hydra itself is asked for something.
    """

    overrides: tuple[str, ...]
    multirun: bool
    config_dir: str | None
    passed_on: bool


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BadInput(message)


def split_arguments(argv: Sequence[str]) -> Arguments:
    """Return the flags and overrides of a command that Hydra configures.

    Raises
    ------
    BadInput
        For an unknown flag, or an argument that is not ``key=value``.
    """
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("--multirun", "-m", action="store_true")
    parser.add_argument("--config-dir", "-cd")
    for flags in (("--cfg", "-c"), ("--package", "-p"), ("--info", "-i")):
        parser.add_argument(*flags, nargs="?", const="all")
    for flags in (("--resolve",), ("--hydra-help",), ("--shell-completion", "-sc")):
        parser.add_argument(*flags, action="store_true")
    given, rest = parser.parse_known_args(list(argv))
    passed_on = bool(given.cfg or given.info or given.hydra_help or given.shell_completion)
    faults = [_stranger(item) for item in rest if not passed_on and not _is_override(item)]
    if faults:
        raise BadInput(faults)
    return Arguments(tuple(rest), given.multirun, given.config_dir, passed_on)


def _is_override(item: str) -> bool:
    return item.startswith("~") or ("=" in item and not item.startswith("-"))


def _stranger(item: str) -> str:
    if item.startswith("-"):
        return f"{item}: there is no such flag{did_you_mean(item.partition('=')[0], FLAGS)}"
    return f"{item}: give settings as key=value, for example n_trials=1000"


def split_settings(argv: Sequence[str], known: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return paths and ``key=value`` settings of a command that Hydra does not configure.

    Parameters
    ----------
    argv
        The command's arguments.
    known
        Names of its settings.

    Raises
    ------
    BadInput
        For flags and unknown settings, all at once.
    """
    paths, settings, faults = [], {}, []
    for item in argv:
        name, is_setting, value = item.partition("=")
        if item.startswith("-"):
            faults.append(f"{item}: there is no such flag; this command takes {_taken(known)}")
        elif not is_setting or "/" in name:
            paths.append(item)
        elif name not in known:
            hint = did_you_mean(name, known)
            faults.append(f"{item}: there is no such setting; this command takes {_taken(known)}{hint}")
        else:
            settings[name] = value
    if faults:
        raise BadInput(faults)
    return paths, settings


def _taken(known: Sequence[str]) -> str:
    return " and ".join(f"{name}=..." for name in known)
