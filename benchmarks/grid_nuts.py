"""The same answers by long runs of NumPyro's sampler on the package's own model programs.

Many chains at once, each of many draws. The Monte Carlo standard error of every answer is that of its chain
means, which needs no theory of autocorrelation; for quantiles, of the chains' own quantiles.
"""

import jax
import jax.numpy as jnp
import numpy as np
from grid_quadrature import LEVELS, MARGINS, Problem
from numpyro.infer import MCMC, NUTS

from adaptive.models import FullPooling, NoPooling, PartialPooling
from adaptive.records import EventTable

MODELS = {"partial_pooling": PartialPooling, "no_pooling": NoPooling, "full_pooling": FullPooling}


def sample(problem: Problem, *, chains: int, warmup: int, draws: int, seed: int) -> np.ndarray:
    """Draws of the log hazard ratios, shape (chains, draws, S, B)."""
    table = EventTable(jnp.asarray(problem.events), jnp.asarray(problem.exposure))
    program = NUTS(MODELS[problem.model](**problem.prior), target_accept_prob=0.95)
    sampler = MCMC(
        program,
        num_warmup=warmup,
        num_samples=draws,
        num_chains=chains,
        chain_method="vectorized",
        progress_bar=False,
    )
    sampler.run(jax.random.key(seed), table, table.events.shape)
    return np.asarray(sampler.get_samples(group_by_chain=True)["log_hr"])


def solve(problem: Problem, *, chains: int = 64, warmup: int = 300, draws: int = 4000, seed: int = 1) -> dict:
    """Return value and Monte Carlo standard error of every answer, and how it was made."""
    drawn = sample(problem, chains=chains, warmup=warmup, draws=draws, seed=seed)
    with_control = np.concatenate([np.zeros_like(drawn[..., :1]), drawn], axis=-1)
    winner = with_control.argmin(axis=-1)
    each = {
        "p_below": np.stack([(drawn < np.log(m)).mean(axis=1) for m in MARGINS], axis=1),
        "p_best": np.stack([(winner == a).mean(axis=1) for a in range(with_control.shape[-1])], axis=-1),
        "mean": drawn.mean(axis=1),
        "sd": drawn.std(axis=1),
        "quantile": np.moveaxis(np.quantile(drawn, LEVELS, axis=1), 0, 1),
    }
    pairs = {name: (x.mean(axis=0), x.std(axis=0, ddof=1) / np.sqrt(chains)) for name, x in each.items()}
    made = {"chains": chains, "warmup": warmup, "draws": draws, "seed": seed, "jax": jax.__version__}
    return {"answers": pairs, "made": made}
