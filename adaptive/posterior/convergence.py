"""Convergence of sampled posteriors in pure JAX, so that a fit under ``jit`` and ``vmap`` can judge itself.

Rank-normalised split R-hat and bulk and tail effective sample sizes after Vehtari, Gelman, Simpson,
Carpenter and Buerkner (2021), Bayesian Analysis 16, 667-718, doi:10.1214/20-BA1221; energy fraction after
Betancourt (2016), arXiv:1604.00695. Draws are ``(chains, draws, parameters)``. Must not know models or
trials.
"""

import jax
import jax.numpy as jnp
from jax.scipy.special import ndtri
from jaxtyping import Array, Float


def split(draws: Float[Array, "chains draws P"]) -> Float[Array, "halves half P"]:
    """Return each chain cut into halves; a middle draw is dropped when the number is odd."""
    half = draws.shape[1] // 2
    return jnp.concatenate([draws[:, :half], draws[:, draws.shape[1] - half :]], axis=0)


def rank_normalise(draws: Float[Array, "chains draws P"]) -> Float[Array, "chains draws P"]:
    """Return normal scores ``Phi^-1((rank - 3/8) / (n + 1/4))`` of all draws of a parameter together."""
    flat = draws.reshape(-1, draws.shape[-1])
    rank = jax.vmap(_average_rank, in_axes=1, out_axes=1)(flat)
    return ndtri((rank - 0.375) / (flat.shape[0] + 0.25)).reshape(draws.shape)


def _average_rank(values: Float[Array, " n"]) -> Float[Array, " n"]:
    ordered = jnp.sort(values)
    low = jnp.searchsorted(ordered, values, side="left")
    high = jnp.searchsorted(ordered, values, side="right")
    return (0.5 * (low + high + 1)).astype(values.dtype)


def split_rhat(draws: Float[Array, "chains draws P"]) -> Float[Array, " P"]:
    """Return the larger of R-hat of the ranks and of the folded ranks, per parameter."""
    halves = split(draws)
    centre = jnp.median(halves, axis=(0, 1), keepdims=True)
    folded = jnp.abs(halves - centre)
    return jnp.maximum(_rhat(rank_normalise(halves)), _rhat(rank_normalise(folded)))


def _rhat(halves: Float[Array, "halves half P"]) -> Float[Array, " P"]:
    n = halves.shape[1]
    between = n * halves.mean(axis=1).var(axis=0, ddof=1)
    within = halves.var(axis=1, ddof=1).mean(axis=0)
    return jnp.sqrt((between / within + n - 1) / n)


def bulk_ess(draws: Float[Array, "chains draws P"]) -> Float[Array, " P"]:
    """Return the effective sample size of the rank-normalised draws."""
    return _ess(rank_normalise(split(draws)))


def share_errors(happened: Float[Array, "chains draws P"]) -> Float[Array, " P"]:
    """Return the Monte Carlo standard error of the share of draws in which something happened.

    ``sqrt(p (1 - p) / ESS)`` with the effective sample size of the indicator itself; ``p`` is shrunk by half
    a draw, ``(share ESS + 1/2) / (ESS + 1)``, so that shares of 0 and 1 have an error too. An indicator that
    never changes counts as a tenth of the draws.

    Parameters
    ----------
    happened
        Zeros and ones.
    """
    share = happened.mean(axis=(0, 1))
    moves = (share > 0.0) & (share < 1.0)
    total = happened.shape[0] * happened.shape[1]
    size = jnp.where(moves, jnp.nan_to_num(_ess(split(happened)), nan=0.1 * total), 0.1 * total)
    smooth = (share * size + 0.5) / (size + 1.0)
    return jnp.sqrt(smooth * (1.0 - smooth) / size)


def tail_ess(draws: Float[Array, "chains draws P"]) -> Float[Array, " P"]:
    """Return the smaller effective sample size of the indicators of the 5% and 95% quantiles."""
    low, high = jnp.quantile(draws, jnp.asarray([0.05, 0.95], draws.dtype), axis=(0, 1))
    below = [split((draws <= q[None, None, :]).astype(draws.dtype)) for q in (low, high)]
    return jnp.minimum(_ess(below[0]), _ess(below[1]))


def _ess(halves: Float[Array, "halves half P"]) -> Float[Array, " P"]:
    """Return the effective sample size by Geyer's initial monotone sequence of autocorrelation pairs."""
    m, n, _ = halves.shape
    covariance = _autocovariance(halves).mean(axis=0)
    within = covariance[0] * n / (n - 1.0)
    total = within * (n - 1.0) / n + (halves.mean(axis=1).var(axis=0, ddof=1) if m > 1 else 0.0)
    rho = 1.0 - (within[None, :] - covariance * n / (n - 1.0)) / total[None, :]
    rho = rho.at[0].set(1.0)
    even = rho[0 : n - n % 2 : 2]
    pairs = even + rho[1 : n - n % 2 : 2]
    alive = jnp.cumprod((pairs > 0).astype(pairs.dtype), axis=0)
    decreasing = jax.lax.cummin(jnp.where(alive > 0, pairs, jnp.inf), axis=0)
    first_dead = jnp.minimum(alive.sum(axis=0).astype(jnp.int32), pairs.shape[0] - 1)
    extra = jnp.take_along_axis(even, first_dead[None, :], axis=0)[0]
    tau = -1.0 + 2.0 * jnp.where(alive > 0, decreasing, 0.0).sum(axis=0) + jnp.maximum(extra, 0.0)
    return m * n / jnp.maximum(tau, 1.0 / jnp.log10(1.0 * m * n))


def _autocovariance(halves: Float[Array, "halves half P"]) -> Float[Array, "halves half P"]:
    n = halves.shape[1]
    centred = halves - halves.mean(axis=1, keepdims=True)
    size = 2 ** int(2 * n - 1).bit_length()
    spectrum = jnp.fft.rfft(centred, n=size, axis=1)
    return jnp.fft.irfft(jnp.abs(spectrum) ** 2, n=size, axis=1)[:, :n] / n


def energy_fraction(energy: Float[Array, "chains draws"]) -> Float[Array, " chains"]:
    """Return the energy fraction of missing information per chain."""
    return (jnp.diff(energy, axis=1) ** 2).mean(axis=1) / energy.var(axis=1, ddof=1)
