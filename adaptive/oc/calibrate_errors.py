"""Simulates designs in declared scenarios and keeps of each trial what calibration needs.

Trials are addressed by seed and number, so every threshold and every scenario meets the same patients.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import special
from tqdm import tqdm

from adaptive.codes import CellStatus, HealthCode
from adaptive.design.decide import initial_status, rule_slots
from adaptive.design.protocol import Design
from adaptive.oc.calibrate_bounds import FLOOR
from adaptive.oc.calibrate_rules import Null, silenced
from adaptive.simulate.drivers import Simulated
from adaptive.simulate.drivers import simulate as simulate_trials

CHUNK = 2048


@dataclass(frozen=True)
class Plan:
    """How trials are simulated.

    Attributes
    ----------
    seed, n_trials
        Root seed and number of trials per scenario.
    progress
        Whether to show a bar on standard error.
    simulate
        Stands in for ``adaptive.simulate.drivers.simulate`` in tests.
    """

    seed: int
    n_trials: int
    progress: bool = False
    simulate: Callable[..., Simulated] = simulate_trials

    def pieces(self, title: str) -> Iterator[np.ndarray]:
        """Yield the trial numbers of one scenario, chunk by chunk, under a progress bar."""
        with tqdm(
            total=self.n_trials, desc=title, unit="trial", file=sys.stderr, disable=not self.progress
        ) as bar:
            for start in range(0, self.n_trials, CHUNK):
                trials = np.arange(start, min(start + CHUNK, self.n_trials))
                yield trials
                bar.update(trials.size)


@dataclass(frozen=True)
class Counts:
    """False claims in one scenario.

    Attributes
    ----------
    name
        The scenario.
    n
        Trials.
    any
        Trials with at least one false claim.
    cells
        Trials with a false claim in the cell, shape ``(S, B)``; 0 where the cell is not null.
    is_null
        Null cells, shape ``(S, B)``.
    """

    name: str
    n: int
    any: int
    cells: Int[np.ndarray, "S B"]
    is_null: Bool[np.ndarray, "S B"]

    def worst(self, error: str) -> int:
        """Return the count that the error asked for is about."""
        return self.any if error == "any_false_claim" else int(self.cells.max())


def count_claims(design: Design, null: Null, plan: Plan, title: str = "") -> Counts:
    """Simulate a design in a scenario and count false claims."""
    total, cells = 0, np.zeros(null.is_null.shape, np.int64)
    for trials in plan.pieces(title or null.name):
        result = plan.simulate(design, null.scenario, seed=plan.seed, trials=trials).result
        false = (np.asarray(result.status) == CellStatus.EFFICACY) & null.is_null
        total += int(false.any(axis=(1, 2)).sum())
        cells += false.sum(axis=0)
    return Counts(null.name, plan.n_trials, total, cells, null.is_null)


def silent_statistics(design: Design, place: int, null: Null, plan: Plan) -> Float[np.ndarray, "R S B K"]:
    """Return the z-value of every look at which a null cell could have claimed, without any claim happening.

    ``-FLOOR`` stands where it could not: the look was not held, the fit was bad, there were too few events,
    the
    cell was closed, harmed at that look, never offered, or awaiting a later look.
    """
    quiet = silenced(design, place)
    parts = []
    for trials in plan.pieces(f"{null.name}, no claims"):
        simulated = plan.simulate(quiet, null.scenario, seed=plan.seed, trials=trials)
        z = claimable(design, place, simulated)
        parts.append(np.where(null.is_null[None, :, :, None], z, -FLOOR))
    return np.concatenate(parts)


def claimable(design: Design, place: int, simulated: Simulated) -> Float[np.ndarray, "R S B K"]:
    """Return the z-values at which the rule would claim, under the precedence harm, efficacy, futility."""
    rule, rows = rule_slots(design)[place]
    looks = simulated.looks
    value = np.asarray(looks.evidence.statistics, float)[:, :, rows.start]
    events = np.asarray(looks.evidence.events)
    enough = events[..., 1:] + events[..., :1] >= float(rule.min_events)
    healthy = np.asarray(looks.held) & (np.asarray(looks.evidence.health.code) == HealthCode.OK)
    able = enough & healthy[..., None, None] & due_cells(design, simulated) & ~np.isnan(value)
    able &= np.asarray(looks.decision.verdict) != CellStatus.HARM
    z = special.ndtri(np.clip(value, 0.0, 1.0)) * (1.0 if rule.sign == ">" else -1.0)
    return np.moveaxis(np.where(able, np.clip(z, -FLOOR, FLOOR), -FLOOR), 1, -1)


def due_cells(design: Design, simulated: Simulated) -> Bool[np.ndarray, "R K S B"]:
    """Return which cells each look could judge: open ones, and at the final look those that await it."""
    looks = simulated.looks
    after, held = np.asarray(looks.decision.status), np.asarray(looks.held)[..., None, None]
    final = np.asarray(looks.is_final)[..., None, None]
    state = np.broadcast_to(np.asarray(initial_status(design)), after[:, 0].shape)
    due = []
    for k in range(after.shape[1]):
        due.append((state == CellStatus.OPEN) | ((state == CellStatus.AWAITING) & final[:, k]))
        state = np.where(held[:, k], after[:, k], state)
    return np.stack(due, axis=1)


def worst_of(counts: Sequence[Counts], error: str) -> Counts:
    """Return the scenario with the largest error."""
    return max(counts, key=lambda c: c.worst(error))
