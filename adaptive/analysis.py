"""One path for a look: observe, reduce, fit, weigh, decide.

The simulator calls it on a simulated snapshot, the interim command on a real one: same model, same
engine seam, same rules. Must not know where the snapshot came from.
"""

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float, PRNGKeyArray

from adaptive.data import count_patients, tabulate
from adaptive.design.decide import decide, measures_of
from adaptive.design.measure import AbstractMeasure, HazardRatioBelow
from adaptive.design.protocol import Design
from adaptive.posterior.base import AbstractPosterior
from adaptive.records import Decision, EventTable, Evidence, FittedLook, Progress, Snapshot
from adaptive.rng import Stream
from adaptive.weigh import weigh


def fit_look(key: PRNGKeyArray, design: Design, snapshot: Snapshot) -> tuple[EventTable, AbstractPosterior]:
    """Reduce a snapshot to its event table and fit the design's model with the design's engine."""
    size, periods = (len(design.subgroups), len(design.arms)), design.analysis.periods
    table = tabulate(snapshot, design.analysis.cuts, *size, periods)
    return table, design.analysis.engine.fit(key, design.analysis.model, table)


def weigh_look(
    key: PRNGKeyArray,
    design: Design,
    snapshot: Snapshot,
    table: EventTable,
    posterior: AbstractPosterior,
    progress: Progress,
) -> Evidence:
    """Take the measures of the design's rules on a fitted look, and summarise the posterior."""
    size, periods = (len(design.subgroups), len(design.arms)), design.analysis.periods
    patients = count_patients(snapshot, design.analysis.cuts, *size, periods)
    measures = measures_of(design)
    ratios = [measure for measure in measures if isinstance(measure, HazardRatioBelow)]
    evidence = weigh(posterior, table, patients, jnp.stack([m.margin for m in ratios] or [jnp.ones(())]))
    if len(ratios) == len(measures):
        return evidence
    look = FittedLook(jr.fold_in(key, int(Stream.PREDICTIVE)), snapshot, table, posterior, progress)
    return eqx.tree_at(lambda e: e.statistics, evidence, _taken(measures, design, look, evidence.statistics))


def _taken(
    measures: tuple[AbstractMeasure, ...],
    design: Design,
    look: FittedLook,
    ratios: Float[Array, "P S B"],
) -> Float[Array, "G S B"]:
    """Return every measure; probabilities of hazard ratios are given, all of them from one call."""
    rows, done = [], 0
    for measure in measures:
        if isinstance(measure, HazardRatioBelow):
            rows.append(ratios[done])
            done += 1
        else:
            rows.append(measure.value(design, look).astype(ratios.dtype))
    return jnp.stack(rows)


def analyse_look(
    key: PRNGKeyArray, design: Design, snapshot: Snapshot, progress: Progress
) -> tuple[Evidence, Decision]:
    """Analyse one look and decide.

    Parameters
    ----------
    key
        Randomness for sampling engines and simulating measures; deterministic ones ignore it.
    design
        The protocol.
    snapshot
        Patients as seen at the data cut-off.
    progress
        What earlier looks decided, with ``look``, ``time`` and ``is_final`` of this one.
    """
    table, posterior = fit_look(key, design, snapshot)
    evidence = weigh_look(key, design, snapshot, table, posterior, progress)
    return evidence, decide(design, evidence, progress)
