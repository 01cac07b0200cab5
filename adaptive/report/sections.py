"""Parts of the report on designs, truth, errors, estimates and provenance. Computes nothing."""

import pandas as pd

from adaptive.report.blocks import Code
from adaptive.report.figures import estimation_figures, paired_figure, power_figure, type_i_error_figure
from adaptive.report.pivot import pivot, plain
from adaptive.report.section import CELLS, Section, compared, metric_titles, of_metrics, section

ERROR_READING = (
    "Each number is an estimate with its Monte Carlo standard error in parentheses, rounded by that error; "
    "where no or every trial counts, 95% Wilson limits in brackets replace it."
)


ADVICE_READING = (
    "With advice followed, a claim counts only if no earlier look advised giving the cell up. The trials "
    "are not run anew: allocation and the other cells are as they were with the advice ignored. A dash: the "
    "design has no non-binding rule, or the number does not apply."
)


def design_section(content: dict) -> Section:
    """Return the designs side by side."""
    benchmark = content["meta"]["benchmark"]
    lead = [f"{benchmark} is the benchmark that the others are compared with."] if benchmark else []
    return section(
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
    """Return what is assumed to be true."""
    return section(
        "scenarios",
        "Scenarios",
        [
            "A scenario fixes what is true. True values are of the declared estimand; a cell is null when "
            "the arm has no benefit there. Tables are made from the configurations that were run."
        ],
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
    )


def parameter_section(content: dict) -> Section:
    """Return every assumed number with its source."""
    parameters = content["parameters"]
    flagged = int((parameters.flag != "").sum())
    lead = (
        [f"{flagged} of {len(parameters)} parameter values are flagged as lacking a verified source."]
        if len(parameters)
        else []
    )
    return section(
        "parameters",
        "Parameters and their sources",
        lead,
        plain(
            parameters.assign(tag=_marked_tags(parameters)),
            name="parameters",
            caption="Parameter provenance: value, unit, source and evidence tag. Flagged rows are shaded.",
            titles={name: name.capitalize() for name in parameters.columns},
            collapse=False,
            flag="flag",
        ),
        covers=("D2",),
    )


def _marked_tags(parameters: pd.DataFrame) -> list[str]:
    """Return the evidence tags, each with the reason for its flag where the tag does not say it."""
    pairs = zip(parameters.tag, parameters.flag, strict=True)
    return [tag if flag in ("", tag) else f"{tag} ({flag})".strip() for tag, flag in pairs]


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
    return section(
        "type-i-error",
        "Type I error",
        lead,
        type_i_error_figure(content),
        compared(
            of_metrics(claims, "fwer"),
            content,
            "metric",
            name="family_wise_error",
            caption="Probability of at least one false claim.",
        ),
        compared(
            of_metrics(claims, "type_i_error"),
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
    return section(
        "power",
        "Power",
        ["A true claim is a claim of benefit for an arm in a subgroup where it has one."],
        power_figure(content),
        compared(
            of_metrics(claims, "disjunctive_power", "conjunctive_power", "correct_set"),
            content,
            "metric",
            name="power_of_trial",
            caption="Probability of any, of every, and of exactly the right claims.",
        ),
        compared(
            of_metrics(claims, "power"),
            content,
            "metric",
            "subgroup",
            "arm",
            name="power",
            caption="Power per subgroup and arm.",
        ),
    )


def estimation_section(content: dict) -> Section:
    """Return bias, errors and coverage, overall and given a claim."""
    table, titles = content["tables"]["estimation"], metric_titles(content)
    keys = {**CELLS, "design": "Design"}
    overall, claimed = table[table.level == "overall"], table[table.level == "claimed"]
    return section(
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
            counted="pairs of virtual trials",
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
            counted="pairs of virtual trials",
        ),
        short="Paired differences",
    )


def definition_section(content: dict) -> Section:
    """Return how each number is computed."""
    used = {name for frame in content["tables"].values() if "metric" in frame for name in frame.metric}
    rows = [
        {"Metric": entry["label"], "Unit": entry["unit"], "Definition": entry["definition"]}
        for name, entry in content["labels"]["metrics"].items()
        if name in used
    ]
    return section(
        "definitions",
        "Definitions",
        [
            "Monte Carlo standard errors: √(p(1 − p)/n) for a proportion, s/√n for a mean, the standard "
            "error of the paired difference for comparisons, and the number m of trials in place of n for "
            "numbers given a claim (Morris, White and Crowther 2019, doi:10.1002/sim.8086). Limits of "
            "proportions are Wilson’s."
        ],
        plain(pd.DataFrame(rows), name="definitions", caption="How each number is computed.", collapse=True),
    )


def provenance_section(content: dict) -> Section:
    """Return what made the results: facts common to all, and those that differ."""
    common, differing = split_constant(content["provenance"], keep=("scenario", "design"))
    commands = [Code(command) for command in content["meta"]["command"]]
    return section(
        "provenance",
        "Provenance",
        ["Commands that re-run the results:"] if commands else [],
        *commands,
        plain(
            common,
            name="provenance_common",
            caption="The same for every result.",
            titles={"item": "Item", "value": "Value"},
        ),
        plain(
            differing,
            name="provenance",
            caption="What differs between results.",
            stub=2,
            titles={"scenario": "Scenario", "design": "Design"},
            collapse=len(differing) > 12,
        ),
    )


def split_constant(frame: pd.DataFrame, keep: tuple[str, ...]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return columns with one value as rows of item and value, and the frame without them."""
    constant = [c for c in frame.columns if c not in keep and frame[c].nunique(dropna=False) == 1]
    common = pd.DataFrame([(name, frame[name].iloc[0]) for name in constant], columns=["item", "value"])
    return common, frame.drop(columns=constant)


def configuration_section(content: dict) -> Section:
    """Return everything that determines each result, as it was run."""
    return section(
        "configuration",
        "Resolved configuration",
        ["Everything that determines each result, as it was run."],
        *(
            Code(
                config["text"],
                f"{config['scenario']} | {config['design']}, SHA-256 {config['sha256'][:16]}…",
                collapsed=True,
            )
            for config in content["configs"]
        ),
    )


def file_section(content: dict) -> Section:
    """Return the hash of every file."""
    return section(
        "files",
        "Files",
        [],
        plain(
            content["files"],
            name="files",
            caption="Files that the report was made from; each was read only after its SHA-256 was checked.",
            stub=2,
            titles={"scenario": "Scenario", "design": "Design", "file": "File"},
            collapse=True,
        ),
    )
