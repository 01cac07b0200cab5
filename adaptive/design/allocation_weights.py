"""How the arms of a subgroup deserve patients, before bounds: weights from the evidence.

Weights see evidence and progress. They must not know bounds, burn-in or how control is protected; those are
parts of ``allocation_adaptive`` of their own.
"""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
from jax.scipy.stats import norm
from jaxtyping import Array, Bool, Float, Num

from adaptive.design.allocation_base import normalised
from adaptive.design.allocation_exponents import AbstractExponent
from adaptive.design.allocation_formula import BEST, EVENTS, PATIENTS, Formula, numbers
from adaptive.records import Evidence, Progress

_SMALLEST = 1e-12
_BEST = f"{BEST}; less than {_SMALLEST:g} counts as {_SMALLEST:g}"


class AbstractWeights(eqx.Module):
    """A rule that weighs the arms of each subgroup against each other."""

    @abstractmethod
    def weights(
        self, evidence: Evidence, progress: Progress, arms: Bool[Array, "S A"]
    ) -> Float[Array, "S A"]:
        """Return weights that sum to 1 over ``arms``, and are 0 elsewhere."""

    @abstractmethod
    def formula(self, name: str = "w") -> Formula:
        """Return the formula of ``name[s, a]`` for the arms ``A[s]`` that are weighed."""


def scaled(name: str, value: str, *where: str) -> Formula:
    """Return the formula of weights in proportion to a value of ``[s, a]``."""
    other = value.replace("a]", "k]")
    return Formula(
        (f"{name}[s, a] = {value} / Σ {other}, sum over k in A[s]",),
        (*where, f"{name}[s, a] = 0 for an arm outside A[s]"),
    )


class EqualWeights(AbstractWeights):
    """The same weight for every arm; with a control share, the classical designs against one control."""

    def weights(
        self, evidence: Evidence, progress: Progress, arms: Bool[Array, "S A"]
    ) -> Float[Array, "S A"]:
        """Return one over the number of arms."""
        del progress
        return normalised(arms.astype(evidence.p_best.dtype))

    def formula(self, name: str = "w") -> Formula:
        """Return one over the number of arms."""
        return Formula(
            (f"{name}[s, a] = 1 / (number of arms in A[s])",), (f"{name}[s, a] = 0 for an arm outside A[s]",)
        )


class BestArmWeights(AbstractWeights):
    """``P(best)^c``, Thall and Wathen (2007), doi:10.1016/j.ejca.2007.01.006.

    Attributes
    ----------
    exponent
        The power c: constant, by look, or growing with the patients.
    """

    exponent: AbstractExponent

    def weights(
        self, evidence: Evidence, progress: Progress, arms: Bool[Array, "S A"]
    ) -> Float[Array, "S A"]:
        """Return ``P(best)^c`` over its sum."""
        power = self.exponent.at(evidence, progress)
        return normalised(jnp.where(arms, jnp.maximum(evidence.p_best, _SMALLEST) ** power, 0.0))

    def formula(self, name: str = "w") -> Formula:
        """Return the power of P(best)."""
        return scaled(name, "p[s, a]^c[s]", _BEST).followed_by(self.exponent.formula)


class InformationWeights(AbstractWeights):
    """``sqrt(P(best) * Var / (n + 1))``: patients where they tell most about which arm is best.

    ``Var`` is the variance of the arm's log hazard, ``1 / (events + 1)``: that of a Gamma posterior with a
    prior worth one event. With it all arms are on one scale, control included, which posterior variances of
    hazard ratios against control are not.

    References
    ----------
    Connor, Elm and Broglio (2013), Journal of Clinical Epidemiology 66, S130-S137,
    doi:10.1016/j.jclinepi.2013.02.015.
    """

    def weights(
        self, evidence: Evidence, progress: Progress, arms: Bool[Array, "S A"]
    ) -> Float[Array, "S A"]:
        """Return the square roots over their sum."""
        del progress
        value = information(evidence.p_best, 1.0 / (evidence.events + 1.0), evidence.patients)
        return normalised(jnp.where(arms, value, 0.0))

    def formula(self, name: str = "w") -> Formula:
        """Return the square root of P(best) times variance by patients."""
        value = "√(p[s, a] / ((d[s, a] + 1) · (n[s, a] + 1)))"
        return scaled(name, value, _BEST, PATIENTS, EVENTS)


def information(
    p_best: Float[Array, "*L"], variance: Float[Array, "*L"], patients: Num[Array, "*L"]
) -> Float[Array, "*L"]:
    """Return ``sqrt(P(best) * variance / (patients + 1))``, not scaled."""
    return jnp.sqrt(jnp.maximum(p_best, _SMALLEST) * variance / (patients + 1.0))


