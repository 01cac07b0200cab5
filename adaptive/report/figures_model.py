"""The figure of what a model expects before any data. Drawn from tidy frames alone."""

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter, StrMethodFormatter

from adaptive.report.figure_style import ABOVE_GRID, FAINT, STYLE, Drawing, key, look_of, panels, to_svg

LIMITS = {"prior_hr": (0.05, 20.0), "prior_ratio": (1.0, 20.0)}
TICKS = {"prior_hr": (0.1, 0.2, 0.5, 1, 2, 5, 10), "prior_ratio": (1, 2, 5, 10, 20)}
TITLES = {
    "prior_hr": "Hazard ratio of an arm in a subgroup",
    "prior_ratio": "Largest over smallest hazard ratio",
}


def prior_figures(content: dict) -> list[Drawing]:
    """Return a figure per analysis model: distribution functions of two hazard-ratio quantities by arm."""
    table = content["tables"].get("prior_distribution")
    if table is None or table.empty:
        return []
    return [
        _prior_figure(own, designs, index)
        for index, (designs, own) in enumerate(table.groupby("design", sort=False))
    ]


def _prior_figure(own: pd.DataFrame, designs: str, index: int) -> Drawing:
    name, question = f"figure-prior-{index}", f"What does the model of {designs} expect before any data?"
    metrics = [metric for metric in TITLES if (own.metric == metric).any()]
    looks = look_of(list(dict.fromkeys(own.arm)))
    with rc_context(STYLE):
        canvas, axes = panels(len(metrics), height=2.1, columns=2, sharex=False)
        for axis, metric in zip(axes, metrics, strict=True):
            for arm, look in looks.items():
                line = own[(own.metric == metric) & (own.arm == arm)]
                style = {"color": look["color"], "linestyle": look["linestyle"], "linewidth": 1.5}
                axis.plot(line.value, line.cumulative, **style)
            _set_axis(axis, metric)
        canvas.supylabel("prior probability at or below", fontsize=9)
        key(canvas, looks, lines=True)
    caption = (
        "Prior distribution functions on a logarithmic scale: of the hazard ratio in a subgroup picked at "
        "random, and of the largest hazard ratio over the smallest among the subgroups. Arms with the same "
        "prior lie on each other."
    )
    return Drawing(name, question, caption, to_svg(canvas, name, question, caption))


def _set_axis(axis: Axes, metric: str) -> None:
    axis.set_xscale("log")
    axis.set_xlim(*LIMITS[metric])
    axis.set_xticks(TICKS[metric])
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.axvline(1.0, color=FAINT, linewidth=0.8, zorder=ABOVE_GRID)
    axis.set_ylim(0, 1)
    axis.set_title(TITLES[metric])
    axis.grid()
