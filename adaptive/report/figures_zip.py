"""Zip plot: intervals of the cells that cover least, in the order of how far they miss."""

import pandas as pd
from matplotlib import rc_context

from adaptive.report.figure_style import INK, STYLE, Drawing, panels, to_svg
from adaptive.report.figures_course import two_lines

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
        columns = 4 if len(cells) in (4, 7, 8) else 3
        canvas, axes = panels(len(cells), height=2.3, columns=columns, top=0.1)
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
        "The two cells of lowest coverage of each design, overall. Each line is the 95% posterior interval "
        "of one trial, 100 of them from the nearest miss at the bottom to the farthest at the top; the "
        "vertical line is the truth. Thick orange intervals miss it: left of the line they overstate the "
        "benefit. With exact coverage the misses begin at the 95th centile."
    )
    return Drawing(name, question, caption, to_svg(canvas, name, question, caption))


def _draw(axis, own: pd.DataFrame) -> None:
    """Draw the intervals of one cell."""
    for covers, colour, width in ((True, COVERING, 0.7), (False, MISSING, 1.6)):
        part = own[own.covers == covers]
        axis.hlines(part.centile, part.lower, part.upper, color=colour, linewidth=width)
    axis.axvline(own.truth.iloc[0], color=INK, linewidth=1)
    axis.axhline(95, color=INK, linewidth=0.6, linestyle=(0, (3, 2)))
