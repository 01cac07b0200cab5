"""The audit of the engine that made stored results: choose looks, make their data again, fit them with NUTS.

Two steps, because they differ in precision: ``choose`` repeats the simulation exactly as it was run, and
``examine`` fits in whatever precision is in force then. What the answers mean is counted by
``audit_summary``; nothing here is a decision about a trial.
"""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from tqdm import tqdm

from adaptive.errors import BadInput
from adaptive.oc.audit_change import Behind
from adaptive.oc.audit_course import Course
from adaptive.oc.audit_fit import Fitting, Refits, Task, refit
from adaptive.oc.audit_frame import AuditCell, check_auditable, frame_of, has_looks, margins_of, read_looks
from adaptive.oc.audit_judge import Seen, compare
from adaptive.oc.audit_sample import Sample, draw_sample, draw_trials
from adaptive.records import EventTable

CLOSE = {"float64": 1e-6, "float32": 1e-3}
"""Largest difference of a probability that still counts as the same, by precision of the result."""
ALLOWED = 0.01
"""Share of looks that may differ from what is stored, as they may when another device made them."""


@dataclass(frozen=True)
class AuditRequest:
    """What is asked of an audit.

    Attributes
    ----------
    n_random, n_near
        Looks drawn at random, and looks nearest to a threshold.
    seed
        Seed of the audit.
    max_trials
        Trials, over all results, that are simulated again to find looks where none are stored.
    progress
        Whether to show progress bars.
    """

    n_random: int = 1000
    n_near: int = 1000
    seed: int = 1
    max_trials: int = 20_000
    progress: bool = True


class Chosen(NamedTuple):
    """The audited looks of one result with their data, and what they stand for."""

    sample: Sample
    seen: Seen
    table: EventTable
    n_looks: int
    n_trials: int


