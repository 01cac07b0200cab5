"""Patients' futures under the design: who is still followed, who may yet enrol, and one drawn completion.

Of each patient in follow-up the rest of the event time is drawn, from where the patient is now; of patients
who dropped out, died or had the event nothing is. It must not see a truth: hazards are posterior draws, the
rest is what the protocol assumes. Computed in single precision.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key, UInt32

from adaptive.design.assignment import Line
from adaptive.design.looks import TrialClock
from adaptive.design.protocol import Design
from adaptive.records import FittedLook, Progress, Snapshot
from adaptive.rng import exponential, uniform, words
from adaptive.survival import invert_by_interval, pick

_EVENT, _ARRIVAL, _ARM, _SUBGROUP, _DROPOUT, _N_ROWS = range(6)
_SHUFFLE = 2**31
NEAR = 1e-5
"""Share of the cut-off by which follow-up may fall short of it and still count as ongoing."""


class Assumed(eqx.Module):
    """What the protocol assumes of patients' futures.

    Attributes
    ----------
    entry_rate
        Patients randomised per month, all open subgroups together; positive.
    follow_up
        Months after which a patient's follow-up ends; infinite if it goes on to the final look.
    dropout
        Hazard per month of loss to follow-up; None if nobody is lost.
    """

    entry_rate: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    follow_up: Float[Array, ""] = eqx.field(converter=jnp.asarray, default=jnp.inf)
    dropout: Float[Array, ""] | None = None


class Present(eqx.Module):
    """A look's patients, in single precision, with room for those to come.

    Attributes
    ----------
    key
        Randomness of the look.
    patients
        The patients; rows not ``observed`` are free for future ones.
    running
        Who is in follow-up: no event, and followed up to the cut-off.
    cutoff
        Calendar month of the data.
    progress
        What the trial has decided, with the allocation in force.
    """

    key: Key[Array, ""]
    patients: Snapshot
    running: Bool[Array, " N"]
    cutoff: Float[Array, ""]
    progress: Progress


def present_of(design: Design, look: FittedLook) -> Present:
    """Return the present of a look.

    Whoever has no event and whose follow-up reaches the data cut-off is in follow-up; the data of everyone
    else are final.
    """
    time = look.progress.time
    if design.lags is not None:
        early = jnp.maximum(time - design.lags.data.astype(time.dtype), 0.0)
        time = jnp.where(look.progress.is_final, time, early)
    seen = look.snapshot
    reached = seen.entry + seen.time >= (time - NEAR * jnp.maximum(time, 1.0)).astype(seen.time.dtype)
    room = max(design.limits.n_arrivals - seen.time.shape[0], 0)
    grown = lambda x: jnp.pad(x, (0, room))  # noqa: E731
    patients = Snapshot(
        subgroup=grown(seen.subgroup.astype(jnp.int32)),
        arm=grown(seen.arm.astype(jnp.int32)),
        time=grown(seen.time.astype(jnp.float32)),
        event=grown(seen.event & seen.observed),
        observed=grown(seen.observed),
        entry=grown(seen.entry.astype(jnp.float32)),
    )
    running = grown(reached & seen.observed & ~seen.event)
    return Present(look.key, patients, running, time.astype(jnp.float32), look.progress)


class _Noise(eqx.Module):
    """Random words of one completion, by purpose."""

    key: Key[Array, ""]
    number: Int[Array, ""]
    n: int = eqx.field(static=True)

    def row(self, purpose: int) -> UInt32[Array, " N"]:
        at = self.number.astype(jnp.uint32) * _N_ROWS + purpose
        return words(self.key[None], at[None], self.n)[0]


def complete(
    design: Design,
    present: Present,
    assumed: Assumed,
    hazard: Float[Array, "S A J"],
    number: Int[Array, ""],
    *,
    grow: bool,
) -> Snapshot:
    """Return the data at the final look, if events occur with these hazards.

    Parameters
    ----------
    design
        The protocol: its assignment, its maxima, and when the final look is held.
    present
        The patients at this look.
    assumed
        What the protocol assumes of the future.
    hazard
        Hazards per month, one draw; ``J`` is the number of the model's intervals, or 1.
    number
        Number of the draw, the address of its randomness within the look.
    grow
        Whether patients enrol up to the design's maximum, or nobody does any more.
    """
    noise = _Noise(present.key, number, present.running.shape[0])
    joined = enrol(design, present, assumed, noise) if grow else present.patients
    goes_on = present.running | (joined.observed & ~present.patients.observed)
    start = jnp.where(present.running, joined.time, 0.0)
    time = _event_time(design, hazard, joined, start, noise)
    leaves = jnp.broadcast_to(assumed.follow_up.astype(jnp.float32), time.shape)
    if assumed.dropout is not None:
        lost = exponential(noise.row(_DROPOUT), jnp.float32) / assumed.dropout.astype(jnp.float32)
        leaves = jnp.minimum(leaves, start + lost)
    leaves = jnp.maximum(leaves, start)
    event = jnp.where(goes_on, time <= leaves, joined.event)
    time = jnp.where(goes_on, jnp.minimum(time, leaves), joined.time)
    end = _final_month(design, present, joined, time, event)
    seen = jnp.maximum(end - joined.entry, start)
    return Snapshot(
        subgroup=joined.subgroup,
        arm=joined.arm,
        time=jnp.where(goes_on, jnp.minimum(time, seen), joined.time),
        event=event & (~goes_on | (time <= seen)),
        observed=joined.observed,
        entry=joined.entry,
    )


def _event_time(
    design: Design,
    hazard: Float[Array, "S A J"],
    patients: Snapshot,
    start: Float[Array, " N"],
    noise: _Noise,
) -> Float[Array, " N"]:
    """Return months to the event, beyond ``start``, under the hazards of each patient's arm."""
    n_arms, n_intervals = hazard.shape[1:]
    cuts = design.analysis.cuts.astype(jnp.float32) if n_intervals > 1 else jnp.zeros(1, jnp.float32)
    cell = patients.subgroup * n_arms + patients.arm
    rows = hazard.reshape(-1, n_intervals).T
    amount = exponential(noise.row(_EVENT), jnp.float32)
    return invert_by_interval(amount, cuts, rows, lambda row: pick(row, cell), start)


