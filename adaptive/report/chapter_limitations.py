"""Chapter 10: what the simulations do not show."""

from adaptive.report.blocks import Items
from adaptive.report.compliance import LIMITS, UNAVAILABLE_ITEMS
from adaptive.report.section import Section, section
from adaptive.report.sections_dossier import NO_DOSSIER, dossier_of

NOT_COVERED = "Families of scenarios and kinds of comparator not covered"
GENERAL = (
    "Every rate is estimated over the declared set of scenarios. The largest of several estimates is no "
    "upper bound, and nothing here speaks for a truth outside the set.",
    "Monte Carlo errors say how much a number would move with another seed. They do not say how true the "
    "assumptions are.",
    "Virtual trials are conducted as planned: every look is held when its trigger says, every rule is obeyed "
    "unless it only advises, and no site, monitor or sponsor departs from the protocol.",
    "A virtual trial may be analysed by a fast approximation of the posterior. What its error does to "
    "decisions is estimated on a sample of looks, where an audit was made.",
    "Outcomes are known exactly and at once unless a design has delays; subgroup and arm are never mistaken.",
)


def limitations_chapter(content: dict) -> Section:
    """Return the chapter."""
    return section(
        "limitations",
        "Limitations",
        [],
        parts=[_authors(content), _program(content)],
    )


def _authors(content: dict) -> Section:
    """Return the limitations that the authors state."""
    stated = dossier_of(content).get("limitations", [])
    given = dossier_of(content).get("given")
    lead = [] if stated else ["The dossier states no limitation." if given else NO_DOSSIER]
    return section(
        "limitations-authors",
        "Limitations stated by the authors",
        lead,
        Items("", stated) if stated else None,
        short="Authors",
        covers=("M",),
    )


def _evidence(content: dict) -> list[str]:
    """Return what searches, horizon and audit leave open, in their own words."""
    nulls = content.get("null_space", {})
    spread = [f"Search of nulls, {each['design']}: {each['spread']}" for each in nulls.get("searches", [])]
    return [
        *nulls.get("lead", []),
        *dict.fromkeys(spread),
        *content.get("horizon", {}).get("limits", []),
        *content.get("audit", {}).get("lead", [])[:1],
    ]


def _program(content: dict) -> Section:
    """Return what holds of every report, of these results, and of the engine."""
    gaps = [f"{item}: {text}." for item, text in {**UNAVAILABLE_ITEMS, **LIMITS}.items()]
    missing = [
        f"{item}: {text}"
        for item, found in content.get("coverage", {}).get("missing", {}).items()
        for text in found
    ]
    return section(
        "limitations-program",
        "Limitations of the simulations and of the engine",
        [],
        Items("Of every report of this kind:", list(GENERAL)),
        Items("Of the evidence in this report:", evidence) if (evidence := _evidence(content)) else None,
        Items("Of these results:", content["warnings"]) if content["warnings"] else None,
        Items("Families of scenarios and comparators not covered (numbers of the checklist):", missing)
        if missing
        else None,
        Items("What the engine cannot do yet (numbers of the checklist):", gaps),
        short="Simulations",
        covers=("M",),
    )
