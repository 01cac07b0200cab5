"""Builders of the truth's hazards: how an effect behaves over time, and how the pieces are put together.

Used when a study is configured, never inside a simulation: plain NumPy in, ``Hazards`` out. Every fault
of what was given is found before anything is built.
"""

from abc import abstractmethod
from collections.abc import Sequence

import equinox as eqx
import numpy as np
from jaxtyping import Float

_SAME_CUT = 1e-6
_FAR = 1e4


class AbstractShape(eqx.Module):
    """Course of an effect over the months since randomisation: a multiplier of its log hazard ratio."""

    @abstractmethod
    def changes(self) -> tuple[float, ...]:
        """Return the months after which the multiplier changes."""

    @abstractmethod
    def multiplier(self, time: Float[np.ndarray, " M"]) -> Float[np.ndarray, " M"]:
        """Return the multiplier at months that are not changes."""

    @abstractmethod
    def faults(self) -> list[str]:
        """Return what is wrong with the shape's numbers."""


class Constant(AbstractShape):
    """The full effect from randomisation on: proportional hazards."""

    def changes(self) -> tuple[float, ...]:
        """Return nothing: there is no change."""
        return ()

    def multiplier(self, time: Float[np.ndarray, " M"]) -> Float[np.ndarray, " M"]:
        """Return 1."""
        return np.ones_like(time)

    def faults(self) -> list[str]:
        """Return nothing: there is no number to be wrong."""
        return []


class Delayed(AbstractShape):
    """No effect in ``(0, onset]``, the full effect after.

    Attributes
    ----------
    onset
        Months from randomisation to the start of the effect.
    """

    onset: float

    def changes(self) -> tuple[float, ...]:
        """Return the onset."""
        return (self.onset,)

    def multiplier(self, time: Float[np.ndarray, " M"]) -> Float[np.ndarray, " M"]:
        """Return 0 before the onset and 1 after."""
        return np.where(time > self.onset, 1.0, 0.0)

    def faults(self) -> list[str]:
        """Return a fault unless the onset is a finite positive time."""
        if np.isfinite(self.onset) and self.onset > 0:
            return []
        return [f"onset: {self.onset} months; give a positive number, or use a constant effect"]


class Waning(AbstractShape):
    """The full effect until ``start``, then a linear fade of the log hazard ratio to none at ``end``.

    The fade is a staircase whose steps have the value of the line at their middle.

    Attributes
    ----------
    start, end
        Months between which the effect fades.
    step
        Length of a step in months; the last one may be shorter.
    """

    start: float
    end: float
    step: float = 1.0

    def _edges(self) -> Float[np.ndarray, " n"]:
        n_steps = max(int(np.ceil((self.end - self.start) / self.step - _SAME_CUT)), 1)
        return np.minimum(self.start + self.step * np.arange(n_steps + 1), self.end)

    def changes(self) -> tuple[float, ...]:
        """Return the edges of the steps."""
        return tuple(float(edge) for edge in self._edges())

    def multiplier(self, time: Float[np.ndarray, " M"]) -> Float[np.ndarray, " M"]:
        """Return 1 before the fade, the height of the step within it, 0 after."""
        edges = self._edges()
        middles = 0.5 * (edges[1:] + edges[:-1])
        heights = np.concatenate([[1.0], (self.end - middles) / (self.end - self.start), [0.0]])
        return heights[np.searchsorted(edges, time)]

    def faults(self) -> list[str]:
        """Return a fault unless ``0 <= start < end`` and the step is positive."""
        found = []
        if not (np.isfinite([self.start, self.end]).all() and 0 <= self.start < self.end):
            found.append(f"start, end: {self.start}, {self.end} months; give 0 <= start < end")
        if not (np.isfinite(self.step) and self.step > 0):
            found.append(f"step: {self.step} months; give a positive number")
        return found


class Reversed(AbstractShape):
    """The full effect until ``at``, then its opposite: log hazard ratio times ``-factor``.

    Attributes
    ----------
    at
        Months after which the effect is reversed.
    factor
        Size of the opposite effect relative to the first, on the log scale; 0 ends the effect.
    """

    at: float
    factor: float = 1.0

    def changes(self) -> tuple[float, ...]:
        """Return the time of reversal."""
        return (self.at,)

    def multiplier(self, time: Float[np.ndarray, " M"]) -> Float[np.ndarray, " M"]:
        """Return 1 before the reversal and ``-factor`` after."""
        return np.where(time > self.at, -self.factor, 1.0)

    def faults(self) -> list[str]:
        """Return a fault unless the time is positive and the factor is not negative."""
        found = []
        if not (np.isfinite(self.at) and self.at > 0):
            found.append(f"at: {self.at} months; give a positive number")
        if not (np.isfinite(self.factor) and self.factor >= 0):
            found.append(f"factor: {self.factor}; give 0 or a positive number")
        return found


def combine_cuts(*grids: Sequence[float]) -> Float[np.ndarray, " M"]:
    """Return the sorted union of grids of interval starts, 0 included; cuts closer than 1e-6 are one."""
    merged = [0.0]
    for cut in sorted(float(cut) for grid in grids for cut in grid):
        if cut - merged[-1] > _SAME_CUT:
            merged.append(cut)
    return np.asarray(merged)


def pad_cuts(cuts: Float[np.ndarray, " M"], multiple: int = 4) -> Float[np.ndarray, " P"]:
    """Lengthen a grid to a multiple of ``multiple`` with cuts so late that nobody gets there.

    Scenarios of one study then share their shapes, and the simulator compiles once. Constant hazards stay one
    interval: they are common, and four intervals cost three times as much.
    """
    missing = -len(cuts) % multiple if len(cuts) > 1 else 0
    return np.concatenate([cuts, cuts[-1] + _FAR * np.arange(1, missing + 1)])
