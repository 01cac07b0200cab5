"""Prior, own data and posterior of every cell of one trial, for laying them over each other.

The prior is drawn from the model's own program. Own data are the crude log ratio of event rates in the
subgroup alone, at the look that decided the cell. Nothing here fits a model.
"""

import jax
import numpy as np

from adaptive.design.protocol import Design
from adaptive.errors import BadInput
from adaptive.oc.examples_masks import own_log_hr
from adaptive.oc.prior_predictive import draw_log_hr

N_DRAWS = 40_000
GRID = np.linspace(-3.0, 2.5, 111)
SMOOTHING = 0.1
"""Standard deviation of the kernel, log hazard ratio."""


def prior_density(design: Design) -> dict | None:
    """Return the prior density of each log hazard ratio on a grid; ``None`` where the model has no prior.

    A histogram of draws smoothed by a normal kernel: to be drawn, not to be read as numbers.

    Returns
    -------
    ``grid`` of ``P`` values and ``density`` of shape ``(S, B, P)``, as lists.
    """
    shape = len(design.subgroups), len(design.arms)
    with jax.enable_x64(True):
        try:
            drawn = draw_log_hr(design.analysis.model, shape, N_DRAWS)
        except BadInput:
            return None
    step = GRID[1] - GRID[0]
    edges = np.append(GRID - step / 2, GRID[-1] + step / 2)
    kernel = np.exp(-0.5 * ((GRID[:, None] - GRID[None]) / SMOOTHING) ** 2)
    kernel /= kernel.sum(axis=0)
    density = [
        [kernel @ np.histogram(drawn[:, s, b], edges)[0] / len(drawn) / step for b in range(drawn.shape[2])]
        for s in range(drawn.shape[1])
    ]
    return {"grid": GRID.round(4).tolist(), "density": np.round(density, 5).tolist()}


def overlay(course: dict) -> list[dict]:
    """Return per cell its own data and its posterior at the look that decided it, or at the last look.

    Returns
    -------
    Per cell ``subgroup``, ``arm``, ``look``, ``own`` and ``own_se`` (crude log rate ratio), ``mean``, ``sd``,
    ``lower``, ``upper`` (posterior of the log hazard ratio) and ``true``; ``None`` where there is none. An
    arm that was never opened has no posterior here, whatever the model says of it.
    """
    found = []
    for final in course["end"]["cells"]:
        look = look_of(course, final["decided_look"])
        control, cell = pair_of(look, final["subgroup"], final["arm"])
        own, error = crude(control, cell)
        shown = final["status"] != "NEVER_OPENED"
        posterior = {name: cell[name] if shown else None for name in ("mean", "sd", "lower", "upper")}
        place = {"subgroup": final["subgroup"], "arm": final["arm"], "look": look["look"]}
        found.append(place | {"own": own, "own_se": error} | posterior | {"true": final["true_log_hr"]})
    return found


def look_of(course: dict, number: int | None) -> dict:
    """Return the look of a number, or the last one held."""
    return next((look for look in course["looks"] if look["look"] == number), course["looks"][-1])


def pair_of(look: dict, subgroup: str, arm: str) -> tuple[dict, dict]:
    """Return the control and an arm of a subgroup at a look."""
    cells = [cell for cell in look["cells"] if cell["subgroup"] == subgroup]
    return cells[0], next(cell for cell in cells if cell["arm"] == arm)


def crude(control: dict, cell: dict) -> tuple[float | None, float | None]:
    """Return the crude log rate ratio of an arm and its standard error; see ``own_log_hr``."""
    events, exposure = (
        np.array([[float(one[name]) for one in (control, cell)]]) for name in ("events", "exposure")
    )
    ratio, error = own_log_hr(events, exposure)
    return (float(ratio[0, 0]), float(error[0, 0])) if np.isfinite(ratio[0, 0]) else (None, None)
