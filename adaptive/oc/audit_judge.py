"""Set two engines side by side at the audited looks: probabilities, and the verdicts that follow from them.

Both go through the design's own rules. The table made here is what an audit stores; ``audit_summary`` counts
it. Nothing here draws or fits.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from adaptive.codes import CellStatus, HealthCode
from adaptive.design.decide import decide, rule_slots
from adaptive.oc.audit_fit import Refits
from adaptive.oc.audit_frame import AuditCell, margins_of, rule_distances, rule_value
from adaptive.oc.audit_sample import Sample
from adaptive.records import LookRecord, Progress

SETTLED = 3.0
"""Monte Carlo standard errors that a probability must keep from a threshold to settle a rule."""
BEST = "P(best)"


class Seen(NamedTuple):
    """What the simulated trial has of the audited looks of one result; leaves ``(n, ...)``."""

    record: LookRecord
    before: Progress
    reproduced: np.ndarray


def compare(cell: AuditCell, sample: Sample, seen: Seen, refits: Refits) -> pd.DataFrame:
    """Return a row per look, cell and rule, and one per look, subgroup and arm for P(best).

    Parameters
    ----------
    cell
        The result.
    sample
        Its audited looks, ``n`` of them.
    seen
        Their records as simulated.
    refits
        The sampler's answers.

    Returns
    -------
    A frame with, per row: the address; ``random`` and ``near``; the cell and whether it is ``null`` in truth
    and was ``open``; ``events`` of the whole look; ``quantity``, ``rule``, ``threshold``, ``distance``;
    ``p_fast``, ``p_nuts`` and its ``mcse``; whether the rule fires by either; the verdicts; ``flip`` (verdict
    or advice differ) and ``real`` (a rule that makes the difference is further than 3 MCSE from its
    threshold); allocation by either; health of both fits.
    """
    fast, nuts = seen.record.evidence, _trusted(refits.evidence)
    fires_fast, _ = _applied(cell.design, fast, seen.before)
    fires_nuts, decided = _applied(cell.design, nuts, seen.before)
    stored = seen.record.decision
    verdict, advice = stored.verdict != decided.verdict, stored.advice != decided.advice
    flip = verdict | advice
    thresholds = _thresholds(cell, sample.look, fast.statistics.shape)
    gap = np.abs(_values(cell, nuts.statistics) - thresholds)
    decisive = (fires_fast != fires_nuts) & (gap > SETTLED * refits.p_below_error)
    is_open = seen.before.status == CellStatus.OPEN
    shared = {
        "open": is_open,
        "null": np.broadcast_to(cell.result.truth.is_null, is_open.shape),
        "verdict_fast": _names(stored.verdict),
        "verdict_nuts": _names(decided.verdict),
        "flip": flip,
        "real": flip & decisive.any(axis=1),
    }
    rules = {
        "threshold": thresholds,
        "distance": rule_distances(cell.design, fast.statistics, fast.events, is_open, sample.look),
        "p_fast": _values(cell, fast.statistics),
        "p_nuts": _values(cell, nuts.statistics),
        "mcse": refits.p_below_error,
        "fires_fast": fires_fast,
        "fires_nuts": fires_nuts,
    }
    best = {
        "p_fast": fast.p_best,
        "p_nuts": nuts.p_best,
        "mcse": refits.p_best_error,
        "open": np.broadcast_to(is_open.any(axis=2, keepdims=True), fast.p_best.shape),
        "allocation_fast": stored.allocation,
        "allocation_nuts": decided.allocation,
    }
    look = _look_columns(cell, sample, seen, refits)
    frame = pd.concat(
        [_rule_rows(cell, look, rules, shared), _best_rows(cell, look, best)], ignore_index=True
    )
    return _typed(frame)


def _trusted(evidence):
    """Return evidence on which rules may fire; fits that failed are told apart by their health."""
    code = np.full_like(evidence.health.code, int(HealthCode.OK))
    return eqx.tree_at(lambda e: e.health.code, evidence, code)


def _applied(design, evidence, before):
    """Return where each rule fires, ``(n, G, S, B)``, and the decision, as NumPy arrays."""
    return jax.tree.map(np.asarray, _apply(design, evidence, before))


@eqx.filter_jit
def _apply(design, evidence, before):
    def one(seen, progress):
        usable = (progress.status == CellStatus.OPEN) & (seen.health.code == HealthCode.OK)
        slots = rule_slots(design)
        fires = [rule.fires(seen.statistics[rows], seen, progress) & usable for rule, rows in slots]
        return jnp.stack(fires), decide(design, seen, progress)

    return jax.vmap(one)(*jax.tree.map(jnp.asarray, (evidence, before)))


def _thresholds(cell: AuditCell, look: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return each rule's threshold at each look, ``(n, G, S, B)``; NaN where it is not applied."""
    rows = np.stack([np.asarray(rule.threshold, float)[look] for rule in cell.design.rules], axis=1)
    return np.broadcast_to(rows[:, :, None, None], shape)


