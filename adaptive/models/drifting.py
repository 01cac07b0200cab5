"""Baseline hazards that drift over calendar blocks of entry: a model's time trend.

A wrapper, so that it goes with every way of pooling. It must not know how the effects in it are pooled, nor
how it is fitted.

The baseline of a subgroup and interval is a Poisson-Gamma random walk over the periods. Given the log hazard
ratios, with ``d[p]`` the events of all arms among patients who entered in period ``p`` and
``E[p] = sum_a exp(theta_a) E[a, p]``:

    lambda[1] ~ Gamma(a0, b0),     lambda[p] | d[1..p-1] ~ Gamma(omega a[p-1], omega b[p-1]),
    a[1] = a0 + d[1], a[p] = omega a[p-1] + d[p],   b[1] = b0 + E[1], b[p] = omega b[p-1] + E[p],

that is ``lambda[p] = lambda[p-1] eta / omega``, ``eta ~ Beta(omega a[p-1], (1 - omega) a[p-1])``: the mean
stays, the precision falls to the share ``omega``. Integrating the baselines out gives negative binomials,

    log L = sum_p { theta' d[., p] + omega a[p-1] log(omega b[p-1]) - a[p] log b[p] } + const.

Neighbouring terms hold the same ``log b[p]``, so they add up to one row per period with ``n >= 0``:

    log L = theta' d - (1 - omega) sum_{p < P} a[p] log b[p] - a[P] log b[P] + const.

Smith and Miller (1986), JRSS B 48, 79-88, doi:10.1111/j.2517-6161.1986.tb01392.x; Harvey and Fernandes
(1989), JBES 7, 407-417, doi:10.1080/07350015.1989.10509750.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from adaptive.errors import BadInput
from adaptive.models.base import AbstractModel
from adaptive.models.hierarchy import AbstractHierarchical
from adaptive.models.likelihood import Rows
from adaptive.records import EventTable

FADED = 1e-20
"""Months that have been discounted to less than this say nothing any more; single precision has room."""


class Drifting(AbstractModel):
    """A pooling model whose baseline hazards follow a Poisson-Gamma random walk over periods of entry.

    The table's intervals are the model's ``J`` intervals within each of ``P`` periods, periods slowest. With
    ``omega`` 1 nothing drifts and the model is the one inside, given the periods added up. As ``omega`` falls
    to 0 the periods become strata of their own, whose baselines have an improper flat prior on the log.
    Controls of another period then say nothing of an arm: in between they count at a discount.

    Attributes
    ----------
    model
        The model whose baselines drift.
    omega
        Share of the information on a baseline that is kept from one period to the next, above 0, at most 1.
    n_periods
        ``P``; static.

    Raises
    ------
    BadInput
        If ``model`` has no baselines of its own, or has historical controls: from which period they are the
        model would have to be told.
    """

    model: AbstractModel
    omega: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    n_periods: int = eqx.field(static=True)

    def __check_init__(self):
        if not isinstance(self.model, AbstractHierarchical):
            raise BadInput(
                f"Drifting cannot hold {type(self.model).__name__}; give a model with baselines of its own "
                "and without historical controls, such as PartialPooling"
            )
        if self.n_periods < 1:
            raise BadInput(f"Drifting.n_periods: {self.n_periods} came; give 1 or more")

    def __call__(self, table: EventTable | None, shape: tuple[int, int, int]) -> Float[Array, "S B"]:
        """Sample ``log_hr`` and condition on ``table`` if given; ``shape`` is ``(S, A, P J)``."""
        return self.model(None if table is None else self.rows(table), shape)

    def rows(self, table: EventTable) -> Rows:
        """Return the rows of the likelihood: one per subgroup, period and interval.

        Works with a trailing axis of lanes on every number, too.

        Raises
        ------
        BadInput
            If the table's intervals are not a multiple of the periods.
        """
        events, exposure = (self._by_period(x) for x in (table.events, table.exposure))
        prior = [jnp.zeros_like(events[0][:, 0]) + x for x in self._baseline()]
        shape, rate, months = [prior[0] + events[0].sum(axis=1)], [prior[1]], [exposure[0]]
        for d, e in zip(events[1:], exposure[1:], strict=True):
            shape.append(self.omega * shape[-1] + d.sum(axis=1))
            rate.append(self.omega * rate[-1])
            months.append(self.omega * months[-1] + e)
        count = [(1.0 - self.omega) * n for n in shape[:-1]] + shape[-1:]
        lost = [r + e.sum(axis=1) < FADED for r, e in zip(rate, months, strict=True)]
        parts = [
            (jnp.where(gone, 0.0, n), jnp.where(gone, 1.0, r), jnp.where(gone[:, None], 0.0, e))
            for gone, n, r, e in zip(lost, count, rate, months, strict=True)
        ]
        n, r, e = zip(*parts, strict=True)
        return Rows(table, jnp.concatenate(n, axis=1), jnp.concatenate(r, axis=1), jnp.concatenate(e, axis=2))

    def _baseline(self) -> tuple[Array, Array]:
        return self.model.baseline_shape, self.model.baseline_rate

    def _by_period(self, values: Float[Array, "S A L *R"]) -> list[Float[Array, "S A J *R"]]:
        """Return the columns of each period."""
        n = values.shape[2]
        if n % self.n_periods:
            raise BadInput(
                f"Drifting: a table with {n} intervals came; give a multiple of the {self.n_periods} periods"
            )
        width = n // self.n_periods
        return [values[:, :, p * width : (p + 1) * width] for p in range(self.n_periods)]


def walk_sd(omega: float, events_per_period: float) -> float:
    """Return the standard deviation of the log hazard's step between periods once the filter is settled.

    With ``d`` events a period the precision settles at ``a = d / (1 - omega)``, and the step has
    ``Var(log(eta / omega)) = psi'(omega a) - psi'(a)``, about ``(1 - omega) / (omega a)``. So it is about
    ``(1 - omega) / sqrt(omega d)``: a random walk with a standard deviation of its own, of which ``omega`` is
    the discount that a filter of ``d`` events would use.

    Parameters
    ----------
    omega
        Share of the information kept, above 0, at most 1.
    events_per_period
        ``d``, positive, of all arms of a subgroup in an interval.
    """
    return (1.0 - omega) / (omega * events_per_period) ** 0.5
