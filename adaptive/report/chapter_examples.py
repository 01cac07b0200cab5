"""Chapter 9: single virtual trials, look by look."""

from adaptive.report.section import Section, section


def examples_chapter(content: dict) -> Section:
    """Return the chapter."""
    return section(
        "examples",
        "Example trials",
        [],
        short="Examples",
        parts=[],
    )
