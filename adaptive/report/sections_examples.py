"""Worked virtual trials as sections: what happened, the command that shows it again, every look."""

from dataclasses import replace

from adaptive.report.blocks import Code, Items
from adaptive.report.examples_words import STATES as FINAL
from adaptive.report.examples_words import (
    decision,
    hazard_ratio,
    interval,
    look_title,
    probability,
    rule_text,
    rule_title,
)
from adaptive.report.figures_examples import course_figure, overlay_figure, scale_of
from adaptive.report.pivot import ABSENT, Cell, Table, spanned
from adaptive.report.section import Section, section

LONG = 24


def example_cases(content: dict) -> list[Section]:
    """Return a section per example."""
    examples = content.get("examples") or {}
    items = examples.get("items", [])
    scale = scale_of(items)
    return [_case(item, examples.get("priors", {}), scale) for item in items]


def _case(item: dict, priors: dict, scale: tuple[float, float]) -> Section:
    """Return one example, about a page long."""
    near = " (nearest found)" if item["near"] else ""
    source = "" if item["stored"] else " Its looks were not stored: it was simulated again for this report."
    return section(
        f"example-{item['id']}",
        f"{item['title']}{near}",
        [f"{item['why']} Trial {item['trial']}, seed {item['seed']}.{source}"],
        Items("What happened:", [*item["story"], *item["remarks"]]),
        Code(item["command"], "This command shows the trial again, every number of every look:", shell=True),
        course_figure(item, scale),
        overlay_figure(item, priors.get(item["result"])),
        data_table(item),
        rule_table(item),
        end_table(item),
        short=item["title"],
    )


def data_table(item: dict) -> Table:
    """Return patients, events, exposure and the next allocation: a row per look and subgroup."""
    arms = list(dict.fromkeys(cell["arm"] for cell in item["looks"][0]["cells"]))
    labels, body = [], []
    for look in item["looks"]:
        for subgroup in dict.fromkeys(cell["subgroup"] for cell in look["cells"]):
            cells = [cell for cell in look["cells"] if cell["subgroup"] == subgroup]
            labels.append([look_title(look), subgroup])
            counts = [f"{c['patients']}, {c['events']}, {c['exposure']:.0f}" for c in cells]
            body.append(counts + [_share(cell) for cell in cells])
    return Table(
        name=f"example_{item['id']}_data",
        caption=f"Data and allocation at each look of trial {item['trial']}: patients, endpoint events and "
        "person-months so far, and the allocation probability until the next look.",
        head=[
            "Look",
            "Subgroup",
            *(f"{arm}: patients, events, person-months" for arm in arms),
            *(f"{arm}: share until the next look" for arm in arms),
        ],
        rows=_rows(labels, body),
        stub=2,
        collapsed=len(body) > LONG,
        made_by=item["made_by"],
    )


def _share(cell: dict) -> str:
    return ABSENT if cell["allocation"] == 0 else probability(cell["allocation"], 3)


def _rows(labels: list[list[str]], body: list[list[str]]) -> list[list[Cell]]:
    heads = spanned(labels)
    return [[*head, *(Cell(text) for text in line)] for head, line in zip(heads, body, strict=True)]


def rule_table(item: dict) -> Table | None:
    """Return estimates, rules and decisions: a row per look and arm in a subgroup that the look judged."""
    judged = [(look, cell) for look in item["looks"] for cell in look["cells"] if cell.get("due")]
    if not judged:
        return None
    titles = [rule_title(rule) for rule in judged[0][1]["rules"]]
    body = [
        [
            cell["arm"],
            interval(cell),
            probability(cell["p_best"], 3),
            *(rule_text(rule) for rule in cell["rules"]),
            decision(cell),
        ]
        for _, cell in judged
    ]
    rows = _rows([[look_title(look), cell["subgroup"]] for look, cell in judged], body)
    marked = [
        [replace(c, flagged=c.span == 1 and cell["verdict"] not in ("NONE", "COMPLETED")) for c in row]
        for row, (_, cell) in zip(rows, judged, strict=True)
    ]
    return Table(
        name=f"example_{item['id']}_rules",
        caption=f"Posterior, rules and decisions at each look of trial {item['trial']}, arms still open: "
        "hazard ratio with 95% interval, probability of being the best arm, and each rule's value with, in "
        "brackets, what it must exceed or undercut to fire; 7/10, it has 7 of the 10 events it needs.",
        head=["Look", "Subgroup", "Arm", "HR (95% interval)", "P(best)", *titles, "Decision"],
        rows=marked,
        stub=2,
        collapsed=len(marked) > LONG,
        numeric=False,
        made_by=item["made_by"],
    )


def end_table(item: dict) -> Table:
    """Return the truth beside the estimate of the deciding look, with the overrun where there is one."""
    cells = [cell for cell in item["end"]["cells"] if cell["status"] != "NEVER_OPENED"]
    overrun = any(cell["overrun_log_hr_mean"] is not None for cell in cells)
    body = [
        [
            cell["arm"],
            hazard_ratio(cell["true_log_hr"]) + (" (no benefit)" if cell["is_null"] else ""),
            interval(cell),
            ABSENT if cell["decided_look"] is None else str(cell["decided_look"]),
            FINAL.get(cell["status"], cell["status"].lower()),
            *(_overrun(cell) if overrun else ()),
        ]
        for cell in cells
    ]
    extra = ["HR with overrun (95% interval)", "P(HR < 1) with overrun"] if overrun else []
    return Table(
        name=f"example_{item['id']}_end",
        caption=f"Truth beside the estimate at the look that decided, trial {item['trial']}; true hazard "
        f"ratio at {item['end']['horizon_months']:g} months.",
        head=["Subgroup", "Arm", "True HR", "Estimate (95% interval)", "Look", "End", *extra],
        rows=_rows(
            [[cell["subgroup"], line[0]] for cell, line in zip(cells, body, strict=True)],
            [line[1:] for line in body],
        ),
        stub=2,
        numeric=False,
        made_by=item["made_by"],
    )


def _overrun(cell: dict) -> tuple[str, str]:
    renamed = {name: cell[f"overrun_log_hr_{name}"] for name in ("mean", "lower", "upper")}
    return interval(renamed), probability(cell["overrun_p_below_1"], 4)
