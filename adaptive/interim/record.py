"""The machine-readable record of an interim decision: what ``decision.json`` holds and the memo prints.

Everything is plain data with names instead of codes; numbers that do not exist are null. Nothing is
decided here: values against thresholds are copied from the rules' own answers.
"""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from adaptive.codes import CellStatus, HealthCode
from adaptive.design.decide import asked, due_cells, rule_slots
from adaptive.design.protocol import Design
from adaptive.design.rule_lines import rule_lines
from adaptive.design.rules import AbstractRule, Asks
from adaptive.records import Decision, Evidence, Progress


def number(value: Any) -> float | None:
    """Return a finite float, or ``None``."""
    value = float(value)
    return value if np.isfinite(value) else None


def status_name(code: Any) -> str | None:
    """Return the name of a cell state, or ``None`` for 0 where 0 means no verdict."""
    return CellStatus(int(code)).name if int(code) else None


def rule_rows(
    design: Design,
    evidence: Evidence,
    progress: Progress,
    errors: np.ndarray,
    close: np.ndarray,
    *,
    usable: bool,
) -> dict[tuple[int, int], list[dict[str, Any]]]:
    """Return, per cell, each rule's probability against its threshold, and whether the rule fired.

    Parameters
    ----------
    design, evidence, progress
        As given to ``decide``.
    errors, close
        Monte Carlo standard error of each probability; whether it leaves the rule unsettled.
    usable
        Whether the fit may be used; otherwise ``fired`` is ``None``.
    """
    look = int(progress.look)
    events = np.asarray(evidence.events[:, 1:] + evidence.events[:, :1])
    is_open = np.asarray(due_cells(progress))
    rows: dict[tuple[int, int], list[dict[str, Any]]] = {at: [] for at in np.ndindex(*is_open.shape)}
    statistics = np.asarray(evidence.statistics)
    fired = [
        np.asarray(rule.fires(evidence.statistics[at], evidence, progress))
        for rule, at in rule_slots(design)
        for _ in rule.measures
    ]
    names = [name for rule in design.rules for name in _names(rule)]
    for slot, (rule, ask) in enumerate(asked(design, look)):
        for at in rows:
            row = _rule_row(rule, ask, float(statistics[(slot, *at)])) | {"rule": names[slot]}
            row["enough_events"] = bool(events[at] >= ask.min_events)
            row["mcse"] = float(errors[(slot, *at)])
            row["close"] = bool(close[(slot, *at)])
            row["fired"] = bool(fired[slot][at] and is_open[at]) if usable else None
            rows[at].append(row)
    return rows


def _names(rule: AbstractRule) -> list[str]:
    """Return what each measure of a rule is called: the kind, which part of it and its joint, the cells."""
    names = []
    for line in rule_lines(rule):
        joint = f", {line.joined}" if line.joined else ""
        part = f" (part {line.part}{joint})" if line.part else ""
        names.append(rule.kind + part + (f", {line.scope}" if line.scope else ""))
    return names


def _rule_row(rule: AbstractRule, ask: Asks, statistic: float) -> dict[str, Any]:
    return {
        "rule": rule.kind,
        "quantity": ask.words,
        "value": number(1.0 - statistic if ask.complement else statistic),
        "sign": ask.sign,
        "threshold": number(ask.threshold),
        "min_events": ask.min_events,
        "binding": rule.binding,
    }


def cell_rows(
    design: Design,
    evidence: Evidence,
    progress: Progress,
    decision: Decision | None,
    raw: tuple[np.ndarray, np.ndarray],
    errors: np.ndarray,
    close: np.ndarray,
) -> list[dict[str, Any]]:
    """Return one record per subgroup and experimental arm; ``decision=None`` means that it is withheld."""
    rules = rule_rows(design, evidence, progress, errors, close, usable=decision is not None)
    status = progress.status if decision is None else decision.status
    none = jnp.zeros_like(progress.status)
    verdict = none if decision is None else decision.verdict
    advice = none if decision is None else decision.advice
    first_advice = jnp.where(progress.advice > 0, progress.advice, advice)
    decided = jnp.where(verdict > 0, progress.look, progress.decided_look)
    rows = []
    for at in rules:
        s, b = at
        rows.append(
            {
                "subgroup": design.subgroups[s],
                "arm": design.arms[b + 1],
                "status_before": CellStatus(int(progress.status[at])).name,
                "status_after": CellStatus(int(status[at])).name,
                "verdict": status_name(verdict[at]),
                "advice": status_name(advice[at]),
                "first_advice": status_name(first_advice[at]),
                "decided_look": int(decided[at]) + 1 if int(decided[at]) >= 0 else None,
                "log_hr": {name: number(getattr(evidence, name)[at]) for name in _SUMMARIES},
                "raw_log_hr": {"estimate": number(raw[0][at]), "se": number(raw[1][at])},
                "rules": rules[at],
            }
        )
    return rows


_SUMMARIES = ("mean", "sd", "lower", "upper")


def arm_rows(
    design: Design, evidence: Evidence, progress: Progress, decision: Decision | None
) -> list[dict[str, Any]]:
    """Return one record per subgroup and arm, control included: counts, P(best) and allocation."""
    allocation = progress.allocation if decision is None else decision.allocation
    return [
        {
            "subgroup": subgroup,
            "arm": arm,
            "patients": int(evidence.patients[s, a]),
            "events": round(float(evidence.events[s, a])),
            "exposure": float(evidence.exposure[s, a]),
            "p_best": number(evidence.p_best[s, a]),
            "allocation_before": float(progress.allocation[s, a]),
            "allocation": float(allocation[s, a]),
        }
        for s, subgroup in enumerate(design.subgroups)
        for a, arm in enumerate(design.arms)
    ]


def health_row(evidence: Evidence) -> dict[str, Any]:
    """Return the engine's own judgment of the fit."""
    health = evidence.health
    return {
        "code": HealthCode(int(health.code)).name,
        "ess": number(health.ess),
        "rhat": number(health.rhat),
        "divergences": int(health.divergences),
    }


def totals(rows: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Return patients, events and person-months over all arms."""
    return {key: sum(row[key] for row in rows) for key in ("patients", "events", "exposure")}
