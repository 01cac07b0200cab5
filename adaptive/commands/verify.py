"""``adaptive verify``: whether a report says what its results say, and they what their configurations say."""

import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from adaptive.commands.arguments import split_settings
from adaptive.config.schema_commands import PRECISIONS
from adaptive.errors import BadInput

N_TRIALS = 64
ALL = "all"
LARGEST = 2**32 - 1
MOST_SHOWN = 20
"""Differences told of each check; the rest are counted."""
SAME, DIFFERENT = 0, 2


def main(argv: Sequence[str]) -> int:
    """Run the command; returns 0 if nothing differs and 2 if something does."""
    report, settings = _asked(argv)
    from adaptive.oc.report_manifest import read_report_manifest
    from adaptive.oc.reverify import (
        Places,
        check_code,
        check_configurations,
        check_made_again,
        check_report_files,
        check_results,
    )
    from adaptive.oc.reverify_run import check_trials

    manifest = read_report_manifest(report)
    moved = Path(settings["results"]) if "results" in settings else None
    places = Places(report, manifest, moved)
    n_trials = settings.get("n_trials", str(N_TRIALS))
    # Drawn anew each time: whoever knew the sample could alter any other trial.
    seed = int(settings["seed"]) if "seed" in settings else secrets.randbelow(LARGEST + 1)
    print(f"report: {report}, study {manifest['study']}, {'draft' if manifest['draft'] else 'final'}")
    print(f"manifest: SHA-256 {manifest.get('manifest_sha256')}; compare it with a copy kept elsewhere")
    print(f"sample of trials: seed {seed}; give seed={seed} to draw the same one again")
    checks = []
    for compare in (check_report_files, check_results, check_configurations, check_code):
        checks.append(compare(places))
        _tell(checks[-1])
    checks.append(check_made_again(report, places, lambda folder: _make(folder, places)))
    _tell(checks[-1])
    for check in check_trials(
        places,
        _build,
        n_trials=None if n_trials == ALL else int(n_trials),
        seed=seed,
        machine=_machine(),
        progress=sys.stderr.isatty(),
    ):
        checks.append(check)
        _tell(check)
    return _verdict(checks, manifest)


def _asked(argv: Sequence[str]) -> tuple[Path, dict[str, str]]:
    """Return the folder of the report and the settings, with every fault at once."""
    paths, settings = split_settings(argv, ("n_trials", "seed", "results"))
    faults = []
    if len(paths) != 1:
        faults.append(f"{len(paths)} reports came; give one folder, for example results/brain_srs/report")
    elif not Path(paths[0]).is_dir():
        faults.append(f"{paths[0]}: there is no such folder; give the folder of a report")
    n_trials, seed = settings.get("n_trials", "1"), settings.get("seed", "0")
    if n_trials != ALL and not (_is_number(n_trials) and int(n_trials) >= 1):
        faults.append(f"n_trials: {n_trials!r} is not allowed; give a whole number from 1, or {ALL}")
    if not (_is_number(seed) and int(seed) <= LARGEST):
        faults.append(f"seed: {seed!r} is not allowed; give a whole number from 0 to {LARGEST}")
    if "results" in settings and not Path(settings["results"]).is_dir():
        faults.append(f"results: {settings['results']} is no folder; give the folder of the study")
    if faults:
        raise BadInput(faults)
    return Path(paths[0]), settings


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _build(config: Mapping[str, Any]) -> tuple[Any, Any]:
    """Set the precision of a configuration and make its design and scenario."""
    from adaptive.cli import set_precision
    from adaptive.config.build import build_design, build_scenario

    precision = config.get("precision")
    if precision not in PRECISIONS:
        raise BadInput(f"precision is {precision!r}; allowed: {', '.join(PRECISIONS)}")
    set_precision(precision)
    return build_design(config), build_scenario(config)


def _make(folder: Path, places: Any) -> None:
    """Make the report again into a folder."""
    from adaptive.commands.reporting import render, report_content
    from adaptive.oc.report_manifest import Made

    asked = places.manifest["made"]
    made = Made(
        folders=[folder.resolve() for folder in places.folders()],
        study=study.resolve() if (study := places.study()) else None,
        dossier=places.other(asked["dossier"]) if asked["dossier"] else None,
        draft=bool(places.manifest["draft"]),
        date=asked["date"],
        command=asked["command"],
        output=asked["output"],
        unmade=asked.get("unmade", ()),
    )
    content, parts = report_content(made)
    render(content, folder, parts)


def _machine() -> Any:
    from adaptive.io.manifest import machine
    from adaptive.oc.reverify_run import Machine
    from adaptive.oc.study import device_name

    return Machine(device_name(), machine())


def _tell(check: Any) -> None:
    """Print one check."""
    state = f"{len(check.differences):,} DIFFERENT" if check.differences else "same"
    print(f"{check.name + ':':<16} {state:<14} {check.compared}")
    for note in check.notes:
        print(f"{'':<16} note: {note}")
    for line in check.differences[:MOST_SHOWN]:
        print(f"{'':<16} {line}")
    if len(check.differences) > MOST_SHOWN:
        print(f"{'':<16} and {len(check.differences) - MOST_SHOWN:,} more")


def _verdict(checks: Sequence[Any], manifest: Mapping[str, Any]) -> int:
    """Print what it all comes to; returns the exit code."""
    bad = [check.name for check in checks if check.differences]
    if bad:
        print(f"verify: something differs: {', '.join(bad)}")
        return DIFFERENT
    print("verify: nothing differs")
    if manifest["draft"]:
        print(
            "The report is a draft: it is what its results say, and they do not meet what a final one asks."
        )
    return SAME