def _final_month(
    design: Design,
    present: Present,
    patients: Snapshot,
    time: Float[Array, " N"],
    event: Bool[Array, " N"],
) -> Float[Array, ""]:
    """Return the calendar month of the final look: what the design's look plan says of this future."""
    happens = patients.observed & event
    clock = TrialClock(
        entry=jnp.where(patients.observed, patients.entry, jnp.inf),
        event=jnp.where(happens, patients.entry + time, jnp.inf),
        subgroup=patients.subgroup,
        rank=jnp.cumsum(patients.observed, dtype=jnp.int32),
        previous=present.cutoff,
    )
    planned = design.looks.time(clock, jnp.asarray(design.looks.n_looks - 1, jnp.int32))
    latest = jnp.minimum(planned, design.limits.max_months.astype(planned.dtype)).astype(jnp.float32)
    return jnp.maximum(latest, present.cutoff)


def enrol(design: Design, present: Present, assumed: Assumed, noise: _Noise) -> Snapshot:
    """Return the patients with those to come, in the free rows, up to the design's maxima.

    Arrivals are a Poisson process from the cut-off on. Their subgroup is drawn with the shares of the
    patients so far, half a patient added to each, among subgroups that randomise; a full subgroup turns them
    away. Their arm is drawn by the design's assignment under the allocation in force; permuted blocks are
    shuffled once per look, not per completion.
    """
    now, free = present.patients, ~present.patients.observed
    gap = exponential(noise.row(_ARRIVAL), jnp.float32) / assumed.entry_rate.astype(jnp.float32)
    entry = present.cutoff + jnp.cumsum(jnp.where(free, gap, 0.0))
    allocation = present.progress.allocation
    group = _subgroups(allocation.sum(axis=1) > 0, present, noise)
    line, accepted = _line(design, present, group, noise)
    arm = design.assignment.arms(allocation, line)
    return Snapshot(
        subgroup=jnp.where(free, group, now.subgroup),
        arm=jnp.where(free, arm, now.arm),
        time=now.time,
        event=now.event,
        observed=now.observed | accepted,
        entry=jnp.where(free, entry, now.entry),
    )


def _subgroups(accrues: Bool[Array, " S"], present: Present, noise: _Noise) -> Int[Array, " N"]:
    """Return the subgroup of each arrival."""
    now, n_subgroups = present.patients, accrues.shape[0]
    if n_subgroups == 1:
        return jnp.zeros_like(now.subgroup)
    counts = [(now.observed & (now.subgroup == s)).sum(dtype=jnp.float32) for s in range(n_subgroups)]
    share = jnp.cumsum(jnp.where(accrues, jnp.stack(counts) + 0.5, 0.0))
    draw = uniform(noise.row(_SUBGROUP)) * share[-1]
    return sum((draw >= share[s]).astype(jnp.int32) for s in range(n_subgroups - 1))


def _line(
    design: Design, present: Present, group: Int[Array, " N"], noise: _Noise
) -> tuple[Line, Bool[Array, " N"]]:
    """Return the arrivals as an assignment sees them, and which of them are randomised."""
    now, limits = present.patients, design.limits
    free, accrues = ~now.observed, present.progress.allocation.sum(axis=1) > 0
    place, candidate = jnp.zeros(group.shape, jnp.int32), jnp.zeros(group.shape, bool)
    for s in range(accrues.shape[0]):
        enrolled = (now.observed & (now.subgroup == s)).sum(dtype=jnp.int32)
        here = free & (group == s)
        nth = jnp.cumsum(here, dtype=jnp.int32)
        place = jnp.where(here, nth - 1, place)
        candidate |= here & accrues[s] & (enrolled + nth <= limits.max_per_subgroup[s])
    left = limits.max_patients - now.observed.sum(dtype=jnp.int32)
    accepted = candidate & (jnp.cumsum(candidate, dtype=jnp.int32) <= left)
    shuffle = None
    if design.assignment.shuffles:
        n_subgroups = accrues.shape[0]
        numbers = _SHUFFLE + jnp.arange(n_subgroups, dtype=jnp.uint32)
        keys = jnp.broadcast_to(present.key, (n_subgroups,))
        shuffle = uniform(words(keys, numbers, group.shape[0]))
    return Line(group, place, uniform(noise.row(_ARM)), shuffle), accepted
