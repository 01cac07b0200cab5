"""Turn a posterior into evidence: the probabilities and estimates that rules and records use.

Nothing here decides; nothing here sees patients or a truth.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from adaptive.posterior.base import AbstractPosterior
from adaptive.records import EventTable, Evidence


def weigh(
    posterior: AbstractPosterior,
    table: EventTable,
    patients: Int[Array, "S A"],
    margins: Float[Array, " G"],
) -> Evidence:
    """Summarise a posterior against hazard-ratio margins.

    Parameters
    ----------
    posterior
        Posterior of the log hazard ratios.
    table
        The data that made it.
    patients
        Randomised patients, shape ``(S, A)``.
    margins
        Hazard ratios ``m`` for which ``P(HR < m)`` is needed, shape ``(G,)``.
    """
    mean, sd = posterior.moments()
    lower, upper = posterior.quantiles(jnp.asarray([0.025, 0.975], mean.dtype))
    return Evidence(
        statistics=posterior.p_below(jnp.log(margins).astype(mean.dtype)),
        p_best=posterior.p_best(),
        mean=mean,
        sd=sd,
        lower=lower,
        upper=upper,
        patients=patients,
        events=table.events.sum(axis=-1),
        exposure=table.exposure.sum(axis=-1),
        health=posterior.health,
    )
