"""Merge the rules of a design into one decision per look.

Precedence, when several rules fire for a cell: harm, then efficacy, then futility, then waiting for the final
look. A closed cell is never re-opened and its verdict never changes; one that awaits the final look enrols
nobody and gets its verdict there. Must not see patients or a truth.
"""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from adaptive.codes import CellStatus, HealthCode, StopReason
from adaptive.design.measure import AbstractMeasure
from adaptive.design.protocol import Design
from adaptive.design.rules import AbstractRule, Asks
from adaptive.records import Decision, Evidence, Progress

PRECEDENCE = (CellStatus.HARM, CellStatus.EFFICACY, CellStatus.FUTILITY, CellStatus.AWAITING)


def measures_of(design: Design) -> tuple[AbstractMeasure, ...]:
    """Return the measures of all rules, in the order of the rows of ``Evidence.statistics``."""
    return tuple(measure for rule in design.rules for measure in rule.measures)


def rule_slots(design: Design) -> list[tuple[AbstractRule, slice]]:
    """Return each rule with its rows of ``Evidence.statistics``."""
    slots, start = [], 0
    for rule in design.rules:
        slots.append((rule, slice(start, start + len(rule.measures))))
        start += len(rule.measures)
    return slots


def asked(design: Design, look: int) -> list[tuple[AbstractRule, Asks]]:
    """Return what is asked of each row of ``Evidence.statistics`` at a look, and the rule that asks."""
    return [(rule, ask) for rule in design.rules for ask in rule.asks(look)]


def initial_status(design: Design) -> Int[Array, "S B"]:
    """Return the cell states of a trial before its first look."""
    later = False if design.calendar is None else design.calendar.first[None] >= 0
    offered = jnp.where(later, int(CellStatus.PENDING), int(CellStatus.OPEN))
    return jnp.where(design.eligible, offered, int(CellStatus.NEVER_OPENED)).astype(jnp.int32)


def initial_progress(design: Design) -> Progress:
    """Return the state of a trial before its first look."""
    status = initial_status(design)
    allocation = design.allocation.initial(status == CellStatus.OPEN)
    return Progress(
        look=jnp.asarray(0, jnp.int32),
        time=jnp.asarray(-1.0, allocation.dtype),
        is_final=jnp.asarray(False),
        status=status,
        decided_look=jnp.full_like(status, -1),
        advice=jnp.zeros_like(status),
        allocation=allocation,
    )


def at_look(
    progress: Progress, look: Int[ArrayLike, ""], time: Float[ArrayLike, ""], is_final: Bool[ArrayLike, ""]
) -> Progress:
    """Return progress with the clock set to a look: its index, its month, and whether it is the last."""
    return Progress(
        look=jnp.asarray(look, jnp.int32),
        time=jnp.asarray(time, progress.allocation.dtype),
        is_final=jnp.asarray(is_final),
        status=progress.status,
        decided_look=progress.decided_look,
        advice=progress.advice,
        allocation=progress.allocation,
    )


def advance(progress: Progress, decision: Decision) -> Progress:
    """Carry the decision of a look into the progress of the trial; the first advice of a cell is kept."""
    return Progress(
        look=progress.look,
        time=progress.time,
        is_final=progress.is_final,
        status=decision.status,
        decided_look=jnp.where(closes(decision.verdict), progress.look, progress.decided_look),
        advice=jnp.where(progress.advice > 0, progress.advice, decision.advice),
        allocation=decision.allocation,
    )


def closes(verdict: Int[Array, "S B"]) -> Bool[Array, "S B"]:
    """Return which verdicts close a cell: all but none and ``AWAITING``."""
    return (verdict > 0) & (verdict != CellStatus.AWAITING)


def due_cells(progress: Progress) -> Bool[Array, "S B"]:
    """Return the cells to which rules are applied: open ones, and at the final look those that await it."""
    awaited = (progress.status == CellStatus.AWAITING) & progress.is_final
    return (progress.status == CellStatus.OPEN) | awaited


