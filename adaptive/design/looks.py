"""When looks are held. A plan maps what has happened so far to the calendar month of look ``k``.

Plans see entry and event times of randomised patients only. They must not see arms, hazards or
anything later than the answer they return: a look time may depend only on what precedes it.
"""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int


class TrialClock(eqx.Module):
    """Calendar history under the allocation in force, infinite where nothing happens.

    Attributes
    ----------
    entry
        Calendar month of randomisation in order of arrival, infinite for arrivals not randomised, ``(N,)``.
    event
        Calendar month of the endpoint event, infinite for none, shape ``(N,)``.
    subgroup
        Subgroup index, shape ``(N,)``.
    rank
        Number of patients randomised up to and including this arrival, shape ``(N,)``.
    previous
        Calendar month of the last look held, 0 before the first.
    """

    entry: Float[Array, " N"]
    event: Float[Array, " N"]
    subgroup: Int[Array, " N"]
    rank: Int[Array, " N"]
    previous: Float[Array, ""]


class AbstractLookPlan(eqx.Module):
    """A plan of ``n_looks`` looks."""

    @property
    @abstractmethod
    def n_looks(self) -> int:
        """Number of looks, the final one included."""

    @abstractmethod
    def time(self, clock: TrialClock, look: Int[Array, ""]) -> Float[Array, ""]:
        """Return the calendar month of look ``look``, infinite when its condition is never met."""


def nth_smallest(values: Float[Array, " N"], n: Int[Array, ""]) -> Float[Array, ""]:
    """Return the ``n``-th smallest of non-negative values (1-based), infinite when fewer are finite.

    Non-negative floats are ordered like their bit patterns, so bisection over the integers finds the value
    exactly, without a sort: the smallest pattern that at least ``n`` values do not exceed.
    """
    bits = jnp.int64 if values.dtype == jnp.float64 else jnp.int32
    patterns = lax.bitcast_convert_type(values, bits)
    infinite = lax.bitcast_convert_type(jnp.asarray(jnp.inf, values.dtype), bits)

    def halve(_, bracket):
        low, high = bracket
        middle = low + (high - low) // 2
        enough = (patterns <= middle).sum(dtype=jnp.int32) >= n
        return jnp.where(enough, low, middle + 1), jnp.where(enough, middle, high)

    _, found = lax.fori_loop(0, values.dtype.itemsize * 8 - 1, halve, (jnp.zeros_like(infinite), infinite))
    reached = (n >= 1) & (jnp.isfinite(values).sum(dtype=jnp.int32) >= n)
    return jnp.where(reached, lax.bitcast_convert_type(found, values.dtype), jnp.inf)


def nth_entry(clock: TrialClock, n: Int[Array, ""]) -> Float[Array, ""]:
    """Return the entry time of the ``n``-th randomised patient, infinite when there are fewer."""
    return jnp.min(jnp.where(clock.rank == n, clock.entry, jnp.inf))


class EnrolledLooks(AbstractLookPlan):
    """Look ``k`` is held when ``counts[k]`` patients have been randomised, plus ``delay[k]`` months."""

    counts: Int[Array, " K"] = eqx.field(converter=jnp.asarray)
    delay: Float[Array, " K"] = eqx.field(converter=jnp.asarray)

    @property
    def n_looks(self) -> int:
        """Number of looks."""
        return self.counts.shape[0]

    def time(self, clock: TrialClock, look: Int[Array, ""]) -> Float[Array, ""]:
        """Return the entry time of the last patient needed, plus the delay."""
        return nth_entry(clock, self.counts[look]) + self.delay[look]


class EventLooks(AbstractLookPlan):
    """Look ``k`` is held at endpoint event number ``counts[k]``, overall or in one subgroup.

    ``subgroup`` is an index, or -1 for all subgroups together.
    """

    counts: Int[Array, " K"] = eqx.field(converter=jnp.asarray)
    subgroup: int = eqx.field(static=True, default=-1)

    @property
    def n_looks(self) -> int:
        """Number of looks."""
        return self.counts.shape[0]

    def time(self, clock: TrialClock, look: Int[Array, ""]) -> Float[Array, ""]:
        """Return the calendar time of the event that triggers the look."""
        counted = (clock.subgroup == self.subgroup) if self.subgroup >= 0 else True
        return nth_smallest(jnp.where(counted, clock.event, jnp.inf), self.counts[look])


