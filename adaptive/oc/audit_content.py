"""What the report says of the audit: sentences and frames to print, or that there is none.

Counts are made from the table that an audit stores, not read from its summary, so that a report says the same
of an audit that was made by an earlier version.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from adaptive.montecarlo import round_by_se
from adaptive.oc.audit_change import CELL, CHANGES, LOOK, Behind, exposed, induced
from adaptive.oc.audit_judge import BEST
from adaptive.oc.audit_store import Audit, fitting_audit
from adaptive.oc.audit_summary import summarise
from adaptive.oc.audit_text import mean_text, missing, share_text, told
from adaptive.oc.evidence import or_draft
from adaptive.oc.load import CellResult
from adaptive.oc.source import Source

NOT_AUDITED = (
    "Not audited: the engine behind these results has not been compared with NUTS on them. `adaptive audit` "
    "does so; until then every number here rests on the engine's general validation."
)
SAMPLES = {"random": "drawn at random", "near": "nearest to a threshold"}
NOT_COVERED = (
    "Sensitivity analyses, some of which use other analysis models, and searches of nulls were not audited; "
    "their numbers rest on the engine's general validation."
)
INDUCED = {
    "type_i_error": "Type I error, mean over cells without benefit",
    "power": "Power, mean over cells with benefit",
    "fwer": "Any false claim, mean over trials with a cell without benefit",
    "disjunctive_power": "Any true claim, mean over trials with a cell with benefit",
}
CLAIMS = {"type_i_error": "False claims, per 100 trials", "power": "True claims, per 100 trials"}
QUANTILES = {"median": 0.5, "worst_1": 0.99, "worst_01": 0.999}
"""Columns of the table of fits: what half, 1% and 0.1% of the fits are beyond, towards the bad end."""
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
    stood_for = Behind(**audit.content["summary"]["behind"])
    summary = summarise(audit.table, stood_for)
    change = induced_table(audit, source.results, stood_for)
    lead = [_covered(audit, source.results), *told(summary), *_induced_told(change), *messages]
    tables = {
        "audit_flips": flip_table(summary),
        **({} if change.empty else {"audit_induced": change}),
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
        f"The audit covers {ours} of the {len(results)} results of designs in declared scenarios"
        + (f" and {len(audited) - ours} others" if len(audited) > ours else "")
        + f". {NOT_COVERED} Reference: NUTS, {sampler['chains']} chains of {sampler['draws']} draws after "
        f"{sampler['warmup']} of warm-up, seed of the audit {audit.content['settings']['seed']}."
    )


STRATA = {"all": "all", "within": "of these, below 1", "unapplied": "no rule applied: cannot differ"}


def _band(row: dict) -> str:
    if row.get("all") or row.get("stratum") in STRATA:
        return STRATA[row.get("stratum", "all")]
    if missing(row["to"]) or row["to"] == float("inf"):
        return f"{row['from']:g} or more"
    return f"{row['from']:g} to {row['to']:g}"


def flip_table(summary: dict) -> pd.DataFrame:
    """Return the share of flipped decisions by sample and distance to the threshold."""
    return pd.DataFrame(
        [
            {
                "sample": SAMPLES[row["sample"]],
                "distance": _band(row),
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


def induced_table(audit: Audit, results: Sequence[CellResult], stood_for: Behind) -> pd.DataFrame:
    """Return the estimated change of error rates and power, in percentage points.

    If the audit is also of results that are not at hand, so that nobody knows how many cells can be claimed,
    it is that of the number of claims per trial. No rows without random looks beside the nearest.
    """
    audited = {(item["design"], item["scenario"]) for item in audit.content["results"]}
    ours = [result for result in results if (result.design, result.scenario) in audited]
    known = len(ours) == len(audited)
    labels = INDUCED if known else CLAIMS
    rows = induced(audit.table, stood_for, exposed(ours) if known else dict.fromkeys(CLAIMS, 1.0))
    shown = []
    for row in rows[np.isfinite(rows.estimate)].to_dict("records"):
        value, error = round_by_se(100 * row["estimate"], 100 * row["mcse"])
        low, high = (round_by_se(100 * row[key], 100 * row["mcse"])[0] for key in ("lower", "upper"))
        texts = {"change": f"{value} ({error})", "limits": f"{low} to {high}"}
        counts = {"gained": row["gained"], "lost": row["lost"], "per_trial": f"{row['per_trial']:.2f}"}
        counts |= {} if known else {"per_trial": "not known"}
        shown.append({"metric": labels[row["metric"]], **counts, **texts})
    return pd.DataFrame(shown)


def _induced_told(change: pd.DataFrame) -> list[str]:
    """Say the estimates in a sentence, if there are any."""
    if change.empty:
        return []
    parts = [
        f"{name[0].lower()}{name[1:]} {text}"
        for name, text in zip(change.metric.str.partition(",")[0], change.change, strict=True)
    ]
    return [
        "Estimate of that change, engine minus NUTS, in percentage points with its standard error: "
        f"{'; '.join(parts)}."
    ]


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
                "quantity": row["quantity"].replace(">=", "≥"),
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
    """Return the distribution of the checks of the reference fits, with the gates that they had to pass."""
    looks, gates = audit.table.drop_duplicates(LOOK), audit.content["settings"]["posterior"]
    most, least = "at most {:g}", "at least {:g}"
    checks = (
        ("R-hat, largest of a fit", looks.rhat, 1, "{:.4f}", most.format(gates["max_rhat"])),
        ("ESS, smallest of a fit (bulk or tail)", looks.ess, -1, "{:,.0f}", least.format(gates["min_ess"])),
        ("divergent transitions", looks.divergences, 1, "{:g}", most.format(gates["max_divergences"])),
    )
    rows = [
        {"check": name, **_worst(values.to_numpy(float), sign, form), "gate": gate}
        for name, values, sign, form, gate in checks
    ]
    unknown = dict.fromkeys((*QUANTILES, "worst"), "not stored")
    energy = {"check": "E-BFMI, smallest of a fit", **unknown, "gate": least.format(gates["min_ebfmi"])}
    return pd.DataFrame([*rows, energy])


def _worst(values: np.ndarray, sign: int, form: str) -> dict[str, str]:
    """Return quantiles counted from the good end, values that occurred, and the worst value."""
    known = np.sort(sign * values[np.isfinite(values)])
    if not known.size:
        return dict.fromkeys((*QUANTILES, "worst"), "\N{EN DASH}")
    found = {name: np.quantile(known, level, method="inverted_cdf") for name, level in QUANTILES.items()}
    return {name: form.format(sign * value + 0.0) for name, value in {**found, "worst": known[-1]}.items()}


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
