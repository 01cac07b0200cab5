"""One interim analysis of real patients: the simulator's own ``fit_look``, ``weigh_look`` and ``decide``.

A fit that fails a gate is never used: no rule is applied, nothing changes, and the caller is told why.
"""

from dataclasses import dataclass, replace

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from adaptive.analysis import fit_look, weigh_look
from adaptive.codes import HealthCode
from adaptive.design.decide import asked, decide, due_cells, measures_of
from adaptive.design.measure import HazardRatioBelow
from adaptive.design.protocol import Design
from adaptive.design.rules import enough_events
from adaptive.interim.diagnostics import Diagnostics, Gates, diagnose, probability_errors
from adaptive.interim.engines import engine_for
from adaptive.interim.raw import raw_log_hr
from adaptive.interim.request import Sampling
from adaptive.posterior.base import AbstractEngine, AbstractPosterior
from adaptive.posterior.nuts import NutsEngine
from adaptive.records import Decision, EventTable, Evidence, Progress, Snapshot
from adaptive.rng import Stream, stream_key, trial_key

CLOSE = 3.0
"""Monte Carlo standard errors that a probability must keep from its threshold to settle a rule."""

_fit = eqx.filter_jit(fit_look)
_weigh = eqx.filter_jit(weigh_look)


@dataclass(frozen=True)
class Interim:
    """One look, analysed.

    Attributes
    ----------
    design
        The protocol with the engine that was used.
    progress
        State of the trial with which the look started.
    table, posterior, evidence
        Data, posterior and what the rules saw.
    decision
        The decision, or ``None`` if it is withheld.
    withheld_because
        Gates that the fit failed, in words.
    diagnostics
        Of a sampled posterior; ``None`` for deterministic engines.
    errors
        Monte Carlo standard error of ``evidence.statistics``, shape ``(G, S, B)``; else zero.
    raw
        Maximum-likelihood log hazard ratios and their standard errors, ``(S, B)`` each.
    """

    design: Design
    progress: Progress
    table: EventTable
    posterior: AbstractPosterior
    evidence: Evidence
    decision: Decision | None
    withheld_because: tuple[str, ...]
    diagnostics: Diagnostics | None
    errors: np.ndarray
    raw: tuple[np.ndarray, np.ndarray]


def analyse(
    design: Design,
    snapshot: Snapshot,
    progress: Progress,
    sampling: Sampling | None = None,
    gates: Gates | None = None,
) -> Interim:
    """Analyse one look and decide, or withhold the decision when the fit is not good enough.

    Parameters
    ----------
    design
        The protocol; ``sampling`` may replace its engine, never its model or rules.
    snapshot
        Patients as seen at the data cut-off.
    progress
        What earlier looks decided, with ``look``, ``time`` and ``is_final`` of this one.
    sampling
        Engine and seed; NUTS with four chains of 1000 draws if not given.
    gates
        Limits of the diagnostics; those of the engine if not given.
    """
    sampling = sampling or Sampling()
    design = eqx.tree_at(lambda d: d.analysis.engine, design, engine_for(design, sampling))
    key = stream_key(trial_key(sampling.seed, 0), Stream.POSTERIOR, progress.look)
    while True:
        table, posterior = _fit(key, design, snapshot)
        evidence = _weigh(key, design, snapshot, table, posterior, progress)
        errors = monte_carlo_errors(design, posterior, evidence)
        more = _more_draws(design, sampling)
        if more is None or not unsettled(design, evidence, progress, errors).any():
            break
        design = more
    diagnostics = _diagnose(design, posterior, gates)
    reasons = _reasons(evidence, diagnostics)
    if diagnostics is not None and diagnostics.code != HealthCode.OK:
        code = jnp.asarray(int(diagnostics.code), evidence.health.code.dtype)
        evidence = eqx.tree_at(lambda e: e.health.code, evidence, code)
    decision = None if reasons else decide(design, evidence, progress)
    return Interim(
        design,
        progress,
        table,
        posterior,
        evidence,
        decision,
        reasons,
        diagnostics,
        errors,
        raw_log_hr(table),
    )


