"""Optimal allocation targets, and the doubly adaptive biased coin that steers a trial towards one.

A target is what the final numbers of patients should be in proportion to, given what is known of the arms.
The pure functions are the formulas; the classes feed them with estimates from events, exposure and patients.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from adaptive.design.allocation_base import normalised
from adaptive.design.allocation_formula import EVENTS, EXPOSURE, PATIENTS, Formula, numbers
from adaptive.design.allocation_weights import AbstractWeights, scaled
from adaptive.records import Evidence, Progress


def optimal_target(variance: Float[Array, "S A"], cost: Float[Array, "S A"]) -> Float[Array, "S A"]:
    """Return ``sqrt(variance / cost)`` over its sum.

    With ``variance[a] / n[a]`` the variance of an arm's estimate, these shares minimise the total cost
    ``sum n[a] cost[a]`` at a given sum of variances. ``cost = 1`` is Neyman's allocation. Binary success
    rates ``p`` have variance ``p (1 - p)``; with the cost ``1 - p`` of a failure that is ``sqrt(p)``.

    References
    ----------
    Rosenberger, Stallard, Ivanova, Harper and Ricks (2001), Biometrics 57, 909-913,
    doi:10.1111/j.0006-341X.2001.00909.x.
    """
    return normalised(jnp.sqrt(variance / cost))


def exponential_target(mean: Float[Array, "S A"], event: Float[Array, "S A"]) -> Float[Array, "S A"]:
    """Return shares in proportion to ``sqrt(mean^3 / event)``: least total hazard for exponential times.

    The estimate of a mean time has variance ``mean^2 / (n event)`` if a patient's time is seen to end with
    probability ``event``, and a patient costs the hazard ``1 / mean``.

    References
    ----------
    Zhang and Rosenberger (2007), Journal of the Royal Statistical Society C 56, 153-165,
    doi:10.1111/j.1467-9876.2007.00571.x.
    """
    return optimal_target(mean**2 / event, 1.0 / mean)


def biased_coin(
    target: Float[Array, "S A"], share: Float[Array, "S A"], gamma: Float[Array, ""]
) -> Float[Array, "S A"]:
    """Return ``target (target / share)^gamma`` over its sum; 0 where the target is 0.

    References
    ----------
    Hu and Zhang (2004), Annals of Statistics 32, 268-301, doi:10.1214/aos/1079120137.
    """
    used = target > 0
    ratio = jnp.where(used, target, 1.0) / jnp.where(used, share, 1.0)
    return normalised(jnp.where(used, target * ratio**gamma, 0.0))


_SHARE = Formula(
    ("q[s, a] = (d[s, a] + 1) / (n[s, a] + (Σ n[s, k] + 2) / (Σ d[s, k] + 1)), sums over k in A[s]",),
    (
        "q[s, a]: share of the patients of an arm with an event, one event at the share of all arms of A[s] "
        "added",
        PATIENTS,
        EVENTS,
    ),
)
"""What ``event_share`` returns."""
_HAZARD = Formula(
    ("h[s, a] = (d[s, a] + 1) / (T[s, a] + (Σ T[s, k] + 1) / (Σ d[s, k] + 1)), sums over k in A[s]",),
    (
        "h[s, a]: events per person-month, one event at the hazard of all arms of A[s] added",
        PATIENTS,
        EVENTS,
        EXPOSURE,
    ),
)
"""What ``hazard`` returns."""
_COUNTED = Formula(
    (),
    ("g[s, a]: 1 for an experimental arm; for control the number of experimental arms in A[s], at least 1",),
)
"""What ``_compared`` multiplies variances by."""


class BiasedCoinWeights(AbstractWeights):
    """Hu and Zhang's doubly adaptive biased coin towards any other weights.

    Attributes
    ----------
    target
        The weights to reach.
    gamma
        How hard arms that have fallen behind are caught up; 0 randomises by the target itself.

    Notes
    -----
    An arm's share of the patients counts one patient of the target beside those randomised, so that an arm
    without patients has a share.
    """

    target: AbstractWeights
    gamma: Float[Array, ""] = eqx.field(converter=jnp.asarray)

    def weights(
        self, evidence: Evidence, progress: Progress, arms: Bool[Array, "S A"]
    ) -> Float[Array, "S A"]:
        """Return the coin's probabilities."""
        target = self.target.weights(evidence, progress, arms)
        patients = jnp.where(arms, evidence.patients.astype(target.dtype), 0.0)
        return biased_coin(target, normalised(patients + target), self.gamma)

    def formula(self, name: str = "w") -> Formula:
        """Return the coin, and its target."""
        x, target = name.replace("w", "x"), f"{name}*"
        share = f"(n[s, a] + {target}[s, a]) / Σ (n[s, k] + {target}[s, k]), sum over k in A[s]"
        value = f"{target}[s, a] · ({target}[s, a] / {x}[s, a])^{numbers(self.gamma)}"
        own = Formula(
            (f"{x}[s, a] = {share}",), (PATIENTS, f"an arm with {target}[s, a] = 0 has {name}[s, a] = 0")
        )
        return scaled(name, value).followed_by(own, self.target.formula(target))


