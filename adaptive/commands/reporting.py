"""Make the report of stored results: gather, judge, refuse or mark as a draft, write. Computes no number."""

import datetime
import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from adaptive.errors import BadInput
from adaptive.oc.dossier import DOSSIER, load_dossier

MOST_TOLD = 8
"""Faults told in full when a simulation ends with a draft; the report lists all."""

PROGRESS = ".report-in-progress"
"""Folder within a report's where a new one is drawn before it takes the place of the former."""


def write_report(
    folders: Sequence[Path],
    output: Path | str,
    study: Path | None = None,
    *,
    dossier: Path | str | None = None,
    date: str | None = None,
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
    date
        Day that the report bears, ``YYYY-MM-DD``; today if not given.
    draft
        Whether faults are shown in a report marked as a draft.
    yielding
        Whether faults, damaged evidence among them, turn the report into a draft instead of refusing it.

    Raises
    ------
    BadInput
        With every fault, unless ``draft`` or ``yielding``.
    """
    from adaptive.commands.recreating import unmade
    from adaptive.oc.places import called, places_of
    from adaptive.oc.report_manifest import Made, write_report_manifest
    from adaptive.oc.verify import find_results

    output, found = Path(output), [folder.resolve() for folder in find_results(folders)]
    study = None if study is None else study.resolve()
    folders = _fewest([folder.resolve() for folder in folders], found, study)
    written = _dossier_file(study, dossier)
    day = date or datetime.date.today().isoformat()
    places = places_of(found)
    names = [called(folder, places) for folder in folders]
    shown = called(output, places)
    asked = [*names, f"output={shown}", f"date={day}"]
    asked += [f"dossier={called(dossier, places)}"] if dossier else []
    made = Made(folders, study, written, draft, day, _command(asked, draft), shown, unmade(found, study))
    content, parts, faults = _judged(made)
    if faults and not draft:
        if not yielding:
            raise BadInput([*faults, "add --draft to see the report with these faults marked"])
        _tell(faults, output)
        made = made._replace(draft=True, command=_command(asked, True))
        parts = _marked(content, parts, made)
    files = _render_whole(content, output, parts)
    write_report_manifest(output, made, content, found, files)
    path = output / "report.html"
    print(f"report: {path}")
    return path


def _render_whole(content: dict, output: Path, parts: list) -> list[str]:
    """Put a report in the place of a former one once all of it is there; returns its files.

    Whatever interrupts the rendering leaves the former report whole and nothing that a later one could take
    for its own.
    """
    from adaptive.oc.report_manifest import report_files

    progress = output / PROGRESS
    if progress.exists():
        shutil.rmtree(progress)
    try:
        render(content, progress, parts)
        files = report_files(progress)
        remove_old(output)
        for name in files:
            (output / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(progress / name, output / name)
    finally:
        shutil.rmtree(progress, ignore_errors=True)
    return files


def _judged(made: Any) -> tuple[dict, list, list[str]]:
    """Return content, chapters and every fault of a report.

    Damaged evidence ends a final report at the first piece; the content is then that of a draft, which goes
    without it and has all faults.
    """
    try:
        content, parts = report_content(made)
    except BadInput as error:
        if made.draft:
            raise
        content, parts = report_content(made._replace(draft=True))
        faults = content["trust"]["faults"] or list(error.faults)
        return content, parts, faults
    return content, parts, content["trust"]["faults"]


def report_content(made: Any) -> tuple[dict, list]:
    """Return content and chapters of a report; ``made`` (a ``report_manifest.Made``) says how to make it."""
    from adaptive.config.build import build_design, build_scenario
    from adaptive.oc.report_content import build_content
    from adaptive.report.chapters import chapters
    from adaptive.report.compliance import compliance_faults

    content = build_content(
        made.folders,
        build_design,
        scenario=build_scenario,
        folder=made.study,
        dossier=_read_dossier(made.dossier),
        draft=made.draft,
    )
    content["meta"]["date"] = made.date
    content["interim"] = interim_lines()
    content["trust"]["faults"] += made.unmade
    content = _named_as_shown(content, made)
    verify = shlex.join(["adaptive", "verify", made.output])
    content["commands"] |= {"report": [made.command], "verify": [verify]}
    parts = chapters(content)
    content["trust"]["faults"] += compliance_faults(parts, content)
    # The chapter that lists the faults was made before the last of them were known.
    return content, _software_again(content, parts)


def interim_lines() -> list[tuple[str, str]]:
    """Return method and settings of the sampler of real interim analyses, as shipped."""
    from adaptive.config.build_analysis import build_engine
    from adaptive.config.checks import Faults
    from adaptive.config.compose import compose_one
    from adaptive.interim.analyse import CLOSE
    from adaptive.interim.request import Sampling
    from adaptive.oc.specification_model import engine_lines

    # A design may choose an engine for its simulations; `adaptive analyse` comes before it, as here.
    config = compose_one("analyse", ["posterior=nuts", "design=srs_rar"])
    engine = build_engine(config["posterior"], Faults())
    more = (
        f"while a probability that a rule compares is within {CLOSE:g} Monte Carlo standard errors of its "
        f"threshold, the fit is made again with five times the draws, up to {Sampling().max_draws:,} a chain"
    )
    return [
        *engine_lines(engine),
        ("More draws", more),
        ("Precision of the arithmetic", str(config["precision"])),
    ]


def _software_again(content: dict, parts: list) -> list:
    from adaptive.report.chapter_software import software_chapter

    return [software_chapter(content) if part.name == "software" else part for part in parts]


def _marked(content: dict, parts: list, made: Any) -> list:
    """Mark the content of a report that was to be final as a draft's; returns its chapters."""
    content["meta"]["draft"] = True
    content["commands"]["report"] = [made.command]
    return _software_again(content, parts)


def render(content: dict, output: Path, parts: list) -> Path:
    """Write the report in all its forms."""
    from adaptive.report import render_report

    return render_report(content, output, parts)


def _named_as_shown(content: dict, made: Any) -> dict:
    """Return the content with its folders named as in a fresh checkout, wherever they lie.

    Faults and messages name files relative to the study, so that they read the same from anywhere.
    """
    from adaptive.oc.places import places_of, study_place
    from adaptive.oc.verify import find_results

    places = places_of([folder.resolve() for folder in find_results(made.folders)])
    for folder, name in places.items():
        content = renamed(content, folder, name)
    prefix = f"{study_place(content['meta']['study'])}/"
    for part, name in ((content, "warnings"), (content["audit"], "lead"), (content["trust"], "faults")):
        part[name] = [text.replace(prefix, "") for text in part[name]]
    return content


def renamed(node: Any, old: str, new: str) -> Any:
    """Return plain data and frames with ``old`` replaced by ``new`` in every text, keys too."""
    if isinstance(node, str):
        return node.replace(old, new)
    if isinstance(node, Mapping):
        return {renamed(key, old, new): renamed(item, old, new) for key, item in node.items()}
    if isinstance(node, list | tuple):
        return type(node)(renamed(item, old, new) for item in node)
    if hasattr(node, "select_dtypes"):
        texts = node.select_dtypes(exclude=["number", "bool", "datetime"]).columns
        return node.assign(**{c: node[c].map(lambda value: renamed(value, old, new)) for c in texts})
    return node


def _fewest(folders: Sequence[Path], found: Sequence[Path], study: Path | None) -> list[Path]:
    """Return the study's folder in place of all of its results, else the folders as they were given."""
    from adaptive.oc.verify import find_results

    if study is None or set(find_results([study])) != set(found):
        return list(folders)
    return [study]


def _dossier_file(study: Path | None, given: Path | str | None) -> Path | None:
    """Return the dossier given, or else the one in the study's folder, or else ``None``."""
    if given is None:
        own = None if study is None else study / DOSSIER
        return own if own is not None and own.is_file() else None
    path = Path(given)
    if not path.is_file():
        raise BadInput(f"dossier: {path} is no file; give the path of a dossier (YAML)")
    return path


def _read_dossier(path: Path | None) -> Mapping[str, Any]:
    return {} if path is None else load_dossier(path)


def _command(asked: Sequence[str], draft: bool) -> str:
    """Return the command line that makes this report from its results."""
    return shlex.join(["adaptive", "report", *asked, *(["--draft"] if draft else [])])


def remove_old(output: Path) -> None:
    """Remove the files of a former report, so that none of them seems to belong to the new one."""
    from adaptive.io.store import MANIFEST
    from adaptive.oc.report_manifest import read_report_manifest

    try:
        former = read_report_manifest(output)
    except BadInput:
        return
    for name in former["files"]:
        file = output / name
        if file.is_file() and file.resolve().is_relative_to(output.resolve()):
            file.unlink()
    (output / MANIFEST).unlink()


def _tell(faults: Sequence[str], output: Path) -> None:
    """Say on standard error why the report is a draft and how to get a final one."""
    lines = [f"draft report: {len(faults)} things stand in the way of a final one (exit code 0 all the same)"]
    lines += [f"  {fault}" for fault in faults[:MOST_TOLD]]
    if len(faults) > MOST_TOLD:
        lines.append(f"  and {len(faults) - MOST_TOLD} more; {output / 'report.html'} lists all")
    print("\n".join(lines), file=sys.stderr)
