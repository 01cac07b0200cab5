"""Marginal distributions of one subgroup's log hazard ratios from cavities and the exact likelihood.

The posterior of ``theta[s]`` is likelihood times a mixture over the prior's components of normal cavities;
only the cavities are approximate. Each marginal is tabulated on a grid. At each grid point and for each
component the other arms are integrated out by Gauss-Hermite points placed by their conditional distribution
under that component's moments: with ``tau`` known it is close to normal, mixed over ``tau`` it is not. Must
not know how cavities were found.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from adaptive.models.likelihood import Cells
from adaptive.posterior.gaussian import Normal
from adaptive.posterior.logarithm import log
from adaptive.posterior.matching import MAX_HEIGHT, Tilted, moments_of
from adaptive.posterior.orthant import all_above, one_above
from adaptive.posterior.quadrature import gauss_hermite, normal_rule
from adaptive.posterior.small import Matrix, Vector, add, cholesky, is_zero, quadratic, symmetric
from adaptive.posterior.storing import stored
from adaptive.posterior.tabulated import Grid, Tabulated, tabulate

HALF_WIDTH = 6.0
"""Half-width of the grids in posterior standard deviations."""
CORE = 1.5
"""Width of the grids' dense core in standard deviations of the narrow components."""
NEGLIGIBLE = 1e-8
"""Least share of a density that a part of it is taken to have, so that its logarithm stays smooth."""


class Mixture(eqx.Module):
    """Posterior of ``theta[s]``: sum over components of weight x cavity x likelihood / its integral.

    Attributes
    ----------
    cells
        Likelihood, arrays ``(L, R)``.
    cavity, tilted
        Arrays ``(L, N, R)``.
    weight
        Posterior weights of the components, shape ``(N, R)``.
    """

    cells: Cells
    cavity: Normal
    tilted: Tilted
    weight: Float[Array, "N R"]

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
        cells, cavity, tilted = self.cells, self.cavity, self.tilted
        per_interval = [[row[j] for row in cells.arm_weight] for j in range(len(cells.interval_shape))]
        turned = [vector(row) for row in per_interval]
        return Mixture(
            Cells(
                vector(cells.reference),
                vector(cells.arm_events),
                [same(x) for x in cells.interval_shape],
                [same(x) for x in cells.rest_weight],
                [[row[i] for row in turned] for i in range(n)],
            ),
            Normal(
                vector(cavity.mean), matrix(cavity.covariance), matrix(cavity.precision), same(cavity.log_det)
            ),
            Tilted(same(tilted.log_integral), vector(tilted.mean), matrix(tilted.covariance)),
            self.weight,
        )

    def grid(self, n_points: int) -> Grid:
        """Return a grid for the first arm: dense where the narrow components are, reaching all."""
        mean, variance = self.tilted.mean[0], self.tilted.covariance[0][0]
        sharpness = stored(self.weight / jnp.sqrt(variance))
        peak = sharpness.sum(axis=1)
        centre = stored((sharpness * mean).sum(axis=1) / peak)
        spread = (self.weight * (variance + (mean - centre[:, None]) ** 2)).sum(axis=1)
        scale = stored(CORE / peak)
        return Grid(centre, scale, stored(jnp.arcsinh(HALF_WIDTH * jnp.sqrt(spread) / scale)), n_points)

    def log_share(self) -> Float[Array, "L N R"]:
        """Return the log of weight over integral with the cavity's normalisation, at most 0."""
        height = jnp.log(self.weight) - self.tilted.log_integral + 0.5 * self.cavity.log_det
        return stored(height - height.max(axis=1, keepdims=True))


class Conditional(eqx.Module):
    """The other arms given the first, per component: slopes and Cholesky factor, arrays ``(L, N, R)``."""

    slope: Vector
    lower: Matrix

    @staticmethod
    def under(covariance: Matrix) -> "Conditional":
        """Return the conditional of a normal with this covariance."""
        own, others = covariance[0][0], range(1, len(covariance))
        slope = stored([covariance[c][0] / own for c in others])
        rest = symmetric(lambda i, j: covariance[i + 1][j + 1] - slope[i] * covariance[j + 1][0], len(slope))
        return Conditional(slope, cholesky(rest))


class Lattice(eqx.Module):
    """What a pass over the components adds up at the grid points: shape ``(L, P, R)``.

    Attributes
    ----------
    density
        Density of the first arm.
    lowest
        The part of it in which every other arm is above the first.
    others_above_0
        The part of it in which every other arm is above 0.
    """

    density: Array
    lowest: Array
    others_above_0: Array


