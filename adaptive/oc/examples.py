"""Worked virtual trials for the report: found in stored results, look by look, re-created by one command.

Plain data only. A kind that the results do not hold is listed with the reason; nothing is made up for it.
"""

import json
import shlex
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from adaptive.errors import BadInput
from adaptive.oc import examples_pairs, examples_text
from adaptive.oc.examples_curves import overlay, prior_density
from adaptive.oc.examples_kinds import KINDS, NOT_AVAILABLE, Found, Kind, find
from adaptive.oc.examples_remarks import REMARKS, corrected
from adaptive.oc.examples_rows import course_of
from adaptive.oc.load import CellResult
from adaptive.oc.metrics import row
from adaptive.oc.source import Makers, Source
from adaptive.oc.tables import tidy

DRIFT, OVERRUN = "drift", "overrun"
VARIED = (DRIFT, OVERRUN)
"""Kinds that are sought in the sensitivity analysis too."""


def examples_part(source: Source, tables: dict[str, pd.DataFrame]) -> dict:
    """Return the examples of a report.

    Returns
    -------
    ``items``: per example ``id``, ``item`` (number among the kinds that a reviewer expects), ``title``,
    ``near`` (whether it is a substitute), ``why``, ``share`` (of the result's trials: estimate, MCSE, limits,
    ``n``, ``m``), ``design``, ``scenario``, ``setting`` (of the sensitivity analysis; empty for results of
    the study), ``result`` (its folder), ``trial``, ``seed``, ``made_by`` (the command of the result),
    ``command`` (shows the trial), ``stored``, ``borrows`` (whether the model shares information between
    subgroups), ``story`` and ``remarks`` (sentences), ``looks`` and ``end`` (see ``examples_course``),
    ``overlay`` (see ``examples_curves``). ``absent``: ``item``, ``title`` and ``why`` of kinds that are not
    shown. ``priors``: per ``result`` the prior density. ``notes``: why something is missing. ``tables``:
    ``examples``, the shares.

    Raises
    ------
    BadInput
        If the sensitivity analysis was altered, unless a draft is made.
    """
    del tables
    notes: list[str] = []
    if source.makers.design is None:
        why = "the report was made without the means to build a design from its stored configuration"
        return _content([], [_absent(k.item, k.title, why) for k in KINDS], {}, notes)
    extra = examples_pairs.variants(source)
    notes += extra.notes
    items, absent = [], []
    for kind in KINDS:
        made, reason = _examples(kind, source, extra, notes)
        items += made
        absent += [_absent(kind.item, kind.title, reason)] if reason else []
    absent += [_absent(*entry) for entry in NOT_AVAILABLE]
    priors = _priors([*source.results, *extra.results], items, source.makers)
    return _content(items, absent, priors, notes)


def _content(items: list[dict], absent: list[dict], priors: dict, notes: list[str]) -> dict:
    shares = [
        row("example_share", item["_share"], level=item["id"])
        | {"scenario": item["scenario"], "design": item["design"]}
        for item in items
    ]
    shown = [{name: value for name, value in item.items() if name != "_share"} for item in items]
    table = tidy(shares)
    table.insert(0, "setting", [item["setting"] for item in items])
    return {
        "items": shown,
        "absent": sorted(absent, key=lambda entry: entry["item"] or 99),
        "priors": priors,
        "notes": list(dict.fromkeys(notes)),
        "tables": {"examples": table},
    }


def _absent(item: int, title: str, why: str) -> dict:
    return {"item": item, "title": title, "why": why}


def _examples(
    kind: Kind, source: Source, extra: examples_pairs.Variants, notes: list[str]
) -> tuple[list[dict], str]:
    """Return the examples of a kind, or why there is none."""
    results = [*source.results, *(extra.results if kind.name in VARIED else ())]
    try:
        if kind.name == DRIFT and (pair := examples_pairs.find_pair(results)):
            return _both(kind, pair, extra, source.makers), ""
        found = find(kind, results)
        if found is None:
            possible = any(kind.where(result) for result in results)
            return [], "no trial of the results is of this kind" if possible else kind.nowhere
        found = found._replace(setting=extra.settings.get(found.result.path, ""))
        item = _item(kind, found, _course(found.result, found.trial, source.makers))
    except BadInput as error:
        return [], f"the trial cannot be shown: {error}"
    if kind.name == DRIFT:
        notes.append(examples_text.one_analysis(len(examples_pairs.pairs(results))))
    return [item], ""


def _course(result: CellResult, trial: int, makers: Makers) -> dict:
    return course_of(result, trial, makers.design, makers.scenario)


def _item(kind: Kind, found: Found, course: dict) -> dict:
    """Return one example."""
    return {
        "id": kind.name,
        "item": kind.item,
        "title": kind.title,
        "near": found.tier.near,
        "why": examples_text.why(kind, found),
        "share": found.share._asdict(),
        "_share": found.share,
        "design": found.result.design,
        "scenario": found.result.scenario,
        "setting": found.setting,
        "result": str(found.result.path),
        "trial": found.trial,
        "seed": int(found.result.manifest["seed"]),
        "made_by": "sensitivity" if found.setting else "simulate",
        "command": shlex.join(["adaptive", "replay", str(found.result.path), f"trial={found.trial}"]),
        "stored": course["stored"],
        "borrows": course["borrows"],
        "story": examples_text.story(course),
        "remarks": REMARKS[kind.name](found.result, course),
        "looks": [look | {"said": examples_text.look_sentence(look)} for look in course["looks"]],
        "end": course["end"],
        "overlay": overlay(course),
    }


def _both(
    kind: Kind, pair: examples_pairs.Pair, extra: examples_pairs.Variants, makers: Makers
) -> list[dict]:
    """Return the same trial without and with a time trend in the model."""
    tier = replace(kind.tiers[0], words="")
    plain, adjusted = (
        Found(result, pair.trial, tier, pair.corrected, extra.settings.get(result.path, ""))
        for result in (pair.plain, pair.adjusted)
    )
    courses = [_course(found.result, pair.trial, makers) for found in (plain, adjusted)]
    why = examples_text.paired(pair, plain, adjusted)
    without = _item(kind, plain, courses[0]) | {
        "id": f"{kind.name}-unadjusted",
        "title": "A trial under a drift, analysed without periods of entry",
        "why": why,
    }
    return [
        without,
        _item(kind, adjusted, courses[1])
        | {
            "id": f"{kind.name}-adjusted",
            "title": "The same trial, analysed with periods of entry",
            "why": why,
            "remarks": corrected(*courses),
        },
    ]


def _priors(results: Sequence[CellResult], items: Sequence[dict], makers: Makers) -> dict[str, dict]:
    """Return the prior density under each result that an example is from, each model drawn once."""
    known: dict[str, dict | None] = {}
    priors: dict[str, dict] = {}
    shown = {item["result"] for item in items}
    for result in (result for result in results if str(result.path) in shown):
        periods = (result.config.get("design") or {}).get("periods")
        model = json.dumps([result.config.get("model"), periods, result.subgroups, result.arms])
        if model not in known:
            known[model] = prior_density(makers.design(result.config))
        if known[model] is not None:
            priors[str(result.path)] = known[model]
    return priors
