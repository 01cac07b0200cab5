"""Partial pooling of arms that share a mechanism.

It must not know how it is fitted.
"""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jaxtyping import Array, Float

from adaptive.errors import BadInput
from adaptive.models.hierarchy import MANY_ARMS, MANY_SUBGROUPS, Hierarchy, TauNodes
from adaptive.models.parts import scattered
from adaptive.models.pooling import AbstractPooling


class NestedPooling(AbstractPooling):
    """Arms nested in mechanism classes, for example doses of one drug, or drugs against one target.

    ``class_mean[c] ~ Normal(0, mu_scale)``, ``mu[b] ~ Normal(class_mean[c(b)], class_scale)``,
    ``log_hr[s, b] ~ Normal(mu[b], tau)``, ``tau ~ HalfNormal(tau_scale)``. So ``mu[b]`` has prior variance
    ``mu_scale**2 + class_scale**2``, and arms of one class have covariance ``mu_scale**2``. Hierarchical
    models of this kind: Gelman (2006), Bayesian Analysis 1, 515-534, doi:10.1214/06-BA117A.

    Attributes
    ----------
    mu_scale
        Prior standard deviation of a class's mean log hazard ratio.
    tau_scale, baseline_shape, baseline_rate
        As in ``PartialPooling``.
    class_scale
        Standard deviation of the arms of a class about its mean, at least 0; a fixed number, because one or
        two arms in a class say next to nothing about it.
    classes
        Class of each experimental arm, numbers from 0; static.

    Raises
    ------
    BadInput
        On the call, if ``classes`` does not name one class per experimental arm.
    """

    heterogeneous: ClassVar[bool] = True
    most: ClassVar[tuple[int, int]] = (MANY_SUBGROUPS, MANY_ARMS)
    mu_scale: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    tau_scale: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    baseline_shape: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    baseline_rate: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    class_scale: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    classes: tuple[int, ...] = eqx.field(converter=tuple, static=True)

    def __check_init__(self):
        if sorted(set(self.classes)) != list(range(len(set(self.classes)))) or not self.classes:
            raise BadInput(
                f"NestedPooling.classes: {self.classes} came; give the class of each experimental arm, "
                "numbered from 0 without gaps"
            )

    def sample_prior(self, shape: tuple[int, int]) -> Float[Array, "S B"]:
        """Sample ``class_mean``, ``mu``, ``tau`` and the log hazard ratios."""
        self._check(shape[1])
        n_classes = max(self.classes) + 1
        prior = dist.Normal(0.0, self.mu_scale).expand((n_classes,)).to_event(1)
        class_mean = numpyro.sample("class_mean", prior)
        arm_raw = numpyro.sample("arm_raw", dist.Normal(0.0, 1.0).expand(shape[1:]).to_event(1))
        mu = class_mean[jnp.asarray(self.classes)] + self.class_scale * arm_raw
        numpyro.deterministic("mu", mu)
        tau = numpyro.sample("tau", dist.HalfNormal(self.tau_scale))
        return scattered(mu, tau, shape)

    def given(self, nodes: TauNodes, shape: tuple[int, int]) -> Hierarchy:
        """Return one component per node of ``tau``; ``F`` has a column per arm and one per class."""
        self._check(shape[1])
        wide = lambda x: jnp.broadcast_to(x, nodes.tau.shape)  # noqa: E731
        arm, common = wide(self.class_scale), wide(self.mu_scale)
        factor = [
            [arm if b == c else 0.0 for c in range(shape[1])]
            + [common if self.classes[b] == c else 0.0 for c in range(max(self.classes) + 1)]
            for b in range(shape[1])
        ]
        members = tuple((t,) for t in range(nodes.tau.shape[0]))
        return Hierarchy(nodes.log_weight, [nodes.tau] * shape[1], [0.0] * shape[1], factor, members=members)

    def _check(self, n_experimental: int) -> None:
        if len(self.classes) != n_experimental:
            raise BadInput(
                f"NestedPooling.classes: {len(self.classes)} classes came for {n_experimental} experimental "
                "arms; give one per experimental arm"
            )
