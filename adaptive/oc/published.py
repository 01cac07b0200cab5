"""Published numbers against what the hazards of a scenario imply, each with the tolerance that was declared.

Closed form: nothing is simulated. A hazard that was derived from a number returns it by construction, which
checks units and transcription; a number that was not used is a check of the assumption.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from adaptive.scenario.truth import Scenario

COLUMNS = ("quantity", "scenario", "subgroup", "arm", "published", "implied", "difference", "tolerance")
MINUS = "\N{MINUS SIGN}"
MOST_MONTHS = 1200.0
"""A median beyond a hundred years is not reached."""


def check_table(
    checks: Sequence[Mapping[str, Any]], scenarios: Mapping[str, Scenario | None]
) -> pd.DataFrame:
    """Return a row per declared check, with ``within`` (yes, no, or why not computed) and the source."""
    rows = [_row(check, scenarios.get(check["scenario"])) for check in checks]
    return pd.DataFrame(rows, columns=[*COLUMNS, "within", "source"])


def _row(check: Mapping[str, Any], scenario: Scenario | None) -> list:
    channel = check.get("channel", "").replace("_", " ")
    what = f"median months to {channel}"
    if check["quantity"] == "event_free":
        what = f"free of {channel} at {check['months']:g} months"
    head = [what, check["scenario"], check["subgroup"], check["arm"], f"{check['published']:g}"]
    tail = [f"{check['tolerance']:g}"]
    missing = "the scenario is not among the results" if scenario is None else _unknown(check, scenario)
    if missing:
        return [*head, "", "", *tail, f"not computed: {missing}", check["source"]]
    implied = implied_value(check, scenario)
    if np.isinf(implied):
        return [*head, "not reached", "", *tail, "no", check["source"]]
    difference = implied - check["published"]
    told = f"{MINUS if difference < 0 else '+'}{abs(difference):.2g}"
    within = "yes" if abs(difference) <= check["tolerance"] else "no"
    return [*head, f"{implied:.3g}", told, *tail, within, check["source"]]


def _unknown(check: Mapping[str, Any], scenario: Scenario) -> str:
    """Return what a check names that the scenario does not have."""
    named = (
        ("channel", check.get("channel", ""), scenario.channels),
        ("subgroup", check["subgroup"], (*scenario.subgroups, "all")),
        ("arm", check["arm"], scenario.arms),
    )
    return "; ".join(f"no {kind} {name!r}" for kind, name, known in named if name not in known)


def implied_value(check: Mapping[str, Any], scenario: Scenario) -> float:
    """Return the share free of a channel at some months, or the median months to it, infinite if never.

    ``S(u) = sum_s m_s exp(-H_s(u))``, ``H`` the cumulative hazard of the channel alone in the first health
    state (the other channels censor, as in a Kaplan-Meier estimate), ``m`` the mix at the first entry or the
    one subgroup. Patients enter in month 0, before any drift.
    """
    share = np.asarray(scenario.population.mix)[0]
    if check["subgroup"] != "all":
        share = (np.arange(share.size) == scenario.subgroups.index(check["subgroup"])).astype(float)
    channel, arm = scenario.channels.index(check["channel"]), scenario.arms.index(check["arm"])
    rate = np.asarray(scenario.hazards.base)[0, channel] * np.exp(
        np.asarray(scenario.hazards.log_hr)[0, channel, :, arm]
    )
    cuts = np.asarray(scenario.hazards.cuts)

    def free(months: float) -> float:
        spent = np.clip(months - cuts, 0.0, np.append(np.diff(cuts), np.inf))
        return float((share * np.exp(-rate @ spent)).sum() / share.sum())

    if check["quantity"] == "event_free":
        return free(check["months"])
    if free(MOST_MONTHS) > 0.5:
        return np.inf
    low, high = 0.0, MOST_MONTHS
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if free(middle) > 0.5 else (low, middle)
    return 0.5 * (low + high)