def monte_carlo_errors(design: Design, posterior: AbstractPosterior, evidence: Evidence) -> np.ndarray:
    """Return the Monte Carlo standard error of ``evidence.statistics``.

    Zero where nothing was sampled, and for measures other than probabilities of hazard ratios.
    """
    errors = np.zeros(evidence.statistics.shape)
    if not hasattr(posterior, "sites"):
        return errors
    draws = np.asarray(posterior.sites["log_hr"])
    for slot, measure in enumerate(measures_of(design)):
        if isinstance(measure, HazardRatioBelow):
            errors[slot] = probability_errors(draws < np.log(float(measure.margin)))
    return errors


def unsettled(design: Design, evidence: Evidence, progress: Progress, errors: np.ndarray) -> np.ndarray:
    """Return which rules of open cells are within ``CLOSE`` errors of their threshold, ``(G, S, B)``.

    Such a decision would depend on the seed. Rules not applied at this look, or short of events, are settled.
    """
    statistics = np.asarray(evidence.statistics, float)
    is_open = np.asarray(due_cells(progress))
    rows = []
    for slot, (_, ask) in enumerate(asked(design, int(progress.look))):
        value = 1.0 - statistics[slot] if ask.complement else statistics[slot]
        near = np.abs(value - ask.threshold) < CLOSE * errors[slot]
        rows.append(near & is_open & np.asarray(enough_events(evidence, jnp.asarray(ask.min_events))))
    return np.stack(rows)


def _more_draws(design: Design, sampling: Sampling) -> Design | None:
    """Return the design with five times the draws, or ``None`` where that is not possible or allowed."""
    engine = design.analysis.engine
    if not isinstance(engine, NutsEngine) or engine.draws >= sampling.max_draws:
        return None
    larger = replace(engine, draws=min(5 * engine.draws, sampling.max_draws))
    return eqx.tree_at(lambda d: d.analysis.engine, design, larger)


def site_labels(design: Design, shape: tuple[int, ...]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return name and labels of each axis of a parameter, recognised by its shape."""
    subgroups, arms = ("subgroup", design.subgroups), ("arm", design.arms)
    experimental = ("experimental_arm", design.arms[1:])
    sizes = {len(design.arms) - 1: experimental, len(design.arms): arms}
    if len(shape) == 2 and shape[0] == len(design.subgroups) and shape[1] in sizes:
        return subgroups, sizes[shape[1]]
    if len(shape) == 1 and shape[0] == len(design.arms) - 1:
        return (experimental,)
    return tuple((f"axis_{n}_{i}", tuple(map(str, range(n)))) for i, n in enumerate(shape))


def _diagnose(design: Design, posterior: AbstractPosterior, gates: Gates | None) -> Diagnostics | None:
    if not hasattr(posterior, "sites"):
        return None
    sites = {name: np.asarray(draws) for name, draws in posterior.sites.items()}
    labels = {
        name: tuple(axis[1] for axis in site_labels(design, draws.shape[2:])) for name, draws in sites.items()
    }
    gates = gates or _gates_of(design.analysis.engine)
    return diagnose(sites, np.asarray(posterior.diverging), np.asarray(posterior.energy), labels, gates)


def _gates_of(engine: AbstractEngine) -> Gates:
    """Return the limits that the engine was given, so that one set of gates judges a fit."""
    if not isinstance(engine, NutsEngine):
        return Gates()
    return Gates(
        float(engine.max_rhat), float(engine.min_ess), int(engine.max_divergences), float(engine.min_ebfmi)
    )


def _reasons(evidence: Evidence, diagnostics: Diagnostics | None) -> tuple[str, ...]:
    """Return why the fit may not be used: failed gates, else the engine's own judgment."""
    if diagnostics is not None and diagnostics.failures:
        return diagnostics.failures
    code = HealthCode(int(evidence.health.code))
    return () if code == HealthCode.OK else (f"the engine reports {code.name}",)
