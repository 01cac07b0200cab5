"""Parts of the results on estimates and on comparisons with the benchmark. Computes nothing."""

import pandas as pd

from adaptive.report.figures import estimation_figures, paired_figure
from adaptive.report.figures_zip import zip_figure
from adaptive.report.pivot import Table, pivot
from adaptive.report.section import CELLS, Section, compared, metric_titles, section

ERRORS = ("bias", "relative_bias", "empirical_se", "rmse")
INTERVALS = ("posterior_sd", "relative_se_error", "width", "coverage", "bias_eliminated_coverage")
GIVEN = {
    "overall": "over all trials with an estimate",
    "claimed": "over the trials that claim benefit in the cell",
    "futile": "over the trials in which the cell stopped for futility",
}


def estimation_section(content: dict) -> Section:
    """Return bias, errors, widths and coverage, overall, given a claim and given a stop for futility."""
    return section(
        "estimation",
        "Estimation of the log hazard ratio",
        [
            "The estimate of a cell is its posterior mean at the look that decided it, against the true log "
            "hazard ratio of the declared estimand. A negative bias overstates the benefit. Mean squared "
            "errors are in the CSV of this table.",
            "Estimates given a claim are selected for being favourable, those given futility for being "
            "unfavourable: their bias is that of the selection, and a reader of a claim should know it. They "
            "are left out (a dash with m) where fewer than 200 trials are of that kind; m is their number.",
        ],
        *estimation_figures(content),
        zip_figure(content),
        *(_table(content, level, what) for level in GIVEN for what in ("errors", "intervals")),
        short="Estimation",
        covers=("H5", "I3"),
    )


def _table(content: dict, level: str, what: str) -> Table | None:
    """Return errors or intervals of one kind of trials, with their number where it is not that of all."""
    table, titles = content["tables"]["estimation"], metric_titles(content)
    shown = ERRORS if what == "errors" else INTERVALS
    frame = table[(table.level == level) & table.metric.isin(shown)]
    if level != "overall" and len(frame):
        counted = frame[frame.metric == shown[0]].assign(metric="m")
        counted["text"] = [f"{m:,}" for m in counted.m]
        enough = set(frame[frame.estimate.notna()].metric)
        frame = pd.concat([counted, frame[frame.metric.isin(enough)]])
    suffix = "" if level == "overall" else f"_{level}"
    name = "estimation" if what == "errors" else "estimation_intervals"
    words = "Errors of the estimates" if what == "errors" else "Posterior SD and 95% intervals"
    return pivot(
        _cell_order(frame),
        name=name + suffix,
        caption=f"{words}, {GIVEN[level]}.",
        keys={**CELLS, "design": "Design"},
        columns="metric",
        titles=titles | {"m": "Trials m"},
        collapse=True if level != "overall" else None,
    )


def _cell_order(frame: pd.DataFrame) -> pd.DataFrame:
    """Return rows by scenario, subgroup and arm, so that designs stand under each other."""
    ranks = {
        column: {name: i for i, name in enumerate(dict.fromkeys(frame[column]))}
        for column in ("scenario", "subgroup", "arm")
    }
    return frame.sort_values(list(ranks), key=lambda column: column.map(ranks[column.name]), kind="stable")


def paired_section(content: dict) -> Section:
    """Return the paired differences against the benchmark."""
    table, benchmark = content["tables"]["paired"], content["meta"]["benchmark"]
    estimates = content["tables"].get("paired_estimation", table.iloc[:0])
    whole = table[(table.subgroup == "all") & (table.arm == "all")]
    cells = table[(table.subgroup != "all") | (table.arm != "all")]
    lead = [
        f"Every design is compared with {benchmark} on the same virtual patients (same seed, same trial "
        "index); the standard error is that of the paired difference."
        if benchmark
        else "The study has no benchmark design among its results, so there is nothing to compare with."
    ]
    counted = "pairs of virtual trials"
    return section(
        "paired",
        "Paired differences from the benchmark",
        lead,
        paired_figure(content),
        compared(
            whole,
            content,
            "metric",
            name="paired",
            caption=f"Difference, design minus {benchmark}.",
            counted=counted,
        ),
        compared(
            cells,
            content,
            "metric",
            "subgroup",
            "arm",
            name="paired_cells",
            caption=f"Difference per subgroup and arm, design minus {benchmark}.",
            collapse=True,
            counted=counted,
        ),
        pivot(
            _cell_order(estimates),
            name="paired_estimation",
            caption=f"Estimation: difference, design minus {benchmark}, over the pairs of trials that both "
            f"have an estimate. A negative difference in squared error favours the design; relative "
            f"precision is the per cent of precision gained over {benchmark}.",
            keys={**CELLS, "design": "Design"},
            columns="metric",
            titles=metric_titles(content),
            collapse=True,
            counted=counted,
        ),
        short="Paired differences",
        covers=("H12",),
    )
