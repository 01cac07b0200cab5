"""One virtual trial, look by look, as readable text: what was seen, what the rules said, what was true.

The trial is simulated again from its address (seed, trial); its numbers are those of the stored rows.
Nothing here decides: rules are asked again only to show why they fired.
"""

from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np

from adaptive.codes import CellStatus, HealthCode, StopReason
from adaptive.design.decide import advance, at_look, due_cells, initial_progress, rule_slots
from adaptive.design.protocol import Design
from adaptive.design.rules import AbstractRule, Asks
from adaptive.errors import BadInput
from adaptive.io.frames import Tables, tables
from adaptive.oc.describe import describe_truth, labels_of
from adaptive.records import LookRecord, Progress
from adaptive.scenario.truth import Scenario
from adaptive.simulate.drivers import simulate as simulate_trials

LARGEST = 2**32


def replay_tables(
    design: Design, scenario: Scenario, seed: int, trial: int, *, simulate: Callable = simulate_trials
) -> Tables:
    """Return the result tables of one trial, looks included, as they are stored."""
    result, looks = _one(design, scenario, seed, trial, simulate)
    return tables(labels_of(design), np.array([trial]), result, looks)


def replay(
    design: Design,
    scenario: Scenario,
    seed: int,
    trial: int,
    *,
    horizon: float = 24.0,
    simulate: Callable = simulate_trials,
) -> str:
    """Return one virtual trial as text.

    Parameters
    ----------
    design, scenario
        The protocol and the assumed truth.
    seed, trial
        Address of the trial.
    horizon
        Months of follow-up at which the true log hazard ratio is stated.
    simulate
        Stands in for the simulator in tests.

    Returns
    -------
    Per look: month; patients, events and exposure per cell; estimate; each rule's probability against its
    threshold and whether it fired; allocation until the next look; decision. At the end the true log hazard
    ratios beside the estimates.

    Raises
    ------
    BadInput
        If seed or trial is out of range or the horizon is not positive.
    """
    result, looks = _one(design, scenario, seed, trial, simulate)
    truth = describe_truth(design, scenario, horizon)
    lines = [f"Trial {trial} of design {design.name!r} in scenario {scenario.name!r}, seed {seed}"]
    progress = initial_progress(design)
    for look in np.flatnonzero(looks.held[0]):
        record = jax.tree.map(lambda leaf, k=look: np.asarray(leaf)[0, k], looks)
        before = at_look(progress, look, record.time, record.is_final)
        lines += ["", *_look_lines(design, record, before)]
        progress = advance(before, jax.tree.map(jnp.asarray, record.decision))
    lines += ["", *_end_lines(design, jax.tree.map(lambda leaf: np.asarray(leaf)[0], result), truth)]
    return "\n".join(lines) + "\n"


def _one(design, scenario, seed, trial, simulate):
    """Simulate the one trial."""
    faults = [
        f"{name} is {value}; give a whole number from 0 to {LARGEST - 1}"
        for name, value in (("seed", seed), ("trial", trial))
        if not 0 <= value < LARGEST
    ]
    if faults:
        raise BadInput(faults)
    return simulate(design, scenario, seed=seed, trials=np.array([trial]))


def _look_lines(design: Design, record: LookRecord, before: Progress) -> Iterator[str]:
    final = ", the final look" if record.is_final else ""
    health = HealthCode(int(record.evidence.health.code))
    look = f"Look {int(before.look) + 1} of {design.looks.n_looks}{final}"
    yield f"{look}, month {float(record.time):.2f}, fit {health.name}"
    if health != HealthCode.OK:
        yield "  The fit is not usable: no rule is applied at this look."
    for s, subgroup in enumerate(design.subgroups):
        yield f"  {subgroup}"
        for a, arm in enumerate(design.arms):
            yield from _cell_lines(design, record, before, s, a, arm)
    reason = StopReason(int(record.decision.reason))
    yield "  The trial goes on." if reason == StopReason.RUNNING else f"  The trial ends: {_words(reason)}."


