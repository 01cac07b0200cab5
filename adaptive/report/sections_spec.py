"""Parts of the report that specify the designs. Every word comes from the configuration. Computes nothing."""

import pandas as pd

from adaptive.report.blocks import Formula, Items, Text
from adaptive.report.figures_flow import flow_figure
from adaptive.report.pivot import Table, pivot, plain
from adaptive.report.section import Section, section

CELL = (
    "A cell is one experimental arm in one subgroup; decisions are made by cell. HR is the hazard ratio of "
    "the arm against control, below 1 for benefit. Everything in this chapter but the justification of "
    "priors is written by the program from the configurations that were run."
)
NOT_BUILT = "Not part of this report: the configurations of its results were not built into designs."
LINE_HEADS = {"topic": "Topic", "item": "Item", "design": "Design", "text": "Specification"}
RULE_HEADS = {
    "design": "Design",
    "order": "Order",
    "verdict": "Verdict",
    "measure": "Quantity",
    "side": "Fires",
    "thresholds": "Threshold",
    "events": "Events needed",
    "cells": "Acts in",
    "force": "Force",
}


def specification_of(content: dict) -> dict:
    """Return the specification; empty if there is none."""
    return content.get("specification", {})


def is_built(content: dict) -> bool:
    """Return whether the configurations were built into designs, so that there is something to print."""
    return bool(len(specification_of(content).get("lines", [])))


def randomisation_section(content: dict) -> Section:
    """Return arms, strata, randomisation with its formula, limits and delays."""
    spec = specification_of(content)
    if not is_built(content):
        return section(
            "specification", "Arms, randomisation, limits and delays", [NOT_BUILT, *spec.get("notes", [])]
        )
    return section(
        "specification",
        "Arms, randomisation, limits and delays",
        [CELL, *spec["notes"]],
        plain(
            spec["lines"],
            name="specification",
            caption="What each design fixes; what all designs share is said once.",
            titles=LINE_HEADS,
            stub=2,
            collapse=False,
            made_by="configuration",
        ),
        *_formulas(spec["designs"]),
        plain(
            spec["settings"],
            name="settings",
            caption="Every setting of the resolved configurations that defines a design.",
            titles={"setting": "Setting"},
            collapse=True,
            made_by="configuration",
        ),
        short="Randomisation",
        covers=("C1", "C6", "C7"),
    )


def _formulas(designs: list[dict]) -> list[Formula | Text]:
    """Return the allocation formula of each design, equal ones once; an equation a line."""
    groups: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for design in designs:
        if formula := design["formula"]:
            groups.setdefault((formula["equations"], formula["where"]), []).append(design["name"])
    blocks: list[Formula | Text] = []
    for (equations, where), names in groups.items():
        title = "Probability π[s, a] that a patient of subgroup s gets arm a, control being arm 0"
        blocks.append(Text(f"{title}: {', '.join(names)}"))
        blocks += [Formula(text) for text in equations[:-1]]
        blocks.append(Formula(equations[-1], list(where)))
    return blocks


def look_section(content: dict) -> Section | None:
    """Return when looks are held, and the events expected at each."""
    spec = specification_of(content)
    if not is_built(content):
        return None
    return section(
        "looks",
        "Looks and information",
        [
            "Information is the number of endpoint events, because the precision of a log hazard ratio "
            "follows from events. The triggers below need not be events; the events expected at each look "
            "follow from the scenario."
        ],
        plain(
            spec["looks"],
            name="looks",
            caption="What triggers each look. The final look ends the trial.",
            titles={"look": "Look"},
            collapse=False,
            made_by="configuration",
        ),
        *_expected(content),
        short="Looks",
        covers=("C2",),
    )


def _expected(content: dict) -> list[Table | None]:
    """Return the events expected by look and subgroup, and their fractions under the first scenario."""
    table = content["tables"].get("looks_expected")
    if table is None or table.empty:
        return []
    names = content["meta"]["scenarios"]
    shown = list(dict.fromkeys([names[0], names[-1]]))
    words = " and ".join(shown)
    chosen = table[table.scenario.isin(shown)]
    return [
        _by_look(
            chosen,
            "look_events",
            f"Endpoint events at each look under {words}, mean over the trials that hold it; the other "
            "scenarios are in tables/looks_expected.csv.",
        ),
        _by_look(
            chosen[chosen.scenario == names[0]],
            "information_fraction",
            "Information fraction: mean events at the look over mean events at the last planned look, under "
            f"{names[0]}.",
        ),
    ]


