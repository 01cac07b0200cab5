"""Simulate a random sample of the trials behind a report again, and compare every number stored of them."""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from tqdm import tqdm

from adaptive.design.protocol import Design
from adaptive.errors import BadInput
from adaptive.oc.reverify import Check, Places, same_platform
from adaptive.oc.reverify_trials import (
    DETECTION,
    TOLERANCE,
    Compared,
    choose_trials,
    compare_manifest,
    compare_trials,
    compare_truth,
    detectable,
    failed_trials,
    try_failed,
)
from adaptive.scenario.truth import Scenario


class Cell(NamedTuple):
    """A stored result to be checked: folder, name, manifest, configuration, its stored and failed trials."""

    path: Path
    name: str
    manifest: dict[str, Any]
    config: dict[str, Any]
    trials: np.ndarray
    failed: np.ndarray


class Machine(NamedTuple):
    """The machine that checks: the device that simulates, and what ``io.manifest.machine`` tells."""

    device: str
    parts: Mapping[str, Any]


MALFORMED = (KeyError, TypeError, AttributeError)
"""What a manifest of another shape raises when it is read."""
Build = Callable[[Mapping[str, Any]], tuple[Design, Scenario]]


def read_cells(places: Places) -> tuple[list[Cell], list[str]]:
    """Return the cells that can be read, and a line for each that cannot."""
    cells, faults = [], []
    for entry in places.manifest["results"]:
        path, name = places.result(entry), f"{entry['design']}/{entry['scenario']}"
        try:
            manifest = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
            config = yaml.safe_load((path / "config.yaml").read_text(encoding="utf-8"))
            trials = pq.read_table(path / "trials.parquet", columns=["trial"])["trial"].to_numpy()
            failed = failed_trials(manifest)
        except (OSError, ValueError, yaml.YAMLError, pa.ArrowException, *MALFORMED) as error:
            faults.append(f"{name}: cannot be read ({type(error).__name__}: {error})")
            continue
        if isinstance(config, dict) and isinstance(manifest, dict) and trials.size:
            cells.append(Cell(path, name, manifest, config, trials, failed))
        else:
            faults.append(f"{name}: holds no configuration or no trial")
    return cells, faults


def check_trials(
    places: Places,
    build: Build,
    *,
    n_trials: int | None,
    seed: int,
    machine: Machine,
    progress: bool = True,
    **options: Any,
) -> tuple[Check, Check]:
    """Return the check of the true values and that of the trials.

    Parameters
    ----------
    places
        Where the results lie.
    build
        Sets the precision of a configuration and makes its design and scenario.
    n_trials
        Trials to be simulated again over all cells, each cell at least one; ``None`` for all.
    seed
        Seed of their choice.
    machine
        The machine that checks, which decides whether numbers must be exactly equal.
    progress
        Whether to show a progress bar on standard error.
    **options
        Passed on to ``compare_trials`` and ``try_failed``.
    """
    cells, faults = read_cells(places)
    counts = {cell.name: cell.trials.size for cell in cells}
    total = sum(counts.values()) if n_trials is None else n_trials
    chosen = choose_trials(counts, total, seed) if n_trials is not None else _all(counts)
    truths, found = [], []
    title = "trials simulated again"
    with tqdm(
        total=sum(map(len, chosen.values())), desc=title, unit="trial", file=sys.stderr, disable=not progress
    ) as bar:
        for cell in cells:
            numbers = np.sort(cell.trials)[chosen[cell.name]]
            lost = _lost(cell, None if n_trials is None else len(numbers), seed)
            truth, trials = _check_cell(cell, build, numbers, lost, machine, options)
            truths.append(truth)
            found.append(trials)
            bar.update(len(numbers))
    notes = (*_notes(cells, chosen, machine), *(note for trials in found for note in trials.notes))
    return _truth_check(truths), _trial_check(cells, chosen, found, faults, notes)


def _all(counts: Mapping[str, int]) -> dict[str, np.ndarray]:
    return {name: np.arange(count) for name, count in counts.items()}


def _lost(cell: Cell, n_trials: int | None, seed: int) -> np.ndarray:
    """Return failed trials to try again: all, or as many as there are trials in the sample of the cell."""
    if not cell.failed.size or n_trials is None:
        return cell.failed
    return cell.failed[choose_trials({cell.name: cell.failed.size}, n_trials, seed)[cell.name]]


