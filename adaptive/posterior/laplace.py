"""The fast engine for hierarchical models: deterministic, accurate at few events, cheap under ``vmap``.

Nested: a pilot finds where the posterior of ``tau`` is, midpoint quadrature over ``tau`` follows; given
``tau`` a Gaussian approximation refined by moment matching, so that the other subgroups' information about
``mu`` and the evidence of ``tau`` keep their skewness; last, each marginal is the *exact* likelihood of the
subgroup times what the others imply, on a grid. So one subgroup, no pooling and full pooling are exact up to
quadrature. It must not read the truth, draw random numbers, or call LAPACK.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.special import ndtr
from jaxtyping import Array, Float, PRNGKeyArray

from adaptive.codes import HealthCode
from adaptive.errors import BadInput
from adaptive.models.base import AbstractModel
from adaptive.models.drifting import Drifting
from adaptive.models.hierarchy import AbstractHierarchical, Hierarchy, TauNodes
from adaptive.models.historical import HistoricalControls
from adaptive.models.likelihood import Cells, Rows, make_cells, plain_rows, rough_log_hr
from adaptive.models.pooling import FullPooling, NoPooling
from adaptive.posterior.base import AbstractEngine, AbstractPosterior, Overall
from adaptive.posterior.gaussian import combine, prior_of
from adaptive.posterior.heterogeneity import narrowed, tau_nodes, tau_range
from adaptive.posterior.lanes import in_lanes
from adaptive.posterior.marginals import Mixture, marginals
from adaptive.posterior.matching import Matched, match, newton
from adaptive.posterior.storing import stored
from adaptive.posterior.tabulated import Tabulated
from adaptive.records import EventTable, Health


class TabulatedPosterior(AbstractPosterior):
    """Posterior whose marginals are tabulated densities.

    Attributes
    ----------
    marginal
        Marginal densities; the fields of a trial, without the axis of lanes that its methods need.
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
        return in_lanes(_p_below, self.marginal, log_margins).astype(self.mean.dtype)

    def p_best(self) -> Float[Array, "S A"]:
        """Return the probability that the arm has the lowest hazard, control included; rows sum to 1."""
        return self.best

    def moments(self) -> tuple[Float[Array, "S B"], Float[Array, "S B"]]:
        """Return posterior mean and standard deviation of ``theta``."""
        return self.mean, self.sd

    def quantiles(self, levels: Float[Array, " Q"]) -> Float[Array, "Q S B"]:
        """Return marginal posterior quantiles of ``theta`` at ``levels`` in (0, 1)."""
        return in_lanes(_quantiles, self.marginal, levels).astype(self.mean.dtype)

    def overall(self) -> Overall:
        """Return the summary of the between-subgroup parameters."""
        return self.between


class LaplaceEngine(AbstractEngine):
    """Nested quadrature and moment matching for the hierarchical models.

    Attributes
    ----------
    n_nodes
        Nodes of the quadrature over ``tau``.
    n_pilot
        Nodes of the pilot that places them; 0 leaves them where rough estimates put them.
    n_newton
        Newton steps of the starting Laplace approximation.
    n_sweeps
        Sweeps of moment matching; 0 is the plain Laplace approximation of the other subgroups.
    n_points
        Grid points of each marginal.
    n_conditional
        Quadrature points per component and grid point for the second arm of two; cubed, for the other three
        of four. With three arms a rule of twelve points is used.
    precision
        ``"float32"`` or ``"float64"``: what the engine computes in, whatever the table's type. Single
        precision moves probabilities by about 1e-5 and costs half.
    """

    n_nodes: int = eqx.field(static=True, default=6)
    n_pilot: int = eqx.field(static=True, default=8)
    n_newton: int = eqx.field(static=True, default=3)
    n_sweeps: int = eqx.field(static=True, default=1)
    n_points: int = eqx.field(static=True, default=15)
    n_conditional: int = eqx.field(static=True, default=4)
    precision: str = eqx.field(static=True, default="float32")

    def fit(self, key: PRNGKeyArray, model: AbstractModel, table: EventTable) -> TabulatedPosterior:
        """Return the posterior; ``key`` is ignored.

        Raises
        ------
        BadInput
            If the model is not normal given ``tau``, or the table has more subgroups or arms than the engine
            takes of it.
        """
        del key
        refusal = why_not(model, table.events.shape[0], table.events.shape[1] - 1)
        if refusal is not None:
            raise BadInput(refusal)
        if isinstance(model, HistoricalControls):
            model, table = model.model, model.augmented(table)
        dtype = jnp.result_type(table.exposure)
        model, table = _cast((model, table), self.precision)
        posterior = in_lanes(_fit, self, model, table)
        results = (posterior.best, posterior.mean, posterior.sd, posterior.between)
        best, mean, sd, between = _cast(results, dtype)
        best = best / best.sum(axis=1, keepdims=True)
        health = _health(dtype, best, mean, sd)
        return TabulatedPosterior(posterior.marginal, best, mean, sd, Overall(*between), health)


