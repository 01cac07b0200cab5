"""Builds the protocol from configuration values. Knows nothing of any truth."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from adaptive.config.build_allocation import build_allocation
from adaptive.config.build_analysis import build_analysis
from adaptive.config.build_assignment import build_assignment
from adaptive.config.build_looks import build_looks
from adaptive.config.build_rules import build_rules
from adaptive.config.build_timing import build_calendar, build_lags
from adaptive.config.checks import Faults, Range, Whole, shown
from adaptive.config.read import read
from adaptive.config.schema_design import DesignValues
from adaptive.design.protocol import Design, Limits
from adaptive.errors import did_you_mean


def build_protocol(config: Mapping[str, Any], faults: Faults) -> Design | None:
    """Return the design, or ``None`` after writing down every fault.

    Parameters
    ----------
    config
        Plain values with ``design``, ``looks``, ``rules``, ``allocation``, ``model`` and ``posterior``.
    faults
        Where faults are written.
    """
    values = read(DesignValues, config.get("design"), "design", faults)
    looks = build_looks(config.get("looks"), values, "looks", faults)
    n_looks = None if looks is None else looks.n_looks
    rules = build_rules(config.get("rules"), n_looks, faults, values, config.get("model"))
    limits = None if values is None else _limits(values, faults)
    most = None if limits is None else np.asarray(limits.max_per_subgroup)
    allocation = build_allocation(config.get("allocation"), values, faults, n_looks, most)
    analysis = build_analysis(dict(config), values, faults)
    if values is None:
        return None
    eligible = _eligible(values, faults)
    assignment = build_assignment(values, allocation, eligible, faults)
    lags = build_lags(values, faults)
    calendar = build_calendar(values, None if looks is None else looks.n_looks, faults)
    if any(part is None for part in (looks, rules, allocation, analysis, limits, eligible, assignment)):
        return None
    return Design(
        name=values.name,
        arms=values.arms,
        subgroups=values.subgroups,
        endpoint=values.endpoint,
        eligible=eligible,
        limits=limits,
        looks=looks,
        allocation=allocation,
        rules=rules,
        analysis=analysis,
        assignment=assignment,
        calendar=calendar,
        lags=lags,
    )


def _limits(values: DesignValues, faults: Faults) -> Limits | None:
    before = len(faults)
    if values.n_arrivals < values.max_patients:
        faults.append(
            f"design.n_arrivals: {values.n_arrivals} is not allowed; give at least design.max_patients, "
            f"{values.max_patients}, and more where a subgroup may close"
        )
    per_subgroup = _per_subgroup(values, faults)
    if len(faults) > before:
        return None
    return Limits(
        max_patients=np.int32(values.max_patients),
        max_per_subgroup=np.asarray(per_subgroup, np.int32),
        max_months=values.max_months,
        n_arrivals=values.n_arrivals,
    )


def _per_subgroup(values: DesignValues, faults: Faults) -> list[int | None]:
    """Return the maximum of each subgroup: null or one number for all, a list in order, or by name."""
    key, given = "design.max_per_subgroup", values.max_per_subgroup
    if given is None:
        given = values.max_patients
    if isinstance(given, Mapping):
        for name in given:
            if name not in values.subgroups:
                faults.append(_no_subgroup(f"{key}.{name}", name, values.subgroups))
        given = [given.get(name, values.max_patients) for name in values.subgroups]
    items = given if isinstance(given, list) else [given] * len(values.subgroups)
    if len(items) != len(values.subgroups):
        faults.add(key, items, f"give one number, or {len(values.subgroups)}: one per subgroup")
        return []
    return [Whole(Range(low=1)).parse(item, key, faults) for item in items]


def _no_subgroup(key: str, name: str, subgroups: tuple[str, ...]) -> str:
    hint = did_you_mean(str(name), subgroups)
    return f"{key}: {shown(name)} is not a subgroup of the design; it has {', '.join(subgroups)}{hint}"


def _eligible(values: DesignValues, faults: Faults) -> np.ndarray | None:
    """Return where each arm is offered; arms that are not listed are offered everywhere."""
    before, experimental = len(faults), values.arms[1:]
    offered = np.ones((len(values.subgroups), len(experimental)), bool)
    for arm, names in values.eligible.items():
        key = f"design.eligible.{arm}"
        if arm not in experimental:
            hint = did_you_mean(arm, experimental)
            faults.append(
                f"{key}: {arm!r} is not an experimental arm; they are {', '.join(experimental)}{hint}"
            )
            continue
        chosen = list(names) if isinstance(names, list) else [names]
        for name in chosen:
            if name not in values.subgroups:
                faults.append(_no_subgroup(key, name, values.subgroups))
        offered[:, experimental.index(arm)] = [name in chosen for name in values.subgroups]
    if len(faults) == before and not offered.any():
        faults.add("design.eligible", values.eligible, "offer at least one arm in at least one subgroup")
    return None if len(faults) > before else offered
