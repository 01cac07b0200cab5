"""Chapter 7: what made the results, and how to make and check them again."""

from adaptive.report.section import Section, section
from adaptive.report.sections import provenance_section
from adaptive.report.sections_recreate import recreate_section, version_section
from adaptive.report.sections_software import (
    configuration_facts_section,
    interim_section,
    numeric_section,
    output_section,
    random_section,
    trail_section,
    trust_section,
    validation_section,
)

PARTS = (
    recreate_section,
    trust_section,
    version_section,
    configuration_facts_section,
    random_section,
    numeric_section,
    output_section,
    trail_section,
    validation_section,
    interim_section,
)


def software_chapter(content: dict) -> Section:
    """Return the chapter; without the part ``software`` of the content it holds the provenance alone."""
    parts = [part(content) for part in PARTS] if "software" in content else []
    return section(
        "software",
        "Software, code and instructions to recreate the results",
        [],
        short="Software",
        parts=[*parts, provenance_section(content)],
    )
