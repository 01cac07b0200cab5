"""The reference engine: NumPyro's No-U-Turn sampler, for real data and for auditing the fast engine.

Runs eagerly on one table, and under ``jit`` and ``vmap`` on simulated ones. It must not know which model it
samples, and imports no ArviZ: the interim analysis turns its draws into files.
"""

import dataclasses
from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray
from numpyro.infer import MCMC, NUTS

from adaptive.codes import HealthCode
from adaptive.models.base import AbstractModel
from adaptive.posterior.base import AbstractEngine, AbstractPosterior, Overall
from adaptive.posterior.convergence import bulk_ess, energy_fraction, split_rhat, tail_ess
from adaptive.records import EventTable, Health

KEPT = ("log_hr", "mu", "tau", "tau_arm", "hazard")


class DrawsPosterior(AbstractPosterior):
    """Posterior held as draws.

    Attributes
    ----------
    sites
        Draws per parameter that the model has (``log_hr``, ``mu``, ``tau`` or ``tau_arm``, ``hazard``), each
        of shape ``(chains, draws, ...)``.
    diverging, energy
        Per transition, shape ``(chains, draws)``.
    """

    sites: dict[str, Array]
    diverging: Bool[Array, "chains D"]
    energy: Float[Array, "chains D"]
    health: Health

    @property
    def log_hr(self) -> Float[Array, "D S B"]:
        """Draws of the log hazard ratios, chains one after the other."""
        draws = self.sites["log_hr"]
        return draws.reshape((-1, *draws.shape[2:]))

    def p_below(self, log_margins: Float[Array, " G"]) -> Float[Array, "G S B"]:
        """Return the share of draws below each margin."""
        draws = self.log_hr
        shares = [
            jnp.mean(draws < log_margins[g], axis=0, dtype=draws.dtype) for g in range(log_margins.shape[0])
        ]
        return jnp.stack(shares)

    def p_best(self) -> Float[Array, "S A"]:
        """Return the share of draws in which the arm has the lowest hazard, control included."""
        draws = self.log_hr
        with_control = jnp.concatenate([jnp.zeros_like(draws[:, :, :1]), draws], axis=2)
        winner = jnp.argmin(with_control, axis=2)
        arms = jnp.arange(with_control.shape[2])
        return jnp.mean(winner[:, :, None] == arms[None, None, :], axis=0, dtype=draws.dtype)

    def moments(self) -> tuple[Float[Array, "S B"], Float[Array, "S B"]]:
        """Return mean and standard deviation of the draws."""
        return self.log_hr.mean(axis=0), self.log_hr.std(axis=0, ddof=1)

    def quantiles(self, levels: Float[Array, " Q"]) -> Float[Array, "Q S B"]:
        """Return quantiles of the draws."""
        return jnp.quantile(self.log_hr, levels, axis=0)

    def overall(self) -> Overall:
        """Return the summary of ``mu`` and ``tau``; NaN where the model has none."""
        like = self.log_hr
        none = jnp.full((1, like.shape[2]), jnp.nan, like.dtype)
        mu = self.sites["mu"].reshape((-1, like.shape[2])) if "mu" in self.sites else none
        tau = self.sites["tau"].reshape(-1) if "tau" in self.sites else none[0, :1]
        below = jnp.where(jnp.isnan(mu), jnp.nan, (mu < 0.0).astype(like.dtype)).mean(axis=0)
        return Overall(mu.mean(axis=0), mu.std(axis=0), below, tau.mean(), tau.std())


class AbstractSampler(AbstractEngine):
    """An engine whose posterior is draws, and which can be asked for more of them."""

    @abstractmethod
    def fit(self, key: PRNGKeyArray, model: AbstractModel, table: EventTable) -> DrawsPosterior:
        """Return draws; the same key gives the same ones."""

    @abstractmethod
    def stronger(self, times: int) -> "AbstractSampler":
        """Return the engine for a fit that has failed ``times`` times: more draws, more careful."""