class CalendarLooks(AbstractLookPlan):
    """Look ``k`` is held at calendar month ``months[k]``."""

    months: Float[Array, " K"] = eqx.field(converter=jnp.asarray)

    @property
    def n_looks(self) -> int:
        """Number of looks."""
        return self.months.shape[0]

    def time(self, clock: TrialClock, look: Int[Array, ""]) -> Float[Array, ""]:
        """Return the planned month."""
        del clock
        return self.months[look]


class FollowUpLook(AbstractLookPlan):
    """One look, ``months`` after the last patient was randomised."""

    months: Float[Array, ""] = eqx.field(converter=jnp.asarray)

    @property
    def n_looks(self) -> int:
        """Number of looks: one."""
        return 1

    def time(self, clock: TrialClock, look: Int[Array, ""]) -> Float[Array, ""]:
        """Return the entry of the last patient, plus the minimum follow-up."""
        del look
        last = jnp.max(jnp.where(jnp.isfinite(clock.entry), clock.entry, 0.0))
        return last + self.months


class AllOf(AbstractLookPlan):
    """Look ``k`` is held when every part's condition for look ``k`` is met."""

    parts: tuple[AbstractLookPlan, ...]

    @property
    def n_looks(self) -> int:
        """Number of looks, the same in every part."""
        return self.parts[0].n_looks

    def time(self, clock: TrialClock, look: Int[Array, ""]) -> Float[Array, ""]:
        """Return the latest of the parts' times."""
        return jnp.max(jnp.stack([part.time(clock, look) for part in self.parts]))


class AnyOf(AbstractLookPlan):
    """Look ``k`` is held when the first part's condition for look ``k`` is met."""

    parts: tuple[AbstractLookPlan, ...]

    @property
    def n_looks(self) -> int:
        """Number of looks, the same in every part."""
        return self.parts[0].n_looks

    def time(self, clock: TrialClock, look: Int[Array, ""]) -> Float[Array, ""]:
        """Return the earliest of the parts' times."""
        return jnp.min(jnp.stack([part.time(clock, look) for part in self.parts]))


class Then(AbstractLookPlan):
    """The looks of ``first``, followed by the looks of ``last``."""

    first: AbstractLookPlan
    last: AbstractLookPlan

    @property
    def n_looks(self) -> int:
        """Number of looks of both parts."""
        return self.first.n_looks + self.last.n_looks

    def time(self, clock: TrialClock, look: Int[Array, ""]) -> Float[Array, ""]:
        """Return the time from the part to which the look belongs."""
        n_first = self.first.n_looks
        early = self.first.time(clock, jnp.minimum(look, n_first - 1))
        late = self.last.time(clock, jnp.maximum(look - n_first, 0))
        return jnp.where(look < n_first, early, late)


class Spaced(AbstractLookPlan):
    """The looks of a plan, moved so that each comes within limits after the last look held.

    ``min(max(planned, previous + min_gap), previous + max_gap)``: a look due too soon waits, one overdue is
    held. The first look counts from month 0.
    """

    plan: AbstractLookPlan
    min_gap: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    max_gap: Float[Array, ""] = eqx.field(converter=jnp.asarray)

    @property
    def n_looks(self) -> int:
        """Number of looks of the plan."""
        return self.plan.n_looks

    def time(self, clock: TrialClock, look: Int[Array, ""]) -> Float[Array, ""]:
        """Return the planned time, within the gaps."""
        planned = self.plan.time(clock, look)
        earliest, latest = (
            clock.previous + gap.astype(planned.dtype) for gap in (self.min_gap, self.max_gap)
        )
        return jnp.minimum(jnp.maximum(planned, earliest), latest)
