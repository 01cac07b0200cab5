"""Calibration of posterior probabilities under the design prior."""

import numpy as np
import pandas as pd
from matplotlib import rc_context

from adaptive.report.figure_style import ABOVE_GRID, INK, STYLE, Drawing, key, look_of, panels, to_svg


def calibration_figure(content: dict) -> Drawing:
    """Return the share of cells with benefit against the posterior probability of benefit, by design."""
    name = "figure-calibration"
    question = "When the analysis says that an arm works with probability p, how often does it?"
    frame = content["tables"]["posterior_calibration"]
    frame = frame[frame.estimate.notna()]
    if frame.empty:
        return Drawing(name, question, absent="no stored look holds P(HR < 1)")
    looks = {d: v for d, v in look_of(content["meta"]["designs"]).items() if d in set(frame.design)}
    with rc_context(STYLE):
        canvas, axes = panels(len(looks), height=2.9, columns=3)
        for axis, (design, look) in zip(axes, looks.items(), strict=True):
            _draw(axis, frame[frame.design == design], look)
            axis.set_title(design)
        axes[0].set_xlim(0, 1.01)
        axes[0].set_ylim(0, 1.01)
        canvas.supxlabel("posterior probability of benefit, P(HR < 1): mean in the bin", fontsize=9)
        canvas.supylabel("share of cells with benefit", fontsize=9)
        key(canvas, looks)
    caption = (
        "Cells by posterior probability of benefit at the look that decided them or the last one; the share "
        "of them with a benefit under the design prior. On the diagonal the probability means what it says; "
        "below it the analysis is too sure of benefit for this design prior. Bars are 95% Monte Carlo "
        "limits; the area of a point follows the number of cells in its bin. A posterior is calibrated under "
        "its own prior and likelihood. So a departure measures, together, how the design prior differs from "
        "that of the analysis, how wrong the likelihood is in scenarios of the design prior (under a drift, "
        "say, or a hazard ratio that changes with time), and any error of the engine."
    )
    return Drawing(name, question, caption, to_svg(canvas, name, question, caption))


def _draw(axis, own: pd.DataFrame, look: dict) -> None:
    """Draw the points of one design and the diagonal."""
    share = own[own.metric == "calibration_share"].set_index("level")
    mean = own[own.metric == "calibration_mean"].set_index("level").reindex(share.index)
    x, y = mean.estimate.to_numpy(float), share.estimate.to_numpy(float)
    below = np.maximum(y - share.lower.to_numpy(float), 0)
    above = np.maximum(share.upper.to_numpy(float) - y, 0)
    axis.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=(0, (4, 2)), zorder=ABOVE_GRID)
    axis.annotate("as stated", (0.12, 0.15), rotation=45, fontsize=7.5, color=INK, ha="left", va="bottom")
    axis.errorbar(x, y, yerr=np.vstack([below, above]), fmt="none", ecolor=look["color"], elinewidth=1.1)
    sizes = 8 + 70 * share.m.to_numpy(float) / max(share.m.max(), 1)
    axis.scatter(
        x, y, s=sizes, color=look["color"], marker=look["marker"], edgecolors="white", linewidths=0.4
    )
    axis.grid()
