"""Merge the rules of a design into one decision per look.

Precedence, when several rules fire for a cell: harm, then efficacy, then futility. A verdict is final:
a closed cell is never re-opened and its verdict never changes. Must not see patients or a truth.
"""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from adaptive.codes import CellStatus, HealthCode, StopReason
from adaptive.design.protocol import Design
from adaptive.records import Decision, Evidence, Progress

PRECEDENCE = (CellStatus.HARM, CellStatus.EFFICACY, CellStatus.FUTILITY)


def margins(design: Design) -> Float[Array, " G"]:
    """Return the hazard-ratio margin of each rule, in the order of ``design.rules``."""
    return jnp.stack([rule.margin for rule in design.rules])


def initial_progress(design: Design) -> Progress:
    """Return the state of a trial before its first look."""
    is_open = design.eligible
    allocation = design.allocation.initial(is_open)
    status = jnp.where(is_open, int(CellStatus.OPEN), int(CellStatus.NEVER_OPENED)).astype(jnp.int32)
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
        decided_look=jnp.where(decision.verdict > 0, progress.look, progress.decided_look),
        advice=jnp.where(progress.advice > 0, progress.advice, decision.advice),
        allocation=decision.allocation,
    )


def decide(design: Design, evidence: Evidence, progress: Progress) -> Decision:
    """Apply every rule, close cells, choose the next allocation and say whether the trial ends.

    Rules never fire on a fit whose health is not ``OK``; at the final look such cells end ``COMPLETED``.
    """
    is_open = progress.status == CellStatus.OPEN
    usable = is_open & (evidence.health.code == HealthCode.OK)
    verdict, advice = _verdicts(design, evidence, progress, usable)
    ended = jnp.where(progress.is_final & is_open, int(CellStatus.COMPLETED), 0)
    verdict = jnp.where(verdict > 0, verdict, ended).astype(jnp.int32)
    status = jnp.where(verdict > 0, verdict, progress.status).astype(jnp.int32)
    still_open = status == CellStatus.OPEN
    return Decision(
        status=status,
        verdict=verdict,
        advice=advice,
        allocation=design.allocation.update(evidence, progress, still_open),
        reason=_stop_reason(status, progress.is_final),
    )


def _verdicts(
    design: Design, evidence: Evidence, progress: Progress, usable: Bool[Array, "S B"]
) -> tuple[Int[Array, "S B"], Int[Array, "S B"]]:
    """Return the verdict of the binding rules and of the advisory ones, under the precedence."""
    binding = jnp.zeros(usable.shape, jnp.int32)
    advisory = jnp.zeros(usable.shape, jnp.int32)
    ranked = sorted(enumerate(design.rules), key=lambda item: PRECEDENCE.index(item[1].verdict))
    for slot, rule in reversed(ranked):
        fired = rule.fires(evidence.p_below[slot], evidence, progress) & usable
        code = jnp.asarray(int(rule.verdict), jnp.int32)
        if rule.binding:
            binding = jnp.where(fired, code, binding)
        else:
            advisory = jnp.where(fired, code, advisory)
    return binding, advisory


def _stop_reason(status: Int[Array, "S B"], is_final: Bool[Array, ""]) -> Int[Array, ""]:
    """Return why the trial ends here, or ``RUNNING``; the calendar limit is added by the step."""
    all_closed = ~(status == CellStatus.OPEN).any()
    early = jnp.where(
        (status == CellStatus.EFFICACY).any(),
        int(StopReason.EFFICACY),
        jnp.where((status == CellStatus.HARM).any(), int(StopReason.HARM), int(StopReason.FUTILITY)),
    )
    late = jnp.where(is_final, int(StopReason.FINAL_LOOK), int(StopReason.RUNNING))
    return jnp.where(all_closed & ~is_final, early, late).astype(jnp.int32)
