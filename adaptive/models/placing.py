"""Log hazard ratios placed by standard normal variables where prior and data roughly put them.

Under a prior ``theta ~ Normal(centre, scale)`` and data that say roughly ``estimate +- 1 / sqrt(precision)``
the posterior is about ``Normal(m, v)`` with the usual weights. ``theta = m + sqrt(v) z`` with ``z`` standard
normal is then a good coordinate for a sampler at every ``scale``: it is the non-centred form where data say
little, the centred one where they say much. The returned weight makes the density that of the prior whatever
the rough estimate is, so the estimate affects speed and never the answer. Same idea as the partially
non-centred forms of Papaspiliopoulos, Roberts and Skoeld (2007), Statistical Science 22, 59-73,
doi:10.1214/088342307000000014.
It must not know a model.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from adaptive.records import EventTable


class Rough(eqx.Module):
    """What a table says roughly of each log hazard ratio.

    Attributes
    ----------
    estimate
        Smoothed log ratio of event rates, shape ``(S, B)``.
    precision
        Inverse of its approximate variance, shape ``(S, B)``; 0 leaves the prior's own coordinates.
    """

    estimate: Float[Array, "S B"]
    precision: Float[Array, "S B"]


def rough(table: EventTable | None, like: Float[Array, "S B"]) -> Rough:
    """Return smoothed estimates; of zero precision, shaped as ``like``, without a table.

    With events ``d``, exposure ``E`` and the subgroup's rate ``r``: the estimate is
    ``log((d_b + 1/2) / (r E_b + 1/2))`` less the same of control, its variance
    ``1 / (d_b + 1/2) + 1 / (d_0 + 1/2)``.
    """
    if table is None:
        return Rough(jnp.zeros_like(like), jnp.zeros_like(like))
    events, exposure = table.events.sum(axis=2), table.exposure.sum(axis=2)
    total = jnp.maximum(exposure.sum(axis=1, keepdims=True), jnp.finfo(exposure.dtype).tiny)
    expected = exposure * (events.sum(axis=1, keepdims=True) / total)
    excess = jnp.log((events + 0.5) / (expected + 0.5))
    variance = 1.0 / (events + 0.5)
    return Rough(excess[:, 1:] - excess[:, :1], 1.0 / (variance[:, 1:] + variance[:, :1]))


def placed(
    z: Float[Array, "S B"], centre: Float[Array, "#S #B"], scale: Float[Array, ""], guess: Rough
) -> tuple[Float[Array, "S B"], Float[Array, " S"]]:
    """Return the log hazard ratios that ``z`` stands for, and each subgroup's log weight.

    Parameters
    ----------
    z
        Standard normal variables.
    centre, scale
        Mean and standard deviation of the prior, ``scale`` of at least 0.
    guess
        Where the data roughly put the log hazard ratios.

    Returns
    -------
    tuple
        ``theta`` of shape ``(S, B)``, and its log weight
        ``log(Normal(theta; centre, scale) |d theta / d z| / Normal(z; 0, 1))`` summed over the arms, shape
        ``(S,)``. The weight is 0 where ``precision`` is.
    """
    gain = 1.0 + scale**2 * guess.precision
    standard = scale * guess.precision * (guess.estimate - centre) / gain + z / jnp.sqrt(gain)
    weight = 0.5 * (z**2 - standard**2 - jnp.log(gain))
    return centre + scale * standard, weight.sum(axis=1)
