"""Risk sets of every event, cell by cell, from one sort of the patients of a look.

A comparison is one experimental arm against control within a subgroup. Each row of what comes out belongs to
one patient in order of time; sums over the rows of events give log-rank and Cox statistics. Ties are kept
together: everybody with a time of at least ``t`` is at risk at ``t``. Nothing here tests or decides.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from adaptive.records import Snapshot


class RiskSets(eqx.Module):
    """Counts at every patient's time, for that patient's own subgroup; rows in order of time.

    Attributes
    ----------
    subgroup
        Index of the subgroup, shape ``(N,)``.
    event, in_arm
        Whether the row is an event of the comparison, and of its experimental arm, shape ``(N, B)``.
    at_risk
        Patients at risk in control and in the experimental arm, shape ``(N, B)`` each.
    tied
        Events of control and of the arm at that very time, shape ``(N, B)`` each.
    before
        Events of the comparison at that very time in earlier rows, shape ``(N, B)``.
    """

    subgroup: Int[Array, " N"]
    event: Bool[Array, "N B"]
    in_arm: Bool[Array, "N B"]
    at_risk: tuple[Float[Array, "N B"], Float[Array, "N B"]]
    tied: tuple[Float[Array, "N B"], Float[Array, "N B"]]
    before: Float[Array, "N B"]

    def totals(self, terms: Float[Array, "N B"], n_subgroups: int) -> Float[Array, "S B"]:
        """Return the sum of terms over the events of each comparison."""
        terms = jnp.where(self.event, terms, 0.0)
        mine = [jnp.where((self.subgroup == s)[:, None], terms, 0.0) for s in range(n_subgroups)]
        return jnp.stack([part.sum(axis=0) for part in mine])


def risk_sets(snapshot: Snapshot, n_subgroups: int, n_arms: int) -> RiskSets:
    """Return the risk sets of a snapshot.

    Parameters
    ----------
    snapshot
        Patients as seen at one look; rows with ``observed == False`` are ignored.
    n_subgroups, n_arms
        Numbers of subgroups and arms.
    """
    order = _order(jnp.where(snapshot.observed, snapshot.time, jnp.inf))
    rows = _Rows(
        subgroup=snapshot.subgroup[order],
        arm=snapshot.arm[order],
        seen=snapshot.observed[order],
        event=(snapshot.event & snapshot.observed)[order],
    )
    time = jnp.where(rows.seen, snapshot.time[order], jnp.inf)
    differs, edge = time[1:] > time[:-1], jnp.ones(1, bool)
    shape = (n_subgroups, n_arms)
    earlier, running, total = _outside(rows, jnp.concatenate([edge, differs]), shape)
    later, _, _ = _outside(rows, jnp.concatenate([differs, edge]), shape, reverse=True)
    own_total = _own(total, rows.subgroup)
    risk = own_total[:, 0] - earlier[:, 0]
    tied = own_total[:, 1] - earlier[:, 1] - later[:, 1]
    before = running[:, 1] - earlier[:, 1]
    return _compared(snapshot.time.dtype, rows.subgroup, rows.arm, rows.event, risk, tied, before)


class _Rows(eqx.Module):
    """Patients in order of time."""

    subgroup: Int[Array, "*N"]
    arm: Int[Array, "*N"]
    seen: Bool[Array, "*N"]
    event: Bool[Array, "*N"]


def _order(time: Float[Array, " N"]) -> Int[Array, " N"]:
    """Return the order of times that are not negative; their bits sort as integers, several times faster."""
    bits = jax.lax.bitcast_convert_type(time, jnp.int32 if time.dtype.itemsize == 4 else jnp.int64)
    return jax.lax.sort((bits, jnp.arange(time.shape[0], dtype=jnp.int32)), num_keys=1)[1]


def _outside(
    rows: _Rows, new: Bool[Array, " N"], shape: tuple[int, int], *, reverse: bool = False
) -> tuple[Int[Array, "N 2 A"], Int[Array, "N 2 A"], Int[Array, "2 S A"]]:
    """Return counts of patients and events in each row's own subgroup, by arm, in one pass.

    First those at an earlier time, a new time beginning where ``new`` holds; second those in earlier rows;
    third the totals. With ``reverse`` later instead of earlier.
    """
    subgroups, arms = jnp.arange(shape[0]), jnp.arange(shape[1])

    def step(carry, given):
        now, start = carry
        row, begins = given
        start = jnp.where(begins, now, start)
        here = (subgroups == row.subgroup)[:, None] & (arms == row.arm)[None, :]
        added = jnp.stack([here & row.seen, here & row.event])
        mine = lambda x: jnp.where((subgroups == row.subgroup)[None, :, None], x, 0).sum(axis=1)  # noqa: E731
        return (now + added, start), (mine(start), mine(now))

    nobody = jnp.zeros((2, *shape), jnp.int32)
    (total, _), (outside, running) = jax.lax.scan(step, (nobody, nobody), (rows, new), reverse=reverse)
    return outside, running, total


def _own(total: Int[Array, "2 S A"], subgroup: Int[Array, " N"]) -> Int[Array, "N 2 A"]:
    """Return the totals of each row's subgroup."""
    chosen = jnp.broadcast_to(total[None, :, 0], (subgroup.shape[0], total.shape[0], total.shape[2]))
    for s in range(1, total.shape[1]):
        chosen = jnp.where((subgroup == s)[:, None, None], total[None, :, s], chosen)
    return chosen


def _compared(dtype, subgroup, arm, event, risk, tied, before) -> RiskSets:
    """Return the counts of control beside those of each experimental arm."""
    pair = lambda x: (jnp.broadcast_to(x[:, :1], x[:, 1:].shape).astype(dtype), x[:, 1:].astype(dtype))  # noqa: E731
    arms = 1 + jnp.arange(risk.shape[1] - 1)
    in_arm = event[:, None] & (arm[:, None] == arms[None, :])
    earlier = pair(before)
    return RiskSets(
        subgroup=subgroup,
        event=in_arm | (event & (arm == 0))[:, None],
        in_arm=in_arm,
        at_risk=pair(risk),
        tied=pair(tied),
        before=earlier[0] + earlier[1],
    )
