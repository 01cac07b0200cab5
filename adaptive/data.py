"""Reduce patients to sufficient statistics: events and person-months per subgroup, arm and interval.

The only place where patient rows become numbers; it must not look at a design or a truth.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from adaptive.records import EventTable, Snapshot
from adaptive.survival import exposure, in_interval


def tabulate(snapshot: Snapshot, cuts: Float[Array, " J"], n_subgroups: int, n_arms: int) -> EventTable:
    """Count events and person-time by subgroup, arm and hazard interval.

    An event at exactly a cut belongs to the interval that ends there, ``(start, stop]``.

    Parameters
    ----------
    snapshot
        Patients as seen at one look; rows with ``observed == False`` are ignored.
    cuts
        Interval starts in months, the first 0, strictly increasing, shape ``(J,)``.
    n_subgroups, n_arms
        Numbers of subgroups and arms.

    Returns
    -------
    Events (counts) and exposure (person-months), each of shape ``(S, A, J)``.

    References
    ----------
    Holford (1980), Biometrics 36, 299-305, doi:10.2307/2529982: the Poisson form of the
    piecewise-exponential likelihood.
    """
    n_cells = n_subgroups * n_arms
    cell = jnp.where(snapshot.observed, snapshot.subgroup * n_arms + snapshot.arm, n_cells)
    time = jnp.where(snapshot.observed, snapshot.time, 0.0)
    happened = snapshot.event[:, None] & in_interval(time, cuts)
    per_patient = jnp.concatenate([happened.astype(time.dtype), exposure(time, cuts)], axis=1)
    # A scatter is twenty times faster here than a masked sum; padding rows fall into an extra cell.
    totals = jax.ops.segment_sum(per_patient, cell, n_cells + 1)[:n_cells]
    totals = totals.reshape(n_subgroups, n_arms, 2, cuts.shape[0])
    return EventTable(events=totals[:, :, 0], exposure=totals[:, :, 1])


def count_patients(snapshot: Snapshot, n_subgroups: int, n_arms: int) -> Int[Array, "S A"]:
    """Count randomised patients by subgroup and arm."""
    cell = snapshot.subgroup * n_arms + snapshot.arm
    counts = jax.ops.segment_sum(snapshot.observed.astype(jnp.int32), cell, n_subgroups * n_arms)
    return counts.reshape(n_subgroups, n_arms)
