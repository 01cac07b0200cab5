"""One-parameter families of thresholds: how strict an efficacy rule is at each look, by one number ``c``.

On the z scale the threshold of look ``k`` is ``z_k = offset_k + c slope_k`` with a positive slope, and the
rule compares a probability with ``Phi(z_k)``. A larger ``c`` is stricter at every look. Knows no trials.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import special

from adaptive.errors import BadInput
from adaptive.oc.calibrate_bounds import FLOOR

SHAPES = ("constant", "obrien_fleming", "own")
DIGITS = 9
"""Decimals of a probability that is a threshold; rounded to the strict side."""


@dataclass(frozen=True)
class Family:
    """Thresholds of all looks as a function of one number.

    Attributes
    ----------
    shape
        ``constant``: the same probability at every look (Pocock on the z scale). ``obrien_fleming``: ``z_k =
        c / sqrt(t_k)`` with information fractions ``t_k``. ``own``: the design's thresholds, all shifted by
        the
        same ``c`` on the probit scale.
    offset, slope
        Shape ``(K,)``; the offset is NaN where the rule is not applied.
    above
        Whether the rule fires above its threshold.
    """

    shape: str
    offset: Float[np.ndarray, " K"]
    slope: Float[np.ndarray, " K"]
    above: bool = True

    def thresholds(self, c: float) -> list[float]:
        """Return the thresholds at ``c``, NaN where the rule is not applied, rounded to the strict side."""
        level = special.ndtr(self.offset + c * self.slope)
        unit = 10.0**DIGITS
        strict = np.minimum(np.ceil(level * unit + 1e-3) / unit, 1.0)
        return [float(p) for p in (strict if self.above else np.round(1.0 - strict, DIGITS))]

    def critical(self, z: Float[np.ndarray, "*R K"]) -> Float[np.ndarray, "*R"]:
        """Return the ``c`` above which no look claims: the largest ``(z_k - offset_k) / slope_k``."""
        applied = ~np.isnan(self.offset)
        c = (z[..., applied] - self.offset[applied]) / self.slope[applied]
        return np.clip(c, -FLOOR, FLOOR).max(axis=-1)

    def parameter(self, threshold: float, look: int) -> float:
        """Return the ``c`` that gives a threshold at a look."""
        p = threshold if self.above else 1.0 - threshold
        return float((special.ndtri(p) - self.offset[look]) / self.slope[look])


def make_family(
    shape: str, own: Float[np.ndarray, " K"], information: list[float] | None = None, above: bool = True
) -> Family:
    """Return the family of a shape.

    Parameters
    ----------
    shape
        One of ``SHAPES``.
    own
        The design's thresholds; those that are NaN stay so.
    information
        Information fractions of the looks, the last one 1; equally spaced if not given.
    above
        Whether the rule fires above its threshold.

    Raises
    ------
    BadInput
        For an unknown shape, or fractions that are not increasing to 1 or not one per look.
    """
    own = np.asarray(own, float)
    blank = np.where(np.isnan(own), np.nan, 0.0)
    if shape == "constant":
        return Family(shape, blank, np.ones(own.size), above)
    if shape == "obrien_fleming":
        return Family(shape, blank, 1 / np.sqrt(_fractions(information, own.size)), above)
    if shape != "own":
        raise BadInput(f"shape: {shape!r} is not allowed; give one of {', '.join(SHAPES)}")
    p = own if above else 1.0 - own
    if (bad := p[~np.isnan(p) & ~((p > 0) & (p < 1))]).size:
        raise BadInput(
            f"shape: 'own' shifts thresholds on the probit scale, which {bad[0]:g} has no place on; change "
            "that threshold to one between 0 and 1, or give shape=constant"
        )
    return Family(shape, special.ndtri(p), np.ones(own.size), above)


def _fractions(information: list[float] | None, n_looks: int) -> np.ndarray:
    """Return information fractions, checked."""
    if information is None:
        return np.arange(1, n_looks + 1) / n_looks
    t = np.asarray(information, float)
    if t.shape != (n_looks,) or not (t[0] > 0 and (np.diff(t) > 0).all() and abs(t[-1] - 1) < 1e-9):
        raise BadInput(
            f"information: {list(information)} is not allowed; give {n_looks} increasing fractions above 0, "
            "one per look, the last 1"
        )
    return t
