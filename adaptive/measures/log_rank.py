"""The log-rank test of each arm against control, as a one-sided confidence.

Large values speak for benefit: fewer events in the arm than expected. Nothing here looks at a posterior.
"""

import equinox as eqx
import jax.numpy as jnp
from jax.scipy.special import ndtr
from jaxtyping import Array, Float

from adaptive.design.measure import AbstractMeasure
from adaptive.measures.risk_sets import RiskSets, risk_sets
from adaptive.records import FittedLook


def score(
    sets: RiskSets, ratio: Float[Array, ""], n_subgroups: int
) -> tuple[Float[Array, "S B"], Float[Array, "S B"]]:
    """Return expected minus observed events of the arm and its variance, at a hazard ratio.

    With ``n_0`` and ``n_1`` at risk and ``d`` events at a time, ``p = n_1 r / (n_0 + n_1 r)``: the sum of
    ``d p - d_1``, and of ``d p (1 - p) (n - d) / (n - 1)``, the hypergeometric variance at ``r = 1``.
    Positive differences are a benefit.
    """
    control, arm = sets.at_risk
    share = arm * ratio / jnp.maximum(control + arm * ratio, jnp.finfo(arm.dtype).tiny)
    n, tied = control + arm, sets.tied[0] + sets.tied[1]
    finite = jnp.where(n > 1, (n - tied) / jnp.maximum(n - 1.0, 1.0), 0.0)
    observed = sets.totals(sets.in_arm.astype(share.dtype), n_subgroups)
    expected = sets.totals(share, n_subgroups)
    return expected - observed, sets.totals(share * (1.0 - share) * finite, n_subgroups)


class LogRank(AbstractMeasure):
    """One minus the one-sided p-value of the log-rank test in the subgroup, ``Phi(z)``, benefit large.

    ``z = (E - O) / sqrt(V)`` for the arm's events. With a margin other than 1 it is the score test of Cox's
    model at that hazard ratio, for non-inferiority (above 1) or superiority by a margin (below 1). NaN, so
    that no rule fires, without information.

    Attributes
    ----------
    margin
        Hazard ratio of the null hypothesis.
    stratified
        Whether differences and variances are added up over the subgroups, which gives one number per arm;
        static.

    References
    ----------
    Mantel (1966), Cancer Chemotherapy Reports 50, 163-170; Peto and Peto (1972), J R Stat Soc A 135, 185-207,
    doi:10.2307/2344317.
    """

    margin: Float[Array, ""] = eqx.field(converter=jnp.asarray, default=1.0)
    stratified: bool = eqx.field(static=True, default=False)

    @property
    def name(self) -> str:
        """``log_rank_`` and the margin."""
        return f"{'stratified_' if self.stratified else ''}log_rank_{float(self.margin):g}"

    @property
    def words(self) -> str:
        """The confidence."""
        against = "" if float(self.margin) == 1.0 else f" against HR {float(self.margin):g}"
        return f"1 - p of the one-sided {'stratified ' if self.stratified else ''}log-rank test{against}"

    def value(self, design: eqx.Module, look: FittedLook) -> Float[Array, "S B"]:
        """Return ``Phi(z)``."""
        n_subgroups = len(design.subgroups)
        sets = risk_sets(look.snapshot, n_subgroups, len(design.arms))
        ratio = self.margin.astype(sets.before.dtype)
        difference, variance = score(sets, ratio, n_subgroups)
        if self.stratified:
            difference, variance = (over_subgroups(x) for x in (difference, variance))
        return confidence(difference, variance)


def over_subgroups(value: Float[Array, "S B"]) -> Float[Array, "S B"]:
    """Return the sum over subgroups, for every subgroup."""
    return jnp.broadcast_to(value.sum(axis=0, keepdims=True), value.shape)


def confidence(difference: Float[Array, "S B"], variance: Float[Array, "S B"]) -> Float[Array, "S B"]:
    """Return ``Phi(difference / sqrt(variance))``, NaN without variance."""
    known = variance > 0
    z = difference / jnp.sqrt(jnp.where(known, variance, 1.0))
    return jnp.where(known, ndtr(z), jnp.nan)
