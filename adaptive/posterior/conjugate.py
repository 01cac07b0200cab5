"""The exact engine for constant hazards with Gamma priors: closed forms and one-dimensional quadrature.

Every hazard's posterior is ``Gamma(shape + events, rate + months)``, independently. It serves as an oracle
and for designs that want no model beyond it. It must fit nothing else.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import betainc, digamma, gammaincc, gammaln, polygamma
from jaxtyping import Array, Float, PRNGKeyArray

from adaptive.codes import HealthCode
from adaptive.errors import BadInput
from adaptive.models.base import AbstractModel
from adaptive.models.hazards import GammaHazards
from adaptive.posterior.base import AbstractEngine, AbstractPosterior, Overall
from adaptive.posterior.independent import chance_of_beating
from adaptive.records import EventTable, Health

N_BISECTIONS = 60
N_POINTS = 161
REACH = 8.0
"""Half-width of the quadrature in the double-exponential variable."""


class GammaRatioPosterior(AbstractPosterior):
    """Independent Gamma hazards per subgroup and arm.

    Attributes
    ----------
    shape, rate
        Posterior Gamma parameters, shape ``(S, A)``; the rate is in months.
    """

    shape: Float[Array, "S A"]
    rate: Float[Array, "S A"]
    health: Health

    def p_below(self, log_margins: Float[Array, " G"]) -> Float[Array, "G S B"]:
        """Return ``P(hazard ratio < m)``, a regularised incomplete beta function.

        With hazards ``X / beta_b`` and ``Y / beta_0``, ``X / (X + Y) ~ Beta(alpha_b, alpha_0)``.
        """
        return jnp.stack([self._cdf(log_margins[g]) for g in range(log_margins.shape[0])])

    def p_best(self) -> Float[Array, "S A"]:
        """Return the probability that the arm has the lowest hazard, by quadrature over its log hazard.

        ``integral of f_a(x) prod_{c != a} P(hazard_c > x) dx`` with the trapezoidal rule in ``t``, ``log x
        = mode + sinh(t) / sqrt(alpha)``, which decays doubly exponentially even for the long tail of small
        shapes.
        """
        n_arms = self.shape.shape[1]
        rows = jnp.stack([self._best(a) for a in range(n_arms)], axis=1)
        return rows / rows.sum(axis=1, keepdims=True)

    def moments(self) -> tuple[Float[Array, "S B"], Float[Array, "S B"]]:
        """Return mean and standard deviation of the log ratio: differences and sums of polygammas."""
        mean = digamma(self.shape) - jnp.log(self.rate)
        variance = polygamma(1, self.shape)
        return mean[:, 1:] - mean[:, :1], jnp.sqrt(variance[:, 1:] + variance[:, :1])

    def quantiles(self, levels: Float[Array, " Q"]) -> Float[Array, "Q S B"]:
        """Return quantiles by bisection between the mean minus and plus 60 standard deviations."""
        mean, sd = self.moments()
        return jnp.stack([self._quantile(levels[q], mean, sd) for q in range(levels.shape[0])])

    def overall(self) -> Overall:
        """Return NaN: the model has no parameters between subgroups."""
        nan = jnp.full(self.shape.shape[1] - 1, jnp.nan, self.shape.dtype)
        return Overall(nan, nan, nan, nan[0], nan[0])

    def _cdf(self, log_ratio: Array) -> Float[Array, "S B"]:
        odds = jnp.exp(log_ratio + jnp.log(self.rate[:, 1:]) - jnp.log(self.rate[:, :1]))
        share = jnp.where(jnp.isinf(odds), 1.0, odds / (1.0 + odds))
        control = jnp.broadcast_to(self.shape[:, :1], share.shape)
        return betainc(self.shape[:, 1:], control, share)

    def _quantile(self, level: Array, mean: Array, sd: Array) -> Array:

        def halve(_, ends: tuple[Array, Array]) -> tuple[Array, Array]:
            low, high = ends
            middle = 0.5 * (low + high)
            is_left = self._cdf(middle) < level
            return jnp.where(is_left, middle, low), jnp.where(is_left, high, middle)

        low, high = jax.lax.fori_loop(0, N_BISECTIONS, halve, (mean - 60.0 * sd, mean + 60.0 * sd))
        return 0.5 * (low + high)

    def _best(self, arm: int) -> Float[Array, " S"]:
        t = jnp.asarray(np.linspace(-REACH, REACH, N_POINTS), self.shape.dtype)[None, :]
        shape, rate = self.shape[:, arm, None], self.rate[:, arm, None]
        y = jnp.sinh(t) / jnp.sqrt(shape)
        log_unit = jnp.log(shape) + y
        x = jnp.exp(jnp.minimum(log_unit, jnp.log(jnp.finfo(y.dtype).max) - 1.0))
        log_density = shape * log_unit - x - gammaln(shape) + jnp.log(jnp.cosh(t)) - 0.5 * jnp.log(shape)
        weight = jnp.exp(log_density) * (t[0, 1] - t[0, 0])
        others = [c for c in range(self.shape.shape[1]) if c != arm]
        return chance_of_beating(
            weight, [gammaincc(self.shape[:, c, None], x * (self.rate[:, c, None] / rate)) for c in others]
        )


class ConjugateEngine(AbstractEngine):
    """Closed-form posterior of ``GammaHazards``; every other model is refused."""

    def fit(self, key: PRNGKeyArray, model: AbstractModel, table: EventTable) -> GammaRatioPosterior:
        """Return the exact posterior; ``key`` is ignored.

        Raises
        ------
        BadInput
            If the model is not ``GammaHazards``.
        """
        del key
        if not isinstance(model, GammaHazards):
            raise BadInput(
                f"posterior conjugate cannot fit the model {type(model).__name__}: it fits GammaHazards "
                "only; use posterior laplace (pooling models) or nuts (any model)"
            )
        shape = model.shape + table.events.sum(axis=2)
        rate = model.rate + table.exposure.sum(axis=2)
        finite = jnp.isfinite(shape).all() & jnp.isfinite(rate).all()
        code = jnp.where(finite, int(HealthCode.OK), int(HealthCode.NOT_FINITE)).astype(jnp.int32)
        nan = jnp.full((), jnp.nan, shape.dtype)
        return GammaRatioPosterior(shape, rate, Health(code, nan, nan, jnp.zeros((), jnp.int32)))
