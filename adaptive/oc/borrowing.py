"""How much a subgroup's posterior owes to the data of the other subgroups, counted in events.

Fit the table; fit it again with every other subgroup cleared of events and exposure, which leaves the
subgroup its own data and its own prior under the same model. The difference of the two posterior
precisions of ``theta[s, b]`` is what the others contributed, and four of its units are an event: in a
comparison of two equal arms an event carries a quarter of a unit of information on the log hazard
ratio (Schoenfeld 1981, Biometrika 68, 316-319, doi:10.1093/biomet/68.1.316). Must not read a truth.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from adaptive.models.base import AbstractModel
from adaptive.models.drifting import Drifting
from adaptive.models.exnex import ExNex
from adaptive.models.hierarchy import AbstractHierarchical
from adaptive.models.pooling import NoPooling
from adaptive.oc.specification_model import unwrapped
from adaptive.posterior.base import AbstractEngine
from adaptive.records import EventTable

LANES = 50
EVENTS_PER_INFORMATION = 4.0


class Borrowed(NamedTuple):
    """Events borrowed and events' worth of the posterior, shape ``(R, S, B)``; NaN where a fit failed."""

    borrowed: Float[np.ndarray, "R S B"]
    alone: Float[np.ndarray, "R S B"]


def borrowed_events(
    engine: AbstractEngine,
    model: AbstractModel,
    events: Float[np.ndarray, "R S A J"],
    exposure: Float[np.ndarray, "R S A J"],
) -> Borrowed:
    """Return the effective number of events that each cell borrows from the other subgroups.

    ``borrowed = 4 (1 / var(theta | all) - 1 / var(theta | own subgroup))`` and ``alone = 4 / var(theta | own
    subgroup)``, the latter with what the prior is worth. No pooling borrows 0. Full pooling borrows the
    information of all others, which is their number of events when arms are equal and alike. A negative
    number means that the others' data made the answer less certain: they disagree, and the model has learnt
    that subgroups differ.

    Parameters
    ----------
    engine
        A deterministic engine that fits the model.
    model
        Any model.
    events, exposure
        ``R`` tables; a subgroup without events or exposure is allowed.

    Raises
    ------
    BadInput
        If the engine cannot fit the model.
    """
    n = events.shape[0]
    padded = np.append(np.arange(n), np.full(-n % LANES, max(n - 1, 0)))
    parts = []
    for rows in padded.reshape(-1, LANES):
        table = (jnp.asarray(events[rows]), jnp.asarray(exposure[rows]))
        parts.append([np.asarray(x, float) for x in _precisions(engine, model, *table)])
    everything, alone = (np.concatenate(x)[:n] for x in zip(*parts, strict=True))
    scale = EVENTS_PER_INFORMATION
    return Borrowed(scale * (everything - alone), scale * alone)


def borrows(model: AbstractModel, n_subgroups: int) -> bool:
    """Return whether the effect in a subgroup can depend on the data of the others.

    It cannot where the model gives every effect a prior by itself, or where fewer than two subgroups are
    exchangeable.
    """
    inner, _ = unwrapped(model)
    if isinstance(inner, ExNex):
        exchangeable = np.broadcast_to(np.asarray(inner.p_exchangeable), n_subgroups) > 0
        return int(exchangeable.sum()) > 1
    return n_subgroups > 1 and isinstance(inner, AbstractHierarchical) and not isinstance(inner, NoPooling)


def collapsed(model: AbstractModel) -> AbstractModel:
    """Return the model for tables whose intervals are added up.

    Historical controls, which have a number per interval, are added up as well. A drift over periods is left
    out: added up, periods are no longer told apart.
    """
    if isinstance(model, Drifting):
        return model.model
    if getattr(model, "discount", None) is None:
        return model
    added = [x.sum(axis=1, keepdims=True) for x in (model.events, model.exposure)]
    return eqx.tree_at(lambda m: [m.events, m.exposure], model, added)


@eqx.filter_jit
def _precisions(engine, model, events, exposure):
    """Return the precision of every cell given all data, and given its own subgroup's alone."""

    def one(events: Array, exposure: Array) -> tuple[Array, Array]:
        kept = _kept(events.shape[0])
        sd = jax.vmap(lambda keep: _sd(engine, model, events, exposure, keep))(kept)
        own = jnp.stack([sd[s + 1, s] for s in range(events.shape[0])])
        return sd[0] ** -2, own**-2

    return jax.vmap(one)(events, exposure)


def _kept(n_subgroups: int) -> Bool[Array, "fits S"]:
    """Return which subgroups each fit sees: all of them, then one at a time."""
    return jnp.asarray(np.vstack([np.ones((1, n_subgroups), bool), np.eye(n_subgroups, dtype=bool)]))


def _sd(
    engine: AbstractEngine, model: AbstractModel, events: Array, exposure: Array, keep: Bool[Array, " S"]
) -> Float[Array, "S B"]:
    cleared = [jnp.where(keep[:, None, None], x, 0.0) for x in (events, exposure)]
    posterior = engine.fit(jax.random.key(0), model, EventTable(*cleared))
    sd = posterior.moments()[1]
    return jnp.where(posterior.health.code == 0, sd, jnp.nan)
