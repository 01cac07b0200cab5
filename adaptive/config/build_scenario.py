"""Builds the assumed truth from configuration values. Knows nothing of any design.

Every number is a node ``{value, unit, source, tag}``, read by ``config.parameters``.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from adaptive.config.build_analysis import check_cuts
from adaptive.config.checks import Faults, Numbers, Range, Real, shown
from adaptive.config.parameters import (
    ARRIVALS,
    FACTOR,
    MONTHS,
    MULTIPLIER,
    PER_TIME,
    RATIO,
    SHARE,
    Slot,
    is_known,
    only_keys,
    parameter,
    read_course,
    read_courses,
    read_knots,
)
from adaptive.config.read import read
from adaptive.config.schema_scenario import EffectValues, HazardValues, ScenarioValues, TransitionValues
from adaptive.errors import BadInput, did_you_mean
from adaptive.scenario.build import BaseHazard, Effect, Transition, build_hazards
from adaptive.scenario.check import check_scenario
from adaptive.scenario.effects import AbstractShape, Constant, Delayed, Reversed, Waning
from adaptive.scenario.truth import Accrual, Drift, Hazards, Population, Scenario

_SUM_ERROR = 1e-6
_AFTER = Slot(Real(Range(above=0)), MONTHS)
_SHAPES: dict[str, tuple[type[AbstractShape], dict[str, Slot]]] = {
    "constant": (Constant, {}),
    "delayed": (Delayed, {"onset": _AFTER}),
    "waning": (Waning, {"start": Slot(Real(Range(low=0)), MONTHS), "end": _AFTER, "step": _AFTER}),
    "reversed": (Reversed, {"at": _AFTER, "factor": Slot(Real(Range(low=0)), FACTOR)}),
}


def build_truth(config: Mapping[str, Any], faults: Faults) -> Scenario | None:
    """Return the scenario, or ``None`` after writing down every fault; ``config`` has ``scenario``."""
    values = read(ScenarioValues, config.get("scenario"), "scenario", faults)
    if values is None:
        return None
    before = len(faults)
    hazards = _hazards(values, faults)
    population = _population(values, faults)
    accrual = _accrual(values, faults)
    drift = _drift(values, faults)
    if len(faults) > before:
        return None
    scenario = Scenario(
        name=values.name,
        subgroups=values.subgroups,
        arms=values.arms,
        channels=values.channels,
        states=values.states,
        n_episodes=values.n_episodes,
        hazards=hazards,
        population=population,
        accrual=accrual,
        drift=drift,
    )
    faults.extend(f"scenario.{fault}" for fault in check_scenario(scenario))
    return None if len(faults) > before else scenario


def _hazards(values: ScenarioValues, faults: Faults) -> Hazards | None:
    before = len(faults)
    base = _base(values, faults)
    effects = [e for name, item in values.effects.items() for e in _effects(name, item, values, faults)]
    transitions = [
        read(TransitionValues, item, f"scenario.transitions.{name}", faults)
        for name, item in values.transitions.items()
    ]
    if len(faults) > before:
        return None
    try:
        return build_hazards(
            subgroups=values.subgroups,
            arms=values.arms,
            channels=values.channels,
            states=values.states,
            base=base,
            effects=effects,
            transitions=[Transition(t.state, t.channel, t.next_state) for t in transitions],
        )
    except BadInput as error:
        faults.extend(f"scenario.{fault}" for fault in error.faults)
        return None


def _base(values: ScenarioValues, faults: Faults) -> list[BaseHazard]:
    """Return the control hazards; nodes for all subgroups come first, so that those for one subgroup hold."""
    parts, covered = [], {channel: set() for channel in values.channels}
    for channel, nodes in values.hazards.items():
        key = f"scenario.hazards.{channel}"
        if not is_known(channel, values.channels, key, "channel", faults):
            continue
        if not isinstance(nodes, Mapping) or not nodes:
            faults.add(key, nodes, "give named nodes of subgroup, value, unit, source and tag")
            covered[channel].add(None)
            continue
        for name, node in nodes.items():
            part = _base_hazard(channel, node, f"{key}.{name}", values, faults)
            if part is not None:
                parts.append(part)
                covered[channel].add(part.subgroup)
            else:
                covered[channel].add(None)
    for channel, subgroups in covered.items():
        if missing := [name for name in values.subgroups if name not in subgroups and None not in subgroups]:
            faults.append(f"scenario.hazards.{channel}: no hazard for {', '.join(missing)}; give one, or 0")
    return sorted(parts, key=lambda part: (part.subgroup is not None, part.state is not None))


def _base_hazard(
    channel: str, data: Any, key: str, values: ScenarioValues, faults: Faults
) -> BaseHazard | None:
    node = parameter(data, key, Slot(Numbers(Range(low=0)), PER_TIME), faults, HazardValues)
    if node is None:
        return None
    before = len(faults)
    if node.subgroup != "all":
        is_known(node.subgroup, values.subgroups, f"{key}.subgroup", "subgroup", faults)
    check_cuts(node.cuts, f"{key}.cuts", faults)
    if len(node.value) != len(node.cuts):
        need = (
            f"{len(node.cuts)}: one per entry of cuts" if len(node.cuts) > 1 else "one, or several with cuts"
        )
        faults.append(f"{key}.value: {len(node.value)} values came; give {need}")
    if len(faults) > before:
        return None
    subgroup = None if node.subgroup == "all" else node.subgroup
    return BaseHazard(channel, tuple(node.cuts), tuple(node.value), subgroup, node.state)


def _effects(name: str, data: Any, values: ScenarioValues, faults: Faults) -> list[Effect]:
    """Return one effect per subgroup that the node names."""
    key = f"scenario.effects.{name}"
    node = read(EffectValues, data, key, faults)
    if node is None:
        return []
    before = len(faults)
    is_known(node.arm, values.arms[1:], f"{key}.arm", "experimental arm", faults)
    is_known(node.channel, values.channels, f"{key}.channel", "channel", faults)
    subgroups = [None] if node.subgroups == "all" else node.subgroups
    subgroups = subgroups if isinstance(subgroups, list) else [subgroups]
    for subgroup in subgroups:
        if subgroup is not None:
            is_known(str(subgroup), values.subgroups, f"{key}.subgroups", "subgroup", faults)
    ratio = parameter(node.hazard_ratio, f"{key}.hazard_ratio", Slot(Real(Range(above=0)), RATIO), faults)
    shape = _shape(node.shape, f"{key}.shape", faults)
    if len(faults) > before or ratio is None or shape is None:
        return []
    return [Effect(node.channel, node.arm, ratio.value, s, node.state, shape) for s in subgroups]


def _shape(data: Mapping[str, Any], key: str, faults: Faults) -> AbstractShape | None:
    """Return the course of an effect over time; an empty mapping means a constant effect."""
    kind = data.get("kind", "constant")
    if kind not in _SHAPES:
        hint = did_you_mean(str(kind), tuple(_SHAPES))
        faults.append(f"{key}.kind: {shown(kind)} is not a kind; give one of {', '.join(_SHAPES)}{hint}")
        return None
    shape, slots = _SHAPES[kind]
    before = len(faults)
    only_keys(data, key, ("kind", *slots), tuple(slots), faults)
    nodes = {n: parameter(data[n], f"{key}.{n}", slot, faults) for n, slot in slots.items() if n in data}
    if len(faults) > before:
        return None
    built = shape(**{name: node.value for name, node in nodes.items()})
    faults.extend(f"{key}.{fault}" for fault in built.faults())
    return None if len(faults) > before else built


def _population(values: ScenarioValues, faults: Faults) -> Population | None:
    found = read_courses(values.mix, "share", values.subgroups, SHARE, "scenario.mix", faults)
    if found is None:
        return None
    knots, shares = found
    if missing := [name for name in values.subgroups if name not in shares]:
        faults.append(
            f"scenario.mix.share.value: no share for {', '.join(missing)}; give one (0 if none arrive)"
        )
        return None
    mix = np.asarray([shares[name] for name in values.subgroups]).T
    sums = mix.sum(axis=1)
    if (np.abs(sums - 1.0) > _SUM_ERROR).any():
        wrong = sums[np.abs(sums - 1.0) > _SUM_ERROR][0]
        faults.append(
            f"scenario.mix.share.value: shares sum to {wrong:.6g}; they must sum to 1 at every knot"
        )
        return None
    return Population(knots=np.asarray(knots), mix=mix / sums[:, None])


def _accrual(values: ScenarioValues, faults: Faults) -> Accrual | None:
    key, data = "scenario.accrual", values.accrual
    before = len(faults)
    only_keys(data, key, ("knots", "rate"), ("rate",), faults)
    knots = read_knots(data, key, faults)
    if "rate" not in data:
        return None
    rate = parameter(data["rate"], f"{key}.rate", Slot(Numbers(Range(low=0)), ARRIVALS), faults)
    if rate is None or knots is None or len(faults) > before:
        return None
    course = read_course(rate.value, len(knots), f"{key}.rate.value", Range(low=0), faults)
    if knots[0] != 0.0:
        faults.add(f"{key}.knots.value", knots, "the first knot is month 0")
    if course[-1] == 0.0:
        faults.add(f"{key}.rate.value", course, "the last rate holds for ever; give one above 0")
    return None if len(faults) > before else Accrual(knots=np.asarray(knots), rate=np.asarray(course))


def _drift(values: ScenarioValues, faults: Faults) -> Drift | None:
    """Return the drift; channels that are not named do not drift."""
    n_channels = len(values.channels)
    if not values.drift:
        return Drift(knots=np.zeros(1), log_multiplier=np.zeros((1, n_channels)))
    before = len(faults)
    found = read_courses(values.drift, "multiplier", values.channels, MULTIPLIER, "scenario.drift", faults)
    if found is None:
        return None
    knots, courses = found
    for name, course in courses.items():
        if min(course) <= 0:
            faults.add(
                f"scenario.drift.multiplier.value.{name}", course, "multipliers are above 0; 1 is no drift"
            )
    if len(faults) > before:
        return None
    table = np.asarray([courses.get(name, [1.0] * len(knots)) for name in values.channels])
    return Drift(knots=np.asarray(knots), log_multiplier=np.log(table).T)
