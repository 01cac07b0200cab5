"""False and true claims with a rule to stop followed, as designed, and never followed.

Read off the levels of a sensitivity analysis that change nothing but whether rules bind. Such levels are
found by their manifests, never by their names. Nothing here simulates.
"""

from collections.abc import Mapping
from typing import Any

from adaptive.oc.load import CellResult
from adaptive.oc.outcomes import claim_outcomes
from adaptive.oc.report_text import joined
from adaptive.oc.sensitivity_effects import difference_of, estimate_of, level_row

FOLLOWED, IGNORED, CHANGE = "followed", "ignored", "change"


def released(level: CellResult, base: CellResult) -> str:
    """Return which rules bind in the base and not in the level, in words; empty if anything else differs."""
    if level.config.get("scenario") != base.config.get("scenario") or _rest(level) != _rest(base):
        return ""
    pairs = zip(_rules(level), _rules(base), strict=True)
    kinds = [own["kind"] for own, other in pairs if _binds(other) and not _binds(own)]
    return joined(list(dict.fromkeys(kinds))) if kinds else ""


def claims_by_obedience(level: CellResult, base: CellResult) -> list[dict]:
    """Return every outcome of claims with the rules followed, never followed, and the paired change.

    Both must hold the same trials in the same order, as ``sensitivity_effects.shared`` leaves them.
    """
    followed, ignored = claim_outcomes(base, base.claimed), claim_outcomes(level, level.claimed)
    rows = []
    for key in followed:
        rows += [
            level_row(key, estimate_of(followed[key]), FOLLOWED),
            level_row(key, estimate_of(ignored[key]), IGNORED),
            level_row(key, difference_of(ignored[key], followed[key]), CHANGE),
        ]
    return rows


def _rules(result: CellResult) -> list[dict[str, Any]]:
    return result.manifest["design"].get("rules", [])


def _binds(rule: Mapping[str, Any]) -> bool:
    return bool(rule.get("binding", True))


def _rest(result: CellResult) -> dict[str, Any]:
    """Return the design but for whether its rules bind."""
    rules = [{name: item for name, item in rule.items() if name != "binding"} for rule in _rules(result)]
    return result.manifest["design"] | {"rules": rules}
