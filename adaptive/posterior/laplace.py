"""The fast engine for the pooling models: deterministic, accurate at few events, cheap under ``vmap``.

Nested: midpoint quadrature over ``tau``; given ``tau`` a Laplace approximation by Newton's method, refined by
moment matching so that the other subgroups' information about ``mu`` and the evidence of ``tau`` keep their
skewness corrections; last, each marginal is the *exact* likelihood of the subgroup times what the others
imply, on a grid. So one subgroup, no pooling and full pooling are exact up to quadrature.
It must not read the truth, draw random numbers, or call LAPACK.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.special import ndtr
from jaxtyping import Array, Float, PRNGKeyArray

from adaptive.codes import HealthCode
from adaptive.errors import BadInput
from adaptive.models.base import AbstractModel
from adaptive.models.likelihood import Cells, make_cells, rough_log_hr
from adaptive.models.pooling import AbstractPooling, FullPooling, NoPooling, PartialPooling
from adaptive.posterior.base import AbstractEngine, AbstractPosterior, Overall
from adaptive.posterior.gaussian import Combined, Prior
from adaptive.posterior.heterogeneity import TauNodes, tau_nodes
from adaptive.posterior.marginals import Mixture, marginals
from adaptive.posterior.matching import match, newton
from adaptive.posterior.tabulated import Tabulated
from adaptive.records import EventTable, Health


class TabulatedPosterior(AbstractPosterior):
    """Posterior whose marginals are tabulated densities.

    Attributes
    ----------
    marginal
        Normalised marginal densities, batch shape ``(S, B)``.
    best
        Probability that each arm is best, shape ``(S, A)``.
    mean, sd
        Moments of the log hazard ratios, shape ``(S, B)``.
    """

    marginal: Tabulated
    best: Float[Array, "S A"]
    mean: Float[Array, "S B"]
    sd: Float[Array, "S B"]
    between: Overall
    health: Health

    def p_below(self, log_margins: Float[Array, " G"]) -> Float[Array, "G S B"]:
        """Return ``P(theta[s, b] < log_margins[g] | data)``."""
        values = [self.marginal.below(log_margins[g]) for g in range(log_margins.shape[0])]
        return jnp.clip(jnp.stack(values) / self.marginal.total[None], 0.0, 1.0)

    def p_best(self) -> Float[Array, "S A"]:
        """Return the probability that the arm has the lowest hazard, control included; rows sum to 1."""
        return self.best

    def moments(self) -> tuple[Float[Array, "S B"], Float[Array, "S B"]]:
        """Return posterior mean and standard deviation of ``theta``."""
        return self.mean, self.sd

    def quantiles(self, levels: Float[Array, " Q"]) -> Float[Array, "Q S B"]:
        """Return marginal posterior quantiles of ``theta`` at ``levels`` in (0, 1)."""
        return jnp.stack([self.marginal.quantile(levels[q]) for q in range(levels.shape[0])])

    def overall(self) -> Overall:
        """Return the summary of the between-subgroup parameters."""
        return self.between


class LaplaceEngine(AbstractEngine):
    """Nested quadrature and moment matching for ``PartialPooling``, ``NoPooling`` and ``FullPooling``.

    Attributes
    ----------
    n_nodes
        Nodes of the quadrature over ``tau``.
    n_newton
        Newton steps of the starting Laplace approximation.
    n_sweeps
        Sweeps of moment matching; 0 is the plain Laplace approximation of the other subgroups.
    n_points
        Grid points of each marginal.
    """

    n_nodes: int = eqx.field(static=True, default=12)
    n_newton: int = eqx.field(static=True, default=4)
    n_sweeps: int = eqx.field(static=True, default=1)
    n_points: int = eqx.field(static=True, default=17)

    def fit(self, key: PRNGKeyArray, model: AbstractModel, table: EventTable) -> TabulatedPosterior:
        """Return the posterior; ``key`` is ignored.

        Raises
        ------
        BadInput
            If the model is not one of the three pooling models, or has more than four experimental arms.
        """
        del key
        _check(model, table)
        return _fit(self, model, table)

    def one_fit(self, model: AbstractPooling, table: EventTable) -> TabulatedPosterior:
        """Return the posterior of a partial or no pooling model, or of full pooling of one subgroup."""
        start = rough_log_hr(table)
        cells = make_cells(table, model.baseline_shape, model.baseline_rate, start)
        prior, nodes = self._prior(model, cells)
        with_nodes = cells.expanded(1)
        initial = [
            jnp.broadcast_to(start[:, b, None], (start.shape[0], nodes.tau.shape[0]))
            for b in range(start.shape[1])
        ]
        sites = newton(with_nodes, prior, initial, self.n_newton)
        matched = match(with_nodes, prior, sites, self.n_sweeps)
        weight = _normalised(matched.log_evidence + nodes.log_weight)
        mixture = Mixture(cells, matched.combined.cavity, matched.tilted, weight)
        found = marginals(mixture, self.n_points)
        marginal, best = found.by_cell(), found.best()
        mean, sd = marginal.moments()
        between = _overall(model, matched.combined, nodes.tau, weight, marginal, mean, sd)
        return TabulatedPosterior(marginal, best, mean, sd, between, _health(marginal, best, mean, sd))

    def _prior(self, model: AbstractPooling, cells: Cells) -> tuple[Prior, TauNodes]:
        """Return the exchangeable prior; without partial pooling it is ``mu = 0`` and one known ``tau``."""
        if not isinstance(model, PartialPooling):
            one = TauNodes(model.mu_scale[None], jnp.zeros_like(model.mu_scale)[None])
            return Prior(jnp.zeros_like(model.mu_scale), one.tau[None, :] ** 2), one
        _, curvature = cells.gradient_and_curvature(cells.reference)
        information = jnp.stack([curvature[b][b] for b in range(len(curvature))], axis=-1)
        estimate = jnp.stack(cells.reference, axis=-1)
        nodes = tau_nodes(model.tau_scale, information, estimate, self.n_nodes)
        return Prior(model.mu_scale**2, nodes.tau[None, :] ** 2), nodes


@eqx.filter_jit
def _fit(engine: LaplaceEngine, model: AbstractPooling, table: EventTable) -> TabulatedPosterior:
    """Fit as one compiled program, also when called eagerly."""
    if isinstance(model, FullPooling):
        return _repeated(engine.one_fit(model, _pooled(table)), table.events.shape[0])
    return engine.one_fit(model, table)


def _check(model: AbstractModel, table: EventTable) -> None:
    """Refuse what the engine cannot fit."""
    if not isinstance(model, (PartialPooling, NoPooling, FullPooling)):
        raise BadInput(
            f"posterior laplace cannot fit the model {type(model).__name__}: it fits PartialPooling, "
            "NoPooling and FullPooling; use posterior nuts (any model) or conjugate (GammaHazards)"
        )
    if table.events.shape[1] > 5:
        raise BadInput(
            f"posterior laplace takes 1 to 4 experimental arms, got {table.events.shape[1] - 1}; "
            "use posterior nuts"
        )


def _pooled(table: EventTable) -> EventTable:
    """Return the table as one subgroup whose intervals are those of all subgroups."""
    n_subgroups, n_arms, n_intervals = table.events.shape
    merge = lambda x: jnp.swapaxes(x, 0, 1).reshape(1, n_arms, n_subgroups * n_intervals)  # noqa: E731
    return EventTable(merge(table.events), merge(table.exposure))


def _repeated(posterior: TabulatedPosterior, n_subgroups: int) -> TabulatedPosterior:
    """Return the posterior of one subgroup as that of every subgroup."""
    wide = lambda x: jnp.broadcast_to(x, (n_subgroups, *x.shape[1:]))  # noqa: E731
    changed = jax.tree.map(wide, (posterior.marginal, posterior.best, posterior.mean, posterior.sd))
    return TabulatedPosterior(*changed, posterior.between, posterior.health)


def _normalised(log_weight: Float[Array, " T"]) -> Float[Array, " T"]:
    weight = jnp.exp(log_weight - log_weight.max())
    total = sum(weight[k] for k in range(weight.shape[0]))
    return jnp.maximum(weight / total, jnp.finfo(weight.dtype).tiny)


def _overall(
    model: AbstractPooling,
    combined: Combined,
    tau: Float[Array, " T"],
    weight: Float[Array, " T"],
    marginal: Tabulated,
    mean: Float[Array, "S B"],
    sd: Float[Array, "S B"],
) -> Overall:
    """Return the summary of ``mu`` and ``tau``; NaN where the model has none."""
    nan = jnp.full(mean.shape[1:], jnp.nan, mean.dtype)
    if isinstance(model, NoPooling):
        return Overall(nan, nan, nan, nan[0], nan[0])
    if isinstance(model, FullPooling):
        below = marginal.below(jnp.zeros((), mean.dtype)) / marginal.total
        return Overall(mean[0], sd[0], below[0], nan[0], nan[0])
    return _mixture_overall(combined, tau, weight)


def _mixture_overall(combined: Combined, tau: Float[Array, " T"], weight: Float[Array, " T"]) -> Overall:
    average = lambda x: sum(weight[k] * x[..., k] for k in range(weight.shape[0]))  # noqa: E731
    mean = jnp.concatenate(combined.mu_mean)
    variance = jnp.concatenate([combined.mu_variance[b][b] for b in range(mean.shape[0])])
    centre, tau_mean = average(mean), average(tau)
    spread = average(variance + (mean - centre[:, None]) ** 2)
    below = average(ndtr(-mean / jnp.sqrt(variance)))
    return Overall(centre, jnp.sqrt(spread), below, tau_mean, jnp.sqrt(average((tau - tau_mean) ** 2)))


def _health(marginal: Tabulated, *results: Array) -> Health:
    """Return OK, or NOT_FINITE when any number is not finite."""
    finite = jnp.isfinite(marginal.total).all()
    for value in results:
        finite = finite & jnp.isfinite(value).all()
    code = jnp.where(finite, int(HealthCode.OK), int(HealthCode.NOT_FINITE)).astype(jnp.int32)
    nan = jnp.full((), jnp.nan, results[0].dtype)
    return Health(code, nan, nan, jnp.zeros((), jnp.int32))
