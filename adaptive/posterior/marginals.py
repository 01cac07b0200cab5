"""Marginal distributions of one subgroup's log hazard ratios from cavities and the exact likelihood.

The posterior of ``theta[s]`` is likelihood times a mixture over ``tau`` of normal cavities; only the cavities
are approximate. Each marginal is tabulated on an even grid; the other arms are integrated out by Gauss-Hermite
points about their conditional normal distribution. Must not know how cavities were found.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from adaptive.models.likelihood import Cells
from adaptive.posterior.gaussian import Normal, squared_distance
from adaptive.posterior.matching import Tilted, normal_rule
from adaptive.posterior.orthant import all_above
from adaptive.posterior.small import Matrix, Vector, add, change, cholesky, dot
from adaptive.posterior.tabulated import Grid, Tabulated, tabulate

HALF_WIDTH = 6.0
"""Half-width of the grids in posterior standard deviations."""
CORE = 1.5
"""Width of the grids' dense core in standard deviations of the narrow components."""


NEGLIGIBLE = 1e-9
"""Added to probabilities before taking logarithms, so that the interpolated logarithm stays smooth."""


class Conditional(eqx.Module):
    """The other arms given one arm's value, as a mixture of normals over the nodes; arrays ``(S, P, T)``."""

    share: Array
    mean: Vector
    covariance: Matrix

    def moments(self) -> tuple[Vector, Matrix]:
        """Return mean and covariance of the mixture, arrays ``(S, P)``."""
        centre = [(self.share * m).sum(axis=-1) for m in self.mean]
        gap = [m - c[:, :, None] for m, c in zip(self.mean, centre, strict=True)]
        n = range(len(gap))
        return centre, [
            [(self.share * (self.covariance[i][j] + gap[i] * gap[j])).sum(axis=-1) for j in n] for i in n
        ]

    def moved(self, mean: Vector, covariance: Matrix) -> "Conditional":
        """Return the mixture shifted and scaled, arm by arm, to the given means and variances."""
        centre, rough = self.moments()
        n = range(len(mean))
        scale = [jnp.sqrt(covariance[i][i] / rough[i][i])[:, :, None] for i in n]
        shifted = [mean[i][:, :, None] + (self.mean[i] - centre[i][:, :, None]) * scale[i] for i in n]
        scaled = [[self.covariance[i][j] * scale[i] * scale[j] for j in n] for i in n]
        return Conditional(self.share, shifted, scaled)

    def all_above(self, limit: Float[Array, "S P"]) -> Float[Array, "S P"]:
        """Return the probability that every other arm exceeds ``limit``."""
        wide = jnp.broadcast_to(limit[:, :, None], self.share.shape)
        return (self.share * all_above(self.mean, self.covariance, wide)).sum(axis=-1)


class Mixture(eqx.Module):
    """Posterior of ``theta[s]``: sum over ``tau`` of weight x cavity x likelihood / its integral.

    Attributes
    ----------
    cells
        Likelihood, arrays ``(S,)``.
    cavity, tilted
        Arrays ``(S, T)``.
    weight
        Posterior weights of the nodes of ``tau``, shape ``(T,)``.
    """

    cells: Cells
    cavity: Normal
    tilted: Tilted
    weight: Float[Array, " T"]

    def grid(self, arm: int, n_points: int) -> Grid:
        """Return a grid for arm ``arm``: centred and dense where the narrow components are, reaching all."""
        mean, variance = self.tilted.mean[arm], self.tilted.covariance[arm][arm]
        sharpness = self.weight[None, :] / jnp.sqrt(variance)
        peak = _in_order(sharpness)
        centre = _in_order(sharpness * mean) / peak
        spread = _in_order(self.weight[None, :] * (variance + (mean - centre[:, None]) ** 2))
        scale = CORE / peak
        return Grid(centre, scale, jnp.arcsinh(HALF_WIDTH * jnp.sqrt(spread) / scale), n_points)

    def conditional(self, arm: int, x: Float[Array, "S P"]) -> Conditional:
        """Return the other arms given ``theta[arm] = x`` if every component were normal."""
        others = [c for c in range(len(self.tilted.mean)) if c != arm]
        covariance = change(self.tilted.covariance, lambda v: v[:, None, :])
        own = covariance[arm][arm]
        away = x[:, :, None] - self.tilted.mean[arm][:, None, :]
        log_share = jnp.log(self.weight)[None, None, :] - 0.5 * (jnp.log(own) + away**2 / own)
        share = jnp.exp(log_share - log_share.max(axis=-1, keepdims=True))
        slope = [covariance[c][arm] / own for c in others]
        mean = [self.tilted.mean[c][:, None, :] + k * away for c, k in zip(others, slope, strict=True)]
        rest = [
            [covariance[c][d] - k * covariance[d][arm] for d in others]
            for c, k in zip(others, slope, strict=True)
        ]
        wide = change(rest, lambda v: jnp.broadcast_to(v, away.shape))
        return Conditional(share / share.sum(axis=-1, keepdims=True), mean, wide)

    def log_density(self, theta: Vector) -> Array:
        """Return the log density up to a constant at points of shape ``(S, ...)``."""
        n_axes = theta[0].ndim - 1
        log_likelihood = self.cells.expanded(n_axes).log_likelihood(theta)
        height = jnp.log(self.weight)[None, :] - self.tilted.log_integral + 0.5 * self.cavity.log_det
        density = 0.0
        for node in range(self.weight.shape[0]):
            at_node = lambda x, k=node: x[:, k].reshape((-1,) + (1,) * n_axes)  # noqa: E731
            away = add(theta, change(self.cavity.mean, at_node), -1.0)
            distance = squared_distance(change(self.cavity.precision, at_node), away)
            density = density + jnp.exp(log_likelihood + at_node(height) - 0.5 * distance)
        return jnp.log(jnp.maximum(density, jnp.finfo(density.dtype).tiny))