class NeymanWeights(AbstractWeights):
    """Least variance of the log hazard ratios against control for the number of patients.

    An arm's log hazard has variance ``1 / (n q)`` with ``q`` the share of its patients who had an event, so
    experimental arms get ``1 / sqrt(q)`` and control, which is in each of ``b`` comparisons,
    ``sqrt(b / q)``. An arm with fewer events gets more patients because it tells less, not because it is
    better.
    """

    def weights(
        self, evidence: Evidence, progress: Progress, arms: Bool[Array, "S A"]
    ) -> Float[Array, "S A"]:
        """Return the target at the estimated event shares."""
        del progress
        variance = _compared(1.0 / event_share(evidence, arms), arms)
        target = optimal_target(variance, jnp.ones_like(variance))
        return normalised(jnp.where(arms, target, 0.0))

    def formula(self, name: str = "w") -> Formula:
        """Return the target and the estimate of event shares."""
        return scaled(name, "√(g[s, a] / q[s, a])").followed_by(_SHARE, _COUNTED)


class ExponentialTargetWeights(AbstractWeights):
    """Least total hazard for the precision of the mean times: RSIHR's idea for time-to-event endpoints.

    ``sqrt(mean^3 / q)`` as in ``exponential_target``, control's variance counted once per comparison.
    """

    def weights(
        self, evidence: Evidence, progress: Progress, arms: Bool[Array, "S A"]
    ) -> Float[Array, "S A"]:
        """Return the target at the estimated mean times and event shares."""
        del progress
        target = exponential_target(1.0 / hazard(evidence, arms), event_share(evidence, arms))
        return normalised(jnp.where(arms, jnp.sqrt(_compared(target**2, arms)), 0.0))

    def formula(self, name: str = "w") -> Formula:
        """Return the target and the estimates of hazards and event shares."""
        return scaled(name, "√(g[s, a] / (h[s, a]³ · q[s, a]))").followed_by(_HAZARD, _SHARE, _COUNTED)


def event_share(evidence: Evidence, arms: Bool[Array, "S A"]) -> Float[Array, "S A"]:
    """Return the share of an arm's patients with an event, one event at the share of all arms added."""
    return _shrunk(evidence.events, evidence.patients.astype(evidence.events.dtype), arms, 2.0)


def hazard(evidence: Evidence, arms: Bool[Array, "S A"]) -> Float[Array, "S A"]:
    """Return events per month of exposure, one event at the hazard of all arms added."""
    return _shrunk(evidence.events, evidence.exposure, arms, 1.0)


def _shrunk(
    events: Float[Array, "S A"], amount: Float[Array, "S A"], arms: Bool[Array, "S A"], prior: float
) -> Float[Array, "S A"]:
    """Return ``(events + 1) / (amount + 1 / common)`` with ``common`` the rate of the arms together.

    The common rate has one event in ``prior`` added, so that it is never zero. An arm without data has it.
    """
    together = jnp.where(arms, events, 0.0).sum(axis=1, keepdims=True) + 1.0
    common = together / (jnp.where(arms, amount, 0.0).sum(axis=1, keepdims=True) + prior)
    return (events + 1.0) / (amount + 1.0 / common)


def _compared(variance: Float[Array, "S A"], arms: Bool[Array, "S A"]) -> Float[Array, "S A"]:
    """Return variances with that of control counted once for each experimental arm."""
    number = jnp.maximum(arms[:, 1:].sum(axis=1, keepdims=True), 1).astype(variance.dtype)
    return jnp.concatenate([variance[:, :1] * number, variance[:, 1:]], axis=1)
