"""Chapter 1: the questions that the simulations answer, and the estimands."""

from adaptive.report.section import Section, section


def questions_chapter(content: dict) -> Section:
    """Return the chapter."""
    return section(
        "key-questions",
        "Key questions and estimands",
        [],
        short="Key questions",
        parts=[],
    )
