"""What a value in a configuration may be: one small check per type, used as dataclass field metadata.

A check turns a plain value into what the builder needs, or writes down a fault that says which key, what
came, and what is allowed. Checks never raise, so that every fault of a configuration is found at once.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from omegaconf import MISSING

from adaptive.errors import did_you_mean

Number = int | float
"""A number as YAML gives it."""


class Faults(list):
    """Faults found so far, in the order of the configuration."""

    def add(self, key: str, came: Any, allowed: str, hint: str = "") -> None:
        """Write down one fault: full key, the value that came, what is allowed, nearest name."""
        text = f"{key}: {shown(came)} is not allowed; {allowed}{hint}"
        if text not in self:
            self.append(text)


def shown(value: Any) -> str:
    """Return a value as a message shows it, shortened."""
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def is_number(value: Any) -> bool:
    """Return whether a value is a number that is neither a truth value nor NaN."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value


class Check:
    """One kind of value."""

    @abstractmethod
    def parse(self, value: Any, key: str, faults: Faults) -> Any:
        """Return the value as the builder needs it, or ``None`` after writing down a fault."""


@dataclass(frozen=True)
class Range:
    """An interval of numbers; ``above`` and ``below`` exclude the end, ``low`` and ``high`` include it."""

    low: Number | None = None
    high: Number | None = None
    above: Number | None = None
    below: Number | None = None

    def holds(self, value: Number) -> bool:
        """Return whether the number lies in the interval."""
        return (
            (self.low is None or value >= self.low)
            and (self.high is None or value <= self.high)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    def __str__(self) -> str:
        """Return the interval in words."""
        lower = [f"above {self.above:.12g}"] if self.above is not None else []
        lower += [f"of at least {self.low:.12g}"] if self.low is not None else []
        upper = [f"below {self.below:.12g}"] if self.below is not None else []
        upper += [f"at most {self.high:.12g}"] if self.high is not None else []
        return " and ".join(lower + upper)


def _number_words(kind: str, within: Range) -> str:
    return f"give {kind} {within}".rstrip()


@dataclass(frozen=True)
class Real(Check):
    """A finite number in a range."""

    within: Range = Range()

    def parse(self, value: Any, key: str, faults: Faults) -> float | None:
        """Return a float."""
        if is_number(value) and np.isfinite(value) and self.within.holds(value):
            return float(value)
        faults.add(key, value, _number_words("a number", self.within))
        return None


@dataclass(frozen=True)
class Whole(Check):
    """A whole number in a range."""

    within: Range = Range()

    def parse(self, value: Any, key: str, faults: Faults) -> int | None:
        """Return an int."""
        if is_number(value) and np.isfinite(value) and float(value).is_integer() and self.within.holds(value):
            return int(value)
        faults.add(key, value, _number_words("a whole number", self.within))
        return None


@dataclass(frozen=True)
class Maybe(Check):
    """What another check allows, or null."""

    check: Check

    def parse(self, value: Any, key: str, faults: Faults) -> Any:
        """Return what the other check returns, or ``None`` for null."""
        return None if value is None else self.check.parse(value, key, faults)


@dataclass(frozen=True)
class Numbers(Check):
    """A number or a list of numbers; ``blank`` allows null entries, which become NaN."""

    within: Range = Range()
    whole: bool = False
    blank: bool = False

    def parse(self, value: Any, key: str, faults: Faults) -> list[Number] | None:
        """Return a list; a single number is a list of one."""
        items = list(value) if isinstance(value, list | tuple) else [value]
        if not items:
            faults.add(key, value, "give at least one number")
            return None
        one = Whole(self.within) if self.whole else Real(self.within)
        alone = not isinstance(value, list | tuple)
        before = len(faults)
        parsed = [
            float("nan")
            if item is None and self.blank and not alone
            else one.parse(item, key if alone else f"{key}[{i}]", faults)
            for i, item in enumerate(items)
        ]
        return None if len(faults) > before else parsed


@dataclass(frozen=True)
class Text(Check):
    """A text that is not empty; ``allowed`` closes the list, ``nullable`` lets it be left out."""

    allowed: tuple[str, ...] = ()
    nullable: bool = False

    def parse(self, value: Any, key: str, faults: Faults) -> str | None:
        """Return the text."""
        if value is None and self.nullable:
            return None
        if not isinstance(value, str) or not value.strip():
            faults.add(
                key, value, f"give one of {', '.join(self.allowed)}" if self.allowed else "give a text"
            )
        elif self.allowed and value not in self.allowed:
            faults.add(
                key, value, f"give one of {', '.join(self.allowed)}", did_you_mean(value, self.allowed)
            )
        else:
            return value
        return None


@dataclass(frozen=True)
class Flag(Check):
    """True or false."""

    def parse(self, value: Any, key: str, faults: Faults) -> bool | None:
        """Return the truth value."""
        if isinstance(value, bool):
            return value
        faults.add(key, value, "give true or false")
        return None


@dataclass(frozen=True)
class Names(Check):
    """A list of different names."""

    least: int = 1

    def parse(self, value: Any, key: str, faults: Faults) -> tuple[str, ...] | None:
        """Return a tuple of names."""
        if not isinstance(value, Sequence) or isinstance(value, str) or len(value) < self.least:
            faults.add(key, value, f"give a list of at least {self.least} name{'s' * (self.least > 1)}")
            return None
        if bad := [item for item in value if not isinstance(item, str) or not item.strip()]:
            faults.add(key, bad[0], "names are texts; put quotes around it")
            return None
        if len(set(value)) < len(value):
            faults.add(key, list(value), "names must differ")
            return None
        return tuple(value)


@dataclass(frozen=True)
class Labels(Check):
    """One value or a list of values of a data file, kept as text."""

    def parse(self, value: Any, key: str, faults: Faults) -> tuple[str, ...] | None:
        """Return a tuple of texts."""
        items = list(value) if isinstance(value, list | tuple) else [value]
        if items and all(
            isinstance(item, str | int | float) and not isinstance(item, bool) for item in items
        ):
            return tuple(str(item) for item in items)
        faults.add(key, value, "give one or more texts or numbers; put quotes around yes, no, true and false")
        return None


@dataclass(frozen=True)
class Table(Check):
    """A mapping whose contents the builder checks; null stands for an empty one."""

    least: int = 0

    def parse(self, value: Any, key: str, faults: Faults) -> dict | None:
        """Return a dict with text keys."""
        value = {} if value is None else value
        if isinstance(value, Mapping) and len(value) >= self.least:
            return {str(name): item for name, item in value.items()}
        faults.add(key, value, f"give a mapping with at least {self.least} entries")
        return None


@dataclass(frozen=True)
class Anything(Check):
    """A value that the builder checks by itself."""

    def parse(self, value: Any, key: str, faults: Faults) -> Any:
        """Return the value as it came."""
        return value


def checked(check: Check, default: Any = MISSING) -> Any:
    """Return a dataclass field with a check and a default; without one the key must be given."""
    if isinstance(default, list | dict):
        return field(default_factory=lambda: type(default)(default), metadata={"check": check})
    return field(default=default, metadata={"check": check})


def real(default: Any = MISSING, **within: Number) -> Any:
    """Return a field for one number."""
    return checked(Real(Range(**within)), default)


def whole(default: Any = MISSING, **within: Number) -> Any:
    """Return a field for one whole number."""
    return checked(Whole(Range(**within)), default)


def numbers(default: Any = MISSING, *, integer: bool = False, blank: bool = False, **within: Number) -> Any:
    """Return a field for a number or a list of numbers."""
    return checked(Numbers(Range(**within), integer, blank), default)


def text(default: Any = MISSING, *allowed: str, nullable: bool = False) -> Any:
    """Return a field for a text, with the allowed ones if the list is closed."""
    return checked(Text(tuple(allowed), nullable), default)
