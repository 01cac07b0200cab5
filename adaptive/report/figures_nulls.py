"""Figures of a search of the null space: the error by pattern of nulls, and by nuisance factor.

Drawn from the table ``null_space`` alone.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter, NullFormatter

from adaptive.report.figure_style import COLOURS, INK, STYLE, WIDTH, Drawing, key, panels, to_svg

FIRST, MEAN, SECOND = "stage 1, chooses", "its mean over patterns", "stage 2, estimates"
LOOKS = {
    FIRST: {"color": "#8a8a8a", "marker": "o"},
    SECOND: {"color": COLOURS[2], "marker": "D"},
}
MEANS = {MEAN: {"color": INK, "marker": "_"}}
READING = (
    "Grey points: stage 1, {first:,} trials each, whose largest is too large on average and only chooses. "
    "Diamonds: stage 2, {second:,} independent trials each; the line from a diamond ends at its simultaneous "
    "{level:g}% upper bound. Dashed: the target, {target:g}."
)


def _reading(search: dict) -> str:
    return READING.format(
        first=search["stage_1"]["trials"],
        second=search["stage_2"]["trials"],
        level=100 * search["simultaneous_confidence"],
        target=search["target"],
    )


def _name(search: dict, what: str) -> str:
    variant = "" if search["variant"] == "as designed" else "-futility-not-followed"
    return f"figure-nulls-{what}-{search['design']}{variant}".replace("_", "-")


def _who(search: dict) -> str:
    """Return the design as a question names it, with its variant where that is not the design itself."""
    told = "" if search["variant"] == "as designed" else f" ({search['variant']})"
    return search["design"] + told


def largest_shown(frame: pd.DataFrame) -> float:
    """Return the end of the axis of errors, one for the figures of all searches."""
    return 1.04 * float(frame[["estimate", "simultaneous_upper"]].max(axis=None))


def pattern_figure(frame: pd.DataFrame, search: dict, top: float) -> Drawing:
    """Return the errors of one search up to ``top``, a row per pattern of nulls, no benefit at all first."""
    name = _name(search, "patterns")
    question = f"Where must there be no benefit for {_who(search)} to err most?"
    patterns = search["patterns"]
    rows = {pattern: i for i, pattern in enumerate(patterns)}
    caption = (
        f"{_error_words(search)} ({search['variant']}) for every pattern of nulls, over nuisance parameters "
        f"within the declared box. {_reading(search)} {search['spread']}"
    )
    with rc_context(STYLE):
        height = 0.25 * len(patterns) + 1.1
        canvas = Canvas(figsize=(WIDTH, height), layout="constrained")
        canvas.get_layout_engine().set(rect=(0, 0, 1, 1 - 0.35 / height))
        axis = canvas.subplots()
        first, second = (frame[frame.stage == stage] for stage in (1, 2))
        y = first.nulls.map(rows).to_numpy(float)
        axis.plot(first.estimate, y - 0.14, linestyle="", markersize=3, alpha=0.75, **LOOKS[FIRST])
        at = second.nulls.map(rows).to_numpy(float) + 0.16
        axis.hlines(
            at, second.estimate, second.simultaneous_upper, color=LOOKS[SECOND]["color"], linewidth=1.2
        )
        axis.plot(second.estimate, at, linestyle="", markersize=4.5, **LOOKS[SECOND])
        axis.axvline(search["target"], color=INK, linewidth=0.9, linestyle="--")
        axis.set_yticks(range(len(patterns)), patterns, fontsize=8)
        axis.set_ylim(len(patterns) - 0.4, -0.6)
        axis.set_xlim(0, top)
        axis.set_xlabel(_error_words(search).lower())
        axis.grid()
        key(canvas, LOOKS)
    return Drawing(name, question, caption, to_svg(canvas, name, question, caption))


def _error_words(search: dict) -> str:
    per_cell = search["error"] == "per_comparison"
    return "Largest type I error of a cell" if per_cell else "Probability of any false claim"


def factor_figure(frame: pd.DataFrame, search: dict, top: float) -> Drawing:
    """Return the errors of one search against each nuisance parameter, on one scale up to ``top``."""
    name = _name(search, "factors")
    question = f"Which nuisance parameters raise the error of {_who(search)}?"
    factors = [factor for factor in search["factors"] if factor["high"] > factor["low"]]
    if not factors:
        return Drawing(name, question, absent="the declared box has no factor that varies")
    has_effect = any(factor["kind"] == "effect" for factor in factors)
    without = "Points without any benefit are not in the panel of its hazard ratio. " if has_effect else ""
    caption = (
        f"{_error_words(search)} ({search['variant']}) of every point against each nuisance parameter, a "
        f"multiplier of the value in {search['scenario']} unless it is a hazard ratio, on a log scale. "
        f"{search['spread']} A trend in one panel may be that of another parameter; dashes, the means of "
        f"stage 1 over the patterns of one set, are less noisy. {without}{_reading(search)}"
    )
    with rc_context(STYLE):
        canvas, axes = panels(len(factors), height=2.0, columns=min(len(factors), 3), sharex=False)
        for axis, factor in zip(axes, factors, strict=True):
            _draw_factor(axis, frame, factor, search["target"])
        axes[0].set_ylim(0, top)
        canvas.supylabel(_error_words(search).lower(), fontsize=9)
        key(canvas, LOOKS | MEANS)
    return Drawing(name, question, caption, to_svg(canvas, name, question, caption))


def _draw_factor(axis: Axes, frame: pd.DataFrame, factor: dict, target: float) -> None:
    column = factor["label"]
    frame = frame[frame[column].notna()]
    first, second = (frame[frame.stage == stage] for stage in (1, 2))
    means = first.drop_duplicates("set")
    axis.plot(means[column], means.mean_of_set, linestyle="", markersize=8, **MEANS[MEAN])
    axis.plot(first[column], first.estimate, linestyle="", markersize=2.5, alpha=0.7, **LOOKS[FIRST])
    axis.vlines(
        second[column],
        second.estimate,
        second.simultaneous_upper,
        color=LOOKS[SECOND]["color"],
        linewidth=1.2,
    )
    axis.plot(second[column], second.estimate, linestyle="", markersize=4.5, **LOOKS[SECOND])
    axis.axhline(target, color=INK, linewidth=0.9, linestyle="--")
    axis.set_xscale("log")
    axis.set_xticks(_ticks(factor["low"], factor["high"]))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.minorticks_off()
    axis.set_title(factor["words"])
    axis.grid()


def _ticks(low: float, high: float) -> Sequence[float]:
    """Return the ends of an interval, and 1 or its centre on the log scale between them, in two digits."""
    middle = 1.0 if low < 1 < high else np.sqrt(low * high)
    return [float(f"{value:.2g}") for value in (low, middle, high)]