class Fitted(eqx.Module):
    """What one pass of the engine finds, with the axis of lanes last."""

    marginal: Tabulated
    best: Array
    mean: Array
    sd: Array
    between: tuple[Array, ...]


def _fit(engine: LaplaceEngine, model: AbstractHierarchical | Drifting, table: EventTable) -> Fitted:
    """Fit trials in lanes."""
    if isinstance(model, Drifting):
        model, rows = model.model, model.rows(table)
    else:
        rows = plain_rows(table, model.baseline_shape, model.baseline_rate)
    if isinstance(model, FullPooling):
        return _repeated(_fit_one(engine, model, _pooled(rows)), table.events.shape[0])
    return _fit_one(engine, model, rows)


def _fit_one(engine: LaplaceEngine, model: AbstractHierarchical, rows: Rows) -> Fitted:
    """Fit trials in lanes; of full pooling, one subgroup."""
    start = stored(rough_log_hr(rows.table))
    cells = stored(make_cells(rows, start))
    hierarchy, sites, nodes = _placed(engine, model, cells, start)
    wide = cells.expanded(1)
    matched = match(wide, prior_of(hierarchy), sites, engine.n_sweeps)
    weight = _normalised(matched.log_evidence + hierarchy.log_weight)
    found = marginals(
        Mixture(cells, matched.combined.cavity, matched.tilted, weight), engine.n_points, engine.n_conditional
    )
    n_subgroups = start.shape[0]
    marginal = jax.tree.map(lambda x: _per_cell(x, n_subgroups), found.table)
    mean, sd = marginal.moments()
    between = _overall(model, matched, hierarchy, nodes, weight, (marginal, mean, sd))
    return Fitted(marginal, found.best, mean, sd, between)


