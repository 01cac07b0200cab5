"""Chapter 3: which numbers are given, how each is computed, and how precise it had to be."""

from adaptive.report.section import Section, section
from adaptive.report.sections import definition_section


def characteristics_chapter(content: dict) -> Section:
    """Return the chapter."""
    return section(
        "characteristics",
        "Choice of operating characteristics",
        [],
        short="Characteristics",
        parts=[definition_section(content)],
    )