class Marginals(eqx.Module):
    """Every arm's marginal density and the probability that each arm is best.

    Attributes
    ----------
    table
        Marginal densities, batch shape ``(L,)`` with ``L = B x S``.
    best
        Control first, shape ``(S, A, R)``.
    """

    table: Tabulated
    best: Float[Array, "S A R"]


def marginals(mixture: Mixture, n_points: int, n_conditional: int) -> Marginals:
    """Tabulate every arm's marginal on ``n_points`` points, ``n_conditional`` per other arm and point."""
    turned = mixture.each_arm_first()
    grid = turned.grid(n_points)
    points, log_slope = grid.points()
    lattice = stored(_add_up(turned, points, n_conditional))
    logarithm = lambda x: jnp.log(jnp.maximum(x, jnp.finfo(x.dtype).tiny)) + log_slope  # noqa: E731
    log_density = logarithm(lattice.density)
    top = stored(log_density.max(axis=1, keepdims=True))
    table = tabulate(grid, log_density - top)
    if len(mixture.tilted.mean) == 1:
        lowest = above = table
    else:
        least = NEGLIGIBLE * lattice.density
        lowest = tabulate(grid, logarithm(lattice.lowest + least) - top)
        above = tabulate(grid, logarithm(lattice.others_above_0 + least) - top)
    return Marginals(table, _best(table.total, lowest, above, mixture.tilted.log_integral.shape[0]))


def _best(total: Array, lowest: Tabulated, above: Tabulated, n_subgroups: int) -> Array:
    """Return the probability that each arm, control first, has the lowest hazard.

    Arm ``b`` is best when ``theta[b] < 0`` and every other ratio is above it. Control is best when all are
    above 0, averaged over the arms that can be integrated last. Rows are scaled to sum to 1.
    """
    arms = stored(lowest.below(0.0) / total)
    control = stored((above.total - above.below(0.0)) / total)
    per_arm = lambda x: [x[k : k + n_subgroups] for k in range(0, x.shape[0], n_subgroups)]  # noqa: E731
    parts = per_arm(control)
    rows = jnp.maximum(jnp.stack([sum(parts) / len(parts), *per_arm(arms)], axis=1), 0.0)
    return rows / sum(rows[:, a] for a in range(rows.shape[1]))[:, None]


def _stacked(parts: list[Array]) -> Array:
    return jnp.concatenate(parts, axis=0) if len(parts) > 1 else parts[0]


def _add_up(mixture: Mixture, x: Float[Array, "L P R"], n_conditional: int) -> Lattice:
    """Add the components' densities at the grid points."""
    cells, share = mixture.cells.expanded(1), mixture.log_share()
    conditional = Conditional.under(mixture.tilted.covariance)
    base = _base(mixture, cells, share)
    grown = stored(jnp.exp(x - cells.reference[0]))

    def visit(k: Array, sums: Lattice) -> Lattice:
        at = lambda v: v if is_zero(v) else jax.lax.dynamic_index_in_dim(v, k, axis=1, keepdims=True)  # noqa: E731
        cavity, tilted, given = jax.tree.map(at, (mixture.cavity, mixture.tilted, conditional))
        log_share = stored(at(share) - base)
        gap = stored(add(cells.reference, cavity.mean, -1.0))

        def height(moved: Vector, growth: Vector) -> Array:
            log_likelihood = cells.log_likelihood_of(moved, growth, log)
            return log_likelihood + log_share - 0.5 * quadratic(cavity.precision, add(moved, gap))

        one = _one_component(height, tilted.mean, given, (x, grown), cells.reference, n_conditional)
        return stored(jax.tree.map(jnp.add, sums, one))

    zero = jnp.zeros_like(x)
    return jax.lax.fori_loop(0, share.shape[1], visit, Lattice(zero, zero, zero))


def _base(mixture: Mixture, cells: Cells, share: Array) -> Array:
    """Return the largest log density of a component at the posterior mean, ``(L, 1, R)``."""
    mean = [(mixture.weight * m).sum(axis=1, keepdims=True) for m in mixture.tilted.mean]
    away = add(mean, mixture.cavity.mean, -1.0)
    height = share - 0.5 * quadratic(mixture.cavity.precision, away)
    return stored(height.max(axis=1, keepdims=True) + cells.log_likelihood(mean))


