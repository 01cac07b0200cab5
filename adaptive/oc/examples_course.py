"""One trial look by look as plain data: what was seen, what every rule said, what was decided, what was true.

Made from the trial's own result rows, stored or simulated again. Rules are asked again to show their values;
nothing here decides, and no number of a row is computed anew.
"""

from collections.abc import Iterator, Mapping
from itertools import groupby

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool

from adaptive.codes import CellStatus, HealthCode
from adaptive.design.decide import advance, at_look, due_cells, initial_progress, rule_slots
from adaptive.design.protocol import Design
from adaptive.design.rule_lines import rule_lines
from adaptive.design.rules import AbstractRule, Asks
from adaptive.io.frames import Labels, Tables
from adaptive.oc.describe import labels_of
from adaptive.records import Decision, Evidence, Health, Progress

Row = Mapping[str, object]
_ESTIMATE = {"mean": "log_hr_mean", "sd": "log_hr_sd", "lower": "log_hr_lower", "upper": "log_hr_upper"}
_OVERRUN = ("overrun_log_hr_mean", "overrun_log_hr_lower", "overrun_log_hr_upper", "overrun_p_below_1")


def trial_course(design: Design, stored: Tables, truth: Mapping) -> dict:
    """Return one trial as plain data.

    Parameters
    ----------
    design
        The protocol under which the trial ran.
    stored
        The result rows of this trial alone, looks included.
    truth
        Content of ``truth.json``: ``log_hr`` and ``is_null`` of shape ``(S, B)``, ``horizon_months``.

    Returns
    -------
    ``trial``, ``looks`` and ``end``. A look has ``look`` (counted from 1), ``of``, ``month``, ``is_final``,
    ``health``, ``patients`` and ``events`` (totals), ``ends`` (why the trial ends here, or an empty string),
    and ``cells``: per subgroup and arm ``patients``, ``events``, ``exposure`` (person-months), ``p_best``,
    ``allocation`` (probability until the next look); of an experimental arm also ``mean``, ``sd``, ``lower``
    and ``upper`` (log hazard ratio), ``due`` (whether rules are applied to it), ``rules``, ``verdict``,
    ``advice`` and ``status``. ``end`` has how the trial ended, and per cell the truth beside the estimate of
    the look that decided it. Numbers that do not exist are ``None``.
    """
    trial = stored.trials.to_pylist()[0]
    return {
        "trial": int(trial["trial"]),
        "looks": list(_looks(design, stored.looks.to_pylist(), trial)),
        "end": _end(design, trial, stored.cells.to_pylist(), truth),
    }


def _looks(design: Design, rows: list[Row], trial: Row) -> Iterator[dict]:
    """Yield the looks held, in order."""
    progress = initial_progress(design)
    labels = labels_of(design)
    ordered = sorted(rows, key=lambda row: row["look"])
    for look, group in groupby(ordered, key=lambda row: row["look"]):
        cells = {(row["subgroup"], row["arm"]): row for row in group}
        first = next(iter(cells.values()))
        before = at_look(progress, int(look), first["month"], first["is_final"])
        ends = trial["reason"] if look == trial["last_look"] else ""
        yield _look(design, labels, cells, before, ends)
        progress = advance(before, _decision(design, cells))


def _look(design: Design, labels: Labels, cells: dict, before: Progress, ends: str) -> dict:
    """Return one look."""
    first = next(iter(cells.values()))
    evidence = _evidence(design, labels, cells)
    fired = _fired(design, evidence, before)
    due = np.asarray(due_cells(before))
    return {
        "look": int(before.look) + 1,
        "of": design.looks.n_looks,
        "month": first["month"],
        "is_final": bool(first["is_final"]),
        "health": first["health"],
        "patients": sum(row["patients"] for row in cells.values()),
        "events": sum(row["events"] for row in cells.values()),
        "ends": ends,
        "cells": [
            _cell(design, evidence, fired, before, cells[subgroup, arm], due, s, a)
            for s, subgroup in enumerate(design.subgroups)
            for a, arm in enumerate(design.arms)
        ],
    }


def _cell(design, evidence: Evidence, fired, before: Progress, row: Row, due, s: int, a: int) -> dict:
    """Return one arm in one subgroup at a look."""
    seen = ("subgroup", "arm", "patients", "events", "exposure", "p_best", "allocation")
    cell = {name: row[name] for name in seen}
    if a == 0:
        return cell
    applied = bool(due[s, a - 1])
    rules = zip(rule_slots(design), fired, strict=True)
    return cell | {
        **{name: row[column] for name, column in _ESTIMATE.items()},
        "due": applied,
        "rules": [_rule(r, rows, f, evidence, before, s, a - 1) for (r, rows), f in rules] if applied else [],
        "verdict": row["verdict"],
        "advice": row["advice"],
        "status": row["status"],
    }


