"""Which rule is calibrated, how its thresholds are replaced, and when one simulation without it is enough.

Nothing here simulates.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool

from adaptive.codes import CellStatus
from adaptive.design.measure import HazardRatioBelow
from adaptive.design.protocol import Design
from adaptive.design.rules import AbstractRule, AbstractThresholdRule
from adaptive.errors import BadInput
from adaptive.measures.best import ArmIsBest
from adaptive.measures.cox import Cox
from adaptive.measures.log_rank import LogRank
from adaptive.measures.pooled import PooledEffect
from adaptive.measures.ratios import HazardRatioAbove, HazardRatioBetween
from adaptive.measures.risk import RiskDifferenceBelow
from adaptive.scenario.truth import Scenario

ERRORS = ("any_false_claim", "per_comparison")
SELF_CONTAINED = (
    *(HazardRatioBelow, HazardRatioAbove, HazardRatioBetween, RiskDifferenceBelow, PooledEffect),
    *(ArmIsBest, Cox, LogRank),
)
"""Measures known not to depend on the thresholds of the design."""


@dataclass(frozen=True)
class Null:
    """A declared scenario with its true nulls.

    Attributes
    ----------
    name
        How the scenario is called.
    scenario
        The assumed truth.
    is_null
        Offered cells without benefit, shape ``(S, B)``.
    """

    name: str
    scenario: Scenario
    is_null: Bool[np.ndarray, "S B"]


def find_rule(design: Design, names: Sequence[str], asked: str | None = None) -> int:
    """Return the place of the efficacy rule to calibrate.

    Parameters
    ----------
    design
        The protocol.
    names
        Names of its rules, in order.
    asked
        Name of the rule, or ``None`` for the only one that claims benefit.

    Raises
    ------
    BadInput
        If there is none, several and none is named, or the one named cannot be calibrated.
    """
    claiming = [n for n, rule in zip(names, design.rules, strict=True) if _claims(rule)]
    if asked is None and len(claiming) != 1:
        raise BadInput(
            f"rule: the design has {len(claiming)} binding efficacy rules ({', '.join(claiming) or 'none'}); "
            "calibration moves the thresholds of one: " + ("name it" if claiming else "add an efficacy rule")
        )
    name = asked or claiming[0]
    if name not in claiming:
        raise BadInput(
            f"rule: {name!r} is not allowed; give a binding efficacy rule, one of {', '.join(claiming)}"
        )
    place = list(names).index(name)
    if not isinstance(design.rules[place], AbstractThresholdRule):
        raise BadInput(
            f"rule: {name!r} is a combination or has a scope; calibration moves the thresholds of a simple "
            "rule with one measure"
        )
    return place


def _claims(rule: AbstractRule) -> bool:
    return rule.binding and rule.verdict == CellStatus.EFFICACY


def with_thresholds(design: Design, place: int, thresholds: Sequence[float] | np.ndarray) -> Design:
    """Return the design with other thresholds of one rule; the same compiled program runs it."""
    old = design.rules[place].threshold
    new = jnp.asarray(np.asarray(thresholds, float), old.dtype)
    return eqx.tree_at(lambda d: d.rules[place].threshold, design, new)


def silenced(design: Design, place: int) -> Design:
    """Return the design with the rule not applied at any look."""
    return with_thresholds(design, place, np.full(design.rules[place].threshold.shape, np.nan))


def why_not_stored(design: Design, place: int, error: str, nulls: Sequence[Null]) -> list[str]:
    """Return why one simulation without the rule does not give the error at every threshold, if so.

    Up to its first claim a trial runs as if the rule were not there. So the trial without it says exactly
    whether *any* claim happens at a threshold, which is the error where every offered cell is null. It also
    says whether one particular cell makes a claim if a claim elsewhere changes nothing for it: when there is
    one cell, or when claims happen at the final look only. Otherwise a claim moves patients, looks and
    pooled estimates of the others, and what they would have claimed is not in the trial without it.
    """
    reasons = [
        f"rules.{i} claims benefit too, and closes cells whatever the threshold of the one calibrated"
        for i, rule in enumerate(design.rules)
        if i != place and _claims(rule)
    ]
    strangers = {
        type(measure).__name__
        for rule in design.rules
        for measure in rule.measures
        if not isinstance(measure, SELF_CONTAINED)
    }
    if strangers:
        reasons.append(f"{', '.join(sorted(strangers))} may depend on the thresholds being calibrated")
    offered = np.asarray(design.eligible)
    applied = ~np.isnan(np.asarray(design.rules[place].threshold))
    if offered.sum() == 1 or not applied[:-1].any():
        return reasons
    if error == "per_comparison":
        reasons.append(
            f"a claim in one of {offered.sum()} cells changes what happens in the others, and the "
            f"error asked "
            "for is that of each comparison"
        )
    partial = [null.name for null in nulls if (offered & ~null.is_null).any()]
    if error == "any_false_claim" and partial:
        reasons.append(
            f"in {', '.join(partial)} some cells have a benefit, and a true claim there changes "
            f"what happens in "
            "the cells without"
        )
    return reasons