def _by_look(table: pd.DataFrame, metric: str, caption: str) -> Table | None:
    """Return one metric with a column per look."""
    keys = {"scenario": "Scenario", "design": "Design", "subgroup": "Subgroup"}
    if table.scenario.nunique() == 1:
        del keys["scenario"]
    return pivot(
        table[table.metric == metric],
        name=f"expected_{metric}",
        caption=caption,
        keys=keys,
        columns="look",
        titles={look: f"Look {look}" for look in set(table["look"])},
        collapse=True,
    )


def rule_section(content: dict) -> Section | None:
    """Return the decision rules, their order, and what they do at their edges."""
    spec = specification_of(content)
    if not is_built(content):
        return None
    return section(
        "rules",
        "Decision rules",
        ["Rules are listed in the order in which they win when several fire for one cell."],
        plain(
            spec["rules"],
            name="rules",
            caption="Every rule, judged in every open cell at every look at which it has a threshold.",
            titles=RULE_HEADS,
            stub=2,
            collapse=False,
            made_by="configuration",
        ),
        Items("What happens at a look, in this order:", spec["order_of_events"], ordered=True),
        Items("At the edges:", spec["edges"]),
        covers=("C3",),
    )


def predictive_section(content: dict) -> Section | None:
    """Return the settings of predictive probabilities, or that there is none."""
    spec = specification_of(content)
    if not is_built(content):
        return None
    table = spec["predictive"]
    none = (
        "None: no rule of any design uses a predictive probability, so no horizon, accrual, imputation model "
        "or number of draws is assumed for one."
    )
    return section(
        "predictive",
        "Predictive probabilities",
        [],
        Text(none) if table.empty else None,
        plain(
            table,
            name="predictive",
            caption="Settings of every predictive probability; its draws come from the analysis model.",
            titles={"design": "Design", "rule": "Rule", "setting": "Setting", "value": "Value"},
            stub=2,
            made_by="configuration",
        ),
        covers=("C4",),
    )


def closing_section(content: dict) -> Section | None:
    """Return what happens when a cell or a subgroup closes."""
    spec = specification_of(content)
    if not is_built(content):
        return None
    sharing = [
        line for model in spec["models"] for line in model["exchangeability"] if line.startswith("Subgroups")
    ]
    return section(
        "closing",
        "When a cell or a subgroup closes",
        [],
        Items("Closing a cell means:", spec["closing"]),
        Items("How subgroups share information:", list(dict.fromkeys(sharing))),
        short="Closing",
        covers=("C5",),
    )


def flow_section(content: dict) -> Section | None:
    """Return the decision flow as a diagram, and the tables of verdicts and transitions."""
    spec = specification_of(content)
    if not is_built(content):
        return None
    return section(
        "flow",
        "Decision flow and paths",
        [
            "The diagram and the tables are drawn from the rules that run. Every combination of rules that "
            "may fire is listed with the state that follows."
        ],
        *flow_figures(spec["designs"]),
        *_named(
            spec["verdicts"], "verdicts", "State of an open cell for every combination of rules that fire"
        ),
        *_named(spec["transitions"], "transitions", "Which state of a cell can follow which, and by what"),
        Items("States without a path:", [f"{name}: {text}" for name, text in spec["unreachable"].items()]),
        covers=("C8",),
    )


def flow_figures(designs: list[dict]) -> list:
    """Return one diagram per distinct flow; whether allocation follows the posterior is told within it."""
    groups: list[tuple[dict[str, bool], dict]] = []
    for design in designs:
        if design["flow"] is None:
            continue
        rest = {name: value for name, value in design["flow"].items() if name != "responds"}
        found = next((responds for responds, flow in groups if flow == rest), None)
        if found is None:
            groups.append((found := {}, rest))
        found[design["name"]] = design["flow"]["responds"]
    return [
        flow_figure(f"flow_{i}", ", ".join(found), flow | {"responds": _common(found)})
        for i, (found, flow) in enumerate(groups, 1)
    ]


def _common(values: dict[str, bool]) -> bool | dict[str, bool]:
    """Return the value that all have, or else the value of each."""
    return values if len(set(values.values())) > 1 else next(iter(values.values()))


def _named(frames: dict[str, pd.DataFrame], name: str, caption: str) -> list[Table | None]:
    """Return one table per distinct frame, its designs in the caption."""
    return [
        plain(
            frame,
            name=f"{name}_{number}",
            caption=f"{caption}: {designs}.",
            titles={column: column[:1].upper() + column[1:] for column in frame.columns},
            collapse=False,
            made_by="configuration",
        )
        for number, (designs, frame) in enumerate(frames.items(), 1)
    ]
