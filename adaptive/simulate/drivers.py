"""Run many virtual trials: vmap over trials, looks in sequence.

Two drivers that must agree exactly. ``scan`` carries every trial through every look in one compiled
program and is the reference. ``dropping`` loops over looks on the host and packs the trials still
running together, because under vmap a stopped trial costs as much as a running one. Neither may use
randomness other than what ``(seed, trial, stream, look)`` addresses.

Every compiled program runs on blocks of exactly ``lanes`` trials, short blocks being padded with
repeats. A compiler may round a program of another batch size differently in the last bit, so a fixed
block is what makes a trial's numbers independent of the trials beside it and of the chunk size.
"""

from dataclasses import replace
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from adaptive.design.protocol import Design
from adaptive.records import LookRecord, TrialResult
from adaptive.scenario.truth import Scenario
from adaptive.simulate.step import Nature, TrialState, hold_look, open_trial

LANES = 256
"""Trials per compiled block. Part of the numeric contract: another value may change last bits."""


class Simulated(NamedTuple):
    """Results of ``R`` trials as NumPy records.

    Attributes
    ----------
    result
        One row per trial, leaves of shape ``(R, ...)``.
    looks
        One row per trial and look, leaves of shape ``(R, K, ...)``; rows not held are zero.
    """

    result: TrialResult
    looks: LookRecord


def simulate(
    design: Design,
    scenario: Scenario,
    *,
    seed: int,
    trials: np.ndarray,
    driver: str = "dropping",
    lanes: int = LANES,
) -> Simulated:
    """Simulate the trials with the given indices.

    Parameters
    ----------
    design, scenario
        The protocol and the assumed truth; arms and subgroups must agree in name and order.
    seed
        Root seed; with the trial index it determines a trial completely.
    trials
        Trial indices, shape ``(R,)``, each below 2**32.
    driver
        ``"dropping"`` or ``"scan"``.
    lanes
        Trials per compiled block.

    Raises
    ------
    ValueError
        If labels differ, the endpoint is unknown, the driver is unknown, or no trial is asked for.
    """
    check_compatible(design, scenario)
    trials = np.asarray(trials)
    if trials.ndim != 1 or trials.size == 0:
        raise ValueError(f"trials must be a non-empty vector of indices, got shape {trials.shape}")
    if driver not in DRIVERS:
        raise ValueError(f"driver {driver!r} is unknown; allowed: {', '.join(sorted(DRIVERS))}")
    # Names are static: without them designs and scenarios of one structure share a compiled program.
    design, scenario = replace(design, name=""), replace(scenario, name="")
    padded = np.append(trials, np.full(-trials.size % lanes, trials[-1])).astype(np.uint32)
    simulated = DRIVERS[driver](design, scenario, jnp.asarray(seed, jnp.uint32), padded.reshape(-1, lanes))
    return jax.tree.map(lambda leaf: leaf[: trials.size], simulated)


def check_compatible(design: Design, scenario: Scenario) -> None:
    """Raise ``ValueError`` unless the design and the scenario speak of the same trial."""
    for label in ("arms", "subgroups"):
        ours, theirs = getattr(design, label), getattr(scenario, label)
        if ours != theirs:
            raise ValueError(
                f"{label} differ: design {design.name!r} has {ours}, scenario {scenario.name!r} has {theirs}"
            )
    unknown = [name for name in design.endpoint if name not in scenario.channels]
    if unknown:
        raise ValueError(f"endpoint channels {unknown} are not among the scenario's {scenario.channels}")


class _Block(NamedTuple):
    """Trials that share one compiled call; ``rows`` are their places, padding rows excluded."""

    nature: Nature
    state: TrialState
    rows: np.ndarray


def _run_scan(design, scenario, seed, blocks) -> Simulated:
    """Run every look of every trial in one program, block after block."""
    parts = [jax.tree.map(np.asarray, _scan_block(design, scenario, seed, block)) for block in blocks]
    return Simulated(*jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts))


def _run_dropping(design, scenario, seed, blocks) -> Simulated:
    """Hold one look at a time, packing the trials still running into as few blocks as they need."""
    lanes = blocks.shape[1]
    running = []
    for index, block in enumerate(blocks):
        nature, state = _open_block(design, scenario, seed, block)
        running.append(_Block(nature, state, np.arange(lanes) + index * lanes))
    out = None
    for look in range(design.looks.n_looks):
        after = []
        for block in running:
            state, record = _look_block(design, block.nature, block.state, jnp.asarray(look, jnp.int32))
            out = _store(out, state.result, record, block.rows, look, blocks.size, design.looks.n_looks)
            after.append(block._replace(state=state))
        running = _pack(after, out.result.reason, lanes)
    return out


@eqx.filter_jit
def _scan_block(design, scenario, seed, trials):
    def one(trial):
        nature, state = open_trial(design, scenario, seed, trial)
        looks = jnp.arange(design.looks.n_looks, dtype=jnp.int32)
        state, records = lax.scan(lambda s, k: hold_look(design, nature, s, k), state, looks)
        return state.result, records

    return jax.vmap(one)(trials)


@eqx.filter_jit
def _open_block(design, scenario, seed, trials):
    return jax.vmap(lambda trial: open_trial(design, scenario, seed, trial))(trials)


@eqx.filter_jit
def _look_block(design, nature, state, look):
    return jax.vmap(lambda n, s: hold_look(design, n, s, look))(nature, state)


@eqx.filter_jit
def _take(tree, rows):
    return jax.tree.map(lambda leaf: leaf[rows], tree)


def _store(out, result, record, rows: np.ndarray, look: int, size: int, n_looks: int) -> Simulated:
    """Write one block's records into the full arrays, creating them as zeros at first."""
    result, record = jax.tree.map(np.asarray, (result, record))
    if out is None:
        out = Simulated(
            jax.tree.map(lambda x: np.zeros((size, *x.shape[1:]), x.dtype), result),
            jax.tree.map(lambda x: np.zeros((size, n_looks, *x.shape[1:]), x.dtype), record),
        )
    jax.tree.map(lambda full, part: full.__setitem__(rows, part[: rows.size]), out.result, result)
    jax.tree.map(lambda full, part: full.__setitem__((rows, look), part[: rows.size]), out.looks, record)
    return out


def _pack(blocks: list[_Block], reason: np.ndarray, lanes: int) -> list[_Block]:
    """Gather running trials into fewer blocks, if that saves at least one."""
    rows = np.concatenate([block.rows for block in blocks] or [np.zeros(0, int)])
    place = np.concatenate([np.arange(b.rows.size) + i * lanes for i, b in enumerate(blocks)] or [rows])
    alive = np.flatnonzero(reason[rows] == 0)
    needed = -(-alive.size // lanes)
    if needed == len(blocks):
        return blocks
    if needed == 0:
        return []
    joined = [(b.nature, b.state) for b in blocks]
    joined = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *joined)
    packed = []
    for start in range(0, alive.size, lanes):
        chosen = alive[start : start + lanes]
        index = place[np.append(chosen, np.full(lanes - chosen.size, chosen[-1]))]
        packed.append(_Block(*_take(joined, index), rows[chosen]))
    return packed


DRIVERS = {"scan": _run_scan, "dropping": _run_dropping}
