"""What the report says of the audit: sentences and frames to print, or that there is none."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from adaptive.oc.audit_judge import BEST
from adaptive.oc.audit_store import Audit, fitting_audit
from adaptive.oc.audit_summary import CELL, CHANGES
from adaptive.oc.audit_text import mean_text, missing, share_text, told
from adaptive.oc.evidence import or_draft
from adaptive.oc.load import CellResult
from adaptive.oc.source import Source

NOT_AUDITED = (
    "Not audited: the engine behind these results has not been compared with NUTS on them. `adaptive audit` "
    "does so; until then every number here rests on the engine's general validation."
)
SAMPLES = {"random": "drawn at random", "near": "nearest to a threshold"}
MOST_POINTS = 1500
"""Points that a panel of the figure shows; a report must stay readable by a browser."""


def audit_content(source: Source) -> dict:
    """Return ``lead`` (sentences), ``messages`` (about audits that were not used) and ``tables``.

    Raises
    ------
    BadInput
        If an audit beside the results was altered, unless a draft is made.
    """
    audit, messages = or_draft(source, lambda: fitting_audit(source.results))
    if audit is None:
        return {"lead": [NOT_AUDITED, *messages], "messages": messages, "tables": {}}
    summary = audit.content["summary"]
    lead = [_covered(audit, source.results), *told(summary), *messages]
    tables = {
        "audit_flips": flip_table(summary),
        "audit_changes": change_table(summary),
        "audit_differences": difference_table(summary),
        "audit_fits": fit_table(audit),
        "audit_points": points(audit.table),
    }
    return {"lead": lead, "messages": messages, "tables": tables}


def _covered(audit: Audit, results: Sequence[CellResult]) -> str:
    """Say which results the audit is of, and by which settings it was made."""
    audited = {(item["design"], item["scenario"]) for item in audit.content["results"]}
    ours = sum((result.design, result.scenario) in audited for result in results)
    sampler = audit.content["settings"]["posterior"]
    return (
        f"The audit covers {ours} of the {len(results)} results of this report"
        + (f" and {len(audited) - ours} others" if len(audited) > ours else "")
        + f". Reference: NUTS, {sampler['chains']} chains of {sampler['draws']} draws after "
        f"{sampler['warmup']} of warm-up, seed of the audit {audit.content['settings']['seed']}."
    )


def _band(row: dict, beyond: str = "") -> str:
    if row["all"]:
        return "all"
    if missing(row["to"]) or row["to"] == float("inf"):
        return f"{row['from']:g} or more{beyond}"
    return f"{row['from']:g} to {row['to']:g}"


def flip_table(summary: dict) -> pd.DataFrame:
    """Return the share of flipped decisions by sample and distance to the threshold."""
    return pd.DataFrame(
        [
            {
                "sample": SAMPLES[row["sample"]],
                "distance": _band(row, ", or no rule applied"),
                "looks": row["looks"],
                "decisions": row["decisions"],
                "flips": row["flips"],
                "beyond_error": row["real"],
                "undecided": row["undecided"],
                "share": share_text(row["share"], row["lower"], row["upper"]),
                "share_beyond_error": share_text(row["real_share"], row["real_lower"], row["real_upper"]),
            }
            for row in summary["flips"]
        ]
    )


def change_table(summary: dict) -> pd.DataFrame:
    """Return how often a trial has a look with each kind of change."""
    return pd.DataFrame(
        [
            {
                "change": CHANGES[row["change"]],
                "counted": "beyond NUTS's error" if row["beyond_error"] else "all",
                "near_looks": row["near_looks"],
                "random_looks": row["random_looks"],
                "random_n": row["random_n"],
                "per_trial": None
                if missing(row["per_trial"])
                else share_text(row["per_trial"], row["lower"], min(row["upper"], 1.0)),
            }
            for row in summary["changes"]
        ]
    )


def difference_table(summary: dict) -> pd.DataFrame:
    """Return the distribution of the differences by sample, quantity and number of events."""
    return pd.DataFrame(
        [
            {
                "sample": SAMPLES[row["sample"]],
                "quantity": row["quantity"],
                "events": _band(row),
                "n": row["n"],
                "mean": mean_text(row) or None,
                **{f"{key[1:]}%": f"{row[key]:.4f}" for key in row if key[0] == "q" and key[1:].isdigit()},
                "largest": f"{row['largest']:.4f}",
                "nuts_error": f"{row['mcse']:.4f}",
                "excess": f"{row['excess']:.4f} (up to {row['excess_upper']:.4f})",
            }
            for row in summary["differences"]
        ]
    )


def fit_table(audit: Audit) -> pd.DataFrame:
    """Return the checks of the reference fits, with the gates that they had to pass."""
    fits, gates = audit.content["summary"]["fits"], audit.content["settings"]["posterior"]
    rows = [
        ("fits", fits["looks"], ""),
        ("made again with more draws", fits["repeated"], ""),
        ("failed still", fits["unresolved"], "counted apart"),
        ("largest R-hat", round(fits["worst_rhat"], 4), f"at most {gates['max_rhat']:g}"),
        ("smallest effective sample size", round(fits["least_ess"]), f"at least {gates['min_ess']:g}"),
        ("divergent transitions", fits["divergences"], f"at most {gates['max_divergences']:g} a fit"),
        ("looks not exactly as stored", fits["not_reproduced"], ""),
    ]
    return pd.DataFrame(
        [(name, f"{value:,}", gate) for name, value, gate in rows], columns=["check", "found", "gate"]
    )


def points(table: pd.DataFrame) -> pd.DataFrame:
    """Return what the figure draws: per decision, distance and difference of the nearest rule, and outcome.

    At most ``MOST_POINTS`` a sample, every k-th of the others; flipped decisions are always kept.
    """
    kept = table[(table.quantity != BEST) & np.isfinite(table.distance) & (table.health == "OK")]
    kept = kept.sort_values("distance", kind="stable").drop_duplicates(CELL)
    frame = pd.DataFrame(
        {
            "distance": kept.distance,
            "difference": kept.p_fast - kept.p_nuts,
            "outcome": np.select([kept.real, kept.flip], ["flipped", "undecided"], "same"),
        }
    )
    parts = []
    for name in SAMPLES:
        own = frame[kept[name]].assign(sample=name)
        same = own[own.outcome == "same"]
        step = -(-len(same) // MOST_POINTS) or 1
        parts += [same.iloc[::step], own[own.outcome != "same"]]
    return pd.concat(parts, ignore_index=True)
