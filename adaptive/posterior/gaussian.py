"""Gaussian algebra of an exchangeable prior when each subgroup's likelihood is a Gaussian *site*.

A site stands for subgroup ``s``'s likelihood as ``exp(r'theta - theta'H theta / 2)``. Given ``mu`` the
subgroups are independent, so every matrix is ``B x B``. Nothing here inverts ``H`` or the covariance of
``mu``: no information and a known ``mu`` are ordinary cases. This module must not know where the sites come
from.

Every array has shape ``(S, N, R)``: subgroups, components of the prior, lanes of trials.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from adaptive.models.hierarchy import Hierarchy
from adaptive.posterior.small import (
    Matrix,
    Vector,
    add,
    add_diagonal,
    change,
    dot,
    identity_plus,
    inverse,
    is_zero,
    product,
    quadratic,
    scaled,
    symmetric,
    times,
    transposed,
)
from adaptive.posterior.storing import stored


class Sites(eqx.Module):
    """Gaussian stand-ins of the subgroups' likelihoods: ``exp(r'theta - theta'H theta / 2)``."""

    precision: Matrix
    linear: Vector


class Normal(eqx.Module):
    """A normal distribution over ``B`` with its precision and the log determinant of the precision."""

    mean: Vector
    covariance: Matrix
    precision: Matrix
    log_det: Array


class Prior(eqx.Module):
    """The hierarchy with a subgroup axis in front, and each subgroup's own centre and spread."""

    centre: Vector
    spread: Vector
    mu_mean: Vector
    mu_factor: Matrix
    exchangeable: Array | None


class Combined(eqx.Module):
    """What prior and sites imply.

    Attributes
    ----------
    cavity
        Distribution of ``theta[s]`` given the *other* subgroups' sites.
    posterior
        Distribution of ``theta[s]`` given all sites.
    mu_mean, mu_variance
        Moments of ``mu`` given all sites, ``(1, N, R)``.
    log_evidence
        Log integral of prior times sites, shape ``(1, N, R)``.
    """

    cavity: Normal
    posterior: Normal
    mu_mean: Vector
    mu_variance: Matrix
    log_evidence: Array


def prior_of(hierarchy: Hierarchy) -> Prior:
    """Lay the hierarchy out over subgroups."""
    front = lambda x: x[None]  # noqa: E731
    spread, mean = change(hierarchy.spread, front), change(hierarchy.mu_mean, front)
    factor, own = change(hierarchy.mu_factor, front), hierarchy.independent
    if own is None:
        return Prior(mean, spread, mean, factor, None)
    shared = own.exchangeable
    return Prior(
        [_either(shared, m, own.mean) for m in mean],
        [_either(shared, d, own.scale) for d in spread],
        mean,
        factor,
        shared,
    )


def _either(shared: Array, if_shared: Array | float, if_not: Array) -> Array:
    return stored(shared * if_shared + (1.0 - shared) * if_not)


def over_subgroups(value: Array) -> Array:
    """Return the sum over the leading axis in a fixed order, keeping the axis."""
    return sum(value[s : s + 1] for s in range(value.shape[0]))


def combine(prior: Prior, sites: Sites) -> Combined:
    """Return cavities, posterior and evidence of Gaussian sites under the prior."""
    own_precision, own_linear, own_evidence = _about_mu(prior, sites)
    all_precision, all_linear = (change(x, over_subgroups) for x in (own_precision, own_linear))
    mu_variance, mu_log_det = _mu_variance(prior.mu_factor, all_precision)
    shift = times(mu_variance, all_linear)
    log_evidence = over_subgroups(own_evidence) + 0.5 * (dot(all_linear, shift) - mu_log_det)
    cavity = _cavity(prior, add(all_precision, own_precision, -1.0), add(all_linear, own_linear, -1.0))
    mu_mean = [s if is_zero(m) else s + m for s, m in zip(shift, prior.mu_mean, strict=True)]
    mu_variance = [[_shaped(x, log_evidence) for x in row] for row in mu_variance]
    mu_mean = [_shaped(m, log_evidence) for m in mu_mean]
    return stored(Combined(cavity, with_site(cavity, sites), mu_mean, mu_variance, log_evidence))


