"""The events still expected under the design, without drawing any: the plan behind the cheap form."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from adaptive.design.looks import TrialClock
from adaptive.design.protocol import Design
from adaptive.measures.imputation import Assumed, Present
from adaptive.survival import exposure


def further_events(
    design: Design, present: Present, assumed: Assumed, hazard: Float[Array, "S A J"], *, grow: bool
) -> Float[Array, "S A"]:
    """Return the expected number of further events of each cell up to the final look.

    Future patients enter at even intervals; their subgroups and arms have the expected shares. The final look
    is held when the look plan says of these entries; one that waits for events never comes in this plan and
    is taken to be at the design's last month.

    Parameters
    ----------
    design, present, assumed
        The protocol, the patients now, what is assumed of the future.
    hazard
        Expected hazards per month.
    grow
        Whether patients enrol up to the design's maximum.
    """
    now, n_arms = present.patients, hazard.shape[1]
    left = design.limits.max_patients - now.observed.sum(dtype=jnp.int32)
    nth = jnp.cumsum(~now.observed, dtype=jnp.int32)
    joins = ~now.observed & (nth <= left) & grow
    later = present.cutoff + nth / assumed.entry_rate.astype(jnp.float32)
    entry = jnp.where(joins, later, jnp.where(now.observed, now.entry, jnp.inf))
    end = _final_month(design, present, entry, now.subgroup)
    start = jnp.where(present.running, now.time, 0.0)
    stop = jnp.minimum(
        assumed.follow_up.astype(jnp.float32), jnp.where(joins | now.observed, end - entry, 0.0)
    )
    share = _shares(present)
    rows = []
    for cell in range(share.size):
        s, a = divmod(cell, n_arms)
        here = present.running & (now.subgroup == s) & (now.arm == a)
        weight = here + jnp.where(joins, share[s, a], 0.0)
        chance = _chance(design, hazard[s, a], assumed, start, jnp.maximum(stop, start))
        rows.append(jnp.sum(weight * chance))
    return jnp.stack(rows).reshape(share.shape)


def _shares(present: Present) -> Float[Array, "S A"]:
    """Return the expected share of future patients in each cell."""
    now, allocation = present.patients, present.progress.allocation.astype(jnp.float32)
    counts = [(now.observed & (now.subgroup == s)).sum(dtype=jnp.float32) for s in range(allocation.shape[0])]
    open_ = allocation.sum(axis=1) > 0
    mix = jnp.where(open_, jnp.stack(counts) + 0.5, 0.0)
    return (mix / jnp.maximum(mix.sum(), 0.5))[:, None] * allocation


def _final_month(design: Design, present: Present, entry: Float[Array, " N"], subgroup) -> Float[Array, ""]:
    """Return the month of the final look if no event were to happen."""
    enters = jnp.isfinite(entry)
    clock = TrialClock(
        entry=entry,
        event=jnp.full_like(entry, jnp.inf),
        subgroup=subgroup,
        rank=jnp.cumsum(enters, dtype=jnp.int32),
        previous=present.cutoff,
    )
    planned = design.looks.time(clock, jnp.asarray(design.looks.n_looks - 1, jnp.int32))
    latest = jnp.minimum(planned, design.limits.max_months.astype(planned.dtype)).astype(entry.dtype)
    return jnp.maximum(latest, present.cutoff)


def _chance(
    design: Design,
    hazard: Float[Array, " J"],
    assumed: Assumed,
    start: Float[Array, " N"],
    stop: Float[Array, " N"],
) -> Float[Array, " N"]:
    """Return the probability of an event between ``start`` and ``stop``, dropout competing."""
    n_intervals = hazard.shape[0]
    cuts = design.analysis.cuts.astype(jnp.float32) if n_intervals > 1 else jnp.zeros(1, jnp.float32)
    months = exposure(stop, cuts) - exposure(start, cuts)
    lost = jnp.zeros((), jnp.float32) if assumed.dropout is None else assumed.dropout.astype(jnp.float32)
    chance, alive = jnp.zeros_like(start), jnp.ones_like(start)
    for j in range(n_intervals):
        risk = hazard[j].astype(jnp.float32)
        stays = jnp.exp(-(risk + lost) * months[:, j])
        chance = chance + alive * (1.0 - stays) * risk / (risk + lost)
        alive = alive * stays
    return chance
