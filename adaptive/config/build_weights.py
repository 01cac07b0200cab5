"""Builds the parts of a response-adaptive allocation: weights, exponents and the control share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from adaptive.config.build_looks import spread
from adaptive.config.checks import Faults
from adaptive.config.read import read_kind
from adaptive.config.schema import SCHEMAS
from adaptive.config.schema_design import DesignValues
from adaptive.design.allocation_control import (
    AbstractControl,
    CompetingControl,
    FixedControl,
    MatchedControl,
    SquareRootControl,
)
from adaptive.design.allocation_exponents import (
    AbstractExponent,
    ConstantExponent,
    EnrolledExponent,
    LookExponent,
    SubgroupEnrolledExponent,
)
from adaptive.design.allocation_targets import BiasedCoinWeights, ExponentialTargetWeights, NeymanWeights
from adaptive.design.allocation_weights import (
    AbstractWeights,
    BestArmWeights,
    EqualWeights,
    InformationWeights,
    PooledWeights,
    TrippaWeights,
)

_PLAIN = {
    "equal": EqualWeights,
    "information": InformationWeights,
    "neyman": NeymanWeights,
    "exponential": ExponentialTargetWeights,
}
_CONTROLS = {"competing": CompetingControl, "matched": MatchedControl, "square_root": SquareRootControl}


@dataclass(frozen=True)
class Frame:
    """What an allocation must fit: the protocol's values, its looks, and the maximum of each subgroup.

    The last two are ``None`` where they are faulty; what depends on them is then neither built nor examined.
    """

    design: DesignValues
    n_looks: int | None
    most: np.ndarray | None


def build_weights(data: Any, frame: Frame, key: str, faults: Faults) -> AbstractWeights | None:
    """Return the weights, or ``None`` after writing down every fault.

    Parameters
    ----------
    data
        Values with a ``kind``.
    frame
        The protocol that they must fit.
    key, faults
        Full key of ``data``; where faults are written.
    """
    values = read_kind(SCHEMAS["weights"], data, key, faults)
    if values is None:
        return None
    if values.kind in _PLAIN:
        return _PLAIN[values.kind]()
    if values.kind in ("pooled", "biased_coin"):
        name = "weights" if values.kind == "pooled" else "target"
        inside = build_weights(getattr(values, name), frame, f"{key}.{name}", faults)
        return None if inside is None else _wrapped(values, inside)
    exponent = build_exponent(values.exponent, frame, f"{key}.exponent", faults)
    if exponent is None:
        return None
    return BestArmWeights(exponent) if values.kind == "best" else TrippaWeights(exponent, values.nu)


def _wrapped(values: Any, inside: AbstractWeights) -> AbstractWeights:
    return PooledWeights(inside) if values.kind == "pooled" else BiasedCoinWeights(inside, values.gamma)


def build_exponent(data: Any, frame: Frame, key: str, faults: Faults) -> AbstractExponent | None:
    """Return the exponent, or ``None`` after writing down every fault; parameters as in ``build_weights``."""
    values = read_kind(SCHEMAS["exponent"], data, key, faults)
    if values is None:
        return None
    if values.kind == "constant":
        return ConstantExponent(values.power)
    if values.kind == "by_look":
        return _by_look(values, frame, key, faults)
    if values.kind == "enrolled":
        return EnrolledExponent(values.scale, values.shape, float(frame.design.max_patients))
    return _subgroup_enrolled(values, frame, key, faults)


def _by_look(values: Any, frame: Frame, key: str, faults: Faults) -> AbstractExponent | None:
    if frame.n_looks is None:
        return None
    powers = spread(values.powers, frame.n_looks, f"{key}.powers", faults, "look")
    return None if powers is None else LookExponent(np.asarray(powers, float))


def _subgroup_enrolled(values: Any, frame: Frame, key: str, faults: Faults) -> AbstractExponent | None:
    if frame.design.max_per_subgroup is None:
        allowed = "give design.max_per_subgroup, which it counts against, or kind enrolled"
        faults.add(f"{key}.kind", values.kind, allowed)
        return None
    if frame.most is None:
        return None
    return SubgroupEnrolledExponent(values.scale, values.shape, np.asarray(frame.most, float))


def build_control(data: Any, weights: Any, key: str, faults: Faults) -> AbstractControl | None:
    """Return the control share, or ``None`` after writing down every fault.

    Parameters
    ----------
    data
        Values with a ``kind``.
    weights
        Values of the weights that it is to go with.
    key, faults
        Full key of ``data``; where faults are written.
    """
    values = read_kind(SCHEMAS["control"], data, key, faults)
    if values is None:
        return None
    if values.kind != "competing" and "trippa" in _kinds(weights):
        faults.add(f"{key}.kind", values.kind, "weights of kind trippa set control's share; give competing")
        return None
    return FixedControl(values.share) if values.kind == "fixed" else _CONTROLS[values.kind]()


def _kinds(data: Any) -> list[Any]:
    """Return the kind of these weights and of those inside."""
    if not isinstance(data, Mapping):
        return []
    return [data.get("kind"), *_kinds(data.get("weights")), *_kinds(data.get("target"))]
