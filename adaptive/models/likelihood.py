"""The likelihood of the log hazard ratios with the baseline hazards integrated out.

Written once: the NumPyro models condition on it and the fast engine differentiates it in closed form.
It must not know priors of the log hazard ratios, nor any engine. ``Rows`` are what it needs of the data, so
that a model of the baselines over time is another way of making rows and no other likelihood.

With events ``d[s, a, j]``, exposure ``E[s, a, j]``, hazard ``lambda[s, j] * exp(theta[s, a])``,
``theta[s, 0] = 0`` and ``lambda[s, j] ~ Gamma(a0, rate b0)`` independent, integrating ``lambda`` out gives

    log L(theta) = sum_s { sum_b theta[s, b] d[s, b, .]
                           - sum_j (a0 + d[s, ., j]) log(b0 + sum_a exp(theta[s, a]) E[s, a, j]) } + const.

Its derivatives are cumulants of the multinomial weights ``w[a] = exp(theta[a]) E[a] / (b0 + sum ...)``, so it
is concave in ``theta`` and needs no special case for cells without events or without exposure.
The Gamma mixing of a Poisson likelihood is in Ibrahim, Chen and Sinha (2001), *Bayesian Survival
Analysis*, section 3.1, doi:10.1007/978-1-4757-3447-8.
"""

from collections.abc import Callable, Sequence

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from adaptive.records import EventTable

Columns = Sequence[Array]
"""One array per experimental arm: a vector over ``B`` written out."""


class Rows(eqx.Module):
    """The data as the likelihood takes them: one row per baseline hazard integrated out, ``L`` of them.

    ``log L(theta) = sum_b theta_b d_b - sum_l n_l log(r_l + sum_a exp(theta_a) E_al)`` per subgroup, with the
    arm's events ``d_b``.

    Attributes
    ----------
    table
        What was observed: the arms' events, and rough estimates.
    shape
        ``n``, at least 0, shape ``(S, L)``.
    rate
        ``r`` in months, shape ``(S, L)`` or axes of 1; ``r`` plus the row's exposure is positive.
    exposure
        ``E`` in months, shape ``(S, A, L)``.
    """

    table: EventTable
    shape: Float[Array, "S L *R"]
    rate: Float[Array, "#S #L *R"]
    exposure: Float[Array, "S A L *R"]


def plain_rows(table: EventTable, shape: Float[Array, "*R"], rate: Float[Array, "*R"]) -> Rows:
    """Return a row per subgroup and interval: ``n = a0 + d``, ``r = b0``, the observed exposure.

    Parameters
    ----------
    table
        Events and person-months.
    shape, rate
        Gamma prior of every baseline hazard (``rate`` in months), both positive.
    """
    count = shape[None, None] + sum(table.events[:, a, :] for a in range(table.events.shape[1]))
    return Rows(table, count, rate[None, None], table.exposure)


def rows_of(data: EventTable | Rows, shape: Float[Array, "*R"], rate: Float[Array, "*R"]) -> Rows:
    """Return rows as they are, and a table as ``plain_rows``."""
    return data if isinstance(data, Rows) else plain_rows(data, shape, rate)


def observed(data: EventTable | Rows | None) -> EventTable | None:
    """Return the table of what was observed."""
    return data.table if isinstance(data, Rows) else data


class Cells(eqx.Module):
    """The likelihood's statistics, one array per arm and row, relative to a reference point.

    With ``delta = theta - reference`` the likelihood relative to its value at the reference is
    ``sum_b d_b delta_b - sum_j n_j log(w_0j + sum_b w_bj exp(delta_b))``: small numbers, exact in float32.

    Attributes
    ----------
    reference
        Log hazard ratios at the reference point, ``B`` arrays of shape ``(S, ...)``.
    arm_events
        Events of each experimental arm, ``B`` arrays.
    interval_shape
        ``n`` of the rows (``a0`` plus the events of all arms), ``L`` arrays.
    rest_weight
        Multinomial weight of control and the prior at the reference, ``L`` arrays.
    arm_weight
        Multinomial weights of the experimental arms at the reference, ``B`` times ``L`` arrays.
    """

    reference: list[Array]
    arm_events: list[Array]
    interval_shape: list[Array]
    rest_weight: list[Array]
    arm_weight: list[list[Array]]

    def expanded(self, n_axes: int) -> "Cells":
        """Return the same cells with ``n_axes`` axes of length 1 between subgroups and lanes."""
        return _map_arrays(self, lambda x: x.reshape(x.shape[:1] + (1,) * n_axes + x.shape[1:]))

    def log_likelihood(self, theta: Columns, log: Callable = jnp.log) -> Array:
        """Return the log likelihood of each subgroup relative to the reference point.

        Parameters
        ----------
        theta
            ``B`` arrays whose leading axis is ``S`` and which broadcast against the cells.
        log
            The natural logarithm of positive numbers.
        """
        return self.log_likelihood_of(*self._growth(theta), log)

    def log_likelihood_of(self, moved: Columns, growth: Columns, log: Callable = jnp.log) -> Array:
        """Return the same given ``theta`` less the reference and the exponential of that."""
        linear = sum(d * m for d, m in zip(self.arm_events, moved, strict=True))
        logs = (n * log(t) for n, t in zip(self.interval_shape, self._totals(growth), strict=True))
        return linear - sum(logs)

    def gradient_and_curvature(self, theta: Columns) -> tuple[list[Array], list[list[Array]]]:
        """Return the gradient and the negative Hessian of each subgroup's log likelihood."""
        _, growth = self._growth(theta)
        p = self._weights(growth)
        n, arms = self.interval_shape, range(len(p))
        first = [sum(nj * pj for nj, pj in zip(n, p[b], strict=True)) for b in arms]
        gradient = [d - f for d, f in zip(self.arm_events, first, strict=True)]
        cross = [
            [sum(nj * x * y for nj, x, y in zip(n, p[b], p[c], strict=True)) for c in arms] for b in arms
        ]
        curvature = [[(first[b] if b == c else 0.0) - cross[b][c] for c in arms] for b in arms]
        return gradient, curvature

    def _growth(self, theta: Columns) -> tuple[list[Array], list[Array]]:
        moved = [t - r for t, r in zip(theta, self.reference, strict=True)]
        return moved, [jnp.exp(m) for m in moved]

    def _totals(self, growth: Columns) -> list[Array]:
        pairs = list(zip(self.arm_weight, growth, strict=True))
        return [rest + sum(w[j] * g for w, g in pairs) for j, rest in enumerate(self.rest_weight)]

    def _weights(self, growth: Columns) -> list[list[Array]]:
        inverse = [1.0 / total for total in self._totals(growth)]
        pairs = zip(self.arm_weight, growth, strict=True)
        return [[wj * g * i for wj, i in zip(w, inverse, strict=True)] for w, g in pairs]


