"""What the first page says beyond the study's tables: rules in words, the searched nulls, the conclusion.

Called when every part of the content is there. Computes nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from adaptive.oc.load import CellResult
from adaptive.oc.report_text import joined

VERBS = {
    "efficacy": "benefit is claimed when",
    "futility": "the arm is given up as futile when",
    "harm": "the arm is stopped for harm when",
    "expected success": "accrual ends for expected success when",
}
ERRORS = {
    "any_false_claim": "the probability of any false claim",
    "per_comparison": "the largest probability of a false claim in one cell",
}


def complete_summary(
    summary: Sequence[dict[str, Any]], content: Mapping[str, Any], results: Sequence[CellResult]
) -> list[dict[str, Any]]:
    """Return the paragraphs of the first page with the rules, the searched nulls and the authors' conclusion.

    Parameters
    ----------
    summary
        Paragraphs made from the tables: what was done first, the caution last.
    content
        The whole content of the report.
    results
        Stored results.
    """
    done, *numbers, caution = summary
    searched = _searched(content.get("null_space", {}).get("searches", []))
    concluded = content.get("dossier", {}).get("conclusion")
    authors = [{"text": f"Conclusion of the authors: {concluded}", "items": []}] if concluded else []
    return [done, _rules(results), *numbers[:1], *searched, *numbers[1:], *authors, caution]


def _rules(results: Sequence[CellResult]) -> dict[str, Any]:
    """Say when a design decides what; designs with the same rules share a line."""
    found: dict[str, list[str]] = {}
    for result in results:
        rules = result.manifest["design"].get("rules", [])
        parts = [text for rule in rules if (text := _rule(rule))]
        users = found.setdefault("; ".join(parts) or "no rule decides anything", [])
        if result.design not in users:
            users.append(result.design)
    return {
        "text": "Decisions are made for each arm in each subgroup by posterior probabilities; HR is the "
        "hazard ratio against control, below 1 for benefit:",
        "items": [f"{joined(users)}: {text}" for text, users in found.items()],
    }


def _rule(rule: Mapping[str, Any]) -> str:
    """Return a rule in a few words; the specification gives every threshold."""
    verb = VERBS.get(str(rule.get("kind")).lower(), f"{rule.get('kind')} when")
    asks = [text for ask in rule.get("asks", []) if (text := _ask(ask))]
    advice = "" if rule.get("binding", True) else " (advice only)"
    if not asks:
        return ""
    return f"{verb} {asks[0] if len(asks) == 1 else 'a combined rule fires'}{advice}"


def _ask(ask: Mapping[str, Any]) -> str:
    given = sorted({t for t in ask["threshold"] if t is not None and t == t})
    if not given:
        return ""
    threshold = f"{given[0]:g}" if len(given) == 1 else f"{given[0]:g} to {given[-1]:g}, by look"
    return f"{ask['quantity'].replace('>=', '≥')} {ask['sign']} {threshold}"


def _searched(searches: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Say what a search of the nulls found, because it looks where the scenarios do not."""
    items = []
    for search in searches:
        largest = next(item for item in search["classes"] if item["kind"] == "largest of all")
        items.append(
            f"{search['design']}, {search['variant']}: {ERRORS[search['error']]} {largest['text']} on "
            f"{largest['n']:,} trials, simultaneous {100 * search['simultaneous_confidence']:g}% upper bound "
            f"{search['simultaneous_upper_bound']:.3f} over the worst points; {largest['place']}"
        )
    if not items:
        return []
    text = (
        "The scenarios are a few chosen truths. A search over a declared space of nulls, partial nulls "
        "included, looked for the least favourable one:"
    )
    return [{"text": text, "items": items}]
