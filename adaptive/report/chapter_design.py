"""Chapter 2: what is fixed in advance, precise enough to be programmed from, and the analysis model."""

from adaptive.report.section import Section, section
from adaptive.report.sections import design_section
from adaptive.report.sections_model import model_section


def design_chapter(content: dict) -> Section:
    """Return the chapter."""
    return section(
        "design",
        "Design and analysis options",
        [],
        short="Design",
        parts=[design_section(content), model_section(content)],
    )
