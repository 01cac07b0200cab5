"""``adaptive posterior``: a table of events and exposure in, a posterior out."""

from collections.abc import Sequence

from adaptive.commands.arguments import split_arguments
from adaptive.commands.preparing import prepare


def main(argv: Sequence[str]) -> int:
    """Run the command; returns the exit code."""
    config = prepare("table", split_arguments(argv))
    from adaptive.config.build_requests import build_fit
    from adaptive.posterior.table import run

    asked = build_fit(config)
    run(asked.input, asked.engine, asked.output, asked.seed)
    print(f"posterior: {asked.output}")
    return 0
