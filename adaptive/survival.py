"""Arithmetic of piecewise-constant hazards, the one place where the interval convention lives.

Interval ``j`` is ``(cuts[j], cuts[j + 1]]`` and the last one is unbounded; ``cuts[0]`` is 0. So an event
exactly at a cut belongs to the interval that ends there. Times are months since randomisation, hazards
are per month, and both may be infinite or zero without giving NaN. Nothing here knows trials or models.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

_MOST_COMPARISONS = 8
_UNROLL = 4


def interval_stops(cuts: Float[Array, " J"]) -> Float[Array, " J"]:
    """Return the ends of the intervals, the last one infinite."""
    return jnp.concatenate([cuts[1:], jnp.full((1,), jnp.inf, cuts.dtype)])


def _leading(cuts: Float[Array, " J"], ndim: int) -> Float[Array, "... J"]:
    """Give ``cuts`` the leading axes of size 1 that a broadcast against ``ndim`` axes needs."""
    return cuts.reshape((1,) * ndim + cuts.shape)


def exposure(time: Float[Array, "*L"], cuts: Float[Array, " J"]) -> Float[Array, "*L J"]:
    """Return the months at risk in each interval, ``min(time, stop) - start`` where positive.

    Parameters
    ----------
    time
        Months observed; may be infinite.
    cuts
        Interval starts.
    """
    starts, stops = _leading(cuts, time.ndim), _leading(interval_stops(cuts), time.ndim)
    return jnp.maximum(jnp.minimum(time[..., None], stops) - starts, 0.0)


def interval_of(time: Float[Array, "*L"], cuts: Float[Array, " J"]) -> Int[Array, "*L"]:
    """Return the index of the interval ``(start, stop]`` that holds ``time``; 0 for time 0."""
    index = jnp.zeros(time.shape, jnp.int32)
    for j in range(1, cuts.shape[0]):
        index = index + (time > cuts[j])
    return index


def in_interval(time: Float[Array, "*L"], cuts: Float[Array, " J"]) -> Bool[Array, "*L J"]:
    """Return the indicator of the interval that holds ``time``; exactly one is true."""
    index = jnp.arange(cuts.shape[0]).reshape((1,) * time.ndim + cuts.shape)
    return interval_of(time, cuts)[..., None] == index


def hazard_at(
    time: Float[Array, "*L"], cuts: Float[Array, " J"], hazard: Float[Array, "*#L J"]
) -> Float[Array, "*L"]:
    """Return the hazard of the interval that holds ``time``. Leading axes of ``hazard`` may have size 1."""
    return jnp.where(in_interval(time, cuts), hazard, 0.0).sum(axis=-1)


def cumulative_hazard(
    time: Float[Array, "*L"], cuts: Float[Array, " J"], hazard: Float[Array, "*#L J"]
) -> Float[Array, "*L"]:
    """Return ``H(time)``, the sum over intervals of exposure times hazard, with ``0 * inf = 0``.

    Leading axes of ``hazard`` may have size 1.
    """
    months = exposure(time, cuts)
    return jnp.where((hazard > 0) & (months > 0), months * hazard, 0.0).sum(axis=-1)


def pick(values: Float[Array, " K"] | Int[Array, " K"], index: Int[Array, "*L"]) -> Array:
    """Return ``values[index]``; few alternatives are cheaper to compare than to gather."""
    if values.shape[0] > _MOST_COMPARISONS:
        return values[index]
    chosen = jnp.broadcast_to(values[0], index.shape)
    for k in range(1, values.shape[0]):
        chosen = jnp.where(index == k, values[k], chosen)
    return chosen


def invert_by_interval(
    amount: Float[Array, "*L"],
    cuts: Float[Array, " M"],
    rows: Float[Array, "M ..."],
    lookup: Callable[[Float[Array, "..."]], Float[Array, "*#L"]],
    start: Float[Array, "*#L"] | None = None,
) -> Float[Array, "*L"]:
    """Return ``inverse_cumulative_hazard`` with hazards made one interval at a time.

    Never making an array with both the patients' and an interval axis is several times faster.

    Parameters
    ----------
    amount, cuts, start
        As in ``inverse_cumulative_hazard``.
    rows
        What is known of the hazards in each interval.
    lookup
        Turns one element of ``rows``, or of its reciprocal, into what ``amount`` meets in that interval.

    Notes
    -----
    The last interval that ``amount`` reaches gives the answer. The product with a reciprocal is monotone
    like a division, since both roundings are.
    """
    stops = interval_stops(cuts)
    widths_end = jnp.concatenate([cuts[1:], cuts[-1:]])

    def interval(carry, given):
        spent, result = carry
        row, inverse, begin, stop, end = given
        begin = begin if start is None else jnp.maximum(begin, start)
        left = amount - spent
        reach = jnp.minimum(begin + left * lookup(inverse), stop)
        reached = left > 0 if start is None else (left > 0) & (stop > start)
        result = jnp.where(reached, reach, result)
        return (spent + lookup(row) * jnp.maximum(end - begin, 0.0), result), None

    carry = (jnp.zeros_like(amount), jnp.broadcast_to(0.0 if start is None else start, amount.shape))
    carry = jax.tree.map(lambda x: x.astype(amount.dtype), carry)
    given = (rows, 1.0 / rows, cuts, stops, widths_end)
    (_, result), _ = lax.scan(interval, carry, given, unroll=min(rows.shape[0], _UNROLL))
    return result


def inverse_cumulative_hazard(
    amount: Float[Array, "*L"],
    cuts: Float[Array, " M"],
    hazard: Float[Array, "*#L M"],
    start: Float[Array, "*#L"] | None = None,
) -> Float[Array, "*L"]:
    """Return the smallest ``u > start`` with ``H(u) - H(start) = amount``.

    Infinite where the hazard never adds up to ``amount``; intervals of zero hazard are skipped. A higher
    hazard or a smaller amount never gives a later time, rounding included: every operation is monotone
    where a reciprocal rounds correctly (on a GPU in float32 it may be off in the last place).

    Parameters
    ----------
    amount
        Cumulative hazard to spend, positive; with an Exp(1) draw the result is an event time.
    cuts
        Interval starts.
    hazard
        Hazard per interval; leading axes of size 1 are broadcast.
    start
        Time from which hazard accumulates, finite; 0 if not given.
    """
    return invert_by_interval(amount, cuts, jnp.moveaxis(hazard, -1, 0), lambda row: row, start)
