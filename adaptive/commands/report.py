"""``adaptive report``: tables and figures from stored results alone; refuses what cannot be trusted."""

import datetime
from collections.abc import Sequence
from pathlib import Path

from adaptive.commands.arguments import split_settings
from adaptive.errors import BadInput

DRAFT = "--draft"


def main(argv: Sequence[str]) -> int:
    """Run the command; returns the exit code."""
    rest = [item for item in argv if item != DRAFT]
    paths, settings = split_settings(rest, ("output", "dossier", "date"))
    if not paths:
        raise BadInput("no result came; give one or more folders of results, for example results/brain_srs")
    faults = [
        f"{path}: there is no such folder; give a folder of results"
        for path in paths
        if not Path(path).is_dir()
    ]
    if faults := faults + _date_faults(settings.get("date")):
        raise BadInput(faults)
    from adaptive.commands.reporting import write_report

    folders = [Path(path) for path in paths]
    output = settings.get("output") or (folders[0] / "report" if len(folders) == 1 else Path("report"))
    write_report(
        folders,
        output,
        study_folder(folders),
        dossier=settings.get("dossier"),
        date=settings.get("date"),
        draft=DRAFT in argv,
    )
    return 0


def study_folder(folders: Sequence[Path]) -> Path | None:
    """Return the folder of the study if it is the one that was given.

    A study's folder holds designs, which hold scenarios, so a manifest lies two levels below it.
    """
    if len(folders) != 1 or not any(folders[0].glob("*/*/manifest.json")):
        return None
    return folders[0]


def _date_faults(given: str | None) -> list[str]:
    """Return a fault if a day was given that is none."""
    if given is None:
        return []
    try:
        is_plain = datetime.date.fromisoformat(given).isoformat() == given
    except ValueError:
        is_plain = False
    return [] if is_plain else [f"date: {given!r} is no day; give YYYY-MM-DD"]
