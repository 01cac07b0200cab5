"""What a reader of the results must know of the rules, and which scenarios the larger figures show.

Sentences and names from manifests and truths; nothing here estimates anything.
"""

import math
import re
from collections.abc import Sequence

import pandas as pd

from adaptive import montecarlo as mc
from adaptive.oc.load import CellResult
from adaptive.oc.metrics import row
from adaptive.oc.report_text import joined
from adaptive.oc.source import Source
from adaptive.oc.tables import tidy

_MARGIN = re.compile(r"^P\(HR < ([0-9.eE+-]+)\)$")
_RISK = re.compile(r"^P\(risk difference .* < ([0-9.eE+-]+)\)$")
STOPPING = ("futility", "harm")
KINDS = ("no benefit", "benefit in some cells", "benefit in every cell", "time trend")
NEAR = 0.005


def notes_part(source: Source, _: dict[str, pd.DataFrame]) -> dict:
    """Return sentences on binding rules, the scenarios that figures show, and non-inferiority.

    ``binding`` has a sentence per kind of design; ``shown`` a mapping per scenario of name and reason;
    ``risk_margin`` names designs that claim non-inferiority on a risk difference.
    """
    designs = {result.design: result for result in source.results}
    margins = {name: claim_margin(result) for name, result in designs.items()}
    rows = [
        {"scenario": result.scenario, "design": result.design} | entry
        for result in source.results
        if (margin := margins[result.design]) is not None
        for entry in noninferiority(result, margin)
    ]
    return {
        "binding": binding_notes(designs),
        "shown": shown_scenarios(source.results),
        "risk_margin": [name for name, result in designs.items() if _asks(result, _RISK)],
        "tables": {"noninferiority": tidy(rows)},
    }


def binding_notes(designs: dict[str, CellResult]) -> list[str]:
    """Return what the error rates of each design assume about its futility and harm rules."""
    kinds: dict[str, list[str]] = {"binding": [], "advisory": [], "mixed": [], "none": []}
    for name, result in designs.items():
        rules = result.manifest["design"].get("rules", [])
        binds = [bool(rule.get("binding", True)) for rule in rules if rule.get("kind") in STOPPING]
        kind = "none" if not binds else "binding" if all(binds) else "mixed" if any(binds) else "advisory"
        kinds[kind].append(name)
    texts = {
        "binding": "In {} the rules for futility and harm bind, and every error rate is that of the binding "
        "rules. If they were ignored the trial would go on and could claim more; only a design with the same "
        "rules as advice shows how much.",
        "advisory": "In {} the rules for futility and harm only advise. The main numbers ignore the advice, "
        "as a non-binding rule demands; those with advice followed stand beside them.",
        "mixed": "In {} some rules for futility or harm bind and some only advise. The main numbers obey the "
        "binding ones and ignore the advice.",
        "none": "{} cannot stop for futility or harm, so there is nothing to bind.",
    }
    return [texts[kind].format(joined(names)) for kind, names in kinds.items() if names]


def shown_scenarios(results: Sequence[CellResult]) -> list[dict]:
    """Return up to four scenarios for figures that cannot show all: no benefit, benefit, mixed, a time trend.

    Of each kind the first in print order; all scenarios if the study has four or fewer.
    """
    first = {}
    for result in results:
        first.setdefault(result.scenario, result)
    kinds = {name: _kind(result) for name, result in first.items()}
    if len(first) <= 4:
        return [{"scenario": name, "why": kind} for name, kind in kinds.items()]
    chosen = {kind: name for name, kind in reversed(kinds.items()) if kind in KINDS}
    return [{"scenario": name, "why": kinds[name]} for name in kinds if name in chosen.values()]


def _kind(result: CellResult) -> str:
    """Say what kind of truth a scenario is."""
    scenario = result.config.get("scenario")
    if isinstance(scenario, dict) and scenario.get("drift"):
        return "time trend"
    null, log_hr = result.truth.is_null[result.offered], result.truth.log_hr[result.offered]
    if null.all():
        return "harm" if (log_hr > NEAR).any() else "no benefit"
    return "benefit in some cells" if null.any() else "benefit in every cell"


def claim_margin(result: CellResult) -> float | None:
    """Return the largest hazard ratio margin above 1 of the rules that claim, or ``None``."""
    margins = [m for m in _asks(result, _MARGIN) if m > 1]
    return max(margins) if margins else None


def _asks(result: CellResult, pattern: re.Pattern) -> list[float]:
    """Return the numbers of what the efficacy rules ask, where the pattern finds one above 0."""
    rules = [r for r in result.manifest["design"].get("rules", []) if r.get("kind") == "efficacy"]
    asks = [ask for rule in rules for ask in rule.get("asks", [])]
    found = [pattern.match(str(ask.get("quantity", ""))) for ask in asks]
    return [value for match in found if match and (value := float(match[1])) > 0]


def noninferiority(result: CellResult, margin: float) -> list[dict]:
    """Return how often non-inferiority is claimed, per cell.

    ``ni_error`` where the true hazard ratio is at the margin or beyond, else ``ni_power``; the level tells
    the margin.
    """
    rows = []
    for s, subgroup in enumerate(result.subgroups):
        for b, arm in enumerate(result.arms[1:]):
            if result.offered[s, b]:
                beyond = result.truth.log_hr[s, b] >= math.log(margin) - 1e-9
                rows.append(
                    row(
                        "ni_error" if beyond else "ni_power",
                        mc.proportion(result.claimed[:, s, b]),
                        level=f"margin {margin:g}",
                        subgroup=subgroup,
                        arm=arm,
                    )
                )
    return rows
