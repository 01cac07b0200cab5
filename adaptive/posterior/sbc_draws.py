"""Truths from a model's prior, and events that they give, for simulation-based calibration.

Made with NumPy, apart from the prior program itself, so that the data owe nothing to what fits them.
Must not fit anything.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from adaptive.errors import BadInput
from adaptive.models.base import AbstractModel
from adaptive.models.drifting import Drifting
from adaptive.models.prior_draws import draw_priors


class Truth(eqx.Module):
    """Draws from the prior, ``R`` on the first axis or one; ``mu`` and ``tau`` are NaN where there are none.

    Attributes
    ----------
    log_hr
        Log hazard ratios, shape ``(S, B)``.
    hazard
        Hazards per month, shape ``(S, A, J)``.
    """

    log_hr: Float[Array, "*R S B"]
    hazard: Float[Array, "*R S A J"]
    mu: Float[Array, "*R B"]
    tau: Float[Array, "*R"]


def draw_truths(model: AbstractModel, rng: np.random.Generator, shape: tuple[int, int, int], n: int) -> Truth:
    """Draw ``n`` truths from the prior, stacked on a first axis.

    A model with a site ``hazard`` of shape ``(S, A)`` has constant hazards; every other one has baselines
    ``Gamma(baseline_shape, baseline_rate)`` per subgroup and interval, from its fields of these names.

    Parameters
    ----------
    model
        The model; its prior program is run by NumPyro.
    rng
        Randomness of the baselines and the key of the prior program.
    shape, n
        ``(S, A, J)``, and the number of truths.
    """
    key = jax.random.key(int(rng.integers(2**32)))
    sites = {name: np.asarray(value) for name, value in draw_priors(model, key, shape, n).items()}
    log_hr = sites["log_hr"]
    if "hazard" in sites:
        hazard = np.broadcast_to(sites["hazard"][..., None], (n, *shape))
    else:
        ratio = np.concatenate([np.ones_like(log_hr[:, :, :1]), np.exp(log_hr)], axis=2)
        hazard = ratio[..., None] * _draw_baselines(model, rng, (n, shape[0], shape[2]))[:, :, None, :]
    mu, tau = sites.get("mu"), sites.get("tau")
    missing = np.full((n, shape[1] - 1), np.nan)
    return Truth(
        jnp.asarray(log_hr),
        jnp.asarray(hazard, log_hr.dtype),
        jnp.asarray(missing if mu is None or mu.shape != missing.shape else mu, log_hr.dtype),
        jnp.asarray(missing[:, 0] if tau is None or tau.ndim != 1 else tau, log_hr.dtype),
    )


def _draw_baselines(
    model: AbstractModel, rng: np.random.Generator, size: tuple[int, int, int]
) -> Float[np.ndarray, "R S J"]:
    gamma_shape, gamma_rate = baseline_prior(model)
    return rng.gamma(np.broadcast_to(gamma_shape, size)) / gamma_rate


def baseline_prior(model: AbstractModel) -> tuple[np.ndarray, np.ndarray]:
    """Return shape and rate of the Gamma prior of the baseline hazards, numbers or ``(S, J)``.

    A model that holds another one adds its own ``events`` and ``exposure`` of historical controls, times its
    ``discount``.

    Raises
    ------
    BadInput
        If the model has no such fields.
    """
    if isinstance(model, Drifting):
        raise BadInput(
            "calibration of Drifting: its baselines depend on the events of earlier periods, so that no "
            "truth can be drawn before them; calibrate the model inside"
        )
    if (inner := getattr(model, "model", None)) is not None:
        gamma_shape, gamma_rate = baseline_prior(inner)
        past = [float(model.discount) * np.asarray(x, float) for x in (model.events, model.exposure)]
        return gamma_shape + past[0], gamma_rate + past[1]
    try:
        return np.asarray(model.baseline_shape, float), np.asarray(model.baseline_rate, float)
    except AttributeError:
        raise BadInput(
            f"calibration of {type(model).__name__}: it has neither a site 'hazard' nor the fields "
            "baseline_shape and baseline_rate; give it one of them"
        ) from None


def draw_events(
    truth: Truth, rng: np.random.Generator, exposure: Float[np.ndarray, "S A J"]
) -> Float[np.ndarray, "R S A J"]:
    """Draw ``events ~ Poisson(hazard x exposure)`` for every truth; person-months are fixed by the caller."""
    return rng.poisson(np.asarray(truth.hazard, float) * exposure).astype(float)


def even_exposure(
    n_events: float, hazard: float, shape: tuple[int, int, int], tilt: float = 0.3
) -> Float[np.ndarray, "S A J"]:
    """Return exposures that would give ``n_events`` under ``hazard`` everywhere; cells differ by ``tilt``.

    Parameters
    ----------
    n_events
        Expected events over the whole table at hazard ratios of 1.
    hazard
        Mean hazard per month.
    shape
        ``(S, A, J)``.
    tilt
        Relative difference between the smallest and the mean cell, so that a mix-up of cells shows.
    """
    weight = 1.0 + tilt * np.linspace(-1.0, 1.0, int(np.prod(shape))).reshape(shape)
    return weight * (n_events / hazard / weight.sum())


def rough_ratio(
    events: Float[np.ndarray, "R S A J"], exposure: Float[np.ndarray, "S A J"]
) -> tuple[Float[np.ndarray, "R S B"], Float[np.ndarray, "R S B"]]:
    """Return log ratios of event rates with half an event added, and their rough variances."""
    counts = events.sum(axis=3) + 0.5
    log_rate = np.log(counts) - np.log(exposure.sum(axis=2))
    return log_rate[:, :, 1:] - log_rate[:, :, :1], 1.0 / counts[:, :, 1:] + 1.0 / counts[:, :, :1]
