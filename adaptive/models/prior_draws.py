"""Draws from a model's own prior program, for prior prediction and for simulation-based calibration.

Runs ``model(None, shape)`` and nothing else, so it works for every model. It must not know which model it
runs, nor any engine or data.
"""

import jax
from jaxtyping import Array, PRNGKeyArray
from numpyro.handlers import seed, trace

from adaptive.models.base import AbstractModel


def draw_prior(model: AbstractModel, key: PRNGKeyArray, shape: tuple[int, int, int]) -> dict[str, Array]:
    """Return one draw of every named value of the prior program.

    Parameters
    ----------
    model
        The model.
    key
        Randomness; the same key gives the same draw.
    shape
        ``(S, A, J)``.

    Returns
    -------
    Values by site name; ``log_hr`` of shape ``(S, B)`` is always among them.
    """
    sites = trace(seed(model, key)).get_trace(None, shape)
    return {
        name: site["value"] for name, site in sites.items() if site["type"] in ("sample", "deterministic")
    }


def draw_priors(
    model: AbstractModel, key: PRNGKeyArray, shape: tuple[int, int, int], n: int
) -> dict[str, Array]:
    """Return ``n`` independent draws, stacked on a first axis; see ``draw_prior``."""
    return jax.vmap(lambda k: draw_prior(model, k, shape))(jax.random.split(key, n))
