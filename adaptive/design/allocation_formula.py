"""The formula of an allocation in plain text, with the numbers in force.

Must not compute anything. Whatever computes a probability writes its formula beside the code.

Symbols shared by all formulas: subgroup ``s``, arm ``a``, control ``0``, experimental arm ``b``; ``O[s]`` the
arms that randomise in the subgroup, ``A[s]`` those among them that the evidence may steer.
"""

from typing import NamedTuple

import numpy as np

DATA = "at the data cut-off of the look"


class Formula(NamedTuple):
    """Equations in Unicode text with the numbers in force, and what their symbols mean, a line each."""

    equations: tuple[str, ...]
    where: tuple[str, ...] = ()

    def followed_by(self, *others: "Formula") -> "Formula":
        """Return the formula with those of its parts behind it; what is said already is not said again."""
        parts = (self, *others)
        equations = dict.fromkeys(line for part in parts for line in part.equations)
        return Formula(tuple(equations), tuple(dict.fromkeys(line for part in parts for line in part.where)))


def numbers(values: object) -> str:
    """Return numbers separated by commas, six digits each."""
    return ", ".join(f"{float(value):g}" for value in np.ravel(np.asarray(values)))


RANDOMISING = (
    "O[s]: the experimental arms b open in subgroup s after the look, and control (arm 0) while there is one"
)
CLOSED = "an arm outside O[s] has probability 0 in subgroup s"
PATIENTS = f"n[s, a]: patients of subgroup s randomised to arm a, {DATA}"
EVENTS = f"d[s, a]: endpoint events of these patients, {DATA}"
EXPOSURE = f"T[s, a]: person-months at risk of these patients, {DATA}"
BEST = (
    "p[s, a] = P(arm a has the lowest hazard in subgroup s | data), control and closed arms among the arms "
    "compared"
)


def starting_formula(name: str, ratio: object) -> Formula:
    """Return the formula of a ratio among the arms that randomise."""
    return Formula(
        (f"{name}[s, a] = r[a] / Σ r[k], sum over k in O[s]",),
        (f"r = {numbers(ratio)}, control first", RANDOMISING, CLOSED),
    )
