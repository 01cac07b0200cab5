"""What the entries of a dossier may be: text, a choice, numbers, records. Each finds every fault below it.

Values are data, never code: nothing here is evaluated, and what is text stays text.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol, runtime_checkable

from adaptive.errors import did_you_mean

LONGEST = 8000
Found = tuple[Any, list[str]]


@runtime_checkable
class Field(Protocol):
    """Something that an entry may be."""

    def read(self, value: object, where: str) -> Found:
        """Return the cleaned value and every fault in it."""


@dataclass(frozen=True)
class Words:
    """Text that is not empty; a number or a date is taken as it is written."""

    def read(self, value: object, where: str) -> Found:
        """Return the text without surrounding space."""
        if isinstance(value, bool) or not isinstance(value, str | int | float | date):
            return "", [f"{where}: {_came(value)} came; give text"]
        text = value.isoformat() if isinstance(value, date) else str(value).strip()
        return text, [f"{where}: {fault}" for fault in _text_faults(text)]


@dataclass(frozen=True)
class Choice:
    """One of a few words."""

    options: tuple[str, ...]

    def read(self, value: object, where: str) -> Found:
        """Return the word."""
        if isinstance(value, str) and value in self.options:
            return value, []
        allowed = ", ".join(self.options)
        return "", [f"{where}: {_came(value)} came; give one of {allowed}{_near(value, self.options)}"]


@dataclass(frozen=True)
class Number:
    """A finite number within limits."""

    above: float = -math.inf
    high: float = math.inf

    def read(self, value: object, where: str) -> Found:
        """Return the number as a float; 1e-3, text to YAML, is taken as a number."""
        number = _as_number(value)
        if math.isfinite(number) and self.above < number <= self.high:
            return number, []
        limits = [f"above {self.above:g}"] * (self.above > -math.inf)
        limits += [f"at most {self.high:g}"] * (self.high < math.inf)
        return 0.0, [f"{where}: {_came(value)} came; give a number {' and '.join(limits)}".rstrip()]


@dataclass(frozen=True)
class Day:
    """A calendar day as year-month-day."""

    def read(self, value: object, where: str) -> Found:
        """Return the day in ISO form."""
        try:
            return date.fromisoformat(str(value)).isoformat(), []
        except ValueError:
            return "", [f"{where}: {_came(value)} came; give a day such as 2026-03-31"]


@dataclass(frozen=True)
class Several:
    """A list of entries of one kind, not empty."""

    of: Field

    def read(self, value: object, where: str) -> Found:
        """Return the list; a single text stands for a list of one."""
        items = [value] if isinstance(value, str) and isinstance(self.of, Words) else value
        if not isinstance(items, list) or not items:
            return [], [f"{where}: {_came(value)} came; give a list with at least one entry"]
        read = [self.of.read(item, f"{where}[{index}]") for index, item in enumerate(items)]
        return [clean for clean, _ in read], [fault for _, faults in read for fault in faults]


@dataclass(frozen=True)
class Weights:
    """Names with a positive number each."""

    def read(self, value: object, where: str) -> Found:
        """Return the numbers by name."""
        if not isinstance(value, Mapping) or not value:
            return {}, [f"{where}: {_came(value)} came; give names with a positive number each"]
        read = {str(key): Number(above=0).read(item, f"{where}.{key}") for key, item in value.items()}
        return {key: clean for key, (clean, _) in read.items()}, [
            f for _, found in read.values() for f in found
        ]


@dataclass(frozen=True)
class Record:
    """Named entries from a closed set."""

    entries: Mapping[str, Field]
    required: tuple[str, ...] = ()

    def read(self, value: object, where: str) -> Found:
        """Return the entries that came."""
        if not isinstance(value, Mapping):
            return {}, [f"{where}: {_came(value)} came; give entries named {', '.join(self.entries)}"]
        prefix = f"{where}." if where else ""
        faults = [
            f"{prefix}{key}: there is no such entry; allowed: {', '.join(self.entries)}"
            f"{_near(key, tuple(self.entries))}"
            for key in value
            if key not in self.entries
        ]
        faults += [f"{prefix}{key}: is missing; give it" for key in self.required if value.get(key) is None]
        clean = {}
        for key, entry in self.entries.items():
            if value.get(key) is not None:
                clean[key], found = entry.read(value[key], f"{prefix}{key}")
                faults += found
        return clean, faults


def _as_number(value: object) -> float:
    """Return a number, also from text, or NaN."""
    try:
        return math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _near(value: object, options: tuple[str, ...]) -> str:
    return did_you_mean(value, options) if isinstance(value, str) else ""


def _text_faults(text: str) -> list[str]:
    """Return what is wrong with a text."""
    faults = ["is empty; give text, or leave the entry out"] if not text else []
    if len(text) > LONGEST:
        faults.append(f"{len(text):,} characters; at most {LONGEST:,} are allowed")
    if bad := sorted({ch for ch in text if ch < " " and ch not in "\n\t"} | ({"\x7f"} & set(text))):
        faults.append(f"control characters ({', '.join(repr(ch) for ch in bad)}); remove them")
    return faults


def _came(value: object) -> str:
    """Return a value as it is named in a message."""
    if value is None:
        return "nothing"
    kinds = {dict: "a mapping", list: "a list", bool: "yes or no"}
    return kinds.get(type(value), repr(value)[:80])
