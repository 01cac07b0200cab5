"""Linear algebra of very small matrices, written out element by element.

A matrix is a list of rows of equally shaped arrays, so that every operation is elementwise over the
trials, subgroups and nodes that the arrays hold. Nothing here may call a batched LAPACK routine.
"""

import jax.numpy as jnp
from jaxtyping import Array

Vector = list[Array]
Matrix = list[list[Array]]


def identity_plus(scale: Array, matrix: Matrix) -> Matrix:
    """Return ``I + scale * matrix``."""
    n = range(len(matrix))
    return [[scale * matrix[i][j] + (1.0 if i == j else 0.0) for j in n] for i in n]


def add_diagonal(matrix: Matrix, value: Array) -> Matrix:
    """Return ``matrix + value * I``."""
    n = range(len(matrix))
    return [[matrix[i][j] + value if i == j else matrix[i][j] for j in n] for i in n]


def times(matrix: Matrix, vector: Vector) -> Vector:
    """Return the matrix-vector product."""
    return [dot(row, vector) for row in matrix]


def product(left: Matrix, right: Matrix) -> Matrix:
    """Return the matrix product."""
    n = range(len(left))
    return [[sum(left[i][k] * right[k][j] for k in n) for j in n] for i in n]


def dot(left: Vector, right: Vector) -> Array:
    """Return the inner product."""
    return sum(x * y for x, y in zip(left, right, strict=True))


def add(left, right, sign: float = 1.0):
    """Return ``left + sign * right`` for two vectors or two matrices."""
    if isinstance(left, list):
        return [add(x, y, sign) for x, y in zip(left, right, strict=True)]
    return left + right if sign > 0 else left - right


def change(nested, function):
    """Return the vector or matrix with ``function`` applied to every array."""
    return [change(x, function) for x in nested] if isinstance(nested, list) else function(nested)


def cholesky(matrix: Matrix) -> Matrix:
    """Return the lower Cholesky factor; entries above the diagonal are zero."""
    n = len(matrix)
    lower = [[jnp.zeros_like(matrix[0][0]) for _ in range(n)] for _ in range(n)]
    for i in range(n):
        for j in range(i + 1):
            rest = matrix[i][j] - sum(lower[i][k] * lower[j][k] for k in range(j))
            lower[i][j] = jnp.sqrt(rest) if i == j else rest / lower[j][j]
    return lower


def inverse(matrix: Matrix) -> tuple[Matrix, Array]:
    """Return the inverse of a symmetric positive definite matrix and the log of its determinant."""
    n = len(matrix)
    if n == 1:
        return [[1.0 / matrix[0][0]]], jnp.log(matrix[0][0])
    lower = cholesky(matrix)
    below = _inverse_lower(lower)
    columns = range(n)
    full = [[sum(below[k][i] * below[k][j] for k in range(max(i, j), n)) for j in columns] for i in columns]
    return full, 2.0 * sum(jnp.log(lower[i][i]) for i in columns)


def _inverse_lower(lower: Matrix) -> Matrix:
    """Return the inverse of a lower triangular matrix."""
    n = len(lower)
    below = [[jnp.zeros_like(lower[0][0]) for _ in range(n)] for _ in range(n)]
    for i in range(n):
        below[i][i] = 1.0 / lower[i][i]
        for j in range(i):
            below[i][j] = -below[i][i] * sum(lower[i][k] * below[k][j] for k in range(j, i))
    return below