def _about_mu(prior: Prior, sites: Sites) -> tuple[Matrix, Vector, Array]:
    """Return each subgroup's precision and linear term about ``mu``'s mean, and its log evidence given it.

    With ``D`` the diagonal of the spreads and ``c`` the centre: ``(I + H D^2)^-1 H`` and
    ``(I + H D^2)^-1 (r - H c)``. A subgroup that stands by itself says nothing of ``mu``.
    """
    spread, precision = prior.spread, sites.precision
    pull = times(precision, prior.centre)
    linear = add(sites.linear, pull, -1.0)
    shrink, log_det = inverse(identity_plus(scaled(precision, spread)))
    shrink = stored(shrink)
    reduced = [x * d for x, d in zip(linear, spread, strict=True)]
    twice = quadratic(shrink, reduced) - log_det + 2.0 * dot(prior.centre, sites.linear)
    evidence = 0.5 * (twice - dot(prior.centre, pull))
    turned = [[_ratio(x, spread, i, j) for j, x in enumerate(row)] for i, row in enumerate(shrink)]
    full = product(turned, precision)
    own_precision = symmetric(lambda i, j: full[i][j], len(full))
    own_linear = times(turned, linear)
    if prior.exchangeable is not None:
        own_precision, own_linear = (
            change(x, lambda v: v * prior.exchangeable) for x in (own_precision, own_linear)
        )
    return stored(own_precision), stored(own_linear), stored(evidence)


def _ratio(entry: Array, spread: Vector, i: int, j: int) -> Array:
    """Return ``entry * spread[j] / spread[i]``; arms that share a spread hold the same array."""
    return entry if spread[i] is spread[j] else entry * (spread[j] / spread[i])


def _mu_variance(factor: Matrix, precision: Matrix) -> tuple[Matrix, Array | float]:
    """Return ``(V^-1 + P)^-1`` and ``log det(I + V P)`` for ``V = F F'``; zeros for a known ``mu``."""
    n = len(factor)
    if all(is_zero(x) for row in factor for x in row):
        return [[0.0] * n for _ in range(n)], 0.0
    inner = product(product(transposed(factor), precision), factor)
    inverted, log_det = inverse(identity_plus(inner))
    full = product(product(factor, stored(inverted)), transposed(factor))
    return stored(symmetric(lambda i, j: full[i][j], n)), log_det


def _cavity(prior: Prior, precision: Matrix, linear: Vector) -> Normal:
    """Return the distribution of ``theta[s]`` given what the other subgroups say of ``mu``."""
    mu_variance, _ = _mu_variance(prior.mu_factor, precision)
    shift = times(mu_variance, linear)
    if prior.exchangeable is not None:
        mu_variance, shift = (change(x, lambda v: v * prior.exchangeable) for x in (mu_variance, shift))
    mean = [_shaped(add([c], [s])[0], linear[0]) for c, s in zip(prior.centre, shift, strict=True)]
    covariance = add_diagonal(mu_variance, [d * d for d in prior.spread])
    covariance = [[_shaped(x, linear[0]) for x in row] for row in covariance]
    inverted, log_det = inverse(covariance)
    return stored(Normal(mean, covariance, inverted, -log_det))


def _shaped(value: Array | float, like: Array) -> Array:
    return jnp.broadcast_to(jnp.asarray(value, like.dtype), like.shape)


def with_site(cavity: Normal, sites: Sites) -> Normal:
    """Return the normalised product of cavity and site."""
    precision = add(cavity.precision, sites.precision)
    covariance, log_det = inverse(precision)
    covariance = stored(covariance)
    mean = times(covariance, add(times(cavity.precision, cavity.mean), sites.linear))
    return stored(Normal(mean, covariance, precision, log_det))


def log_site_integral(cavity: Normal, posterior: Normal) -> Array:
    """Return the log integral of cavity times site, given their normalised product."""
    gained = quadratic(posterior.precision, posterior.mean) - quadratic(cavity.precision, cavity.mean)
    return 0.5 * (gained + cavity.log_det - posterior.log_det)
