"""Zip plot: intervals of the cells that cover least, in the order of how far they miss."""

import pandas as pd
from matplotlib import rc_context

from adaptive.report.figure_style import INK, STYLE, Drawing, panels, to_svg
from adaptive.report.figures_course import two_lines

SHOWN = 100
"""Intervals of a panel, as the content has them."""
COVERING, MISSING = "#b9b9b9", "#D55E00"


def zip_figure(content: dict) -> Drawing | None:
    """Return a panel per cell of lowest coverage: an interval per hundredth of the trials, misses marked."""
    name, question = "figure-zip", "Where the intervals cover least: on which side do they miss?"
    frame = content["tables"].get("zip")
    if frame is None:
        return None
    if frame.empty:
        return Drawing(name, question, absent="no trial has an estimate whose true value is known")
    cells = list(frame.groupby(["design", "scenario", "subgroup", "arm"], sort=False))
    with rc_context(STYLE):
        columns = 2 if len(cells) <= 10 else 4
        canvas, axes = panels(len(cells), height=2.0, columns=columns, top=0.1)
        for axis, ((design, scenario, subgroup, arm), own) in zip(axes, cells, strict=True):
            _draw(axis, own)
            first = f"{scenario} · {design}"
            axis.set_title(two_lines(first, f"{subgroup} · {arm}", columns), fontsize=8)
            axis.annotate(
                f"covers {own.coverage.iloc[0]}",
                (0.02, 0.03),
                xycoords="axes fraction",
                fontsize=7.5,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
            )
        axes[0].set_ylim(0, 101)
        axes[0].set_yticks([0, 50, 95])
        canvas.supxlabel("log hazard ratio (95% posterior interval)", fontsize=9)
        canvas.supylabel("centile of |estimate − truth| / SD", fontsize=9)
    caption = (
        "The two cells of each design with the lowest coverage over all trials, side by side. Each line is "
        f"the 95% posterior interval of one trial, {_lines(frame)} from the smallest distance to the truth "
        "at the bottom to the largest at the top; the vertical line is the truth. Thick orange "
        "intervals miss it: left of the line they overstate the benefit. With exact coverage the "
        "misses begin at the 95th centile."
    )
    return Drawing(name, question, caption, to_svg(canvas, name, question, caption))


def _lines(frame: pd.DataFrame) -> str:
    """Return how many lines the panels have: one per hundredth of the trials, or one per trial of fewer."""
    fewest, most = int(frame.n.min()), int(frame.n.max())
    if fewest >= SHOWN:
        return f"{SHOWN} of them"
    every = f"all {fewest}" if fewest == most else f"all of fewer than {SHOWN}"
    return every if most < SHOWN else f"{SHOWN} of them, or all where there are fewer,"


def _draw(axis, own: pd.DataFrame) -> None:
    """Draw the intervals of one cell."""
    for covers, colour, width in ((True, COVERING, 0.7), (False, MISSING, 1.6)):
        part = own[own.covers == covers]
        axis.hlines(part.centile, part.lower, part.upper, color=colour, linewidth=width)
    axis.axvline(own.truth.iloc[0], color=INK, linewidth=1)
    axis.axhline(95, color=INK, linewidth=0.6, linestyle=(0, (3, 2)))
