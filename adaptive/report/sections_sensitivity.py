"""Sections of the sensitivity analysis: curves, tornados, levels, rules not followed. Computes nothing."""

from collections.abc import Sequence

import pandas as pd

from adaptive.report.arranged import ALL, TITLES, in_order
from adaptive.report.blocks import Items
from adaptive.report.figure_style import Drawing
from adaptive.report.figures_sensitivity import claim_curves, tornado
from adaptive.report.pivot import Table, pivot, plain
from adaptive.report.section import Section, metric_titles, section
from adaptive.report.sections_errors import noninferior

DRAWN = {"fwer": "any false claim", "disjunctive_power": "any true claim"}
CLAIMS = {
    "fwer": "Any false claim",
    "disjunctive_power": "Any true claim",
    "correct_set": "Exactly the right claims",
}
SIZES = {
    "patients": "Patients",
    "months": "Duration, months",
    "patients_inferior": "Patients on inferior arms",
    "bias": "Bias, log HR",
    "coverage": "Coverage",
}
OBEDIENCE = (
    ("error", "false", "Type I error", ("fwer", "arm_error", "subgroup_error", "type_i_error")),
    (
        *("power", "true", "Power"),
        ("disjunctive_power", "conjunctive_power", "arm_power", "subgroup_power", "power"),
    ),
)
"""Tables of claims with rules followed or not: name, kind of claim, title, metrics."""
PLACE = ("scenario", "metric", "subgroup", "arm", "design")
FEWEST = 5
"""Levels in a scenario that make a tornado worth drawing; fewer are in the table."""


def curve_section(content: dict) -> Section | None:
    """Return the curves of the factors with an axis, such as the power curve; ``None`` if there are none."""
    factors = [factor for factor in _factors(content) if factor["axis"]]
    frame = content["tables"].get("sensitivity")
    if not factors or frame is None:
        return None
    meta = content["meta"]
    drawn = [claim_curves(frame, factor, meta["subgroups"], meta["designs"]) for factor in factors]
    tables = [_curve_table(frame, factor, meta) for factor in factors]
    return section(
        "power-curves",
        "Chance of a claim by the size of the effect",
        [
            "Scenarios fix a few effects; these curves move the effect and leave everything else. A curve at "
            "a true hazard ratio of 1 or more is a type I error, below 1 it is power."
        ],
        *drawn,
        *tables,
        short="Power curves",
        covers=("I2",) if any(drawing.svg for drawing in drawn) else (),
    )


def _factors(content: dict) -> list[dict]:
    return (content.get("sensitivity") or {}).get("factors", [])


def _curve_table(frame: pd.DataFrame, factor: dict, meta: dict) -> Table | None:
    """Return the numbers behind a curve: a row per value and design, a column per subgroup."""
    values = {level["name"]: level["value"] for level in factor["levels"]}
    own = frame[(frame.factor == factor["name"]) & (frame.metric == "claim") & (frame.level == "estimate")]
    if own.empty:
        return None
    own = own.assign(value=own.setting.map(values))
    order = {name: i for i, name in enumerate(meta["designs"])}
    keys = ["value", "design"]
    wide = own.pivot(index=keys, columns="subgroup", values="text").join(own.groupby(keys).n.max())
    wide = wide.reset_index()
    wide = wide.sort_values(keys, key=lambda column: column.map(order) if column.name == "design" else column)
    wide["value"] = [f"{value:g}" for value in wide["value"]]
    places = ["all", *(s for s in meta["subgroups"] if s in wide)]
    return plain(
        wide[["value", "design", *places, "n"]],
        name=f"curve_{factor['name']}",
        caption="Probability that benefit is claimed, with its Monte Carlo error; n virtual trials.",
        stub=2,
        titles={"value": factor["axis"].capitalize(), "design": "Design", "all": "Any subgroup"},
        numeric=True,
        collapse=True,
        made_by="sensitivity",
    )


def sensitivity_section(content: dict) -> Section | None:
    """Return tornados, the table of every level, and what could not be run."""
    part = content.get("sensitivity")
    if part is None:
        return None
    frame = content["tables"].get("sensitivity")
    if frame is None:
        return section("sensitivity", "Sensitivity to assumptions", part["lead"], short="Sensitivity")
    factors = part["factors"]
    left_out = [f"{name}: {reason}." for name, reason in part["not_run"].items()]
    drawings = _tornados(frame, factors, content["meta"]["scenarios"])
    obedience = [_obedience(content, *kind) for kind in OBEDIENCE]
    return section(
        "sensitivity",
        "Sensitivity to assumptions",
        part["lead"],
        *drawings,
        level_table(frame, factors, CLAIMS, "sensitivity_claims", "Claims"),
        level_table(frame, factors, SIZES, "sensitivity_size", "Size and estimation"),
        *obedience,
        _settings(content["tables"].get("sensitivity_settings")),
        Items("Not varied, because the engine or this study has no such thing:", left_out)
        if left_out
        else None,
        short="Sensitivity",
        covers=("K", *(("I7",) if drawings else ()), *(("H1",) if obedience[0] is not None else ())),
    )


