"""Probabilities that one of several independent quantities beats the others, by quadrature."""

from collections.abc import Iterable

from jaxtyping import Array, Float


def chance_of_beating(
    weight: Float[Array, "*L Q"], beaten: Iterable[Float[Array, "*#L Q"]]
) -> Float[Array, "*L"]:
    """Return ``integral of f(x) prod_c P(c is beaten by x) dx``, exact up to the quadrature.

    Parameters
    ----------
    weight
        Density of the one quantity at its nodes, times the weights of the quadrature, shape ``(..., Q)``.
    beaten
        For each other quantity the probability that ``x`` beats it, at the same nodes: its distribution
        function if larger is better, one minus it if smaller is; at ``x`` less a margin, by that margin.
    """
    for other in beaten:
        weight = weight * other
    return weight.sum(axis=-1)
