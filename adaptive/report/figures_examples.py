"""Figures of one virtual trial: its course over the looks, and prior, own data and posterior over each other.

All examples of a report share their scales.
"""

from collections.abc import Sequence
from math import ceil, floor, log

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from adaptive.report.examples_words import MARKS
from adaptive.report.figure_style import ABOVE_GRID, COLOURS, INK, STYLE, WIDTH, Drawing, key, look_of, to_svg

ACROSS = 4
WIDEST = (log(1 / 16), log(16))
FADED = 0.35
REACH = (log(0.09), log(5.6))


def scale_of(items: Sequence[dict]) -> tuple[float, float]:
    """Return limits of the log hazard ratio for the courses of all examples, at powers of 2.

    They hold 90% of the interval limits at either end and no effect; what lies beyond is drawn to the edge.
    """
    cells = [
        c for item in items for look in item["looks"] for c in look["cells"] if c.get("mean") is not None
    ]
    if not cells:
        return log(0.25), log(4)
    low = np.quantile([cell["lower"] for cell in cells], 0.1) / log(2)
    high = np.quantile([cell["upper"] for cell in cells], 0.9) / log(2)
    return max(WIDEST[0], min(floor(low), 0) * log(2)), min(WIDEST[1], max(ceil(high), 0) * log(2))


def course_figure(item: dict, scale: tuple[float, float]) -> Drawing:
    """Return estimates and allocation over the looks, a column per subgroup."""
    name, question = f"figure-example-{item['id']}", "How did the estimates and the allocation move?"
    cells = item["looks"][0]["cells"]
    subgroups = list(dict.fromkeys(cell["subgroup"] for cell in cells))
    arms = look_of(list(dict.fromkeys(cell["arm"] for cell in cells)))
    with rc_context(STYLE):
        canvas, upper, lower = _grid(len(subgroups))
        for axis, below, subgroup in zip(upper, lower, subgroups, strict=True):
            _estimates(axis, item, subgroup, arms, scale)
            _allocation(below, item, subgroup, arms)
        _dress(canvas, upper, lower, item["looks"][0]["of"], scale)
        key(canvas, arms)
    marks = ", ".join(f"{letter} {words}" for letter, words in _used_marks(item))
    caption = (
        "Above, posterior mean of the hazard ratio with its 95% interval at each look, log scale; dashes, "
        f"the true hazard ratio; letters, the decision ({marks}); pale, after it. Below, allocation "
        "probability until the next look. The scales are those of all examples; an arrow marks an interval "
        "that goes on."
    )
    return Drawing(name, question, caption, to_svg(canvas, name, question, caption))


def _used_marks(item: dict) -> list[tuple[str, str]]:
    words = {"E": "efficacy", "F": "futility", "H": "harm", "N": "no claim", "A": "awaits the final look"}
    verdicts = {cell.get("verdict") for look in item["looks"] for cell in look["cells"]}
    return [(MARKS[name], words[MARKS[name]]) for name in MARKS if name in verdicts]


def _grid(n: int) -> tuple[Canvas, list[Axes], list[Axes]]:
    """Return a figure with an upper and a lower panel for each of ``n`` subgroups."""
    blocks, across = ceil(n / ACROSS), min(n, ACROSS)
    canvas = Canvas(figsize=(WIDTH, 2.75 * blocks + 0.5), layout="constrained")
    canvas.get_layout_engine().set(rect=(0, 0, 1, 1 - 0.3 / (2.75 * blocks + 0.5)), hspace=0.03, wspace=0.02)
    grid = canvas.subplots(
        2 * blocks, across, squeeze=False, sharex=True, sharey="row", height_ratios=[1.7, 1] * blocks
    )
    upper, lower = [list(grid[start::2].flat) for start in (0, 1)]
    for spare in upper[n:] + lower[n:]:
        spare.remove()
    return canvas, upper[:n], lower[:n]


def _estimates(axis: Axes, item: dict, subgroup: str, arms: dict, scale: tuple[float, float]) -> None:
    """Draw the estimates of the arms of a subgroup."""
    experimental = list(arms)[1:]
    for place, arm in enumerate(experimental):
        offset = 0.22 * (place - (len(experimental) - 1) / 2)
        final = _one(item["end"]["cells"], subgroup, arm)
        if final["status"] == "NEVER_OPENED":
            continue
        if final["true_log_hr"] is not None:
            axis.axhline(final["true_log_hr"], color=arms[arm]["color"], linewidth=0.8, dashes=_dashes(place))
        points = [(look["look"] + offset, _one(look["cells"], subgroup, arm)) for look in item["looks"]]
        points = [(x, c) for x, c in points if c["mean"] is not None and c["status"] != "PENDING"]
        for due in (True, False):
            _intervals(axis, [p for p in points if p[1]["due"] == due], arms[arm], scale, 1 if due else FADED)
        _decisions(axis, points, arms[arm]["color"], scale)
    axis.axhline(0, color=INK, linewidth=0.6, zorder=ABOVE_GRID)
    axis.set_title(_short(subgroup), fontsize=8.5)


