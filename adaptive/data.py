"""Reduce patients to sufficient statistics: events and person-months per subgroup, arm and interval.

The only place where patient rows become numbers; it must not look at a design or a truth.
"""

from collections.abc import Callable
from functools import lru_cache

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap
from jaxtyping import Array, Bool, Float, Int, Num

from adaptive.records import EventTable, Snapshot
from adaptive.survival import interval_of, pick

_PACKED = 2**15
"""Two counts below this fit into one 32-bit integer."""


def tabulate(
    snapshot: Snapshot,
    cuts: Float[Array, " J"],
    n_subgroups: int,
    n_arms: int,
    periods: Float[Array, " P"] | None = None,
) -> EventTable:
    """Count events and person-time by subgroup, arm and hazard interval, and by period of entry if asked.

    An event at exactly a cut belongs to the interval that ends there, ``(start, stop]``; so does an entry at
    the end of a period.

    Parameters
    ----------
    snapshot
        Patients as seen at one look; rows with ``observed == False`` are ignored.
    cuts
        Interval starts in months, the first 0, strictly increasing, shape ``(J,)``.
    n_subgroups, n_arms
        Numbers of subgroups and arms.
    periods
        Calendar starts of the periods of entry, the first 0, strictly increasing, shape ``(P,)``.

    Returns
    -------
    Events (counts) and exposure (person-months), each of shape ``(S, A, J)``; with periods ``(S, A, P J)``,
    periods slowest.

    References
    ----------
    Holford (1980), Biometrics 36, 299-305, doi:10.2307/2529982: the Poisson form of the
    piecewise-exponential likelihood.
    """
    return tabulate_and_count(snapshot, cuts, n_subgroups, n_arms, periods)[0]


def count_patients(
    snapshot: Snapshot,
    cuts: Float[Array, " J"],
    n_subgroups: int,
    n_arms: int,
    periods: Float[Array, " P"] | None = None,
) -> Int[Array, "S A"]:
    """Count patients by subgroup and arm; cuts and periods only so that the sums of ``tabulate`` serve."""
    return tabulate_and_count(snapshot, cuts, n_subgroups, n_arms, periods)[1]


def tabulate_and_count(
    snapshot: Snapshot,
    cuts: Float[Array, " J"],
    n_subgroups: int,
    n_arms: int,
    periods: Float[Array, " P"] | None = None,
) -> tuple[EventTable, Int[Array, "S A"]]:
    """Return what ``tabulate`` and ``count_patients`` return, in one pass over the patients.

    Each patient adds to the one interval in which follow-up ends; the earlier intervals were survived
    whole, so their person-months are their widths times the number of patients who ended later.
    """
    n_periods, n_intervals = 1 if periods is None else periods.shape[0], cuts.shape[0]
    n_cells = n_subgroups * n_arms * n_periods
    time = jnp.where(snapshot.observed, snapshot.time, 0.0)
    interval = interval_of(time, cuts).astype(jnp.int32)
    cell = snapshot.subgroup * n_arms + snapshot.arm
    if periods is not None:
        cell = cell * n_periods + interval_of(snapshot.entry, periods).astype(jnp.int32)
    # Padding rows fall into an extra place.
    place = jnp.where(snapshot.observed, cell * n_intervals + interval, n_cells * n_intervals)
    ended, events = _ended_and_events(snapshot.event, place, n_cells * n_intervals + 1)
    rest = sum_by_place(time - pick(cuts, interval), place, n_cells * n_intervals + 1)
    shape = (n_subgroups, n_arms, n_intervals) if n_periods == 1 else (n_subgroups, n_arms, n_periods, -1)
    ended, events, rest = (x[:-1].reshape(shape) for x in (ended, events, rest))
    later = jnp.cumsum(ended[..., ::-1], axis=-1, dtype=jnp.int32)[..., ::-1]
    widths = jnp.diff(cuts).reshape((1,) * (later.ndim - 1) + (-1,))
    whole = (later[..., 1:] * widths).astype(rest.dtype)
    exposure = rest + jnp.pad(whole, ((0, 0),) * (later.ndim - 1) + ((0, 1),))
    columns = (n_subgroups, n_arms, n_periods * n_intervals)
    table = EventTable(events.astype(rest.dtype).reshape(columns), exposure.reshape(columns))
    counts = later[..., 0] if n_periods == 1 else later[..., 0].sum(axis=2, dtype=jnp.int32)
    return table, counts


def _ended_and_events(
    event: Bool[Array, " N"], place: Int[Array, " N"], n_places: int
) -> tuple[Int[Array, " P"], Int[Array, " P"]]:
    """Count patients and events by place; one sum of packed counts where both fit into an integer."""
    if event.shape[0] >= _PACKED:
        ones = jnp.ones_like(place)
        return sum_by_place(ones, place, n_places), sum_by_place(event * ones, place, n_places)
    packed = sum_by_place(1 + _PACKED * event.astype(jnp.int32), place, n_places)
    return packed % _PACKED, packed // _PACKED


def sum_by_place(values: Num[Array, " N"], place: Int[Array, " N"], n_places: int) -> Num[Array, " P"]:
    """Return the sum of the values at each place, ``0`` to ``n_places - 1``, in the order of the rows.

    A scatter is a hundred times faster on a CPU than masked sums. Under ``vmap`` the batch is laid out as one
    long list with places of its own, which is twice as fast as a batched scatter.
    """
    return _summing(n_places)(values, place)


@lru_cache
def _summing(n_places: int) -> Callable:
    @custom_vmap
    def sums(values, place):
        return jax.ops.segment_sum(values, place, n_places)

    @sums.def_vmap
    def batched(axis_size, in_batched, values, place):
        wide = [
            x if given else jnp.broadcast_to(x, (axis_size, *x.shape))
            for x, given in zip((values, place), in_batched, strict=True)
        ]
        apart = wide[1] + n_places * jnp.arange(axis_size, dtype=jnp.int32)[:, None]
        flat = _summing(n_places * axis_size)(wide[0].reshape(-1), apart.reshape(-1))
        return flat.reshape(axis_size, n_places), True

    return sums
