"""Precision on demand: how many trials a cell needs until a Monte Carlo error is small enough.

The error is looked at after fixed numbers of trials only, which depend on the request and on nothing else, so
that kills, chunks and workers leave no trace. Whether to stop depends on the results; the standard error
of a proportion is therefore taken with two successes and two failures added, so that a run
without a single success does not end by luck. Nothing here simulates.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Shaped

from adaptive import montecarlo as mc
from adaptive.errors import BadInput
from adaptive.io.frames import Tables
from adaptive.oc.outcomes import ALL, Key, Outcomes
from adaptive.oc.precision_outcomes import metric_named, outcomes_of


@dataclass(frozen=True)
class Until:
    """A request for precision.

    Attributes
    ----------
    metric
        The characteristic, by its own name.
    mcse
        Largest Monte Carlo standard error.
    at_least, at_most
        Trials without which it is not looked at, and beyond which it is not pursued.
    step
        Trials between two looks at it.
    subgroup, arm
        Which cell; ``all`` for the whole trial.
    """

    metric: str
    mcse: float
    at_least: int = 1024
    at_most: int = 100_000
    step: int = 1024
    subgroup: str = ALL
    arm: str = ALL

    def boundaries(self, done: int = 0) -> list[int]:
        """Return the numbers of trials at which the error is looked at, from ``done`` trials on."""
        first = -(-self.at_least // self.step)
        ends = [min(k * self.step, self.at_most) for k in range(first, -(-self.at_most // self.step) + 1)]
        left = [n for n in dict.fromkeys(ends) if n >= done]
        return left or [max(done, self.at_most)]


def check_until(until: Until, subgroups: Sequence[str], arms: Sequence[str]) -> Until:
    """Return the request with the metric's own name.

    Raises
    ------
    BadInput
        With every fault.
    """
    faults, metric = [], until.metric
    try:
        metric = metric_named(until.metric, "until.metric")
    except BadInput as error:
        faults += error.faults
    if until.at_least > until.at_most:
        faults.append(f"until.at_least: {until.at_least} is more than until.at_most, {until.at_most}")
    for label, name, known in (("subgroup", until.subgroup, subgroups), ("arm", until.arm, arms)):
        if name not in (ALL, *known):
            faults.append(f"until.{label}: {name!r} is not allowed; give one of {', '.join((ALL, *known))}")
    if faults:
        raise BadInput(faults)
    return Until(**{**asdict(until), "metric": metric})


def cautious_error(values: Shaped[np.ndarray, " R"]) -> float:
    """Return the Monte Carlo standard error that decides whether to stop.

    Of a proportion ``sqrt(p (1 - p) / (n + 4))`` with ``p = (x + 2) / (n + 4)``, which is never 0; of a mean
    ``sd / sqrt(n)``, and infinite while all values are equal.

    References
    ----------
    Agresti and Coull (1998), The American Statistician 52, 119-126, doi:10.1080/00031305.1998.10480550.
    """
    n = int(values.size)
    if n < 2:
        return np.inf
    if values.dtype == bool:
        p = (int(values.sum()) + 2) / (n + 4)
        return float(np.sqrt(p * (1 - p) / (n + 4)))
    error = mc.mean(values).mcse
    return error if error > 0 else np.inf


class Watch:
    """The values of the characteristic so far; one table of trials after the other is added.

    Parameters
    ----------
    until
        The request.
    design, truth
        Descriptions, as a manifest and ``truth.json`` hold them.
    """

    def __init__(self, until: Until, design: dict[str, Any], truth: dict[str, Any]):
        self.until, self._design, self._truth = until, design, truth
        self._held: dict[range, Shaped[np.ndarray, " R"] | None] = {}
        self.exists = True

    def knows(self, trials: range) -> bool:
        """Return whether the values of these trials were added."""
        return trials in self._held

    def add(self, trials: range, part: Tables) -> None:
        """Add the tables of some trials."""
        outcomes = outcomes_of([part], self._design, self._truth)
        key = Key(self.until.metric, self.until.subgroup, self.until.arm)
        if key not in outcomes:
            self.exists = False
        self._held[trials] = outcomes.get(key)

    def values(self) -> Shaped[np.ndarray, " R"]:
        """Return the values of all trials added, in the order of trials."""
        parts = [self._held[trials] for trials in sorted(self._held, key=lambda held: held.start)]
        return np.concatenate([part for part in parts if part is not None] or [np.zeros(0)])

    def is_met(self) -> bool:
        """Return whether the error asked for is reached, or cannot be: the trial has no such thing."""
        return not self.exists or cautious_error(self.values()) <= self.until.mcse

    def state(self, n: int) -> dict[str, Any]:
        """Return what was asked for and reached, for the manifest."""
        values = self.values()
        estimate = _estimate(values)
        reached = cautious_error(values) if self.exists else None
        return {
            **asdict(self.until),
            "exists": self.exists,
            "trials": n,
            "estimate": estimate.estimate,
            "mcse_reached": reached,
            "met": bool(self.exists and reached is not None and reached <= self.until.mcse),
        }


def _estimate(values: Shaped[np.ndarray, " R"]) -> mc.Estimate:
    return mc.proportion(values) if values.dtype == bool else mc.mean(values)


def listing(outcomes: Outcomes) -> str:
    """Return the characteristics that a trial has, for a message."""
    return ", ".join(sorted({key.metric for key in outcomes}))


def words(state: dict[str, Any] | None) -> str:
    """Return what a manifest says of a request for precision, for people; empty if nothing was asked."""
    if not state:
        return ""
    where = "".join(f", {state[k]}" for k in ("subgroup", "arm") if state[k] != ALL)
    asked = f"{state['metric']}{where}: MCSE {state['mcse']:g} asked"
    if not state["exists"]:
        return f"{asked}; not defined in this scenario"
    verdict = "met" if state["met"] else f"not met within {state['at_most']} trials"
    return f"{asked}, {state['mcse_reached']:.2g} reached with {state['trials']} trials, {verdict}"
