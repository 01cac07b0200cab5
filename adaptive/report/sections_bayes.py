"""Parts of the results under a design prior, and of decisions against the truth. Computes nothing."""

import dataclasses

import pandas as pd

from adaptive.report.arranged import drawn
from adaptive.report.blocks import Code, Items
from adaptive.report.figures_calibration import calibration_figure
from adaptive.report.pivot import Table, number_of_trials, pivot, plain
from adaptive.report.section import Section, judged, metric_titles, noninferior, section

AVERAGES = ("assurance", "prior_claim", "average_power", "average_type_i_error", "ppv", "npv")
NO_AVERAGE = (
    "claims are of non-inferiority; assurance and average power count claims where there is a benefit. "
    "Average errors and predictive values, which would take every other claim for false, are left out."
)
DECLARE = """design_prior:
  SCENARIO: 0.5
  ANOTHER SCENARIO: 0.5
"""


def bayes_section(content: dict) -> Section:
    """Return what the designs do on average over the design prior, or how to declare one."""
    bayes = content.get("bayes", {"prior": [], "notes": []})
    title = "Bayesian operating characteristics"
    if not bayes["prior"]:
        return section(
            "bayesian",
            title,
            [
                "Not given: the study declares no design prior. Assurance, the share of claims that are true "
                "and the calibration of posterior probabilities are averages over how likely each scenario "
                "is, which only the authors can say. Weights over the scenarios are declared in the study's "
                "dossier.yaml, and the report is made again from the same results:"
            ],
            Code(DECLARE),
            short="Bayesian",
        )
    calibrated, averages, others = calibration_figure(content), _averages(content), noninferior(content)
    return section(
        "bayesian",
        title,
        [
            "Averages over the design prior: the authors' weights for how likely each scenario is. It judges "
            "the design and is not the prior of the analysis. Every number below is that of these weights, "
            "and changes with them.",
            "Standard errors take into account that scenarios share their virtual patients. Predictive "
            "values rest on at least 200 claims or stops.",
            *([f"{', '.join(others)}: {NO_AVERAGE}"] if others else []),
        ],
        plain(
            pd.DataFrame(bayes["prior"]),
            name="design_prior",
            caption="Design prior over the scenarios, scaled to the sum 1.",
            titles={"scenario": "Scenario", "weight": "Weight"},
            numeric=True,
            made_by="dossier",
        ),
        Items("", bayes["notes"]) if bayes["notes"] else None,
        averages,
        calibrated,
        _calibration(content),
        short="Bayesian",
        covers=(*(("H8",) if averages else ()), *drawn("I11", calibrated)),
    )


def _averages(content: dict) -> Table | None:
    """Return the averages over the trial and per cell."""
    frame = judged(content["tables"]["bayes"], content)
    frame = frame[frame.metric.isin(AVERAGES)]
    frame = frame.assign(
        place=[s if s != "all" else "Whole trial" for s in frame.subgroup],
        rank=(frame.subgroup != "all").astype(int),
    ).sort_values("rank", kind="stable")
    keys = {"place": "Subgroup", "arm": "Arm", "design": "Design"}
    order = {name: i for i, name in enumerate(dict.fromkeys(zip(frame.place, frame.arm, strict=True)))}
    ranked = [order[pair] for pair in zip(frame.place, frame.arm, strict=True)]
    frame = frame.assign(rank=ranked).sort_values("rank", kind="stable")
    table = pivot(
        frame,
        name="bayes",
        caption="",
        keys=keys,
        columns="metric",
        titles=metric_titles(content),
        rename={"arm": {"all": "All"}},
        collapse=False,
    )
    return table and dataclasses.replace(
        table,
        caption="Under the design prior. Over the whole trial a claim is one of any cell, and predictive "
        f"values are over the claims, or stops, of all cells. {_counts(frame, metric_titles(content))}",
    )


