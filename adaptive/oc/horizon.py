"""At how many months true values are stated, and how much of a bias comes from that choice.

True hazard ratios are those of a stated horizon, while an analysis uses all follow-up it has. Where the
hazard ratio changes with time the two differ before any adaptation or borrowing. Nothing here is estimated:
limits are computed from the hazards of the scenarios, biases are taken from the tables.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from adaptive.errors import BadInput
from adaptive.oc.load import CellResult
from adaptive.oc.report_text import joined
from adaptive.oc.source import Source
from adaptive.scenario.estimand import true_log_hr

NEAR = 0.005
"""Difference of log hazard ratios below which the horizon is taken not to matter."""


def horizon_part(source: Source, tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """Return ``quantities`` (a row per kind of value), ``lead``, ``bias``, ``limits``, and ``horizon``.

    ``lead``, ``bias`` and ``limits`` are sentences: what the horizon is, what it does to a bias, and what it
    leaves open.

    ``horizon`` has a row per cell whose hazard ratio depends on the follow-up, and per design: the limit at
    the horizon and at the design's longest follow-up, what the horizon adds to the bias, and the bias against
    either. The part is empty where the true values name no horizon.
    """
    months = sorted({h for result in source.results if (h := _horizon(result))})
    if not months:
        return {"quantities": pd.DataFrame(), "lead": [], "bias": [], "limits": []}
    limits = _limits(source)
    frame = pd.DataFrame([row for result in source.results for row in _rows(result, limits, tables)])
    at = " or ".join(f"{h:g}" for h in months)
    return {
        "quantities": _quantities(source.results, at),
        "lead": [
            f"The horizon is {at} months. It is part of the true value only: an estimate uses all follow-up "
            "that the analysis has, up to the calendar limit of its design."
        ],
        "limits": [
            f"True hazard ratios are those at {at} months: where an effect changes with time, another "
            "horizon would give other biases, and may make other claims false."
        ],
        "bias": _bias_words(frame, at, source.makers.scenario is not None),
        "tables": {"horizon": frame} if len(frame) else {},
    }


def _horizon(result: CellResult) -> float | None:
    """Return the stored horizon in months, if there is one."""
    months = result.truth.content.get("horizon_months")
    return float(months) if months else None


def longest(result: CellResult) -> float | None:
    """Return the longest follow-up that the design allows, in months."""
    months = (result.config.get("design") or {}).get("max_months") or result.manifest["design"].get(
        "max_months"
    )
    return float(months) if months else None


def _limits(source: Source) -> dict[tuple[str, float], np.ndarray]:
    """Return the limits at the longest follow-up by scenario and months; designs share a scenario's truth."""
    found: dict[tuple[str, float], np.ndarray] = {}
    for result in source.results:
        full = longest(result)
        if source.makers.scenario is None or full is None or (result.scenario, full) in found:
            continue
        try:
            scenario = source.makers.scenario(result.config)
        except BadInput:
            # The declared set of scenarios says that this configuration builds none, and why.
            continue
        endpoint = tuple(result.truth.content["endpoint"])
        found[result.scenario, full] = true_log_hr(scenario, endpoint, full)
    return found


def _rows(
    result: CellResult, limits: Mapping[tuple[str, float], np.ndarray], tables: dict[str, pd.DataFrame]
) -> Iterator[dict]:
    """Yield the cells of a result whose limit at the longest follow-up is not that at the horizon."""
    horizon, full = _horizon(result), longest(result)
    limit = None if full is None else limits.get((result.scenario, full))
    if horizon is None or limit is None:
        return
    shift = limit - result.truth.log_hr
    biases = tables["estimation"]
    own = (biases.scenario == result.scenario) & (biases.design == result.design)
    biases = biases[own & (biases.metric == "bias") & (biases.level == "overall")]
    for s, b in zip(*np.nonzero(result.offered & np.isfinite(shift) & (abs(shift) >= NEAR)), strict=True):
        subgroup, arm = result.subgroups[s], result.arms[b + 1]
        found = biases[(biases.subgroup == subgroup) & (biases.arm == arm)]
        bias = float(found.estimate.iloc[0]) if len(found) else np.nan
        yield {
            "scenario": result.scenario,
            "subgroup": subgroup,
            "arm": arm,
            "design": result.design,
            "horizon": horizon,
            "log_hr": float(result.truth.log_hr[s, b]),
            "longest": full,
            "log_hr_longest": float(limit[s, b]),
            "shift": float(shift[s, b]),
            "bias": bias,
            "bias_longest": bias - float(shift[s, b]),
        }


def _quantities(results: list[CellResult], at: str) -> pd.DataFrame:
    """Return what stands for each estimand in the numbers of the report, and over which follow-up."""
    without = sorted({name for result in results for name in result.truth.content.get("cif_without", [])})
    limits = sorted({months for result in results if (months := longest(result))})
    follow_up = f"All that the deciding look sees; at most {' or '.join(f'{m:g}' for m in limits)} months"
    absent = f", {' and '.join(without)} switched off" if without else ""
    rows = [
        (
            "Hazard ratio, true value",
            "Large-sample limit of the two-arm Cox estimate, patients split 1:1, each followed unless "
            "another event ends observation; the hazard ratio itself where hazards are proportional",
            f"{at} months",
            "Which claims are false; bias and coverage",
        ),
        (
            "Hazard ratio, estimate",
            "Posterior mean of the log hazard ratio in the analysis model",
            follow_up if limits else "All that the deciding look sees",
            "Bias and coverage; the rules, as they ask",
        ),
        (
            "Cumulative incidence, true value",
            f"Probability of the endpoint by the horizon with the other events competing{absent}",
            f"{at} months",
            "True values; ideal design percentage",
        ),
        ("Cumulative incidence, estimate", _estimated(results), "\N{EN DASH}", "Rules that ask for it only"),
    ]
    return pd.DataFrame(rows, columns=["quantity", "definition", "follow_up", "used_for"])


def _estimated(results: list[CellResult]) -> str:
    """Say whether any rule asks for an incidence: no other analysis estimates one."""
    asked = {
        ask["quantity"]
        for result in results
        for rule in result.manifest["design"].get("rules", [])
        for ask in rule.get("asks", [])
    }
    found = sorted(quantity for quantity in asked if "risk" in quantity or "incidence" in quantity)
    return f"Asked by rules: {'; '.join(found)}" if found else "None: no rule and no table estimates it"


def _bias_words(frame: pd.DataFrame, at: str, built: bool) -> list[str]:
    """Say which part of a bias is the horizon's."""
    lead = f"Bias and coverage are against the true value at {at} months. "
    if not built:
        return [lead + "Whether the hazard ratio depends on the follow-up was not computed."]
    if frame.empty:
        return [
            lead + "In no scenario does the limit of the Cox estimate at the longest follow-up of the design "
            f"differ from it by {NEAR:g} or more on the log scale."
        ]
    names = joined(list(dict.fromkeys(frame.scenario)))
    return [
        lead + f"In {names} the hazard ratio changes with time, so that an analysis over a longer follow-up "
        "has another limit: that part of the bias would be there without adaptation and without borrowing. "
        "The table gives its size if everybody were followed to the calendar limit. Where the effect changes "
        "in one direction, the part lies between 0 and that size at a look, as a rule the final one, by "
        f"which every patient has been followed for {at} months or more; at earlier looks it can have the "
        "other sign and be larger. In all other cells with both limits they are within "
        f"{NEAR:g} on the log scale."
    ]
