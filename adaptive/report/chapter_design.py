"""Chapter 2: what is fixed in advance, precise enough to be programmed from, and the analysis model."""

from adaptive.report.section import Section, section
from adaptive.report.sections import design_section
from adaptive.report.sections_analysis import analysis_section, prior_section
from adaptive.report.sections_model import model_section
from adaptive.report.sections_spec import (
    closing_section,
    flow_section,
    look_section,
    predictive_section,
    randomisation_section,
    rule_section,
)


def design_chapter(content: dict) -> Section:
    """Return the chapter."""
    return section(
        "design",
        "Design and analysis options",
        [],
        short="Design",
        parts=[
            design_section(content),
            randomisation_section(content),
            look_section(content),
            rule_section(content),
            predictive_section(content),
            closing_section(content),
            flow_section(content),
            analysis_section(content),
            prior_section(content),
            model_section(content),
        ],
    )
