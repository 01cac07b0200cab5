"""Chapter 5: the declared set of scenarios, and why these."""

from adaptive.report.section import Section, section
from adaptive.report.sections import scenario_section
from adaptive.report.sections_dgm import declared_section, family_section
from adaptive.report.sections_dossier import range_section


def configurations_chapter(content: dict) -> Section:
    """Return the chapter."""
    return section(
        "configurations",
        "Range of parameter configurations with justification",
        [],
        short="Scenarios",
        parts=[
            declared_section(content),
            scenario_section(content),
            family_section(content),
            range_section(content),
        ],
    )
