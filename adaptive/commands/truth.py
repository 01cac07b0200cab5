"""``adaptive truth``: stored true values against a large sample of simulated patients."""

from collections.abc import Sequence

from adaptive.errors import BadInput


def main(argv: Sequence[str]) -> int:
    """Run the command; returns the exit code."""
    raise BadInput(f"{' '.join(argv)}: not available")
