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
from adaptive.posterior.orthant import log_all_above
from adaptive.posterior.small import Matrix, Vector, add, change, cholesky, dot
from adaptive.posterior.tabulated import Tabulated, tabulate

HALF_WIDTH = 5.0
"""Half-width of the grids in posterior standard deviations."""


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

    def moments(self) -> tuple[Vector, Matrix]:
        """Return mean and covariance of the mixture from the tilted moments, arrays ``(S,)``."""
        mean = [self._average(m) for m in self.tilted.mean]
        n = range(len(mean))
        gap = [m - c[:, None] for m, c in zip(self.tilted.mean, mean, strict=True)]
        return mean, [[self._average(self.tilted.covariance[b][c] + gap[b] * gap[c]) for c in n] for b in n]

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

    def _average(self, value: Float[Array, "S T"]) -> Float[Array, " S"]:
        return sum(self.weight[k] * value[:, k] for k in range(self.weight.shape[0]))


class Slices(eqx.Module):
    """One arm's marginal on its grid, and the other arms' conditional moments at each grid point.

    Attributes
    ----------
    low, step
        Grid, shape ``(S,)``.
    log_density
        Marginal log density up to a constant, shape ``(S, P)``.
    grid
        Grid points, shape ``(S, P)``.
    other_mean, other_covariance
        Moments of the other arms given the grid point, arrays ``(S, P)``.
    """

    low: Float[Array, " S"]
    step: Float[Array, " S"]
    log_density: Float[Array, "S P"]
    grid: Float[Array, "S P"]
    other_mean: Vector
    other_covariance: Matrix


def slice_arm(mixture: Mixture, mean: Vector, covariance: Matrix, arm: int, n_points: int) -> Slices:
    """Tabulate arm ``arm``'s marginal on ``n_points`` points about ``mean``."""
    others = [c for c in range(len(mean)) if c != arm]
    sd = jnp.sqrt(covariance[arm][arm])
    unit = jnp.asarray(np.linspace(-HALF_WIDTH, HALF_WIDTH, n_points), sd.dtype)
    away = sd[:, None] * unit[None, :]
    grid = mean[arm][:, None] + away
    low, step = grid[:, 0], sd * (2.0 * HALF_WIDTH / (n_points - 1))
    if not others:
        return Slices(low, step, mixture.log_density([grid]), grid, [], [])
    slope = [covariance[c][arm] / covariance[arm][arm] for c in others]
    centre = [mean[c][:, None] + k[:, None] * away for c, k in zip(others, slope, strict=True)]
    rest = [
        [covariance[c][d] - k * covariance[d][arm] for d in others] for c, k in zip(others, slope, strict=True)
    ]
    log_density, other_mean, other_covariance = _integrate_out(mixture, arm, grid, centre, cholesky(rest))
    return Slices(low, step, log_density, grid, other_mean, other_covariance)


def _integrate_out(mixture: Mixture, arm: int, grid: Array, centre: Vector, lower: Matrix):
    """Return marginal log density and conditional moments of the other arms at each grid point."""
    rule, rule_weights = normal_rule(len(centre))
    points = [jnp.asarray(z, grid.dtype)[None, None, :] for z in rule.T]
    spread = change(lower, lambda x: x[:, None, None])
    offset = [dot(spread[i][: i + 1], points[: i + 1]) for i in range(len(points))]
    theta = [c[:, :, None] + o for c, o in zip(centre, offset, strict=True)]
    theta.insert(arm, jnp.broadcast_to(grid[:, :, None], theta[0].shape))
    log_rule = jnp.asarray(np.log(rule_weights) + 0.5 * (rule**2).sum(axis=1), grid.dtype)
    height = mixture.log_density(theta) + log_rule[None, None, :]
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
    low, step = jnp.stack([s.low for s in slices], axis=-1), jnp.stack([s.step for s in slices], axis=-1)
    log_density = jnp.stack([s.log_density for s in slices], axis=1)
    log_density = log_density - log_density.max(axis=-1, keepdims=True)
    rough = tabulate(low, step, log_density)
    return tabulate(low, step, log_density - jnp.log(rough.total)[..., None])


def best_probabilities(slices: list[Slices]) -> Float[Array, "S A"]:
    """Return the probability that each arm, control first, has the lowest hazard.

    Arm ``b`` is best when ``theta[b] < 0`` and every other ratio is above it: an integral over arm ``b``'s marginal
    of the conditional probability of the latter. Control is best when all are above 0, averaged over
    the arms that can be integrated last. Rows are scaled to sum to 1.
    """
    best, control = [], 0.0
    for part in slices:
        density = part.log_density - part.log_density.max(axis=-1, keepdims=True)
        zero = jnp.zeros_like(part.low)
        mass = tabulate(part.low, part.step, density).total
        best.append(_tilted(part, density, part.grid).below(zero) / mass)
        above = _tilted(part, density, jnp.zeros_like(part.grid))
        control = control + (above.total - above.below(zero)) / mass
    rows = jnp.stack([control / len(slices), *best], axis=-1)
    return rows / rows.sum(axis=-1, keepdims=True)


def _tilted(part: Slices, density: Array, limit: Array) -> Tabulated:
    """Return the marginal times the conditional probability that all other arms exceed ``limit``."""
    if not part.other_mean:
        return tabulate(part.low, part.step, density)
    above = log_all_above(part.other_mean, part.other_covariance, limit)
    return tabulate(part.low, part.step, density + above)