def _in_order(values: Float[Array, "S T"]) -> Float[Array, " S"]:
    """Return the sum over the last axis in a fixed order."""
    return sum(values[:, k] for k in range(values.shape[1]))


class Slices(eqx.Module):
    """One arm's marginal on its grid, and the other arms' conditional moments at each grid point.

    Attributes
    ----------
    grid
        The grid, batch shape ``(S,)``.
    points
        Its points, shape ``(S, P)``.
    log_density
        Marginal log density in the grid's variable up to a constant, shape ``(S, P)``.
    others
        The other arms given the grid point; None when there are none.
    """

    grid: Grid
    points: Float[Array, "S P"]
    log_density: Float[Array, "S P"]
    others: Conditional | None


def slice_arm(mixture: Mixture, arm: int, n_points: int) -> Slices:
    """Tabulate arm ``arm``'s marginal on ``n_points`` points."""
    grid = mixture.grid(arm, n_points)
    points, log_slope = grid.points()
    if len(mixture.tilted.mean) == 1:
        return Slices(grid, points, mixture.log_density([points]) + log_slope, None)
    rough = mixture.conditional(arm, points)
    centre, covariance = rough.moments()
    log_density, mean, second = _integrate_out(mixture, arm, points, centre, cholesky(covariance))
    return Slices(grid, points, log_density + log_slope, rough.moved(mean, second))


def _integrate_out(mixture: Mixture, arm: int, x: Array, centre: Vector, lower: Matrix):
    """Return marginal log density and conditional moments of the other arms at each grid point."""
    rule, rule_weights = normal_rule(len(centre))
    points = [jnp.asarray(z, x.dtype)[None, None, :] for z in rule.T]
    spread = change(lower, lambda v: v[:, :, None])
    offset = [dot(spread[i][: i + 1], points[: i + 1]) for i in range(len(points))]
    theta = [c[:, :, None] + o for c, o in zip(centre, offset, strict=True)]
    theta.insert(arm, jnp.broadcast_to(x[:, :, None], theta[0].shape))
    log_rule = jnp.asarray(np.log(rule_weights) + 0.5 * (rule**2).sum(axis=1), x.dtype)
    log_lower = sum(jnp.log(lower[i][i]) for i in range(len(lower)))
    height = mixture.log_density(theta) + log_lower[:, :, None] + log_rule[None, None, :]
    top = height.max(axis=-1, keepdims=True)
    weight = jnp.exp(height - top)
    total = weight.sum(axis=-1)
    weight = weight / total[..., None]
    shift = [(weight * o).sum(axis=-1) for o in offset]
    n = range(len(offset))
    second = [[(weight * offset[i] * offset[j]).sum(axis=-1) - shift[i] * shift[j] for j in n] for i in n]
    return jnp.log(total) + top[..., 0], add(centre, shift), second


def marginal_table(slices: list[Slices]) -> Tabulated:
    """Return the normalised marginals of all arms, batch shape ``(S, B)``."""
    grids = [part.grid for part in slices]
    centre, scale, reach = (
        jnp.stack([getattr(g, name) for g in grids], axis=-1) for name in ("centre", "scale", "reach")
    )
    grid = Grid(centre, scale, reach, grids[0].n_points)
    log_density = jnp.stack([part.log_density for part in slices], axis=1)
    log_density = log_density - log_density.max(axis=-1, keepdims=True)
    return tabulate(grid, log_density - jnp.log(tabulate(grid, log_density).total)[..., None])


def best_probabilities(slices: list[Slices]) -> Float[Array, "S A"]:
    """Return the probability that each arm, control first, has the lowest hazard.

    Arm ``b`` is best when ``theta[b] < 0`` and every other ratio is above it: an integral over arm ``b``'s marginal
    of the conditional probability of the latter. Control is best when all are above 0, averaged over
    the arms that can be integrated last. Rows are scaled to sum to 1.
    """
    best, control = [], 0.0
    for part in slices:
        density = part.log_density - part.log_density.max(axis=-1, keepdims=True)
        zero = jnp.zeros_like(part.grid.centre)
        mass = tabulate(part.grid, density).total
        best.append(_all_above(part, density, part.points).below(zero) / mass)
        above = _all_above(part, density, jnp.zeros_like(part.points))
        control = control + (above.total - above.below(zero)) / mass
    rows = jnp.stack([control / len(slices), *best], axis=-1)
    return rows / rows.sum(axis=-1, keepdims=True)


def _all_above(part: Slices, density: Array, limit: Array) -> Tabulated:
    """Return the marginal times the conditional probability that all other arms exceed ``limit``."""
    if part.others is None:
        return tabulate(part.grid, density)
    return tabulate(part.grid, density + jnp.log(part.others.all_above(limit) + NEGLIGIBLE))
