"""Graduation: the predictive probability of success in a later confirmatory trial. Nothing here decides."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr, ndtri
from jaxtyping import Array, Float

from adaptive.design.measure import AbstractMeasure
from adaptive.records import FittedLook

N_POINTS = 61
REACH = 5.0


class ConfirmatorySuccess(AbstractMeasure):
    """The probability that a later trial of given size rejects ``HR >= 1`` in the arm's favour.

    ``E[Phi(-theta sqrt(d w (1 - w)) - z_(1 - alpha))]`` over the posterior of the log hazard ratio ``theta``,
    with ``d`` events, the share ``w`` of patients on the arm and a one-sided level ``alpha``: the power of a
    log-rank test given ``theta`` (Schoenfeld), averaged over what is known of ``theta``. The later trial is
    analysed by itself.

    Attributes
    ----------
    events
        Events of both arms in the later trial.
    level
        One-sided significance level.
    share
        Share of its patients on the arm.

    References
    ----------
    Barker et al. (2009), Clin Pharmacol Ther 86, 97-100, doi:10.1038/clpt.2009.68: graduation of an arm;
    Schoenfeld (1981), Biometrika 68, 316-319, doi:10.1093/biomet/68.1.316.
    """

    events: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    level: Float[Array, ""] = eqx.field(converter=jnp.asarray, default=0.025)
    share: Float[Array, ""] = eqx.field(converter=jnp.asarray, default=0.5)

    @property
    def name(self) -> str:
        """``p_confirmed_``, events, level and share."""
        share = "" if float(self.share) == 0.5 else f"_share_{float(self.share):g}"
        return f"p_confirmed_{float(self.events):g}_{float(self.level):g}{share}"

    @property
    def words(self) -> str:
        """The probability."""
        share = "" if float(self.share) == 0.5 else f", {float(self.share):g} of patients on the arm"
        return (
            f"P(success in a later trial of {float(self.events):g} events, one-sided level "
            f"{float(self.level):g}{share})"
        )

    def value(self, design: eqx.Module, look: FittedLook) -> Float[Array, "S B"]:
        """Return the probability, by the trapezoidal rule over normal scores of quantiles.

        The integral of ``phi(x) power(Q(Phi(x)))`` with ``Q`` the posterior's quantile function.
        """
        del design
        x = np.linspace(-REACH, REACH, N_POINTS)
        weight = np.exp(-0.5 * x**2)
        levels = ndtr(jnp.asarray(x, look.table.exposure.dtype))
        theta = look.posterior.quantiles(levels)
        scale = jnp.sqrt(self.events * self.share * (1.0 - self.share)).astype(theta.dtype)
        power = ndtr(-theta * scale - ndtri(1.0 - self.level).astype(theta.dtype))
        mean = jnp.asarray(weight / weight.sum(), theta.dtype)[:, None, None] * power
        return mean.sum(axis=0)
