"""Gaussian algebra of the exchangeable prior when each subgroup's likelihood is a Gaussian *site*.

Given ``tau``, ``theta[s] ~ N(mu, tau^2 I)`` and ``mu ~ N(0, sigma^2 I)``; a site stands for subgroup
``s``'s likelihood as ``exp(r'theta - theta'H theta / 2)``. Given ``mu`` the subgroups are independent, so
every matrix is ``B x B``. Nothing here divides by ``tau`` or inverts ``H``: no information and no
heterogeneity are ordinary cases. This module must not know where the sites come from.

Every array has shape ``(S, T)``, ``T`` nodes of ``tau``; vectors and matrices over ``B`` are written out.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from adaptive.posterior.small import (
    Matrix,
    Vector,
    add,
    add_diagonal,
    change,
    dot,
    identity_plus,
    inverse,
    product,
    times,
)


class Sites(eqx.Module):
    """Gaussian stand-ins of the subgroups' likelihoods: ``exp(r'theta - theta'H theta / 2)``."""

    precision: Matrix
    linear: Vector


class Prior(eqx.Module):
    """The exchangeable normal prior: ``variance`` of ``mu``, and ``tau^2`` per node, shape ``(1, T)``."""

    variance: Array
    tau_squared: Array


class Normal(eqx.Module):
    """A normal distribution over ``B`` with its precision and the log determinant of the precision."""

    mean: Vector
    covariance: Matrix
    precision: Matrix
    log_det: Array


class Combined(eqx.Module):
    """What prior and sites imply.

    Attributes
    ----------
    cavity
        Distribution of ``theta[s]`` given the *other* subgroups' sites, ``(S, T)``.
    posterior
        Distribution of ``theta[s]`` given all sites, ``(S, T)``.
    mu_mean, mu_variance
        Moments of ``mu`` given all sites, ``(1, T)``.
    log_evidence
        Log integral of prior times sites, shape ``(1, T)``.
    """

    cavity: Normal
    posterior: Normal
    mu_mean: Vector
    mu_variance: Matrix
    log_evidence: Array


def over_subgroups(value: Array) -> Array:
    """Return the sum over the leading axis in a fixed order, keeping the axis."""
    return sum(value[s : s + 1] for s in range(value.shape[0]))


def combine(prior: Prior, sites: Sites) -> Combined:
    """Return cavities, posterior and evidence of Gaussian sites under the exchangeable prior."""
    shrink, log_det = inverse(identity_plus(prior.tau_squared, sites.precision))
    own_precision, own_linear = product(shrink, sites.precision), times(shrink, sites.linear)
    all_precision, all_linear = change(own_precision, over_subgroups), change(own_linear, over_subgroups)
    mu_variance, mu_log_det = _mu_variance(prior.variance, all_precision)
    mu_mean = times(mu_variance, all_linear)
    inner = prior.tau_squared * dot(sites.linear, own_linear) - log_det
    log_evidence = 0.5 * (over_subgroups(inner) + dot(all_linear, mu_mean) - mu_log_det)
    cavity = _cavity(prior, add(all_precision, own_precision, -1.0), add(all_linear, own_linear, -1.0))
    return Combined(cavity, with_site(cavity, sites), mu_mean, mu_variance, log_evidence)


def _mu_variance(variance: Array, precision: Matrix) -> tuple[Matrix, Array]:
    """Return the covariance of ``mu`` and ``log det(I + variance * precision)``."""
    inverted, log_det = inverse(identity_plus(variance, precision))
    return change(inverted, lambda x: x * variance), log_det


def _cavity(prior: Prior, precision: Matrix, linear: Vector) -> Normal:
    """Return the distribution of ``theta[s]`` given what the other subgroups say of ``mu``."""
    mu_variance, _ = _mu_variance(prior.variance, precision)
    covariance = add_diagonal(mu_variance, prior.tau_squared)
    inverted, log_det = inverse(covariance)
    return Normal(times(mu_variance, linear), covariance, inverted, -log_det)


def with_site(cavity: Normal, sites: Sites) -> Normal:
    """Return the normalised product of cavity and site."""
    precision = add(cavity.precision, sites.precision)
    covariance, log_det = inverse(precision)
    mean = times(covariance, add(times(cavity.precision, cavity.mean), sites.linear))
    return Normal(mean, covariance, precision, log_det)


def log_site_integral(cavity: Normal, posterior: Normal) -> Array:
    """Return the log integral of cavity times site, given their normalised product."""
    quadratic = dot(posterior.mean, times(posterior.precision, posterior.mean))
    quadratic = quadratic - dot(cavity.mean, times(cavity.precision, cavity.mean))
    return 0.5 * (quadratic + cavity.log_det - posterior.log_det)


def squared_distance(precision: Matrix, deviation: Vector) -> Array:
    """Return ``deviation' precision deviation``."""
    n = range(len(deviation))
    square = sum(precision[i][i] * deviation[i] * deviation[i] for i in n)
    cross = [precision[i][j] * deviation[i] * deviation[j] for i in n for j in range(i)]
    return square + 2.0 * sum(cross) if cross else square


def as_array(nested: Vector) -> Array:
    """Return a written-out vector as one array with the vector axis last."""
    return jnp.stack(nested, axis=-1)
