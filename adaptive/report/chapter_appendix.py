"""The appendix: every resolved configuration, and the hash of every file."""

from adaptive.report.section import Section, section
from adaptive.report.sections import file_section
from adaptive.report.sections_configuration import configuration_section


def appendix_chapter(content: dict) -> Section:
    """Return the chapter."""
    return section(
        "appendix",
        "Appendix: resolved configurations and files",
        [],
        short="Appendix",
        parts=[configuration_section(content), file_section(content)],
    )
