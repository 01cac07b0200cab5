"""Cox's proportional-hazards estimate of each arm against control, as a one-sided Wald confidence.

Large values speak for benefit. Nothing here looks at a posterior.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from adaptive.design.measure import AbstractMeasure
from adaptive.measures.log_rank import confidence, over_subgroups
from adaptive.measures.risk_sets import RiskSets, risk_sets
from adaptive.records import FittedLook

STEPS = 6
"""Newton steps; the last few change nothing."""

FARTHEST = 12.0
"""Largest absolute log hazard ratio; without events in an arm the likelihood has no maximum."""

LONGEST = 2.0
"""Longest Newton step."""


class CoxFit(eqx.Module):
    """Maximum partial-likelihood estimate and its information, per comparison."""

    log_hr: Float[Array, "S B"]
    information: Float[Array, "S B"]


def fit_cox(sets: RiskSets, n_subgroups: int, *, efron: bool = True, stratified: bool = False) -> CoxFit:
    """Fit one log hazard ratio per comparison by Newton's method.

    With Efron's correction the l-th of d events at one time, l from 0, has ``l / d`` of those events removed
    from its risk set; with Breslow's none.

    Parameters
    ----------
    sets
        Risk sets of every event.
    n_subgroups
        Number of subgroups.
    efron
        Whether ties get Efron's correction, else Breslow's.
    stratified
        Whether an arm has one hazard ratio in all subgroups, each a stratum of its own.

    References
    ----------
    Cox (1972), J R Stat Soc B 34, 187-220, doi:10.1111/j.2517-6161.1972.tb00899.x; Efron (1977), JASA 72,
    557-565, doi:10.1080/01621459.1977.10480613.
    """
    removed = sets.before / jnp.maximum(sets.tied[0] + sets.tied[1], 1.0) if efron else 0.0
    control, arm = (n - removed * d for n, d in zip(sets.at_risk, sets.tied, strict=True))
    add = over_subgroups if stratified else lambda x: x
    observed = add(sets.totals(sets.in_arm.astype(arm.dtype), n_subgroups))

    def derivatives(beta: Float[Array, "S B"]) -> tuple[Float[Array, "S B"], Float[Array, "S B"]]:
        ratio = _of_rows(jnp.exp(beta), sets)
        share = arm * ratio / jnp.maximum(control + arm * ratio, jnp.finfo(arm.dtype).tiny)
        information = add(sets.totals(share * (1.0 - share), n_subgroups))
        return observed - add(sets.totals(share, n_subgroups)), information

    beta = jnp.zeros_like(observed)
    for _ in range(STEPS):
        gradient, information = derivatives(beta)
        step = gradient / jnp.maximum(information, jnp.finfo(beta.dtype).tiny)
        beta = jnp.clip(beta + jnp.clip(step, -LONGEST, LONGEST), -FARTHEST, FARTHEST)
    return CoxFit(beta, derivatives(beta)[1])


def _of_rows(value: Float[Array, "S B"], sets: RiskSets) -> Float[Array, "N B"]:
    """Return each row's value, that of its subgroup."""
    chosen = jnp.broadcast_to(value[0][None, :], sets.before.shape)
    for s in range(1, value.shape[0]):
        chosen = jnp.where((sets.subgroup == s)[:, None], value[s][None, :], chosen)
    return chosen


class Cox(AbstractMeasure):
    """``Phi((log margin - estimate) / standard error)`` of Cox's model in the subgroup, benefit large.

    One minus the one-sided p-value of the Wald test of ``HR >= margin``. A cell whose events are all in one
    arm has no finite estimate and next to no information: its confidence stays near one half and it makes no
    claim, however clear the data are; the log-rank test does not have this fault.

    Attributes
    ----------
    margin
        Hazard ratio of the null hypothesis.
    efron
        Whether ties get Efron's correction, else Breslow's; static.
    stratified
        Whether an arm has one hazard ratio in all subgroups, which are strata; static.
    """

    margin: Float[Array, ""] = eqx.field(converter=jnp.asarray, default=1.0)
    efron: bool = eqx.field(static=True, default=True)
    stratified: bool = eqx.field(static=True, default=False)

    @property
    def name(self) -> str:
        """``cox_`` and the margin."""
        kind = ("stratified_" if self.stratified else "") + "cox"
        return f"{kind}{'' if self.efron else '_breslow'}_{float(self.margin):g}"

    @property
    def words(self) -> str:
        """The confidence."""
        against = "" if float(self.margin) == 1.0 else f" against HR {float(self.margin):g}"
        model = f"{'stratified ' if self.stratified else ''}Cox model"
        ties = "" if self.efron else " with Breslow ties"
        return f"1 - p of the one-sided Wald test{against} in a {model}{ties}"

    def value(self, design: eqx.Module, look: FittedLook) -> Float[Array, "S B"]:
        """Return the confidence; NaN without events."""
        n_subgroups = len(design.subgroups)
        sets = risk_sets(look.snapshot, n_subgroups, len(design.arms))
        fit = fit_cox(sets, n_subgroups, efron=self.efron, stratified=self.stratified)
        shift = (jnp.log(self.margin).astype(fit.log_hr.dtype) - fit.log_hr) * fit.information
        return confidence(shift, fit.information)