def _cell_lines(design, record, before, s: int, a: int, arm: str) -> Iterator[str]:
    """Return the lines of one arm in one subgroup."""
    evidence, decision = record.evidence, record.decision
    data = f"{int(evidence.patients[s, a])} patients, {int(evidence.events[s, a])} events, "
    data += f"{float(evidence.exposure[s, a]):.2f} person-months, P(best) {float(evidence.p_best[s, a]):.4f}"
    yield f"    {arm}: {data}, allocation until the next look {float(decision.allocation[s, a]):.4f}"
    if a == 0:
        return
    b = a - 1
    yield (
        f"      log HR {float(evidence.mean[s, b]):.4f}, SD {float(evidence.sd[s, b]):.4f}, "
        f"95% interval {float(evidence.lower[s, b]):.4f} to {float(evidence.upper[s, b]):.4f}"
    )
    if due_cells(before)[s, b]:
        for rule, rows in rule_slots(design):
            yield from ("      " + line for line in _rule_lines(rule, rows, record, before, s, b))
    yield "      " + _decision_line(decision, s, b)


def _rule_lines(
    rule: AbstractRule, rows: slice, record: LookRecord, before: Progress, s: int, b: int
) -> Iterator[str]:
    """Return what a rule asked of an open cell, and whether it fired; a line per measure."""
    evidence = jax.tree.map(jnp.asarray, record.evidence)
    usable = int(evidence.health.code) == HealthCode.OK
    fired = usable and bool(rule.fires(evidence.statistics[rows], evidence, before)[s, b])
    scope = f", {rule.scope}" if rule.scope else ""
    kind = f"{rule.kind} rule{'' if rule.binding else ' (advice)'}{scope}"
    events = float(evidence.events[s, 0] + evidence.events[s, b + 1])
    asks = rule.asks(int(before.look))
    for number, (ask, statistic) in enumerate(zip(asks, evidence.statistics[rows], strict=True)):
        begin = f"  {_joining(rule)}" if number else f"{kind}:"
        said = f"{begin} {_ask_text(ask, float(statistic[s, b]), events)}"
        last = number == len(asks) - 1 and not all(np.isnan(each.threshold) for each in asks)
        yield f"{said}: {'FIRES' if fired else 'does not fire'}" if last else said


def _joining(rule: AbstractRule) -> str:
    """Return the word between the lines of a rule; a scope leaves it to the rule within."""
    return _joining(rule.parts[0]) if len(rule.parts) == 1 else rule.joined


def _ask_text(ask: Asks, statistic: float, events: float) -> str:
    """Return one comparison with its value."""
    said = f"{ask.words} = {1.0 - statistic if ask.complement else statistic:.6f}, "
    if np.isnan(ask.threshold):
        return said + "not applied at this look"
    said += f"fires if {ask.sign} {ask.threshold:g}"
    short = events < ask.min_events
    return said + (f" and {ask.min_events:g} events or more (has {events:g})" if short else "")


def _decision_line(decision, s: int, b: int) -> str:
    verdict, advice = int(decision.verdict[s, b]), int(decision.advice[s, b])
    given = f"verdict {CellStatus(verdict).name}" if verdict else "no verdict"
    advised = f", advice {CellStatus(advice).name}" if advice else ""
    return f"{given}{advised}; state {CellStatus(int(decision.status[s, b])).name}"


def _end_lines(design: Design, result, truth: dict) -> Iterator[str]:
    """Return how the trial ended and the estimates beside the truth."""
    yield (
        f"Ended in month {float(result.months):.2f} after {int(result.looks_held)} looks: "
        f"{_words(StopReason(int(result.reason)))}; {int(np.sum(result.patients))} patients randomised of "
        f"{int(result.screened)} screened, {int(np.sum(result.events))} events"
    )
    yield f"True log HR at {truth['horizon_months']:g} months beside the estimate at the deciding look:"
    for s, subgroup in enumerate(design.subgroups):
        for b, arm in enumerate(design.arms[1:]):
            status = CellStatus(int(result.status[s, b]))
            true = _shown(truth["log_hr"][s][b])
            yield f"  {subgroup}, {arm}: true {true}, {_estimate(result, s, b)}, {status.name}"


def _estimate(result, s: int, b: int) -> str:
    if not np.isfinite(result.mean[s, b]):
        return "no estimate"
    return (
        f"estimate {float(result.mean[s, b]):.4f} "
        f"({float(result.lower[s, b]):.4f} to {float(result.upper[s, b]):.4f})"
    )


def _shown(value: float | None) -> str:
    return "not finite" if value is None else f"{value:.4f}"


def _words(code) -> str:
    return code.name.lower().replace("_", " ")
