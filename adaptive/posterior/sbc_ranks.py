"""Ranks of the truth among posterior draws, for simulation-based calibration of samplers.

Draws are thinned so that they are nearly independent, as uniform ranks need (Talts et al. 2018,
arXiv:1804.06788, section 5.1). Must not know which sampler made the draws.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

N_RANKED = 49
"""Draws kept of each fit: ranks from 0 to 49."""


def rank_names(n_subgroups: int, n_arms: int) -> tuple[str, ...]:
    """Return the names of the test quantities in order; the first ``S x B`` are the cells."""
    cells = [f"log_hr[{s},{b}]" for s in range(n_subgroups) for b in range(n_arms)]
    arms = [
        f"{name}[{b}]" for name in ("mean over subgroups", "first minus last subgroup") for b in range(n_arms)
    ]
    return (*cells, *arms, "misfit", *(f"mu[{b}]" for b in range(n_arms)), "tau")


def ranked_quantities(
    log_hr: Float[Array, "S B"], rough: Float[Array, "S B"], variance: Float[Array, "S B"]
) -> Float[Array, " Q"]:
    """Return what is ranked of one draw: cells, means and contrasts over subgroups, and the misfit.

    The misfit, ``sum (log_hr - rough)^2 / variance``, depends on the data: it sees an engine that returns the
    prior, which the others do not (Modrak et al. 2023, doi:10.1214/23-BA1404).
    """
    misfit = ((log_hr - rough) ** 2 / variance).sum()
    return jnp.concatenate([log_hr.reshape(-1), log_hr.mean(axis=0), log_hr[0] - log_hr[-1], misfit[None]])


def thinned_ranks(
    sites: dict[str, Array],
    log_hr: Float[Array, "S B"],
    mu: Float[Array, " B"],
    tau: Float[Array, ""],
    rough: Float[Array, "S B"],
    variance: Float[Array, "S B"],
    key: PRNGKeyArray,
) -> Float[Array, " Q"]:
    """Return the randomised ranks ``(below + U (equal + 1)) / (kept + 1)``, uniform on (0, 1).

    Parameters
    ----------
    sites
        Draws by name, ``(chains, draws, ...)``.
    log_hr, mu, tau
        The truth; ``mu`` and ``tau`` are ranked where the draws have them.
    rough, variance
        The data's own estimate and its variance, for the misfit.
    key
        Randomness of ``U``.
    """
    kept = {name: _thin(values) for name, values in sites.items()}
    drawn = jax.vmap(lambda x: ranked_quantities(x, rough, variance))(kept["log_hr"])
    true = ranked_quantities(log_hr, rough, variance)
    if "mu" in kept and "tau" in kept and kept["tau"].ndim == 1:
        drawn = jnp.concatenate([drawn, kept["mu"], kept["tau"][:, None]], axis=1)
        true = jnp.concatenate([true, mu, tau[None]])
    below = (drawn < true[None, :]).sum(axis=0)
    equal = (drawn == true[None, :]).sum(axis=0)
    uniform = jax.random.uniform(key, true.shape, true.dtype)
    return (below + uniform * (equal + 1)) / (drawn.shape[0] + 1)


def _thin(values: Array) -> Array:
    """Return ``N_RANKED`` draws spread evenly over all chains, or all draws when there are fewer."""
    flat = values.reshape((-1, *values.shape[2:]))
    step = max(flat.shape[0] // N_RANKED, 1)
    return flat[step - 1 :: step][:N_RANKED]