def _placed(engine: LaplaceEngine, model: AbstractHierarchical, cells: Cells, start: Array):
    """Return the hierarchy at the nodes of ``tau``, starting sites for each component, and the nodes."""
    shape, wide = start.shape[:2], cells.expanded(1)
    theta = [start[:, b, None] for b in range(shape[1])]
    if not model.heterogeneous:
        nodes = TauNodes(model.mu_scale[None], jnp.zeros_like(model.mu_scale)[None])
        hierarchy = model.given(nodes, shape)
        return hierarchy, newton(wide, prior_of(hierarchy), theta, engine.n_newton + 1), nodes
    _, curvature = cells.gradient_and_curvature(cells.reference)
    information = jnp.stack([curvature[b][b] for b in range(shape[1])], axis=1)
    where = tau_range(model.tau_scale, information, start)
    pilot = tau_nodes(model.tau_scale, where, engine.n_pilot or engine.n_nodes)
    typical = jax.tree.map(lambda x: x[x.shape[0] // 2 :][:1], pilot)
    sites = newton(wide, prior_of(model.typical(typical, shape)), theta, engine.n_newton)
    if not engine.n_pilot:
        return model.given(pilot, shape), sites, pilot
    hierarchy = model.typical(pilot, shape)
    evidence = combine(prior_of(hierarchy), sites).log_evidence[0] + hierarchy.log_weight
    nodes = tau_nodes(model.tau_scale, narrowed(where, _normalised(evidence)), engine.n_nodes)
    return model.given(nodes, shape), sites, nodes


def why_not(model: AbstractModel, n_subgroups: int, n_experimental: int) -> str | None:
    """Return why the engine cannot fit a model to tables of a size, or None if it can."""
    inner = model.model if isinstance(model, HistoricalControls | Drifting) else model
    name = type(inner).__name__
    if not isinstance(inner, AbstractHierarchical):
        return (
            f"posterior laplace cannot fit the model {name}: it fits models that are normal given tau; "
            "use posterior nuts (any model) or conjugate (GammaHazards)"
        )
    if n_subgroups > inner.most[0] or n_experimental > inner.most[1]:
        return (
            f"posterior laplace fits {name} with at most {inner.most[0]} subgroups and {inner.most[1]} "
            f"experimental arms, got {n_subgroups} and {n_experimental}; use posterior nuts"
        )
    return None


def _cast(tree, dtype):
    """Return the tree with floating arrays of the given type."""
    change = lambda x: x.astype(dtype) if eqx.is_inexact_array(x) else x  # noqa: E731
    return jax.tree.map(change, jax.tree.map(jnp.asarray, tree))


def _pooled(rows: Rows) -> Rows:
    """Return the rows as those of one subgroup; the intervals of its table are those of all subgroups."""
    rate = jnp.broadcast_to(rows.rate, rows.shape.shape)
    merge = lambda x: x.reshape(1, -1, x.shape[-1])  # noqa: E731
    cells = lambda x: jnp.swapaxes(x, 0, 1).reshape(1, x.shape[1], -1, x.shape[-1])  # noqa: E731
    table = EventTable(cells(rows.table.events), cells(rows.table.exposure))
    return Rows(table, merge(rows.shape), merge(rate), cells(rows.exposure))


def _repeated(fitted: Fitted, n_subgroups: int) -> Fitted:
    """Return the posterior of one subgroup as that of every subgroup."""
    wide = lambda x: jnp.broadcast_to(x, (n_subgroups, *x.shape[1:]))  # noqa: E731
    changed = jax.tree.map(wide, (fitted.marginal, fitted.best, fitted.mean, fitted.sd))
    return Fitted(*changed, fitted.between)


def _per_cell(value: Array, n_subgroups: int) -> Array:
    """Return arms after subgroups instead of subgroups within arms: ``(B S, ...)`` to ``(S, B, ...)``."""
    return jnp.swapaxes(value.reshape((-1, n_subgroups, *value.shape[1:])), 0, 1)


def _normalised(log_weight: Float[Array, "N R"]) -> Float[Array, "N R"]:
    weight = stored(jnp.exp(log_weight - log_weight.max(axis=0)))
    total = sum(weight[k] for k in range(weight.shape[0])) if weight.shape[0] < 65 else weight.sum(axis=0)
    return stored(jnp.maximum(weight / total, jnp.finfo(weight.dtype).tiny))


def _p_below(marginal: Tabulated, log_margins: Float[Array, "G R"]) -> Float[Array, "G S B R"]:
    total = stored(marginal.total)
    margins = log_margins.astype(total.dtype)[:, None, None, :]
    return jnp.clip(marginal.below(margins) / total, 0.0, 1.0)


def _quantiles(marginal: Tabulated, levels: Float[Array, "Q R"]) -> Float[Array, "Q S B R"]:
    return marginal.quantile(levels.astype(marginal.padded.dtype)[:, None, None, :])


def _overall(
    model: AbstractHierarchical,
    matched: Matched,
    hierarchy: Hierarchy,
    nodes: TauNodes,
    weight: Float[Array, "N R"],
    cell: tuple[Tabulated, Array, Array],
) -> tuple[Array, ...]:
    """Return the fields of the summary of ``mu`` and ``tau``; NaN where the model has none."""
    marginal, mean, sd = cell
    nan = jnp.full(mean.shape[1:], jnp.nan, mean.dtype)
    if isinstance(model, NoPooling):
        return nan, nan, nan, nan[0], nan[0]
    if isinstance(model, FullPooling):
        below = marginal.below(jnp.zeros((), mean.dtype)) / marginal.total
        return mean[0], sd[0], below[0], nan[0], nan[0]
    mu = _mixture_overall(matched, weight)
    if any(s is not hierarchy.spread[0] for s in hierarchy.spread):
        return *mu, nan[0], nan[0]
    tau_weight = stored(jnp.stack([sum(weight[i] for i in node) for node in hierarchy.members]))
    average = lambda x: sum(tau_weight[k] * x[k] for k in range(x.shape[0]))  # noqa: E731
    tau_mean = average(nodes.tau)
    return *mu, tau_mean, jnp.sqrt(average((nodes.tau - tau_mean) ** 2))


def _mixture_overall(matched: Matched, weight: Float[Array, "N R"]) -> tuple[Array, Array, Array]:
    """Return mean, standard deviation and P(< 0) of each arm's ``mu``."""
    combined, n = matched.combined, weight.shape[0]
    average = lambda x: sum(weight[k] * x[:, k] for k in range(n)) if n < 65 else (weight * x).sum(axis=1)  # noqa: E731
    mean = jnp.concatenate(combined.mu_mean)
    variance = jnp.concatenate([combined.mu_variance[b][b] for b in range(mean.shape[0])])
    centre = stored(average(mean))
    spread = average(variance + (mean - centre[:, None]) ** 2)
    return centre, jnp.sqrt(spread), average(ndtr(-mean / jnp.sqrt(variance)))


def _health(dtype, *results: Array) -> Health:
    """Return OK, or NOT_FINITE when any number is not finite."""
    finite = jnp.asarray(True)
    for value in results:
        finite = finite & jnp.isfinite(value).all()
    code = jnp.where(finite, int(HealthCode.OK), int(HealthCode.NOT_FINITE)).astype(jnp.int32)
    nan = jnp.full((), jnp.nan, dtype)
    return Health(code, nan, nan, jnp.zeros((), jnp.int32))
