"""The chapters of the report, in the order that ICH E20 (draft, step 2b, 2025) asks of simulation reports.

Each chapter is a module with one function of the content. Nothing here computes or formats a number.
"""

from collections.abc import Callable

from adaptive.report.chapter_appendix import appendix_chapter
from adaptive.report.chapter_characteristics import characteristics_chapter
from adaptive.report.chapter_compliance import compliance_chapter
from adaptive.report.chapter_configurations import configurations_chapter
from adaptive.report.chapter_design import design_chapter
from adaptive.report.chapter_discussion import discussion_chapter
from adaptive.report.chapter_examples import examples_chapter
from adaptive.report.chapter_implementation import implementation_chapter
from adaptive.report.chapter_knowledge import knowledge_chapter
from adaptive.report.chapter_limitations import limitations_chapter
from adaptive.report.chapter_questions import questions_chapter
from adaptive.report.chapter_results import results_chapter
from adaptive.report.chapter_software import software_chapter
from adaptive.report.section import Section

CHAPTERS: tuple[Callable[[dict], Section], ...] = (
    questions_chapter,
    design_chapter,
    characteristics_chapter,
    knowledge_chapter,
    configurations_chapter,
    implementation_chapter,
    software_chapter,
    results_chapter,
    examples_chapter,
    limitations_chapter,
    discussion_chapter,
)
"""The eleven items of E20 in their order."""


def chapters(content: dict) -> list[Section]:
    """Return the chapters that follow the summary: those of E20, the compliance matrix and the appendix."""
    before, after = [make(content) for make in CHAPTERS], [appendix_chapter(content)]
    return [*before, compliance_chapter(content, before, after), *after]
