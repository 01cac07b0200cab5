"""One look of one virtual trial: the only place where nature, analysis and decisions meet.

Before each look the patients who entered since the last one are randomised under the allocation in
force; the look's time follows from them; then the snapshot at that time goes through
``analysis.analyse_look``. Patients who enter later are provisional and are randomised afresh at the next
step, so nothing decided at a look can depend on what comes after it. No batch axis here: vmap outside.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Int, Integer, PRNGKeyArray

from adaptive.analysis import analyse_look
from adaptive.codes import CellStatus, HealthCode, StopReason
from adaptive.design.decide import initial_progress
from adaptive.design.looks import TrialClock
from adaptive.design.protocol import Design
from adaptive.records import Decision, Evidence, LookRecord, Progress, Snapshot, TrialResult
from adaptive.rng import Stream, stream_key, trial_key
from adaptive.scenario.generate import realise
from adaptive.scenario.truth import Scenario
from adaptive.simulate.world import draw_world


class Nature(eqx.Module):
    """One trial's realised truth: what would happen to each arriving patient under every arm.

    Attributes
    ----------
    key
        The trial's random key.
    entry, subgroup
        Calendar month of arrival and subgroup, shape ``(N,)``.
    time, event
        Months from entry to the endpoint event or censoring, and which of the two, shape ``(N, A)``.
    assignment
        Uniform draws that choose the arm, shape ``(N,)``.
    """

    key: PRNGKeyArray
    entry: Float[Array, " N"]
    subgroup: Int[Array, " N"]
    time: Float[Array, "N A"]
    event: Bool[Array, "N A"]
    assignment: Float[Array, " N"]


class TrialState(eqx.Module):
    """What the next look needs: progress, who was randomised to what, and the running result."""

    progress: Progress
    enrolled: Bool[Array, " N"]
    arm: Int[Array, " N"]
    result: TrialResult


def open_trial(
    design: Design, scenario: Scenario, seed: Integer[ArrayLike, ""], trial: Integer[ArrayLike, ""]
) -> tuple[Nature, TrialState]:
    """Draw the noise of trial ``trial`` under root ``seed``, realise the truth, and open the trial."""
    key = trial_key(seed, trial)
    dtype = scenario.hazards.base.dtype
    world = draw_world(
        key,
        n_arrivals=design.limits.n_arrivals,
        n_episodes=scenario.n_episodes,
        n_channels=len(scenario.channels),
        dtype=dtype,
    )
    course = realise(scenario, world, design.endpoint)
    nature = Nature(key, course.entry, course.subgroup, course.time, course.event, world.assignment)
    n = design.limits.n_arrivals
    state = TrialState(
        progress=initial_progress(design),
        enrolled=jnp.zeros(n, bool),
        arm=jnp.zeros(n, jnp.int32),
        result=_empty_result(design, dtype),
    )
    return nature, state


def hold_look(
    design: Design, nature: Nature, state: TrialState, look: Int[Array, ""]
) -> tuple[TrialState, LookRecord]:
    """Hold look ``look`` if it is due, and return the new state and what to keep of the look.

    A look is not held once the trial has stopped; nor, the final one excepted, when its condition cannot
    be met before the calendar limit or when it would come no later than the look before. The final look
    is held at the calendar limit at the latest.
    """
    enrolled, arm = randomise(design, nature, state)
    time, is_final, planned = _look_time(design, nature, state, enrolled, arm, look)
    running = state.result.reason == StopReason.RUNNING
    held = running & (is_final | ((time > state.progress.time) & (planned <= design.limits.max_months)))
    snapshot = observe(nature, enrolled, arm, time)
    before = eqx.tree_at(
        lambda p: (p.look, p.time, p.is_final), state.progress, (look.astype(jnp.int32), time, is_final)
    )
    key = stream_key(nature.key, Stream.POSTERIOR, look)
    evidence, decision = analyse_look(key, design, snapshot, before)
    decision = _with_time_limit(decision, is_final & (planned > design.limits.max_months))
    after = TrialState(
        progress=_advance(before, decision),
        enrolled=enrolled & snapshot.observed,
        arm=arm,
        result=_accumulate(design, nature, snapshot, state.result, before, evidence, decision),
    )
    record = LookRecord(held=held, time=time, is_final=is_final, evidence=evidence, decision=decision)
    return _choose(held, after, state), _choose(held, record, _zeros(record))


def randomise(
    design: Design, nature: Nature, state: TrialState
) -> tuple[Bool[Array, " N"], Int[Array, " N"]]:
    """Return who is enrolled and to which arm, if the allocation in force were to last.

    Patients who entered up to the last look keep what they were given. Later arrivals are enrolled in
    order while their subgroup randomises and the maxima last; each arm is the inverse of the cumulative
    allocation at the patient's own uniform draw.
    """
    progress, limits = state.progress, design.limits
    fixed = nature.entry <= progress.time
    member = nature.subgroup[:, None] == jnp.arange(len(design.subgroups))[None, :]
    accrues = (member & (progress.allocation.sum(axis=1) > 0)[None, :]).any(axis=1)
    candidate = jnp.where(fixed, state.enrolled, accrues)
    rank = jnp.cumsum(candidate[:, None] & member, axis=0, dtype=jnp.int32)
    candidate &= (member & (rank <= limits.max_per_subgroup[None, :])).any(axis=1)
    enrolled = candidate & (jnp.cumsum(candidate, dtype=jnp.int32) <= limits.max_patients)
    arm = draw_arm(progress.allocation, nature.subgroup, nature.assignment)
    return enrolled, jnp.where(fixed, state.arm, arm)


def draw_arm(
    allocation: Float[Array, "S A"], subgroup: Int[Array, " N"], uniform: Float[Array, " N"]
) -> Int[Array, " N"]:
    """Return the arm whose cumulative allocation interval contains the uniform draw.

    The cumulative sum is scaled by its last element, so a closed last arm has an interval of exactly zero.
    """
    cumulative = jnp.cumsum(allocation, axis=1)
    total = cumulative[:, -1:]
    cumulative = cumulative / jnp.where(total > 0, total, 1.0)
    return (uniform[:, None] >= cumulative[subgroup][:, :-1]).sum(axis=1).astype(jnp.int32)


def observe(
    nature: Nature, enrolled: Bool[Array, " N"], arm: Int[Array, " N"], time: Float[Array, ""]
) -> Snapshot:
    """Return the patients as a data monitor sees them at calendar month ``time``, and nothing later."""
    outcome, event = _own_arm(nature.time, arm), _own_arm(nature.event, arm)
    ended = nature.entry + outcome <= time
    observed = enrolled & (nature.entry <= time)
    follow_up = jnp.maximum(time - nature.entry, 0.0)
    return Snapshot(
        subgroup=nature.subgroup,
        arm=arm,
        time=jnp.where(ended, outcome, jnp.minimum(outcome, follow_up)),
        event=event & ended & observed,
        observed=observed,
    )


def _own_arm(values: Array, arm: Int[Array, " N"]) -> Array:
    """Pick each patient's value under the assigned arm from ``(N, A)``."""
    chosen = values[:, 0]
    for index in range(1, values.shape[1]):
        chosen = jnp.where(arm == index, values[:, index], chosen)
    return chosen


