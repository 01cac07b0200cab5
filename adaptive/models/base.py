"""The interface between models of the log hazard ratios and the engines that fit them.

A model is a NumPyro program with its prior numbers as array fields. It must not know which engine
fits it, nor read anything but an ``EventTable``.
"""

from abc import abstractmethod

import equinox as eqx
from jaxtyping import Array, Float

from adaptive.records import EventTable


class AbstractModel(eqx.Module):
    """A Bayesian model of ``log_hr`` given an event table; calling it *is* the NumPyro program."""

    @abstractmethod
    def __call__(self, table: EventTable | None, shape: tuple[int, int, int]) -> Float[Array, "S B"]:
        """Sample ``log_hr`` (a NumPyro deterministic site) and condition on ``table`` if given.

        ``table=None`` gives the prior predictive program; ``shape`` is ``(S, A, J)``.
        """
