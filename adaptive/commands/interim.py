"""``adaptive analyse`` and ``adaptive monitor``: real data in, decision and memo out."""

from collections.abc import Sequence

from adaptive.commands.arguments import split_arguments
from adaptive.commands.preparing import prepare


def analyse(argv: Sequence[str]) -> int:
    """Run one interim analysis; returns the exit code."""
    config = prepare("analyse", split_arguments(argv), posterior="nuts")
    from adaptive.config.build_requests import build_analyse
    from adaptive.interim.commands import run_analyse

    asked = build_analyse(config)
    code = run_analyse(asked.design, asked.request, asked.output)
    print(f"decision and memo: {asked.output}")
    return code


def monitor(argv: Sequence[str]) -> int:
    """Hold every look of a design on a finished trial; returns the exit code."""
    config = prepare("monitor", split_arguments(argv), posterior="nuts")
    from adaptive.config.build_requests import build_monitor
    from adaptive.interim.monitor import run_monitor

    asked = build_monitor(config)
    code = run_monitor(asked.design, asked.request, asked.output)
    print(f"looks: {asked.output}")
    return code
