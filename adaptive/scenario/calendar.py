"""Calendar-time curves of a scenario: accrual, subgroup mix, drift. Months since first patient in.

Curves are linear between knots. Everything is closed form and inverts exactly; nothing is random here.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from adaptive.scenario.truth import Accrual, Drift, Population


def interpolate(
    time: Float[Array, " N"], knots: Float[Array, " G"], values: Float[Array, "G X"]
) -> Float[Array, "N X"]:
    """Interpolate linearly between knots, constant outside; columns are interpolated together."""
    return jnp.stack(_columns(time, knots, values), axis=1)


def _columns(
    time: Float[Array, " N"], knots: Float[Array, " G"], values: Float[Array, "G X"]
) -> list[Float[Array, " N"]]:
    """Return the interpolated columns, each an array over patients: a short last axis would be slow.

    A sum over segments of slope times months spent in the segment: no index, and exact for constants.
    """
    columns = [jnp.broadcast_to(values[0, x], time.shape) for x in range(values.shape[1])]
    for g in range(knots.shape[0] - 1):
        share = (jnp.clip(time, knots[g], knots[g + 1]) - knots[g]) / (knots[g + 1] - knots[g])
        columns = [column + share * (values[g + 1, x] - values[g, x]) for x, column in enumerate(columns)]
    return columns


def _segments(accrual: Accrual) -> tuple[Float[Array, " Q"], Float[Array, " Q"], Float[Array, " Q"]]:
    """Return slope, end and expected arrivals before each segment; the last segment is flat and unbounded."""
    width = jnp.diff(accrual.knots)
    zero = jnp.zeros((1,), accrual.rate.dtype)
    slope = jnp.concatenate([jnp.diff(accrual.rate) / width, zero])
    mass = 0.5 * (accrual.rate[1:] + accrual.rate[:-1]) * width
    stop = jnp.concatenate([accrual.knots[1:], zero + jnp.inf])
    return slope, stop, jnp.concatenate([zero, jnp.cumsum(mass)])


def expected_arrivals(accrual: Accrual, time: Float[Array, " N"]) -> Float[Array, " N"]:
    """Return the integral of the accrual rate from 0 to ``time``."""
    slope, stop, _ = _segments(accrual)
    months = jnp.maximum(jnp.minimum(time[:, None], stop[None, :]) - accrual.knots[None, :], 0.0)
    return (months * (accrual.rate[None, :] + 0.5 * slope[None, :] * months)).sum(axis=1)


def entry_times(accrual: Accrual, arrivals: Float[Array, " N"]) -> Float[Array, " N"]:
    """Return the smallest calendar month by which ``arrivals`` patients are expected.

    Applied to a Poisson process of rate 1 this gives a Poisson process of rate ``accrual``. With ``r``
    patients to go in a segment of rate ``a + b t`` the root is ``2 r / (a + sqrt(a^2 + 2 b r))``, which
    does not cancel for either sign of ``b``; the last segment is flat and its root is ``r / a``. Pauses
    (rate 0) are skipped.
    """
    slope, stop, before = _segments(accrual)
    last = accrual.knots.shape[0] - 1
    entry = jnp.zeros_like(arrivals)
    for q in range(last + 1):
        left = arrivals - before[q]
        if q < last:
            root = jnp.sqrt(jnp.maximum(accrual.rate[q] ** 2 + 2.0 * slope[q] * left, 0.0))
            months = 2.0 * left / (accrual.rate[q] + root)
        else:
            months = left * (1.0 / accrual.rate[q])
        reach = jnp.minimum(accrual.knots[q] + months, stop[q])
        entry = jnp.where(left > 0, jnp.maximum(entry, reach), entry)
    return entry


def choose_subgroup(
    population: Population, entry: Float[Array, " N"], uniform: Float[Array, " N"]
) -> Int[Array, " N"]:
    """Return subgroup indices by the inverse distribution function of the mix at entry.

    Uniforms are scaled by the row total, so that rounding of a mix never lets a subgroup of
    probability zero in.
    """
    mix = _columns(entry, population.knots, population.mix)
    cumulative = [mix[0]]
    for share in mix[1:]:
        cumulative.append(cumulative[-1] + share)
    scaled = uniform * cumulative[-1]
    group = jnp.zeros(entry.shape, jnp.int32)
    for bound in cumulative[:-1]:
        group = group + (scaled >= bound)
    return group


def log_drift(drift: Drift, entry: Float[Array, " N"]) -> Float[Array, "N C"]:
    """Return the log multiplier of each channel's hazards for patients who enter at ``entry``."""
    return interpolate(entry, drift.knots, drift.log_multiplier)


def slowing(drift: Drift, entry: Float[Array, " N"]) -> list[Float[Array, " N"]]:
    """Return ``exp(-log_drift)`` per channel: an amount times it is a hazard multiplied by the drift."""
    return [jnp.exp(-column) for column in _columns(entry, drift.knots, drift.log_multiplier)]
