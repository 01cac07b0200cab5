"""What the first page says beyond the study's tables: rules in words, the searched nulls, the conclusion.

Called when every part of the content is there. Computes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from adaptive.oc.load import CellResult
from adaptive.oc.margins import rule_margin
from adaptive.oc.null_content import AS_DESIGNED
from adaptive.oc.report_text import joined, percent

VERBS = {
    "efficacy": "benefit is claimed when",
    "futility": "the arm is given up as futile when",
    "harm": "the verdict is harm when",
    "expected success": "accrual ends for expected success when",
}
NONINFERIOR = "non-inferiority is claimed when"
LONGEST = 2
"""Conditions of a rule that are still written out; the specification has them all."""
KINDS = {
    "predictive probabilities": ("predictive probability", "P(success in a later trial"),
    "log-rank tests": ("log-rank test",),
    "Wald tests of a Cox model": ("Wald test",),
    "posterior probabilities": ("P(",),
}
"""What a quantity is, by the first of these words that its own contain."""
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
    searched = _searched(content.get("null_space", {}))
    concluded = content.get("dossier", {}).get("conclusion")
    authors = [{"text": f"Conclusion of the authors: {concluded}", "items": []}] if concluded else []
    return [done, _rules(results), *numbers[:1], *searched, *numbers[1:], *authors, caution]


def _rules(results: Sequence[CellResult]) -> dict[str, Any]:
    """Say when a design decides what; designs with the same rules share a line."""
    found: dict[str, list[str]] = {}
    asked: dict[str, None] = {}
    for result in results:
        rules = result.manifest["design"].get("rules", [])
        asked |= {ask["quantity"]: None for rule in rules for ask in rule.get("asks", [])}
        parts = [text for rule in rules if (text := _rule(rule))]
        users = found.setdefault("; ".join(parts) or "no rule decides anything", [])
        if result.design not in users:
            users.append(result.design)
    by = f" by {joined(kinds)}" if (kinds := _kinds(asked)) else ""
    return {
        "text": f"Decisions are made for each arm in each subgroup{by}; HR is the hazard ratio against "
        "control, below 1 for benefit:",
        "items": [f"{joined(users)}: {text}" for text, users in found.items()],
    }


def _kinds(quantities: Iterable[str]) -> list[str]:
    """Return what the quantities are; one of none of the kinds is told in its own words."""
    found = []
    for quantity in quantities:
        kind = (name for name, words in KINDS.items() if any(word in quantity for word in words))
        found.append(next(kind, quantity))
    return list(dict.fromkeys(found))


def _rule(rule: Mapping[str, Any]) -> str:
    """Return a rule in a few words; the specification gives every threshold."""
    kind = str(rule.get("kind")).lower()
    verb = VERBS.get(kind, f"{rule.get('kind')} when")
    if kind == "efficacy" and rule_margin(rule) > 1:
        verb = NONINFERIOR
    condition = _condition(rule)
    if not condition:
        return ""
    if len(rule["asks"]) > LONGEST:
        scope = f", {rule['scope']}" if rule.get("scope") else ""
        condition = f"a combined rule of {len(rule['asks'])} conditions fires{scope}"
    return f"{verb} {condition}{'' if rule.get('binding', True) else ' (advice only)'}"


def _condition(rule: Mapping[str, Any]) -> str:
    """Return what a rule asks and in which cells; empty if it is applied at no look."""
    parts = rule.get("parts")
    texts = [_condition(part) for part in parts] if parts else [_ask(ask) for ask in rule.get("asks", [])]
    word = rule.get("joined", "and")
    if not any(texts) or (word == "and" and not all(texts)):
        return ""
    scope = f", {rule['scope']}" if rule.get("scope") else ""
    return f" {word} ".join(text for text in texts if text) + scope


def _ask(ask: Mapping[str, Any]) -> str:
    given = sorted({t for t in ask["threshold"] if t is not None and t == t})
    if not given:
        return ""
    threshold = f"{given[0]:g}" if len(given) == 1 else f"{given[0]:g} to {given[-1]:g}, by look"
    events = f", from {ask['min_events']:g} events" if ask.get("min_events") else ""
    return f"{ask['quantity'].replace('>=', '≥')} {ask['sign']} {threshold}{events}"


def _searched(part: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Say what searches of the nulls found of each design, because they look where the scenarios do not.

    A design that was searched as designed is told by that search alone.
    """
    searches = part.get("searches", [])
    plain = {search["design"] for search in searches if search["variant"] == AS_DESIGNED}
    told = [s for s in searches if s["variant"] == AS_DESIGNED or s["design"] not in plain]
    if not told:
        return []
    unsearched = part.get("unsearched", [])
    without = f", for {joined(unsearched)} none" if unsearched else ""
    text = (
        "The scenarios are a few chosen truths. Searches over a declared space of nulls looked for the least "
        f"favourable one, of each design by itself{without}; the part on the space of nulls says where they "
        "found it:"
    )
    return [{"text": text, "items": [_largest(search) for search in told]}]


def _largest(search: Mapping[str, Any]) -> str:
    """Return the largest error that a search found, its bound, and which cells have no benefit there."""
    largest = next(item for item in search["classes"] if item["kind"] == "largest of all")
    variant = "" if search["variant"] == AS_DESIGNED else f", {search['variant']}"
    near = ", near the edge of the space" if search.get("edge") else ""
    return (
        f"{search['design']}{variant}: {ERRORS[search['error']]} "
        f"{percent(largest['estimate'], largest['mcse'])} on {largest['n']:,} trials, "
        f"{100 * search['simultaneous_confidence']:g}% upper bound over the worst points "
        f"{100 * search['simultaneous_upper_bound']:.1f}%; {largest['place'].partition(';')[0]}{near}"
    )
