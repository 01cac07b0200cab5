"""Builds decision rules from configuration values and checks that they do not contradict each other."""

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np

from adaptive.config.build_looks import spread
from adaptive.config.checks import Faults
from adaptive.config.read import read_kind
from adaptive.config.schema import SCHEMAS
from adaptive.config.schema_design import Rule
from adaptive.design.rules import AbstractRule, EfficacyRule, FutilityRule, HarmRule

_RULES = {"efficacy": EfficacyRule, "futility": FutilityRule, "harm": HarmRule}


def build_rules(data: Any, n_looks: int | None, faults: Faults) -> tuple[AbstractRule, ...] | None:
    """Return the rules, or ``None`` after writing down every fault.

    Parameters
    ----------
    data
        Name -> values of one rule with a ``kind``.
    n_looks
        Number of looks, or ``None`` if the look plan is faulty.
    faults
        Where faults are written.
    """
    if not isinstance(data, Mapping) or not data:
        faults.add("rules", data, "give at least one named rule with a kind")
        return None
    before = len(faults)
    values = {name: read_kind(SCHEMAS["rule"], item, f"rules.{name}", faults) for name, item in data.items()}
    if n_looks is None:
        return None
    for name, rule in values.items():
        if rule is not None:
            key = f"rules.{name}.threshold"
            rule.threshold = spread(rule.threshold, n_looks, key, faults, "look")
    sound = {n: rule for n, rule in values.items() if rule is not None and rule.threshold is not None}
    _contradictions(sound, faults)
    if len(faults) > before:
        return None
    return tuple(_build(rule) for rule in sound.values())


def _build(values: Rule) -> AbstractRule:
    return _RULES[values.kind](
        margin=values.margin,
        threshold=np.asarray(values.threshold, float),
        min_events=values.min_events,
        binding=values.binding,
    )


def _contradictions(rules: Mapping[str, Rule], faults: Faults) -> None:
    """Write down pairs of binding rules that leave a cell no way to stay open, or that exclude each other.

    Efficacy fires when P(HR < m) is above its threshold, futility when it is below its own: with a futility
    threshold above that of efficacy, whatever the data, one of them fires or both do. Harm fires when
    P(HR < m) is below one minus its threshold.
    """
    for (name, rule), (other_name, other) in product(rules.items(), repeat=2):
        if rule.kind != "efficacy" or other.kind == "efficacy" or not (rule.binding and other.binding):
            continue
        up = np.asarray(rule.threshold)
        down = np.asarray(other.threshold) if other.kind == "futility" else 1.0 - np.asarray(other.threshold)
        clash = np.flatnonzero(down > up)
        if clash.size:
            k = int(clash[0])
            faults.append(
                f"rules.{other_name}.threshold: {other.threshold[k]:g} at look {k + 1} is not allowed; with "
                f"rules.{name}.threshold {rule.threshold[k]:g} both rules can fire for the same cell and one "
                f"of them is certain to; {_advice(other.kind, up[k])}"
            )


def _advice(kind: str, efficacy: float) -> str:
    if kind == "futility":
        return f"give a futility threshold of at most {efficacy:g}"
    return f"give a harm threshold of at least {1.0 - efficacy:g}"
