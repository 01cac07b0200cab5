"""Sections on how trials run: size, stopping, allocation, failures."""

import pandas as pd

from adaptive.report.arranged import drawn, in_order, side_by_side
from adaptive.report.blocks import Items
from adaptive.report.figures_calendar import calendar_figures, distribution_figure
from adaptive.report.figures_convergence import convergence_figure
from adaptive.report.figures_course import allocation_figures, stopping_figure
from adaptive.report.pivot import Table, pivot, plain
from adaptive.report.section import CELLS, Section, metric_titles, of_metrics, section


def _size_caption(entry: dict) -> str:
    """Return label, unit and definition, the unit only where the label does not name it."""
    unit = f", {entry['unit']}" if entry["unit"] not in entry["label"].lower() else ""
    return f"{entry['label']}{unit}: {entry['definition']}."


def size_section(content: dict) -> Section:
    """Return patients, events and durations."""
    table, metrics = content["tables"]["size"], content["labels"]["metrics"]
    levels = {
        "mean": "Mean",
        "sd": "SD",
        "p05": "5%",
        "p25": "25%",
        "p50": "Median",
        "p75": "75%",
        "p95": "95%",
        "largest": "Largest",
    }
    table = pd.concat([table, _largest(content)], ignore_index=True)
    sizes, calendar = distribution_figure(content, "patients"), calendar_figures(content)
    blocks = [
        pivot(
            table[table.metric == metric],
            name=f"size_{metric}",
            caption=_size_caption(metrics[metric]),
            keys={"scenario": "Scenario", "design": "Design"},
            columns="level",
            titles=levels,
            collapse=metric in ("events", "accrual_months"),
        )
        for metric in ("patients", "months", "events", "accrual_months")
    ]
    return section(
        "size",
        "Patients, events and duration",
        [
            "Percentiles are values that occurred; their standard error is that of the order statistic. The "
            "largest value is the largest seen in these trials: it has no Monte Carlo error and grows with "
            "their number. The denominator is every finished trial."
        ],
        sizes,
        *calendar,
        *blocks,
        short="Size and duration",
        covers=("H3", *drawn("I9", sizes), *drawn("I10", *calendar)),
    )


def _largest(content: dict) -> pd.DataFrame:
    """Return the largest values seen as rows of the table of sizes."""
    frame = content["tables"].get("largest")
    if frame is None or frame.empty:
        return pd.DataFrame()
    texts = [f"{x:,.0f}" if x == round(x) else f"{x:,.1f}" for x in frame.largest]
    return frame[["scenario", "design", "metric", "n"]].assign(level="largest", text=texts)


def stopping_section(content: dict) -> Section:
    """Return when and why trials stop, and the final states of cells."""
    table = content["tables"]["stopping"]
    occurring = table.groupby("level").m.transform("sum") > 0
    labels = content["labels"]
    by_look = table[(table.metric == "stopped_by") & occurring]
    by_look = by_look.assign(look=by_look.look.astype(int))
    return section(
        "stopping",
        "Stopping by look and reason",
        [
            "Reasons exclude each other, and a trial that stops early stops because every cell has closed. "
            "The denominator is every finished trial."
        ],
        stopping_figure(content),
        distribution_figure(content, "months"),
        pivot(
            by_look,
            name="stopping",
            caption="Probability of having stopped at or before each look, by reason.",
            keys={"scenario": "Scenario", "design": "Design", "level": "Reason"},
            columns="look",
            titles={look: f"Look {look}" for look in sorted(set(by_look.look))},
            rename={"level": labels["reasons"]},
        ),
        pivot(
            _states(content),
            name="status",
            caption="Final state of each arm in each subgroup.",
            keys={**CELLS, "design": "Design"},
            columns="level",
            titles=labels["states"],
        ),
        *_decided(content),
        pivot(
            content["tables"].get("late", table.iloc[:0]),
            name="late",
            caption="After a decision: cells whose accrual ended for expected success, and claims analysed "
            "again with the patients and events between data cut-off and effect (the overrun).",
            keys={**CELLS, "design": "Design"},
            columns="metric",
            titles={name: entry["label"] for name, entry in labels["metrics"].items()},
        ),
        short="Stopping",
        covers=("H4", "I4"),
    )


