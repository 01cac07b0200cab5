"""Exchangeability for some subgroups: each one shares information, or stands by itself.

The choice is summed out, so that the program has no discrete site and any gradient sampler fits it. It must
not know how it is fitted.
"""

import itertools
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jaxtyping import Array, Float

from adaptive.models.hierarchy import (
    MANY_ARMS,
    AbstractHierarchical,
    Hierarchy,
    Independent,
    TauNodes,
    diagonal,
    repeated,
)
from adaptive.models.likelihood import Rows, marginal_by_subgroup, observed
from adaptive.models.parts import per_entry, per_lane
from adaptive.models.placing import placed, rough
from adaptive.records import EventTable


class ExNex(AbstractHierarchical):
    """Exchangeability-nonexchangeability (EXNEX) of subgroups, all arms of a subgroup together.

    With probability ``p_exchangeable[s]``: ``log_hr[s, b] ~ Normal(mu[b], tau)`` for all ``b``, with
    ``mu[b] ~ Normal(0, mu_scale)`` and ``tau ~ HalfNormal(tau_scale)`` as in ``PartialPooling``. Otherwise
    ``log_hr[s, b] ~ Normal(nex_mean, nex_scale)``, independent of every other subgroup. The likelihood is
    that of the pooling models. Neuenschwander, Wandel, Roychoudhury and Bailey (2016), Pharmaceutical
    Statistics 15, 123-134, doi:10.1002/pst.1730.

    Given ``mu`` and ``tau`` the subgroups are independent, so the program conditions on the two-part mixture
    of each subgroup's likelihood; one uniform site per subgroup then picks the part that ``log_hr`` is drawn
    from, which leaves its distribution that of the mixture. Both parts read the same standard normal site.

    Attributes
    ----------
    mu_scale, tau_scale, baseline_shape, baseline_rate
        As in the pooling models; the rate is in months.
    p_exchangeable
        Prior probability that a subgroup is exchangeable with the others, one number or ``(S,)``, 0 to 1.
    nex_mean, nex_scale
        Mean and standard deviation of the log hazard ratios of a subgroup that stands by itself.
    """

    heterogeneous: ClassVar[bool] = True
    most: ClassVar[tuple[int, int]] = (5, MANY_ARMS)
    mu_scale: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    tau_scale: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    baseline_shape: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    baseline_rate: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    p_exchangeable: Float[Array, "*S"] = eqx.field(converter=jnp.asarray)
    nex_mean: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    nex_scale: Float[Array, ""] = eqx.field(converter=jnp.asarray)

    def __call__(self, table: EventTable | Rows | None, shape: tuple[int, int, int]) -> Float[Array, "S B"]:
        """Sample ``log_hr`` and condition on ``table`` if given; ``shape`` is ``(S, A, J)``."""
        n_subgroups, n_experimental = shape[0], shape[1] - 1
        mu = numpyro.sample("mu", dist.Normal(0.0, self.mu_scale).expand((n_experimental,)).to_event(1))
        tau = numpyro.sample("tau", dist.HalfNormal(self.tau_scale))
        raw = numpyro.sample("raw", dist.Normal(0.0, 1.0).expand((n_subgroups, n_experimental)).to_event(2))
        pick = numpyro.sample("pick", dist.Uniform(0.0, 1.0).expand((n_subgroups,)).to_event(1))
        guess = rough(observed(table), raw)
        shared, shared_weight = placed(raw, mu[None, :], tau, guess)
        own, own_weight = placed(raw, self.nex_mean[None, None], self.nex_scale, guess)
        p = self._p(n_subgroups)
        log_shared = jnp.log(p) + shared_weight + self._fit(shared, table)
        log_own = jnp.log1p(-p) + own_weight + self._fit(own, table)
        if table is not None:
            numpyro.factor("log_likelihood", jnp.logaddexp(log_shared, log_own).sum())
        takes_shared = pick < jax.nn.sigmoid(log_shared - log_own)
        log_hr = numpyro.deterministic("log_hr", jnp.where(takes_shared[:, None], shared, own))
        numpyro.deterministic("exchangeable", self.probability_exchangeable(log_hr, mu, tau))
        return log_hr

    def given(self, nodes: TauNodes, shape: tuple[int, int]) -> Hierarchy:
        """Return a component per node of ``tau`` and choice of the exchangeable subgroups."""
        n_subgroups, n_experimental = shape
        choices = np.array(list(itertools.product((1.0, 0.0), repeat=n_subgroups)))
        log_weight, tau, members = repeated(nodes, self._log_choices(choices))
        shared = np.repeat(choices.T, nodes.tau.shape[0], axis=1)[:, :, None]
        wide = jnp.broadcast_to(self.mu_scale, tau.shape)
        return Hierarchy(
            log_weight,
            [tau] * n_experimental,
            [0.0] * n_experimental,
            diagonal([wide] * n_experimental),
            Independent(jnp.asarray(shared, tau.dtype), self.nex_mean, self.nex_scale),
            members,
        )

    def _log_choices(self, choices: np.ndarray) -> list[Array]:
        """Return the log prior probability of each choice, one number per lane."""
        tiny = jnp.finfo(self.p_exchangeable.dtype).tiny
        rows = per_lane(self.p_exchangeable, choices.shape[1], "ExNex.p_exchangeable, per subgroup")
        log = lambda x: jnp.log(jnp.maximum(x, tiny))  # noqa: E731
        return [sum(log(r) if e else log(1.0 - r) for r, e in zip(rows, row, strict=True)) for row in choices]

    def probability_exchangeable(
        self, log_hr: Float[Array, "S B"], mu: Float[Array, " B"], tau: Float[Array, ""]
    ) -> Float[Array, " S"]:
        """Return P(exchangeable | log_hr, mu, tau); its posterior mean is P(exchangeable | data)."""
        p = self._p(log_hr.shape[0])
        shared = dist.Normal(mu[None, :], tau).log_prob(log_hr).sum(axis=1)
        own = dist.Normal(self.nex_mean, self.nex_scale).log_prob(log_hr).sum(axis=1)
        return jax.nn.sigmoid(jnp.log(p) + shared - jnp.log1p(-p) - own)

    def _p(self, n_subgroups: int) -> Float[Array, " S"]:
        return per_entry(self.p_exchangeable, n_subgroups, "ExNex.p_exchangeable, per subgroup")

    def _fit(self, log_hr: Float[Array, "S B"], table: EventTable | Rows | None) -> Float[Array, " S"]:
        """Return each subgroup's log likelihood, 0 without a table."""
        if table is None:
            return jnp.zeros_like(log_hr[:, 0])
        return marginal_by_subgroup(log_hr, table, self.baseline_shape, self.baseline_rate)