def decide(design: Design, evidence: Evidence, progress: Progress) -> Decision:
    """Apply every rule, close cells, choose the next allocation and say whether the trial ends.

    Rules never fire on a fit whose health is not ``OK``; at the final look such cells end ``COMPLETED``. A
    cell that awaits the final look is judged there and nowhere else.
    """
    due = due_cells(progress)
    usable = due & (evidence.health.code == HealthCode.OK)
    verdict, advice = _verdicts(design, evidence, progress, usable)
    verdict = jnp.where(progress.is_final & (verdict == CellStatus.AWAITING), 0, verdict)
    ended = jnp.where(due & (progress.is_final | _leaves(design, progress)), int(CellStatus.COMPLETED), 0)
    verdict = jnp.where(verdict > 0, verdict, ended).astype(jnp.int32)
    status = jnp.where(verdict > 0, verdict, progress.status).astype(jnp.int32)
    status = _entered(design, status, progress)
    return Decision(
        status=status,
        verdict=verdict,
        advice=advice,
        allocation=design.allocation.update(evidence, progress, status == CellStatus.OPEN),
        reason=_stop_reason(status, progress.is_final),
    )


def _leaves(design: Design, progress: Progress) -> Bool[Array, "1 B"] | Bool[Array, ""]:
    """Return which arms have their last look here, or had it at a look that was left out."""
    if design.calendar is None:
        return jnp.asarray(False)
    last = design.calendar.last[None]
    return (last >= 0) & (last <= progress.look)


def _entered(design: Design, status: Int[Array, "S B"], progress: Progress) -> Int[Array, "S B"]:
    """Open the arms whose look has come, and all pending ones if no arm is left; close them at the end."""
    if design.calendar is None:
        return status
    pending = status == CellStatus.PENDING
    due = (design.calendar.first[None] <= progress.look) | ~(status == CellStatus.OPEN).any()
    status = jnp.where(pending & due, int(CellStatus.OPEN), status)
    return jnp.where(pending & progress.is_final, int(CellStatus.NEVER_OPENED), status).astype(jnp.int32)


def _verdicts(
    design: Design, evidence: Evidence, progress: Progress, usable: Bool[Array, "S B"]
) -> tuple[Int[Array, "S B"], Int[Array, "S B"]]:
    """Return the verdict of the binding rules and of the advisory ones, under the precedence."""
    binding = jnp.zeros(usable.shape, jnp.int32)
    advisory = jnp.zeros(usable.shape, jnp.int32)
    ranked = sorted(rule_slots(design), key=lambda item: PRECEDENCE.index(item[0].verdict))
    for rule, rows in reversed(ranked):
        fired = rule.fires(evidence.statistics[rows], evidence, progress) & usable
        code = jnp.asarray(int(rule.verdict), jnp.int32)
        if rule.binding:
            binding = jnp.where(fired, code, binding)
        else:
            advisory = jnp.where(fired, code, advisory)
    return binding, advisory


def _stop_reason(status: Int[Array, "S B"], is_final: Bool[Array, ""]) -> Int[Array, ""]:
    """Return why the trial ends here, or ``RUNNING``; the calendar limit is added by the step."""
    goes_on = (status == CellStatus.OPEN) | (status == CellStatus.AWAITING) | (status == CellStatus.PENDING)
    all_closed = ~goes_on.any()
    early = jnp.where(
        (status == CellStatus.EFFICACY).any(),
        int(StopReason.EFFICACY),
        jnp.where((status == CellStatus.HARM).any(), int(StopReason.HARM), int(StopReason.FUTILITY)),
    )
    late = jnp.where(is_final, int(StopReason.FINAL_LOOK), int(StopReason.RUNNING))
    return jnp.where(all_closed & ~is_final, early, late).astype(jnp.int32)
