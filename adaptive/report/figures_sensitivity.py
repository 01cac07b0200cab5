"""Figures of the sensitivity analysis: tornado of paired differences, and chance of a claim against an axis.

Drawn from the tidy table ``sensitivity`` and the declared factors alone; nothing is computed but positions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from adaptive.report.figure_style import (
    COLOURS,
    FAINT,
    INK,
    STYLE,
    Drawing,
    key,
    look_of,
    panels,
    to_svg,
)

ROW, LINE = 0.165, 7.4
"""Height of a row of the tornado, and its width, little more than a line on paper, in inches."""
MOST = 50
"""Rows of a tornado that fill a page; factors that move less are left to the table of levels."""
FILLS = ((COLOURS[1], ""), (COLOURS[5], "////"), (COLOURS[3], "...."))
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Bar:
    """One row of a tornado: the title of a factor, or a level of it in one design."""

    label: str
    design: str = ""
    estimate: float = 0.0
    lower: float = 0.0
    upper: float = 0.0
    text: str = ""


def tornado_rows(frame: pd.DataFrame, factors: Sequence[dict], metric: str, scenario: str) -> list[Bar]:
    """Return the rows of a tornado, the factor with the largest difference first.

    Parameters
    ----------
    frame
        Table ``sensitivity``.
    factors
        Declared factors; those with an axis are drawn elsewhere.
    metric, scenario
        What is drawn.
    """
    chosen = frame[
        (frame.metric == metric)
        & (frame.scenario == scenario)
        & (frame.level == "difference")
        & (frame.subgroup == "all")
        & np.isfinite(frame.estimate)
    ]
    groups = []
    for factor in factors:
        own = chosen[chosen.factor == factor["name"]]
        if factor["axis"] is None and len(own):
            groups.append((float(own.estimate.abs().max()), factor, own))
    groups.sort(key=lambda group: -group[0])
    return [bar for _, factor, own in groups for bar in _group(factor, own)]


def _group(factor: dict, own: pd.DataFrame) -> list[Bar]:
    base = next(level["label"] for level in factor["levels"] if level["name"] == factor["base"])
    labels = {level["name"]: level["label"] for level in factor["levels"]}
    several = own.design.nunique() > 1
    bars = [Bar(f"{factor['title']} (base: {base}" + ("," if factor["under"] else ")"))]
    if factor["under"]:
        bars.append(Bar(f"all with {factor['under']})"))
    for row in own.sort_values("estimate", ascending=False, kind="stable").to_dict("records"):
        label = labels[row["setting"]] + (f", {row['design']}" if several else "")
        bars.append(Bar(label, row["design"], row["estimate"], row["lower"], row["upper"], row["text"]))
    return bars


def tornado(
    frame: pd.DataFrame,
    factors: Sequence[dict],
    metric: str,
    scenario: str,
    title: str,
    limits: tuple[float, float],
) -> Drawing:
    """Return the tornado of one metric in one scenario, its axis between ``limits``."""
    bars, left_out = _largest(tornado_rows(frame, factors, metric, scenario))
    name = f"figure-tornado-{metric}-{scenario}".replace("_", "-")
    which, told = _varied(factors, scenario)
    question = f"{which} move the probability of {title} in {scenario}?"
    caption = (
        f"Change of the probability of {title} from the base on the same virtual trials, with 95% Monte "
        f"Carlo limits and, at the right, the change and its Monte Carlo error; scenario {scenario}, "
        f"{_trials(frame)}. Factors by their largest change; the base of each is in its title; the "
        f"scale is that of this scenario alone. {told}{left_out} A bar whose limits include 0 may be noise."
    )
    with rc_context(STYLE):
        height = ROW * len(bars) + 1.0
        canvas = Canvas(figsize=(LINE, height), layout="constrained")
        canvas.get_layout_engine().set(rect=(0, 0, 1, 1 - 0.3 / height))
        axis = canvas.subplots()
        _draw_bars(axis, bars, limits)
        axis.set_xlabel(f"change of the probability of {title}")
        _fill_key(canvas, list(dict.fromkeys(bar.design for bar in bars if bar.design)))
    return Drawing(name, question, caption, to_svg(canvas, name, question, caption))


def _largest(bars: Sequence[Bar]) -> tuple[Sequence[Bar], str]:
    """Return the factors that fit a page, and how many others there are, which all move less."""
    starts = [i for i, bar in enumerate(bars) if not bar.design and (i == 0 or bars[i - 1].design)]
    cut = max((i for i in starts if 0 < i <= MOST), default=0)
    if len(bars) <= MOST or not cut:
        return bars, ""
    most = max(abs(bar.estimate) for bar in bars[cut:])
    others = sum(start >= cut for start in starts)
    return bars[:cut], (
        f" Not drawn: {others} factor{'s' if others > 1 else ''} whose levels change it by at most "
        f"{most:.2g}; the table of claims has every level."
    )


def _varied(factors: Sequence[dict], scenario: str) -> tuple[str, str]:
    """Return how a question starts by how many factors were varied, and which these are, from what base."""
    drawn = [factor for factor in factors if factor["axis"] is None]
    own = [factor for factor in drawn if scenario in factor["scenarios"]]
    missing = [factor["title"] for factor in drawn if factor not in own]
    curves = [factor["title"] for factor in factors if factor["axis"] is not None]
    which, told = "Which assumptions", f"All {len(drawn)} factors were varied in {scenario}."
    if missing:
        which = f"Which of the {len(own)} assumptions varied there, of {len(drawn)} in these figures,"
        told = f"{len(own)} of {len(drawn)} factors were varied in {scenario}; not varied there, so that "
        told += f"nothing is known of them: {', '.join(missing)}."
    if curves:
        told += f" Not counted, since drawn as curves: {', '.join(curves)}."
    for factor in own:
        if factor["under"]:
            told += f" The base of {factor['title']} is {scenario} with {factor['under']}."
    return which, told


def _trials(frame: pd.DataFrame) -> str:
    low, high = (
        int(frame[frame.level == "difference"].n.min()),
        int(frame[frame.level == "difference"].n.max()),
    )
    return f"n = {low:,} pairs" if low == high else f"n = {low:,} to {high:,} pairs"


def _fills(designs: Sequence[str]) -> dict[str, tuple[str, str]]:
    return {design: FILLS[i % len(FILLS)] for i, design in enumerate(designs)}


def _fill_key(canvas: Canvas, designs: Sequence[str]) -> None:
    handles = [
        Patch(facecolor=colour, hatch=hatch, edgecolor="white", label=design)
        for design, (colour, hatch) in _fills(designs).items()
    ]
    canvas.legend(handles=handles, loc="upper left", ncols=len(handles))


def _draw_bars(axis: Axes, bars: Sequence[Bar], limits: tuple[float, float]) -> None:
    fills = _fills(list(dict.fromkeys(bar.design for bar in bars if bar.design)))
    for y, bar in enumerate(bars):
        if not bar.design:
            continue
        colour, hatch = fills[bar.design]
        axis.barh(y, bar.estimate, height=0.68, color=colour, hatch=hatch, edgecolor="white", linewidth=0)
        axis.plot([bar.lower, bar.upper], [y, y], color=INK, linewidth=1.0, marker="|", markersize=4)
    axis.axvline(0, color=INK, linewidth=0.8)
    space = 0.03 * (limits[1] - limits[0])
    axis.set_xlim(limits[0] - space, limits[1] + space)
    axis.set_ylim(len(bars) - 0.4, -0.6)
    axis.set_yticks(range(len(bars)), [bar.label if bar.design else "" for bar in bars], fontsize=7.5)
    for y, bar in enumerate(bars):
        if not bar.design:
            _write_title(axis, bar.label, y)
    axis.xaxis.set_major_locator(MaxNLocator(5))
    axis.tick_params(axis="x", labelsize=7.5)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
    axis.grid(axis="x")
    for y, bar in enumerate(bars):
        shown = f"+{bar.text}" if bar.estimate > 0 and not bar.text.startswith((MINUS, "0 ")) else bar.text
        axis.annotate(
            shown,
            (1.0, y),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=7.5,
        )


def _write_title(axis: Axes, title: str, y: int) -> None:
    """Write the title of a factor from the left edge over its row, which has no bar."""
    place = {"xycoords": ("figure fraction", "data"), "va": "center", "fontsize": 7.5, "fontweight": "bold"}
    axis.annotate(title, (0.005, y), annotation_clip=False, **place).set_in_layout(False)


def claim_curves(
    frame: pd.DataFrame, factor: dict, subgroups: Sequence[str], designs: Sequence[str]
) -> Drawing:
    """Return the chance of a claim against the factor's axis, over the trial and per subgroup."""
    name = f"figure-curve-{factor['name']}".replace("_", "-")
    question = factor["question"]
    values = {level["name"]: level["value"] for level in factor["levels"]}
    own = frame[(frame.factor == factor["name"]) & (frame.metric == "claim") & (frame.level == "estimate")]
    if own.empty:
        return Drawing(name, question, absent="no level of it was simulated")
    own = own.assign(value=own.setting.map(values)).sort_values("value", kind="stable")
    looks = look_of([design for design in designs if (own.design == design).any()])
    places = ["all", *(s for s in subgroups if (own.subgroup == s).any())]
    with rc_context(STYLE):
        canvas, axes = panels(len(places), height=2.5)
        for axis, place in zip(axes, places, strict=True):
            _draw_curves(axis, own[own.subgroup == place], looks)
            axis.set_title("Any subgroup" if place == "all" else place)
        canvas.supxlabel(factor["axis"], fontsize=9)
        canvas.supylabel("probability that benefit is claimed", fontsize=9)
        key(canvas, looks, lines=True)
    n_low, n_high = int(own.n.min()), int(own.n.max())
    trials = f"n = {n_low:,}" if n_low == n_high else f"n = {n_low:,} to {n_high:,}"
    caption = (
        "Probability that benefit of at least one experimental arm is claimed, anywhere and in each "
        f"subgroup; bands are 95% Monte Carlo limits, {trials} virtual trials a point, lines join simulated "
        "points. At 1 and beyond, shaded, every claim is false and the curve is a type I error."
    )
    return Drawing(name, question, caption, to_svg(canvas, name, question, caption))


def _draw_curves(axis: Axes, own: pd.DataFrame, looks: dict[str, dict]) -> None:
    top = float(own.value.max())
    if top >= 1:
        axis.axvspan(1.0, top, color=FAINT, alpha=0.45, linewidth=0, zorder=0)
    for design, look in looks.items():
        part = own[own.design == design]
        axis.fill_between(part.value, part.lower, part.upper, color=look["color"], alpha=0.18, linewidth=0)
        axis.plot(part.value, part.estimate, markersize=3.5, linewidth=1.4, **look)
    axis.set_ylim(-0.02, 1.02)
    axis.grid()
