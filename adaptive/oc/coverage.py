"""Which families of scenarios a study covers, by which scenario or evidence, and what is missing.

Families are those that regulators ask for; membership is derived from the true values, never declared.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from adaptive.errors import BadInput
from adaptive.oc.comparators import missing_comparators
from adaptive.oc.evidence import or_draft
from adaptive.oc.load import CellResult
from adaptive.oc.null_content import fitting_searches, searched_designs
from adaptive.oc.report_text import joined
from adaptive.oc.scenario_facts import Facts
from adaptive.oc.sensitivity_store import Index, fitting_index
from adaptive.oc.source import Source
from adaptive.scenario.estimand import NULL_TOLERANCE

ONLY = "only"
SPACE = "search of the null space"
ARMS = "an arm without benefit beside one that has it"
RATIO = 1.5
"""Two control hazards are unequal when their ratio between scenarios differs by more than this."""


def coverage(source: Source, facts: Mapping[str, Facts]) -> dict[str, Any]:
    """Return ``table`` (item, family, covered by) and ``missing`` by checklist item.

    Missing are families of scenarios, and kinds of comparator (item H12).
    """
    designs = list(dict.fromkeys(result.design for result in source.results))
    rows = [("G1", *row) for row in null_families(facts, _searched(source), designs)]
    rows += [("G2", *row) for row in alternative_families(facts)]
    index, _ = or_draft(source, lambda: fitting_index(source.folder, source.results))
    rows += [("G3", *row) for row in nuisance_families(source.results, facts, index)]
    missing: dict[str, list[str]] = {}
    for item, family, by in rows:
        if not by or by.startswith(ONLY):
            missing.setdefault(item, []).append(f"{family}: {by or 'not covered'}")
    if absent := missing_comparators(source.results, index):
        missing["H12"] = absent
    table = pd.DataFrame(
        [(item, family, by or "not covered") for item, family, by in rows],
        columns=["item", "family", "covered by"],
    )
    return {"table": table, "missing": missing}


def _searched(source: Source) -> dict[str, list[str]]:
    """Return what searches of nulls varied, and of which designs: kinds of partial nulls and of factors."""
    try:
        searches, _ = fitting_searches(source.folder, source.results)
    except BadInput:
        return {}
    kinds = dict.fromkeys(kind for search in searches for kind in _varied(search))
    found = {kind: [search for search in searches if kind in _varied(search)] for kind in kinds}
    return {kind: searched_designs(own) for kind, own in found.items()}


def _varied(search: Mapping[str, Any]) -> set[str]:
    partial = search["settings"]["partial"]
    kinds = {partial} if isinstance(partial, str) else set(partial)
    # Every pattern of subgroups, and of arms, is one of cells.
    kinds |= {"subgroups", "arms"} if "cells" in kinds else set()
    for factor in search["factors"]:
        in_subgroup = factor["kind"] == "hazard" and factor["name"] != "all"
        kinds.add("hazard_in" if in_subgroup else factor["kind"])
    return kinds


def null_families(
    facts: Mapping[str, Facts], searched: Mapping[str, Sequence[str]], designs: Sequence[str]
) -> list[tuple[str, str]]:
    """Return the families of nulls and what covers each.

    Parameters
    ----------
    facts
        Facts of each scenario.
    searched
        Which designs were searched while each kind of partial null or factor varied.
    designs
        Designs of the study; a search of some of them covers a family for these only.
    """
    nulls = {name: found for name, found in facts.items() if found.is_null}
    drifting = [n for n, f in nulls.items() if f.drifts or f.mix_shifts]
    plain = [n for n, f in nulls.items() if not (f.harms or f.drifts or f.mix_shifts)]
    space = {kind: _by_search(names, designs) for kind, names in searched.items() if names}
    beside = ", ".join(name for name, found in facts.items() if _beside_benefit(found))
    n_subgroups, n_arms = next(iter(facts.values())).log_hr.shape
    subgroups = space.get("subgroups") if n_subgroups > 1 else None
    return [
        ("global null", ", ".join(plain)),
        ("partial nulls over subgroups", _fullest(subgroups, _partial(facts, searched=bool(subgroups)))),
        *([(ARMS, _fullest(space.get("arms"), beside))] if n_arms > 1 else []),
        ("null with unequal baseline hazards", _fullest(", ".join(_unequal(nulls)), space.get("hazard_in"))),
        ("null with drift", _fullest(", ".join(drifting), space.get("drift"))),
        ("null with harm", ", ".join(name for name, found in nulls.items() if found.harms)),
    ]


def _by_search(names: Sequence[str], designs: Sequence[str]) -> str:
    """Return that a search covers a family, and for which designs if not for all."""
    others = [design for design in designs if design not in names]
    return f"{ONLY} for {joined(names)}: {SPACE}; not for {joined(others)}" if others else SPACE


def _fullest(*texts: str | None) -> str:
    """Return what covers a family, as a whole first; a part is marked as one only where nothing is whole."""
    found = [text for text in texts if text]
    whole = [text for text in found if not text.startswith(ONLY)]
    if not whole:
        return "; ".join(found)
    return "; ".join([*whole, *(text.removeprefix(f"{ONLY} ") for text in found if text not in whole)])


def _beside_benefit(facts: Facts) -> bool:
    """Return whether in some subgroup an arm has no benefit beside an arm that has one."""
    benefit, offered = np.nan_to_num(facts.log_hr) < -NULL_TOLERANCE, np.isfinite(facts.log_hr)
    return bool((benefit.any(axis=1) & (offered & ~benefit).any(axis=1)).any())


def _partial(facts: Mapping[str, Facts], *, searched: bool) -> str:
    """Return how many patterns of null subgroups the scenarios have, or that they have all, and which do."""
    n = next(iter(facts.values())).log_hr.shape[0]
    patterns, every = _null_patterns(facts), 2**n - 2
    if not every:
        return "one subgroup: there are none"
    n_patterns, names = len(set(patterns.values())), ", ".join(patterns)
    if n_patterns == every:
        return f"all {every} patterns in the scenarios ({names})"
    if not patterns:
        return ""
    hint = "" if searched else "; adaptive nulls searches the others"
    return f"{ONLY} {n_patterns} of {every} patterns in the scenarios ({names}){hint}"


def _null_patterns(facts: Mapping[str, Facts]) -> dict[str, tuple[bool, ...]]:
    """Return the scenarios in which some subgroups are null for every arm while others have a benefit.

    Each with the subgroups that have one.
    """
    found = {}
    for name, each in facts.items():
        benefit = (np.nan_to_num(each.log_hr) < -NULL_TOLERANCE).any(axis=1)
        if benefit.any() and not benefit.all():
            found[name] = tuple(benefit.tolist())
    return found


def _unequal(nulls: Mapping[str, Facts]) -> list[str]:
    """Return nulls whose control hazards differ between subgroups by other ratios than in another null."""
    found = []
    for one, two in combinations(nulls, 2):
        a, b = (np.array(nulls[name].baseline) for name in (one, two))
        if a.size and a.size == b.size and (a > 0).all() and (b > 0).all():
            change = np.log(b / b[0]) - np.log(a / a[0])
            if np.abs(change).max() > np.log(RATIO):
                spread = {name: np.ptp(np.log(nulls[name].baseline)) for name in (one, two)}
                found.append(max(spread, key=spread.get))
    return list(dict.fromkeys(found))


def alternative_families(facts: Mapping[str, Facts]) -> list[tuple[str, str]]:
    """Return the families of alternatives and what covers each."""
    tests: dict[str, Callable[[Facts], bool]] = {
        "uniform effect": lambda f: _is_uniform(f) and not (f.onset or f.fades),
        "effect in one subgroup only": lambda f: _n_with_benefit(f) == 1 < f.log_hr.shape[0] and not f.harms,
        "effect in some subgroups": lambda f: 1 < _n_with_benefit(f) < f.log_hr.shape[0],
        "benefit in one subgroup, harm in another": lambda f: not f.is_null and _opposed(f),
        "arms that differ": _arms_differ,
        "delayed effect": lambda f: not f.is_null and f.onset,
        "waning effect": lambda f: not f.is_null and f.fades,
    }
    shape = next(iter(facts.values())).log_hr.shape
    left_out = {family for family in tests if "subgroup" in family and shape[0] == 1}
    left_out |= {"arms that differ"} if shape[1] == 1 else set()
    rows = [
        (family, ", ".join(n for n, f in facts.items() if test(f)))
        for family, test in tests.items()
        if family not in left_out
    ]
    uniform = {n: f for n, f in facts.items() if _is_uniform(f) and not (f.onset or f.fades)}
    sizes = {round(float(np.nanmax(f.log_hr)), 6) for f in uniform.values()}
    least = max(uniform, key=lambda n: float(np.nanmax(uniform[n].log_hr))) if len(sizes) > 1 else ""
    return [*rows, ("a smaller uniform effect", least)]


def _is_uniform(facts: Facts) -> bool:
    known = facts.log_hr[np.isfinite(facts.log_hr)]
    return bool(known.size and (known < -NULL_TOLERANCE).all() and np.ptp(known) < 1e-6)


def _n_with_benefit(facts: Facts) -> int:
    return int((np.nan_to_num(facts.log_hr) < -NULL_TOLERANCE).any(axis=1).sum())


def _opposed(facts: Facts) -> bool:
    """Return whether some subgroup has a benefit and another one a harm."""
    known = np.nan_to_num(facts.log_hr)
    good, bad = (known < -NULL_TOLERANCE).any(axis=1), (known > NULL_TOLERANCE).any(axis=1)
    return bool((good & ~bad).any() and (bad & ~good).any())


def _arms_differ(facts: Facts) -> bool:
    """Return whether two arms that are offered in the same subgroup have different effects there."""
    offered = (row[np.isfinite(row)] for row in facts.log_hr)
    return any(known.size > 1 and np.ptp(known) > 1e-6 for known in offered)


def nuisance_families(
    results: Sequence[CellResult], facts: Mapping[str, Facts], index: Index | None
) -> list[tuple[str, str]]:
    """Return the families of what is not of interest and what varies each: scenarios, or a sensitivity."""
    moved = {
        "mix of subgroups": [name for name, found in facts.items() if found.mix_shifts],
        "drift over entry": [name for name, found in facts.items() if found.drifts],
        "delays of data and decisions": list(
            dict.fromkeys(r.design for r in results if (r.config.get("design") or {}).get("lags"))
        ),
    }
    rows = []
    for family, keys in _nuisances(results[0].config).items():
        by = [
            f"sensitivity: {factor.title}"
            for factor in (index.factors if index is not None else ())
            if any(text.lstrip("+~").startswith(keys) for level in factor.levels for text in level.overrides)
        ]
        rows.append((family, ", ".join([*moved.get(family, []), *by])))
    return rows


def _nuisances(config: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return families of nuisance with the settings that vary them.

    Channels that the estimand switches off stand for dropout, other channels than the endpoint for competing
    events.
    """
    design, scenario = config.get("design") or {}, config.get("scenario") or {}
    dropout = list(design.get("absent_channels") or [])
    others = [
        c for c in scenario.get("channels") or [] if c not in (*dropout, *(design.get("endpoint") or []))
    ]
    return {
        "enrolment": ("scenario.accrual",),
        "dropout": tuple(f"scenario.hazards.{channel}" for channel in dropout),
        "delays of data and decisions": ("design.lags",),
        "mix of subgroups": ("scenario.mix",),
        "competing events": tuple(f"scenario.hazards.{channel}" for channel in others),
        "drift over entry": ("scenario.drift",),
    }