def _counts(frame: pd.DataFrame, titles: dict[str, str]) -> str:
    """Say what n is in every column; columns with the same numbers together."""
    groups: dict[str, list[str]] = {}
    for metric, own in frame.groupby("metric", sort=False):
        whole = own.subgroup == "all"
        parts = [number_of_trials(own[rows]) for rows in (whole, ~whole) if rows.any()]
        both = len(set(parts)) > 1
        text = f"{parts[0]} over the whole trial and {parts[1]} in a cell" if both else parts[0]
        groups.setdefault(text, []).append(titles.get(metric, metric))
    counts = "; ".join(f"{', '.join(names)}: {n}" for n, names in groups.items())
    return (
        "n are virtual trials of the scenarios that have such a cell; for predictive values over the whole "
        f"trial each of its cells counts. {counts}."
    )


def _calibration(content: dict) -> Table | None:
    """Return the bins of the posterior probability."""
    frame = content["tables"]["posterior_calibration"]
    if frame.empty:
        return None
    counted = frame[frame.metric == "calibration_share"].assign(metric="m")
    counted["text"] = [f"{m:,}" for m in counted.m]
    frame = pd.concat([frame, counted])
    frame = frame.assign(bin=pd.Categorical(frame.level, list(dict.fromkeys(frame.level)), ordered=True))
    return pivot(
        frame.sort_values("bin", kind="stable").astype({"bin": str}),
        name="posterior_calibration",
        caption="Cells by posterior probability of benefit, P(HR < 1), at the look that decided them or the "
        "last one, under the design prior.",
        keys={"bin": "P(HR < 1)", "design": "Design"},
        columns="metric",
        titles=metric_titles(content) | {"m": "Cells m"},
        collapse=True,
        counted="virtual trials times cells",
    )


STATES = {
    "EFFICACY": "Claim (go)",
    "FUTILITY": "Stop for futility",
    "HARM": "Stop for harm",
    "COMPLETED": "Completed, no claim",
}


def decision_section(content: dict) -> Section:
    """Return final decisions by band of the true effect, wrong ones marked."""
    bands = content.get("decisions", {}).get("bands", {})
    return section(
        "decisions",
        "Decisions against the truth",
        [
            "Every cell of every scenario is put in a band of its true hazard ratio: "
            + "; ".join(f"{name}, {words}" for name, words in bands.items())
            + ". Shares are means over the cells and scenarios of the band, each with equal weight, so they "
            "depend on which scenarios were declared.",
            "Shaded: decisions that are wrong. A false go claims where there is no benefit; a false stop "
            "gives up a benefit; a stop for harm is wrong wherever there is none. Completing without a claim "
            "is no error of the decision but may be one of the sample size.",
            *_noninferior(content),
        ],
        _decision_table(content),
        covers=("H10",),
    )


def _noninferior(content: dict) -> list[str]:
    """Return what is right and wrong for designs that claim non-inferiority, if there are any."""
    names = noninferior(content)
    if not names:
        return []
    on_risk = content["results_notes"]["risk_margin"]
    unknown = " Where the margin is on a risk difference it is not known which, and none is shaded."
    unknown = unknown if on_risk else ""
    return [
        f"A claim of {', '.join(names)} is one of non-inferiority: it is wrong only where the true hazard "
        "ratio is at the margin or above, and to give up an arm whose hazard ratio is 1 is a false stop."
        f"{unknown}"
    ]


def _decision_table(content: dict) -> Table | None:
    """Return the matrix of bands and final states."""
    frame, wrong = content["tables"].get("decisions"), content.get("decisions", {}).get("wrong", {})
    if frame is None or frame.empty:
        return None
    ranks = {name: i for i, name in enumerate(content["decisions"]["bands"])}
    frame = frame.sort_values("band", key=lambda c: c.map(ranks), kind="stable")
    table = pivot(
        frame,
        name="decisions",
        caption="Share of final states by band of the true hazard ratio and design.",
        keys={"band": "True effect", "design": "Design"},
        columns="level",
        titles=STATES,
        collapse=False,
        counted="virtual trials times cells of the band",
    )
    states = list(dict.fromkeys(frame.level))
    places = frame[["band", "design"]].drop_duplicates()
    rows = [
        [
            *line[: table.stub],
            *(
                dataclasses.replace(cell, flagged=state in wrong[design].get(band, ()))
                for cell, state in zip(line[table.stub :], states, strict=True)
            ),
        ]
        for band, design, line in zip(places.band, places.design, table.rows, strict=True)
    ]
    return dataclasses.replace(table, rows=rows)
