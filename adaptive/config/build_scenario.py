"""Builds the assumed truth from configuration values. Knows nothing of any design.

Every number is a node ``{value, unit, source, tag}``; the unit is part of the value, so that a table in per
cent per year may be copied as it was published and is converted here.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from adaptive.config.build_analysis import check_cuts
from adaptive.config.checks import Check, Faults, Numbers, Range, Real, shown
from adaptive.config.read import read, read_kind
from adaptive.config.schema import EffectValues, HazardValues, Parameter, ScenarioValues, TransitionValues
from adaptive.errors import BadInput, did_you_mean
from adaptive.scenario.build import BaseHazard, Effect, Transition, build_hazards
from adaptive.scenario.check import check_scenario
from adaptive.scenario.effects import AbstractShape, Constant, Delayed, Reversed, Waning
from adaptive.scenario.truth import Accrual, Drift, Hazards, Population, Scenario

PER_TIME = {"per month": 1.0, "per year": 1.0 / 12.0, "percent per year": 1.0 / 1200.0}
MONTHS = {"months": 1.0, "years": 12.0}
ARRIVALS = {"per month": 1.0, "per year": 1.0 / 12.0}
RATIO = {"hazard ratio": 1.0}
SHARE = {"proportion": 1.0, "percent": 0.01}
MULTIPLIER = {"multiplier": 1.0}
FACTOR = {"factor": 1.0}
_SUM_ERROR = 1e-6


class Slot(NamedTuple):
    """What a parameter may be: its check, its units, and the number of values it stands for."""

    check: Check
    units: Mapping[str, float]


_SHAPES: dict[str, tuple[type[AbstractShape], dict[str, Slot]]] = {
    "constant": (Constant, {}),
    "delayed": (Delayed, {"onset": Slot(Real(Range(above=0)), MONTHS)}),
    "waning": (
        Waning,
        {"start": Slot(Real(Range(low=0)), MONTHS), "end": Slot(Real(Range(above=0)), MONTHS)},
    ),
    "reversed": (
        Reversed,
        {"at": Slot(Real(Range(above=0)), MONTHS), "factor": Slot(Real(Range(low=0)), FACTOR)},
    ),
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


def parameter(data: Any, key: str, slot: Slot, faults: Faults, schema: type = Parameter) -> Any:
    """Return a parameter node with its value checked and converted, or ``None`` after writing down faults."""
    node = read(schema, data, key, faults)
    if node is None:
        return None
    before = len(faults)
    node.value = slot.check.parse(node.value, f"{key}.value", faults)
    if node.unit not in slot.units:
        hint = did_you_mean(node.unit, tuple(slot.units))
        faults.add(f"{key}.unit", node.unit, f"give one of {', '.join(slot.units)}", hint)
    if len(faults) > before:
        return None
    node.value = _scaled(node.value, slot.units[node.unit])
    return node


def _scaled(value: Any, factor: float) -> Any:
    return [item * factor for item in value] if isinstance(value, list) else value * factor


def _only(data: Mapping, key: str, known: Sequence[str], required: Sequence[str], faults: Faults) -> bool:
    """Write down unknown and missing keys of a mapping; return whether there were none."""
    before = len(faults)
    for name in data:
        if name not in known:
            keys = ", ".join(known)
            faults.append(f"{key}.{name}: no such key; the keys here are {keys}{did_you_mean(name, known)}")
    faults.extend(f"{key}.{n}: nothing was given; this key is required" for n in required if n not in data)
    return len(faults) == before


def _known(name: str, allowed: Sequence[str], key: str, what: str, faults: Faults) -> bool:
    """Return whether a name is among the scenario's, writing down a fault if not."""
    if name in allowed:
        return True
    faults.append(
        f"{key}: {name!r} is not a {what} of the scenario; it has {', '.join(allowed)}{did_you_mean(name, allowed)}"
    )
    return False


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
        if not _known(channel, values.channels, key, "channel", faults):
            continue
        if not isinstance(nodes, Mapping) or not nodes:
            faults.add(key, nodes, "give named nodes of subgroup, value, unit, source and tag")
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
            faults.append(
                f"scenario.hazards.{channel}: no hazard for {', '.join(missing)}; give one (0 if it never fires)"
            )
    return sorted(parts, key=lambda part: (part.subgroup is not None, part.state is not None))


def _base_hazard(channel: str, data: Any, key: str, values: ScenarioValues, faults: Faults) -> BaseHazard | None:
    node = parameter(data, key, Slot(Numbers(Range(low=0)), PER_TIME), faults, HazardValues)
    if node is None:
        return None
    before = len(faults)
    if node.subgroup != "all":
        _known(node.subgroup, values.subgroups, f"{key}.subgroup", "subgroup", faults)
    check_cuts(node.cuts, f"{key}.cuts", faults)
    if len(node.value) != len(node.cuts):
        need = f"{len(node.cuts)}: one per entry of cuts" if len(node.cuts) > 1 else "one, or several with cuts"
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
    _known(node.arm, values.arms[1:], f"{key}.arm", "experimental arm", faults)
    _known(node.channel, values.channels, f"{key}.channel", "channel", faults)
    subgroups = [None] if node.subgroups == "all" else node.subgroups
    subgroups = subgroups if isinstance(subgroups, list) else [subgroups]
    for subgroup in subgroups:
        if subgroup is not None:
            _known(str(subgroup), values.subgroups, f"{key}.subgroups", "subgroup", faults)
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
    _only(data, key, ("kind", *slots), tuple(slots), faults)
    nodes = {n: parameter(data[n], f"{key}.{n}", slot, faults) for n, slot in slots.items() if n in data}
    if len(faults) > before:
        return None
    built = shape(**{name: node.value for name, node in nodes.items()})
    faults.extend(f"{key}.{fault}" for fault in built.faults())
    return None if len(faults) > before else built


