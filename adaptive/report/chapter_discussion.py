"""Chapter 11: the key questions again, with their answers."""

from adaptive.report.section import Section, section
from adaptive.report.sections_dossier import NO_DOSSIER, answer_sections, dossier_of

LEAD = (
    "Answers are generated from the tables of this report: the estimate with its Monte Carlo standard error "
    "(MCSE), from the smallest to the largest over the scenarios that the question names, or over all that "
    "have the number. The reading is the authors’; the program does not judge it.",
    "Every answer holds for the declared scenarios only.",
)


def discussion_chapter(content: dict) -> Section:
    """Return the chapter."""
    answers = answer_sections(content)
    given = dossier_of(content).get("given")
    return section(
        "discussion",
        "Clinical discussion: are the key questions answered?",
        list(LEAD) if answers else ["The dossier asks no question." if given else NO_DOSSIER],
        short="Discussion",
        parts=answers,
        covers=("N",),
    )
