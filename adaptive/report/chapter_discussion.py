"""Chapter 11: the key questions again, with their answers."""

from adaptive.report.section import Section, section


def discussion_chapter(content: dict) -> Section:
    """Return the chapter."""
    return section(
        "discussion",
        "Clinical discussion: are the key questions answered?",
        [],
        short="Discussion",
        parts=[],
    )
