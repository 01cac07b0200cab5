"""Posterior draws of the hazards of every arm, for what needs more than summaries: patients' futures.

Given the log hazard ratios the baseline hazards are Gamma, so that a draw is exact once ``theta`` is drawn.
Must not see a patient, a design or a rule.
"""

import jax.numpy as jnp
import jax.random as jr
from jax.scipy.special import ndtr
from jaxtyping import Array, Float, PRNGKeyArray

from adaptive.errors import BadInput
from adaptive.models.base import AbstractModel
from adaptive.models.drifting import Drifting
from adaptive.models.hazards import GammaHazards
from adaptive.models.historical import HistoricalControls
from adaptive.posterior.base import AbstractPosterior
from adaptive.posterior.conjugate import GammaRatioPosterior
from adaptive.posterior.nuts import DrawsPosterior
from adaptive.records import EventTable

REACH = 4.0
"""The quantile table covers this many standard normal units on either side; beyond, it ends."""
N_POINTS = 33


def hazard_draws(
    key: PRNGKeyArray, posterior: AbstractPosterior, model: AbstractModel, table: EventTable, n: int
) -> Float[Array, "D S A J"]:
    """Return ``n`` joint posterior draws of the hazard of every subgroup, arm and interval.

    ``theta`` comes from ``log_hr_draws``; then ``lambda[s, j] | theta ~ Gamma(a0 + d[s, ., j],
    b0 + sum_a exp(theta[s, a]) E[s, a, j])``; the hazard of arm ``a`` is ``lambda[s, j] exp(theta[s, a])``.
    Under ``GammaHazards`` every arm's hazard is Gamma and there is one interval, ``J = 1``.

    Parameters
    ----------
    key
        Randomness.
    posterior, model, table
        Posterior of the model given the table.
    n
        Number of draws ``D``.

    Raises
    ------
    BadInput
        If the model has a baseline for every calendar period of entry: of future periods it says nothing.
    """
    if isinstance(model, Drifting):
        raise BadInput(
            "predicting patients' futures needs one baseline hazard; the model has one per calendar period "
            "of entry: leave out the time trend, or do not use predictive probabilities by imputation"
        )
    if isinstance(model, HistoricalControls):
        model, table = model.model, model.augmented(table)
    if isinstance(model, GammaHazards):
        return _constant(key, model, table, n)
    effects, baselines = jr.split(key)
    theta = log_hr_draws(effects, posterior, table, n).astype(jnp.float32)
    ratio = jnp.exp(jnp.concatenate([jnp.zeros_like(theta[:, :, :1]), theta], axis=2))
    shape = (model.baseline_shape + table.events.sum(axis=1)).astype(jnp.float32)
    rate = model.baseline_rate + (ratio[..., None] * table.exposure[None].astype(jnp.float32)).sum(axis=2)
    unit = jr.gamma(baselines, shape[None], (n, *shape.shape), jnp.float32)
    return (unit / rate.astype(jnp.float32))[:, :, None, :] * ratio[..., None]


def _constant(key: PRNGKeyArray, model: GammaHazards, table: EventTable, n: int) -> Float[Array, "D S A 1"]:
    """Return draws of independent Gamma hazards, from the totals over the intervals."""
    shape = (model.shape + table.events.sum(axis=2)).astype(jnp.float32)
    rate = (model.rate + table.exposure.sum(axis=2)).astype(jnp.float32)
    unit = jr.gamma(key, shape[None], (n, *shape.shape), jnp.float32)
    return (unit / rate[None])[..., None]


