"""The parameters of a search and how its points are chosen: grid, Sobol, or Optuna's NSGA-II.

Points are plain values by configuration key. The same request gives the same points in the same order, so a
search that was interrupted goes on from the results it finds stored.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from scipy.stats import qmc

from adaptive.errors import BadInput, did_you_mean

METHODS = ("grid", "sobol", "nsga2")


@dataclass(frozen=True)
class Parameter:
    """One configuration key and what it may be.

    Attributes
    ----------
    key
        Full key, such as ``rules.efficacy.threshold``.
    values
        The values, for a list; empty for a range.
    low, high, log, whole
        The range, whether it is searched on the log scale, and whether values are whole numbers.
    """

    key: str
    values: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False

    def at(self, unit: float) -> Any:
        """Return the value at a place in the unit interval."""
        if self.values:
            return self.values[min(int(unit * len(self.values)), len(self.values) - 1)]
        if self.log:
            value = self.low * (self.high / self.low) ** unit
        else:
            value = self.low + unit * (self.high - self.low)
        return round(value) if self.whole else float(f"{value:.6g}")


_RANGE = ("low", "high", "log", "whole")


def read_parameters(over: Mapping[str, Any]) -> tuple[Parameter, ...]:
    """Return the parameters of a search given as plain data: lists of values, or ranges.

    Raises
    ------
    BadInput
        With every fault.
    """
    faults: list[str] = []
    found = []
    for key, given in over.items():
        if isinstance(given, Mapping):
            found.append(_range(key, given, faults))
        elif isinstance(given, list | tuple) and len(given) > 0:
            found.append(Parameter(key, tuple(given)))
        else:
            faults.append(f"over.{key}: {given!r} is not allowed; give a list of values, or low and high")
    if not over:
        faults.append("over: nothing was given; name the settings that vary, for example 'over={...}'")
    if faults:
        raise BadInput(faults)
    return tuple(found)


def _range(key: str, given: Mapping[str, Any], faults: list[str]) -> Parameter:
    for name in given:
        if name not in _RANGE:
            hint = did_you_mean(str(name), _RANGE)
            faults.append(f"over.{key}.{name}: there is no such key; give low, high, log, whole{hint}")
    low, high = given.get("low"), given.get("high")
    log, whole = bool(given.get("log", False)), bool(given.get("whole", False))
    sound = isinstance(low, int | float) and isinstance(high, int | float) and low < high
    if not sound or (log and low <= 0):
        faults.append(
            f"over.{key}: low {low!r}, high {high!r} is not allowed; give low below high"
            + (", above 0 for a log scale" if log else "")
        )
        return Parameter(key)
    return Parameter(key, (), float(low), float(high), log, whole)


def planned(parameters: Sequence[Parameter], method: str, n_points: int, seed: int) -> list[dict[str, Any]]:
    """Return the points of a grid or of a Sobol sequence.

    Raises
    ------
    BadInput
        For a grid over a range.
    """
    if method == "grid":
        ranges = [p.key for p in parameters if not p.values]
        if ranges:
            raise BadInput(
                [f"over.{key}: a grid needs a list of values; or give method=sobol" for key in ranges]
            )
        return [
            dict(zip([p.key for p in parameters], combination, strict=True))
            for combination in product(*(p.values for p in parameters))
        ]
    sampler = qmc.Sobol(len(parameters), scramble=True, seed=seed)
    unit = sampler.random_base2(int(np.ceil(np.log2(max(n_points, 1)))))[:n_points]
    return [{p.key: p.at(u) for p, u in zip(parameters, row, strict=True)} for row in unit]


Scores = tuple[list[float], float]
"""Objectives, more is better, and by how much the error constraint is missed (not above 0 if it holds)."""


def nsga2(
    parameters: Sequence[Parameter],
    n_points: int,
    seed: int,
    n_objectives: int,
    evaluate: Callable[[dict[str, Any]], Scores],
    population: int = 16,
) -> Iterator[dict[str, Any]]:
    """Yield the points of Optuna's NSGA-II, each after it was evaluated.

    Raises
    ------
    BadInput
        If Optuna is not installed.

    References
    ----------
    Deb, Pratap, Agarwal and Meyarivan (2002), IEEE Trans Evol Comput 6, 182-197, doi:10.1109/4235.996017.
    """
    try:
        import optuna
    except ImportError as error:
        raise BadInput(
            "method: 'nsga2' needs Optuna, which is not installed; install the extra `search`, or give "
            "method=sobol"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.NSGAIISampler(seed=seed, population_size=population)
    study = optuna.create_study(directions=["maximize"] * n_objectives, sampler=sampler)
    for _ in range(n_points):
        trial = study.ask()
        values = {p.key: _suggested(trial, p) for p in parameters}
        scores, missed = evaluate(values)
        trial.set_constraint("error", missed)
        study.tell(trial, scores)
        yield values


def _suggested(trial: Any, parameter: Parameter) -> Any:
    """Return a value; lists go by their position, so that values need not be hashable."""
    if parameter.values:
        return parameter.values[trial.suggest_int(parameter.key, 0, len(parameter.values) - 1)]
    if parameter.whole:
        return trial.suggest_int(parameter.key, int(parameter.low), int(parameter.high), log=parameter.log)
    value = trial.suggest_float(parameter.key, parameter.low, parameter.high, log=parameter.log)
    return float(f"{value:.6g}")
