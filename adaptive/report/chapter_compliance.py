"""Chapter 12: every item of the checklist, where it is answered, and whether it is."""

from adaptive.report.section import Section, section


def compliance_chapter(content: dict) -> Section:
    """Return the chapter."""
    return section(
        "compliance",
        "Compliance matrix",
        [],
        short="Compliance",
        parts=[],
    )
