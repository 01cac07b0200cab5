"""What the report says of searches of the null space that lie in ``nulls/`` beside the results of a study.

A search belongs to the results if it is of one of their designs, as configured there, or with futility not
followed; started from one of their scenarios; and was made by the same simulation code.
"""

import copy
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from adaptive.errors import BadInput
from adaptive.oc.evidence import or_draft, read_evidence, simulation_code
from adaptive.oc.load import CellResult
from adaptive.oc.null_space_search import marked_bounds
from adaptive.oc.null_space_store import SUMMARY
from adaptive.oc.null_words import (
    GLOBAL,
    edge_words,
    factor_label,
    factor_words,
    found_words,
    left_out,
    place_words,
    set_numbers,
    spread_words,
    varied_words,
)
from adaptive.oc.source import Source
from adaptive.oc.tables import cell_text

FOLDER = "nulls"
PARTS = ("design", "looks", "rules", "allocation", "model", "posterior")
"""Parts of a configuration that make a protocol."""
REMEDY = "run `adaptive nulls` again, or delete the folder"
NOT_SEARCHED = (
    "The space of nulls was not searched: the type I errors above are those of the scenarios of this study "
    "and of no other null. `adaptive nulls` searches."
)
AS_DESIGNED, IGNORED = "as designed", "futility not followed"


