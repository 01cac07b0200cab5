"""Planted errors, and the smallest ones that a calibration run would find.

A check that passes says nothing until it is known what it would have caught. Each ``Plant`` makes one kind of
error in a chosen size; ``detectable`` runs a few of them and says which size the checks see with
probability 0.9. Must not be used in an analysis.
"""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray
from scipy import stats

from adaptive.models.base import AbstractModel
from adaptive.posterior.base import AbstractEngine, AbstractPosterior, Overall
from adaptive.posterior.sbc import Distortion, Replicates, calibrate
from adaptive.posterior.sbc_checks import Check
from adaptive.records import EventTable, Health

POWER = 0.9


class WarpedPosterior(AbstractPosterior):
    """A posterior of the log hazard ratios moved by ``shift`` and stretched by ``scale`` about its mean.

    Attributes
    ----------
    inner
        The posterior that is right.
    shift, scale
        In posterior standard deviations, and a factor; 0 and 1 change nothing.
    """

    inner: AbstractPosterior
    shift: Float[Array, ""]
    scale: Float[Array, ""]
    health: Health

    def p_below(self, log_margins: Float[Array, " G"]) -> Float[Array, "G S B"]:
        """Return the inner probability below the margin moved back; each cell has a margin of its own."""
        mean, sd = self.inner.moments()
        moved = log_margins[:, None, None] - (mean + self.shift * sd)[None]
        own = mean[None] + moved / self.scale
        rows = [self.inner.p_below(own[g].reshape(-1)) for g in range(own.shape[0])]
        return jnp.stack([jnp.diagonal(r.reshape(mean.size, -1)).reshape(mean.shape) for r in rows])

    def p_best(self) -> Float[Array, "S A"]:
        """Return the inner probabilities: they are not warped."""
        return self.inner.p_best()

    def moments(self) -> tuple[Float[Array, "S B"], Float[Array, "S B"]]:
        """Return the warped mean and standard deviation."""
        mean, sd = self.inner.moments()
        return mean + self.shift * sd, self.scale * sd

    def quantiles(self, levels: Float[Array, " Q"]) -> Float[Array, "Q S B"]:
        """Return the warped quantiles."""
        mean, sd = self.inner.moments()
        return mean[None] + self.scale * (self.inner.quantiles(levels) - mean[None]) + (self.shift * sd)[None]

    def overall(self) -> Overall:
        """Return the inner summary: it is not warped."""
        return self.inner.overall()


class WarpedEngine(AbstractEngine):
    """An engine whose posteriors are wrong by a known amount; see ``WarpedPosterior``."""

    inner: AbstractEngine
    shift: Float[Array, ""] = eqx.field(converter=jnp.asarray, default=0.0)
    scale: Float[Array, ""] = eqx.field(converter=jnp.asarray, default=1.0)

    def fit(self, key: PRNGKeyArray, model: AbstractModel, table: EventTable) -> WarpedPosterior:
        """Return the inner engine's posterior, warped."""
        posterior = self.inner.fit(key, model, table)
        return WarpedPosterior(posterior, self.shift, self.scale, posterior.health)


class Plant(NamedTuple):
    """One kind of error: ``make(engine, model, size)`` gives the wrong engine, model and data.

    Attributes
    ----------
    name, unit
        What is wrong, and in what its size is counted.
    size
        A size that is well seen, where the standardised statistics are still proportional to it.
    make
        Returns engine, model for the fit, and distortion of the data.
    """

    name: str
    unit: str
    size: float
    make: Callable[[AbstractEngine, AbstractModel, float], tuple[AbstractEngine, AbstractModel, Distortion]]


def _same(events: np.ndarray, exposure: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return events, exposure


def shifted(engine: AbstractEngine, model: AbstractModel, size: float):
    """Move every posterior by ``size`` standard deviations."""
    return WarpedEngine(engine, shift=size), model, _same


def scaled(engine: AbstractEngine, model: AbstractModel, size: float):
    """Make every posterior standard deviation too small by the fraction ``size``."""
    return WarpedEngine(engine, scale=1.0 - size), model, _same


def wrong_tau(engine: AbstractEngine, model: AbstractModel, size: float):
    """Fit with a prior scale of ``tau`` too small by the fraction ``size``."""
    return engine, eqx.tree_at(lambda m: m.tau_scale, model, model.tau_scale * (1.0 - size)), _same


def wrong_exposure(engine: AbstractEngine, model: AbstractModel, size: float):
    """Give the fit an exposure of the first experimental arm that is too long by the fraction ``size``."""

    def distort(events: np.ndarray, exposure: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        factor = np.ones(exposure.shape[1])
        factor[1] += size
        return events, exposure * factor[None, :, None]

    return engine, model, distort


def swapped_arms(events: np.ndarray, exposure: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return events and exposure with control and the first experimental arm exchanged."""
    order = np.arange(exposure.shape[1])
    order[:2] = 1, 0
    return events[:, :, order], exposure[:, order]


PLANTS = (
    Plant("posterior moved", "posterior SD", 0.3, shifted),
    Plant("posterior SD too small", "fraction", 0.2, scaled),
    Plant("prior scale of tau too small", "fraction", 0.5, wrong_tau),
    Plant("exposure of one arm too long", "fraction", 0.3, wrong_exposure),
)


def plant(
    engine: AbstractEngine,
    model: AbstractModel,
    exposure: Float[np.ndarray, "S A J"],
    error: Plant,
    size: float,
    **run,
) -> Replicates:
    """Run a calibration with an error of the given size; ``run`` goes to ``sbc.calibrate``."""
    wrong, fit_model, distort = error.make(engine, model, size)
    return calibrate(wrong, model, exposure, fit_model=fit_model, distort=distort, **run)


def critical_z(n_checks: int, false_alarm: float) -> float:
    """Return the standardised deviation at which one of ``n_checks`` two-sided checks fails."""
    return float(stats.norm.isf(false_alarm / (2 * n_checks)))


def detectable(right: list[Check], wrong: list[Check], size: float, false_alarm: float) -> tuple[float, str]:
    """Return the size of error seen with probability 0.9, and by which check.

    The mean of a standardised check moves in proportion to the error. It is estimated by the difference
    between two runs on the same random numbers; a check sees an error with probability 0.9 when its mean
    has moved by the critical value plus 1.28.

    Parameters
    ----------
    right, wrong
        Checks of a run without the error, and with an error of size ``size``.
    size
        Size of the planted error.
    false_alarm
        Probability of a false alarm over all checks.
    """
    before = {check.name: check.z for check in right}
    moved = {c.name: abs(c.z - before[c.name]) for c in wrong if c.name in before}
    name = max(moved, key=moved.get)
    needed = critical_z(len(right), false_alarm) + stats.norm.ppf(POWER)
    return float(size * needed / moved[name]), name
