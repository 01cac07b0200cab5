"""The sections of the operating-characteristics report: which tables and figures stand where."""

from dataclasses import dataclass, field

import pandas as pd

from adaptive.report.figure_style import Drawing
from adaptive.report.figures import estimation_figures, paired_figure, power_figure, type_i_error_figure
from adaptive.report.figures_course import (
    allocation_figures,
    convergence_figure,
    distribution_figures,
    stopping_figure,
)
from adaptive.report.pivot import Table, pivot, plain

CELLS = {"scenario": "Scenario", "subgroup": "Subgroup", "arm": "Arm"}
ERROR_READING = (
    "Each number is an estimate with its Monte Carlo standard error in parentheses, rounded by that error; "
    "where no or every trial counts, 95% Wilson limits in brackets replace it."
)
ADVICE_READING = (
    "With advice followed, a claim counts only if no earlier look advised giving the cell up. The trials "
    "are not run anew: allocation and the other cells are as they were with the advice ignored. A dash: the "
    "design has no non-binding rule, or the number does not apply."
)


@dataclass(frozen=True)
class Section:
    """One section: an anchor, a title, sentences, and tables or figures; empty blocks are dropped."""

    name: str
    title: str
    lead: list[str]
    blocks: list[Table | Drawing] = field(default_factory=list)
    short: str = ""


def _section(
    name: str, title: str, lead: list[str], *blocks: Table | Drawing | None, short: str = ""
) -> Section:
    """Return a section without the blocks that have nothing to show."""
    return Section(name, title, lead, [block for block in blocks if block is not None], short or title)


def sections(content: dict) -> list[Section]:
    """Return the numbered sections after the summary."""
    return [
        design_section(content),
        scenario_section(content),
        type_i_error_section(content),
        power_section(content),
        size_section(content),
        stopping_section(content),
        allocation_section(content),
        estimation_section(content),
        paired_section(content),
        failure_section(content),
    ]


def _titles(content: dict) -> dict[str, str]:
    """Return the printed name of every metric."""
    return {name: entry["label"] for name, entry in content["labels"]["metrics"].items()}


def _metrics(table: pd.DataFrame, *names: str) -> pd.DataFrame:
    """Return the rows of some metrics, those with advice applied included, by scenario and metric."""
    wanted = [name for plain_name in names for name in (plain_name, f"{plain_name}_advice_applied")]
    ranks = {
        "scenario": {name: i for i, name in enumerate(dict.fromkeys(table.scenario))},
        "metric": {name: i for i, name in enumerate(wanted)},
    }
    chosen = table[table.metric.isin(wanted)]
    return chosen.sort_values(list(ranks), key=lambda column: column.map(ranks[column.name]), kind="stable")


def _keys(frame: pd.DataFrame, *columns: str) -> dict[str, str]:
    """Return row labels with their titles, without those that never change within the frame."""
    titles = {
        "scenario": "Scenario",
        "metric": "Metric",
        "subgroup": "Subgroup",
        "arm": "Arm",
        "design": "Design",
    }
    return {c: titles[c] for c in columns if c == "scenario" or frame[c].nunique() > 1}


def _compared(frame: pd.DataFrame, content: dict, *columns: str, **options) -> Table | None:
    """Return a table with a column per design and a row per combination of the other columns that vary."""
    names = {name: entry["label"] for name, entry in content["labels"]["metrics"].items()}
    for column, order in (("design", content["meta"]["designs"]), ("scenario", content["meta"]["scenarios"])):
        frame = frame.sort_values(column, key=lambda c, order=order: c.map(order.index), kind="stable")
    keys = _keys(frame, "scenario", *columns)
    whole = {"subgroup": {"all": "All"}, "arm": {"all": "All"}, "metric": names}
    return pivot(
        frame, keys=keys, columns="design", rename={k: v for k, v in whole.items() if k in keys}, **options
    )


def design_section(content: dict) -> Section:
    """Return the designs side by side."""
    benchmark = content["meta"]["benchmark"]
    lead = [f"{benchmark} is the benchmark that the others are compared with."] if benchmark else []
    return _section(
        "designs",
        "Designs side by side",
        lead,
        plain(
            content["designs"],
            name="designs",
            caption="What each design fixes in advance.",
            titles={"property": ""},
        ),
        plain(
            content["design_settings"],
            name="design_settings",
            caption="Settings of the resolved configuration that differ between the designs.",
            titles={"setting": "Setting"},
            collapse=True,
        ),
        short="Designs",
    )


