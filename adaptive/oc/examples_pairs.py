"""The same trial under two designs: without and with a model of the time trend.

Pairs are sought among the results of a study and the declared cells of its sensitivity analysis. They share
seed, scenario, looks, rules, allocation and the rest of the model, and differ in whether the model tells
periods of entry apart; so a trial number is the same trial in both.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml

from adaptive import montecarlo as mc
from adaptive.io.manifest import read_manifest
from adaptive.oc import examples_masks as masks
from adaptive.oc.evidence import or_draft
from adaptive.oc.examples_kinds import over_trials, typical
from adaptive.oc.load import YAML_LOADER, CellResult, load_cell
from adaptive.oc.looks import has_looks
from adaptive.oc.sensitivity import under
from adaptive.oc.sensitivity_store import fitting_index, place_of
from adaptive.oc.source import Source

_NAMES = ("name", "description", "periods")


class Variants(NamedTuple):
    """Results of the sensitivity analysis, the setting of each by its folder, and why some are missing."""

    results: list[CellResult]
    settings: dict[Path, str]
    notes: list[str]


class Pair(NamedTuple):
    """A trial under both designs; shares of the trials in both in which only one makes a false claim.

    ``difference`` is that of the probability of any false claim, with a time trend minus without, paired;
    ``among`` counts the pairs of results of which this one is shown.
    """

    plain: CellResult
    adjusted: CellResult
    trial: int
    corrected: mc.Estimate
    reverse: mc.Estimate
    difference: mc.Estimate
    among: int


def adjusts(config: dict) -> bool:
    """Return whether the analysis tells periods of entry apart."""
    return bool((config.get("design") or {}).get("periods"))


def lagged(config: dict) -> bool:
    """Return whether the design has delays."""
    return bool((config.get("design") or {}).get("lags"))


def variants(source: Source) -> Variants:
    """Return the declared cells of the sensitivity analysis that have a time trend or delays.

    A setting is the title of the factor and the label of the level, as in ``Accrual: half as fast``, with
    what all levels of the factor share.

    Raises
    ------
    BadInput
        If the analysis was altered, unless a draft is made.
    """
    index, messages = or_draft(source, lambda: fitting_index(source.folder, source.results))
    notes = [f"No example was sought in the sensitivity analysis: {message}" for message in messages]
    found = Variants([], {}, notes)
    if index is None:
        return found
    factors = {factor.name: factor for factor in index.factors}
    for cell in index.content["cells"]:
        path = place_of(index.folder, cell)
        config = yaml.load((path / "config.yaml").read_text(encoding="utf-8"), YAML_LOADER)
        if lagged(config) or (config.get("scenario") or {}).get("drift"):
            factor = factors[cell["factor"]]
            found.results.append(load_cell(path, read_manifest(path)))
            shared = under(factor, index.factors)
            level = f"{factor.title}: {factor.level(cell['level']).label}"
            found.settings[path] = f"{level}, under {shared}" if shared else level
    return found


def pairs(results: Sequence[CellResult]) -> list[tuple[CellResult, CellResult]]:
    """Return each result with a time trend in the model, and one without that is the same otherwise.

    What a factor shares may be simulated twice; of such results one with stored looks is taken.
    """
    drifting = [r for r in results if masks.drifts(r) and masks.adapts(r) and masks.null_somewhere(r)]
    found = []
    for adjusted in (result for result in drifting if adjusts(result.config)):
        others = [r for r in drifting if not adjusts(r.config) and _shared(r) == _shared(adjusted)]
        if others:
            found.append((max(others, key=has_looks), adjusted))
    return found


def _shared(result: CellResult) -> dict:
    """Return what a pair must have in common."""
    config = result.config
    same = ("scenario", "allocation", "rules", "looks", "seed", "precision", "posterior")
    design = {name: value for name, value in (config.get("design") or {}).items() if name not in _NAMES}
    model = {name: value for name, value in (config.get("model") or {}).items() if name != "drift"}
    return {name: config.get(name) for name in same} | {"design": design, "model": model}


def find_pair(results: Sequence[CellResult]) -> Pair | None:
    """Return a trial in which only the model without a time trend makes a false claim.

    Of all pairs the one with the largest share of such trials; of these trials those in which the arm also
    got the most patients of its subgroup go first, then the duration nearest the median.
    """
    found, possible = [], pairs(results)
    for plain, adjusted in possible:
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
            found.append(Pair(plain, adjusted, typical(plain, every), *shares, difference, len(possible)))
    return max(found, key=lambda pair: pair.corrected.estimate, default=None)