def _decided(content: dict) -> list[Table | None]:
    """Return when subgroups and cells are decided, and for what before the final look."""
    table = content["tables"].get("decided", content["tables"]["stopping"].iloc[:0])
    by_look = table[table.look.notna()]
    by_look = by_look.assign(look=by_look.look.astype(int))
    heads = {look: f"Look {look}" for look in sorted(set(by_look.look))}
    cell = by_look[by_look.metric == "decided_by"]
    last = cell.groupby("design").look.transform("max")
    before = cell[(cell.look == last - 1) & (cell.level != "COMPLETED")]
    named = content["labels"]["states"] | {"any": "any reason"}
    subgroup = {"scenario": "Scenario", "subgroup": "Subgroup", "design": "Design"}
    return [
        pivot(
            in_order(by_look[by_look.metric == "closed_by"], content, *subgroup),
            name="closed_by",
            caption="Probability that every arm offered in the subgroup has been decided at or before each "
            "look: the subgroup then closes.",
            keys=subgroup,
            columns="look",
            titles=heads,
        ),
        pivot(
            in_order(cell[cell.level == "any"], content, "scenario", "subgroup", "arm", "design"),
            name="decided_by",
            caption="Probability that the cell has been decided at or before each look, for whatever reason; "
            "decided.csv has every reason at every look.",
            keys={**CELLS, "design": "Design"},
            columns="look",
            titles=heads,
        ),
        pivot(
            in_order(before, content, "scenario", "subgroup", "arm", "design"),
            name="decided_early",
            caption="Probability that the cell is decided before the final look, by reason. At a look that "
            "comes with the last patient of the trial such a decision spares nobody: accrual is over.",
            keys={**CELLS, "design": "Design"},
            columns="level",
            titles=named,
        ),
    ]


def _states(content: dict) -> pd.DataFrame:
    """Return the final states that occur, cells with their designs under each other."""
    table = content["tables"]["status"]
    occurring = table.groupby("level").m.transform("sum") > 0
    return in_order(table[occurring], content, "scenario", "subgroup", "arm", "design")


def allocation_section(content: dict) -> Section:
    """Return where patients go."""
    table = content["tables"]["allocation"]
    means = table[(table.metric == "patients_in") & (table.level == "mean")]
    wrong = of_metrics(table, "wrong_way", "wrong_way_experimental")
    wrong_way = content["labels"]["metrics"]["wrong_way"]
    courses = allocation_figures(content)
    by_look = courses if (table.metric == "allocation_after").any() else []
    return section(
        "allocation",
        "Allocation",
        [
            "An arm is inferior when its true hazard in the subgroup exceeds that of the best arm offered "
            "there, control included. Equal allocation, too, sends more patients to an inferior arm by "
            "chance: read these rows against the benchmark. "
            f"\N{LEFT DOUBLE QUOTATION MARK}{wrong_way['label']}\N{RIGHT DOUBLE QUOTATION MARK} counts "
            f"{wrong_way['definition']}."
        ],
        _shown(content),
        *courses,
        pivot(
            means.assign(
                arm=means.arm.replace("all", "All arms"), subgroup=means.subgroup.replace("all", "All")
            ),
            name="patients_in",
            caption="Mean number of patients.",
            keys={"scenario": "Scenario", "design": "Design", "subgroup": "Subgroup"},
            columns="arm",
        ),
        side_by_side(
            table[table.metric == "patients_inferior"],
            content,
            "subgroup",
            name="patients_inferior",
            caption="Mean number of patients on truly inferior arms.",
        ),
        side_by_side(
            wrong,
            content,
            "subgroup",
            "metric",
            name="wrong_way",
            caption="Probability that a truly inferior arm got more patients than the best.",
        ),
        *_few(content),
        covers=("H6", *drawn("I5", *by_look)),
    )


def _few(content: dict) -> list[Table | None]:
    """Return how often arms are small: at the end, and at the look that decides."""
    table = content["tables"]["allocation"]
    return [
        side_by_side(of_metrics(frame, name), content, "arm", "subgroup", name=name, caption=caption)
        for frame, name, caption in (
            (
                table,
                "few_patients",
                "Probability that an arm ends the trial with fewer than 10 patients in the subgroup: its "
                "estimate then leans on the prior and on the other subgroups.",
            ),
            (
                _with_m(of_metrics(content["tables"].get("decided", table.iloc[:0]), "few_at_decision")),
                "few_at_decision",
                "Probability that the arm or control has fewer than 10 patients in the subgroup at the look "
                "that claims benefit or closes the cell for futility or harm, over the m trials in which one "
                "does.",
            ),
        )
    ]


