"""What the report says of searches of the null space that lie in ``nulls/`` beside the results of a study.

A search belongs to the results if it is of one of their designs, as configured there, or with futility not
followed; started from one of their scenarios; and was made by the same simulation code.
"""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from adaptive.errors import BadInput
from adaptive.oc.evidence import or_draft, read_evidence, simulation_code
from adaptive.oc.load import CellResult
from adaptive.oc.null_space_store import GLOBAL, SUMMARY
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
    """Return ``lead``, ``messages``, ``searches`` (a dictionary each) and the table ``null_space``.

    Raises
    ------
    BadInput
        If a search was altered, unless a draft is made.
    """
    del tables
    found, messages = or_draft(source, lambda: fitting_searches(source.folder, source.results))
    if not found:
        return {"lead": [NOT_SEARCHED, *messages], "messages": messages, "searches": [], "tables": {}}
    frames = [_frame(search) for search in found]
    searches = [_described(search) for search in found]
    return {
        "lead": messages,
        "messages": messages,
        "searches": searches,
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
            found.append(content | {"variant": variant, "folder": file.parent.name})
    if faults:
        raise BadInput(faults)
    return sorted(found, key=lambda item: (item["settings"]["design"]["name"], item["variant"])), messages


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
    """Return the points of both stages with the design, and texts to print."""
    rows = search["rows"]
    frame = pd.DataFrame(rows)
    numbers = ("estimate", "mcse", "lower", "upper", "n", "false_claims")
    frame["text"] = [cell_text(*(row[name] for name in numbers)) for row in rows]
    frame.insert(0, "variant", search["variant"])
    frame.insert(0, "design", search["settings"]["design"]["name"])
    return frame


def _described(search: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the report prints of a search."""
    kept = (
        "error",
        "target",
        "factors",
        "patterns",
        "drift_months",
        "stage_1",
        "stage_2",
        "scope",
        "warning",
    )
    kept += ("excess_of_stage_1", "simultaneous_upper_bound", "simultaneous_confidence", "verdict")
    return {
        **{name: search[name] for name in kept},
        "design": search["settings"]["design"]["name"],
        "scenario": search["settings"]["scenario"]["name"],
        "variant": search["variant"],
        "classes": classes(search),
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
        "marked drift": [row for row in second if row["marked_drift"]],
    }
    return [{"kind": kind, **_largest(rows, search)} for kind, rows in kinds.items() if rows]


def _largest(rows: Sequence[Mapping[str, Any]], search: Mapping[str, Any]) -> dict[str, Any]:
    worst = max(rows, key=lambda row: row["estimate"])
    given = [(factor, worst[_label(factor)]) for factor in search["factors"] if _label(factor) in worst]
    place = [worst["nulls"], *(_in_words(factor, value) for factor, value in given)]
    numbers = ("estimate", "mcse", "lower", "upper", "n", "false_claims")
    return {
        "place": "; ".join(place),
        "text": cell_text(*(worst[name] for name in numbers)),
        "estimate": worst["estimate"],
        "upper": worst["simultaneous_upper"],
        "n": worst["n"],
    }


def _in_words(factor: Mapping[str, Any], value: float) -> str:
    """Return a factor's value in words: a hazard ratio, or a multiple of what the scenario has."""
    if factor["kind"] == "effect":
        return f"hazard ratio of the cells with a benefit {value:.2f}"
    name = factor["kind"] if factor["name"] == "all" else factor["name"]
    return f"{name} ×{value:.2f}"


def _label(factor: Mapping[str, Any]) -> str:
    return factor["kind"] if factor["name"] == "all" else f"{factor['kind']}:{factor['name']}"