def scenario_section(content: dict) -> Section:
    """Return what is assumed, and where it comes from."""
    parameters = content["parameters"]
    flagged = int((parameters.flag != "").sum())
    lead = [
        "A scenario fixes what is true. True values are of the declared estimand; a cell is null when the "
        "arm has no benefit there. Tables are made from the configurations that were run."
    ]
    if len(parameters):
        lead.append(
            f"{flagged} of {len(parameters)} parameter values are flagged as lacking a verified source."
        )
    return _section(
        "scenarios",
        "Scenarios and their assumptions",
        lead,
        plain(
            content["scenarios"],
            name="scenarios",
            caption="True effects and cumulative incidences by scenario, subgroup and arm.",
            stub=2,
            titles={"scenario": "Scenario", "subgroup": "Subgroup"},
            collapse=False,
            numeric=True,
        ),
        plain(
            content["scenario_settings"],
            name="scenario_settings",
            caption="Settings of the resolved configuration that differ between the scenarios.",
            titles={"setting": "Setting"},
            collapse=len(content["scenario_settings"]) > 25,
        ),
        plain(
            parameters,
            name="parameters",
            caption="Parameter provenance: value, unit, source and evidence tag. Flagged rows are shaded.",
            titles={name: name.capitalize() for name in parameters.columns},
            collapse=False,
            flag="flag",
        ),
        short="Scenarios",
    )


def type_i_error_section(content: dict) -> Section:
    """Return family-wise and per-cell type I error."""
    claims = content["tables"]["claims"]
    advised = claims.metric.str.endswith("_advice_applied").any()
    lead = [
        "A false claim is a claim of benefit for an arm in a subgroup where it has none; one-sided. Values "
        "are estimated over the declared scenarios only.",
        ERROR_READING,
        *([ADVICE_READING] if advised else []),
    ]
    return _section(
        "type-i-error",
        "Type I error",
        lead,
        type_i_error_figure(content),
        _compared(
            _metrics(claims, "fwer"),
            content,
            "metric",
            name="family_wise_error",
            caption="Probability of at least one false claim.",
        ),
        _compared(
            _metrics(claims, "type_i_error"),
            content,
            "metric",
            "subgroup",
            "arm",
            name="type_i_error",
            caption="Probability of a false claim per subgroup and arm.",
        ),
    )


def power_section(content: dict) -> Section:
    """Return power over the trial and per cell."""
    claims = content["tables"]["claims"]
    return _section(
        "power",
        "Power",
        ["A true claim is a claim of benefit for an arm in a subgroup where it has one."],
        power_figure(content),
        _compared(
            _metrics(claims, "disjunctive_power", "conjunctive_power", "correct_set"),
            content,
            "metric",
            name="power_of_trial",
            caption="Probability of any, of every, and of exactly the right claims.",
        ),
        _compared(
            _metrics(claims, "power"),
            content,
            "metric",
            "subgroup",
            "arm",
            name="power",
            caption="Power per subgroup and arm.",
        ),
    )


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
    }
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
    return _section(
        "size",
        "Patients, events and duration",
        ["Percentiles are values that occurred; their standard error is that of the order statistic."],
        *distribution_figures(content),
        *blocks,
        short="Size and duration",
    )


def _size_caption(entry: dict) -> str:
    """Return label, unit and definition, the unit only where the label does not name it."""
    unit = f", {entry['unit']}" if entry["unit"] not in entry["label"].lower() else ""
    return f"{entry['label']}{unit}: {entry['definition']}."


def stopping_section(content: dict) -> Section:
    """Return when and why trials stop, and the final states of cells."""
    table = content["tables"]["stopping"]
    occurring = table.groupby("level").m.transform("sum") > 0
    labels = content["labels"]
    by_look = table[(table.metric == "stopped_by") & occurring]
    by_look = by_look.assign(look=by_look.look.astype(int))
    return _section(
        "stopping",
        "Stopping by look and reason",
        [],
        stopping_figure(content),
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
            content["tables"]["status"],
            name="status",
            caption="Final state of each arm in each subgroup.",
            keys={**CELLS, "design": "Design"},
            columns="level",
            titles=labels["states"],
        ),
        short="Stopping",
    )


