"""Marginal distributions of one subgroup's log hazard ratios from cavities and the exact likelihood.

The posterior of ``theta[s]`` is likelihood times a mixture over ``tau`` of normal cavities; only the cavities
are approximate. Each marginal is tabulated on an even grid; the other arms are integrated out by
Gauss-Hermite points about their conditional normal distribution. Must not know how cavities were found.
"""

import equinox as eqx
import jax
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


NEGLIGIBLE = 1e-8
"""Added to probabilities before taking logarithms, so that the interpolated logarithm stays smooth."""


class Conditional(eqx.Module):
    """Other arms given one arm's value, as a mixture of normals over the nodes; arrays ``(L, T, P)``."""

    share: Array
    mean: Vector
    covariance: Matrix

    def moments(self) -> tuple[Vector, Matrix]:
        """Return mean and covariance of the mixture, arrays ``(L, P)``."""
        centre = [(self.share * m).sum(axis=1) for m in self.mean]
        gap = [m - c[:, None, :] for m, c in zip(self.mean, centre, strict=True)]
        n = range(len(gap))
        return centre, [
            [(self.share * (self.covariance[i][j] + gap[i] * gap[j])).sum(axis=1) for j in n] for i in n
        ]

    def moved(self, mean: Vector, covariance: Matrix) -> "Conditional":
        """Return the mixture shifted and scaled, arm by arm, to the given means and variances."""
        centre, rough = self.moments()
        n = range(len(mean))
        scale = [jnp.sqrt(covariance[i][i] / rough[i][i])[:, None, :] for i in n]
        shifted = [mean[i][:, None, :] + (self.mean[i] - centre[i][:, None, :]) * scale[i] for i in n]
        scaled = [[self.covariance[i][j] * scale[i] * scale[j] for j in n] for i in n]
        return Conditional(self.share, shifted, scaled)

    def all_above(self, limit: Float[Array, "L P"]) -> Float[Array, "L P"]:
        """Return the probability that every other arm exceeds ``limit``."""
        nodes = range(self.share.shape[1])
        if len(self.mean) == 1:  # one elementwise pass per node: the common case, and faster than a reduction
            return sum(self.share[:, k] * self._above(limit, slice(k, k + 1))[:, 0] for k in nodes)
        return (self.share * self._above(limit, slice(None))).sum(axis=1)

    def _above(self, limit: Float[Array, "L P"], nodes: slice) -> Array:
        """Return the probability per node, ``(L, T, P)``."""
        mean = [m[:, nodes] for m in self.mean]
        covariance = change(self.covariance, lambda v: v[:, nodes])
        return all_above(mean, covariance, jnp.broadcast_to(limit[:, None, :], mean[0].shape))


