# ruff: noqa: RUF009 (the calls below return dataclass fields)
"""Schemas of the models beyond the three pooling ones, of drift and of historical controls. Ranges only.

Lengths, arms and subgroups are checked where the design is known, in ``config.build_models``.
"""

from dataclasses import dataclass
from typing import Any

from adaptive.config.checks import Anything, checked, numbers, real
from adaptive.config.schema_design import PartialPooling


@dataclass
class ExNex(PartialPooling):
    """Each subgroup shares information, or stands by itself."""

    kind: str = "exnex"
    p_exchangeable: Any = numbers(low=0, high=1)
    nex_mean: float = real(0.0)
    nex_scale: float = real(above=0)


@dataclass
class RobustPooling(PartialPooling):
    """An informative prior on the mean effect, with a vague part."""

    kind: str = "robust_pooling"
    informative_weight: Any = numbers(low=0, high=1)
    informative_mean: Any = numbers()
    informative_scale: Any = numbers(above=0)


@dataclass
class NestedPooling(PartialPooling):
    """Arms nested in mechanism classes."""

    kind: str = "nested_pooling"
    class_scale: float = real(low=0)
    classes: Any = checked(Anything())


@dataclass
class PerArmPooling(PartialPooling):
    """A spread between subgroups of each arm's own."""

    kind: str = "per_arm_pooling"


@dataclass
class RandomWalk:
    """Baselines that drift over periods of entry."""

    kind: str = "random_walk"
    omega: float = real(above=0, high=1)


@dataclass
class Stratified:
    """Baselines of each period by themselves."""

    kind: str = "stratified"


DRIFTS = {"random_walk": RandomWalk, "stratified": Stratified}
"""Kind -> schema of ``model.drift``. Closed."""


@dataclass
class Historical:
    """Controls of earlier trials, per subgroup and interval of the model."""

    events: Any = checked(Anything())
    exposure: Any = checked(Anything())
    discount: float = real(low=0, high=1)
