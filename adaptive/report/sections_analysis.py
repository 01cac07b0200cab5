"""Parts of the report on the analysis model of a design and its priors. Computes nothing."""

import pandas as pd

from adaptive.report.blocks import Formula, Items, Text
from adaptive.report.pivot import Table, plain
from adaptive.report.section import Section, section
from adaptive.report.sections_spec import is_built, specification_of


def analysis_section(content: dict) -> Section | None:
    """Return the analysis model in formulas, its assumptions and where the code is."""
    spec = specification_of(content)
    if not is_built(content):
        return None
    blocks = []
    for model in spec["models"]:
        if len(spec["models"]) > 1:
            blocks.append(Text(f"Designs {', '.join(model['designs'])}:"))
        blocks += [
            block for title, text, where in model["formulas"] for block in (Text(title), Formula(text, where))
        ]
        blocks.append(Items("Exchangeability that the model assumes:", model["exchangeability"]))
        blocks.append(Items("Code:", model["code"]))
    return section(
        "analysis-model",
        "Analysis model",
        ["One model is fitted at every look to all data of the trial; the same code analyses real data."],
        *blocks,
        Items("Censoring and missing data:", spec["censoring"]),
        covers=("E1", "E6"),
    )


def prior_section(content: dict) -> Section | None:
    """Return every prior with its justification, that of the spread between subgroups by itself."""
    spec = specification_of(content)
    if not is_built(content):
        return None
    table = spec["priors"]
    spread = table.parameter == "tau_scale"
    stated = not (table.justification == "not stated in the dossier").any()
    informed = spec["not_applicable"].get("E5", "")
    return section(
        "priors",
        "Priors and their justification",
        ["Justifications are the authors’ (dossier). Their consequences are in the next section."],
        _priors(table[~spread], "priors", "Priors of the analysis model."),
        _priors(table[spread], "prior_spread_choice", "Prior of the spread τ between subgroups, by itself."),
        Text(f"Conflict between prior and data: not applicable, {informed}.") if informed else None,
        short="Priors",
        covers=("E2",) if stated else (),
    )


def prior_source_section(content: dict) -> Section | None:
    """Return where the numbers of the priors come from."""
    spec = specification_of(content)
    if not is_built(content) or spec["priors"].empty:
        return None
    table = spec["priors"].drop_duplicates(["parameter", "value"])
    return section(
        "prior-sources",
        "Sources of the priors",
        ["Justifications are in chapter 2."],
        _priors(
            table[["design", "parameter", "value", "source", "tag"]],
            "prior_sources",
            "Priors and their sources.",
        ),
    )


def _priors(table: pd.DataFrame, name: str, caption: str) -> Table | None:
    doubtful = ("assumption", "unverified", "expert opinion", "not stated")
    flags = [next((w for w in doubtful if w in tag.lower()), "") for tag in table.tag]
    several = table.design.nunique() > 1
    shown = table if several else table.drop(columns="design")
    return plain(
        shown.assign(flag=flags),
        name=name,
        caption=f"{caption} Rows resting on a choice or an opinion are shaded.",
        titles={column: column.capitalize() for column in shown.columns},
        flag="flag",
        collapse=False,
        made_by="dossier",
    )
