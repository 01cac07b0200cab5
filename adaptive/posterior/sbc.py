"""Simulation-based calibration: whether posteriors are right on average over the prior they assume.

Draw the truth from the model's prior program, draw events given fixed exposures, fit, and ask where the
truth lies in its posterior. If prior, simulator, likelihood and engine agree, that place is uniform
(Talts, Betancourt, Simpson, Vehtari and Gelman 2018, arXiv:1804.06788; with test quantities that depend on
the data, Modrak et al. 2023, doi:10.1214/23-BA1404). ``sbc_checks`` judges what is gathered here.
It must not know one engine or model from another, nor read a scenario: the truth here is the prior.
"""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray
from tqdm import tqdm

from adaptive.models.base import AbstractModel
from adaptive.posterior.base import AbstractEngine, AbstractPosterior, Overall
from adaptive.posterior.sbc_draws import Truth, draw_events, draw_truths, rough_ratio
from adaptive.posterior.sbc_ranks import rank_names, thinned_ranks
from adaptive.records import EventTable

LANES = 256
"""Replicates per compiled block."""
MARGINS = (1.0, 0.8)
"""Hazard-ratio margins whose posterior probabilities are checked."""


Distortion = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Maps events ``(R, S, A, J)`` and exposure ``(S, A, J)`` to what the fit is given instead."""


class Answer(eqx.Module):
    """What one posterior says of its truth.

    Attributes
    ----------
    place
        Probability integral transform of each test quantity, or its randomised rank, shape ``(Q,)``.
    rough
        Log ratio of event rates with half an event added: a summary of the data alone.
    """

    place: Float[Array, " Q"]
    rough: Float[Array, "S B"]
    mean: Float[Array, "S B"]
    sd: Float[Array, "S B"]
    p_below: Float[Array, "G S B"]
    p_best: Float[Array, "S A"]
    overall: Overall
    code: Int[Array, ""]


class Replicates(NamedTuple):
    """``R`` replicates as NumPy arrays with a leading axis; ``names`` are those of the test quantities."""

    names: tuple[str, ...]
    truth: Truth
    answer: Answer


def calibrate(
    engine: AbstractEngine,
    model: AbstractModel,
    exposure: Float[np.ndarray, "S A J"],
    *,
    n: int,
    seed: int = 0,
    fit_model: AbstractModel | None = None,
    distort: Distortion = lambda events, exposure: (events, exposure),
    progress: bool = False,
) -> Replicates:
    """Run ``n`` replicates, rounded up to whole blocks of ``LANES``.

    Parameters
    ----------
    engine
        The engine under test.
    model
        The model whose prior the truth is drawn from; its baseline prior should be proper and reasonable.
    exposure
        Person-months per cell, the same in every replicate.
    n, seed
        Number of replicates and their randomness.
    fit_model, distort
        A wrong model or wrong data for the fit, to see what the checks find.
    progress
        Whether to show a progress bar.
    """
    rng = np.random.default_rng(seed)
    truth = draw_truths(model, rng, exposure.shape, -(-n // LANES) * LANES)
    events = draw_events(truth, rng, exposure)
    seen = [np.broadcast_to(x, events.shape) for x in distort(events, exposure)]
    data = [jnp.asarray(x, truth.log_hr.dtype) for x in (*seen, *rough_ratio(events, exposure))]
    keys = jax.random.split(jax.random.key(seed), truth.tau.shape[0])
    parts = []
    for start in tqdm(range(0, truth.tau.shape[0], LANES), disable=not progress, unit="block"):
        own = jax.tree.map(lambda x, at=start: x[at : at + LANES], (keys, truth, data))
        parts.append(jax.tree.map(np.asarray, _answer_block(engine, fit_model or model, *own)))
    truth = jax.tree.map(np.asarray, truth)
    answer = jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)
    names = rank_names(exposure.shape[0], exposure.shape[1] - 1)[: answer.place.shape[1]]
    return Replicates(names, truth, answer)


@eqx.filter_jit
def _answer_block(engine, model, keys, truth, data):
    def one(key, truth, data):
        events, months, rough, variance = data
        posterior = engine.fit(jax.random.fold_in(key, 0), model, EventTable(events, months))
        return _answer(posterior, truth, rough, variance, jax.random.fold_in(key, 1))

    return jax.vmap(one)(keys, truth, data)


def _answer(
    posterior: AbstractPosterior,
    truth: Truth,
    rough: Float[Array, "S B"],
    variance: Float[Array, "S B"],
    key: PRNGKeyArray,
) -> Answer:
    """Ask one posterior about its truth."""
    mean, sd = posterior.moments()
    if hasattr(posterior, "sites"):
        place = thinned_ranks(posterior.sites, truth.log_hr, truth.mu, truth.tau, rough, variance, key)
    else:
        place = place_of(posterior, truth.log_hr).reshape(-1)
    margins = jnp.log(jnp.asarray(MARGINS, mean.dtype))
    return Answer(
        place=place,
        rough=rough,
        mean=mean,
        sd=sd,
        p_below=posterior.p_below(margins),
        p_best=posterior.p_best(),
        overall=posterior.overall(),
        code=posterior.health.code,
    )


def place_of(posterior: AbstractPosterior, log_hr: Float[Array, "S B"]) -> Float[Array, "S B"]:
    """Return ``P(theta[s, b] < log_hr[s, b] | data)`` of every cell at its own value."""
    # One margin at a time in a loop, so that the program does not grow with the number of cells.
    below = jax.lax.map(lambda x: posterior.p_below(x[None])[0].reshape(-1), log_hr.reshape(-1))
    return jnp.diagonal(below).reshape(log_hr.shape)
