"""Quadrature rules for the standard normal in one to four dimensions, as constants.

Nothing here may hold an array of a trial.
"""

import numpy as np


def normal_rule(n_dimensions: int) -> tuple[np.ndarray, np.ndarray]:
    """Return points ``(P, B)`` and positive weights of a rule for the standard normal.

    One dimension: 7 Gauss-Hermite points. Two: the 12 points of degree 7 on three circles (Stroud and Secrest
    1963, doi:10.1090/S0025-5718-1963-0161473-0). Three and four: degree 5 with at most ``2 B^2 + 1`` points
    (McNamee and Stenger 1967, doi:10.1007/BF02165155).
    """
    if n_dimensions == 1:
        return gauss_hermite(7)
    return _degree_seven() if n_dimensions == 2 else _degree_five(n_dimensions)


def gauss_hermite(n: int, n_dimensions: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return the ``n``-point Gauss-Hermite rule of the standard normal, crossed with itself, ``(P, B)``."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(n)
    grids = np.meshgrid(*[nodes] * n_dimensions, indexing="ij")
    factors = np.meshgrid(*[weights / weights.sum()] * n_dimensions, indexing="ij")
    return np.stack([g.ravel() for g in grids], axis=1), np.prod([f.ravel() for f in factors], axis=0)


def _degree_seven() -> tuple[np.ndarray, np.ndarray]:
    """Return the degree-7 rule in the plane: four points on the axes, twice four on the diagonals."""
    root = np.sqrt(5.0)
    axes = np.sqrt(6.0) * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
    corners = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])
    points = np.concatenate([axes, *(np.sqrt((9 + s * 3 * root) / 4) * corners for s in (-1, 1))])
    weights = np.repeat([1 / 36, (5 + 2 * root) / 45, (5 - 2 * root) / 45], 4)
    return points, weights / weights.sum()


def _degree_five(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the fully symmetric degree-5 rule, leaving out points of weight zero."""
    unit = np.eye(n)
    pairs = [a * unit[i] + b * unit[j] for i in range(n) for j in range(i) for a in (1, -1) for b in (1, -1)]
    single = np.sqrt(n + 2.0) * np.concatenate([unit, -unit])
    points = np.concatenate([np.zeros((1, n)), single, np.sqrt(n / 2 + 1.0) * np.array(pairs)])
    weights = np.concatenate(
        [[2 / (n + 2)], np.full(2 * n, (4 - n) / (2 * (n + 2) ** 2)), np.full(len(pairs), 1 / (n + 2) ** 2)]
    )
    return points[weights > 0], weights[weights > 0]
