"""Fit many tables with the sampler: vmapped in blocks of one size, several blocks at a time.

Blocks are padded, so that one compiled program serves them all and a fit does not depend on the fits beside
it. A fit that fails a gate of the engine is made again with more draws. Nothing here judges a decision.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float, Int, Shaped

from adaptive.codes import HealthCode
from adaptive.models.base import AbstractModel
from adaptive.posterior.convergence import share_errors
from adaptive.posterior.nuts import AbstractSampler, DrawsPosterior
from adaptive.records import EventTable, Evidence
from adaptive.rng import Stream, stream_key, trial_key
from adaptive.weigh import weigh


class Refits(eqx.Module):
    """What the sampler says of ``n`` looks; the axis ``n`` is absent while one is fitted.

    Attributes
    ----------
    evidence
        What the rules would have seen, with the health of the fit, leaves of shape ``(n, ...)``.
    p_below_error, p_best_error
        Monte Carlo standard errors of ``evidence.statistics`` and ``evidence.p_best``.
    draws
        Draws of all chains together, shape ``(n,)``.
    attempts
        Number of times the table was fitted, shape ``(n,)``.
    """

    evidence: Evidence
    p_below_error: Float[np.ndarray | Array, "*n G S B"]
    p_best_error: Float[np.ndarray | Array, "*n S A"]
    draws: Int[np.ndarray | Array, "*n"]
    attempts: Int[np.ndarray | Array, "*n"]


class Task(eqx.Module):
    """The looks to fit, leaves of shape ``(n, ...)``.

    Attributes
    ----------
    cell, trial, look
        Address: result, trial and look.
    table, patients
        The data of the look.
    margins
        Hazard ratio of each rule, shape ``(n, G)``.
    """

    cell: Shaped[np.ndarray | Array, "*n"]
    trial: Shaped[np.ndarray | Array, "*n"]
    look: Shaped[np.ndarray | Array, "*n"]
    table: EventTable
    patients: Int[np.ndarray | Array, "*n S A"]
    margins: Float[np.ndarray | Array, "*n G"]


@dataclass(frozen=True)
class Fitting:
    """How tables are fitted.

    Attributes
    ----------
    engine
        The sampler with its gates.
    seed
        Seed of the audit.
    block
        Tables per compiled block.
    workers
        Blocks fitted at the same time.
    retries
        How often a fit that fails a gate is made again, each time with a stronger engine.
    """

    engine: AbstractSampler
    seed: int
    block: int = 32
    workers: int = os.cpu_count() or 1
    retries: int = 1


def refit(
    fitting: Fitting,
    model: AbstractModel,
    tasks: Task,
    advance: Callable[[int], object] = lambda done: None,
) -> Refits:
    """Fit every look, those that fail a gate again, and return the last attempt of each.

    Parameters
    ----------
    fitting
        The sampler and how to run it.
    model
        The model of all looks.
    tasks
        The looks, leaves of shape ``(n, ...)``.
    advance
        Called with a number of looks whenever so many are fitted for the first time.
    """
    found = _attempt(fitting, 0, model, tasks, advance)
    for times in range(1, fitting.retries + 1):
        bad = np.flatnonzero(found.evidence.health.code != HealthCode.OK)
        if not bad.size:
            break
        chosen = jax.tree.map(lambda leaf, rows=bad: leaf[rows], tasks)
        again = _attempt(fitting, times, model, chosen, lambda done: None)
        jax.tree.map(lambda whole, part, rows=bad: whole.__setitem__(rows, part), found, again)
    return found


def _attempt(
    fitting: Fitting, times: int, model: AbstractModel, tasks: Task, advance: Callable[[int], object]
) -> Refits:
    """Fit all looks once, block by block."""
    n = tasks.margins.shape[0]
    # Few looks are left when an attempt is repeated; a full block of padding would be waste.
    block = min(fitting.block, 2 ** int(np.ceil(np.log2(n))))
    rows = np.append(np.arange(n), np.full(-n % block, n - 1)).reshape(-1, block)
    inputs = [jax.tree.map(lambda leaf, at=at: jnp.asarray(leaf[at]), tasks) for at in rows]
    fixed = (fitting.engine.stronger(times), model, jnp.uint32(fitting.seed), jnp.uint32(times))

    def run(given: Task) -> Refits:
        return jax.tree.map(np.asarray, _fit_block(*fixed, given))

    # The first block is fitted alone: it compiles, and a model must not be traced in several threads at once.
    parts = [run(inputs[0])]
    advance(min(block, n))
    with ThreadPoolExecutor(fitting.workers) as pool:
        for made in pool.map(run, inputs[1:]):
            parts.append(made)
            advance(min(block, n - block * (len(parts) - 1)))
    return jax.tree.map(lambda *leaves: np.concatenate(leaves)[:n].copy(), *parts)


@eqx.filter_jit
def _fit_block(engine, model, seed, times, tasks: Task) -> Refits:
    return jax.vmap(lambda task: _fit_one(engine, model, seed, times, task))(tasks)


def _fit_one(engine, model, seed, times, task: Task) -> Refits:
    """Fit one look under its own key: seed, trial, stream, look, then result and attempt."""
    key = stream_key(trial_key(seed, task.trial), Stream.POSTERIOR, task.look)
    key = jr.fold_in(jr.fold_in(key, task.cell), times)
    posterior = engine.fit(key, model, task.table)
    below, best = indicators(posterior, jnp.log(task.margins))
    return Refits(
        evidence=weigh(posterior, task.table, task.patients, task.margins),
        p_below_error=_errors(below),
        p_best_error=_errors(best),
        draws=jnp.asarray(below.shape[0] * below.shape[1], jnp.int32),
        attempts=times.astype(jnp.int32) + 1,
    )


def indicators(
    posterior: DrawsPosterior, log_margins: Float[Array, " G"]
) -> tuple[Float[Array, "chains draws G S B"], Float[Array, "chains draws S A"]]:
    """Return, draw by draw, whether each log hazard ratio is below each margin and which arm is best."""
    draws = posterior.sites["log_hr"]
    below = draws[:, :, None] < log_margins[None, None, :, None, None]
    with_control = jnp.concatenate([jnp.zeros_like(draws[..., :1]), draws], axis=-1)
    best = jax.nn.one_hot(jnp.argmin(with_control, axis=-1), with_control.shape[-1], dtype=draws.dtype)
    return below.astype(draws.dtype), best


def _errors(happened: Float[Array, "chains draws *rest"]) -> Float[Array, "*rest"]:
    flat = happened.reshape((*happened.shape[:2], -1))
    return share_errors(flat).reshape(happened.shape[2:])
