"""What a claim of a design says: superiority, or non-inferiority within a margin. Estimates nothing.

Read off the efficacy rules in the manifest, by the words in which each measure states its margin.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool

from adaptive.oc.load import CellResult

_RATIO = re.compile(r"(?:P\(HR [<>]|against HR) ([0-9.eE+-]+)")
_RISK = re.compile(r"P\(risk difference .* < ([0-9.eE+-]+)\)")
NEAR = 1e-9


def rule_margin(rule: Mapping[str, Any]) -> float:
    """Return the hazard ratio below which a claim by this rule says that the truth lies.

    1 where the rule claims superiority; infinite where its margin is on a risk difference, which no hazard
    ratio tells. Where every part must hold the smallest margin counts, where one is enough the largest.
    """
    asks = rule.get("asks", [])
    if len(asks) == 1:
        return _asked(str(asks[0]["quantity"]))
    margins = [rule_margin(part) for part in rule.get("parts") or [{"asks": [ask]} for ask in asks]]
    loosest = min if rule.get("joined", "and") == "and" else max
    return loosest(margins, default=1.0)


def _asked(quantity: str) -> float:
    """Return the margin of one quantity; those below 1 ask for more than superiority."""
    if (risk := _RISK.search(quantity)) and float(risk[1]) > 0:
        return math.inf
    ratio = _RATIO.search(quantity)
    return max(float(ratio[1]), 1.0) if ratio else 1.0


def claim_margin(result: CellResult) -> float:
    """Return the margin of a design's claims, the largest of its efficacy rules: any of them can claim."""
    rules = result.manifest["design"].get("rules", [])
    return max((rule_margin(rule) for rule in rules if rule.get("kind") == "efficacy"), default=1.0)


def false_if_claimed(result: CellResult) -> Bool[np.ndarray, "S B"]:
    """Return the offered cells in which a claim is known to be false.

    Of superiority: where the arm has no benefit. Of non-inferiority: where the true hazard ratio is at the
    margin or above; nowhere if the margin is on a risk difference.
    """
    margin = claim_margin(result)
    if margin == 1.0:
        return result.offered & result.truth.is_null
    return result.offered & (result.truth.log_hr >= math.log(margin) - NEAR)


def design_margins(results: Sequence[CellResult]) -> dict[str, float]:
    """Return the margin of each design that claims non-inferiority, as ``rule_margin`` gives it."""
    margins = {result.design: claim_margin(result) for result in results}
    return {name: margin for name, margin in margins.items() if margin > 1}
