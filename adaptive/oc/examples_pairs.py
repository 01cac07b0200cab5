"""The same trial under two designs: without and with a model of the time trend.

Pairs are sought among the results of a study and those of its sensitivity analyses. They share seed,
scenario, looks, rules and allocation, and differ in the analysis model alone; so a trial number is the same
trial in both. Results that do not match their manifests are left out, with a note.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml

from adaptive import montecarlo as mc
from adaptive.errors import BadInput
from adaptive.io.store import MANIFEST
from adaptive.oc import examples_masks as masks
from adaptive.oc.examples_kinds import over_trials, typical
from adaptive.oc.load import YAML_LOADER, CellResult, load_cell
from adaptive.oc.source import Source
from adaptive.oc.verify import read_manifest

SENSITIVITY = "sensitivity"
_NAMES = ("name", "description", "periods")


class Pair(NamedTuple):
    """A trial under both designs; shares of the trials in both in which only one makes a false claim.

    ``difference`` is that of the probability of any false claim, with a time trend minus without, paired.
    """

    plain: CellResult
    adjusted: CellResult
    trial: int
    corrected: mc.Estimate
    reverse: mc.Estimate
    difference: mc.Estimate


def adjusts(config: dict) -> bool:
    """Return whether the analysis tells periods of entry apart."""
    return bool((config.get("design") or {}).get("periods"))


def lagged(config: dict) -> bool:
    """Return whether the design has delays."""
    return bool((config.get("design") or {}).get("lags"))


def variants(source: Source) -> tuple[list[CellResult], list[str]]:
    """Return results of the sensitivity analyses with a time trend or delays, and why some are left out."""
    found, notes = [], []
    root = None if source.folder is None else Path(source.folder) / SENSITIVITY
    for path, config in _configs(root) if root is not None and root.is_dir() else ():
        drifting = bool((config.get("scenario") or {}).get("drift"))
        if not (drifting or lagged(config)):
            continue
        try:
            found.append(load_cell(path, read_manifest(path)))
        except BadInput as error:
            notes.append(f"A result of the sensitivity analyses was left out: {error}")
    return found, notes


def _configs(root: Path) -> Iterator[tuple[Path, dict]]:
    """Yield every result folder below a folder with its configuration, unreadable ones left out."""
    for manifest in sorted(root.rglob(MANIFEST)):
        try:
            json.loads(manifest.read_text(encoding="utf-8"))
            config = yaml.load((manifest.parent / "config.yaml").read_text(encoding="utf-8"), YAML_LOADER)
        except (OSError, ValueError, yaml.YAMLError):
            continue
        if isinstance(config, dict) and isinstance(config.get("design"), dict):
            yield manifest.parent, config


def pairs(results: Sequence[CellResult]) -> list[tuple[CellResult, CellResult]]:
    """Return the results without and with a time trend in the model that are the same otherwise."""
    drifting = [r for r in results if masks.drifts(r) and masks.adapts(r) and masks.null_somewhere(r)]
    return [
        (plain, adjusted)
        for adjusted in drifting
        if adjusts(adjusted.config)
        for plain in drifting
        if not adjusts(plain.config) and _shared(plain) == _shared(adjusted)
    ]


def _shared(result: CellResult) -> dict:
    """Return what a pair must have in common."""
    config = result.config
    parts = {
        name: config.get(name) for name in ("scenario", "allocation", "rules", "looks", "seed", "precision")
    }
    design = {name: value for name, value in config["design"].items() if name not in _NAMES}
    return parts | {"design": design}


def find_pair(results: Sequence[CellResult]) -> Pair | None:
    """Return a trial in which only the model without a time trend makes a false claim.

    Of all pairs the one with the largest share of such trials; of these trials those in which the arm also
    got the most patients of its subgroup go first, then the duration nearest the median.
    """
    found = []
    for plain, adjusted in pairs(results):
        _, here, there = np.intersect1d(
            plain.trials["trial"], adjusted.trials["trial"], assume_unique=True, return_indices=True
        )
        false, after = masks.false_claims(plain)[here], masks.false_claims(adjusted)[there]
        undone = false & ~after & ~after.any(axis=(1, 2), keepdims=True)
        if undone.any():
            worst = over_trials(undone & masks.misled(plain)[here])
            marked = worst if worst.any() else over_trials(undone)
            every = np.zeros(plain.n_trials, bool)
            every[here] = marked
            before, then = over_trials(false), over_trials(after)
            shares = [mc.proportion(before & ~then), mc.proportion(then & ~before)]
            difference = mc.mean(then.astype(float) - before)
            found.append(Pair(plain, adjusted, typical(plain, every), *shares, difference))
    return max(found, key=lambda pair: pair.corrected.estimate, default=None)
