"""A one-dimensional density known by its logarithm on an even grid: integrals and quantiles.

Between grid points the log density is the cubic through the four nearest points, integrated by
three-point Gauss-Legendre, so the distribution function is smooth and does not decrease. Outside the grid the
density is zero. Must not know what the density describes.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(3)
_NODES, _WEIGHTS = 0.5 * (_NODES + 1.0), 0.5 * _WEIGHTS
N_NEWTON = 5


def _cubic(t):
    """Return the weights of the points at -1, 0, 1, 2 of the cubic through them, at ``t`` in [0, 1]."""
    return (
        -t * (t - 1.0) * (t - 2.0) / 6.0,
        (t + 1.0) * (t - 1.0) * (t - 2.0) / 2.0,
        -(t + 1.0) * t * (t - 2.0) / 2.0,
        (t + 1.0) * t * (t - 1.0) / 6.0,
    )


class Tabulated(eqx.Module):
    """Unnormalised densities on even grids; leading axes are a batch.

    Attributes
    ----------
    low, step
        First grid point and spacing, shape ``(...)``.
    padded
        Log density with one extrapolated point at either end, shape ``(..., P + 2)``.
    cumulative
        Integral from the first grid point, shape ``(..., P)``.
    """

    low: Float[Array, "..."]
    step: Float[Array, "..."]
    padded: Float[Array, "... P+2"]
    cumulative: Float[Array, "... P"]

    @property
    def total(self) -> Float[Array, "..."]:
        """Integral of the density over the grid."""
        return self.cumulative[..., -1]

    def below(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the integral of the density below ``x``, one value per density."""
        position = (x - self.low) / self.step
        cell = jnp.clip(jnp.floor(position), 0, self.cumulative.shape[-1] - 2).astype(jnp.int32)
        t = jnp.clip(position - cell, 0.0, 1.0)
        return self._at(self.cumulative, cell) + self.step * self._part(self._corners(cell), t)

    def quantile(self, level: Float[Array, ""]) -> Float[Array, "..."]:
        """Return where the normalised distribution function reaches ``level``.

        A fixed number of Newton steps inside the grid cell that holds the quantile, kept in the cell.
        """
        target = level * self.total
        inside = self.cumulative[..., 1:-1] <= target[..., None]
        cell = jnp.sum(inside.astype(jnp.int32), axis=-1)
        corners, start = self._corners(cell), self._at(self.cumulative, cell)
        share = (target - start) / (self._at(self.cumulative, cell + 1) - start)
        t = jnp.clip(share, 0.0, 1.0)
        for _ in range(N_NEWTON):
            gap = start + self.step * self._part(corners, t) - target
            density = self.step * jnp.exp(_interpolate(corners, t))
            t = jnp.clip(t - gap / density, 0.0, 1.0)
        return self.low + self.step * (cell.astype(t.dtype) + t)

    def _corners(self, cell: Int[Array, "..."]) -> list[Array]:
        return [self._at(self.padded, cell + k) for k in range(4)]

    def _at(self, values: Array, index: Int[Array, "..."]) -> Array:
        return jnp.take_along_axis(values, index[..., None], axis=-1)[..., 0]

    def _part(self, corners: list[Array], t: Array) -> Array:
        """Return the integral over the first ``t`` of a cell, in units of the cell."""
        terms = zip(_NODES.tolist(), _WEIGHTS.tolist(), strict=True)
        return t * sum(w * jnp.exp(_interpolate(corners, t * x)) for x, w in terms)


def _interpolate(corners: list[Array], t: Array) -> Array:
    return sum(c * w for c, w in zip(corners, _cubic(t), strict=True))


def tabulate(low: Float[Array, "..."], step: Float[Array, "..."], log_density: Float[Array, "... P"]) -> Tabulated:
    """Return the tabulated density with its integrals over the grid cells summed up."""
    first, last = log_density[..., :3], log_density[..., -3:]
    before = 3.0 * first[..., :1] - 3.0 * first[..., 1:2] + first[..., 2:]
    after = 3.0 * last[..., 2:] - 3.0 * last[..., 1:2] + last[..., :1]
    padded = jnp.concatenate([before, log_density, after], axis=-1)
    n_cells = log_density.shape[-1] - 1
    corners = [padded[..., k : k + n_cells] for k in range(4)]
    cells = 0.0
    for x, w in zip(_NODES.tolist(), _WEIGHTS.tolist(), strict=True):
        cells = cells + w * jnp.exp(_interpolate(corners, x))
    running = [jnp.zeros_like(low)]
    for k in range(n_cells):
        running.append(running[-1] + step * cells[..., k])
    return Tabulated(low, step, padded, jnp.stack(running, axis=-1))