class Mixture(eqx.Module):
    """Posterior of ``theta[s]``: sum over ``tau`` of weight x cavity x likelihood / its integral.

    Attributes
    ----------
    cells
        Likelihood, arrays ``(L,)``.
    cavity, tilted
        Arrays ``(L, T)``.
    weight
        Posterior weights of the nodes of ``tau``, shape ``(T,)``.
    """

    cells: Cells
    cavity: Normal
    tilted: Tilted
    weight: Float[Array, " T"]

    def each_arm_first(self) -> "Mixture":
        """Return the mixture with the arms of each subgroup rotated so that each comes first once.

        The leading axis grows from ``S`` to ``L = B x S``: all subgroups with arm 1 first, then arm 2, ...
        """
        n = len(self.tilted.mean)
        turns = [[(b + i) % n for i in range(n)] for b in range(n)]
        vector = lambda v: [_stacked([v[t[i]] for t in turns]) for i in range(n)]  # noqa: E731
        matrix = lambda m: [  # noqa: E731
            [_stacked([m[t[i]][t[j]] for t in turns]) for j in range(n)] for i in range(n)
        ]
        same = lambda x: _stacked([x] * n)  # noqa: E731
        columns = range(len(self.cells.interval_shape))
        cells = Cells(
            vector(self.cells.reference),
            vector(self.cells.arm_events),
            [same(x) for x in self.cells.interval_shape],
            [same(x) for x in self.cells.rest_weight],
            [[_stacked([self.cells.arm_weight[t[i]][j] for t in turns]) for j in columns] for i in range(n)],
        )
        cavity, tilted = self.cavity, self.tilted
        return Mixture(
            cells,
            Normal(
                vector(cavity.mean), matrix(cavity.covariance), matrix(cavity.precision), same(cavity.log_det)
            ),
            Tilted(same(tilted.log_integral), vector(tilted.mean), matrix(tilted.covariance)),
            self.weight,
        )

    def grid(self, n_points: int) -> Grid:
        """Return a grid for the first arm: dense where the narrow components are, reaching all."""
        mean, variance = self.tilted.mean[0], self.tilted.covariance[0][0]
        sharpness = self.weight[None, :] / jnp.sqrt(variance)
        peak = sharpness.sum(axis=1)
        centre = (sharpness * mean).sum(axis=1) / peak
        spread = (self.weight[None, :] * (variance + (mean - centre[:, None]) ** 2)).sum(axis=1)
        scale = CORE / peak
        return Grid(centre, scale, jnp.arcsinh(HALF_WIDTH * jnp.sqrt(spread) / scale), n_points)

    def conditional(self, x: Float[Array, "L P"]) -> Conditional:
        """Return the other arms given that the first is at ``x``, if every component were normal."""
        covariance = change(self.tilted.covariance, lambda v: v[:, :, None])
        own = covariance[0][0]
        away = x[:, None, :] - self.tilted.mean[0][:, :, None]
        log_share = jnp.log(self.weight)[None, :, None] - 0.5 * (jnp.log(own) + away**2 / own)
        share = jnp.exp(log_share - log_share.max(axis=1, keepdims=True))
        others = range(1, len(covariance))
        slope = {c: covariance[c][0] / own for c in others}
        mean = [self.tilted.mean[c][:, :, None] + slope[c] * away for c in others]
        rest = [[covariance[c][d] - slope[c] * covariance[d][0] for d in others] for c in others]
        wide = change(rest, lambda v: jnp.broadcast_to(v, away.shape))
        return Conditional(share / share.sum(axis=1, keepdims=True), mean, wide)

    def log_density(self, theta: Vector) -> Array:
        """Return the log density up to a constant at points of shape ``(L, P)``."""
        log_likelihood = self.cells.expanded(1).log_likelihood(theta)
        height = jnp.log(self.weight)[None, :] - self.tilted.log_integral + 0.5 * self.cavity.log_det
        density = sum(
            self._component(k, theta, log_likelihood + height[:, k, None])
            for k in range(self.weight.shape[0])
        )
        return jnp.log(jnp.maximum(density, jnp.finfo(density.dtype).tiny))

    def _component(self, node: int, theta: Vector, height: Array) -> Array:
        """Return one node's part of the density: one elementwise pass per node is faster than a reduction."""
        at_node = lambda v: v[:, node, None]  # noqa: E731
        away = add(theta, change(self.cavity.mean, at_node), -1.0)
        return jnp.exp(height - 0.5 * squared_distance(change(self.cavity.precision, at_node), away))


def _stacked(parts: list[Array]) -> Array:
    return jnp.concatenate(parts, axis=0) if len(parts) > 1 else parts[0]


