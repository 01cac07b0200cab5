"""Simulate trials again, keeping at each look what a second engine needs: the event table and the progress.

The stored looks hold totals per cell, not the table by interval, and a trial replays alone, so the table is
made again instead of stored. Nothing here judges an engine.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from adaptive.data import tabulate
from adaptive.design.protocol import Design
from adaptive.records import EventTable, LookRecord, Progress
from adaptive.scenario.truth import Scenario
from adaptive.simulate.drivers import LANES
from adaptive.simulate.step import hold_look, observe, open_trial


@dataclass(frozen=True)
class Course:
    """What happened at each look of ``R`` trials; leaves are NumPy arrays of shape ``(R, K, ...)``.

    Attributes
    ----------
    trials
        Trial indices, shape ``(R,)``.
    looks
        The records as the simulator makes them; rows not held are zero.
    before
        The progress that the rules saw at the look.
    table
        The data that the engine saw at the look.
    """

    trials: np.ndarray
    looks: LookRecord
    before: Progress
    table: EventTable


def run_course(
    design: Design,
    scenario: Scenario,
    *,
    seed: int,
    trials: np.ndarray,
    lanes: int = LANES,
    advance: Callable[[int], object] = lambda done: None,
) -> Course:
    """Simulate trials in blocks of ``lanes``, as the drivers do, and keep every look's table.

    Parameters
    ----------
    design, scenario
        The protocol and the assumed truth.
    seed, trials
        Addresses; ``trials`` has shape ``(R,)``.
    lanes
        Trials per compiled block; the drivers' own number by default, so that rounding is the same.
    advance
        Called with the number of trials after each block.
    """
    design, scenario = replace(design, name=""), replace(scenario, name="")
    padded = np.append(trials, np.full(-trials.size % lanes, trials[-1])).astype(np.uint32)
    parts = []
    for block in padded.reshape(-1, lanes):
        parts.append(_run_block(design, scenario, jnp.asarray(seed, jnp.uint32), block))
        advance(min(lanes, trials.size - lanes * (len(parts) - 1)))
    joined = jax.tree.map(lambda *leaves: np.concatenate(leaves)[: trials.size], *parts)
    return Course(trials, *joined)


def _run_block(design, scenario, seed, block) -> tuple[LookRecord, Progress, EventTable]:
    """Hold every look of one block; leaves ``(lanes, K, ...)``."""
    nature, state = _open_block(design, scenario, seed, block)
    kept = []
    for look in range(design.looks.n_looks):
        state, found = _look_block(design, nature, state, jnp.asarray(look, jnp.int32))
        kept.append(jax.tree.map(np.asarray, found))
    return jax.tree.map(lambda *leaves: np.stack(leaves, axis=1), *kept)


@eqx.filter_jit
def _open_block(design, scenario, seed, trials):
    return jax.vmap(lambda trial: open_trial(design, scenario, seed, trial))(trials)


@eqx.filter_jit
def _look_block(design, nature, state, look):
    return jax.vmap(lambda n, s: _look(design, n, s, look))(nature, state)


def _look(design, nature, state, look):
    """Hold a look; the snapshot is taken again from who was enrolled by then, to which arm."""
    after, record = hold_look(design, nature, state, look)
    snapshot = observe(nature, after.enrolled, after.arm, record.time)
    table = tabulate(
        snapshot, design.analysis.cuts, len(design.subgroups), len(design.arms), design.analysis.periods
    )
    before = eqx.tree_at(
        lambda p: (p.look, p.time, p.is_final),
        state.progress,
        (look, record.time, record.is_final),
    )
    return after, (record, before, table)
