"""Chapter 7: what made the results, and how to make and check them again."""

from adaptive.report.section import Section, section
from adaptive.report.sections import provenance_section


def software_chapter(content: dict) -> Section:
    """Return the chapter."""
    return section(
        "software",
        "Software, code and instructions to recreate the results",
        [],
        short="Software",
        parts=[provenance_section(content)],
    )
