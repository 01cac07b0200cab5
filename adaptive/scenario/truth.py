"""The assumed truth of a virtual trial: what nature does, whatever the protocol.

Axes: ``H`` health states, ``C`` event channels, ``S`` subgroups, ``A`` arms, ``M`` intervals of the
truth, ``G`` knots of the subgroup mix, ``Q`` knots of the accrual rate, ``V`` knots of the drift.
Only ``simulate``, ``oc`` and ``config.build`` may import this package.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int


class Hazards(eqx.Module):
    """Piecewise-constant cause-specific hazards in months since randomisation.

    ``hazard[h, c, s, a](u) = base[h, c, s, m] * exp(log_hr[h, c, s, a, m])`` for ``u`` in
    ``(cuts[m], cuts[m + 1]]``, the last interval being unbounded.

    Attributes
    ----------
    cuts
        Interval starts in months, the first 0, strictly increasing, shape ``(M,)``.
    base
        Control hazards per month, shape ``(H, C, S, M)``.
    log_hr
        Log hazard ratios against control, 0 for arm 0, shape ``(H, C, S, A, M)``.
    next_state
        Health state entered when a channel fires in a state, or -1 when it ends observation, ``(H, C)``.
    """

    cuts: Float[Array, " M"] = eqx.field(converter=jnp.asarray)
    base: Float[Array, "H C S M"] = eqx.field(converter=jnp.asarray)
    log_hr: Float[Array, "H C S A M"] = eqx.field(converter=jnp.asarray)
    next_state: Int[Array, "H C"] = eqx.field(converter=jnp.asarray)


class Population(eqx.Module):
    """Subgroup mix of arriving patients, linear in calendar time between knots, constant outside.

    Attributes
    ----------
    knots
        Calendar months, strictly increasing, shape ``(G,)``.
    mix
        Subgroup probabilities at the knots; rows sum to 1, shape ``(G, S)``.
    """

    knots: Float[Array, " G"] = eqx.field(converter=jnp.asarray)
    mix: Float[Array, "G S"] = eqx.field(converter=jnp.asarray)


class Accrual(eqx.Module):
    """Arrival rate per month, linear in calendar time between knots, constant after the last.

    Attributes
    ----------
    knots
        Calendar months, the first 0, strictly increasing, shape ``(Q,)``.
    rate
        Arrivals per month at the knots, the last one positive, shape ``(Q,)``.
    """

    knots: Float[Array, " Q"] = eqx.field(converter=jnp.asarray)
    rate: Float[Array, " Q"] = eqx.field(converter=jnp.asarray)


class Drift(eqx.Module):
    """Log multiplier of every arm's hazard by calendar month of *entry*, linear between knots.

    Attributes
    ----------
    knots
        Calendar months, strictly increasing, shape ``(V,)``.
    log_multiplier
        Per channel, constant outside the knots, shape ``(V, C)``.
    """

    knots: Float[Array, " V"] = eqx.field(converter=jnp.asarray)
    log_multiplier: Float[Array, "V C"] = eqx.field(converter=jnp.asarray)


class Scenario(eqx.Module):
    """Everything assumed true in a virtual trial.

    Attributes
    ----------
    name, subgroups, arms, channels, states
        Labels; ``arms[0]`` is control.
    n_episodes
        Transitions generated per patient; 1 when every channel ends observation.
    """

    name: str = eqx.field(static=True)
    subgroups: tuple[str, ...] = eqx.field(static=True)
    arms: tuple[str, ...] = eqx.field(static=True)
    channels: tuple[str, ...] = eqx.field(static=True)
    states: tuple[str, ...] = eqx.field(static=True)
    n_episodes: int = eqx.field(static=True)
    hazards: Hazards
    population: Population
    accrual: Accrual
    drift: Drift
