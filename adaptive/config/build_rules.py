"""Builds decision rules from configuration values: a margin, a measure, or rules to combine; and their scope.

What rules mean together is checked by ``config.check_rules``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from adaptive.codes import CellStatus
from adaptive.config.build_looks import spread
from adaptive.config.build_measures import build_measure
from adaptive.config.check_rules import check_together
from adaptive.config.checks import Faults, shown
from adaptive.config.read import read_kind, unknown_key
from adaptive.config.schema import SCHEMAS
from adaptive.config.schema_design import DesignValues
from adaptive.config.schema_rules import Rule
from adaptive.design.measure import AbstractMeasure, HazardRatioBelow
from adaptive.design.rules import AbstractRule, EfficacyRule, FutilityRule, HarmRule
from adaptive.design.rules_combined import AllOfRules, AnyOfRules, InOrder
from adaptive.design.rules_measured import MeasuredRule, natural_side
from adaptive.design.rules_scope import AcrossArms, AcrossSubgroups, OnlyIn
from adaptive.errors import did_you_mean

_RULES = {"efficacy": EfficacyRule, "futility": FutilityRule, "harm": HarmRule}
VERDICTS = {
    "efficacy": CellStatus.EFFICACY,
    "futility": CellStatus.FUTILITY,
    "harm": CellStatus.HARM,
    "expected_success": CellStatus.AWAITING,
}
_COMBINATIONS = {"all_of": AllOfRules, "any_of": AnyOfRules, "in_order": InOrder}
_FORMS = ("margin", "measure", *_COMBINATIONS)
_ACROSS = {"subgroups": AcrossSubgroups, "arms": AcrossArms}


@dataclass(frozen=True)
class _Context:
    """What a rule needs to know of the rest of the configuration, and where faults go."""

    n_looks: int
    design: DesignValues | None
    faults: Faults


def build_rules(
    data: Any,
    n_looks: int | None,
    faults: Faults,
    design: DesignValues | None = None,
    model: Any = None,
) -> tuple[AbstractRule, ...] | None:
    """Return the rules, or ``None`` after writing down every fault.

    Parameters
    ----------
    data
        Name -> values of one rule with a ``kind``.
    n_looks
        Number of looks, or ``None`` if the look plan is faulty.
    faults
        Where faults are written.
    design
        The protocol's values, or ``None`` if they are faulty.
    model
        Values of the model, for measures that not every model has.
    """
    if not isinstance(data, Mapping) or not data:
        faults.add("rules", data, "give at least one named rule with a kind")
        return None
    before = len(faults)
    # Without a look plan the rules are built for as many looks as each says, so that their faults are found.
    context = _Context(n_looks or 0, design, faults)
    built = {name: _build(item, f"rules.{name}", context) for name, item in data.items()}
    sound = {f"rules.{name}": rule for name, rule in built.items() if rule is not None}
    if n_looks is not None:
        check_together(sound, model, faults, whole=len(sound) == len(built))
    return tuple(sound.values()) if n_looks is not None and len(faults) == before else None


def _build(data: Any, key: str, context: _Context) -> AbstractRule | None:
    """Return one rule with its scope."""
    values: Rule | None = read_kind(SCHEMAS["rule"], data, key, context.faults)
    if values is None:
        return None
    given = [form for form in _FORMS if getattr(values, form) is not None]
    if len(given) != 1:
        context.faults.add(key, given, f"give exactly one of {', '.join(_FORMS)}")
        return None
    combined = given[0] in _COMBINATIONS
    rule = _combined(values, given[0], key, context) if combined else _simple(values, key, context)
    return _scoped(rule, values, key, context)


def _simple(values: Rule, key: str, context: _Context) -> AbstractRule | None:
    """Return a rule on one measure."""
    faults = context.faults
    before = len(faults)
    measure = _measure(values, key, context)
    threshold = values.threshold
    if threshold is None:
        faults.append(f"{key}.threshold: nothing was given; this key is required")
    elif context.n_looks:
        threshold = spread(threshold, context.n_looks, f"{key}.threshold", faults, "look")
    side = None if measure is None else _side(values, measure, key, faults)
    if len(faults) > before or measure is None or side is None:
        return None
    level = np.asarray(threshold, float)
    numbers = dict(threshold=level, min_events=values.min_events, binding=values.binding)
    if values.margin is not None and values.kind in _RULES:
        return _RULES[values.kind](margin=values.margin, **numbers)
    return MeasuredRule(measure=measure, verdict=VERDICTS[values.kind], side=side, **numbers)


def _measure(values: Rule, key: str, context: _Context) -> AbstractMeasure | None:
    if values.margin is None:
        return build_measure(values.measure, context.design, f"{key}.measure", context.faults)
    if values.side is not None:
        context.faults.add(
            f"{key}.side", values.side, "with 'margin' the kind of the rule says the side; leave it out"
        )
    return HazardRatioBelow(values.margin)


def _side(values: Rule, measure: AbstractMeasure, key: str, faults: Faults) -> str | None:
    """Return the side of the threshold on which the rule fires."""
    expected = natural_side(VERDICTS[values.kind], measure.favours)
    if expected is None and values.side is None:
        faults.append(
            f"{key}.side: nothing was given; {measure.words} does not say whether the arm is better or "
            f"worse, so say whether {values.kind} lies above or below the threshold"
        )
    elif expected is not None and values.side not in (None, expected):
        faults.add(
            f"{key}.side",
            values.side,
            f"large values of {measure.words} speak for {measure.favours.name.lower()}, so {values.kind} "
            f"lies {expected} the threshold; give {expected!r} or leave it out",
        )
    return values.side or expected


def _combined(values: Rule, form: str, key: str, context: _Context) -> AbstractRule | None:
    """Return a combination of rules of the same kind."""
    parts, faults = getattr(values, form), context.faults
    before = len(faults)
    for name in ("threshold", "side"):
        if getattr(values, name) is not None:
            faults.add(
                f"{key}.{name}", getattr(values, name), f"each part of {form} has its own; give it there"
            )
    if values.min_events:
        faults.add(f"{key}.min_events", values.min_events, f"each part of {form} has its own; give it there")
    if not isinstance(parts, Mapping) or len(parts) < 2:
        faults.add(f"{key}.{form}", parts, "give at least two named rules without a kind")
        return None
    built = [_part(part, values.kind, f"{key}.{form}.{name}", context) for name, part in parts.items()]
    if len(faults) > before or any(part is None for part in built):
        return None
    if form == "all_of" and context.n_looks and not _share_a_look(built, context.n_looks):
        faults.add(f"{key}.all_of", list(parts), "no look has a threshold in every part, so it never fires")
        return None
    return _COMBINATIONS[form](tuple(built), values.binding)


def _part(data: Any, kind: str, key: str, context: _Context) -> AbstractRule | None:
    """Return a part, which has the kind of the whole and no binding of its own."""
    if not isinstance(data, Mapping):
        context.faults.add(key, data, "give a rule without a kind")
        return None
    if data.get("kind", kind) != kind:
        context.faults.add(
            f"{key}.kind", data["kind"], f"parts have the kind of the rule, {kind}; leave it out"
        )
        return None
    if "binding" in data:
        context.faults.add(
            f"{key}.binding", data["binding"], "the rule as a whole is binding or not; leave it out"
        )
        return None
    return _build({**data, "kind": kind}, key, context)


def _share_a_look(rules: list[AbstractRule], n_looks: int) -> bool:
    return any(
        all(any(not np.isnan(ask.threshold) for ask in rule.asks(look)) for rule in rules)
        for look in range(n_looks)
    )


def _scoped(rule: AbstractRule | None, values: Rule, key: str, context: _Context) -> AbstractRule | None:
    """Return the rule in its scope."""
    before = len(context.faults)
    cells = None if values.only is None else _cells(values.only, f"{key}.only", context)
    across = None if values.across is None else _across(values.across, f"{key}.across", context.faults)
    if rule is None or len(context.faults) > before or (values.only is not None and cells is None):
        return None
    if cells is not None:
        words = [
            ", ".join(_names(values.only[axis])) for axis in ("arms", "subgroups") if axis in values.only
        ]
        rule = OnlyIn(rule, cells, " in ".join(words))
    return rule if across is None else across[0](rule, across[1])


def _names(given: Any) -> list:
    return list(given) if isinstance(given, list | tuple) else [given]


def _cells(only: Mapping[str, Any], key: str, context: _Context) -> np.ndarray | None:
    """Return the cells that names of arms and subgroups choose, shape ``(S, B)``."""
    faults, design = context.faults, context.design
    before = len(faults)
    for name in only:
        if name not in ("arms", "subgroups"):
            faults.append(unknown_key(f"{key}.{name}", name, ("arms", "subgroups")))
    if design is None:
        return None
    known = {"arms": design.arms[1:], "subgroups": design.subgroups}
    chosen = {axis: _names(only.get(axis, list(names))) for axis, names in known.items()}
    for axis, names in known.items():
        what = "an experimental arm" if axis == "arms" else "a subgroup"
        for name in chosen[axis]:
            if name not in names:
                hint = did_you_mean(str(name), names)
                faults.append(
                    f"{key}.{axis}: {shown(name)} is not {what} of the design; it has "
                    f"{', '.join(names)}{hint}"
                )
    if len(faults) > before:
        return None
    arms, subgroups = ([name in chosen[axis] for name in known[axis]] for axis in ("arms", "subgroups"))
    return np.outer(subgroups, arms)


def _across(across: Mapping[str, Any], key: str, faults: Faults) -> tuple[type, str] | None:
    """Return the scope over several cells, and whether all or any of them must meet the rule."""
    if len(across) == 1:
        axis, how = next(iter(across.items()))
        if axis in _ACROSS and how in ("all", "any"):
            return _ACROSS[axis], how
    faults.add(key, dict(across), "give 'subgroups' or 'arms', with 'all' or 'any', such as {subgroups: all}")
    return None
