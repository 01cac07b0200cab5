"""The trade between objectives of a design search, with Monte Carlo bars. Drawn from a tidy frame alone."""

from collections.abc import Sequence

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from adaptive.report.figure_style import ABOVE_GRID, COLOURS, FAINT, INK, STYLE, Drawing, panels, to_svg

KINDS = (
    ("on the front", "on_front", COLOURS[0], "o"),
    ("within Monte Carlo error of it", "near_front", COLOURS[1], "s"),
    ("beaten", "beaten", "#8a8a8a", "^"),
    ("error not held", "not_held", COLOURS[2], "X"),
)
Z95 = 1.96


def pareto_figure(frame: pd.DataFrame, objectives: Sequence[str], labels: dict[str, str]) -> Drawing:
    """Return a panel per objective after the first, against the first.

    Parameters
    ----------
    frame
        A row per design: ``design``, ``error_held``, ``on_front``, ``near_front``, each objective and its
        ``_mcse``.
    objectives
        Names of the objectives, that of the vertical axis first.
    labels
        What each objective is called, with its unit.
    """
    name, question = "figure-pareto", "Which designs are beaten by no other?"
    if len(objectives) < 2:
        return Drawing(name, question, absent="one objective has no trade-off; the table ranks the designs")
    frame = frame.assign(
        not_held=~frame.error_held,
        beaten=frame.error_held & ~frame.on_front & ~frame.near_front,
    )
    others = list(objectives[1:])
    caption = (
        "A point per design, numbered as in the table; bars are 95% Monte Carlo limits of each design alone. "
        "Differences between designs on the same patients are more precise than the bars suggest. The line "
        "joins the designs on the front of all objectives together."
    )
    with rc_context(STYLE):
        canvas, axes = panels(len(others), height=2.9, sharex=False)
        for axis, other in zip(axes, others, strict=True):
            _draw(axis, frame, other, objectives[0])
            axis.set_xlabel(labels.get(other, other))
        axes[0].set_ylabel(labels.get(objectives[0], objectives[0]))
        handles = {label: (colour, marker) for label, flag, colour, marker in KINDS if frame[flag].any()}
        canvas.legend(
            handles=[_dot(label, *look) for label, look in handles.items()],
            loc="upper left",
            ncols=len(handles),
        )
    return Drawing(name, question, caption, to_svg(canvas, name, question, caption))


def _dot(label: str, colour: str, marker: str) -> Line2D:
    return Line2D([], [], label=label, color=colour, marker=marker, linestyle="", markersize=5.5)


def _draw(axis: Axes, frame: pd.DataFrame, x: str, y: str) -> None:
    """Draw one panel."""
    front = frame[frame.on_front].sort_values(x)
    axis.plot(front[x], front[y], color=FAINT, linewidth=1.2, zorder=ABOVE_GRID)
    for _, flag, colour, marker in KINDS:
        own = frame[frame[flag]]
        if own.empty:
            continue
        axis.errorbar(
            own[x],
            own[y],
            xerr=Z95 * own[f"{x}_mcse"],
            yerr=Z95 * own[f"{y}_mcse"],
            fmt=marker,
            color=colour,
            markersize=5,
            elinewidth=0.9,
        )
    for row in frame.to_dict("records"):
        axis.annotate(
            str(row["design"]),
            (row[x], row[y]),
            xytext=(5, 4),
            textcoords="offset points",
            fontsize=8,
            color=INK,
        )
    axis.grid()
