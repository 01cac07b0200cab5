"""Parts of the report on how virtual patients are made, what each scenario assumes, and their number."""

import pandas as pd

from adaptive.report.blocks import Formula, Items, Text
from adaptive.report.pivot import Table, plain
from adaptive.report.section import Section, section
from adaptive.report.sections_dossier import dossier_of

SCENARIO_HEADS = {
    "scenario": "Scenario",
    "class": "Class",
    "description": "Description",
    "truth": "True hazard ratios",
    "departures": "Departs from the analysis model",
    "hash": "SHA-256 of the configuration",
}
NOT_SIMULATED = {
    "G2": ("effect confined to a biomarker level", "growth of existing lesions as an event of its own"),
    "G3": ("missing data beyond dropout", "assessment interval"),
}
"""Families of the checklist that no scenario of this program can have."""
CHECK_HEADS = {
    "quantity": "Quantity",
    "scenario": "Scenario",
    "subgroup": "Subgroup",
    "arm": "Arm",
    "published": "Published",
    "implied": "Implied",
    "difference": "Difference",
    "tolerance": "Tolerance",
    "within": "Within",
    "source": "Source",
}


def declared_section(content: dict) -> Section | None:
    """Return the declared set: a row per scenario, made from the configurations that were run."""
    part = content.get("dgm")
    if part is None:
        return None
    return section(
        "declared-set",
        "The declared set of scenarios",
        [
            "A row per scenario, made from its configuration. Class: null if no arm has a benefit anywhere, "
            "else alternative; stress if the truth departs from the analysis model or some arm does harm.",
            *part["notes"],
        ],
        plain(
            part["scenarios"],
            name="declared_set",
            caption="Scenarios with the first digits of the hash of their configuration.",
            titles=SCENARIO_HEADS,
            collapse=False,
            made_by="configuration",
        ),
        short="Declared set",
        covers=("G5",),
    )


def family_section(content: dict) -> Section | None:
    """Return which families of scenarios are covered by what, and which are not."""
    part = content.get("coverage")
    if part is None:
        return None
    beyond = [(item, family, "not in the engine") for item in ("G2", "G3") for family in NOT_SIMULATED[item]]
    table = pd.concat([part["table"], pd.DataFrame(beyond, columns=part["table"].columns)], ignore_index=True)
    table = table.sort_values("item", kind="stable")
    flags = [
        "gap" if text in ("not covered", "not in the engine") or text.startswith("only") else ""
        for text in table["covered by"]
    ]
    return section(
        "families",
        "Families of scenarios covered",
        [
            "Membership is derived from the true values. Families: null hypotheses (G1), alternatives (G2) "
            "and assumptions that are of no interest themselves (G3). Shaded: families that are not covered, "
            "or in part only, and those that the engine cannot simulate."
        ],
        plain(
            table.assign(flag=flags),
            name="families",
            caption="Families of scenarios, and what covers each.",
            titles={"item": "Checklist", "family": "Family", "covered by": "Covered by"},
            flag="flag",
            collapse=False,
            made_by="configuration",
        ),
        covers=("G1", "G2", "G3"),
    )


def generation_section(content: dict) -> Section | None:
    """Return how virtual patients are made, in formulas."""
    part = content.get("dgm")
    if part is None:
        return None
    blocks = [
        block
        for formula in part["formulas"]
        for block in (Text(formula["title"]), Formula(formula["text"], formula["where"]))
    ]
    return section(
        "generation",
        "How virtual patients are made",
        [
            "Every number in the formulas is in the table of parameters of chapter 4; which of them a "
            "scenario changes is in chapter 5. Not modelled: frailty, visits at intervals, adherence, "
            "biomarkers that change, errors in outcome or subgroup, and switching of the background "
            "treatment."
        ],
        *blocks,
        covers=("D1",),
    )


def misspecification_section(content: dict) -> Section | None:
    """Return where the truth leaves the analysis model: as the program finds it and as the authors say."""
    part = content.get("dgm")
    if part is None:
        return None
    authors = dossier_of(content).get("misspecification", [])
    found = part["misspecification"] or [
        "In no scenario does the truth leave the analysis model in these ways."
    ]
    return section(
        "misspecification",
        "Where the truth differs from the analysis model",
        ["Differences are deliberate: a design should be judged where its model is wrong, too."],
        Items("Found by comparing each scenario with the model:", found),
        Items("Stated by the authors (dossier):", authors) if authors else None,
        short="Misspecification",
        covers=("D3",),
    )


def published_section(content: dict) -> Section | None:
    """Return published numbers against what the hazards imply."""
    part = content.get("dgm")
    if part is None or part["checks"].empty:
        return None
    table = part["checks"]
    flags = ["" if text == "yes" else "differs" for text in table.within]
    return section(
        "published",
        "Published numbers against the assumptions",
        [
            "What the hazards of a scenario imply in closed form, in month 0 and with other causes censoring "
            "as in a Kaplan-Meier estimate. A hazard derived from a number returns it by construction; that "
            "checks units and transcription only."
        ],
        plain(
            table.assign(flag=flags),
            name="published",
            caption="Published and implied values, with the tolerance that the authors declared.",
            titles=CHECK_HEADS,
            stub=1,
            flag="flag",
            collapse=False,
            made_by="dossier",
        ),
        short="Published checks",
        covers=("D4",),
    )


def precision_section(content: dict) -> Section:
    """Return how many trials were simulated, and the target and achieved error of every metric."""
    table = content.get("trust", {}).get("targets")
    labels = {name: entry["label"] for name, entry in content["labels"]["metrics"].items()}
    meta = content["meta"]
    low, high = meta["n_min"], meta["n_max"]
    n = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return section(
        "precision",
        "Number of virtual trials and precision",
        [
            f"{n} virtual trials per design and scenario. The number follows from the largest Monte Carlo "
            "standard error (MCSE) allowed for each metric. Achieved is the largest over cells, or the "
            "half-width of the 95% limits over 1.96 where that is larger."
        ],
        _targets(table, labels),
        short="Precision",
        covers=("D1",),
    )


def _targets(table: pd.DataFrame | None, labels: dict[str, str]) -> Table | None:
    """Return target and worst achieved error of every metric, and where it is."""
    if table is None or not len(table):
        return None
    rows = []
    for metric, own in table.groupby("metric", sort=False):
        worst, missed = own.loc[own.mcse.idxmax()], int((~own.met.astype(bool)).sum())
        met = f"{len(own) - missed} of {len(own)}"
        place, n = f"{worst.design} in {worst.scenario}", f"{int(own.n.min()):,}"
        row = (labels.get(metric, metric), f"{worst.target:g}", f"{worst.mcse:.2g}", place, n, met)
        rows.append((*row, "missed" if missed else ""))
    heads = {
        "metric": "Metric",
        "target": "Target MCSE",
        "achieved": "Largest achieved",
        "place": "Where",
        "n": "Fewest trials",
        "met": "Cells that meet it",
    }
    return plain(
        pd.DataFrame(rows, columns=[*heads, "flag"]),
        name="precision",
        caption="Target and achieved MCSE of every metric; a cell here is a design in a scenario. A "
        "proportion of 0 or 1 is judged by the width of its Wilson limits. Every cell is in "
        "tables/targets.csv.",
        titles=heads,
        flag="flag",
        numeric=True,
        collapse=False,
    )
