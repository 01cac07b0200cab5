"""A one-dimensional density known by its logarithm on a grid: integrals and quantiles.

The grid is even in ``v`` with ``x = centre + scale sinh(v)``: dense at the centre, so that a narrow peak
on wide shoulders is resolved. Between grid points the log density in ``v`` is the cubic through the four
nearest points, integrated by three-point Gauss-Legendre, so the distribution function is smooth and does
not decrease. Outside the grid the density is zero. Must not know what the density describes.

Arrays have lanes of trials on the last axis and, where there are grid points, these on the last but one.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from adaptive.posterior.storing import stored

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(3)
_RULE = list(zip((0.5 * (_NODES + 1.0)).tolist(), (0.5 * _WEIGHTS).tolist(), strict=True))
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

    def points(self) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """Return the values of ``x`` and of ``log dx/dv`` up to a constant."""
        unit = jnp.linspace(-1.0, 1.0, self.n_points, dtype=self.reach.dtype)
        unit = unit.reshape((1,) * (self.reach.ndim - 1) + (-1, 1))
        grown = stored(jnp.exp(self.reach[..., None, :] * unit))
        shrunk = stored(1.0 / grown)
        x = self.centre[..., None, :] + self.scale[..., None, :] * (0.5 * (grown - shrunk))
        return stored(x), stored(jnp.log(0.5 * (grown + shrunk)))

    def position(self, x: Array | float) -> Array:
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
        The grids, batch shape ``(..., R)``.
    padded
        Log density in ``v`` with one extrapolated point at either end, shape ``(..., P + 2, R)``.
    parts
        Integrals over the grid's cells, shape ``(..., P - 1, R)``.
    """

    grid: Grid
    padded: Float[Array, "..."]
    parts: Float[Array, "..."]

    @property
    def total(self) -> Float[Array, "..."]:
        """Integral of the density over the grid."""
        return sum(self.parts[..., k, :] for k in range(self.parts.shape[-2]))

    def below(self, x: Float[Array, "..."] | float) -> Float[Array, "..."]:
        """Return the integral of the density below ``x``, one value per density."""
        position = stored(self.grid.position(x))[..., None, :]
        n_cells = self.parts.shape[-2]
        first = jnp.arange(n_cells, dtype=position.dtype).reshape((1,) * (position.ndim - 2) + (-1, 1))
        inside = jnp.clip(position - first, 0.0, 1.0)
        share = stored(_integral(_corners(self.padded, n_cells), inside))
        return sum(share[..., k, :] for k in range(n_cells))

    def quantile(self, level: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return where the normalised distribution function reaches ``level``.

        A fixed number of Newton steps inside the grid cell that holds the quantile, kept in the cell.
        """
        n_cells = self.parts.shape[-2]
        target = stored(level * self.total)
        edges = [jnp.zeros_like(target)]
        for k in range(n_cells):
            edges.append(stored(edges[-1] + self.parts[..., k, :]))
        cell = stored(sum((e <= target).astype(target.dtype) for e in edges[1:-1]))
        here = [(cell == k).astype(target.dtype) for k in range(n_cells)]
        pick = lambda values: stored(sum(h * v for h, v in zip(here, values, strict=True)))  # noqa: E731
        corners = [pick([self.padded[..., j + k, :] for k in range(n_cells)]) for j in range(4)]
        start, part = pick(edges[:-1]), pick([self.parts[..., k, :] for k in range(n_cells)])
        t = stored(jnp.clip((target - start) / part, 0.0, 1.0))
        for _ in range(N_NEWTON):
            gap = start + _integral(corners, t) - target
            t = stored(jnp.clip(t - gap / jnp.exp(_interpolate(corners, t)), 0.0, 1.0))
        return self.grid.value(cell + t)

    def moments(self) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """Return mean and standard deviation by the trapezoidal rule on the grid."""
        density, (x, _) = stored(jnp.exp(self.padded[..., 1:-1, :])), self.grid.points()
        away = stored(x - self.grid.centre[..., None, :])
        sums = [sum((density * away**k)[..., p, :] for p in range(x.shape[-2])) for k in range(3)]
        shift = stored(sums[1] / sums[0])
        return self.grid.centre + shift, jnp.sqrt(jnp.maximum(sums[2] / sums[0] - shift**2, 0.0))


def tabulate(grid: Grid, log_density: Float[Array, "..."]) -> Tabulated:
    """Return the density with its integrals over the cells, given its logarithm in ``v``."""
    top = log_density.max(axis=-2, keepdims=True)
    log_density = stored(jnp.maximum(log_density, top - DEPTH))
    point = lambda k: log_density[..., k : k + 1, :]  # noqa: E731
    n = log_density.shape[-2]
    before = 3.0 * point(0) - 3.0 * point(1) + point(2)
    after = 3.0 * point(n - 1) - 3.0 * point(n - 2) + point(n - 3)
    padded = stored(jnp.concatenate([before, log_density, after], axis=-2))
    return Tabulated(grid, padded, stored(_integral(_corners(padded, n - 1), 1.0)))


def _corners(padded: Array, n_cells: int) -> list[Array]:
    return [padded[..., k : k + n_cells, :] for k in range(4)]


def _integral(corners: list[Array], t: Array | float) -> Array:
    """Return the integral over the first ``t`` of a cell, in units of the cell."""
    return t * sum(w * jnp.exp(_interpolate(corners, t * x)) for x, w in _RULE)


def _interpolate(corners: list[Array], t: Array | float) -> Array:
    return sum(c * w for c, w in zip(corners, _cubic(t), strict=True))
