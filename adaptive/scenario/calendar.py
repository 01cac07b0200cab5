"""Calendar-time curves of a scenario: accrual, subgroup mix, drift. Months since first patient in.

Curves are linear between knots. Everything is closed form and inverts exactly; nothing is random here.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from adaptive.scenario.truth import Accrual, Drift, Population


def interpolate(
    time: Float[Array, " N"], knots: Float[Array, " G"], values: Float[Array, "G X"]
) -> Float[Array, "N X"]:
    """Interpolate linearly between knots, constant outside; columns are interpolated together.

    A sum over segments of slope times months spent in the segment: no index, and exact for constants.
    """
    lower, upper = knots[None, :-1], knots[None, 1:]
    months = jnp.clip(time[:, None], lower, upper) - lower
    share = months / (upper - lower)
    steps = values[1:] - values[:-1]
    return values[:1] + (share[:, :, None] * steps[None, :, :]).sum(axis=1)


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
    does not cancel for either sign of ``b``. Pauses (rate 0) are skipped.
    """
    slope, stop, before = _segments(accrual)
    entry = jnp.zeros_like(arrivals)
    for q in range(accrual.knots.shape[0]):
        left = arrivals - before[q]
        root = jnp.sqrt(jnp.maximum(accrual.rate[q] ** 2 + 2.0 * slope[q] * left, 0.0))
        months = 2.0 * left / (accrual.rate[q] + root)
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
    cumulative = jnp.cumsum(interpolate(entry, population.knots, population.mix), axis=1)
    passed = uniform[:, None] * cumulative[:, -1:] >= cumulative[:, :-1]
    return passed.sum(axis=1).astype(jnp.int32)


def log_drift(drift: Drift, entry: Float[Array, " N"]) -> Float[Array, "N C"]:
    """Return the log multiplier of each channel's hazards for patients who enter at ``entry``."""
    return interpolate(entry, drift.knots, drift.log_multiplier)