class NutsEngine(AbstractSampler):
    """No-U-Turn sampler (Hoffman and Gelman 2014, JMLR 15, 1593-1623).

    Attributes
    ----------
    chains, warmup, draws
        Number of chains, and of iterations of each before and after adaptation ends; static.
    target_accept
        Target acceptance probability of the step-size adaptation; static.
    max_tree_depth
        A transition takes at most ``2**max_tree_depth - 1`` steps; static. Under ``vmap`` every fit of a
        block waits for the longest tree of the block, so a bound keeps one bad fit from stopping the others.
    max_rhat, min_ess, max_divergences, min_ebfmi
        Gates: a fit that fails one is not ``OK``. With few draws, as in simulation, relax ``min_ess``.
    """

    chains: int = eqx.field(static=True, default=4)
    warmup: int = eqx.field(static=True, default=1000)
    draws: int = eqx.field(static=True, default=1000)
    target_accept: float = eqx.field(static=True, default=0.95)
    max_tree_depth: int = eqx.field(static=True, default=10)
    max_rhat: Float[Array, ""] = eqx.field(converter=jnp.asarray, default=1.01)
    min_ess: Float[Array, ""] = eqx.field(converter=jnp.asarray, default=400.0)
    max_divergences: Float[Array, ""] = eqx.field(converter=jnp.asarray, default=0.0)
    min_ebfmi: Float[Array, ""] = eqx.field(converter=jnp.asarray, default=0.3)

    def fit(self, key: PRNGKeyArray, model: AbstractModel, table: EventTable) -> DrawsPosterior:
        """Sample the posterior; the same key gives the same draws."""
        return _sample(self, key, model, table)

    def stronger(self, times: int) -> "NutsEngine":
        """Return the engine for a fit that has failed ``times`` times.

        Each time warm-up and draws grow four-fold, the target acceptance keeps a fifth of its distance to 1,
        and trees may be a level deeper; the gates stay.
        """
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return NutsEngine(
            **{
                **fields,
                "warmup": self.warmup * 4**times,
                "draws": self.draws * 4**times,
                "target_accept": 1.0 - (1.0 - self.target_accept) / 5**times,
                "max_tree_depth": self.max_tree_depth + times,
            }
        )

    def judge(
        self, sites: dict[str, Array], diverging: Bool[Array, "chains D"], energy: Float[Array, "chains D"]
    ) -> Health:
        """Return the health of draws; the first gate that fails gives the code."""
        flat = jnp.concatenate([x.reshape((*x.shape[:2], -1)) for x in sites.values()], axis=2)
        rhat = split_rhat(flat).max()
        ess = jnp.minimum(bulk_ess(flat), tail_ess(flat)).min()
        divergences = diverging.sum().astype(jnp.int32)
        conditions = [
            ~jnp.isfinite(flat).all(),
            ~(rhat <= self.max_rhat),
            ~(ess >= self.min_ess),
            divergences > self.max_divergences,
            ~(energy_fraction(energy).min() >= self.min_ebfmi),
        ]
        codes = ("NOT_FINITE", "NOT_CONVERGED", "LOW_ESS", "DIVERGENT", "LOW_ENERGY")
        code = jnp.select(
            conditions, [jnp.asarray(int(HealthCode[c]), jnp.int32) for c in codes], jnp.int32(0)
        )
        return Health(code, ess.astype(flat.dtype), rhat.astype(flat.dtype), divergences)


@eqx.filter_jit
def _sample(engine: NutsEngine, key: PRNGKeyArray, model: AbstractModel, table: EventTable) -> DrawsPosterior:
    """Sample as one compiled program: chains are vectorised, so nothing depends on the number of devices."""
    sampler = MCMC(
        NUTS(model, target_accept_prob=engine.target_accept, max_tree_depth=engine.max_tree_depth),
        num_warmup=engine.warmup,
        num_samples=engine.draws,
        num_chains=engine.chains,
        chain_method="vectorized",
        progress_bar=False,
    )
    sampler.run(key, table, table.events.shape, extra_fields=("diverging", "energy"))
    drawn = sampler.get_samples(group_by_chain=True)
    extra = sampler.get_extra_fields(group_by_chain=True)
    sites = {name: drawn[name] for name in KEPT if name in drawn}
    return DrawsPosterior(sites, extra["diverging"], extra["energy"], engine.judge(sites, **extra))
