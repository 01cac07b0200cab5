"""Figures over calendar time: accrual, events, and when trials stop."""

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes

from adaptive.report.figure_style import STYLE, Drawing, key, look_of, panels, to_svg

FLOOR = 0.05


def calendar_figures(content: dict) -> list[Drawing]:
    """Return how patients and endpoint events accrue over calendar time, by scenario and design."""
    frame = content["tables"].get("calendar")
    if frame is None:
        return []
    return [
        _calendar(
            frame[frame.metric == "patients"],
            content["meta"],
            name="figure-accrual",
            question="How fast will patients enter, and where does accrual end?",
            what="patients randomised",
        ),
        _calendar(
            frame[frame.metric == "events"],
            content["meta"],
            name="figure-events",
            question="When will the endpoint events be there?",
            what="endpoint events seen",
        ),
    ]


def _calendar(frame: pd.DataFrame, meta: dict, *, name: str, question: str, what: str) -> Drawing:
    """Return a panel per scenario with a median and a band per design, on one scale."""
    if frame.empty:
        return Drawing(name, question, absent="the results keep no looks, so the course is not known")
    scenarios = [s for s in meta["scenarios"] if s in set(frame.scenario)]
    looks = {d: v for d, v in look_of(meta["designs"]).items() if d in set(frame.design)}
    with rc_context(STYLE):
        canvas, axes = panels(len(scenarios), height=1.6, columns=4 if len(scenarios) > 6 else 3)
        first = next(iter(looks))
        for axis, scenario in zip(axes, scenarios, strict=True):
            for design, look in looks.items():
                own = frame[(frame.scenario == scenario) & (frame.design == design)]
                _course(axis, own, look, filled=design == first)
            axis.set_title(scenario)
            axis.grid()
        axes[0].set_xlim(0, float(frame.month.max()))
        axes[0].set_ylim(0, float(frame.p95.max()) * 1.05)
        canvas.supxlabel("months since the first patient", fontsize=9)
        canvas.supylabel(what, fontsize=9)
        key(canvas, looks, lines=True)
    caption = (
        f"{what.capitalize()} by calendar month: median over trials, and 5% and 95% of trials as thin lines, "
        f"shaded between them for {first} only. A trial is joined linearly through its looks, "
        "between which nothing is stored, and stays level after the last one: with few looks the course "
        "between them is a guess. Its patients are all there at the last randomisation."
    )
    return Drawing(name, question, caption, to_svg(canvas, name, question, caption))


def _course(axis: Axes, own: pd.DataFrame, look: dict, *, filled: bool) -> None:
    """Draw the median of one design and its 5% and 95%; several bands on each other would be one grey."""
    month, low, high = (own[c].to_numpy(float) for c in ("month", "p05", "p95"))
    if filled:
        axis.fill_between(month, low, high, color=look["color"], alpha=0.1, lw=0)
    for edge in (low, high):
        axis.plot(month, edge, color=look["color"], linestyle=look["linestyle"], linewidth=0.7)
    axis.plot(month, own.p50.to_numpy(float), color=look["color"], linestyle=look["linestyle"], linewidth=1.5)


def distribution_figure(content: dict, metric: str) -> Drawing:
    """Return the distribution function of patients or of the stopping time, by scenario and design."""
    words = {
        "patients": ("How much does the trial's size vary?", "patients randomised", "patients"),
        "months": (
            "When will the trial be over?",
            "months from the first patient to the last look",
            "months",
        ),
    }
    question, xlabel, what = words[metric]
    frame = content["tables"]["distribution"]
    frame = frame[frame.metric == metric]
    name, n = f"figure-{metric}", int(frame.n.min())
    scenarios = list(dict.fromkeys(frame.scenario))
    looks = {d: v for d, v in look_of(content["meta"]["designs"]).items() if d in set(frame.design)}
    half = float(np.sqrt(np.log(2 / FLOOR) / (2 * n)))
    with rc_context(STYLE):
        canvas, axes = panels(len(scenarios), height=1.6, columns=4 if len(scenarios) > 6 else 3)
        for axis, scenario in zip(axes, scenarios, strict=True):
            for design, look in looks.items():
                own = frame[(frame.scenario == scenario) & (frame.design == design)]
                _steps(axis, own, look)
            axis.set_title(scenario)
            axis.set_ylim(0, 1.02)
            axis.grid()
        canvas.supxlabel(xlabel, fontsize=9)
        canvas.supylabel("share of trials at or below", fontsize=9)
        key(canvas, looks, lines=True)
    caption = (
        f"Distribution function of {what} over trials. The whole curve of a design has a simultaneous 95% "
        f"Monte Carlo limit of ±{half:.2g} (n = {n:,} trials, or more), "
        f"{'narrower than its line' if half < 0.02 else 'which is not drawn'}."
    )
    return Drawing(name, question, caption, to_svg(canvas, name, question, caption))


def _steps(axis: Axes, own: pd.DataFrame, look: dict) -> None:
    """Draw one distribution function."""
    style = {"color": look["color"], "linestyle": look["linestyle"], "linewidth": 1.5}
    axis.step(own.value, own.cumulative, where="post", **style)
