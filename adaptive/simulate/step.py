"""One look of one virtual trial: the only place where nature, analysis and decisions meet.

Before each look the patients who entered since the last one are randomised under the allocation in
force; the look's time follows from them; then the snapshot at that time goes through
``analysis.analyse_look``. Patients who enter later are provisional and are randomised afresh at the next
step, so nothing decided at a look can depend on what comes after it. No batch axis here: vmap outside.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Int, Integer, PRNGKeyArray, Shaped

from adaptive.analysis import analyse_look
from adaptive.codes import CellStatus, HealthCode, StopReason
from adaptive.design.assignment import Line
from adaptive.design.decide import advance, at_look, closes, initial_progress, initial_status
from adaptive.design.looks import TrialClock
from adaptive.design.protocol import Design
from adaptive.records import Decision, Evidence, LookRecord, Progress, Snapshot, TrialResult
from adaptive.rng import Stream, stream_key, trial_key
from adaptive.scenario.generate import outcomes
from adaptive.scenario.truth import Scenario
from adaptive.simulate.prefix import running_count
from adaptive.simulate.world import draw_world, shuffles


class Nature(eqx.Module):
    """One trial's realised truth: what would happen to each arriving patient under every arm.

    Attributes
    ----------
    key
        The trial's random key.
    entry, subgroup
        Calendar month of arrival and subgroup, shape ``(N,)``.
    position
        Arrivals of each subgroup up to and including this one, shape ``(S, N)``.
    time, event
        Months from entry to the endpoint event or censoring, and which of the two, shape ``(A, N)``.
    assignment
        Uniform draws that choose the arm, shape ``(N,)``.
    shuffle
        Uniform draws by subgroup and number in it, shape ``(S, N)``; None unless the assignment asks.
    """

    key: PRNGKeyArray
    entry: Float[Array, " N"]
    subgroup: Int[Array, " N"]
    position: Int[Array, "S N"]
    time: Float[Array, "A N"]
    event: Bool[Array, "A N"]
    assignment: Float[Array, " N"]
    shuffle: Float[Array, "S N"] | None = None


class TrialState(eqx.Module):
    """What the next look needs.

    Attributes
    ----------
    progress, result
        What was decided so far, and the running result.
    enrolled, arm
        Who was randomised up to month ``settled``, and to what; arms of others are provisional.
    rank
        Patients randomised up to and including this arrival, as foreseen at the last look.
    settled
        Month up to which the past is settled: that of the last look, plus the delay of its decision.
    """

    progress: Progress
    enrolled: Bool[Array, " N"]
    arm: Int[Array, " N"]
    rank: Int[Array, " N"]
    settled: Float[Array, ""]
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
    course = outcomes(scenario, world, design.endpoint)
    member = course.subgroup[None, :] == jnp.arange(len(design.subgroups), dtype=jnp.int32)[:, None]
    nature = Nature(
        key=key,
        entry=course.entry,
        subgroup=course.subgroup,
        position=_small(running_count(member)),
        time=course.time,
        event=course.event,
        assignment=world.assignment,
        shuffle=shuffles(key, member.shape) if design.assignment.shuffles else None,
    )
    nobody = jnp.zeros(course.entry.shape, jnp.int32)
    state = TrialState(
        progress=initial_progress(design),
        enrolled=nobody > 0,
        arm=nobody,
        rank=_small(nobody),
        settled=jnp.asarray(-1.0, dtype),
        result=_empty_result(design, dtype),
    )
    return nature, state


def _small(counts: Int[Array, "*L N"]) -> Int[Array, "*L N"]:
    """Return counts of patients in as few bytes as hold them."""
    return counts.astype(jnp.int16 if counts.shape[-1] < 2**15 else jnp.int32)


def hold_look(
    design: Design, nature: Nature, state: TrialState, look: Int[Array, ""]
) -> tuple[TrialState, LookRecord]:
    """Hold look ``look`` if it is due, and return the new state and what to keep of the look.

    A look is not held once the trial has stopped; nor, the final one excepted, when its condition cannot
    be met before the calendar limit or when it would come no later than the look before. The final look
    is held at the calendar limit at the latest.
    """
    return judge(design, nature, state, look_at(design, nature, state, look))


class Sight(eqx.Module):
    """One look before its analysis.

    Attributes
    ----------
    plan
        Who is randomised to what after the look; who was before, if it is not held.
    settled
        Month up to which that is settled.
    snapshot
        What a data monitor may see.
    before
        The progress with which the look starts.
    held
        Whether the look is held.
    forced
        Whether the calendar limit forces it before its planned month.
    """

    plan: "Randomised"
    settled: Float[Array, ""]
    snapshot: Snapshot
    before: Progress
    held: Bool[Array, ""]
    forced: Bool[Array, ""]


def look_at(design: Design, nature: Nature, state: TrialState, look: Int[Array, ""]) -> Sight:
    """Return what look ``look`` sees; the half of ``hold_look`` that touches every patient."""
    plan = randomise(design, nature, state)
    time, is_final, planned = _look_time(design, nature, state, plan, look)
    running = state.result.reason == StopReason.RUNNING
    in_time = (time > state.progress.time) & (planned <= design.limits.max_months)
    held = running & (is_final | in_time)
    lags = design.lags
    snapshot = observe(nature, plan.enrolled, plan.arm, time if lags is None else time - lags.data)
    settled = time if lags is None else jnp.where(is_final, time, time + lags.decision)
    after = Randomised(plan.enrolled & (nature.entry <= settled), plan.arm, plan.rank)
    return Sight(
        plan=_choose(held, after, Randomised(state.enrolled, state.arm, state.rank)),
        settled=jnp.where(held, settled, state.settled),
        snapshot=snapshot,
        before=at_look(state.progress, look, time, is_final),
        held=held,
        forced=is_final & (planned > design.limits.max_months),
    )


def judge(design: Design, nature: Nature, state: TrialState, sight: Sight) -> tuple[TrialState, LookRecord]:
    """Analyse what a look sees and decide; the half of ``hold_look`` that works on totals."""
    before, snapshot = sight.before, sight.snapshot
    key = stream_key(nature.key, Stream.POSTERIOR, before.look)
    evidence, decision = analyse_look(key, design, snapshot, before)
    decision = _with_time_limit(decision, sight.forced)
    progress = advance(before, decision)
    result = _accumulate(design, nature, snapshot, state.result, before, evidence, decision)
    record = LookRecord(sight.held, before.time, before.is_final, evidence, decision)
    after = TrialState(
        progress=_choose(sight.held, progress, state.progress),
        enrolled=sight.plan.enrolled,
        arm=sight.plan.arm,
        rank=sight.plan.rank,
        settled=sight.settled,
        result=_choose(sight.held, result, state.result),
    )
    return after, _choose(sight.held, record, _zeros(record))


class Randomised(eqx.Module):
    """Who is enrolled, to which arm, and how many are enrolled up to each arrival; shape ``(N,)``."""

    enrolled: Bool[Array, " N"]
    arm: Int[Array, " N"]
    rank: Int[Array, " N"]


def randomise(design: Design, nature: Nature, state: TrialState) -> Randomised:
    """Return who is enrolled and to which arm, if the allocation in force were to last.

    Patients who entered up to month ``settled`` keep what they were given. Later arrivals are enrolled in
    order while their subgroup randomises and the maxima last; the design's assignment draws their arms.

    Notes
    -----
    No running sum is needed: with ``position[s]`` arrivals of subgroup ``s`` so far, a subgroup that
    randomises has ``enrolled at the last look + position - position at the last look`` patients, up to
    its maximum.
    """
    limits = design.limits
    fixed = nature.entry <= state.settled
    rank, place = (jnp.zeros(nature.entry.shape, jnp.int32) for _ in range(2))
    candidate = jnp.zeros(nature.entry.shape, bool)
    for s, counts in enumerate(_subgroup_counts(design, nature, state)):
        most = jnp.maximum(limits.max_per_subgroup[s], counts.enrolled)
        wanted = counts.enrolled + nature.position[s].astype(jnp.int32) - counts.arrived
        rank = rank + jnp.where(counts.accrues, jnp.minimum(wanted, most), counts.enrolled)
        candidate |= (nature.subgroup == s) & counts.accrues & (wanted <= limits.max_per_subgroup[s])
        place = jnp.where(nature.subgroup == s, wanted - counts.enrolled - 1, place)
    enrolled = jnp.where(fixed, state.enrolled, candidate & (rank <= limits.max_patients))
    rank = jnp.minimum(rank, limits.max_patients).astype(state.rank.dtype)
    line = Line(nature.subgroup, place, nature.assignment, nature.shuffle)
    arm = design.assignment.arms(state.progress.allocation, line)
    return Randomised(enrolled, jnp.where(fixed, state.arm, arm), jnp.where(fixed, state.rank, rank))


class _Counts(eqx.Module):
    """Of one subgroup: whether it randomises; patients enrolled and patients arrived up to the last look."""

    accrues: Bool[Array, ""]
    enrolled: Int[Array, ""]
    arrived: Int[Array, ""]


def _subgroup_counts(design: Design, nature: Nature, state: TrialState) -> list[_Counts]:
    before = (nature.entry <= state.settled).sum(dtype=jnp.int32)
    arrived = jnp.where(before > 0, nature.position[:, jnp.maximum(before - 1, 0)].astype(jnp.int32), 0)
    accrues = state.progress.allocation.sum(axis=1) > 0
    enrolled = _enrolled_by_subgroup(design, nature, state)
    return [_Counts(accrues[s], enrolled[s], arrived[s]) for s in range(len(design.subgroups))]


def _enrolled_by_subgroup(design: Design, nature: Nature, state: TrialState) -> Int[Array, " S"]:
    """Return the patients randomised up to month ``settled``; without lags the last look counted them."""
    if design.lags is None:
        return state.result.patients.sum(axis=1, dtype=jnp.int32)
    settled = state.enrolled & (nature.entry <= state.settled)
    return jnp.stack(
        [(settled & (nature.subgroup == s)).sum(dtype=jnp.int32) for s in range(len(design.subgroups))]
    )


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
        entry=nature.entry,
    )


def _own_arm(values: Shaped[Array, "A N"], arm: Int[Array, " N"]) -> Shaped[Array, " N"]:
    """Pick each patient's value under the assigned arm."""
    chosen = values[0]
    for index in range(1, values.shape[0]):
        chosen = jnp.where(arm == index, values[index], chosen)
    return chosen


def _look_time(design, nature, state, plan, look):
    """Return the look's month, whether it is the final look, and the month its plan asked for."""
    outcome, event = _own_arm(nature.time, plan.arm), _own_arm(nature.event, plan.arm)
    clock = TrialClock(
        entry=jnp.where(plan.enrolled, nature.entry, jnp.inf),
        event=jnp.where(plan.enrolled & event, nature.entry + outcome, jnp.inf),
        subgroup=nature.subgroup,
        rank=plan.rank,
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
    newly = closes(decision.verdict)
    newly_advised = (progress.advice == 0) & (decision.advice > 0)
    after = advance(progress, decision)
    screened = (nature.entry <= progress.time).sum(dtype=jnp.int32)
    full = evidence.patients.sum(dtype=jnp.int32) >= design.limits.max_patients
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
        advised_look=jnp.where(newly_advised, progress.look, result.advised_look),
        awaiting_look=jnp.where(decision.verdict == CellStatus.AWAITING, progress.look, result.awaiting_look),
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
    status = initial_status(design)
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
        advised_look=jnp.full_like(status, -1),
        awaiting_look=jnp.full_like(status, -1),
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
