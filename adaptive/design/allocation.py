"""Randomisation probabilities per subgroup, re-computed at each look from the evidence alone.

Closed cells always get probability zero, and a subgroup without an open experimental arm accrues
nobody. Strategies return weights over open arms; ``bounded_simplex`` applies floor and cap.
"""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

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


def open_arms(is_open: Bool[Array, "S B"]) -> Bool[Array, "S A"]:
    """Return which arms randomise: open cells, and control wherever any cell is open."""
    return jnp.concatenate([is_open.any(axis=1, keepdims=True), is_open], axis=1)


def normalised(weights: Float[Array, "S A"]) -> Float[Array, "S A"]:
    """Scale rows to sum to 1; a row of zeros stays zero."""
    total = weights.sum(axis=1, keepdims=True)
    return jnp.where(total > 0, weights / jnp.where(total > 0, total, 1.0), 0.0)


def bounded_simplex(
    weights: Float[Array, "S A"],
    is_open: Bool[Array, "S A"],
    lower: Float[Array, "S A"],
    upper: Float[Array, "S A"],
) -> Float[Array, "S A"]:
    """Return ``clip(scale * weights, lower, upper)`` on open arms with ``scale`` such that rows sum to 1.

    Where the bounds cannot hold for the arms still open (a cap with one arm left, floors above 1), they
    are scaled together until they can. The sum is piecewise linear in ``scale``, with corners where an
    arm leaves its lower or reaches its upper bound: the answer lies between two neighbouring corners.
    """
    lower = jnp.where(is_open, lower, 0.0)
    upper = jnp.where(is_open, upper, 0.0)
    lower = lower / jnp.maximum(lower.sum(axis=1, keepdims=True), 1.0)
    ceiling = upper.sum(axis=1, keepdims=True)
    upper = upper / jnp.where(ceiling > 0, jnp.minimum(ceiling, 1.0), 1.0)
    weights = jnp.where(is_open, jnp.maximum(weights, 1e-6), 0.0)
    scale = _scale(weights, lower, upper)
    return normalised(jnp.clip(scale * weights, lower, upper))


def _scale(
    weights: Float[Array, "S A"], lower: Float[Array, "S A"], upper: Float[Array, "S A"]
) -> Float[Array, "S 1"]:
    """Return the scale at which the clipped weights sum to 1; 0 in a row without weights."""
    arms = range(weights.shape[1])
    share = jnp.where(weights > 0, 1.0 / jnp.where(weights > 0, weights, 1.0), 0.0)
    corners = jnp.concatenate([lower * share, upper * share], axis=1)
    clipped = [jnp.clip(corners * weights[:, a, None], lower[:, a, None], upper[:, a, None]) for a in arms]
    total = sum(clipped)
    before = jnp.where(total <= 1.0, corners, 0.0).max(axis=1, keepdims=True)
    after = jnp.where(total >= 1.0, corners, corners.max(axis=1, keepdims=True)).min(axis=1, keepdims=True)
    sums = [
        sum(jnp.clip(at * weights[:, a, None], lower[:, a, None], upper[:, a, None]) for a in arms)
        for at in (before, after)
    ]
    rise = sums[1] - sums[0]
    part = jnp.where(rise > 0, (1.0 - sums[0]) / jnp.where(rise > 0, rise, 1.0), 0.0)
    return before + jnp.clip(part, 0.0, 1.0) * (after - before)


class FixedAllocation(AbstractAllocation):
    """Constant ratio among the arms still open.

    Attributes
    ----------
    ratio
        Weight per arm, control first, shape ``(A,)``.
    """

    ratio: Float[Array, " A"] = eqx.field(converter=jnp.asarray)

    def initial(self, is_open: Bool[Array, "S B"]) -> Float[Array, "S A"]:
        """Return the ratio among open arms."""
        return normalised(jnp.where(open_arms(is_open), self.ratio[None, :], 0.0))

    def update(
        self, evidence: Evidence, progress: Progress, is_open: Bool[Array, "S B"]
    ) -> Float[Array, "S A"]:
        """Return the ratio among open arms."""
        del evidence, progress
        return self.initial(is_open)


class ThallWathenAllocation(AbstractAllocation):
    """Weights P(best)^power per subgroup, with burn-in, floor, cap and a protected control share.

    Until ``burn_in`` patients are randomised in a subgroup its arms share ``ratio``. With
    ``control_share`` above 0 control keeps that share of the subgroup's patients and the experimental
    arms divide the rest; with 0 control competes like any arm.

    Attributes
    ----------
    ratio
        Weight per arm before adaptation, control first, shape ``(A,)``.
    power
        Exponent c; 0 gives equal allocation, 1 probability matching.
    burn_in
        Patients to randomise in a subgroup before its allocation adapts.
    floor, cap
        Smallest and largest probability of an open arm (of an experimental arm, when control is protected).
    control_share
        Protected probability of control, or 0.

    References
    ----------
    Thall and Wathen (2007), European Journal of Cancer 43, 859-866, doi:10.1016/j.ejca.2007.01.006.
    """

    ratio: Float[Array, " A"] = eqx.field(converter=jnp.asarray)
    power: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    burn_in: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    floor: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    cap: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    control_share: Float[Array, ""] = eqx.field(converter=jnp.asarray)

    def initial(self, is_open: Bool[Array, "S B"]) -> Float[Array, "S A"]:
        """Return the starting ratio among open arms."""
        return normalised(jnp.where(open_arms(is_open), self.ratio[None, :], 0.0))

    def update(
        self, evidence: Evidence, progress: Progress, is_open: Bool[Array, "S B"]
    ) -> Float[Array, "S A"]:
        """Return P(best)^power within the bounds, or the starting ratio during burn-in or after a bad fit."""
        del progress
        arms = open_arms(is_open)
        weights = normalised(jnp.where(arms, jnp.maximum(evidence.p_best, 1e-12) ** self.power, 0.0))
        is_control = jnp.broadcast_to(jnp.arange(arms.shape[1])[None, :] == 0, arms.shape)
        protected = is_control & (self.control_share > 0)
        lower = jnp.where(protected, self.control_share, self.floor)
        upper = jnp.where(protected, self.control_share, self.cap)
        adapted = bounded_simplex(weights, arms, lower, upper)
        patients = evidence.patients.sum(axis=1, keepdims=True)
        ready = (patients >= self.burn_in) & (evidence.health.code == 0)
        return jnp.where(ready, adapted, self.initial(is_open))