def _obedience(content: dict, name: str, kind: str, title: str, metrics: Sequence[str]) -> Table | None:
    """Return claims of a kind with a binding rule followed and never followed, and the paired change."""
    frame = content["tables"].get("binding")
    if frame is None:
        return None
    own = frame[frame.metric.isin(metrics) & ~frame.design.isin(noninferior(content))]
    own = own.drop_duplicates(["rule", *PLACE, "level"])
    keys = {"rule": "Rule"} if own.rule.nunique() > 1 else {}
    keys |= {key: TITLES[key] for key in PLACE}
    rules = " or ".join(dict.fromkeys(own.rule))
    labels = content["labels"]["metrics"]
    content = content | {"labels": {"metrics": {metric: labels[metric] for metric in metrics}}}
    return pivot(
        in_order(own, content, *keys),
        name=f"binding_{name}",
        caption=f"{title} with the rule for {rules} followed, as designed, and "
        f"never followed: probability of {kind} claims and its change on the same virtual trials, each with "
        "its Monte Carlo error; 0 (0) says that no trial differed. The trials are simulated anew with the "
        "rule as advice that nobody takes, so that accrual, allocation and looks change with it.",
        keys=keys,
        columns="level",
        titles={"followed": "Followed", "ignored": "Never followed", "change": "Change"},
        rename={"metric": metric_titles(content), "subgroup": ALL, "arm": ALL},
        collapse=True,
        made_by="sensitivity",
    )


def _tornados(frame: pd.DataFrame, factors: list[dict], scenarios: Sequence[str]) -> list[Drawing]:
    """Return a tornado per metric and scenario in which enough levels were compared."""
    plain_factors = [factor["name"] for factor in factors if not factor["axis"]]
    compared = frame[(frame.level == "difference") & frame.factor.isin(plain_factors)]
    drawings = []
    for metric, title in DRAWN.items():
        own = compared[(compared.metric == metric) & (compared.subgroup == "all")]
        counts = own.groupby("scenario").size().to_dict()
        chosen = [scenario for scenario in scenarios if counts.get(scenario, 0) >= FEWEST]
        for scenario in chosen:
            shown = own[own.scenario == scenario]
            limits = (min(float(shown.lower.min()), 0.0), max(float(shown.upper.max()), 0.0))
            drawings.append(tornado(frame, factors, metric, scenario, title, limits))
    return drawings


def level_table(
    frame: pd.DataFrame, factors: list[dict], metrics: dict[str, str], name: str, title: str
) -> Table | None:
    """Return a row per level, scenario and design; per metric the estimate and its change from the base."""
    own = frame[frame.metric.isin(metrics) & (frame.subgroup == "all") & (frame.arm == "all")]
    if own.empty:
        return None
    rows = [
        row for factor in factors for row in _level_rows(own[own.factor == factor["name"]], factor, metrics)
    ]
    shown = [metric for metric in metrics if (own.metric == metric).any()]
    titles = {"factor": "Factor", "level": "Level", "scenario": "Scenario", "design": "Design", "n": "n"}
    for metric in shown:
        titles |= {metric: metrics[metric], f"{metric}_change": "change"}
    return plain(
        pd.DataFrame(rows, columns=list(titles)),
        name=name,
        caption=f"{title} at every level: estimate, and paired change from the base, each with its Monte "
        "Carlo error; n virtual trials, the same ones in a base and its levels. Bias and coverage are "
        "means over the cells of a trial; 0 (0) says that no pair differed.",
        stub=4,
        titles=titles,
        numeric=True,
        collapse=True,
        made_by="sensitivity",
    )


def _level_rows(own: pd.DataFrame, factor: dict, metrics: dict[str, str]) -> list[dict]:
    texts = {
        (row.setting, row.scenario, row.design, row.metric, row.level): row.text
        for row in own.itertuples(index=False)
    }
    counts = own[own.level == "estimate"].groupby(["setting", "scenario", "design"]).n.max().to_dict()
    rows = []
    for level in factor["levels"]:
        for scenario in factor["scenarios"]:
            for design in factor["designs"]:
                place = (level["name"], scenario, design)
                if place not in counts:
                    continue
                mark = " (base)" if level["name"] == factor["base"] else ""
                row = {"factor": titled(factor), "level": level["label"] + mark}
                row |= {"scenario": scenario, "design": design, "n": int(counts[place])}
                for metric in metrics:
                    row[metric] = texts.get((*place, metric, "estimate"))
                    row[f"{metric}_change"] = texts.get((*place, metric, "difference"))
                rows.append(row)
    return rows


def titled(factor: dict) -> str:
    """Return what a factor is called, with what sets its base apart from the study's cells."""
    return factor["title"] + (f", all with {factor['under']}" if factor["under"] else "")


def _settings(frame: pd.DataFrame | None) -> Table | None:
    if frame is None or frame.empty:
        return None
    return plain(
        frame,
        name="sensitivity_settings",
        caption="What each level changes, as overrides of the study's configuration. Numbers given here are "
        "assumptions of this analysis, whatever source the study's own number has.",
        stub=2,
        titles={"factor": "Factor", "level": "Level", "changes": "Changes"},
        collapse=True,
        made_by="configuration",
    )