def _fired(design: Design, evidence: Evidence, before: Progress) -> list[Bool[np.ndarray, "S B"]]:
    """Return where each rule fires; nowhere on a fit that is not usable."""
    usable = int(evidence.health.code) == HealthCode.OK
    shape = np.asarray(before.status).shape
    return [
        np.broadcast_to(np.asarray(rule.fires(evidence.statistics[rows], evidence, before)) & usable, shape)
        for rule, rows in rule_slots(design)
    ]


def _rule(rule: AbstractRule, rows: slice, fired, evidence: Evidence, before: Progress, s: int, b: int):
    """Return what a rule asked of a cell and whether it fired."""
    events = float(evidence.events[s, 0] + evidence.events[s, b + 1])
    values = np.asarray(evidence.statistics[rows])[:, s, b]
    asks = zip(rule_lines(rule), rule.asks(int(before.look)), values, strict=True)
    return {
        "kind": rule.kind,
        "binding": bool(rule.binding),
        "asks": [line._asdict() | _ask(ask, float(value), events) for line, ask, value in asks],
        "applied": bool(rule.applied(before)),
        "fired": bool(fired[s, b]),
    }


def _ask(ask: Asks, statistic: float, events: float) -> dict:
    """Return one comparison with its value, as a number and as text."""
    value, threshold = _number(1.0 - statistic if ask.complement else statistic), _number(ask.threshold)
    return {
        "words": ask.words.replace(">=", "≥"),
        "value": value,
        "shown": beside(value, threshold),
        "sign": ask.sign,
        "threshold": threshold,
        "min_events": float(ask.min_events),
        "events": events,
    }


def beside(value: float | None, threshold: float | None) -> str:
    """Return a value in four decimals, or in as many more as tell it from the threshold."""
    if value is None:
        return "no number"
    for digits in range(4, 9):
        shown = f"{value:.{digits}f}"
        if threshold is None or value == threshold or float(shown) != threshold:
            break
    return shown


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _evidence(design: Design, labels: Labels, cells: dict) -> Evidence:
    """Return what the rules may look at, from the stored rows."""
    names = [name for name, _ in labels.measures]
    first = next(iter(cells.values()))
    nan = jnp.asarray(np.nan)
    health = Health(jnp.asarray(int(HealthCode[first["health"]])), nan, nan, jnp.asarray(0))
    sized = {name: _array(design, cells, name) for name in ("patients", "events", "exposure", "p_best")}
    return Evidence(
        statistics=_stacked(design, cells, names),
        **{name: _array(design, cells, column)[:, 1:] for name, column in _ESTIMATE.items()},
        **sized | {"patients": sized["patients"].astype(jnp.int32)},
        health=health,
    )


def _stacked(design: Design, cells: dict, names: list[str]):
    """Return the measures of the rules, ``(G, S, B)``."""
    found = {name: _array(design, cells, name)[:, 1:] for name in dict.fromkeys(names)}
    empty = jnp.zeros((0, len(design.subgroups), len(design.arms) - 1))
    return jnp.stack([found[name] for name in names]) if names else empty


def _array(design: Design, cells: dict, column: str):
    """Return a column as ``(S, A)``, NaN where there is no number."""
    found = [[cells[s, a][column] for a in design.arms] for s in design.subgroups]
    return jnp.asarray([[np.nan if value is None else value for value in row] for row in found], dtype=float)


def _decision(design: Design, cells: dict) -> Decision:
    """Return the decision that the rows record."""
    return Decision(
        **{name: _codes(design, cells, name) for name in ("status", "verdict", "advice")},
        allocation=_array(design, cells, "allocation"),
        reason=jnp.asarray(0, jnp.int32),
    )


def _codes(design: Design, cells: dict, column: str):
    """Return names of states as codes ``(S, B)``."""
    codes = {"NONE": 0} | CellStatus.__members__
    names = [[cells[s, a][column] for a in design.arms[1:]] for s in design.subgroups]
    return jnp.asarray([[int(codes[name]) for name in row] for row in names], jnp.int32)


def _end(design: Design, trial: Row, rows: list[Row], truth: Mapping) -> dict:
    """Return how the trial ended, and the truth beside the estimates."""
    cells = {(row["subgroup"], row["arm"]): row for row in rows}
    total = ("reason", "months", "looks_held", "patients", "events", "screened")
    return {
        **{name: trial[name] for name in total},
        "horizon_months": truth["horizon_months"],
        "cells": [
            _final(cells[subgroup, arm], truth["log_hr"][s][b], truth["is_null"][s][b])
            for s, subgroup in enumerate(design.subgroups)
            for b, arm in enumerate(design.arms[1:])
        ],
    }


def _final(row: Row, true: float | None, is_null: bool) -> dict:
    """Return the truth of a cell beside the estimate that decided it."""
    look = row["decided_look"]
    return {
        "subgroup": row["subgroup"],
        "arm": row["arm"],
        "true_log_hr": true,
        "is_null": bool(is_null),
        **{name: row[column] for name, column in _ESTIMATE.items()},
        "status": row["status"],
        "decided_look": None if look is None or look < 0 else int(look) + 1,
        "decided_month": row["decided_month"],
        **{name: row[name] for name in _OVERRUN},
    }
