"""The posterior of the difference in risk of the event by a time, for decisions in patients of a thousand.

Risk is ``F(t) = 1 - exp(-H(t))`` of the endpoint's hazard alone: the risk if nothing else ended follow-up.
Quadrature throughout, no random numbers; nothing here decides.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.special import ndtr

from adaptive.design.measure import AbstractMeasure
from adaptive.errors import BadInput
from adaptive.models.hazards import GammaHazards
from adaptive.models.historical import HistoricalControls
from adaptive.records import EventTable, FittedLook
from adaptive.survival import exposure

GRID = np.linspace(-3.6, 3.6, 33)
"""Normal scores of the quantiles of the log hazard ratio at which the difference in risk is computed."""

REACH = np.linspace(-6.0, 5.0, 23)
"""Nodes of the logarithm of a Gamma variable about that of its shape, in units of ``1 / sqrt(shape)``."""


class Baseline(eqx.Module):
    """Gamma law of the baseline hazards in each interval, given a hazard ratio ``r``.

    ``hazard[s, j] ~ Gamma(shape[s, b, j], rate[s, b, j] + slope[s, b, j] r)``.
    """

    shape: Float[Array, "S B J"]
    rate: Float[Array, "S B J"]
    slope: Float[Array, "S B J"]


def baseline_of(model: eqx.Module, table: EventTable) -> Baseline:
    """Return the law of control's hazards given one arm's hazard ratio, from control and that arm.

    Exact with one experimental arm. With several it leaves out what the other arms' data say about control's
    hazard, which is nothing about its level where their effects are vague.
    """
    if isinstance(model, HistoricalControls):
        model, table = model.model, model.augmented(table)
    events, months = table.events, table.exposure
    if isinstance(model, GammaHazards):
        events, months = (x.sum(axis=2, keepdims=True) for x in (events, months))
        shape, rate, slope = 2.0 * model.shape, model.rate, model.rate
    else:
        shape, rate, slope = model.baseline_shape, model.baseline_rate, 0.0
    both = events[:, :1] + events[:, 1:]
    control = jnp.broadcast_to(months[:, :1], both.shape)
    return Baseline(shape + both, rate + control, slope + months[:, 1:])


def gamma_nodes(shape: Float[Array, "*L"]) -> tuple[Float[Array, "*L Z"], Float[Array, "*L Z"]]:
    """Return nodes and weights, which sum to 1, for the mean of a smooth function of ``Gamma(shape, 1)``.

    The trapezoidal rule in the logarithm, whose density is ``exp(shape y - exp(y))`` but for a constant.
    """
    reach = jnp.asarray(REACH, shape.dtype).reshape((1,) * shape.ndim + (-1,))
    y = reach / jnp.sqrt(shape)[..., None]
    log_weight = shape[..., None] * (y + 1.0 - jnp.exp(y))
    weight = jnp.exp(log_weight)
    return shape[..., None] * jnp.exp(y), weight / weight.sum(axis=-1, keepdims=True)


def below_share(value: Float[Array, "Q *L"], limit: Float[Array, ""]) -> Float[Array, "Q-1 *L"]:
    """Return the probability by segment of ``GRID`` that a value known at its nodes is below a limit.

    The value is linear in the normal score within a segment, where the normal distribution function is a
    parabola. The tails beyond the grid belong to its first and last segment.
    """
    column = lambda x: jnp.asarray(x, value.dtype).reshape((-1,) + (1,) * (value.ndim - 1))  # noqa: E731
    step, middle, at = np.diff(GRID), (GRID[1:] + GRID[:-1]) / 2, ndtr(GRID)
    bend = column(step**2 / 2 * middle * np.exp(-(middle**2) / 2) / np.sqrt(2 * np.pi))
    first, last = value[:-1], value[1:]
    rise = jnp.where(last == first, 1.0, last - first)
    part = jnp.clip((limit - first) / rise, 0.0, 1.0)
    left = part * column(np.diff(at)) + part * (1.0 - part) * bend
    starts, ends = first < limit, last < limit
    within = jnp.where(starts, jnp.where(ends, column(np.diff(at)), left), 0.0)
    within = jnp.where(~starts & ends, column(np.diff(at)) - left, within)
    tails = (at[0] * (value[0] < limit), (1.0 - at[-1]) * (value[-1] < limit))
    return within.at[0].add(tails[0]).at[-1].add(tails[1])


class RiskDifferenceBelow(AbstractMeasure):
    """The posterior probability that the arm's risk by a month exceeds control's by less than a margin.

    ``P(F_arm(t) - F_control(t) < margin | data)``, over the posterior of the log hazard ratio and, given it,
    of the baseline hazards, which is Gamma in every interval. The cumulative baseline hazard, a weighted sum
    of Gammas, is given the shifted Gamma law with its first three moments: exact with one interval.

    Attributes
    ----------
    margin
        Difference in risk, between -1 and 1; above 0 for non-inferiority.
    months
        Follow-up time ``t``.
    """

    margin: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    months: Float[Array, ""] = eqx.field(converter=jnp.asarray)

    @property
    def name(self) -> str:
        """``p_risk_below_``, margin and months."""
        return f"p_risk_below_{float(self.margin):g}_at_{float(self.months):g}"

    @property
    def words(self) -> str:
        """The probability."""
        return f"P(risk difference by month {float(self.months):g} < {float(self.margin):g})"

    def value(self, design: eqx.Module, look: FittedLook) -> Float[Array, "S B"]:
        """Return the probability.

        Raises
        ------
        BadInput
            If the model has a baseline for every calendar period of entry: no one risk belongs to it.
        """
        if design.analysis.periods is not None:
            raise BadInput(
                "a risk difference needs one baseline hazard; the model has one per calendar period of entry"
            )
        dtype = look.table.exposure.dtype
        log_ratio = look.posterior.quantiles(jnp.asarray(ndtr(GRID), dtype))
        law = baseline_of(design.analysis.model, look.table)
        difference, weight = self._differences(log_ratio, law, self._widths(design, law).astype(dtype))
        share = below_share(difference, self.margin.astype(dtype))
        chance = (0.5 * (weight[1:] + weight[:-1]) * share).sum(axis=(0, -1))
        return jnp.clip(chance, 0.0, 1.0)

    def _widths(self, design: eqx.Module, law: Baseline) -> Float[Array, " J"]:
        cuts = design.analysis.cuts if law.shape.shape[2] > 1 else jnp.zeros(1)
        return exposure(self.months, cuts.astype(self.months.dtype))

    def _differences(
        self, log_ratio: Float[Array, "Q S B"], law: Baseline, widths: Float[Array, " J"]
    ) -> tuple[Float[Array, "Q S B Z"], Float[Array, "Q S B Z"]]:
        """Return differences in risk over the law of control's cumulative hazard, and its weights."""
        ratio = jnp.exp(log_ratio)[..., None]
        scale = widths[None, None, None, :] / (law.rate[None] + law.slope[None] * ratio)
        mean, second, third = ((law.shape[None] * scale**k).sum(axis=-1) for k in (1, 2, 3))
        unit = third / second
        shape = second / unit**2
        nodes, weight = gamma_nodes(shape)
        cumulative = jnp.maximum(mean - shape * unit, 0.0)[..., None] + unit[..., None] * nodes
        return jnp.exp(-cumulative) - jnp.exp(-cumulative * ratio), weight
