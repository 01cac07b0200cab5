"""Permuted blocks: arms in random order within blocks of a fixed size, subgroup by subgroup.

Must not see outcomes; the arm of a patient depends on the subgroup, the place in it, the allocation in force
and the uniforms of the patient's own block.
"""

from itertools import combinations

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from adaptive.design.assignment import AbstractAssignment, Line


class PermutedBlocks(AbstractAssignment):
    """Blocks of ``size`` patients of one subgroup, each with the same number of patients per arm.

    The numbers are the allocation times the size, rounded by largest remainder. A block starts afresh
    at each change of the allocation; what is left of the old one is not used up.

    Attributes
    ----------
    size
        Patients in a block; static.

    References
    ----------
    Zelen (1974), Journal of Chronic Diseases 27, 365-375, doi:10.1016/0021-9681(74)90015-0.
    """

    size: int = eqx.field(static=True)

    shuffles = True

    def arms(self, allocation: Float[Array, "S A"], line: Line) -> Int[Array, " N"]:
        """Return each patient's arm: the place in the shuffled block, against the numbers of the arms.

        The uniforms of a subgroup are read on from the first number that the allocation applies to, so every
        block of a trial has its own. The patient with the r-th smallest uniform of the block has rank r.
        """
        ends = jnp.cumsum(seats(allocation, self.size), axis=1, dtype=jnp.int32)
        n_subgroups, n = line.shuffle.shape
        rows = []
        for s in range(n_subgroups):
            # In floats, which are exact here: their maximum is twice as fast as that of integers.
            before = jnp.where(line.subgroup == s, -line.place, 0).astype(jnp.float32).max()
            rank = self._ranks(line.shuffle[s], before.astype(jnp.int32))
            rows.append(sum((rank >= ends[s, a]).astype(jnp.int8) for a in range(ends.shape[1] - 1)))
        table = jnp.concatenate(rows)
        place = jnp.clip(line.place, 0, n - 1).astype(jnp.int32)
        return table[line.subgroup.astype(jnp.int32) * rows[0].shape[0] + place].astype(jnp.int32)

    def _ranks(self, uniform: Float[Array, " N"], before: Int[Array, ""]) -> Int[Array, " M"]:
        """Return the rank of each place within its block, ``M`` being ``N`` filled up to whole blocks.

        A block that the list of arrivals cuts off is filled up with uniforms from the start of the list. Of
        equal uniforms the first has the lower rank.
        """
        n = uniform.shape[0]
        length = n + -n % self.size
        # Copies by concatenation: a slice of ``jnp.tile`` costs ten times as much.
        padded = jnp.concatenate([uniform] * (2 + -(-self.size // n)))
        block = lax.dynamic_slice(padded, (before,), (length,)).reshape(-1, self.size)
        rank = [jnp.zeros(block.shape[0], jnp.int8) for _ in range(self.size)]
        for i, j in combinations(range(self.size), 2):
            first = (block[:, i] <= block[:, j]).astype(jnp.int8)
            rank[i], rank[j] = rank[i] + (1 - first), rank[j] + first
        return jnp.stack(rank, axis=1).reshape(-1)


def seats(allocation: Float[Array, "S A"], size: int) -> Int[Array, "S A"]:
    """Return ``size`` patients by arm, rounded by largest remainder; 0 in a row without allocation.

    Of equal remainders the arm that is named first is rounded up. Remainders are compared after rounding to
    a ten-thousandth, so that the last bit of a probability decides nothing.
    """
    quota = allocation * size
    whole = jnp.floor(quota + 1e-4)
    rest = jnp.round((quota - whole) * 1e4)
    left = jnp.where(allocation.sum(axis=1) > 0, size - whole.sum(axis=1), 0.0)
    n_arms = allocation.shape[1]
    ahead = [
        sum(
            (rest[:, b] >= rest[:, a]) if b < a else (rest[:, b] > rest[:, a])
            for b in range(n_arms)
            if b != a
        )
        for a in range(n_arms)
    ]
    extra = jnp.stack(ahead, axis=1) < left[:, None]
    return (whole + extra).astype(jnp.int32)
