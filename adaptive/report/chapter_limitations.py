"""Chapter 10: what the simulations do not show."""

from adaptive.report.section import Section, section


def limitations_chapter(content: dict) -> Section:
    """Return the chapter."""
    return section(
        "limitations",
        "Limitations",
        [],
        short="Limitations",
        parts=[],
    )
