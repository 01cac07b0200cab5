"""The log-rank test of one completed data set from one sort of packed integers.

Time, whether it is an event, and the cell of a patient share one 31-bit integer, so that a sort of plain
integers, five times quicker than one of floats, brings everything along. Times are told apart to one
part in ``2^30``, divided by the number of cells, of the longest; equal ones count one after the other.
"""

import jax.numpy as jnp
from jax import lax
from jax.scipy.special import ndtr
from jaxtyping import Array, Float, Int

from adaptive.measures.log_rank import LogRank, over_subgroups
from adaptive.records import Snapshot

_BITS = 31
_LAST = 2**31 - 1


def log_rank_z(measure: LogRank, snapshot: Snapshot, n_subgroups: int, n_arms: int) -> Float[Array, "S B"]:
    """Return ``Phi(z)`` as ``LogRank`` does, NaN without information.

    Events at equal times are taken one after the other, in the order of subgroups and arms; drawn times are
    never equal, recorded ones may be.
    """
    cell_bits = max((n_subgroups * n_arms - 1).bit_length(), 1)
    packed = lax.sort(pack(snapshot, n_arms, cell_bits), is_stable=False)
    cell = packed & (2**cell_bits - 1)
    event = (packed >> cell_bits) & 1 == 0
    at_risk = _at_risk(snapshot, cell, n_subgroups * n_arms, n_arms)
    ratio = measure.margin.astype(jnp.float32)
    difference, variance = [], []
    for s in range(n_subgroups):
        control = at_risk[s * n_arms]
        for b in range(1, n_arms):
            arm, in_arm = at_risk[s * n_arms + b] * ratio, cell == s * n_arms + b
            counts = event & (in_arm | (cell == s * n_arms))
            share = jnp.where(counts, arm / jnp.maximum(control + arm, 1.0), 0.0)
            difference.append(jnp.sum(share - (counts & in_arm)))
            variance.append(jnp.sum(share * (1.0 - share)))
    shape = (n_subgroups, n_arms - 1)
    u, v = jnp.stack(difference).reshape(shape), jnp.stack(variance).reshape(shape)
    if measure.stratified:
        u, v = over_subgroups(u), over_subgroups(v)
    known = v > 0
    return jnp.where(known, ndtr(u / jnp.sqrt(jnp.where(known, v, 1.0))), jnp.nan)


def pack(snapshot: Snapshot, n_arms: int, cell_bits: int) -> Int[Array, " N"]:
    """Return one integer per patient: time, then 0 for an event, then the cell; padding rows last.

    At equal times events come first, so that those censored then are at risk.
    """
    time = jnp.where(snapshot.observed, snapshot.time, 0.0).astype(jnp.float32)
    steps = 2 ** (_BITS - 1 - cell_bits) - 2**6
    unit = steps / jnp.maximum(jnp.max(time), jnp.finfo(jnp.float32).tiny)
    ticks = (time * unit).astype(jnp.int32)
    cell = snapshot.subgroup.astype(jnp.int32) * n_arms + snapshot.arm.astype(jnp.int32)
    censored = 1 - snapshot.event.astype(jnp.int32)
    return jnp.where(snapshot.observed, (((ticks << 1) | censored) << cell_bits) | cell, _LAST)


def _at_risk(
    snapshot: Snapshot, cell: Int[Array, " N"], n_cells: int, n_arms: int
) -> list[Float[Array, " N"]]:
    """Return how many of each cell are at risk at each place of the sorted list, itself included.

    The last cell's number is what is left of all patients.
    """
    own = snapshot.subgroup.astype(jnp.int32) * n_arms + snapshot.arm.astype(jnp.int32)
    everyone = jnp.sum(snapshot.observed, dtype=jnp.int32)
    remaining = everyone - jnp.arange(cell.shape[0], dtype=jnp.int32)
    counts = []
    for c in range(n_cells - 1):
        total = jnp.sum(snapshot.observed & (own == c), dtype=jnp.int32)
        member = (cell == c).astype(jnp.int16)
        counts.append(total - (jnp.cumsum(member, dtype=jnp.int16) - member).astype(jnp.int32))
    counts.append(remaining - sum(counts))
    return [count.astype(jnp.float32) for count in counts]
