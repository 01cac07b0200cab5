"""Chapter 4: where assumptions and priors come from."""

from adaptive.report.section import Section, section
from adaptive.report.sections import parameter_section
from adaptive.report.sections_analysis import prior_source_section


def knowledge_chapter(content: dict) -> Section:
    """Return the chapter."""
    return section(
        "knowledge",
        "Knowledge used",
        [],
        short="Knowledge used",
        parts=[parameter_section(content), prior_source_section(content)],
    )
