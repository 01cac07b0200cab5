"""Builds a model from configuration values: numbers per subgroup or arm, classes, historical controls.

What depends on the design (how many subgroups, which arms) is checked only when a design is given. Must not
know engines.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from adaptive.config.build_drift import read_drift, with_drift
from adaptive.config.checks import Faults, Numbers, Range, shown
from adaptive.config.read import read, read_kind
from adaptive.config.schema import SCHEMAS
from adaptive.config.schema_design import DesignValues
from adaptive.config.schema_models import Historical
from adaptive.errors import did_you_mean
from adaptive.models import (
    AbstractModel,
    ExNex,
    FullPooling,
    GammaHazards,
    HistoricalControls,
    NestedPooling,
    NoPooling,
    PartialPooling,
    PerArmPooling,
    RobustPooling,
)

MODELS: dict[str, type[AbstractModel]] = {
    "partial_pooling": PartialPooling,
    "no_pooling": NoPooling,
    "full_pooling": FullPooling,
    "gamma_hazards": GammaHazards,
    "exnex": ExNex,
    "robust_pooling": RobustPooling,
    "nested_pooling": NestedPooling,
    "per_arm_pooling": PerArmPooling,
}
"""Kind -> class. Closed."""
_PER_SUBGROUP = ("p_exchangeable",)
_PER_ARM = ("informative_weight", "informative_mean", "informative_scale")


def build_model(data: Any, design: DesignValues | None, faults: Faults) -> AbstractModel | None:
    """Return the model that ``data`` describes, or ``None`` after writing down every fault.

    Parameters
    ----------
    data
        Plain values with a ``kind``.
    design
        The protocol; without it, lengths and names are not checked.
    faults
        Where faults are written.
    """
    before = len(faults)
    values = read_kind(SCHEMAS["model"], data, "model", faults)
    if values is None:
        _only_history(data, design, faults)
        return None
    given = {f.name: getattr(values, f.name) for f in dataclasses.fields(values) if f.name != "kind"}
    history = given.pop("historical", None)
    given.pop("drift", None)
    drift = read_drift(data, design, faults)
    for name in (*_PER_SUBGROUP, *_PER_ARM):
        if name in given:
            given[name] = _vector(given[name], name, design, faults)
    if "classes" in given:
        given["classes"] = _classes(given["classes"], design, faults)
    wrapped = _history(history, design, faults) if history else {}
    if len(faults) > before:
        return None
    model = with_drift(MODELS[values.kind](**given), drift)
    return HistoricalControls(model, **wrapped) if history else model


def _vector(values: list[float], name: str, design: DesignValues | None, faults: Faults) -> Any:
    """Return one number, or one per subgroup or experimental arm in the design's order."""
    if len(values) == 1:
        return values[0]
    if design is not None:
        what = "subgroup" if name in _PER_SUBGROUP else "experimental arm"
        wanted = len(design.subgroups) if name in _PER_SUBGROUP else len(design.arms) - 1
        if len(values) != wanted:
            faults.add(f"model.{name}", values, f"give one number, or exactly {wanted}: one per {what}")
    return np.asarray(values, float)


def _classes(given: Any, design: DesignValues | None, faults: Faults) -> tuple[int, ...] | None:
    """Return the class of each experimental arm, numbered by first appearance."""
    before, key = len(faults), "model.classes"
    if isinstance(given, Mapping):
        arms = tuple(given) if design is None else design.arms[1:]
        given = _in_order(given, arms, key, "experimental arm", faults)
    elif not isinstance(given, list | tuple):
        faults.add(key, given, "give the class of each experimental arm: {arm: class}, or a list in order")
    elif design is not None and len(given) != len(design.arms) - 1:
        faults.add(key, given, f"give exactly {len(design.arms) - 1} classes: one per experimental arm")
    if len(faults) > before:
        return None
    if bad := [name for name in given if not isinstance(name, str) or not name.strip()]:
        faults.add(key, bad[0], "names of classes are texts; put quotes around it")
    if not given:
        faults.add(key, given, "give the class of each experimental arm")
    names = list(dict.fromkeys(str(name) for name in given))
    return tuple(names.index(str(name)) for name in given)


def _in_order(given: Mapping, names: tuple[str, ...], key: str, what: str, faults: Faults) -> list[Any]:
    """Return the entries of a mapping in the order of ``names``, all of which must be there."""
    for name in given:
        if name not in names:
            hint = did_you_mean(str(name), names)
            allowed = f"the design's {what}s are {', '.join(names)}{hint}"
            faults.append(f"{key}.{name}: {shown(name)} is not one of them; {allowed}")
    faults.extend(f"{key}: nothing was given for the {what} {n!r}; name all" for n in names if n not in given)
    return [given.get(name) for name in names]


def _only_history(data: Any, design: DesignValues | None, faults: Faults) -> None:
    """Check the historical controls of a model that has other faults, so that all are told at once."""
    kind = data.get("kind") if isinstance(data, Mapping) else None
    schema = SCHEMAS["model"].get(kind) if isinstance(kind, str) else None
    history = data.get("historical") if schema is not None else None
    if (
        isinstance(history, Mapping)
        and history
        and "historical" in {f.name for f in dataclasses.fields(schema)}
    ):
        _history(history, design, faults)


def _history(data: Any, design: DesignValues | None, faults: Faults) -> dict[str, Any]:
    """Return the historical controls as arrays, S x J."""
    key, before = "model.historical", len(faults)
    values = read(Historical, data, key, faults)
    if values is None:
        return {}
    events, exposure = (
        _rows(getattr(values, name), f"{key}.{name}", design, faults) for name in ("events", "exposure")
    )
    if len(faults) > before:
        return {}
    if events.shape != exposure.shape:
        faults.append(f"{key}.events: {events.shape} came and {exposure.shape} of exposure; give as many")
    elif ((events > 0) & (exposure == 0)).any():
        faults.append(f"{key}.exposure: an interval has events and no exposure; give its person-months")
    return {"events": events, "exposure": exposure, "discount": values.discount}


def _rows(given: Any, key: str, design: DesignValues | None, faults: Faults) -> np.ndarray | None:
    """Return numbers of at least 0 per subgroup and interval."""
    before = len(faults)
    n_intervals = None if design is None else len(design.cuts)
    if isinstance(given, Mapping):
        names = tuple(given) if design is None else design.subgroups
        labels = [f"{key}.{name}" for name in names]
        given = _in_order(given, names, key, "subgroup", faults)
    elif isinstance(given, list | tuple) and given:
        labels = [f"{key}[{i}]" for i in range(len(given))]
    else:
        faults.add(key, given, "give a list of numbers, one per interval, for each subgroup")
        return None
    if len(faults) > before:
        return None
    if design is not None and len(given) != len(design.subgroups):
        wanted = len(design.subgroups)
        faults.append(f"{key}: {len(given)} rows came; give exactly {wanted}, one per subgroup")
    rows = [_row(row, label, n_intervals, faults) for row, label in zip(given, labels, strict=True)]
    if len(faults) == before and len({len(row) for row in rows}) > 1:
        faults.append(f"{key}: rows of different lengths came; give one number per interval in each")
    return None if len(faults) > before else np.asarray(rows, float)


def _row(given: Any, key: str, n_intervals: int | None, faults: Faults) -> list[float] | None:
    """Return one subgroup's numbers."""
    row = Numbers(Range(low=0)).parse(given, key, faults)
    if row is not None and n_intervals is not None and len(row) != n_intervals:
        wanted = f"give exactly {n_intervals}, one per entry of design.cuts"
        faults.append(f"{key}: {len(row)} numbers came; {wanted}")
    return row