def null_part(source: Source, tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Return ``lead``, ``messages``, ``searches`` (a dictionary each), ``unsearched`` and ``null_space``.

    Raises
    ------
    BadInput
        If a search was altered, unless a draft is made.
    """
    del tables
    found, messages = or_draft(source, lambda: fitting_searches(source.folder, source.results))
    if not found:
        return {"lead": [NOT_SEARCHED, *messages], "messages": messages, "searches": [], "tables": {}}
    searched, ignored = (searched_designs(found, variant) for variant in (AS_DESIGNED, IGNORED))
    designs = dict.fromkeys(result.design for result in source.results)
    unsearched = [name for name in designs if name not in searched]
    frames = [_frame(search) for search in found]
    searches = [_described(search) for search in found]
    return {
        "lead": [*left_out([d for d in searched if _gives_up(d, source)], ignored, unsearched), *messages],
        "messages": messages,
        "searches": searches,
        "unsearched": unsearched,
        "tables": {"null_space": pd.concat(frames, ignore_index=True)},
    }


def fitting_searches(
    study: Path | None, results: Sequence[CellResult]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the searches that belong to the results, and a message about each that does not.

    Raises
    ------
    BadInput
        With every fault of altered ones.
    """
    files = sorted((study / FOLDER).glob(f"**/{SUMMARY}")) if study is not None else []
    found, messages, faults = [], [], []
    for file in files:
        try:
            content = read_evidence(file, REMEDY)
        except BadInput as error:
            faults += error.faults
            continue
        variant, reason = _variant(content, results)
        if variant is None:
            messages.append(f"The search of nulls in {file.parent.name} is not shown: {reason}; {REMEDY}")
        else:
            name = content["settings"]["design"]["name"]
            offered = next(result.offered for result in results if result.design == name)
            own = {"variant": variant, "folder": file.parent.name, "arms": int(offered.sum(axis=1).max())}
            found.append(content | own)
    if faults:
        raise BadInput(faults)
    return sorted(found, key=lambda item: (item["settings"]["design"]["name"], item["variant"])), messages


def _gives_up(design: str, source: Source) -> bool:
    """Return whether a design has a rule of futility that binds."""
    first = next(result for result in source.results if result.design == design)
    rules = first.manifest["design"].get("rules", [])
    return any(rule["kind"] == "futility" and rule.get("binding", True) for rule in rules)


def searched_designs(searches: Iterable[Mapping[str, Any]], variant: str = AS_DESIGNED) -> list[str]:
    """Return the designs that were searched in one form; of another design a search says nothing."""
    own = (search for search in searches if search["variant"] == variant)
    return list(dict.fromkeys(search["settings"]["design"]["name"] for search in own))


def _variant(content: Mapping[str, Any], results: Sequence[CellResult]) -> tuple[str | None, str]:
    """Return which form of a design of the results was searched, or ``None`` and why none."""
    settings = content["settings"]
    design, scenario = settings["design"]["name"], settings["scenario"]["name"]
    own = [result for result in results if result.design == design]
    if not own:
        return None, f"design {design} is not among these results"
    if {simulation_code(result.manifest) for result in own} != {simulation_code(content)}:
        return None, "it was made by another simulation code"
    if not any(r.scenario == scenario and r.config.get("scenario") == settings["scenario"] for r in results):
        return None, f"it started from a scenario {scenario} that is not among these results as it was"
    for variant, change in ((AS_DESIGNED, lambda x: x), (IGNORED, _ignoring)):
        if _protocol(settings) == change(_protocol(own[0].config)):
            return variant, ""
    return None, f"design {design} had other settings"


def _protocol(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: config.get(key) for key in PARTS}


def _ignoring(protocol: dict[str, Any]) -> dict[str, Any]:
    """Return the protocol with rules of futility that are not binding."""
    changed = copy.deepcopy(protocol)
    for rule in (changed["rules"] or {}).values():
        if isinstance(rule, dict) and "futility" in str(rule.get("kind")):
            rule["binding"] = False
    return changed


def _frame(search: Mapping[str, Any]) -> pd.DataFrame:
    """Return the points of both stages with the design, the mean of stage 1 over patterns, texts to print."""
    rows = search["rows"]
    frame = pd.DataFrame(rows)
    numbers = ("estimate", "mcse", "lower", "upper", "n", "false_claims")
    frame["set"] = set_numbers(search)
    means = frame[frame.stage == 1].groupby("set").estimate.mean()
    frame["mean_of_set"] = frame.set.map(means).where(frame.stage == 1)
    if "effect" in frame:
        frame["effect"] = frame.effect.where(frame.nulls != GLOBAL)
    frame["text"] = [cell_text(*(row[name] for name in numbers)) for row in rows]
    frame.insert(0, "variant", search["variant"])
    frame.insert(0, "design", search["settings"]["design"]["name"])
    return frame


def _described(search: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the report prints of a search."""
    kept = (
        "error",
        "target",
        "patterns",
        "drift_months",
        "stage_1",
        "stage_2",
        "scope",
        "warning",
    )
    kept += ("excess_of_stage_1", "simultaneous_upper_bound", "simultaneous_confidence", "verdict")
    design, largest = search["settings"]["design"]["name"], classes(search)
    return {
        **{name: search[name] for name in kept},
        "factors": [f | {"label": factor_label(f), "words": factor_words(f)} for f in search["factors"]],
        "varied": varied_words(search["settings"]["partial"]),
        "spread": spread_words(search),
        "edge": edge_words(search, search["worst"]),
        "found": found_words(search, f"{design} ({search['variant']})", largest[0]["text"]),
        "marked": _marked(search),
        "design": design,
        "scenario": search["settings"]["scenario"]["name"],
        "variant": search["variant"],
        "classes": largest,
    }


def classes(search: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the largest error of the second stage over all points, and over those of each kind.

    Each is an estimate on trials that had no part in choosing the point, with its simultaneous upper bound
    and its place. A kind without a point of the second stage is left out.
    """
    second = [row for row in search["rows"] if row["stage"] == 2]
    kinds = {
        "largest of all": second,
        "global null": [row for row in second if row["nulls"] == GLOBAL],
        "partial null": [row for row in second if row["nulls"] != GLOBAL],
        "arm beside a benefit": [row for row in second if row.get("beside_benefit")],
        "marked drift": [row for row in second if row["marked_drift"]],
    }
    return [{"kind": kind, **_largest(rows, search)} for kind, rows in kinds.items() if rows]


def _largest(rows: Sequence[Mapping[str, Any]], search: Mapping[str, Any]) -> dict[str, Any]:
    worst = max(rows, key=lambda row: row["estimate"])
    numbers = ("estimate", "mcse", "lower", "upper", "n", "false_claims")
    return {
        "point": worst["point"],
        "place": "; ".join(place_words(search, worst)),
        "text": cell_text(*(worst[name] for name in numbers)),
        "estimate": worst["estimate"],
        "mcse": worst["mcse"],
        "upper": worst["simultaneous_upper"],
        "n": worst["n"],
    }


def _marked(search: Mapping[str, Any]) -> str:
    """Say when a drift is marked; empty if none was varied."""
    for factor in search["factors"]:
        if factor["kind"] == "drift" and factor["high"] > factor["low"]:
            below, above = marked_bounds(factor["low"], factor["high"])
            return (
                f"A drift is marked if it multiplies the hazard of the endpoint by {below:.2f} or less, or "
                f"by {above:.2f} or more, for entries from month {search['drift_months']:g} (the outer "
                "quarters of the declared range, on the log scale)."
            )
    return ""
