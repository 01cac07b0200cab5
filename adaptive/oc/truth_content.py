"""What the report says of the check of true values: sentences and a table, or that there is none."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from adaptive.montecarlo import decimals_by_se, round_by_se
from adaptive.oc.evidence import or_draft
from adaptive.oc.source import Source
from adaptive.oc.truth_check import SPARSE
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
    checked = {row["scenario"] for row in rows if row["z"] is not None}
    return {
        "lead": told(content | {"rows": rows}),
        "messages": [],
        "found": True,
        "sound": checked == here and not any(row["differs"] for row in rows),
        "tables": {"truth_check": truth_table(rows)} if rows else {},
    }


def truth_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return a row per true value, the numbers and the texts to print; what was not compared has no ``z``."""
    numbers = {
        name: np.array([row[name] for row in rows], float) for name in ("estimate", "mcse", "stored", "z")
    }
    frame = pd.DataFrame(rows).assign(**numbers)
    texts = [round_by_se(*pair) for pair in zip(frame.estimate, frame.mcse, strict=True)]
    return frame.assign(
        quantity=[QUANTITIES[name] for name in frame.quantity],
        stored_text=[_as_precise(*pair) for pair in zip(frame.stored, frame.mcse, strict=True)],
        text=[f"{shown} ({error})" for shown, error in texts],
    )


def _as_precise(value: float, mcse: float) -> str:
    """Return a computed value with one digit more than the estimate that it is compared with."""
    if not np.isfinite(value):
        return "\N{EN DASH}"
    places = decimals_by_se(mcse)
    text = f"{value:.4g}" if places is None else f"{value:.{max(places, 0) + 1}f}"
    return text.replace("-", "\N{MINUS SIGN}")


def told(content: Mapping[str, Any]) -> list[str]:
    """Return what was compared and what came of it, as sentences."""
    rows = content["rows"]
    with_z = [row for row in rows if row["z"] is not None]
    scenarios = len({row["scenario"] for row in rows})
    sentences = [
        f"{content['settings']['n_patients']:,} patients of each of {scenarios} scenarios were simulated "
        "with the generator of the virtual trials, randomised equally and followed to the horizon; "
        f"{len(with_z)} log hazard ratios and cumulative incidences were compared with the true values.",
        "The standard error of a cumulative incidence is the one that its true value implies; where fewer "
        f"than {SPARSE} patients are expected with the endpoint, or without it, z is the normal deviate of "
        "the exact binomial tail.",
        *_worst(with_z, content),
        *_left_out(rows),
    ]
    differ = [row for row in rows if row["differs"]]
    if differ:
        named = ", ".join(f"{r['scenario']}: {r['subgroup']}, {r['arm']}" for r in differ[:5])
        return [*sentences, f"{len(differ)} stored true values differ from the sample: {named}."]
    if not with_z:
        return [*sentences, "So no true value was checked."]
    return [*sentences, "No stored true value differs from the sample by more than chance allows."]


def _worst(rows: Sequence[Mapping[str, Any]], content: Mapping[str, Any]) -> list[str]:
    """Return what chance allows and how far off the worst value is; nothing if none was compared."""
    if not rows:
        return []
    worst = max(rows, key=lambda row: abs(row["z"]))
    return [
        f"Sound values would give a |z| above {content['largest_z']:.2f} anywhere with probability "
        f"{content['gamma']:g} at most (Bonferroni). The largest is {abs(worst['z']):.2f}, of the "
        f"{QUANTITIES[worst['quantity']]} in {worst['scenario']}, {worst['subgroup']}, {worst['arm']}; "
        f"the mean of z squared is {np.mean([row['z'] ** 2 for row in rows]):.2f} (1 expected)."
    ]


def _left_out(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return how many values have no z, by reason; nothing if all have one."""
    reasons = Counter(row["reason"] for row in rows if row["z"] is None)
    if not reasons:
        return []
    named = "; ".join(f"{reason} ({count})" for reason, count in reasons.items())
    return [f"{reasons.total()} of {len(rows)} true values are not comparable by a z: {named}."]
