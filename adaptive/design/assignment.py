"""How a patient's arm is drawn, given the randomisation probabilities in force.

An assignment sees each patient's subgroup and place in line and the noise addressed to them. It must not see
outcomes, and what it gives a patient may not depend on patients who come later.
"""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from adaptive.survival import pick


class Line(eqx.Module):
    """Patients in order of arrival, as an assignment sees them.

    Attributes
    ----------
    subgroup
        Subgroup index, shape ``(N,)``.
    place
        Number, from 0, among the patients of the same subgroup randomised since the allocation was last
        changed, if this one is randomised, shape ``(N,)``. Those who came before have negative numbers: the
        first arrival of a subgroup has minus the number of its arrivals before the change.
    uniform
        The patient's own uniform draw, shape ``(N,)``.
    shuffle
        Uniform draws addressed by subgroup and number of the patient in it, from the start of the trial,
        shape ``(S, N)``; None unless the assignment asks for them.
    """

    subgroup: Int[Array, " N"]
    place: Int[Array, " N"]
    uniform: Float[Array, " N"]
    shuffle: Float[Array, "S N"] | None


class AbstractAssignment(eqx.Module):
    """A way to draw arms."""

    shuffles: eqx.AbstractClassVar[bool]

    @abstractmethod
    def arms(self, allocation: Float[Array, "S A"], line: Line) -> Int[Array, " N"]:
        """Return the arm that each patient gets if randomised under ``allocation``."""


class CompleteRandomisation(AbstractAssignment):
    """Every patient independently, with the probabilities in force.

    The arm is the inverse of the cumulative allocation at the patient's own uniform draw.
    """

    shuffles = False

    def arms(self, allocation: Float[Array, "S A"], line: Line) -> Int[Array, " N"]:
        """Return the arm whose cumulative allocation interval contains the uniform draw.

        Scaled by the last cumulative sum, so that a closed last arm has an interval of exactly zero.
        """
        cumulative = [allocation[:, 0]]
        for a in range(1, allocation.shape[1]):
            cumulative.append(cumulative[-1] + allocation[:, a])
        total = jnp.where(cumulative[-1] > 0, cumulative[-1], 1.0)
        arm = jnp.zeros(line.subgroup.shape, jnp.int32)
        for bound in cumulative[:-1]:
            arm = arm + (line.uniform >= pick((bound / total).astype(line.uniform.dtype), line.subgroup))
        return arm
