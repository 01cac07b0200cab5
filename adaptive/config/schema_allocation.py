# ruff: noqa: RUF009 (the calls below return dataclass fields)
"""Schemas of randomisation: allocations, and the parts that a response-adaptive one is put together from."""

from dataclasses import dataclass
from typing import Any

from adaptive.config.checks import Table, checked, numbers, real


@dataclass
class Fixed:
    """Constant ratio."""

    kind: str = "fixed"
    ratio: Any = numbers(1.0, above=0)


@dataclass
class ThallWathen:
    """Response-adaptive randomisation on P(best)."""

    kind: str = "thall_wathen"
    ratio: Any = numbers(1.0, above=0)
    power: float = real(low=0)
    burn_in: float = real(low=0)
    floor: float = real(low=0, high=1)
    cap: float = real(above=0, high=1)
    control_share: float = real(low=0, below=1)


@dataclass
class ResponseAdaptive:
    """Weights, a control share, minimal information and bounds."""

    kind: str = "response_adaptive"
    ratio: Any = numbers(1.0, above=0)
    weights: Any = checked(Table(1))
    control: Any = checked(Table(1), {"kind": "competing"})
    burn_in: float = real(0.0, low=0)
    min_patients: float = real(0.0, low=0)
    min_events: float = real(0.0, low=0)
    min_exposure: float = real(0.0, low=0)
    floor: float = real(0.0, low=0, high=1)
    cap: float = real(1.0, above=0, high=1)


@dataclass
class AtLooks:
    """Another allocation, changed at named looks only."""

    kind: str = "at_looks"
    looks: Any = numbers(integer=True, low=1)
    allocation: Any = checked(Table(1))


@dataclass
class Equal:
    """The same weight for every arm."""

    kind: str = "equal"


@dataclass
class Best:
    """P(best) to a power."""

    kind: str = "best"
    exponent: Any = checked(Table(1))


@dataclass
class Information:
    """Square root of P(best) times the variance per patient."""

    kind: str = "information"


@dataclass
class Trippa:
    """Trippa's rule, which protects control."""

    kind: str = "trippa"
    exponent: Any = checked(Table(1))
    nu: float = real(low=0)


@dataclass
class Neyman:
    """Least variance of the hazard ratios."""

    kind: str = "neyman"


@dataclass
class Exponential:
    """Least total hazard for the precision of mean times."""

    kind: str = "exponential"


@dataclass
class BiasedCoin:
    """Hu and Zhang's coin towards other weights."""

    kind: str = "biased_coin"
    gamma: float = real(2.0, low=0)
    target: Any = checked(Table(1))


@dataclass
class Pooled:
    """Other weights, averaged over the subgroups by their patients."""

    kind: str = "pooled"
    weights: Any = checked(Table(1))


@dataclass
class Constant:
    """The same power at every look."""

    kind: str = "constant"
    power: float = real(low=0)


@dataclass
class ByLook:
    """One power per look."""

    kind: str = "by_look"
    powers: Any = numbers(low=0)


@dataclass
class Enrolled:
    """A power that grows with the patients of the trial."""

    kind: str = "enrolled"
    scale: float = real(0.5, low=0)
    shape: float = real(1.0, low=0)


@dataclass
class SubgroupEnrolled(Enrolled):
    """A power that grows with the patients of each subgroup."""

    kind: str = "subgroup_enrolled"


@dataclass
class Competing:
    """Control competes like any arm."""

    kind: str = "competing"


@dataclass
class FixedShare:
    """Control keeps a share."""

    kind: str = "fixed"
    share: float = real(above=0, below=1)


@dataclass
class Matched:
    """Control gets as much as the best experimental arm."""

    kind: str = "matched"


@dataclass
class SquareRoot:
    """Control gets the square root of the number of experimental arms."""

    kind: str = "square_root"


ALLOCATIONS: dict[str, type] = {
    "fixed": Fixed,
    "thall_wathen": ThallWathen,
    "response_adaptive": ResponseAdaptive,
    "at_looks": AtLooks,
}
WEIGHTS: dict[str, type] = {
    "equal": Equal,
    "best": Best,
    "information": Information,
    "trippa": Trippa,
    "neyman": Neyman,
    "exponential": Exponential,
    "biased_coin": BiasedCoin,
    "pooled": Pooled,
}
EXPONENTS: dict[str, type] = {
    "constant": Constant,
    "by_look": ByLook,
    "enrolled": Enrolled,
    "subgroup_enrolled": SubgroupEnrolled,
}
CONTROLS: dict[str, type] = {
    "competing": Competing,
    "fixed": FixedShare,
    "matched": Matched,
    "square_root": SquareRoot,
}