class TrippaWeights(AbstractWeights):
    """Trippa's rule, which keeps control as large as the largest experimental arm.

    Experimental arm ``k`` in proportion to ``pi[k]^h / sum pi^h`` with ``pi`` the probability that its hazard
    is below that of control, control in proportion to ``exp(max n[k] - n[0])^nu / (g - 1)`` with ``g`` arms,
    control included. All in logarithms, so that no difference of arm sizes overflows.

    Attributes
    ----------
    exponent
        The power h; in the original ``gamma * (n / N)^eta``.
    nu
        How strongly control is pulled towards the largest experimental arm; 0 not at all.

    Notes
    -----
    ``pi`` is the normal approximation from mean and standard deviation of the log hazard ratio. The maximum
    is over the arms that are weighed, so a dropped arm does not count.

    References
    ----------
    Trippa et al. (2012), Journal of Clinical Oncology 30, 3258-3263, doi:10.1200/JCO.2011.39.8420.
    """

    exponent: AbstractExponent
    nu: Float[Array, ""] = eqx.field(converter=jnp.asarray)

    def weights(
        self, evidence: Evidence, progress: Progress, arms: Bool[Array, "S A"]
    ) -> Float[Array, "S A"]:
        """Return the rule's probabilities."""
        log_better = norm.logcdf(-evidence.mean / evidence.sd)
        patients = evidence.patients.astype(log_better.dtype)
        return trippa(log_better, patients, arms, self.exponent.at(evidence, progress), self.nu)

    def formula(self, name: str = "w") -> Formula:
        """Return the shares of experimental arms and of control before they are scaled."""
        e = name.replace("w", "e")
        own = Formula(
            (
                f"{e}[s, b] = q[s, b]^c[s] / Σ q[s, j]^c[s], sum over the experimental j in A[s]",
                f"{e}[s, 0] = exp({numbers(self.nu)} · (max n[s, j] - n[s, 0])) / (number of j)",
            ),
            (
                "q[s, b] = Φ(-mean[s, b] / SD[s, b]): P(hazard of arm b below that of control | data) in "
                "normal approximation, from the posterior mean and SD of its log hazard ratio",
                PATIENTS,
                f"{name}[s, a] = 0 for every arm of a subgroup in which A[s] has no experimental arm",
            ),
        )
        return scaled(name, f"{e}[s, a]").followed_by(own, self.exponent.formula)


def trippa(
    log_better: Float[Array, "S B"],
    patients: Float[Array, "S A"],
    arms: Bool[Array, "S A"],
    power: Float[Array, "S 1"],
    nu: Float[Array, ""],
) -> Float[Array, "S A"]:
    """Return the probabilities of Trippa's rule from the logarithms of ``pi``; 0 for arms not in ``arms``.

    A row without an experimental arm is zero.
    """
    open_arms = arms[:, 1:]
    raised = jnp.where(open_arms, power * log_better, -jnp.inf)
    largest = jnp.where(open_arms, patients[:, 1:], 0.0).max(axis=1, keepdims=True)
    number = jnp.maximum(open_arms.sum(axis=1, keepdims=True), 1)
    control = nu * (largest - patients[:, :1]) - jnp.log(number)
    both = jnp.concatenate([control, raised - _log_sum(raised)], axis=1)
    usable = arms & open_arms.any(axis=1, keepdims=True)
    both = jnp.where(usable, both, -jnp.inf)
    return jnp.where(usable, jnp.exp(both - _log_sum(both)), 0.0)


def _log_sum(values: Float[Array, "S C"]) -> Float[Array, "S 1"]:
    """Return the logarithm of the sum of exponentials of each row, 0 for a row of minus infinities."""
    top = values.max(axis=1, keepdims=True)
    top = jnp.where(jnp.isfinite(top), top, 0.0)
    total = jnp.exp(values - top).sum(axis=1, keepdims=True)
    return top + jnp.log(jnp.where(total > 0, total, 1.0))


class PooledWeights(AbstractWeights):
    """One set of weights for all subgroups: those of each subgroup, averaged by its patients.

    An arm's average runs over the subgroups in which it is weighed. Until anyone is randomised the subgroups
    count alike. Bounds, burn-in and control are applied afterwards in each subgroup.

    Attributes
    ----------
    inside
        The weights of each subgroup.
    """

    inside: AbstractWeights

    def weights(
        self, evidence: Evidence, progress: Progress, arms: Bool[Array, "S A"]
    ) -> Float[Array, "S A"]:
        """Return the averages over the arms of each subgroup."""
        each = self.inside.weights(evidence, progress, arms)
        size = evidence.patients.sum(axis=1, keepdims=True).astype(each.dtype)
        size = jnp.where(arms, jnp.where(size.sum() > 0, size, 1.0), 0.0)
        total = size.sum(axis=0, keepdims=True)
        plain = arms.sum(axis=0, keepdims=True).astype(each.dtype)
        mean = (size * each).sum(axis=0, keepdims=True) / jnp.where(total > 0, total, 1.0)
        # An arm weighed only where nobody is randomised yet has no patients to average by.
        alike = each.sum(axis=0, keepdims=True) / jnp.maximum(plain, 1.0)
        return normalised(jnp.where(arms, jnp.where(total > 0, mean, alike), 0.0))

    def formula(self, name: str = "w") -> Formula:
        """Return the average over subgroups, and that of the weights inside."""
        m, inside = name.replace("w", "m"), f"{name}*"
        own = Formula(
            (f"{m}[a] = Σ z[s] · {inside}[s, a] / Σ z[s], sums over the subgroups s with a in A[s]",),
            (
                "z[s]: patients of subgroup s randomised, to closed arms too; 1 in each subgroup that the "
                "sums run over for arm a, if these have no patient between them",
            ),
        )
        return scaled(name, f"{m}[a]").followed_by(own, self.inside.formula(inside))
