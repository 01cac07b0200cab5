"""How strongly an allocation follows its evidence: the exponent of its weights, constant or growing.

An exponent may look at evidence and progress. It must not know the weights that it is applied to.
"""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from adaptive.design.allocation_formula import DATA, Formula, numbers
from adaptive.records import Evidence, Progress


class AbstractExponent(eqx.Module):
    """A power per subgroup; 0 is equal allocation, 1 probability matching."""

    @abstractmethod
    def at(self, evidence: Evidence, progress: Progress) -> Float[Array, "S 1"]:
        """Return the power in force after this look."""

    @property
    @abstractmethod
    def formula(self) -> Formula:
        """What ``at`` returns, as the formula of ``c[s]``."""


class ConstantExponent(AbstractExponent):
    """The same power at every look."""

    power: Float[Array, ""] = eqx.field(converter=jnp.asarray)

    def at(self, evidence: Evidence, progress: Progress) -> Float[Array, "S 1"]:
        """Return the power."""
        del progress
        return jnp.broadcast_to(self.power, (evidence.patients.shape[0], 1))

    @property
    def formula(self) -> Formula:
        """The power."""
        return Formula((f"c[s] = {numbers(self.power)}",))


class LookExponent(AbstractExponent):
    """One power per look, shape ``(K,)``."""

    powers: Float[Array, " K"] = eqx.field(converter=jnp.asarray)

    def at(self, evidence: Evidence, progress: Progress) -> Float[Array, "S 1"]:
        """Return the power of this look."""
        return jnp.broadcast_to(self.powers[progress.look], (evidence.patients.shape[0], 1))

    @property
    def formula(self) -> Formula:
        """The powers by look."""
        looks = ", ".join(f"{look}" for look in range(1, self.powers.shape[0] + 1))
        return Formula((f"c[s] = {numbers(self.powers)} after look {looks}, in this order",))


class EnrolledExponent(AbstractExponent):
    """``scale * (n / N)^shape`` with ``n`` patients in the trial; ``n / 2N`` has scale 0.5, shape 1.

    Attributes
    ----------
    scale, shape
        Power when the trial is full, and how late it gets there.
    most
        Largest number of patients of the trial, ``N``.

    References
    ----------
    n / 2N: Thall and Wathen (2007), doi:10.1016/j.ejca.2007.01.006. The general form: Trippa et al. (2012),
    Journal of Clinical Oncology 30, 3258-3263, doi:10.1200/JCO.2011.39.8420.
    """

    scale: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    shape: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    most: Float[Array, ""] = eqx.field(converter=jnp.asarray)

    def at(self, evidence: Evidence, progress: Progress) -> Float[Array, "S 1"]:
        """Return the power for the patients of all subgroups together."""
        del progress
        enrolled = evidence.patients.sum().astype(evidence.p_best.dtype)
        power = self.scale * (enrolled / self.most) ** self.shape
        return jnp.broadcast_to(power, (evidence.patients.shape[0], 1))

    @property
    def formula(self) -> Formula:
        """The growing power, and the maximum it is counted against."""
        return Formula(
            (f"c[s] = {numbers(self.scale)} · (n / {numbers(self.most)})^{numbers(self.shape)}",),
            (f"n: patients of the trial randomised, all subgroups together, {DATA}",),
        )


class SubgroupEnrolledExponent(AbstractExponent):
    """``scale * (n[s] / N[s])^shape`` with the patients and the maximum of each subgroup."""

    scale: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    shape: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    most: Float[Array, " S"] = eqx.field(converter=jnp.asarray)

    def at(self, evidence: Evidence, progress: Progress) -> Float[Array, "S 1"]:
        """Return the power for the patients of each subgroup by itself."""
        del progress
        enrolled = evidence.patients.sum(axis=1).astype(evidence.p_best.dtype)
        return (self.scale * (enrolled / self.most) ** self.shape)[:, None]

    @property
    def formula(self) -> Formula:
        """The growing power, and the maximum of each subgroup."""
        return Formula(
            (f"c[s] = {numbers(self.scale)} · (n[s] / N[s])^{numbers(self.shape)}",),
            (
                f"n[s]: patients of subgroup s randomised, all arms together, {DATA}",
                f"N[s] = {numbers(self.most)} in the order of the subgroups",
            ),
        )
