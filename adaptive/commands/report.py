"""``adaptive report``: tables and figures from stored results alone."""

from collections.abc import Sequence
from pathlib import Path

from adaptive.commands.arguments import split_settings
from adaptive.errors import BadInput


def main(argv: Sequence[str]) -> int:
    """Run the command; returns the exit code."""
    paths, settings = split_settings(argv, ("output",))
    if not paths:
        raise BadInput("no result came; give one or more folders of results, for example results/brain_srs")
    if missing := [path for path in paths if not Path(path).is_dir()]:
        raise BadInput([f"{path}: there is no such folder; give a folder of results" for path in missing])
    from adaptive.commands.simulate import write_report

    output = settings.get("output") or (Path(paths[0]) / "report" if len(paths) == 1 else Path("report"))
    write_report([Path(path) for path in paths], output)
    return 0
