"""Parts of the report on designs, truth and provenance. Computes nothing."""

import pandas as pd

from adaptive.report.pivot import plain
from adaptive.report.section import Section, section


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
    """Return in which settings the scenarios differ."""
    return section(
        "scenarios",
        "Settings that differ between the scenarios",
        [
            "A scenario fixes what is true; a cell is null when the arm has no benefit there, with or "
            "without harm. True values of the estimand are in chapter 1."
        ],
        plain(
            content["scenario_settings"],
            name="scenario_settings",
            caption="Settings of the resolved configuration that differ between the scenarios.",
            titles={"setting": "Setting"},
            collapse=len(content["scenario_settings"]) > 25,
            made_by="configuration",
        ),
        short="Settings",
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


def provenance_section(content: dict) -> Section:
    """Return what made the results: facts common to all, and those that differ."""
    common, differing = split_constant(content["provenance"], keep=("scenario", "design"))
    return section(
        "provenance",
        "Provenance of each result",
        [],
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
