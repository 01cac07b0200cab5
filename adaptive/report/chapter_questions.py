"""Chapter 1: the questions that the simulations answer, and the estimands."""

from adaptive.report.pivot import plain
from adaptive.report.section import Section, section
from adaptive.report.sections_dossier import estimand_section, question_section, status_section
from adaptive.report.sections_truth import truth_section


def questions_chapter(content: dict) -> Section:
    """Return the chapter."""
    return section(
        "key-questions",
        "Key questions and estimands",
        [],
        short="Key questions",
        parts=[
            status_section(content),
            question_section(content),
            estimand_section(content),
            value_section(content),
            truth_section(content),
        ],
    )


def value_section(content: dict) -> Section:
    """Return the true values of the estimand that every estimate is compared with."""
    return section(
        "true-values",
        "True values of the estimand",
        [
            "True log hazard ratios are the large-sample limit of the Cox estimate at the horizon, true "
            "cumulative incidences have the other causes competing. Both are computed from the hazards of "
            "the scenario, not taken from its input: where the hazard ratio changes over follow-up the two "
            "differ.",
            *content.get("horizon", {}).get("lead", []),
        ],
        plain(
            content["scenarios"],
            name="scenarios",
            caption="True effects and cumulative incidences by scenario, subgroup and arm.",
            stub=2,
            titles={"scenario": "Scenario", "subgroup": "Subgroup"},
            collapse=True,
            numeric=True,
            made_by="configuration",
        ),
        short="True values",
    )
