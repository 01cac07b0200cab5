"""The decision memo of an interim analysis, and the one-page overview of a monitored trial, as HTML.

Handed plain records and a table of patients; imports nothing else of ours. Every text is
escaped, figures are inside the file, and nothing is loaded from elsewhere.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from adaptive.report.survival_figures import as_data_uri, forest_figure, kaplan_meier_figure, overview_figure

STATES = {
    "NEVER_OPENED": "not offered",
    "OPEN": "open",
    "EFFICACY": "efficacy",
    "FUTILITY": "futility",
    "HARM": "harm",
    "COMPLETED": "completed, no claim",
}


def render_memo(record: Mapping[str, Any], patients: pd.DataFrame) -> str:
    """Return the memo of one look.

    Parameters
    ----------
    record
        Content of ``decision.json``.
    patients
        Columns ``subgroup``, ``arm``, ``time`` (months), ``event``, as seen at the cut-off.
    """
    subgroups, arms = record["design"]["subgroups"], record["design"]["arms"]
    figures = {
        "survival": as_data_uri(kaplan_meier_figure(patients, subgroups, arms)),
        "forest": as_data_uri(forest_figure(record["cells"])),
    }
    alt = {"survival": survival_alt(record), "forest": forest_alt(record)}
    return environment().get_template("memo.html.j2").render(r=record, figures=figures, alt=alt)


def render_overview(looks: Sequence[Mapping[str, Any]], events: Sequence[str], notes: Sequence[str]) -> str:
    """Return the one-page overview of a monitored trial.

    Parameters
    ----------
    looks
        Decision records in order, each with ``folder``, the relative place of its memo.
    events
        What happened when, in words, one sentence each.
    notes
        What a reader must know about the replay.
    """
    return (
        environment()
        .get_template("monitor.html.j2")
        .render(
            looks=looks,
            events=events,
            notes=notes,
            first=looks[0],
            figure=as_data_uri(overview_figure(looks)),
            alt="Probability of each rule against its threshold at every look, per subgroup and arm. "
            + " ".join(events),
        )
    )


def survival_alt(record: Mapping[str, Any]) -> str:
    """Return a text that says what the survival figure shows."""
    counts = "; ".join(
        f"{row['arm']} in {row['subgroup']}: {row['events']} events in {row['patients']} patients"
        for row in record["arms"]
    )
    return f"Kaplan-Meier curves by arm within subgroup, with numbers at risk. {counts}."


def forest_alt(record: Mapping[str, Any]) -> str:
    """Return a text that says what the forest plot shows."""
    rows = "; ".join(
        f"{cell['arm']} in {cell['subgroup']}: raw {hazard_ratio(cell['raw_log_hr']['estimate'])}, "
        f"model {hazard_ratio(cell['log_hr']['mean'])}"
        for cell in record["cells"]
    )
    return f"Hazard ratios against control. {rows}."


def hazard_ratio(log_hr: float | None) -> str:
    """Return ``exp(log_hr)`` with two decimals, or a dash."""
    return "-" if log_hr is None else f"{np.exp(log_hr):.2f}"


def interval(cell: Mapping[str, Any]) -> str:
    """Return the model's hazard ratio with its 95% interval."""
    values = cell["log_hr"]
    if values["lower"] is None:
        return "-"
    centre, low, high = (hazard_ratio(values[key]) for key in ("mean", "lower", "upper"))
    return f"{centre} ({low} to {high})"


def raw_interval(cell: Mapping[str, Any]) -> str:
    """Return the maximum-likelihood hazard ratio with its 95% confidence interval."""
    estimate, se = cell["raw_log_hr"]["estimate"], cell["raw_log_hr"]["se"]
    if estimate is None or se is None:
        return "-"
    ends = [hazard_ratio(estimate + sign * 1.959963984540054 * se) for sign in (-1, 1)]
    return f"{hazard_ratio(estimate)} ({ends[0]} to {ends[1]})"


def probability(value: float | None, threshold: float | None = None) -> str:
    """Return a probability with enough digits to be told from its threshold."""
    if value is None:
        return "-"
    if threshold is not None and value != threshold and f"{value:.4f}" == f"{threshold:.4f}":
        return f"{value:.8f}"
    if 0.0 < value < 5e-5:
        return "< 0.0001"
    return "> 0.9999" if 1.0 - 5e-5 < value < 1.0 else f"{value:.4f}"


def outcome(rule: Mapping[str, Any], status_before: str) -> str:
    """Return what a rule did, in words."""
    if status_before != "OPEN":
        return "cell closed before"
    if rule["threshold"] is None:
        return "not applied at this look"
    if rule["fired"] is None:
        return "withheld"
    if rule["fired"]:
        return "met" if rule["binding"] else "met (advice only)"
    return "not met" if rule["enough_events"] else "too few events"


def state(name: str) -> str:
    """Return a cell state in words."""
    return STATES.get(name, name)


def environment() -> Environment:
    """Return the template environment: escaping on, unknown names are errors."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        probability=probability, interval=interval, raw_interval=raw_interval, state=state, outcome=outcome
    )
    return made
