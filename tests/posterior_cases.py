"""Event tables that the posterior tests share, and the models that fit them."""

import jax.numpy as jnp
import numpy as np

from adaptive.models import FullPooling, GammaHazards, NoPooling, PartialPooling
from adaptive.records import EventTable

PRIOR = {"mu_scale": 1.0, "tau_scale": 0.5, "baseline_shape": 0.1, "baseline_rate": 5.0}
POOLING = {"partial": PartialPooling, "none": NoPooling, "full": FullPooling}


def table(seed, n_subgroups, n_experimental, n_intervals, n_events, spread=0.5, empty=()):
    """Random events (about ``n_events``) and exposure; ``empty`` lists index tuples to clear of both."""
    rng = np.random.default_rng(seed)
    shape = (n_subgroups, n_experimental + 1, n_intervals)
    exposure = rng.gamma(10.0, 10.0, shape)
    theta = np.zeros(shape[:2])
    theta[:, 1:] = rng.normal(-0.2, spread, (n_subgroups, n_experimental))
    rate = exposure * np.exp(theta)[:, :, None]
    events = rng.poisson(rate * n_events / rate.sum()).astype(float)
    for index in empty:
        events[index], exposure[index] = 0.0, 0.0
    return events, exposure


def as_table(events, exposure, dtype=None):
    """An ``EventTable`` of NumPy arrays."""
    return EventTable(jnp.asarray(events, dtype), jnp.asarray(exposure, dtype))


def pooling_model(kind, dtype=None, **prior):
    """One of the three pooling models."""
    numbers = {name: jnp.asarray(value, dtype) for name, value in {**PRIOR, **prior}.items()}
    return POOLING[kind](**numbers)


def gamma_model(dtype=None):
    """The constant-hazard model."""
    return GammaHazards(shape=jnp.asarray(0.5, dtype), rate=jnp.asarray(20.0, dtype))
