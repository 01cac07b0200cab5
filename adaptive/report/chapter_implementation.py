"""Chapter 6: how virtual patients and trials are made, how many, and how each look is computed."""

from adaptive.report.section import Section, section
from adaptive.report.sections_audit import audit_section
from adaptive.report.sections_computation import computation_section, validation_section
from adaptive.report.sections_dgm import (
    generation_section,
    misspecification_section,
    precision_section,
    published_section,
)


def implementation_chapter(content: dict) -> Section:
    """Return the chapter."""
    return section(
        "implementation",
        "Implementation of the simulations",
        [],
        short="Implementation",
        parts=[
            generation_section(content),
            misspecification_section(content),
            published_section(content),
            precision_section(content),
            computation_section(content),
            audit_section(content),
            validation_section(content),
        ],
    )
