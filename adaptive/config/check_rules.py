"""Checks what rules mean together: contradictions, waiting for nothing, measures that the model lacks.

Works on built rules, and writes down faults; it builds and decides nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from adaptive.codes import CellStatus
from adaptive.config.checks import Faults
from adaptive.design.measure import AbstractMeasure, HazardRatioBelow
from adaptive.design.rules import AbstractRule, AbstractThresholdRule
from adaptive.measures.pooled import PooledEffect
from adaptive.measures.ratios import HazardRatioAbove

_CLAIMS = (CellStatus.EFFICACY, CellStatus.AWAITING)
_WITHOUT_MEAN = ("no_pooling", "gamma_hazards")
"""Kinds of model without a mean effect over the subgroups."""


def check_together(
    rules: Mapping[str, AbstractRule], model: Any, faults: Faults, *, whole: bool = True
) -> None:
    """Write down the faults that only several rules, or a rule and the model, have together.

    Parameters
    ----------
    rules
        Full key -> rule, of the rules without faults of their own.
    model
        Values of the model, or ``None``.
    faults
        Where faults are written.
    whole
        Whether these are all rules; if not, nothing is said about rules that seem to be missing.
    """
    _contradictions(rules, faults)
    _models(rules, model, faults)
    if whole:
        _waiting(rules, faults)


@dataclass(frozen=True)
class _Bound:
    """A binding rule on one measure: the verdict is given above, or below, ``level`` at each look."""

    key: str
    verdict: CellStatus
    measure: str
    margin: float
    above: bool
    level: np.ndarray
    mirrored: bool
    threshold: np.ndarray


def _bound(key: str, rule: AbstractRule) -> _Bound | None:
    """Return a rule as a bound on its measure, if it is one; ``P(HR > m)`` is turned round."""
    if not rule.binding or not isinstance(rule, AbstractThresholdRule):
        return None
    measure, threshold = rule.measure, np.asarray(rule.threshold, float)
    mirrored = rule.asks(0)[0].complement or isinstance(measure, HazardRatioAbove)
    ratio = isinstance(measure, HazardRatioBelow | HazardRatioAbove)
    above = (rule.sign == ">") != mirrored
    level = 1.0 - threshold if mirrored else threshold
    name = "hazard ratio" if ratio else measure.name
    margin = float(measure.margin) if ratio else 0.0
    return _Bound(f"{key}.threshold", rule.verdict, name, margin, above, level, mirrored, threshold)


def _contradictions(rules: Mapping[str, AbstractRule], faults: Faults) -> None:
    """Write down pairs of binding rules that leave a cell no way to stay open, or that exclude each other.

    One fires when a measure is above its level, the other, with another verdict, when it is below its own:
    with the second level above the first, whatever the data, one of them fires or both do. Of hazard ratios,
    ``P(HR < m)`` grows with ``m``, so the same holds if the second margin is at most the first.
    """
    bounds = [bound for key, rule in rules.items() if (bound := _bound(key, rule)) is not None]
    for up, down in product(bounds, repeat=2):
        opposed = up.above and not down.above and (up.verdict in _CLAIMS) != (down.verdict in _CLAIMS)
        if not opposed or up.measure != down.measure or down.margin > up.margin:
            continue
        clash = np.flatnonzero(down.level > up.level)
        if clash.size:
            k = int(clash[0])
            word = down.verdict.name.lower()
            bound = f"at least {1.0 - up.level[k]:g}" if down.mirrored else f"at most {up.level[k]:g}"
            faults.append(
                f"{down.key}: {down.threshold[k]:g} at look {k + 1} is not allowed; with {up.key} "
                f"{up.threshold[k]:g} both rules can fire for the same cell and one of them is certain to; "
                f"give a {word} threshold of {bound}"
            )


def _waiting(rules: Mapping[str, AbstractRule], faults: Faults) -> None:
    """Write down rules that end accrual to wait for a final look that has nothing to say."""
    claims = [rule for rule in rules.values() if rule.verdict == CellStatus.EFFICACY and rule.binding]
    decides = any(_thresholds(rule)[:, -1].any() for rule in claims)
    for key, rule in rules.items():
        if rule.verdict != CellStatus.AWAITING:
            continue
        if not decides:
            faults.append(
                f"{key}.kind: 'expected_success' is not allowed; it ends accrual and leaves the claim to the "
                "final look, where no binding efficacy rule has a threshold; give one"
            )
        if not _thresholds(rule)[:, :-1].any():
            faults.append(
                f"{key}: no look before the final one has a threshold; expected success is judged before the "
                "final look"
            )


def _thresholds(rule: AbstractRule) -> np.ndarray:
    """Return whether each measure of a rule has a threshold at each look, shape ``(M, K)``."""
    simple = [part for part in walk(rule) if isinstance(part, AbstractThresholdRule)]
    return np.stack([~np.isnan(np.asarray(part.threshold, float)) for part in simple])


def walk(rule: AbstractRule) -> Iterator[AbstractRule]:
    """Return a rule and the rules that it is made of."""
    yield rule
    for part in rule.parts:
        yield from walk(part)


def _models(rules: Mapping[str, AbstractRule], model: Any, faults: Faults) -> None:
    """Write down measures that the model does not have."""
    kind = model.get("kind") if isinstance(model, Mapping) else None
    for key, rule in rules.items():
        lacking: list[AbstractMeasure] = [m for m in rule.measures if isinstance(m, PooledEffect)]
        if lacking and kind in _WITHOUT_MEAN:
            faults.append(
                f"{key}.measure.kind: 'pooled_effect' is not allowed; the model {kind} has no mean effect "
                "over the subgroups; choose a model that pools them, or a stratified log_rank or cox"
            )
