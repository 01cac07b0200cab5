"""Parts of the results on estimates and on comparisons with the benchmark. Computes nothing."""

import pandas as pd

from adaptive.report.arranged import drawn, in_order
from adaptive.report.figures import estimation_figures, paired_figure
from adaptive.report.figures_zip import zip_figure
from adaptive.report.pivot import Table, pivot, plain
from adaptive.report.section import CELLS, Section, compared, judged, metric_titles, section

GIVEN = {
    "overall": "over all trials with an estimate",
    "claimed": "over the trials that claim benefit in the cell",
    "futile": "over the trials in which the cell stopped for futility",
}
TABLES = (
    ("overall", "estimation", ("bias", "relative_bias", "empirical_se", "rmse"), "Errors of the estimates"),
    (
        "overall",
        "estimation_intervals",
        ("posterior_sd", "relative_se_error", "width", "coverage", "bias_eliminated_coverage"),
        "Posterior SD and 95% intervals",
    ),
    ("claimed", "estimation_claimed", ("bias", "relative_bias", "rmse", "width", "coverage"), "Estimates"),
    ("futile", "estimation_futile", ("bias", "relative_bias", "rmse", "width", "coverage"), "Estimates"),
)


def estimation_section(content: dict) -> Section:
    """Return bias, errors, widths and coverage, overall, given a claim and given a stop for futility."""
    zipped = zip_figure(content)
    return section(
        "estimation",
        "Estimation of the log hazard ratio",
        [
            "The estimate of a cell is its posterior mean at the look that decided it, against the true log "
            "hazard ratio of the declared estimand. A negative bias overstates the benefit. Mean squared "
            "errors, and everything given a decision, are in estimation.csv.",
            "Estimates given a claim are selected for being favourable, those given futility for being "
            "unfavourable: their bias is that of the selection, and a reader of a claim should know it. They "
            "are left out (a dash with m) where fewer than 200 trials are of that kind; m is their number.",
            *content.get("horizon", {}).get("bias", []),
        ],
        _horizon(content),
        *estimation_figures(content),
        zipped,
        *(_table(content, *each) for each in TABLES),
        short="Estimation",
        covers=("H5", *drawn("I3", zipped)),
    )


def _table(content: dict, level: str, name: str, shown: tuple[str, ...], words: str) -> Table | None:
    """Return some numbers of one kind of trials, with their count where it is not that of all trials."""
    table, titles = content["tables"]["estimation"], metric_titles(content)
    frame = table[(table.level == level) & table.metric.isin(shown)]
    if level != "overall" and len(frame):
        counted = frame[frame.metric == shown[0]].assign(metric="m")
        counted["text"] = [f"{m:,}" for m in counted.m]
        frame = pd.concat([counted, frame])
    return pivot(
        in_order(frame, content, "scenario", "subgroup", "arm", "design"),
        name=name,
        caption=f"{words}, {GIVEN[level]}.",
        keys={**CELLS, "design": "Design"},
        columns="metric",
        order=[m for m in ("m", *shown) if m in set(frame.metric)],
        titles=titles | {"m": "Trials m"},
        collapse=None if level == "overall" else True,
    )


def _horizon(content: dict) -> Table | None:
    """Return how much of the bias is that of the horizon, per cell whose hazard ratio changes with time."""
    frame = content["tables"].get("horizon", pd.DataFrame())
    if frame.empty:
        return None
    shown = in_order(frame, content, "scenario", "subgroup", "arm", "design")
    at, end = (" or ".join(f"{m:g}" for m in sorted(set(shown[name]))) for name in ("horizon", "longest"))
    columns = {
        "log_hr": f"Limit at {at} months",
        "log_hr_longest": f"Limit at {end} months",
        "shift": "Difference of limits",
        "bias": f"Bias against {at} months",
        "bias_longest": f"Bias against {end} months",
    }
    return plain(
        shown[[*CELLS, "design", *columns]].assign(
            **{name: [f"{x:+.3f}".replace("-", "\N{MINUS SIGN}") for x in shown[name]] for name in columns}
        ),
        name="horizon",
        caption="Log hazard ratios that depend on the follow-up: limit of the Cox estimate at the horizon "
        "and at the calendar limit, their difference (second less first), and the bias over all trials with "
        "an estimate against either. The Monte Carlo error of both biases is that of the bias below.",
        stub=len(CELLS) + 1,
        titles={**CELLS, "design": "Design", **columns},
        numeric=True,
    )


def paired_section(content: dict) -> Section:
    """Return the paired differences against the benchmark."""
    benchmark = content["meta"]["benchmark"]
    table = judged(content["tables"]["paired"], content, against=benchmark)
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
        paired_figure(content | {"tables": content["tables"] | {"paired": table}}),
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
            in_order(estimates, content, "scenario", "subgroup", "arm", "design"),
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
        covers=("H12",) if benchmark else (),
    )
