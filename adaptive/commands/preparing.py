"""Composes the configuration of a command that runs once, and sets the precision."""

from typing import Any

from adaptive.commands.arguments import Arguments
from adaptive.config.compose import compose_one
from adaptive.config.schema_commands import PRECISIONS
from adaptive.errors import BadInput, did_you_mean


def prepare(name: str, arguments: Arguments, **defaults: str) -> dict[str, Any]:
    """Return the values of a command.

    Parameters
    ----------
    name
        Name of its primary file.
    arguments
        What it was given.
    defaults
        Options of groups that hold unless the user chose another; they come before what a design chooses.

    Raises
    ------
    BadInput
        With every fault of the overrides.
    """
    from adaptive.cli import set_precision

    faults = ["-m: this command runs once; give one value for every setting"] if arguments.multirun else []
    faults += ["this command answers no questions about Hydra; ask `adaptive simulate`"] * arguments.passed_on
    if faults:
        raise BadInput(faults)
    chosen = {item.partition("=")[0] for item in arguments.overrides}
    added = [f"{group}={option}" for group, option in defaults.items() if group not in chosen]
    config = compose_one(name, [*added, *arguments.overrides], arguments.config_dir)
    precision = config.get("precision")
    if precision not in PRECISIONS:
        hint = did_you_mean(str(precision), PRECISIONS)
        raise BadInput(f"precision: {precision!r} is not allowed; give one of {', '.join(PRECISIONS)}{hint}")
    set_precision(precision)
    return config
