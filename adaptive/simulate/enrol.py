"""Who is randomised, and to what, while an allocation is in force.

Must not see outcomes: enrolment depends on arrivals, the design's maxima and its assignment.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from adaptive.design.assignment import Line
from adaptive.design.protocol import Design
from adaptive.simulate.nature import Nature


class Randomised(eqx.Module):
    """Who is enrolled, to which arm, and how many are enrolled up to each arrival; shape ``(N,)``."""

    enrolled: Bool[Array, " N"]
    arm: Int[Array, " N"]
    rank: Int[Array, " N"]


class Past(eqx.Module):
    """What is settled, and the allocation in force since.

    Attributes
    ----------
    fixed
        Who was randomised up to month ``settled``; of later arrivals it says nothing.
    settled
        Month up to which the past is settled.
    allocation
        Randomisation probabilities in force, shape ``(S, A)``.
    patients
        Patients randomised up to month ``settled``, shape ``(S, A)``.
    screened
        Arrivals up to month ``settled``.
    """

    fixed: Randomised
    settled: Float[Array, ""]
    allocation: Float[Array, "S A"]
    patients: Int[Array, "S A"]
    screened: Int[Array, ""]


def randomise(design: Design, nature: Nature, past: Past) -> Randomised:
    """Return who is enrolled and to which arm, if the allocation in force were to last.

    Patients who entered up to month ``settled`` keep what they were given. Later arrivals are enrolled in
    order while their subgroup randomises and the maxima last; the design's assignment draws their arms.

    Notes
    -----
    No running sum is needed: with ``position[s]`` arrivals of subgroup ``s`` so far, a subgroup that
    randomises has ``enrolled at the last look + position - position at the last look`` patients, up to
    its maximum.
    """
    limits = design.limits
    fixed = nature.entry <= past.settled
    rank, place = (jnp.zeros(nature.entry.shape, jnp.int32) for _ in range(2))
    candidate = jnp.zeros(nature.entry.shape, bool)
    for s, counts in enumerate(_subgroup_counts(design, nature, past)):
        most = jnp.maximum(limits.max_per_subgroup[s], counts.enrolled)
        wanted = counts.enrolled + nature.position[s].astype(jnp.int32) - counts.arrived
        rank = rank + jnp.where(counts.accrues, jnp.minimum(wanted, most), counts.enrolled)
        candidate |= (nature.subgroup == s) & counts.accrues & (wanted <= limits.max_per_subgroup[s])
        place = jnp.where(nature.subgroup == s, wanted - counts.enrolled - 1, place)
    enrolled = jnp.where(fixed, past.fixed.enrolled, candidate & (rank <= limits.max_patients))
    rank = jnp.minimum(rank, limits.max_patients).astype(past.fixed.rank.dtype)
    line = Line(nature.subgroup, place, nature.assignment, nature.shuffle)
    arm = design.assignment.arms(past.allocation, line)
    return Randomised(
        enrolled, jnp.where(fixed, past.fixed.arm, arm), jnp.where(fixed, past.fixed.rank, rank)
    )


class _Counts(eqx.Module):
    """Of one subgroup: whether it randomises; patients enrolled and patients arrived up to the last look."""

    accrues: Bool[Array, ""]
    enrolled: Int[Array, ""]
    arrived: Int[Array, ""]


def _subgroup_counts(design: Design, nature: Nature, past: Past) -> list[_Counts]:
    screened = past.screened
    arrived = jnp.where(screened > 0, nature.position[:, jnp.maximum(screened - 1, 0)].astype(jnp.int32), 0)
    enrolled = past.patients.sum(axis=1, dtype=jnp.int32)
    accrues = past.allocation.sum(axis=1) > 0
    return [_Counts(accrues[s], enrolled[s], arrived[s]) for s in range(len(design.subgroups))]


def small(counts: Int[Array, "*L N"]) -> Int[Array, "*L N"]:
    """Return counts of patients in as few bytes as hold them."""
    return counts.astype(jnp.int16 if counts.shape[-1] < 2**15 else jnp.int32)