def _knots(data: Mapping[str, Any], key: str, faults: Faults) -> list[float] | None:
    """Return calendar months at which a course over calendar time has its knots; month 0 if not given."""
    if "knots" not in data:
        return [0.0]
    node = parameter(data["knots"], f"{key}.knots", Slot(Numbers(Range(low=0)), MONTHS), faults)
    if node is None:
        return None
    if any(b <= a for a, b in zip(node.value, node.value[1:], strict=False)):
        faults.add(f"{key}.knots.value", node.value, "give strictly increasing months")
        return None
    return node.value


def _course(data: Any, size: int, key: str, within: Range, faults: Faults) -> list[float]:
    """Return one value per knot; a single value holds throughout."""
    items = Numbers(within).parse(data, key, faults)
    if items is not None and len(items) not in (1, size):
        faults.append(f"{key}: {len(items)} values came; give one, or {size}: one per knot")
    return [math.nan] * size if items is None else (items * size if len(items) == 1 else items[:size])


def _by_name(value: Any, names: Sequence[str], key: str, faults: Faults) -> dict[str, Any] | None:
    """Return name -> value of a mapping by name, or of a list in the order of the names."""
    if isinstance(value, Mapping):
        for name in value:
            _known(str(name), names, f"{key}.{name}", "subgroup or channel", faults)
        return {str(name): item for name, item in value.items() if name in names}
    if isinstance(value, list) and len(value) == len(names):
        return dict(zip(names, value, strict=True))
    faults.add(key, value, f"give a mapping by name, or a list in the order {', '.join(names)}")
    return None


class _Loose(Check):
    """Takes any value; its caller checks it."""

    def parse(self, value: Any, key: str, faults: Faults) -> Any:
        """Return the value."""
        return value


def _named_courses(
    data: Mapping, field: str, names: Sequence[str], units: Mapping, key: str, faults: Faults
) -> tuple[list[float], dict[str, list[float]]] | None:
    """Return knots and, by name, the values at the knots."""
    before = len(faults)
    _only(data, key, ("knots", field), (field,), faults)
    knots = _knots(data, key, faults)
    node = read(Parameter, data[field], f"{key}.{field}", faults) if field in data else None
    if node is not None and node.unit not in units:
        hint = did_you_mean(node.unit, tuple(units))
        faults.add(f"{key}.{field}.unit", node.unit, f"give one of {', '.join(units)}", hint)
    if node is None or knots is None or len(faults) > before:
        return None
    where = f"{key}.{field}.value"
    found = _by_name(node.value, names, where, faults) or {}
    scale = units[node.unit]
    courses = {
        name: [v * scale for v in _course(item, len(knots), f"{where}.{name}", Range(low=0), faults)]
        for name, item in found.items()
    }
    return None if len(faults) > before else (knots, courses)


def _population(values: ScenarioValues, faults: Faults) -> Population | None:
    found = _named_courses(values.mix, "share", values.subgroups, SHARE, "scenario.mix", faults)
    if found is None:
        return None
    knots, shares = found
    if missing := [name for name in values.subgroups if name not in shares]:
        faults.append(f"scenario.mix.share.value: no share for {', '.join(missing)}; give one (0 if none arrive)")
        return None
    mix = np.asarray([shares[name] for name in values.subgroups]).T
    sums = mix.sum(axis=1)
    if (np.abs(sums - 1.0) > _SUM_ERROR).any():
        wrong = sums[np.abs(sums - 1.0) > _SUM_ERROR][0]
        faults.append(f"scenario.mix.share.value: shares sum to {wrong:.6g}; they must sum to 1 at every knot")
        return None
    return Population(knots=np.asarray(knots), mix=mix / sums[:, None])


def _accrual(values: ScenarioValues, faults: Faults) -> Accrual | None:
    key, data = "scenario.accrual", values.accrual
    before = len(faults)
    _only(data, key, ("knots", "rate"), ("rate",), faults)
    knots = _knots(data, key, faults)
    if "rate" not in data:
        return None
    rate = parameter(data["rate"], f"{key}.rate", Slot(Numbers(Range(low=0)), ARRIVALS), faults)
    if rate is None or knots is None or len(faults) > before:
        return None
    course = _course(rate.value, len(knots), f"{key}.rate.value", Range(low=0), faults)
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
    found = _named_courses(values.drift, "multiplier", values.channels, MULTIPLIER, "scenario.drift", faults)
    if found is None:
        return None
    knots, courses = found
    for name, course in courses.items():
        if min(course) <= 0:
            faults.add(f"scenario.drift.multiplier.value.{name}", course, "multipliers are above 0; 1 is no drift")
    if len(faults) > before:
        return None
    table = np.asarray([courses.get(name, [1.0] * len(knots)) for name in values.channels])
    return Drift(knots=np.asarray(knots), log_multiplier=np.log(table).T)
