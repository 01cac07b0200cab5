"""Composes the configurations of a design in declared scenarios, given by name or by an experiment."""

from collections.abc import Sequence
from typing import Any

from adaptive.cli import set_precision
from adaptive.commands.arguments import Arguments
from adaptive.config.compose import compose_one, compose_sweep, options
from adaptive.config.schema_commands import PRECISIONS
from adaptive.errors import BadInput, did_you_mean


def first_config(name: str, arguments: Arguments) -> dict[str, Any]:
    """Return the command's configuration, with one of its scenarios, and set the precision.

    Raises
    ------
    BadInput
        With every fault of the overrides.
    """
    if arguments.multirun or arguments.passed_on:
        raise BadInput(
            "this command runs once and answers no questions about Hydra; give settings as key=value"
        )
    config = compose_one(name, arguments.overrides, arguments.config_dir)
    precision = config.get("precision")
    if precision not in PRECISIONS:
        hint = did_you_mean(str(precision), PRECISIONS)
        raise BadInput(f"precision: {precision!r} is not allowed; give one of {', '.join(PRECISIONS)}{hint}")
    set_precision(precision)
    return config


def scenario_configs(
    name: str, arguments: Arguments, chosen: Sequence[str] | None, key: str
) -> list[dict[str, Any]]:
    """Return a configuration per scenario.

    Parameters
    ----------
    name
        The command's primary file.
    arguments
        What it was given.
    chosen
        Names of scenarios; ``None`` for those of the experiment, or the one of ``scenario=``.
    key
        The setting that ``chosen`` comes from, for messages.

    Raises
    ------
    BadInput
        For a scenario that does not exist.
    """
    if chosen is None:
        cells = compose_sweep(name, arguments.overrides, config_dir=arguments.config_dir).cells
        return [cell.config for cell in cells]
    known = options("scenario", arguments.config_dir)
    if faults := [
        f"{key}: {item!r} is not a scenario; give some of {', '.join(known)}{did_you_mean(item, known)}"
        for item in chosen
        if item not in known
    ]:
        raise BadInput(faults)
    given = [item for item in arguments.overrides if not item.startswith("scenario=")]
    return [compose_one(name, [*given, f"scenario={item}"], arguments.config_dir) for item in chosen]
