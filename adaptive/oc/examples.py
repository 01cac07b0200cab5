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


def examples_part(source: Source, tables: dict[str, pd.DataFrame]) -> dict:
    """Return the examples of a report.

    Returns
    -------
    ``items``: per example ``id``, ``item`` (number among the kinds that a reviewer expects), ``title``,
    ``near`` (whether it is a substitute), ``why``, ``share`` (of the result's trials: estimate, MCSE, limits,
    ``n``, ``m``), ``design``, ``scenario``, ``trial``, ``seed``, ``made_by`` (the command of the result),
    ``command`` (shows the trial), ``stored``, ``story`` and ``remarks`` (sentences), ``looks`` and ``end``
    (see ``examples_course``), ``overlay`` (see ``examples_curves``). ``absent``: ``item``, ``title`` and
    ``why`` of kinds that are not shown. ``priors``: per design the prior density. ``notes``: why something is
    missing. ``tables``: ``examples``, the shares.
    """
    del tables
    notes: list[str] = []
    if source.makers.design is None:
        why = "the report was made without the means to build a design from its stored configuration"
        return _content([], [_absent(k.item, k.title, why) for k in KINDS], {}, notes)
    extra, left_out = examples_pairs.variants(source)
    notes += left_out
    items, absent = [], []
    for kind in KINDS:
        made, reason = _examples(kind, source, extra, notes)
        items += made
        absent += [_absent(kind.item, kind.title, reason)] if reason else []
    absent += [_absent(*entry) for entry in NOT_AVAILABLE]
    return _content(items, absent, _priors(source, extra, items), notes)


def _content(items: list[dict], absent: list[dict], priors: dict, notes: list[str]) -> dict:
    shares = [
        row("example_share", item["_share"], level=item["id"])
        | {"scenario": item["scenario"], "design": item["design"]}
        for item in items
    ]
    shown = [{name: value for name, value in item.items() if name != "_share"} for item in items]
    return {
        "items": shown,
        "absent": sorted(absent, key=lambda entry: entry["item"] or 99),
        "priors": priors,
        "notes": list(dict.fromkeys(notes)),
        "tables": {"examples": tidy(shares)},
    }


def _absent(item: int, title: str, why: str) -> dict:
    return {"item": item, "title": title, "why": why}


def _examples(
    kind: Kind, source: Source, extra: Sequence[CellResult], notes: list[str]
) -> tuple[list[dict], str]:
    """Return the examples of a kind, or why there is none."""
    try:
        if kind.name == DRIFT and (pair := examples_pairs.find_pair([*source.results, *extra])):
            return _both(kind, pair, source.makers), ""
        results = [*source.results, *extra] if kind.name == OVERRUN else source.results
        found = find(kind, results)
        if found is None:
            possible = any(kind.where(result) for result in results)
            return [], "no trial of the results is of this kind" if possible else kind.nowhere
        item = _item(kind, found, _course(found.result, found.trial, source.makers))
    except BadInput as error:
        return [], f"the trial cannot be shown: {error}"
    if kind.name == DRIFT:
        notes.append(
            "No design with a time-adjusted model among the results: the example of drift shows what it does "
            "to an unadjusted analysis, not what an adjusted one would have said of the same trial."
        )
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
        "trial": found.trial,
        "seed": int(found.result.manifest["seed"]),
        "made_by": "sensitivity" if examples_pairs.SENSITIVITY in found.result.path.parts else "simulate",
        "command": shlex.join(["adaptive", "replay", str(found.result.path), f"trial={found.trial}"]),
        "stored": course["stored"],
        "story": examples_text.story(course),
        "remarks": REMARKS[kind.name](found.result, course),
        "looks": [look | {"said": examples_text.look_sentence(look)} for look in course["looks"]],
        "end": course["end"],
        "overlay": overlay(course),
    }


def _both(kind: Kind, pair: examples_pairs.Pair, makers: Makers) -> list[dict]:
    """Return the same trial without and with a time trend in the model."""
    plain = _course(pair.plain, pair.trial, makers)
    adjusted = _course(pair.adjusted, pair.trial, makers)
    share, reverse = examples_text.counted(pair.corrected), examples_text.counted(pair.reverse)
    why = (
        "The same arriving patients, with the same outcome under each arm, in two designs that differ in the "
        "analysis model alone: "
        f"{pair.plain.design} and {pair.adjusted.design}, which tells periods of entry apart. Trials in "
        f"which only the former made a false claim: {share}. The reverse, a false claim by the latter "
        f"alone: {reverse}. {examples_text.compared(pair.difference)}"
    )
    tier = replace(kind.tiers[0], words="")
    items = []
    for suffix, title, result, course in (
        ("unadjusted", "A drift misleads the analysis", pair.plain, plain),
        ("adjusted", "The same trial with periods of entry in the model", pair.adjusted, adjusted),
    ):
        item = _item(kind, Found(result, pair.trial, tier, pair.corrected), course)
        remarks = item["remarks"] if suffix == "unadjusted" else corrected(plain, adjusted)
        items.append(item | {"id": f"{kind.name}-{suffix}", "title": title, "why": why, "remarks": remarks})
    return items


def _priors(source: Source, extra: Sequence[CellResult], items: Sequence[dict]) -> dict[str, dict]:
    """Return the prior density under each design that an example shows, each model drawn once."""
    known: dict[str, dict | None] = {}
    priors: dict[str, dict] = {}
    for result in [*source.results, *extra]:
        if result.design in priors or result.design not in {item["design"] for item in items}:
            continue
        model = json.dumps([result.config.get("model"), (result.config.get("design") or {}).get("periods")])
        if model not in known:
            known[model] = prior_density(source.makers.design(result.config))
        if known[model] is not None:
            priors[result.design] = known[model]
    return priors