def _with_m(table: pd.DataFrame) -> pd.DataFrame:
    """Return rows of conditional numbers whose text says over how many trials each is."""
    told = [
        text if "m = " in text else f"{text}, m = {m:,}" for text, m in zip(table.text, table.m, strict=True)
    ]
    return table.assign(text=told)


def benefit_section(content: dict) -> Section | None:
    """Return what patients in the trial, and those after it, have of the design."""
    table = content["tables"].get("benefit")
    if table is None or table.empty:
        return None
    metrics = content["labels"]["metrics"]
    return section(
        "patient-benefit",
        "Benefit of patients",
        [
            "Endpoint events per 100 patients count all follow-up within the trial, so a design that stops "
            "earlier has fewer events per patient without any patient being better off: compare designs of "
            "like duration.",
            f"Ideal design percentage: {metrics['ideal_percentage']['definition']}. Scenarios in which all "
            "arms are alike have none. It is above 0 without any claim where control is not the worst arm.",
        ],
        *(
            side_by_side(
                table[table.metric == metric],
                content,
                "subgroup",
                name=metric,
                caption=caption,
            )
            for metric, caption in (
                ("events_per_100", "Expected endpoint events per 100 patients in the trial."),
                ("ideal_percentage", "Ideal design percentage, per cent."),
            )
        ),
        covers=("H7",),
    )


def _shown(content: dict) -> Items | None:
    """Say which scenarios the figures of the allocation show, where they do not show all."""
    shown = content.get("results_notes", {}).get("shown", [])
    if not shown or len(shown) == len(content["meta"]["scenarios"]):
        return None
    lead = "The figures show these scenarios; allocation.csv holds all of them:"
    return Items(lead, [f"{entry['scenario']}: {entry['why']}" for entry in shown])


FAILURE_TITLES = {
    "scenario": "Scenario",
    "design": "Design",
    "requested": "Requested",
    "finished": "Finished",
    "failed": "Failed",
    "looks_held": "Looks held",
    "unhealthy_looks": "Unhealthy looks",
    "trials_with_unhealthy_look": "Trials with such a look",
    "arrivals_exhausted": "Arrivals exhausted",
    "without_stop_reason": "No stop reason",
    "cells_left_open": "Cells left open",
    "fwer_worst_case_text": "Worst error rate",
}


def failure_section(content: dict) -> Section:
    """Return what failed, and whether the Monte Carlo estimates can be trusted."""
    splits, titles = content["tables"]["splits"], metric_titles(content)
    running = convergence_figure(content)
    splits = (
        splits.assign(metric=splits.metric.map(lambda name: titles.get(name, name)))
        if len(splits)
        else splits
    )
    return section(
        "failures",
        "Failures and Monte Carlo checks",
        [
            "Failed trials are in no denominator. At an unhealthy look the posterior fit failed its checks "
            "and no rule fired. The worst error rate is the probability of any false claim if every failed "
            "trial had made one.",
            "The block check splits the trials into consecutive blocks and asks whether they have one mean. "
            "With independent trials each p-value is uniform between 0 and 1; several depend on each other, "
            "because designs and scenarios share virtual patients.",
            *content.get("convergence", {}).get("checks", []),
        ],
        plain(
            content["tables"]["failures"][list(FAILURE_TITLES)],
            name="failures",
            caption="Trials and looks that did not go as they should, by scenario and design.",
            stub=2,
            titles=FAILURE_TITLES,
            numeric=True,
        ),
        running,
        plain(
            splits,
            name="splits",
            caption="Agreement of consecutive blocks of trials; a dash where too few trials count. Checks of "
            "the same values are one row, whose last column says where else they occur.",
            stub=2,
            titles={
                "scenario": "Scenario",
                "design": "Design",
                "metric": "Metric",
                "n": "n",
                "blocks": "Blocks",
                "chi_squared": "Chi-squared",
                "degrees_of_freedom": "d.f.",
                "p_value": "p",
                "also": "Same values",
            },
            numeric=True,
            collapse=True,
        ),
        short="Failures and checks",
        covers=("H13", *drawn("I8", running)),
    )