def _dashes(place: int) -> tuple[float, ...]:
    """Return dashes that stay visible where two lines coincide."""
    return ((4, 4), (4, 4, 1, 4), (1, 3))[place % 3]


def _intervals(
    axis: Axes, points: list[tuple[float, dict]], look: dict, scale: tuple[float, float], alpha: float
) -> None:
    """Draw means and intervals, cut at the edge of the panel with an arrow there."""
    if not points:
        return
    x = np.array([place for place, _ in points])
    lower, mean, upper = (np.array([cell[name] for _, cell in points]) for name in ("lower", "mean", "upper"))
    axis.vlines(
        x, np.maximum(lower, scale[0]), np.minimum(upper, scale[1]), look["color"], lw=1.3, alpha=alpha
    )
    shown = (scale[0] <= mean) & (mean <= scale[1])
    marks = ((look["marker"], 3.6, mean, shown), ("v", 3, scale[0] + 0 * x, lower < scale[0]))
    for marker, size, y, at in (*marks, ("^", 3, scale[1] + 0 * x, upper > scale[1])):
        if at.any():
            axis.plot(x[at], y[at], marker, color=look["color"], markersize=size, alpha=alpha, clip_on=False)


def _decisions(axis: Axes, points: list[tuple[float, dict]], colour: str, scale: tuple[float, float]) -> None:
    """Write the letter of each decision above its interval."""
    for x, cell in points:
        if cell["verdict"] in MARKS:
            axis.annotate(
                MARKS[cell["verdict"]],
                (x, min(cell["upper"], scale[1])),
                xytext=(0, 1.5),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=7.5,
                fontweight="bold",
                color=colour,
                annotation_clip=False,
            )


def _allocation(axis: Axes, item: dict, subgroup: str, arms: dict) -> None:
    """Draw the allocation until the next look, where the subgroup still randomises."""
    for arm, look in arms.items():
        after = [(one["look"], _one(one["cells"], subgroup, arm)["allocation"]) for one in item["looks"]]
        open_looks = {
            one["look"]
            for one in item["looks"]
            if sum(c["allocation"] for c in one["cells"] if c["subgroup"] == subgroup) > 0
        }
        x, y = (
            zip(*[point for point in after if point[0] in open_looks], strict=True)
            if open_looks
            else ((), ())
        )
        axis.plot(
            x,
            y,
            color=look["color"],
            marker=look["marker"],
            linestyle=look["linestyle"],
            markersize=3.2,
            linewidth=1.1,
        )
    if not axis.lines or not len(axis.lines[0].get_xdata()):
        axis.text(
            0.5, 0.5, "nobody randomised after a look", transform=axis.transAxes, ha="center", fontsize=7.5
        )


def _dress(
    canvas: Canvas, upper: list[Axes], lower: list[Axes], looks: int, scale: tuple[float, float]
) -> None:
    """Set scales, ticks and axis titles, the same in every example."""
    ticks = np.arange(round(scale[0] / log(2)), round(scale[1] / log(2)) + 1)
    ticks = ticks[:: 2 if len(ticks) > 6 else 1]
    for axis in upper:
        axis.set_ylim(scale[0] - 0.12, scale[1] + 0.3)
        axis.set_yticks(ticks * log(2), [f"{2.0**t:g}" for t in ticks])
        axis.grid(axis="y")
        axis.tick_params(labelsize=7.5)
    for axis in lower:
        axis.set_ylim(0, 1)
        axis.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
        axis.set_xlim(0.5, looks + 0.5)
        axis.set_xticks(range(1, looks + 1))
        axis.xaxis.set_tick_params(labelbottom=True)
        axis.grid(axis="y")
        axis.tick_params(labelsize=7.5)
    for top, below in zip(upper[::ACROSS], lower[::ACROSS], strict=True):
        top.set_ylabel("hazard ratio", fontsize=8)
        below.set_ylabel("allocation", fontsize=8)
    canvas.supxlabel("look", fontsize=8.5)


