"""Shell completion: command names by ourselves, everything after ``simulate`` by Hydra."""

import os
from collections.abc import Sequence

from adaptive.cli import COMMAND_HELP


def complete(argv: Sequence[str]) -> int:
    """Answer ``adaptive -sc install=bash`` and the queries that the installed script makes."""
    from adaptive.commands.simulate import launch

    line = os.environ.get("COMP_LINE")
    if line is None or not any(item.startswith("query=") for item in argv):
        launch(argv)
        return 0
    words = line.split()
    typing_command = len(words) < 2 or (len(words) == 2 and not line.endswith(" "))
    if typing_command:
        begun = words[1] if len(words) == 2 else ""
        print(" ".join(name for name in COMMAND_HELP if name.startswith(begun)))
    elif words[1] == "simulate":
        os.environ["COMP_LINE"] = line.replace(" simulate", "", 1)
        launch(argv)
    return 0
