"""Chapter 3: which numbers are given and why, how each is computed, and how precise it is."""

from adaptive.report.section import Section, section
from adaptive.report.sections_definitions import definition_section, error_section, purpose_section


def characteristics_chapter(content: dict) -> Section:
    """Return the chapter."""
    return section(
        "characteristics",
        "Choice of operating characteristics",
        [],
        short="Characteristics",
        parts=[purpose_section(content), definition_section(content), error_section(content)],
    )
