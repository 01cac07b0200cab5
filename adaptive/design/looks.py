"""When looks are held. A plan maps what has happened so far to the calendar month of look ``k``.

Plans see entry and event times of randomised patients only. They must not see arms, hazards or
anything later than the answer they return: a look time may depend only on what precedes it.
"""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int


class TrialClock(eqx.Module):
    """Calendar history under the allocation in force, infinite where nothing happens.

    Attributes
    ----------
    entry
        Calendar month of randomisation, infinite for arrivals not randomised, shape ``(N,)``.
    event
        Calendar month of the endpoint event, infinite for none, shape ``(N,)``.
    subgroup
        Subgroup index, shape ``(N,)``.
    complete
        Whether randomisation ends with these entries (maximum reached), shape ``()``.
    """

    entry: Float[Array, " N"]
    event: Float[Array, " N"]
    subgroup: Int[Array, " N"]
    complete: Bool[Array, ""]


class AbstractLookPlan(eqx.Module):
    """A plan of ``n_looks`` looks."""

    @property
    @abstractmethod
    def n_looks(self) -> int:
        """Number of looks, the final one included."""

    @abstractmethod
    def time(self, clock: TrialClock, look: Int[Array, ""]) -> Float[Array, ""]:
        """Return the calendar month of look ``look``, infinite when its condition is never met."""


def _nth_smallest(values: Float[Array, " N"], n: Int[Array, ""]) -> Float[Array, ""]:
    """Return the ``n``-th smallest value (1-based), infinite when there are fewer finite ones."""
    ordered = jnp.sort(values)
    reached = (n >= 1) & (n <= values.shape[0])
    return jnp.where(reached, ordered[jnp.clip(n - 1, 0, values.shape[0] - 1)], jnp.inf)


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
        return _nth_smallest(clock.entry, self.counts[look]) + self.delay[look]


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
        return _nth_smallest(jnp.where(counted, clock.event, jnp.inf), self.counts[look])


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
        """Return the last entry plus the minimum follow-up, infinite while accrual is not complete."""
        del look
        last = jnp.max(jnp.where(jnp.isfinite(clock.entry), clock.entry, -jnp.inf))
        return jnp.where(clock.complete, last + self.months, jnp.inf)


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
