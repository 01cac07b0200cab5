"""A one-dimensional density known by its logarithm on a grid: integrals and quantiles.

The grid is even in ``v`` with ``x = centre + scale sinh(v)``: dense at the centre, so that a narrow peak
on wide shoulders is resolved. Between grid points the log density in ``v`` is the cubic through the four
nearest points, integrated by three-point Gauss-Legendre, so the distribution function is smooth and does
not decrease. Outside the grid the density is zero. Must not know what the density describes.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(3)
_NODES, _WEIGHTS = 0.5 * (_NODES + 1.0), 0.5 * _WEIGHTS
N_NEWTON = 5
DEPTH = 18.0
"""Log densities are cut off this far below the largest (1.5e-8): a cubic overshoots beside a steeper fall."""


def _cubic(t):
    """Return the weights of the points at -1, 0, 1, 2 of the cubic through them, at ``t`` in [0, 1]."""
    return (
        -t * (t - 1.0) * (t - 2.0) / 6.0,
        (t + 1.0) * (t - 1.0) * (t - 2.0) / 2.0,
        -(t + 1.0) * t * (t - 2.0) / 2.0,
        (t + 1.0) * t * (t - 1.0) / 6.0,
    )


class Grid(eqx.Module):
    """``n_points`` values of ``x = centre + scale sinh(v)``, ``v`` even from ``-reach`` to ``reach``."""

    centre: Float[Array, "..."]
    scale: Float[Array, "..."]
    reach: Float[Array, "..."]
    n_points: int = eqx.field(static=True)

    @property
    def step(self) -> Float[Array, "..."]:
        """Spacing in ``v``."""
        return self.reach * (2.0 / (self.n_points - 1))

    def points(self) -> tuple[Float[Array, "... P"], Float[Array, "... P"]]:
        """Return the values of ``x`` and of ``log dx/dv`` up to a constant."""
        unit = jnp.asarray(np.linspace(-1.0, 1.0, self.n_points), self.reach.dtype)
        v = self.reach[..., None] * unit.reshape((1,) * self.reach.ndim + (-1,))
        return self.centre[..., None] + self.scale[..., None] * jnp.sinh(v), jnp.log(jnp.cosh(v))

    def position(self, x: Array) -> Array:
        """Return where ``x`` lies, counted in steps from the first point."""
        return (jnp.arcsinh((x - self.centre) / self.scale) + self.reach) / self.step

    def value(self, position: Array) -> Array:
        """Return ``x`` at a position."""
        return self.centre + self.scale * jnp.sinh(position * self.step - self.reach)


class Tabulated(eqx.Module):
    """Densities on grids; leading axes are a batch. Integrals are in units of the grid's step.

    Attributes
    ----------
    grid
        The grids, batch shape ``(...)``.
    padded
        Log density in ``v`` with one extrapolated point at either end, shape ``(..., P + 2)``.
    cumulative
        Integral from the first grid point, shape ``(..., P)``.
    """

    grid: Grid
    padded: Float[Array, "... Q"]
    cumulative: Float[Array, "... P"]

    @property
    def total(self) -> Float[Array, "..."]:
        """Integral of the density over the grid."""
        return self.cumulative[..., -1]

    def normalised(self) -> "Tabulated":
        """Return the density scaled to integrate to 1."""
        total = self.total[..., None]
        return Tabulated(self.grid, self.padded - jnp.log(total), self.cumulative / total)

    def below(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the integral of the density below ``x``, one value per density."""
        position = self.grid.position(x)
        cell = jnp.clip(jnp.floor(position), 0, self.cumulative.shape[-1] - 2).astype(jnp.int32)
        t = jnp.clip(position - cell, 0.0, 1.0)
        return self._at(self.cumulative, cell) + self._part(self._corners(cell), t)

    def quantile(self, level: Float[Array, ""]) -> Float[Array, "..."]:
        """Return where the normalised distribution function reaches ``level``.

        A fixed number of Newton steps inside the grid cell that holds the quantile, kept in the cell.
        """
        target = level * self.total
        inside = self.cumulative[..., 1:-1] <= target[..., None]
        cell = jnp.sum(inside, axis=-1, dtype=jnp.int32)
        corners, start = self._corners(cell), self._at(self.cumulative, cell)
        share = (target - start) / (self._at(self.cumulative, cell + 1) - start)
        t = jnp.clip(share, 0.0, 1.0)
        for _ in range(N_NEWTON):
            gap = start + self._part(corners, t) - target
            t = jnp.clip(t - gap / jnp.exp(_interpolate(corners, t)), 0.0, 1.0)
        return self.grid.value(cell.astype(t.dtype) + t)

    def moments(self) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """Return mean and standard deviation by the trapezoidal rule on the grid."""
        density, (x, _) = jnp.exp(self.padded[..., 1:-1]), self.grid.points()
        away = x - self.grid.centre[..., None]
        total = _in_order(density)
        shift = _in_order(density * away) / total
        variance = _in_order(density * (away - shift[..., None]) ** 2) / total
        return self.grid.centre + shift, jnp.sqrt(variance)

    def _corners(self, cell: Int[Array, "..."]) -> list[Array]:
        return [self._at(self.padded, cell + k) for k in range(4)]

    def _at(self, values: Array, index: Int[Array, "..."]) -> Array:
        return jnp.take_along_axis(values, index[..., None], axis=-1)[..., 0]

    def _part(self, corners: list[Array], t: Array) -> Array:
        """Return the integral over the first ``t`` of a cell, in units of the cell."""
        terms = zip(_NODES.tolist(), _WEIGHTS.tolist(), strict=True)
        return t * sum(w * jnp.exp(_interpolate(corners, t * x)) for x, w in terms)


def _interpolate(corners: list[Array], t: Array | float) -> Array:
    return sum(c * w for c, w in zip(corners, _cubic(t), strict=True))


def _in_order(values: Float[Array, "... P"]) -> Float[Array, "..."]:
    """Return the sum over the last axis, term by term.

    The barrier keeps the compiler from fusing products into the sum in ways that change with the batch size.
    """
    values = jax.lax.optimization_barrier(values)
    return sum(values[..., k] for k in range(values.shape[-1]))


def tabulate(grid: Grid, log_density: Float[Array, "... P"]) -> Tabulated:
    """Return the density with its integrals summed up, given its logarithm in ``v``."""
    log_density = jnp.maximum(log_density, log_density.max(axis=-1, keepdims=True) - DEPTH)
    first, last = log_density[..., :3], log_density[..., -3:]
    before = 3.0 * first[..., :1] - 3.0 * first[..., 1:2] + first[..., 2:]
    after = 3.0 * last[..., 2:] - 3.0 * last[..., 1:2] + last[..., :1]
    padded = jnp.concatenate([before, log_density, after], axis=-1)
    n_cells = log_density.shape[-1] - 1
    corners = [padded[..., k : k + n_cells] for k in range(4)]
    cells = sum(
        w * jnp.exp(_interpolate(corners, x)) for x, w in zip(_NODES.tolist(), _WEIGHTS.tolist(), strict=True)
    )
    earlier = jnp.asarray(np.tri(n_cells + 1, n_cells, -1), cells.dtype)
    earlier = earlier.reshape((1,) * (cells.ndim - 1) + earlier.shape)
    return Tabulated(grid, padded, (cells[..., None, :] * earlier).sum(axis=-1))