class Marginals(eqx.Module):
    """Every arm's marginal and, at each of its grid points, the other arms; leading axis ``L = B x S``.

    Attributes
    ----------
    table
        Normalised marginal densities.
    points
        Grid points, shape ``(L, P)``.
    others
        The other arms given the grid point; None when there are none.
    n_subgroups
        ``S``, static.
    """

    table: Tabulated
    points: Float[Array, "L P"]
    others: Conditional | None
    n_subgroups: int = eqx.field(static=True)

    def by_cell(self) -> Tabulated:
        """Return the marginals with batch shape ``(S, B)``."""
        return jax.tree.map(self._per_cell, self.table)

    def best(self) -> Float[Array, "S A"]:
        """Return the probability that each arm, control first, has the lowest hazard.

        Arm ``b`` is best when ``theta[b] < 0`` and every other ratio is above it: an integral over arm
        ``b``'s marginal of the conditional probability of the latter. Control is best when all are above
        0, averaged over the arms that can be integrated last. Rows are scaled to sum to 1.
        """
        zero = jnp.zeros_like(self.points[:, 0])
        lowest = self._with_others_above(self.points).below(zero)
        above = self._with_others_above(jnp.zeros_like(self.points))
        control = self._per_cell(above.total - above.below(zero)).mean(axis=1, keepdims=True)
        rows = jnp.concatenate([control, self._per_cell(lowest)], axis=1)
        return rows / rows.sum(axis=1, keepdims=True)

    def _with_others_above(self, limit: Float[Array, "L P"]) -> Tabulated:
        """Return the marginal times the conditional probability that all other arms exceed ``limit``."""
        if self.others is None:
            return self.table
        extra = jnp.log(self.others.all_above(limit) + NEGLIGIBLE)
        return tabulate(self.table.grid, self.table.padded[:, 1:-1] + extra)

    def _per_cell(self, value: Array) -> Array:
        return jnp.swapaxes(value.reshape((-1, self.n_subgroups, *value.shape[1:])), 0, 1)


def marginals(mixture: Mixture, n_points: int) -> Marginals:
    """Tabulate every arm's marginal on ``n_points`` points."""
    turned = mixture.each_arm_first()
    grid = turned.grid(n_points)
    points, log_slope = grid.points()
    if len(turned.tilted.mean) == 1:
        log_density, others = turned.log_density([points]), None
    else:
        log_density, others = _integrate_out(turned, points)
    log_density = log_density + log_slope
    table = tabulate(grid, log_density - log_density.max(axis=1, keepdims=True)).normalised()
    return Marginals(table, points, others, mixture.tilted.log_integral.shape[0])


def _integrate_out(mixture: Mixture, x: Float[Array, "L P"]) -> tuple[Array, Conditional]:
    """Return the first arm's marginal log density at ``x`` and the other arms given it."""
    rough = mixture.conditional(x)
    centre, covariance = rough.moments()
    lower = cholesky(covariance)
    rule, rule_weights = normal_rule(len(centre))
    offset = _offsets(lower, rule)
    wide = jnp.broadcast_to(x[:, :, None], offset[0].shape)
    theta = [wide, *(c[:, :, None] + o for c, o in zip(centre, offset, strict=True))]
    flat = [t.reshape(t.shape[0], -1) for t in theta]
    log_rule = jnp.asarray(np.log(rule_weights) + 0.5 * (rule**2).sum(axis=1), x.dtype)
    height = mixture.log_density(flat).reshape(wide.shape) + log_rule[None, None, :]
    top = height.max(axis=-1, keepdims=True)
    weight = jnp.exp(height - top)
    total = weight.sum(axis=-1)
    mean, second = _moments(weight / total[..., None], centre, offset)
    log_density = jnp.log(total) + top[..., 0] + sum(jnp.log(lower[i][i]) for i in range(len(lower)))
    return log_density, rough.moved(mean, second)


def _offsets(lower: Matrix, rule: np.ndarray) -> Vector:
    """Return the rule's points mapped by a Cholesky factor of shape ``(L, P)``; shape ``(L, P, Q)``."""
    points = [jnp.asarray(z, lower[0][0].dtype)[None, None, :] for z in rule.T]
    spread = change(lower, lambda v: v[:, :, None])
    return [dot(spread[i][: i + 1], points[: i + 1]) for i in range(len(points))]


def _moments(weight: Array, centre: Vector, offset: Vector) -> tuple[Vector, Matrix]:
    """Return mean and covariance of weighted points ``centre + offset``."""
    shift = [(weight * o).sum(axis=-1) for o in offset]
    n = range(len(offset))
    second = [[(weight * offset[i] * offset[j]).sum(axis=-1) - shift[i] * shift[j] for j in n] for i in n]
    return add(centre, shift), second
