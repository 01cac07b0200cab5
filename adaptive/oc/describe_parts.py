"""Parts of a design in words: what is randomised how, what may come and go, what is late.

Built from the objects that run, so that a report cannot describe another design than the one simulated.
"""

import re
from dataclasses import fields

import equinox as eqx
import numpy as np

from adaptive.codes import CellStatus
from adaptive.design.allocation import AbstractAllocation, ThallWathenAllocation
from adaptive.design.allocation_weights import AbstractWeights, EqualWeights
from adaptive.design.protocol import Design
from adaptive.models.base import AbstractModel
from adaptive.models.drifting import Drifting
from adaptive.models.historical import HistoricalControls

_KINDS = ("Allocation", "Weights", "Control", "Exponent", "Minimum")
_AUTHORS = {"thall wathen": "Thall and Wathen"}


def in_words(part: eqx.Module) -> str:
    """Return a strategy as its kind and its settings, such as ``fixed (ratio 1, 1)``; parts within parts."""
    name = type(part).__name__
    for kind in _KINDS:
        name = name.removesuffix(kind) or name
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    words = _AUTHORS.get(words, words)
    given = ((field.name.replace("_", " "), getattr(part, field.name)) for field in fields(part))
    settings = [f"{name} {_value(value)}".replace(f"{name} {name} ", f"{name} ") for name, value in given]
    return f"{words} ({'; '.join(settings)})" if settings else words


def model_words(model: AbstractModel) -> str:
    """Return a model's name; of one that wraps another also that, and what the wrapper adds."""
    name = type(model).__name__
    if isinstance(model, Drifting):
        return f"{name} (omega {float(model.omega):g}) around {model_words(model.model)}"
    if isinstance(model, HistoricalControls):
        return f"{name} (discount {float(model.discount):g}) around {model_words(model.model)}"
    return name


def _value(value: object) -> str:
    if isinstance(value, eqx.Module):
        return in_words(value)
    numbers = [f"{item:g}" for item in np.ravel(np.asarray(value, float))]
    return numbers[0] if len(set(numbers)) == 1 else ", ".join(numbers)


def responds(part: AbstractAllocation) -> bool:
    """Return whether randomisation depends on outcomes: some part weighs the arms by the evidence."""
    if isinstance(part, ThallWathenAllocation):
        return True
    if isinstance(part, AbstractWeights) and not isinstance(part, EqualWeights):
        return True
    inside = (getattr(part, field.name) for field in fields(part))
    return any(responds(each) for each in inside if isinstance(each, eqx.Module))


def timing_words(design: Design) -> dict[str, str]:
    """Return delays, arms that enter or leave, and how arms are drawn; only what the design has."""
    words = {}
    if type(design.assignment).__name__ != "CompleteRandomisation":
        words["Assignment"] = in_words(design.assignment)
    if design.lags is not None:
        data, decision = float(design.lags.data), float(design.lags.decision)
        words["Delays"] = f"data {data:g} months, decision {decision:g} months"
    if design.calendar is not None:
        words["Arms that come and go"] = "; ".join(_dates(design)) or "none"
    if design.analysis.periods is not None:
        starts = ", ".join(f"{month:g}" for month in np.asarray(design.analysis.periods))
        words["Periods of entry begin in month"] = starts
    return words


def _dates(design: Design) -> list[str]:
    found = []
    for arm, first, last in zip(design.arms[1:], design.calendar.first, design.calendar.last, strict=True):
        enters = [f"enters after look {int(first) + 1}"] if int(first) >= 0 else []
        leaves = [f"has its last look at look {int(last) + 1}"] if int(last) >= 0 else []
        found += [f"{arm} {' and '.join(enters + leaves)}"] if enters or leaves else []
    return found


def awaits(design: Design) -> bool:
    """Return whether accrual to a cell may end because success is expected."""
    return any(rule.verdict == CellStatus.AWAITING for rule in design.rules)
