"""The model with one constant hazard per subgroup and arm, which has a closed-form posterior.

It pools nothing and must not know how it is fitted.
"""

import equinox as eqx
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jaxtyping import Array, Float

from adaptive.models.base import AbstractModel
from adaptive.records import EventTable


class GammaHazards(AbstractModel):
    """``hazard[s, a] ~ Gamma(shape, rate)``, events ~ Poisson(hazard x person-months), arms independent.

    Only the totals over the intervals enter. ``log_hr[s, b] = log(hazard[s, b + 1] / hazard[s, 0])``.

    Attributes
    ----------
    shape, rate
        Gamma prior of every hazard per month; the rate is in months.
    """

    shape: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    rate: Float[Array, ""] = eqx.field(converter=jnp.asarray)

    def __call__(self, table: EventTable | None, shape: tuple[int, int, int]) -> Float[Array, "S B"]:
        """Sample ``hazard`` and ``log_hr`` and condition on ``table`` if given; ``shape`` is ``(S, A, J)``.

        The likelihood is a factor, ``d log(hazard) - hazard E``, so that a cell without exposure is allowed.
        """
        prior = dist.Gamma(self.shape, self.rate).expand(shape[:2]).to_event(2)
        hazard = numpyro.sample("hazard", prior)
        log_hazard = jnp.log(hazard)
        log_hr = numpyro.deterministic("log_hr", log_hazard[:, 1:] - log_hazard[:, :1])
        if table is not None:
            events, exposure = table.events.sum(axis=2), table.exposure.sum(axis=2)
            numpyro.factor("log_likelihood", jnp.sum(events * log_hazard - exposure * hazard))
        return log_hr
