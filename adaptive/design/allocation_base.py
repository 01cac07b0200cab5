"""What an allocation is, and the arms it may use.

An allocation sees evidence and progress and nothing else. Closed cells always get probability zero, and a
subgroup without an open experimental arm accrues nobody.
"""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from adaptive.design.allocation_formula import Formula
from adaptive.records import Evidence, Progress


class AbstractAllocation(eqx.Module):
    """A rule for randomisation probabilities."""

    @abstractmethod
    def initial(self, is_open: Bool[Array, "S B"]) -> Float[Array, "S A"]:
        """Return the probabilities from the start until the first look."""

    @abstractmethod
    def update(
        self, evidence: Evidence, progress: Progress, is_open: Bool[Array, "S B"]
    ) -> Float[Array, "S A"]:
        """Return the probabilities after a look that left ``is_open`` cells open."""

    @abstractmethod
    def formula(self, name: str = "π") -> Formula:
        """Return what ``update`` computes, as the formula of ``name[s, a]``; ``π⁰`` is ``initial``."""


def open_arms(is_open: Bool[Array, "S B"]) -> Bool[Array, "S A"]:
    """Return which arms randomise: open cells, and control wherever any cell is open."""
    return jnp.concatenate([is_open.any(axis=1, keepdims=True), is_open], axis=1)


def normalised(weights: Float[Array, "S A"]) -> Float[Array, "S A"]:
    """Scale rows to sum to 1; a row of zeros stays zero."""
    total = weights.sum(axis=1, keepdims=True)
    return jnp.where(total > 0, weights / jnp.where(total > 0, total, 1.0), 0.0)


def starting(ratio: Float[Array, " A"], is_open: Bool[Array, "S B"]) -> Float[Array, "S A"]:
    """Return a ratio among the open arms as probabilities."""
    return normalised(jnp.where(open_arms(is_open), ratio[None, :], 0.0))