def overlay_figure(item: dict, prior: dict | None) -> Drawing:
    """Return prior, own data and posterior of each cell, a panel per arm and a row per subgroup."""
    name = f"figure-overlay-{item['id']}"
    question = "What did the prior say, what the subgroup's own data, and what the model made of both?"
    cells = [cell for cell in item["overlay"] if cell["mean"] is not None]
    if not cells:
        return Drawing(name, question, absent="the trial has no estimate")
    arms = list(dict.fromkeys(cell["arm"] for cell in cells))
    subgroups = list(dict.fromkeys(cell["subgroup"] for cell in item["overlay"]))
    with rc_context(STYLE):
        height = 0.5 * len(subgroups) + 0.95
        canvas = Canvas(figsize=(WIDTH, height), layout="constrained")
        canvas.get_layout_engine().set(rect=(0, 0, 1, 1 - 0.3 / height))
        axes = canvas.subplots(1, len(arms), squeeze=False, sharey=True)[0]
        for axis, arm in zip(axes, arms, strict=True):
            for row, subgroup in enumerate(subgroups):
                found = [cell for cell in cells if (cell["subgroup"], cell["arm"]) == (subgroup, arm)]
                if found:
                    _laid_over(axis, len(subgroups) - 1 - row, found[0], _density(item, prior, subgroup, arm))
            _dress_overlay(axis, arm, subgroups)
        _overlay_key(canvas, prior is not None)
    caption = (
        "Log scale; every curve is scaled to its own height. Grey, the prior of the cell before any data. "
        "Dashed, the likelihood of the subgroup's own data alone (crude ratio of event rates, normal "
        "approximation). Line and bar, the posterior at the look that decided, drawn as a normal curve, with "
        "its 95% interval; tick, the truth. A posterior away from the dashed curve is what "
        + ("the prior and the other subgroups contribute." if item["borrows"] else "the prior contributes.")
    )
    return Drawing(name, question, caption, to_svg(canvas, name, question, caption))


def _density(item: dict, prior: dict | None, subgroup: str, arm: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Return grid and prior density of a cell."""
    if prior is None:
        return None
    places = [(cell["subgroup"], cell["arm"]) for cell in item["overlay"]]
    arms = len(dict.fromkeys(arm for _, arm in places))
    s, b = divmod(places.index((subgroup, arm)), arms)
    return np.array(prior["grid"]), np.array(prior["density"][s][b])


def _laid_over(axis: Axes, base: float, cell: dict, prior: tuple[np.ndarray, np.ndarray] | None) -> None:
    """Draw one row: three curves on a base line, the interval below it, and the truth."""
    grid = np.linspace(*REACH, 141)
    if prior is not None:
        inside = (prior[0] >= REACH[0]) & (prior[0] <= REACH[1])
        top = 0.8 * prior[1][inside] / prior[1].max()
        axis.fill_between(prior[0][inside], base, base + top, color="#d6d6d6", linewidth=0)
    if cell["own"] is not None:
        axis.plot(
            grid,
            base + 0.8 * _bell(grid, cell["own"], cell["own_se"]),
            color=COLOURS[1],
            linestyle=(0, (4, 1.5)),
            linewidth=1.2,
        )
    axis.plot(grid, base + 0.8 * _bell(grid, cell["mean"], cell["sd"]), color=INK, linewidth=1.3)
    low, high = (float(np.clip(cell[name], *REACH)) for name in ("lower", "upper"))
    axis.plot([low, high], [base - 0.07] * 2, color=INK, linewidth=2.2, solid_capstyle="butt")
    if cell["true"] is not None and REACH[0] < cell["true"] < REACH[1]:
        axis.plot([cell["true"]] * 2, [base - 0.14, base + 0.16], color=COLOURS[2], linewidth=2)
    axis.axhline(base, color="#999999", linewidth=0.5, zorder=ABOVE_GRID)


def _bell(grid: np.ndarray, mean: float, sd: float) -> np.ndarray:
    """Return a normal density scaled to a height of 1."""
    return np.exp(-0.5 * ((grid - mean) / sd) ** 2)


def _dress_overlay(axis: Axes, arm: str, subgroups: Sequence[str]) -> None:
    axis.set_title(_short(arm), fontsize=8.5)
    axis.set_xlim(*REACH)
    ticks = (0.125, 0.25, 0.5, 1, 2, 4)
    axis.set_xticks([log(t) for t in ticks], [f"{t:g}" for t in ticks])
    axis.axvline(0, color=INK, linewidth=0.6, zorder=ABOVE_GRID)
    axis.set_ylim(-0.3, len(subgroups) - 0.1)
    axis.set_yticks(range(len(subgroups)), [_short(s) for s in subgroups[::-1]])
    axis.tick_params(axis="y", length=0)
    axis.tick_params(labelsize=7.5)
    axis.set_xlabel("hazard ratio against control", fontsize=8)


def _overlay_key(canvas: Canvas, has_prior: bool) -> None:
    handles = [Patch(facecolor="#d6d6d6", label="prior")] if has_prior else []
    handles += [
        Line2D([], [], color=COLOURS[1], linestyle=(0, (4, 1.5)), linewidth=1.2, label="own data alone"),
        Line2D([], [], color=INK, linewidth=1.3, label="posterior"),
        Line2D([], [], color=INK, linewidth=2.2, label="its 95% interval"),
        Line2D([], [], color=COLOURS[2], linewidth=2, label="truth"),
    ]
    canvas.legend(handles=handles, loc="upper left", ncols=5, handlelength=2.0, fontsize=8)


def _one(cells: Sequence[dict], subgroup: str, arm: str) -> dict:
    return next(cell for cell in cells if (cell["subgroup"], cell["arm"]) == (subgroup, arm))


def _short(text: str, room: int = 30) -> str:
    return text if len(text) <= room else text[: room - 1] + "\N{HORIZONTAL ELLIPSIS}"
