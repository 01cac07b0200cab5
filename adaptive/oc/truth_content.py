"""What the report says of the check of true values: sentences and a table, or that there is none."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from adaptive.montecarlo import decimals_by_se, round_by_se
from adaptive.oc.evidence import or_draft
from adaptive.oc.source import Source
from adaptive.oc.truth_store import fitting_check

NOT_CHECKED = (
    "The true values are computed from the scenario's hazards and were not checked by a large sample; "
    "`adaptive truth` does so."
)
QUANTITIES = {"log_hr": "log hazard ratio", "cif": "cumulative incidence"}


def truth_part(source: Source, tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Return ``lead`` (sentences), ``messages``, ``found``, ``sound`` (nothing differs) and the table.

    Raises
    ------
    BadInput
        If the check was altered, unless a draft is made.
    """
    del tables
    content, messages = or_draft(source, lambda: fitting_check(source.folder, source.results))
    if content is None:
        return {
            "lead": [NOT_CHECKED, *messages],
            "messages": messages,
            "found": False,
            "sound": False,
            "tables": {},
        }
    here = {result.scenario for result in source.results}
    rows = [row for row in content["rows"] if row["scenario"] in here]
    frame = truth_table(rows)
    sound = not frame.differs.any()
    shown = {"truth_check": frame}
    return {"lead": told(content), "messages": [], "found": True, "sound": bool(sound), "tables": shown}


def truth_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return a row per comparison, the numbers and the texts to print."""
    frame = pd.DataFrame(rows)
    texts = [round_by_se(row["estimate"], row["mcse"]) for row in rows]
    return frame.assign(
        quantity=[QUANTITIES[name] for name in frame.quantity],
        stored_text=[_as_precise(row["stored"], row["mcse"]) for row in rows],
        text=[f"{shown} ({error})" for shown, error in texts],
    )


def _as_precise(value: float, mcse: float) -> str:
    """Return a computed value with one digit more than the estimate that it is compared with."""
    places = decimals_by_se(mcse)
    return f"{value:.{max(places or 0, 0) + 1}f}".replace("-", "\N{MINUS SIGN}")


def told(content: Mapping[str, Any]) -> list[str]:
    """Return what was compared and what came of it, as sentences."""
    rows = content["rows"]
    worst = max(rows, key=lambda row: abs(row["z"]))
    scenarios = len({row["scenario"] for row in rows})
    sentences = [
        f"{content['settings']['n_patients']:,} patients of each of {scenarios} scenarios were simulated "
        "with the generator of the virtual trials, randomised equally and followed to the horizon; "
        f"{len(rows)} log hazard ratios and cumulative incidences were compared with the true values.",
        f"Sound values would give a |z| above {content['largest_z']:.2f} anywhere with probability "
        f"{content['gamma']:g} at most (Bonferroni). The largest is {abs(worst['z']):.2f}, of the "
        f"{QUANTITIES[worst['quantity']]} in {worst['scenario']}, {worst['subgroup']}, {worst['arm']}; "
        f"the mean of z squared is {np.mean([row['z'] ** 2 for row in rows]):.2f} (1 expected).",
    ]
    differ = [row for row in rows if row["differs"]]
    if not differ:
        return [*sentences, "No stored true value differs from the sample by more than chance allows."]
    named = ", ".join(f"{r['scenario']}: {r['subgroup']}, {r['arm']}" for r in differ[:5])
    return [*sentences, f"{len(differ)} stored true values differ from the sample: {named}."]