def _values(cell: AuditCell, p_below: np.ndarray) -> np.ndarray:
    """Return what each rule compares with its threshold."""
    return np.stack([rule_value(rule, p_below[:, g]) for g, rule in enumerate(cell.design.rules)], axis=1)


def _names(codes: np.ndarray) -> np.ndarray:
    names = np.array(["NONE", *(code.name for code in CellStatus if code > 0)], object)
    return names[np.asarray(codes)]


def _look_columns(cell: AuditCell, sample: Sample, seen: Seen, refits: Refits) -> dict[str, np.ndarray]:
    """Return what is the same in every row of a look, shape ``(n,)``."""
    n = sample.trial.size
    health = np.array([code.name for code in HealthCode], object)
    return {
        "scenario": np.full(n, cell.result.scenario, object),
        "design": np.full(n, cell.result.design, object),
        "trial": sample.trial,
        "look": sample.look,
        "random": sample.random,
        "near": sample.near,
        "events": seen.record.evidence.events.sum(axis=(1, 2)),
        "reproduced": seen.reproduced,
        "fast_health": health[np.asarray(seen.record.evidence.health.code)],
        "health": health[np.asarray(refits.evidence.health.code)],
        "rhat": refits.evidence.health.rhat,
        "ess": refits.evidence.health.ess,
        "divergences": refits.evidence.health.divergences,
        "draws": refits.draws,
        "attempts": refits.attempts,
    }


def _rule_rows(cell: AuditCell, look: dict, rules: dict, shared: dict) -> pd.DataFrame:
    """Return one row per look, rule, subgroup and experimental arm."""
    design = cell.design
    n, n_rules, n_subgroups, n_arms = rules["p_fast"].shape
    per_look = n_rules * n_subgroups * n_arms
    labels = {
        "rule": [rule.verdict.name.lower() + ("" if rule.binding else " (advice)") for rule in design.rules],
        "quantity": [rule.asks(0)[0].words for rule in design.rules],
        "margin": margins_of(design),
    }
    columns = {name: np.repeat(values, per_look) for name, values in look.items()}
    columns |= {
        name: np.tile(np.repeat(np.array(values, object), n_subgroups * n_arms), n)
        for name, values in labels.items()
    }
    columns["subgroup"] = np.tile(np.repeat(np.array(design.subgroups, object), n_arms), n * n_rules)
    columns["arm"] = np.tile(np.array(design.arms[1:], object), n * n_rules * n_subgroups)
    shape = (n, n_rules, n_subgroups, n_arms)
    columns |= {name: np.broadcast_to(v[:, None], shape).ravel() for name, v in shared.items()}
    return pd.DataFrame(columns | {name: np.asarray(values).ravel() for name, values in rules.items()})


def _best_rows(cell: AuditCell, look: dict, best: dict) -> pd.DataFrame:
    """Return one row per look, subgroup and arm, control included."""
    design = cell.design
    n, n_subgroups, n_arms = best["p_fast"].shape
    columns = {name: np.repeat(values, n_subgroups * n_arms) for name, values in look.items()}
    columns["subgroup"] = np.tile(np.repeat(np.array(design.subgroups, object), n_arms), n)
    columns["arm"] = np.tile(np.array(design.arms, object), n * n_subgroups)
    columns["quantity"] = np.full(n * n_subgroups * n_arms, BEST, object)
    return pd.DataFrame(columns | {name: np.asarray(values).ravel() for name, values in best.items()})


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with one type per column, whatever rows lack."""
    flags = ("random", "near", "open", "null", "fires_fast", "fires_nuts", "flip", "real", "reproduced")
    texts = ("rule", "verdict_fast", "verdict_nuts")
    frame = frame.assign(**{name: frame[name].eq(True) for name in flags})
    frame = frame.assign(**{name: frame[name].where(frame[name].notna(), "") for name in texts})
    return frame.assign(margin=frame.margin.astype(float))
