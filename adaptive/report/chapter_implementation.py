"""Chapter 6: how virtual patients and trials are made, how many, and how each look is computed."""

from adaptive.report.section import Section, section
from adaptive.report.sections_audit import audit_section


def implementation_chapter(content: dict) -> Section:
    """Return the chapter."""
    return section(
        "implementation",
        "Implementation of the simulations",
        [],
        short="Implementation",
        parts=[audit_section(content)],
    )
