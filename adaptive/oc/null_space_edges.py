"""Where the edge of a box of nulls should be looked at: the corners to which the error rises in stage 1.

Chooses points; estimates no error.
"""

import numpy as np
from jaxtyping import Float

from adaptive.oc.null_space import Box

STRONG = 0.5
"""Share of the steepest slope from which a factor of the worst set is moved to its edge."""


def edge_sets(
    box: Box, grid: Float[np.ndarray, "K F"], errors: Float[np.ndarray, "P K"]
) -> list[tuple[float, ...]]:
    """Return sets of nuisance values at the edge of the box, to be tried with every pattern of nulls.

    A linear trend of the error over the log factors, fitted by least squares, is followed to the corner that
    it points to: the trend of the mean over the partial nulls, and that of the pattern with the largest
    error. A third set is the one with the largest error, with the factors whose slope there is at least half
    of the steepest moved to their edge. Trends of few noisy points may point elsewhere: these are more points
    of the first stage, and no others are left out for them.

    Parameters
    ----------
    box
        The declared space.
    grid
        Values of the sets that were tried, one row each.
    errors
        Estimates of the first stage for every pattern and set.
    """
    low, high = (np.array([getattr(f, name) for f in box.factors]) for name in ("low", "high"))
    moves = high > low
    if not moves.any() or len(grid) < 2:
        return []
    place = np.full(grid.shape, 0.5)
    place[:, moves] = np.log(grid[:, moves] / low[moves]) / np.log(high[moves] / low[moves])
    partial = errors[1:] if len(errors) > 1 else errors
    pattern, number = np.unravel_index(partial.argmax(), partial.shape)
    common, own = _slopes(place, partial.mean(axis=0)), _slopes(place, partial[pattern])
    strong = np.abs(own) >= STRONG * np.abs(own).max()
    corners = (_corner(common), _corner(own), np.where(strong, _corner(own), place[number]))
    sets = [tuple(float(x) for x in low * (high / low) ** corner) for corner in corners]
    known = {tuple(row) for row in grid.tolist()}
    return [values for values in dict.fromkeys(sets) if values not in known]


def _slopes(place: Float[np.ndarray, "K F"], error: Float[np.ndarray, " K"]) -> Float[np.ndarray, " F"]:
    """Return the slopes of the least squares plane through the errors; of least length where many fit."""
    design = np.column_stack([np.ones(len(place)), place - 0.5])
    return np.linalg.lstsq(design, error, rcond=None)[0][1:]


def _corner(slopes: Float[np.ndarray, " F"]) -> Float[np.ndarray, " F"]:
    """Return the end of each factor's range to which the error rises; the middle where it is flat."""
    flat = np.abs(slopes) <= 1e-12
    return np.where(flat, 0.5, np.where(slopes > 0, 1.0, 0.0))
