"""Chapter 8: the operating characteristics."""

from collections.abc import Callable

from adaptive.report.section import Section, section
from adaptive.report.sections_bayes import bayes_section, decision_section
from adaptive.report.sections_course import (
    allocation_section,
    benefit_section,
    failure_section,
    size_section,
    stopping_section,
)
from adaptive.report.sections_errors import noninferiority_section, power_section, type_i_error_section
from adaptive.report.sections_estimation import estimation_section, paired_section
from adaptive.report.sections_nulls import null_section
from adaptive.report.sections_sensitivity import curve_section, sensitivity_section

PARTS: tuple[Callable[[dict], Section | None], ...] = (
    type_i_error_section,
    null_section,
    power_section,
    curve_section,
    size_section,
    stopping_section,
    allocation_section,
    benefit_section,
    estimation_section,
    bayes_section,
    decision_section,
    noninferiority_section,
    paired_section,
    sensitivity_section,
    failure_section,
)


def results_chapter(content: dict) -> Section:
    """Return the chapter; a part that has nothing to show is left out."""
    return section(
        "results",
        "Results",
        [],
        short="Results",
        parts=[part(content) for part in PARTS],
    )
