"""Make the report of stored results: gather, judge, refuse or mark as a draft, write. Computes no number."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adaptive.errors import BadInput

DOSSIER = "dossier.yaml"
MOST_TOLD = 8
"""Faults told in full when a simulation ends with a draft; the report lists all."""


def write_report(
    folders: Sequence[Path],
    output: Path | str,
    study: Path | None = None,
    *,
    dossier: Path | str | None = None,
    draft: bool = False,
    yielding: bool = False,
) -> Path:
    """Make the report of stored results and say where it is.

    Parameters
    ----------
    folders
        Folders of results.
    output
        Folder of the report.
    study
        Folder of the study: its dossier and the evidence of other commands are read from there.
    dossier
        Another file in place of the study's own dossier.
    draft
        Whether faults are shown in a report marked as a draft.
    yielding
        Whether faults, if there are any, turn the report into a draft instead of refusing it.

    Raises
    ------
    BadInput
        With every fault, unless ``draft`` or ``yielding``.
    """
    from adaptive.report import render_report

    content = _content(folders, study, dossier, draft)
    faults = content.get("trust", {}).get("faults", [])
    if faults and not draft:
        if not yielding:
            raise BadInput([*faults, "add --draft to see the report with these faults marked"])
        content["meta"]["draft"] = True
        _tell(faults, output)
    path = render_report(content, Path(output))
    print(f"report: {path}")
    return path


def _content(folders: Sequence[Path], study: Path | None, dossier: Path | str | None, draft: bool) -> dict:
    """Return the content of the report."""
    from adaptive.config.build import build_design, build_scenario
    from adaptive.oc.report_content import build_content

    written = read_dossier(study, dossier)
    return build_content(
        folders, build_design, scenario=build_scenario, folder=study, dossier=written, draft=draft
    )


def read_dossier(study: Path | None, given: Path | str | None) -> dict[str, Any]:
    """Return the dossier given, or else the one in the study's folder, or else none.

    Raises
    ------
    BadInput
        If a file was named and is not there, or a dossier is not a valid one.
    """
    if given is None and (study is None or not (study / DOSSIER).is_file()):
        return {}
    path = Path(given) if given is not None else study / DOSSIER
    if not path.is_file():
        raise BadInput(f"dossier: {path} is no file; give the path of a dossier (YAML)")
    from adaptive.oc.dossier import load_dossier

    return load_dossier(path)


def _tell(faults: Sequence[str], output: Path | str) -> None:
    """Say on standard error why the report is a draft and how to get a final one."""
    lines = [f"draft report: {len(faults)} thing(s) stand in the way of a final one"]
    lines += [f"  {fault}" for fault in faults[:MOST_TOLD]]
    if len(faults) > MOST_TOLD:
        lines.append(f"  and {len(faults) - MOST_TOLD} more; {Path(output) / 'report.html'} lists all")
    print("\n".join(lines), file=sys.stderr)