def choose(cells: Sequence[AuditCell], request: AuditRequest) -> list[Chosen]:
    """Draw the looks and make their data again, in the precision of the results.

    Parameters
    ----------
    cells
        The results.
    request
        How many looks, and the seed.

    Raises
    ------
    BadInput
        If a design cannot be audited, there is no look to audit, or more than ``ALLOWED`` do not come out as
        they are stored.
    """
    for cell in cells:
        check_auditable(cell.design)
    share = -(-request.max_trials // len(cells))
    frames = []
    for index, cell in enumerate(_bar(cells, "looks", "result", request.progress)):
        every = cell.result.trials["trial"]
        trials = None if has_looks(cell) else draw_trials(request.seed, index, every, share)
        frames.append(frame_of(cell, trials))
    sample = draw_sample(frames, request.seed, request.n_random, request.n_near)
    if not sample.trial.size:
        raise BadInput(
            "no rule is applied at any look, so none is near a threshold; give n_random of at least 1"
        )
    chosen = []
    for index, cell in enumerate(_bar(cells, "data", "result", request.progress)):
        own = Sample(*(values[sample.cell == index] for values in sample))
        seen, table = _again(cell, own)
        chosen.append(Chosen(own, seen, table, frames[index].trial.size, frames[index].n_trials))
    _check_reproduced(cells, chosen)
    return chosen


def _bar(items: Sequence, title: str, unit: str, progress: bool) -> Iterable:
    return tqdm(items, desc=title, unit=unit, file=sys.stderr, disable=not progress)


def _again(cell: AuditCell, sample: Sample) -> tuple[Seen, EventTable]:
    """Simulate the trials of the sample again and take the records and tables of its looks."""
    trials = np.unique(sample.trial)
    if not trials.size:
        # One trial gives the shapes of a table without rows.
        trials = cell.result.trials["trial"][:1]
    course = cell.course(cell.design, cell.scenario, seed=cell.result.manifest["seed"], trials=trials)
    at = np.searchsorted(trials, sample.trial), sample.look
    record, before, table = jax.tree.map(lambda leaf: leaf[at], (course.looks, course.before, course.table))
    same = _same_looks(cell, sample, record) if has_looks(cell) else _same_trials(cell, course)[at[0]]
    return Seen(record, before, same & record.held), table


def _same_looks(cell: AuditCell, sample: Sample, record) -> np.ndarray:
    """Return which looks have the stored probabilities and verdicts."""
    stored = read_looks(cell)
    known = {key: i for i, key in enumerate(zip(stored.trial.tolist(), stored.look.tolist(), strict=True))}
    row = np.array([known[key] for key in zip(sample.trial.tolist(), sample.look.tolist(), strict=True)], int)
    limit = CLOSE[cell.result.manifest["dtype"]]
    evidence = record.evidence
    pairs = ((evidence.statistics, stored.p_below[row]), (evidence.p_best, stored.p_best[row]))
    same = (np.asarray(record.decision.verdict) == stored.verdict[row]).all(axis=(1, 2))
    for ours, theirs in pairs:
        close = np.isclose(ours, theirs, rtol=0.0, atol=limit, equal_nan=True)
        same &= close.reshape(row.size, -1).all(axis=1)
    return same


def _same_trials(cell: AuditCell, course: Course) -> np.ndarray:
    """Return which trials end as they are stored: last look, and state of every cell."""
    result = cell.result
    row = np.searchsorted(result.trials["trial"], course.trials)
    n_looks = course.looks.held.shape[1]
    last = n_looks - 1 - np.argmax(course.looks.held[:, ::-1], axis=1)
    status = np.asarray(course.looks.decision.status)[np.arange(last.size), last]
    return (last == result.trials["last_look"][row]) & (status == result.status[row]).all(axis=(1, 2))


def _check_reproduced(cells: Sequence[AuditCell], chosen: Sequence[Chosen]) -> None:
    """Refuse results that this code, on this machine, does not make again."""
    total = sum(part.sample.trial.size for part in chosen)
    bad = [int((~part.seen.reproduced).sum()) for part in chosen]
    if total and sum(bad) > ALLOWED * total:
        worst = int(np.argmax(bad))
        at = int(np.argmin(chosen[worst].seen.reproduced))
        sample = chosen[worst].sample
        made_by = cells[worst].result.manifest.get("code", {}).get("commit")
        raise BadInput(
            f"{cells[worst].result.path}: {sum(bad)} of {total} looks do not come out as they are stored, "
            f"first trial {sample.trial[at]}, look {sample.look[at] + 1}; this program is not the one that "
            f"made the results (commit {made_by}); simulate again, or audit with that version"
        )


def examine(
    cells: Sequence[AuditCell], chosen: Sequence[Chosen], fitting: Fitting, *, progress: bool = True
) -> pd.DataFrame:
    """Fit every chosen look with the sampler and compare; returns the table of ``audit_judge.compare``.

    Results with the same model are fitted together, so that few blocks are padded.

    Parameters
    ----------
    cells
        The results; their designs may be built in another precision than for ``choose``.
    chosen
        What ``choose`` returned.
    fitting
        The sampler and how to run it.
    progress
        Whether to show a progress bar.
    """
    answers: list[Refits | None] = [None] * len(cells)
    total = sum(part.sample.trial.size for part in chosen)
    with tqdm(total=total, desc="NUTS", unit="fit", file=sys.stderr, disable=not progress) as bar:
        for group in _groups(cells, chosen):
            tasks = [_tasks(cells[i], i, chosen[i]) for i in group]
            joined = jax.tree.map(lambda *leaves: np.concatenate(leaves), *tasks)
            found = refit(fitting, cells[group[0]].design.analysis.model, joined, bar.update)
            edges = np.cumsum([0, *(task.trial.size for task in tasks)])
            for place, i in enumerate(group):
                rows = slice(edges[place], edges[place + 1])
                answers[i] = jax.tree.map(lambda leaf, rows=rows: leaf[rows], found)
    frames = [
        compare(cell, part.sample, part.seen, answer)
        for cell, part, answer in zip(cells, chosen, answers, strict=True)
        if answer is not None
    ]
    return pd.concat(frames, ignore_index=True)


def _groups(cells: Sequence[AuditCell], chosen: Sequence[Chosen]) -> list[list[int]]:
    """Return the results with audited looks, those with equal models and shapes together."""
    groups: list[list[int]] = []
    for index, cell in enumerate(cells):
        if not chosen[index].sample.trial.size:
            continue
        for group in groups:
            other = cells[group[0]].design
            same = len(other.rules) == len(cell.design.rules)
            if same and bool(eqx.tree_equal(other.analysis.model, cell.design.analysis.model)):
                group.append(index)
                break
        else:
            groups.append([index])
    return groups


def _tasks(cell: AuditCell, index: int, part: Chosen) -> Task:
    """Return what the sampler needs of one result's looks, in the precision in force."""
    dtype = np.dtype(jnp.result_type(float))
    n = part.sample.trial.size
    return Task(
        cell=np.full(n, index, np.uint32),
        trial=part.sample.trial.astype(np.uint32),
        look=part.sample.look.astype(np.uint32),
        table=jax.tree.map(lambda leaf: np.asarray(leaf, dtype), part.table),
        patients=np.asarray(part.seen.record.evidence.patients, np.int32),
        margins=np.broadcast_to(np.asarray(margins_of(cell.design), dtype), (n, len(cell.design.rules))),
    )


def behind(chosen: Sequence[Chosen]) -> Behind:
    """Return the numbers of looks and trials that the sample stands for."""
    return Behind(sum(part.n_looks for part in chosen), sum(part.n_trials for part in chosen))