def allocation_section(content: dict) -> Section:
    """Return where patients go."""
    table = content["tables"]["allocation"]
    means = table[(table.metric == "patients_in") & (table.level == "mean")]
    wrong = _metrics(table, "wrong_way", "wrong_way_experimental")
    return _section(
        "allocation",
        "Allocation",
        [
            "An arm is inferior when its true hazard in the subgroup exceeds that of the best arm offered "
            "there, control included. Equal allocation, too, sends more patients to an inferior arm by "
            "chance: read these rows against the benchmark. "
            + content["labels"]["metrics"]["wrong_way"]["definition"].capitalize()
            + "."
        ],
        *allocation_figures(content),
        pivot(
            means.assign(
                arm=means.arm.replace("all", "All arms"), subgroup=means.subgroup.replace("all", "All")
            ),
            name="patients_in",
            caption="Mean number of patients.",
            keys={"scenario": "Scenario", "design": "Design", "subgroup": "Subgroup"},
            columns="arm",
        ),
        _compared(
            table[table.metric == "patients_inferior"],
            content,
            "subgroup",
            name="patients_inferior",
            caption="Mean number of patients on truly inferior arms.",
        ),
        _compared(
            wrong,
            content,
            "metric",
            "subgroup",
            name="wrong_way",
            caption="Probability that a truly inferior arm got more patients than the best.",
        ),
    )


def estimation_section(content: dict) -> Section:
    """Return bias, errors and coverage, overall and given a claim."""
    table, titles = content["tables"]["estimation"], _titles(content)
    keys = {**CELLS, "design": "Design"}
    overall, claimed = table[table.level == "overall"], table[table.level == "claimed"]
    return _section(
        "estimation",
        "Estimation of the log hazard ratio",
        [
            "The estimate of a cell is its posterior mean at the look that decided it, against the true log "
            "hazard ratio of the declared estimand. A negative bias overstates the benefit. Estimates given "
            "a claim are selected for being favourable; they are left out (a dash with m) where fewer than "
            "200 trials claim."
        ],
        *estimation_figures(content),
        pivot(
            _cell_order(overall),
            name="estimation",
            caption="Over all trials with an estimate.",
            keys=keys,
            columns="metric",
            titles=titles,
        ),
        pivot(
            _cell_order(claimed),
            name="estimation_claimed",
            caption="Over the trials that claim benefit in the cell; m such trials of",
            keys=keys,
            columns="metric",
            titles=titles,
        ),
        short="Estimation",
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
    table = content["tables"]["paired"]
    benchmark = content["meta"]["benchmark"]
    whole = table[table.subgroup == "all"]
    cells = table[table.subgroup != "all"]
    lead = [
        f"Every design is compared with {benchmark} on the same virtual patients (same seed, same trial "
        "index); the standard error is that of the paired difference."
        if benchmark
        else "The study has no benchmark design among its results, so there is nothing to compare with."
    ]
    return _section(
        "paired",
        "Paired differences from the benchmark",
        lead,
        paired_figure(content),
        _compared(
            whole,
            content,
            "metric",
            name="paired",
            caption=f"Difference, design minus {benchmark}.",
            counted="pairs of virtual trials",
        ),
        _compared(
            cells,
            content,
            "metric",
            "subgroup",
            "arm",
            name="paired_cells",
            caption=f"Difference per subgroup and arm, design minus {benchmark}.",
            collapse=True,
            counted="pairs of virtual trials",
        ),
        short="Paired differences",
    )


FAILURE_TITLES = {
    "scenario": "Scenario",
    "design": "Design",
    "requested": "Requested",
    "finished": "Finished",
    "failed": "Failed",
    "looks_held": "Looks held",
    "unhealthy_looks": "Unhealthy looks",
    "trials_with_unhealthy_look": "Trials with one",
    "arrivals_exhausted": "Arrivals exhausted",
    "without_stop_reason": "No stop reason",
    "cells_left_open": "Cells left open",
    "fwer_worst_case": "Worst error rate",
}


def failure_section(content: dict) -> Section:
    """Return what failed, and whether the Monte Carlo estimates can be trusted."""
    splits, titles = content["tables"]["splits"], _titles(content)
    splits = (
        splits.assign(metric=splits.metric.map(lambda name: titles.get(name, name)))
        if len(splits)
        else splits
    )
    return _section(
        "failures",
        "Failures and Monte Carlo checks",
        [
            "Failed trials are in no denominator. At an unhealthy look the posterior fit failed its checks "
            "and no rule fired. The worst error rate is the probability of any false claim if every failed "
            "trial had made one.",
            "The block check splits the trials into consecutive blocks: independent trials give p-values "
            "that are uniform between 0 and 1, so the smallest of many is expected to be small.",
        ],
        plain(
            content["tables"]["failures"],
            name="failures",
            caption="Trials and looks that did not go as they should, by scenario and design.",
            stub=2,
            titles=FAILURE_TITLES,
            numeric=True,
        ),
        convergence_figure(content),
        plain(
            splits,
            name="splits",
            caption="Agreement of consecutive blocks of trials; a dash where too few trials count.",
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
            },
            numeric=True,
            collapse=True,
        ),
        short="Failures and checks",
    )
