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
from adaptive.data import count_patients
from adaptive.design.decide import advance, at_look, closes, initial_progress, initial_status
from adaptive.design.looks import TrialClock
from adaptive.design.protocol import Design
from adaptive.records import Decision, Evidence, LookRecord, Progress, Snapshot, TrialResult
from adaptive.rng import Stream, stream_key, trial_key
from adaptive.scenario.generate import outcomes
from adaptive.scenario.truth import Scenario
from adaptive.simulate.enrol import Past, Randomised, randomise, small
from adaptive.simulate.nature import Nature, observe, own_arm
from adaptive.simulate.overrun import kept_overrun, missing_overrun, weigh_overrun
from adaptive.simulate.prefix import running_count
from adaptive.simulate.world import draw_world, shuffles


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
        position=small(running_count(member)),
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
        rank=small(nobody),
        settled=jnp.asarray(-1.0, dtype),
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
    return judge(design, nature, state, look_at(design, nature, state, look))


def _past(state: TrialState) -> Past:
    """Return what is settled."""
    return Past(
        fixed=Randomised(state.enrolled, state.arm, state.rank),
        settled=state.settled,
        allocation=state.progress.allocation,
        patients=state.result.patients,
        screened=state.result.screened,
    )


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
    overrun
        What has happened when the look takes effect; None without lags.
    before
        The progress with which the look starts.
    held
        Whether the look is held.
    forced
        Whether the calendar limit forces it before its planned month.
    """

    plan: Randomised
    settled: Float[Array, ""]
    snapshot: Snapshot
    overrun: Snapshot | None
    before: Progress
    held: Bool[Array, ""]
    forced: Bool[Array, ""]


def look_at(design: Design, nature: Nature, state: TrialState, look: Int[Array, ""]) -> Sight:
    """Return what look ``look`` sees; the half of ``hold_look`` that touches every patient."""
    plan = randomise(design, nature, _past(state))
    time, is_final, planned = _look_time(design, nature, state, plan, look)
    running = state.result.reason == StopReason.RUNNING
    in_time = (time > state.progress.time) & (planned <= design.limits.max_months)
    held = running & (is_final | in_time)
    cutoff, settled = _delayed(design, time, is_final)
    snapshot = observe(nature, plan.enrolled, plan.arm, cutoff)
    overrun = None if design.lags is None else observe(nature, plan.enrolled, plan.arm, settled)
    after = Randomised(plan.enrolled & (nature.entry <= settled), plan.arm, plan.rank)
    return Sight(
        plan=_choose(held, after, Randomised(state.enrolled, state.arm, state.rank)),
        settled=jnp.where(held, settled, state.settled),
        snapshot=snapshot,
        overrun=overrun,
        before=at_look(state.progress, look, time, is_final),
        held=held,
        forced=is_final & (planned > design.limits.max_months),
    )


def _delayed(
    design: Design, time: Float[Array, ""], is_final: Bool[Array, ""]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Return the data cut-off of a look and the month in which it takes effect; the final look waits."""
    if design.lags is None:
        return time, time
    early = jnp.maximum(time - design.lags.data.astype(time.dtype), 0.0)
    late = time + design.lags.decision.astype(time.dtype)
    return jnp.where(is_final, time, early), jnp.where(is_final, time, late)


def judge(design: Design, nature: Nature, state: TrialState, sight: Sight) -> tuple[TrialState, LookRecord]:
    """Analyse what a look sees and decide; the half of ``hold_look`` that works on totals."""
    before, snapshot = sight.before, sight.snapshot
    key = stream_key(nature.key, Stream.POSTERIOR, before.look)
    evidence, decision = analyse_look(key, design, snapshot, before)
    decision = _with_time_limit(decision, sight.forced)
    progress = advance(before, decision)
    result = _accumulate(design, nature, sight, state.result, evidence, decision)
    if sight.overrun is not None:
        result = _with_overrun(key, design, sight, state.result, result, decision)
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


def _look_time(design, nature, state, plan, look):
    """Return the look's month, whether it is the final look, and the month its plan asked for."""
    outcome, event = own_arm(nature.time, plan.arm), own_arm(nature.event, plan.arm)
    clock = TrialClock(
        entry=jnp.where(plan.enrolled, nature.entry, jnp.inf),
        event=jnp.where(plan.enrolled & event, nature.entry + outcome, jnp.inf),
        subgroup=nature.subgroup,
        rank=plan.rank,
        previous=jnp.maximum(state.progress.time, 0.0),
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
    sight: Sight,
    result: TrialResult,
    evidence: Evidence,
    decision: Decision,
) -> TrialResult:
    """Add one held look to the running result."""
    progress, snapshot = sight.before, sight.snapshot
    newly = closes(decision.verdict)
    newly_advised = (progress.advice == 0) & (decision.advice > 0)
    after = advance(progress, decision)
    screened = (nature.entry <= sight.settled).sum(dtype=jnp.int32)
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
        overrun=result.overrun,
    )


def _with_overrun(
    key: PRNGKeyArray,
    design: Design,
    sight: Sight,
    before: TrialResult,
    after: TrialResult,
    decision: Decision,
) -> TrialResult:
    """Add the analysis of what happened before the decision acted, and its totals."""
    counts = count_patients(sight.overrun, design.analysis.cuts, len(design.subgroups), len(design.arms))
    evidence = weigh_overrun(key, design, sight.overrun, counts)
    overrun = kept_overrun(evidence, closes(decision.verdict), before.overrun)
    full = counts.sum(dtype=jnp.int32) >= design.limits.max_patients
    return eqx.tree_at(
        lambda r: (
            r.patients,
            r.events,
            r.exposure,
            r.overrun,
            r.accrual_months,
            r.arrivals_exhausted,
        ),
        after,
        (
            counts,
            evidence.events,
            evidence.exposure,
            overrun,
            jnp.max(jnp.where(sight.overrun.observed, sight.overrun.entry, 0.0)),
            (after.screened == design.limits.n_arrivals) & ~full,
        ),
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
        overrun=None if design.lags is None else missing_overrun(missing),
    )


def _choose(condition: Bool[Array, ""], if_true, if_false):
    """Select between two pytrees of equal structure."""
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), if_true, if_false)


def _zeros(tree):
    """Return a pytree of zeros of the same structure."""
    return jax.tree.map(jnp.zeros_like, tree)
