"""A declared space of nulls: nuisance parameters in a box, and which cells have no benefit.

Points are scenarios made by transforming one built scenario; its shapes stay, so one compiled program
serves every point. Multipliers lie on the log scale. What lies outside the box is not covered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float
from scipy.stats import qmc

from adaptive.design.protocol import Design
from adaptive.errors import BadInput, did_you_mean
from adaptive.oc.calibrate_rules import Null
from adaptive.scenario.truth import Drift, Scenario

PARTIAL = ("none", "subgroups", "arms", "cells")
KINDS = ("hazard", "hazard_in", "channel", "accrual", "drift", "mix", "effect")
NAMED = ("hazard_in", "channel", "mix")
MAX_PATTERNS = 64

Interval = tuple[float, float]


@dataclass(frozen=True)
class Factor:
    """One nuisance parameter, a positive multiplier.

    Attributes
    ----------
    kind
        ``hazard`` of the endpoint in a subgroup or in all, ``channel`` (any other ending), ``accrual``,
        ``drift`` (of the endpoint's hazard between the first patient and ``drift_months``), ``mix`` (share
        of a subgroup, before the shares are made to sum to 1), ``effect`` (hazard ratio of the cells with a
        benefit).
    name
        Subgroup or channel; ``all`` where there is none.
    low, high
        The interval.
    """

    kind: str
    name: str
    low: float
    high: float


@dataclass(frozen=True)
class Box:
    """The declared space.

    Attributes
    ----------
    factors
        Nuisance parameters.
    patterns
        Which offered cells are null, one array ``(S, B)`` each; at least one cell is, in the first all are.
    drift_months
        Calendar month of entry at which a drift is complete.
    """

    factors: tuple[Factor, ...]
    patterns: tuple[Bool[np.ndarray, "S B"], ...]
    drift_months: float


@dataclass(frozen=True)
class Point:
    """One point of the space: its number, the pattern, and a value per factor."""

    number: int
    pattern: int
    values: tuple[float, ...]


def read_factors(
    box: Mapping[str, object], scenario: Scenario, endpoint: tuple[str, ...]
) -> tuple[Factor, ...]:
    """Return the factors of a box given as plain data.

    ``accrual``, ``drift`` and ``effect`` have an interval ``[low, high]``; ``hazard`` an interval for all
    subgroups together, ``hazard_in`` one per subgroup; ``mix`` one per subgroup, ``channel`` one per channel.

    Raises
    ------
    BadInput
        With every fault.
    """
    faults: list[str] = []
    factors = []
    others = tuple(name for name in scenario.channels if name not in endpoint)
    names = {"hazard_in": scenario.subgroups, "mix": scenario.subgroups, "channel": others}
    for kind, given in box.items():
        if given is None:
            continue
        if kind not in KINDS:
            faults.append(
                f"box.{kind}: there is no such factor; give some of "
                f"{', '.join(KINDS)}{did_you_mean(kind, KINDS)}"
            )
        elif isinstance(given, Mapping) and kind in names:
            for name, interval in given.items():
                if name not in names[kind]:
                    hint = did_you_mean(str(name), names[kind])
                    faults.append(
                        f"box.{kind}.{name}: not known; give some of {', '.join(names[kind])}{hint}"
                    )
                    continue
                own = "hazard" if kind == "hazard_in" else kind
                factors += _factor(own, str(name), interval, f"box.{kind}.{name}", faults)
        elif kind in NAMED:
            faults.append(f"box.{kind}: {given!r} is not allowed; give an interval for each of its names")
        else:
            factors += _factor(kind, "all", given, f"box.{kind}", faults)
    if faults:
        raise BadInput(faults)
    return tuple(factors)


def _factor(kind: str, name: str, given: object, key: str, faults: list[str]) -> list[Factor]:
    pair = list(given) if isinstance(given, list | tuple) else []
    numeric = len(pair) == 2 and all(isinstance(x, int | float) and not isinstance(x, bool) for x in pair)
    top = 1.0 if kind == "effect" else np.inf
    if not numeric or not 0 < pair[0] <= pair[1] < top:
        most = " below 1, hazard ratios of a benefit" if kind == "effect" else ""
        faults.append(f"{key}: {given!r} is not allowed; give [low, high], positive and in order{most}")
        return []
    return [Factor(kind, name, float(pair[0]), float(pair[1]))]


def null_patterns(design: Design, partial: str | Sequence[str]) -> tuple[Bool[np.ndarray, "S B"], ...]:
    """Return which cells are null: all of them, then every partial null of the kinds asked for, each once.

    Raises
    ------
    BadInput
        For an unknown kind, or more than ``MAX_PATTERNS`` patterns.
    """
    kinds = (partial,) if isinstance(partial, str) else tuple(partial)
    if unknown := [kind for kind in kinds if kind not in PARTIAL]:
        raise BadInput(
            f"partial: {unknown[0]!r} is not allowed; give one or more of "
            f"{', '.join(PARTIAL)}{did_you_mean(unknown[0], PARTIAL)}"
        )
    offered = np.asarray(design.eligible)
    found: list[np.ndarray] = []
    for pattern in (pattern for kind in kinds for pattern in _patterns(offered, kind)):
        if pattern.any() and not any((pattern == other).all() for other in found):
            found.append(pattern)
    if len(found) > MAX_PATTERNS:
        raise _too_many(", ".join(kinds), len(found))
    return tuple(found)


def _patterns(offered: Bool[np.ndarray, "S B"], kind: str) -> list[Bool[np.ndarray, "S B"]]:
    """Return the patterns of one kind, all null first; some may be the same, or have no null."""
    shape = {"none": (1, 1), "subgroups": (offered.shape[0], 1), "arms": (1, offered.shape[1])}
    units = shape.get(kind, offered.shape)
    n = int(np.prod(units))
    if 2**n - 1 > MAX_PATTERNS:
        raise _too_many(kind, 2**n - 1)
    choices = product([True, False], repeat=n)
    return [np.broadcast_to(np.reshape(choice, units), offered.shape) & offered for choice in choices]


def _too_many(kinds: str, n: int) -> BadInput:
    return BadInput(
        f"partial: {kinds!r} gives {n} patterns, more than {MAX_PATTERNS}; give 'subgroups', 'arms' or 'none'"
    )


def is_beside_benefit(box: Box, pattern: int) -> bool:
    """Return whether in some subgroup an arm has no benefit beside an arm that has one."""
    offered, null = box.patterns[0], box.patterns[pattern]
    return bool((null.any(axis=1) & (offered & ~null).any(axis=1)).any())


def points_of(box: Box, n_points: int, seed: int) -> list[Point]:
    """Return the centre of the box and ``n_points`` Sobol points on the log scale, for every pattern.

    The factor of the effect does not matter where every offered cell is null; it is kept, so that patterns
    share their points.
    """
    moving = [factor for factor in box.factors if factor.high > factor.low]
    if moving and n_points:
        sampler = qmc.Sobol(len(moving), scramble=True, seed=seed)
        unit = sampler.random_base2(int(np.ceil(np.log2(n_points))))[:n_points]
    else:
        unit = np.zeros((0, len(moving)))
    unit = np.concatenate([np.full((1, len(moving)), 0.5), unit])
    grid = [tuple(_values(box.factors, row)) for row in unit]
    pairs = product(range(len(box.patterns)), grid)
    return [Point(number, pattern, values) for number, (pattern, values) in enumerate(pairs)]


def _values(factors: tuple[Factor, ...], row: Float[np.ndarray, " F"]) -> list[float]:
    left = iter(row)
    return [float(f.low * (f.high / f.low) ** next(left)) if f.high > f.low else f.low for f in factors]


def null_at(base: Scenario, endpoint: tuple[str, ...], box: Box, point: Point) -> Null:
    """Return the scenario of a point; effects on the endpoint are 0 in null cells, else proportional."""
    pattern = box.patterns[point.pattern]
    scenario = _with_effects(base, endpoint, pattern, _value(box, point, "effect"))
    base_hazard = scenario.hazards.base
    for factor, value in zip(box.factors, point.values, strict=True):
        if factor.kind == "hazard":
            rows = _subgroups(base, factor.name)
            base_hazard = base_hazard.at[:, _channels(base, endpoint)[:, None], rows[None]].multiply(value)
        elif factor.kind == "channel":
            base_hazard = base_hazard.at[:, base.channels.index(factor.name)].multiply(value)
    scenario = eqx.tree_at(lambda s: s.hazards.base, scenario, base_hazard)
    scenario = eqx.tree_at(
        lambda s: s.accrual.rate, scenario, scenario.accrual.rate * _value(box, point, "accrual")
    )
    scenario = eqx.tree_at(lambda s: s.population.mix, scenario, _mix(base, box, point))
    drift = _drift(base.drift, _channels(base, endpoint), _value(box, point, "drift"), box.drift_months)
    scenario = eqx.tree_at(lambda s: s.drift, scenario, drift)
    return Null(f"point {point.number}", replace(scenario, name="null space"), pattern)


def _value(box: Box, point: Point, kind: str) -> float:
    """Return the value of a factor that occurs once, 1 if it does not."""
    pairs = zip(box.factors, point.values, strict=True)
    return next((value for factor, value in pairs if factor.kind == kind), 1.0)


def _channels(base: Scenario, endpoint: tuple[str, ...]) -> np.ndarray:
    return np.array([base.channels.index(name) for name in endpoint])


def _subgroups(base: Scenario, name: str) -> np.ndarray:
    return np.arange(len(base.subgroups)) if name == "all" else np.array([base.subgroups.index(name)])


def _with_effects(
    base: Scenario, endpoint: tuple[str, ...], pattern: Bool[np.ndarray, "S B"], ratio: float
) -> Scenario:
    log_hr = base.hazards.log_hr
    effect = jnp.where(jnp.asarray(pattern), 0.0, np.log(ratio)).astype(log_hr.dtype)
    own = jnp.concatenate([jnp.zeros_like(effect[:, :1]), effect], axis=1)[None, None, :, :, None]
    rows = _channels(base, endpoint)
    shape = (log_hr.shape[0], rows.size, *log_hr.shape[2:])
    return eqx.tree_at(lambda s: s.hazards.log_hr, base, log_hr.at[:, rows].set(jnp.broadcast_to(own, shape)))


def _mix(base: Scenario, box: Box, point: Point) -> Float[Array, "G S"]:
    weight = np.ones(len(base.subgroups))
    for factor, value in zip(box.factors, point.values, strict=True):
        if factor.kind == "mix":
            weight[base.subgroups.index(factor.name)] = value
    mix = base.population.mix * jnp.asarray(weight, base.population.mix.dtype)[None]
    return mix / mix.sum(axis=1, keepdims=True)


def _drift(base: Drift, rows: np.ndarray, multiplier: float, months: float) -> Drift:
    """Return the drift with a log-linear one of the endpoint's channels on top, at knots all points share."""
    knots = np.union1d(np.asarray(base.knots, float), [0.0, months])
    old = np.asarray(base.log_multiplier, float)
    new = np.stack([np.interp(knots, np.asarray(base.knots, float), column) for column in old.T], axis=1)
    new[:, rows] += np.log(multiplier) * np.clip(knots / months, 0.0, 1.0)[:, None]
    dtype = base.log_multiplier.dtype
    return Drift(jnp.asarray(knots, base.knots.dtype), jnp.asarray(new, dtype))