def _look_time(design, nature, state, enrolled, arm, look):
    """Return the look's month, whether it is the final look, and the month its plan asked for."""
    outcome, event = _own_arm(nature.time, arm), _own_arm(nature.event, arm)
    clock = TrialClock(
        entry=jnp.where(enrolled, nature.entry, jnp.inf),
        event=jnp.where(enrolled & event, nature.entry + outcome, jnp.inf),
        subgroup=nature.subgroup,
    )
    planned = design.looks.time(clock, look)
    limit = design.limits.max_months.astype(planned.dtype)
    time = jnp.maximum(jnp.minimum(planned, limit), state.progress.time)
    return time, look == design.looks.n_looks - 1, planned


def _with_time_limit(decision: Decision, forced: Bool[Array, ""]) -> Decision:
    """Name the calendar limit as the reason when it forced the final look."""
    is_final_look = decision.reason == StopReason.FINAL_LOOK
    reason = jnp.where(forced & is_final_look, int(StopReason.TIME_LIMIT), decision.reason)
    return eqx.tree_at(lambda d: d.reason, decision, reason.astype(jnp.int32))


def _advance(progress: Progress, decision: Decision) -> Progress:
    """Carry a decision into the progress of the trial."""
    newly = decision.verdict > 0
    return Progress(
        look=progress.look,
        time=progress.time,
        is_final=progress.is_final,
        status=decision.status,
        decided_look=jnp.where(newly, progress.look, progress.decided_look),
        advice=jnp.where(progress.advice > 0, progress.advice, decision.advice),
        allocation=decision.allocation,
    )


