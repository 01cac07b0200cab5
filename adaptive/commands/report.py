"""``adaptive report``: tables and figures from stored results alone; refuses what cannot be trusted."""

from collections.abc import Sequence
from pathlib import Path

from adaptive.commands.arguments import split_settings
from adaptive.errors import BadInput

DRAFT = "--draft"


def main(argv: Sequence[str]) -> int:
    """Run the command; returns the exit code."""
    rest = [item for item in argv if item != DRAFT]
    paths, settings = split_settings(rest, ("output", "dossier"))
    if not paths:
        raise BadInput("no result came; give one or more folders of results, for example results/brain_srs")
    if missing := [path for path in paths if not Path(path).is_dir()]:
        raise BadInput([f"{path}: there is no such folder; give a folder of results" for path in missing])
    from adaptive.commands.reporting import write_report

    folders = [Path(path) for path in paths]
    study = study_folder(folders)
    output = settings.get("output") or (folders[0] / "report" if len(folders) == 1 else Path("report"))
    write_report(folders, output, study, dossier=settings.get("dossier"), draft=DRAFT in argv)
    return 0


def study_folder(folders: Sequence[Path]) -> Path | None:
    """Return the folder of the study if it is the one that was given.

    A study's folder holds designs, which hold scenarios, so a manifest lies two levels below it.
    """
    if len(folders) != 1 or not any(folders[0].glob("*/*/manifest.json")):
        return None
    return folders[0]
