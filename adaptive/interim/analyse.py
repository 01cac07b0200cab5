"""One interim analysis of real patients: the simulator's own ``fit_look``, ``weigh_look`` and ``decide``.

A fit that fails a gate is never used: no rule is applied, nothing changes, and the caller is told why.
"""

from dataclasses import dataclass

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from adaptive.analysis import fit_look, weigh_look
from adaptive.codes import HealthCode
from adaptive.design.decide import decide
from adaptive.design.protocol import Design
from adaptive.interim.diagnostics import Diagnostics, Gates, diagnose
from adaptive.interim.engines import engine_for
from adaptive.interim.raw import raw_log_hr
from adaptive.interim.request import Sampling
from adaptive.posterior.base import AbstractPosterior
from adaptive.records import Decision, EventTable, Evidence, Progress, Snapshot
from adaptive.rng import Stream, stream_key, trial_key


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
        Limits of the diagnostics.
    """
    sampling = sampling or Sampling()
    design = eqx.tree_at(lambda d: d.analysis.engine, design, engine_for(design, sampling))
    key = stream_key(trial_key(sampling.seed, 0), Stream.POSTERIOR, progress.look)
    table, posterior = _fit(key, design, snapshot)
    evidence = _weigh(design, snapshot, table, posterior)
    diagnostics = _diagnose(design, posterior, gates)
    reasons = _reasons(evidence, diagnostics)
    if diagnostics is not None and diagnostics.code != HealthCode.OK:
        code = jnp.asarray(int(diagnostics.code), evidence.health.code.dtype)
        evidence = eqx.tree_at(lambda e: e.health.code, evidence, code)
    decision = None if reasons else decide(design, evidence, progress)
    return Interim(
        design, progress, table, posterior, evidence, decision, reasons, diagnostics, raw_log_hr(table)
    )


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
    return diagnose(sites, np.asarray(posterior.diverging), np.asarray(posterior.energy), labels, gates)


def _reasons(evidence: Evidence, diagnostics: Diagnostics | None) -> tuple[str, ...]:
    """Return why the fit may not be used: failed gates, else the engine's own judgment."""
    if diagnostics is not None and diagnostics.failures:
        return diagnostics.failures
    code = HealthCode(int(evidence.health.code))
    return () if code == HealthCode.OK else (f"the engine reports {code.name}",)