def make_cells(rows: Rows, theta: Float[Array, "S B *R"]) -> Cells:
    """Lay out rows for the closed-form likelihood, relative to the log hazard ratios ``theta``."""
    n_arms, n_intervals = rows.table.events.shape[1:3]
    arms, lines = range(1, n_arms), range(rows.exposure.shape[2])
    hazard = jnp.exp(theta)[:, :, None] * rows.exposure[:, 1:, :]
    rest = rows.rate + rows.exposure[:, 0, :]
    total = rest + sum(hazard[:, b - 1, :] for b in arms)
    per_arm = sum(rows.table.events[:, 1:, j] for j in range(n_intervals))
    return Cells(
        reference=[theta[:, b - 1] for b in arms],
        arm_events=[per_arm[:, b - 1] for b in arms],
        interval_shape=[rows.shape[:, j] for j in lines],
        rest_weight=[(rest / total)[:, j] for j in lines],
        arm_weight=[[(hazard[:, b - 1, :] / total)[:, j] for j in lines] for b in arms],
    )


def rough_log_hr(table: EventTable) -> Float[Array, "S B *R"]:
    """Return smoothed log ratios of event rates, a finite starting point for any table.

    With ``r`` the subgroup's overall rate, ``log((d_b + 1/2) / (r E_b + 1/2))`` less the same of control.
    """
    events, exposure = table.events.sum(axis=2), table.exposure.sum(axis=2)
    total = jnp.maximum(exposure.sum(axis=1, keepdims=True), jnp.finfo(exposure.dtype).tiny)
    expected = exposure * (events.sum(axis=1, keepdims=True) / total)
    excess = jnp.log((events + 0.5) / (expected + 0.5))
    return excess[:, 1:] - excess[:, :1]


def marginal_log_likelihood(
    theta: Float[Array, "S B"], data: EventTable | Rows, shape: Float[Array, ""], rate: Float[Array, ""]
) -> Float[Array, ""]:
    """Return the log likelihood of ``theta`` up to a constant, baselines integrated out.

    Parameters
    ----------
    theta
        Log hazard ratios against control.
    data
        Events and person-months, or rows made of them.
    shape, rate
        Gamma prior of every baseline hazard (``rate`` in months), both positive; rows have it in them.

    Returns
    -------
    Array
        The value relative to ``theta = 0``.
    """
    return marginal_by_subgroup(theta, data, shape, rate).sum()


def marginal_by_subgroup(
    theta: Float[Array, "S B"], data: EventTable | Rows, shape: Float[Array, ""], rate: Float[Array, ""]
) -> Float[Array, " S"]:
    """Return the terms of ``marginal_log_likelihood``, one per subgroup."""
    cells = make_cells(rows_of(data, shape, rate), jnp.zeros_like(theta))
    return cells.log_likelihood([theta[:, b] for b in range(theta.shape[1])])


def _map_arrays(cells: Cells, change) -> Cells:
    """Return ``cells`` with ``change`` applied to every array."""
    return Cells(
        reference=[change(x) for x in cells.reference],
        arm_events=[change(x) for x in cells.arm_events],
        interval_shape=[change(x) for x in cells.interval_shape],
        rest_weight=[change(x) for x in cells.rest_weight],
        arm_weight=[[change(x) for x in row] for row in cells.arm_weight],
    )
