"""Run many virtual trials: vmap over trials, looks in sequence.

Two drivers that must agree exactly. ``scan`` carries every trial through every look in one compiled
program and is the reference. ``dropping`` loops over looks on the host and packs the trials still
running together, because under vmap a stopped trial costs as much as a running one. Neither may use
randomness other than what ``(seed, trial, stream, look)`` addresses.

Every compiled program runs on blocks of exactly ``lanes`` trials, short blocks being padded with
repeats. A compiler may round a program of another batch size differently in the last bit, so a fixed
block is what makes a trial's numbers independent of the trials beside it and of the chunk size.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache, partial
from threading import Lock
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array

from adaptive.design.protocol import Design
from adaptive.records import LookRecord, TrialResult
from adaptive.scenario.truth import Scenario
from adaptive.simulate.step import Nature, TrialState, hold_look, judge, look_at, open_trial

LANES = 256
"""Trials per compiled block. Part of the numeric contract: another value may change last bits."""

GROUP = 8
"""Blocks whose trials are packed together; bounds the memory of a call whatever its number of trials."""

WORTH = 0.85
"""Trials are packed when they need at most this share of their blocks: moving one costs as much as a look."""


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
    padded = np.append(trials, np.full(-trials.size % lanes, trials[-1])).astype(np.uint32)
    run = _start(design, scenario, seed, lanes)
    simulated = DRIVERS[driver](run, padded.reshape(-1, lanes))
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


class _Once:
    """A compiled function that several threads may call: the first call, which compiles, is made alone."""

    def __init__(self, function: Callable):
        self._call, self._lock, self._ready = jax.jit(function), Lock(), False

    def __call__(self, *arguments):
        if self._ready:
            return self._call(*arguments)
        with self._lock:
            value = self._call(*arguments)
            self._ready = True
        return value


class _Programs:
    """The compiled programs of one kind of design and scenario; numbers are arguments, all else is fixed.

    ``open`` starts a block, ``sight`` and ``judge`` are the halves of a look: in one program the compiler
    makes the snapshot again for each of its uses, at three times the cost. ``scan`` is everything at once.
    """

    def __init__(self, fixed):
        def whole(numbers):
            return eqx.combine(numbers, fixed)

        def opened(numbers, seed, trials):
            design, scenario = whole(numbers)
            return jax.vmap(lambda trial: open_trial(design, scenario, seed, trial))(trials)

        def sight(numbers, nature, state, look):
            design, _ = whole(numbers)
            return jax.vmap(lambda n, s: look_at(design, n, s, look))(nature, state)

        def judged(numbers, nature, state, sight):
            design, _ = whole(numbers)
            return jax.vmap(lambda n, s, v: judge(design, n, s, v))(nature, state, sight)

        def scanned(numbers, seed, trials):
            design, scenario = whole(numbers)
            return jax.vmap(lambda trial: _scan_trial(design, scenario, seed, trial))(trials)

        self.open, self.sight, self.judge, self.scan = map(_Once, (opened, sight, judged, scanned))


def _scan_trial(design, scenario, seed, trial):
    """Run every look of one trial."""
    nature, state = open_trial(design, scenario, seed, trial)
    looks = jnp.arange(design.looks.n_looks, dtype=jnp.int32)
    state, records = lax.scan(lambda s, k: hold_look(design, nature, s, k), state, looks)
    return state.result, records


class _Kind(NamedTuple):
    """What decides which program runs: structure, what is not an array, shapes and types, lanes."""

    structure: jax.tree_util.PyTreeDef
    fixed: tuple
    shapes: tuple
    lanes: int


@lru_cache(maxsize=32)
def _programs(kind: _Kind) -> _Programs:
    return _Programs(jax.tree.unflatten(kind.structure, kind.fixed))


class _Run(NamedTuple):
    """One call of ``simulate``."""

    programs: _Programs
    numbers: tuple
    seed: Array
    n_looks: int


def _start(design: Design, scenario: Scenario, seed: int, lanes: int) -> _Run:
    """Find or make the programs. Names are not part of their kind: designs of one structure share them."""
    both = replace(design, name=""), replace(scenario, name="")
    numbers, fixed = eqx.partition(both, eqx.is_array)
    leaves, structure = jax.tree.flatten(fixed, is_leaf=lambda x: x is None)
    shapes = tuple((x.shape, x.dtype, x.weak_type) for x in jax.tree.leaves(numbers))
    programs = _programs(_Kind(structure, tuple(leaves), shapes, lanes))
    return _Run(programs, numbers, jnp.asarray(seed, jnp.uint32), design.looks.n_looks)


def _run_scan(run: _Run, blocks: np.ndarray) -> Simulated:
    """Run every look of every trial in one program, block after block."""
    parts = [jax.tree.map(np.asarray, run.programs.scan(run.numbers, run.seed, block)) for block in blocks]
    return _joined([Simulated(*part) for part in parts])


def _run_dropping(run: _Run, blocks: np.ndarray) -> Simulated:
    """Run groups of blocks, some at a time; memory holds as many groups as there are workers."""
    workers = (os.cpu_count() or 1) if jax.default_backend() == "cpu" else 1
    size = min(GROUP, -(-len(blocks) // workers))
    groups = [blocks[start : start + size] for start in range(0, len(blocks), size)]
    if min(workers, len(groups)) == 1:
        return _joined([_run_group(run, group) for group in groups])
    with ThreadPoolExecutor(min(workers, len(groups))) as pool:
        return _joined(list(pool.map(partial(_run_group, run), groups)))


def _joined(parts: list[Simulated]) -> Simulated:
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)


def _run_group(run: _Run, blocks: np.ndarray) -> Simulated:
    """Hold one look at a time, packing the trials still running into as few blocks as they need."""
    lanes, n_looks = blocks.shape[1], run.n_looks
    running = []
    for index, block in enumerate(blocks):
        nature, state = run.programs.open(run.numbers, run.seed, block)
        running.append(_Block(nature, state, np.arange(lanes) + index * lanes))
    out = None
    for look in range(n_looks):
        after = []
        for block in running:
            sight = run.programs.sight(run.numbers, block.nature, block.state, np.int32(look))
            state, record = run.programs.judge(run.numbers, block.nature, block.state, sight)
            out = _store(out, state.result, record, block.rows, look, blocks.size, n_looks)
            after.append(block._replace(state=state))
        running = _pack(after, out.result.reason, lanes)
    return out


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
    if needed == 0:
        return []
    if needed > WORTH * len(blocks):
        return blocks
    joined = [(b.nature, b.state) for b in blocks]
    packed = []
    for start in range(0, alive.size, lanes):
        chosen = alive[start : start + lanes]
        index = place[np.append(chosen, np.full(lanes - chosen.size, chosen[-1]))]
        packed.append(_Block(*_gather(joined, index, lanes), rows[chosen]))
    return packed


def _gather(blocks: list, index: np.ndarray, lanes: int):
    """Return the lanes at places ``index`` of the blocks laid end to end."""
    block, lane = index // lanes, index % lanes

    def one(*leaves):
        if jnp.issubdtype(leaves[0].dtype, jax.dtypes.prng_key):
            return jax.random.wrap_key_data(one(*map(jax.random.key_data, leaves)))
        out = np.empty((index.size, *leaves[0].shape[1:]), leaves[0].dtype)
        for b in np.unique(block):
            out[block == b] = np.asarray(leaves[b])[lane[block == b]]
        return jnp.asarray(out)

    return jax.tree.map(one, *blocks)


DRIVERS = {"scan": _run_scan, "dropping": _run_dropping}
