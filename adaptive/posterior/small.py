"""Linear algebra of very small matrices, written out element by element.

A matrix is a list of rows of equally shaped arrays, so that every operation is elementwise over the
trials, subgroups and nodes that the arrays hold. An entry may be the Python number 0.0: nothing is computed
with it. Nothing here may call a batched LAPACK routine.
"""

import jax.numpy as jnp
from jaxtyping import Array

from adaptive.posterior.storing import stored

LEAST_PIVOT = 1e-6
"""Least share of a variance that is left given the others: single precision knows no less."""

Vector = list[Array | float]
Matrix = list[list[Array | float]]


def is_zero(value: Array | float) -> bool:
    """Return whether an entry is the Python number 0.0."""
    return isinstance(value, float) and value == 0.0


def dot(left: Vector, right: Vector) -> Array | float:
    """Return the inner product; 0.0 if every term has a factor 0.0."""
    pairs = zip(left, right, strict=True)
    return sum((x * y for x, y in pairs if not (is_zero(x) or is_zero(y))), 0.0)


def times(matrix: Matrix, vector: Vector) -> Vector:
    """Return the matrix-vector product."""
    return [dot(row, vector) for row in matrix]


def product(left: Matrix, right: Matrix) -> Matrix:
    """Return the matrix product."""
    return [[dot(row, column) for column in transposed(right)] for row in left]


def transposed(matrix: Matrix) -> Matrix:
    """Return the transpose."""
    return [list(column) for column in zip(*matrix, strict=True)]


def scaled(matrix: Matrix, scale: Vector) -> Matrix:
    """Return ``D M D`` with the diagonal matrix ``D`` of ``scale``."""
    n = range(len(matrix))
    return [[matrix[i][j] * (scale[i] * scale[j]) for j in n] for i in n]


def add_diagonal(matrix: Matrix, value: Vector) -> Matrix:
    """Return the matrix plus a diagonal matrix."""
    n = range(len(matrix))
    return [[matrix[i][j] + value[i] if i == j else matrix[i][j] for j in n] for i in n]


def identity_plus(matrix: Matrix) -> Matrix:
    """Return ``I + M``."""
    return add_diagonal(matrix, [1.0] * len(matrix))


def add(left, right, sign: float = 1.0):
    """Return ``left + sign * right`` for two vectors or two matrices."""
    if isinstance(left, list):
        return [add(x, y, sign) for x, y in zip(left, right, strict=True)]
    if is_zero(right):
        return left
    return left + right if sign > 0 else left - right


def change(nested, function):
    """Return the vector or matrix with ``function`` applied to every array."""
    if isinstance(nested, list):
        return [change(x, function) for x in nested]
    return nested if is_zero(nested) else function(nested)


def symmetric(entry, n: int) -> Matrix:
    """Return the symmetric matrix of ``entry(i, j)``, called for ``j <= i`` only."""
    lower = [[entry(i, j) for j in range(i + 1)] for i in range(n)]
    return [[lower[max(i, j)][min(i, j)] for j in range(n)] for i in range(n)]


def quadratic(matrix: Matrix, vector: Vector) -> Array:
    """Return ``v'Mv`` of a symmetric matrix."""
    n = range(len(vector))
    square = sum(matrix[i][i] * vector[i] * vector[i] for i in n)
    cross = [matrix[i][j] * vector[i] * vector[j] for i in n for j in range(i)]
    return square + 2.0 * sum(cross) if cross else square


def root(matrix: Matrix) -> Matrix:
    """Return ``F`` with ``F F'`` the matrix: symmetric up to two dimensions, the Cholesky factor above.

    The symmetric one does not depend on the order of the arms, and so no result does.
    """
    if len(matrix) != 2:
        return cholesky(matrix)
    (a, b), (_, d) = matrix
    volume = jnp.sqrt(jnp.maximum(a * d - b * b, LEAST_PIVOT * a * d))
    scale = stored(1.0 / jnp.sqrt(a + d + 2.0 * volume))
    side = stored(b * scale)
    return [[stored((a + volume) * scale), side], [side, stored((d + volume) * scale)]]


def cholesky(matrix: Matrix) -> Matrix:
    """Return the lower Cholesky factor; entries above the diagonal are 0.0."""
    n = len(matrix)
    lower = [[0.0] * n for _ in range(n)]
    for i in range(n):
        for j in range(i + 1):
            rest = matrix[i][j] - sum(lower[i][k] * lower[j][k] for k in range(j))
            pivot = jnp.sqrt(jnp.maximum(rest, LEAST_PIVOT * matrix[i][i])) if i == j else None
            lower[i][j] = stored(rest / lower[j][j] if pivot is None else pivot)
    return lower


def inverse(matrix: Matrix) -> tuple[Matrix, Array]:
    """Return the inverse of a symmetric positive definite matrix and the log of its determinant."""
    n = len(matrix)
    if n == 1:
        return [[1.0 / matrix[0][0]]], jnp.log(matrix[0][0])
    if n == 2:
        (a, b), (_, d) = matrix
        determinant = a * d - b * b
        scale = 1.0 / determinant
        return [[d * scale, -b * scale], [-b * scale, a * scale]], jnp.log(determinant)
    lower = cholesky(matrix)
    below = _inverse_lower(lower)
    full = symmetric(lambda i, j: stored(sum(below[k][i] * below[k][j] for k in range(i, n))), n)
    return full, 2.0 * sum(jnp.log(lower[i][i]) for i in range(n))


def _inverse_lower(lower: Matrix) -> Matrix:
    """Return the inverse of a lower triangular matrix."""
    n = len(lower)
    below = [[0.0] * n for _ in range(n)]
    for i in range(n):
        below[i][i] = 1.0 / lower[i][i]
        for j in range(i):
            below[i][j] = stored(-below[i][i] * sum(lower[i][k] * below[k][j] for k in range(j, i)))
    return below