def _one_component(
    height, mean: Vector, given: Conditional, first: tuple[Array, Array], reference: Vector, n_points: int
) -> Lattice:
    """Return one component's density at the grid points, the other arms integrated out.

    ``height`` is the log density of ``theta`` less the reference, given also as its exponential; ``first`` is
    the first arm's grid and that exponential. A likelihood costs most in exponentials: each is made once.
    """
    x, grown = first
    moved = stored(x - reference[0])
    if not given.slope:
        density = jnp.exp(jnp.minimum(height([moved], [grown]), MAX_HEIGHT))
        return Lattice(density, density, density)
    away = x - mean[0]
    centre = stored([m + s * away for m, s in zip(mean[1:], given.slope, strict=True)])
    others = stored([c - r for c, r in zip(centre, reference[1:], strict=True)])
    start = (others, stored([jnp.exp(o) for o in others]))
    sums = _conditional_sums(height, given.lower, (moved, grown), start, n_points)
    if len(centre) == 1:
        return _one_other(stored(sums), given.lower[0][0], centre[0], x)
    shift, covariance = moments_of([jnp.maximum(sums[0], 1e-37), *sums[1:]], len(centre))
    n = len(centre)
    variance = stored([jnp.maximum(covariance[i][i], 1e-10) for i in range(n)])
    covariance = symmetric(lambda i, j: variance[i] if i == j else covariance[i][j], n)
    skewness = _skewness(sums, shift, variance)
    mean = stored(add(centre, shift))
    density = sums[0]
    for i in range(len(centre)):
        density = density * given.lower[i][i]
    density = stored(density)
    above = lambda limit: all_above(mean, covariance, limit, skewness)  # noqa: E731
    return Lattice(density, density * above(x), density * above(0.0))


def _one_other(sums: list[Array], spread: Array, centre: Array, x: Array) -> Lattice:
    """Return one component's density and its parts when there is one other arm: the same in few passes."""
    total, first, second, third = sums
    scale = stored(1.0 / jnp.maximum(total, 1e-37))
    shift = first * scale
    variance = jnp.maximum(second * scale - shift**2, 1e-10)
    sharpness = stored(1.0 / jnp.sqrt(variance))
    skewness = stored((third * scale - 3.0 * shift * variance - shift**3) * sharpness**3)
    density = total * spread
    above = lambda limit: one_above((centre + shift - limit) * sharpness, skewness)  # noqa: E731
    return Lattice(density, density * above(x), density * above(0.0))


def _skewness(sums: list[Array], shift: Vector, variance: Vector) -> Vector:
    """Return the skewness of each other arm from power sums about a point."""
    n = len(shift)
    scale = stored(1.0 / jnp.maximum(sums[0], 1e-37))
    third = [sums[len(sums) - n + i] * scale for i in range(n)]
    central = [t - 3.0 * m * v - m**3 for t, m, v in zip(third, shift, variance, strict=True)]
    return stored([c / (v * jnp.sqrt(v)) for c, v in zip(central, variance, strict=True)])


def _conditional_sums(
    height, lower: Matrix, first: tuple[Array, Array], centre: tuple[Vector, Vector], n_points: int
) -> list[Array]:
    """Return the power sums of the other arms about ``centre`` at each grid point, cubes last.

    ``first`` and ``centre`` are log hazard ratios less the reference, with their exponentials.
    """
    (moved, grown), (others, others_grown) = first, centre
    n = len(others)
    points, weights = normal_rule(2) if n == 2 else gauss_hermite(n_points, n)
    log_rule = np.log(weights) + 0.5 * (points**2).sum(axis=1)

    def visit(z, log_weight, sums: list[Array]) -> list[Array]:
        offset = [sum(lower[i][j] * z[j] for j in range(i + 1)) for i in range(n)]
        growth = [g * stored(jnp.exp(o)) for g, o in zip(others_grown, offset, strict=True)]
        relative = height([moved, *add(others, offset)], [grown, *growth]) + log_weight
        weight = stored(jnp.exp(jnp.minimum(relative, MAX_HEIGHT)))
        once = [weight * o for o in offset]
        twice = [once[i] * offset[j] for i in range(n) for j in range(i + 1)]
        thrice = [once[i] * offset[i] * offset[i] for i in range(n)]
        return [s + v for s, v in zip(sums, [weight, *once, *twice, *thrice], strict=True)]

    sums = [jnp.zeros_like(moved)] * (1 + n + n * (n + 1) // 2 + n)
    if n == 1:  # written out: few points, and a loop in a loop costs more than it saves
        for z, log_weight in zip(points.tolist(), log_rule.tolist(), strict=True):
            sums = visit(z, log_weight, sums)
        return sums
    z, log_weight = jnp.asarray(points, moved.dtype), jnp.asarray(log_rule, moved.dtype)
    return jax.lax.fori_loop(0, len(points), lambda q, s: visit(z[q], log_weight[q], s), sums)
