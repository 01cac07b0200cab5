"""What a reader of the results must know of the rules, and which scenarios the larger figures show.

Sentences and names from manifests and truths; nothing here estimates anything.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from adaptive import montecarlo as mc
from adaptive.oc.load import CellResult
from adaptive.oc.margins import claim_margin, design_margins, false_if_claimed
from adaptive.oc.metrics import row
from adaptive.oc.report_text import joined
from adaptive.oc.source import Source
from adaptive.oc.tables import tidy

STOPPING = ("futility", "harm")
UNEQUAL = "benefit in every cell, not the same in all arms"
KINDS = ("no benefit", "benefit in some cells", "benefit in every cell", UNEQUAL, "time trend")
NEAR = 0.005


def notes_part(source: Source, _: dict[str, pd.DataFrame]) -> dict:
    """Return sentences on binding rules, the scenarios that figures show, and non-inferiority.

    ``binding`` has a sentence per kind of design; ``shown`` a mapping per scenario of name and reason;
    ``margins`` the hazard ratio margin of each design that claims non-inferiority on one, and ``risk_margin``
    names designs that claim it on a risk difference.
    """
    margins = design_margins(source.results)
    return {
        "binding": binding_notes({result.design: result for result in source.results}),
        "shown": shown_scenarios(source.results),
        "margins": {name: margin for name, margin in margins.items() if np.isfinite(margin)},
        "risk_margin": [name for name, margin in margins.items() if np.isinf(margin)],
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
        "rules. What happens where they are not followed is not in these numbers: the parts on the space of "
        "nulls and on sensitivity simulate it, where that was asked for.",
        "advisory": "In {} the rules for futility and harm only advise. The main numbers ignore the advice, "
        "as a non-binding rule demands; those with advice followed stand beside them.",
        "mixed": "In {} some rules for futility or harm bind and some only advise. The main numbers obey the "
        "binding ones and ignore the advice.",
        "none": "{} cannot stop for futility or harm, so there is nothing to bind.",
    }
    return [texts[kind].format(joined(names)) for kind, names in kinds.items() if names]


def shown_scenarios(results: Sequence[CellResult]) -> list[dict]:
    """Return up to five scenarios for figures that cannot show all, one of each of ``KINDS``.

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
    if null.any():
        return "benefit in some cells"
    return UNEQUAL if _arms_differ(result) else "benefit in every cell"


def _arms_differ(result: CellResult) -> bool:
    """Whether the arms offered in a subgroup have different effects, so that allocation could favour one."""
    offered = [own[on] for own, on in zip(result.truth.log_hr, result.offered, strict=True) if on.any()]
    return any(np.ptp(own) > NEAR for own in offered)


def noninferiority_table(results: Sequence[CellResult]) -> pd.DataFrame:
    """Return how often non-inferiority on a hazard ratio is claimed, for the designs that claim it."""
    return tidy(
        [
            {"scenario": result.scenario, "design": result.design} | entry
            for result in results
            if 1 < claim_margin(result) < np.inf
            for entry in noninferiority(result)
        ]
    )


def noninferiority(result: CellResult) -> list[dict]:
    """Return how often non-inferiority is claimed, per cell with a known true hazard ratio.

    ``ni_error`` where it is at the margin or beyond, else ``ni_power``; ``ni_fwer`` is any such error in the
    trial. The level tells the margin.
    """
    beyond = false_if_claimed(result)
    level = f"margin {claim_margin(result):g}"
    rows = []
    if beyond.any():
        anywhere = mc.proportion(result.claimed[:, beyond].any(axis=1))
        rows.append(row("ni_fwer", anywhere, level=level))
    for s, b in zip(*np.nonzero(result.offered & np.isfinite(result.truth.log_hr)), strict=True):
        metric = "ni_error" if beyond[s, b] else "ni_power"
        place = {"subgroup": result.subgroups[s], "arm": result.arms[b + 1]}
        rows.append(row(metric, mc.proportion(result.claimed[:, s, b]), level=level, **place))
    return rows