def _accumulate(
    design: Design,
    nature: Nature,
    snapshot: Snapshot,
    result: TrialResult,
    progress: Progress,
    evidence: Evidence,
    decision: Decision,
) -> TrialResult:
    """Add one held look to the running result."""
    newly = decision.verdict > 0
    after = _advance(progress, decision)
    screened = (nature.entry <= progress.time).sum().astype(jnp.int32)
    full = snapshot.observed.sum() >= design.limits.max_patients
    return TrialResult(
        reason=decision.reason,
        looks_held=result.looks_held + 1,
        last_look=progress.look,
        months=progress.time,
        accrual_months=jnp.max(jnp.where(snapshot.observed, nature.entry, 0.0)),
        screened=screened,
        arrivals_exhausted=(screened == design.limits.n_arrivals) & ~full,
        unhealthy_looks=result.unhealthy_looks + (evidence.health.code != HealthCode.OK),
        status=after.status,
        decided_look=after.decided_look,
        decided_month=jnp.where(newly, progress.time, result.decided_month),
        advice=after.advice,
        mean=jnp.where(newly, evidence.mean, result.mean),
        sd=jnp.where(newly, evidence.sd, result.sd),
        lower=jnp.where(newly, evidence.lower, result.lower),
        upper=jnp.where(newly, evidence.upper, result.upper),
        patients=evidence.patients,
        events=evidence.events,
        exposure=evidence.exposure,
    )


def _empty_result(design: Design, dtype) -> TrialResult:
    """Return the result of a trial that has held no look."""
    shape = (len(design.subgroups), len(design.arms))
    zero = jnp.asarray(0, jnp.int32)
    missing = jnp.full((shape[0], shape[1] - 1), jnp.nan, dtype)
    status = jnp.where(design.eligible, int(CellStatus.OPEN), int(CellStatus.NEVER_OPENED)).astype(jnp.int32)
    return TrialResult(
        reason=zero,
        looks_held=zero,
        last_look=zero - 1,
        months=jnp.asarray(0.0, dtype),
        accrual_months=jnp.asarray(0.0, dtype),
        screened=zero,
        arrivals_exhausted=jnp.asarray(False),
        unhealthy_looks=zero,
        status=status,
        decided_look=jnp.full_like(status, -1),
        decided_month=missing,
        advice=jnp.zeros_like(status),
        mean=missing,
        sd=missing,
        lower=missing,
        upper=missing,
        patients=jnp.zeros(shape, jnp.int32),
        events=jnp.zeros(shape, dtype),
        exposure=jnp.zeros(shape, dtype),
    )


def _choose(condition: Bool[Array, ""], if_true, if_false):
    """Select between two pytrees of equal structure."""
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), if_true, if_false)


def _zeros(tree):
    """Return a pytree of zeros of the same structure."""
    return jax.tree.map(jnp.zeros_like, tree)