def log_hr_draws(
    key: PRNGKeyArray, posterior: AbstractPosterior, table: EventTable, n: int
) -> Float[Array, "D S B"]:
    """Return ``n`` posterior draws of the log hazard ratios.

    Draws of a sampler are taken from its own, evenly spaced, and again from the start if there are fewer. Of
    any other posterior each marginal is drawn by its quantile function, tabulated at ``N_POINTS`` standard
    normal values and linear in between. Arms of a subgroup share control, and are correlated as their rough
    estimates are (``shared_control``); between subgroups dependence is neglected: it is what
    a pooling model has learnt of the mean effect, and docs/predictive.md measures what leaving it out costs.
    """
    if isinstance(posterior, DrawsPosterior):
        drawn = posterior.log_hr
        return drawn[(jnp.arange(n) * max(drawn.shape[0] // n, 1)) % drawn.shape[0]]
    if isinstance(posterior, GammaRatioPosterior):
        unit = jr.gamma(key, posterior.shape[None], (n, *posterior.shape.shape))
        log_hazard = jnp.log(unit / posterior.rate[None])
        return log_hazard[:, :, 1:] - log_hazard[:, :, :1]
    z = jnp.linspace(-REACH, REACH, N_POINTS)
    values = posterior.quantiles(ndtr(z))
    own, common = jr.split(key)
    normal = jr.normal(own, (n, *values.shape[1:]), values.dtype)
    if values.shape[2] > 1:
        share = shared_control(table, posterior.moments()[1])[None]
        control = jr.normal(common, (n, values.shape[1], 1), values.dtype)
        normal = jnp.sqrt(share) * control + jnp.sqrt(1.0 - share) * normal
    return _between(values, normal)


def shared_control(table: EventTable, sd: Float[Array, "S B"]) -> Float[Array, "S B"]:
    """Return the share of each log hazard ratio's variance that is control's, between 0 and 1.

    ``v_0 / (v_0 + v_b)`` with ``v = 1 / (events + 1/2)``, as of independent log rates; less by the factor by
    which the prior made the posterior variance smaller than that. The correlation of two arms is the root of
    the product of their shares.
    """
    variance = 1.0 / (table.events.sum(axis=2) + 0.5)
    whole = variance[:, 1:] + variance[:, :1]
    return variance[:, :1] / whole * jnp.minimum(sd**2 / whole, 1.0)


def _between(values: Float[Array, "Q S B"], normal: Float[Array, "D S B"]) -> Float[Array, "D S B"]:
    """Return the table's values at standard normal places, linear between its points."""
    place = jnp.clip((normal + REACH) * ((N_POINTS - 1) / (2.0 * REACH)), 0.0, N_POINTS - 1.001)
    cell = place.astype(jnp.int32)
    low, high = (jnp.take_along_axis(values, cell + k, axis=0) for k in (0, 1))
    return low + (place - cell) * (high - low)


def expected_hazard(
    posterior: AbstractPosterior, model: AbstractModel, table: EventTable
) -> Float[Array, "S A J"]:
    """Return hazards at the posterior mean of the log hazard ratios: what a plan of the future may use.

    The baseline's mean given that, ``(a0 + d[s, ., j]) / (b0 + sum_a exp(theta[s, a]) E[s, a, j])``; under
    ``GammaHazards`` the mean of every arm's hazard, ``J = 1``.

    Raises
    ------
    BadInput
        If the model has a baseline for every calendar period of entry.
    """
    if isinstance(model, Drifting):
        raise BadInput(
            "planning events needs one baseline hazard; the model has one per calendar period of entry: give "
            "the planned number of events instead"
        )
    if isinstance(model, HistoricalControls):
        model, table = model.model, model.augmented(table)
    if isinstance(model, GammaHazards):
        shape, rate = (model.shape + table.events.sum(axis=2)), (model.rate + table.exposure.sum(axis=2))
        return (shape / rate)[..., None]
    mean = posterior.moments()[0]
    ratio = jnp.exp(jnp.concatenate([jnp.zeros_like(mean[:, :1]), mean], axis=1))
    rate = model.baseline_rate + (ratio[..., None] * table.exposure).sum(axis=1)
    baseline = (model.baseline_shape + table.events.sum(axis=1)) / rate
    return baseline[:, None, :] * ratio[..., None]
