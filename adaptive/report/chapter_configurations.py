"""Chapter 5: the declared set of scenarios, and why these."""

from adaptive.report.section import Section, section
from adaptive.report.sections import scenario_section


def configurations_chapter(content: dict) -> Section:
    """Return the chapter."""
    return section(
        "configurations",
        "Range of parameter configurations with justification",
        [],
        short="Scenarios",
        parts=[scenario_section(content)],
    )