def _check_cell(
    cell: Cell, build: Build, trials: np.ndarray, lost: np.ndarray, machine: Machine, options: dict
) -> tuple[Compared, Compared]:
    """Compare truth and trials of one cell; a configuration that cannot be built is a difference."""
    try:
        design, scenario = build(cell.config)
        section = cell.config.get("design") or {}
        stored = json.loads((cell.path / "truth.json").read_text(encoding="utf-8"))
        horizon, absent = section.get("horizon_months", 24.0), section.get("absent_channels") or ()
        truth = compare_truth(stored, design, scenario, horizon, absent)
        truth = _joined(truth, compare_manifest(cell.manifest, cell.config, design, cell.trials.size))
        tolerance = 0.0 if same_platform(cell.manifest, machine.device, machine.parts) else TOLERANCE
        seed = int(cell.config.get("seed", cell.manifest.get("seed")))
        keep_looks = cell.config.get("keep_looks", (cell.manifest.get("identity") or {}).get("keep_looks"))
        made = compare_trials(
            cell.path,
            design,
            scenario,
            seed,
            trials,
            keep_looks=bool(keep_looks),
            tolerance=tolerance,
            **options,
        )
        made = _joined(made, try_failed(cell.manifest, design, scenario, seed, lost, **options))
    except (BadInput, ValueError, TypeError, OSError, pa.ArrowException) as error:
        faults = error.faults if isinstance(error, BadInput) else [f"{type(error).__name__}: {error}"]
        return Compared(0, []), Compared(0, [f"{cell.name}: cannot be simulated again: {f}" for f in faults])
    return _named(truth, cell.name), _named(made, cell.name)


def _named(found: Compared, name: str) -> Compared:
    return Compared(
        found.numbers,
        [f"{name}/{text}" for text in found.differences],
        tuple(f"{name}: {text}" for text in found.notes),
    )


def _joined(first: Compared, second: Compared) -> Compared:
    return Compared(
        first.numbers + second.numbers,
        first.differences + second.differences,
        first.notes + second.notes,
    )


def _truth_check(found: list[Compared]) -> Check:
    differences = [line for truth in found for line in truth.differences]
    numbers = sum(truth.numbers for truth in found)
    return Check(
        "truth",
        f"{numbers:,} true values and manifest entries made again from the configurations",
        differences,
    )


def _trial_check(
    cells: list[Cell],
    chosen: Mapping[str, np.ndarray],
    found: list[Compared],
    faults: list[str],
    notes: tuple[str, ...],
) -> Check:
    """Return the check of the trials with what a sample of this size can find."""
    n_checked, n_stored = sum(map(len, chosen.values())), sum(cell.trials.size for cell in cells)
    numbers = sum(trials.numbers for trials in found)
    compared = f"{n_checked:,} of {n_stored:,} trials simulated again, {numbers:,} numbers"
    return Check(
        "trials", compared, [*faults, *(line for trials in found for line in trials.differences)], notes
    )


def _notes(cells: list[Cell], chosen: Mapping[str, np.ndarray], machine: Machine) -> tuple[str, ...]:
    """Say what equality means here, and what a sample of this size would find."""
    exact = [same_platform(cell.manifest, machine.device, machine.parts) for cell in cells]
    equality = (
        "same packages and processor as the run: every number must be exactly equal"
        if all(exact)
        else f"{len(exact) - sum(exact)} of {len(exact)} cells were made with other packages or on another "
        f"machine: counts and decisions must be equal, other numbers to {TOLERANCE:g} (relative, or absolute "
        "below 1)"
    )
    if all(len(chosen[cell.name]) == cell.trials.size for cell in cells):
        return (equality, "every stored trial was simulated again")
    least = min(cells, key=lambda cell: len(chosen[cell.name]) / cell.trials.size)
    k, n = len(chosen[least.name]), least.trials.size
    return (
        equality,
        f"a single altered trial of {least.name} is in the sample with probability {k}/{n:,} = {k / n:.2g}; "
        f"{detectable(k, n):,} or more altered trials of it would be found with probability {DETECTION:g}; "
        "n_trials=all checks every one",
    )
