"""The section on the analysis model: what it expects before any data, and what subgroups borrow."""

import pandas as pd

from adaptive.report.figures_model import prior_figures
from adaptive.report.pivot import Table, pivot
from adaptive.report.section import Section, section

CELL_COLUMNS = {
    ("prior_hr", "2.5%"): "HR, 2.5%",
    ("prior_hr", "50%"): "HR, median",
    ("prior_hr", "97.5%"): "HR, 97.5%",
    ("prior_hr_below", "1"): "P(HR < 1)",
    ("prior_hr_below", "0.8"): "P(HR < 0.8)",
    ("prior_hr_below", "0.5"): "P(HR < 0.5)",
    ("prior_hr_above", "2"): "P(HR > 2)",
    ("prior_events", ""): "Worth of the prior, events",
}
SURVIVAL_COLUMNS = {"2.5%": "2.5%", "50%": "Median", "97.5%": "97.5%", "mean": "Mean"}
SPREAD_COLUMNS = {
    ("prior_spread", "5%"): "SD of log HR, 5%",
    ("prior_spread", "50%"): "SD of log HR, median",
    ("prior_spread", "95%"): "SD of log HR, 95%",
    ("prior_ratio", "50%"): "Largest / smallest HR, median",
    ("prior_ratio", "95%"): "Largest / smallest HR, 95%",
    ("prior_ratio_above", "2"): "P(ratio > 2)",
    ("prior_correlation", ""): "Correlation of log HR",
}
BORROWING_COLUMNS = {
    (f"{metric}_{when}", level): f"{when.capitalize()} look: {title}"
    for when in ("first", "last")
    for metric, level, title in (
        ("own_events", "50%", "own events"),
        ("borrowed_events", "50%", "borrowed, median"),
        ("borrowed_events", "5%", "borrowed, 5%"),
        ("borrowed_events", "95%", "borrowed, 95%"),
    )
}
DRAWS = "draws from the prior"
LEAD = [
    "Before any data the model expects the hazard ratios below. They are draws from the same program that "
    "the analysis conditions on data, with Monte Carlo standard errors in parentheses.",
    "Worth of the prior: four times the precision of the log hazard ratio before any data, 4/Var, in events; "
    "an approximation, for the prior is not normal. It is what a cell has at the first look and at the last "
    "beside its own events and those borrowed.",
    "Events borrowed: four times the difference between the precision of the log hazard ratio given all "
    "data and given the data of the own subgroup alone, under the same model. In a comparison of two equal "
    "arms one event carries a quarter of a unit of precision. A negative number means that the other "
    "subgroups disagree and made the answer less certain. Own events are those of the arm and of control. "
    "Tables are those of the looks with the model's intervals added up.",
]


def model_section(content: dict) -> Section:
    """Return prior prediction, and events borrowed by scenario; sentences where something is missing."""
    tables = content["tables"]
    prior, borrowing = tables.get("prior_predictive"), tables.get("borrowing")
    absent = prior is None or prior.empty
    missing = "Not part of this report: the configurations of its results were not built into designs."
    return section(
        "model",
        "The analysis model: prior prediction and borrowing",
        [*([missing] if absent else LEAD), *content.get("model_notes", [])],
        *([] if absent else [_prior_cells(prior), _prior_spread(prior), _prior_survival(prior)]),
        *([] if absent else prior_figures(content)),
        *([] if borrowing is None or borrowing.empty else [_borrowing(borrowing)]),
        short="Prior prediction",
        covers=(*(() if absent else ("E3",)), *(() if borrowing is None or borrowing.empty else ("E4",))),
    )


def _prior_cells(prior: pd.DataFrame) -> Table | None:
    return pivot(
        _columns(prior, CELL_COLUMNS),
        name="prior_predictive",
        caption="Hazard ratios against control that the model expects before any data.",
        keys={"design": "Design", "subgroup": "Subgroup", "arm": "Arm"},
        columns="column",
        counted=DRAWS,
    )


def _prior_spread(prior: pd.DataFrame) -> Table | None:
    return pivot(
        _columns(prior, SPREAD_COLUMNS),
        name="prior_spread",
        caption="Spread between subgroups that the model expects before any data.",
        keys={"design": "Design", "arm": "Arm"},
        columns="column",
        counted=DRAWS,
    )


def _prior_survival(prior: pd.DataFrame) -> Table | None:
    """Return survival on control at the months of the estimand, a level of a row being month and quantile."""
    own = prior[prior.metric == "prior_survival"]
    parts = own.level.str.rpartition(", ")
    own = own.assign(month=parts[0], level=parts[2], subgroup=own.subgroup.replace("all", "each"))
    return pivot(
        own[own.level.isin(list(SURVIVAL_COLUMNS))],
        name="prior_survival",
        caption="Event-free survival on control that the prior of the baseline hazards expects before any "
        "data, other causes censoring. Where the baseline drifts over periods of entry: of the first one.",
        keys={"design": "Design", "subgroup": "Subgroup", "month": "After"},
        columns="level",
        titles=SURVIVAL_COLUMNS,
        order=list(SURVIVAL_COLUMNS),
        counted=DRAWS,
    )


def _borrowing(borrowing: pd.DataFrame) -> Table | None:
    return pivot(
        _columns(borrowing, BORROWING_COLUMNS),
        name="borrowing",
        caption="Effective number of events borrowed from the other subgroups, over virtual trials.",
        keys={"scenario": "Scenario", "design": "Design", "subgroup": "Subgroup", "arm": "Arm"},
        columns="column",
        counted="virtual trials per cell, the first by number",
    )


def _columns(frame: pd.DataFrame, titles: dict[tuple[str, str], str]) -> pd.DataFrame:
    """Return the rows that have a column, with its title, in the order of the titles."""
    pairs = list(zip(frame.metric, frame.level, strict=True))
    chosen = frame.assign(column=[titles.get(pair) for pair in pairs])
    chosen = chosen[chosen.column.notna()]
    place = {title: index for index, title in enumerate(titles.values())}
    # Rows keep their order; within a row label the columns come in the order of the titles.
    keys = ["scenario", "design", "subgroup", "arm"]
    rank = {labels: i for i, labels in enumerate(dict.fromkeys(map(tuple, chosen[keys].to_numpy())))}
    order = sorted(
        range(len(chosen)),
        key=lambda i: (rank[tuple(chosen[keys].iloc[i])], place[chosen.column.iloc[i]]),
    )
    return chosen.iloc[order]
