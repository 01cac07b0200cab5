"""Figures of estimates by place: dots with Monte Carlo limits. Drawn from tidy frames alone."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from adaptive.report.figure_style import ABOVE_GRID, FAINT, INK, STYLE, Drawing, key, look_of, panels, to_svg

TRIAL_WIDE = "whole trial"
LIMITS = "Bars are 95% Monte Carlo limits."


def places(frame: pd.DataFrame, *, by_arm: bool) -> pd.Series:
    """Return the row label of each estimate: subgroup, with the arm when there is more than one."""
    cell = frame.subgroup + " · " + frame.arm if by_arm else frame.subgroup
    return cell.where(frame.subgroup != "all", TRIAL_WIDE)


def ordered_places(frame: pd.DataFrame, meta: dict) -> list[str]:
    """Return the row labels that occur: the whole trial, then subgroups and arms in the design's order."""
    ranks = {"all": -1} | {name: i for i, name in enumerate(meta["subgroups"])}
    arms = {"all": -1} | {name: i for i, name in enumerate(meta["arms"])}
    labels = frame[["place", "subgroup", "arm"]].drop_duplicates("place")
    order = sorted(
        zip(labels.place, labels.subgroup, labels.arm, strict=True),
        key=lambda item: (ranks.get(item[1], len(ranks)), arms.get(item[2], len(arms))),
    )
    return [place for place, _, _ in order]


def draw_dots(axis: Axes, frame: pd.DataFrame, rows: Sequence[str], looks: dict[str, dict]) -> None:
    """Draw one panel: a row per place, the designs side by side within it."""
    designs = list(looks)
    step = 0.7 / len(designs)
    for i, design in enumerate(designs):
        own = frame[frame.design == design].set_index("place").reindex(list(rows))
        y = np.arange(len(rows)) + (i - (len(designs) - 1) / 2) * step
        x = own.estimate.to_numpy(float)
        below = np.maximum(x - own.lower.to_numpy(float), 0)
        above = np.maximum(own.upper.to_numpy(float) - x, 0)
        look = looks[design]
        axis.errorbar(
            x,
            y,
            xerr=np.vstack([below, above]),
            fmt=look["marker"],
            color=look["color"],
            markersize=4.2,
            elinewidth=1.1,
            capsize=0,
            label=design,
        )
    for edge in np.arange(len(rows) - 1) + 0.5:
        axis.axhline(edge, color=FAINT, linewidth=0.5)
    axis.set_yticks(np.arange(len(rows)), rows)
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.grid(axis="x")
    axis.xaxis.set_major_locator(MaxNLocator(4))
    axis.tick_params(axis="y", length=0)


def dots_by_scenario(
    frame: pd.DataFrame,
    meta: dict,
    *,
    name: str,
    question: str,
    caption: str,
    xlabel: str,
    reference: float | None = None,
    limits: tuple[float, float] | None = None,
    absent: str = "",
) -> Drawing:
    """Return a panel per scenario, a row per place, a dot per design, all on one scale."""
    frame = frame[np.isfinite(frame.estimate)]
    if frame.empty:
        return Drawing(name, question, absent=absent)
    frame = frame.assign(place=places(frame, by_arm=frame.arm[frame.arm != "all"].nunique() > 1))
    rows = ordered_places(frame, meta)
    scenarios = [name for name in meta["scenarios"] if name in set(frame.scenario)]
    looks = {d: look for d, look in look_of(meta["designs"]).items() if d in set(frame.design)}
    height = 0.55 + len(rows) * max(0.24, 0.11 * len(looks) + 0.1)
    with rc_context(STYLE):
        canvas, axes = panels(len(scenarios), height=height, columns=4 if len(scenarios) > 6 else 3)
        for axis, scenario in zip(axes, scenarios, strict=True):
            draw_dots(axis, frame[frame.scenario == scenario], rows, looks)
            axis.set_title(scenario)
            if reference is not None:
                axis.axvline(reference, color=INK, linewidth=0.8, zorder=ABOVE_GRID)
        if limits:
            axes[0].set_xlim(*limits)
        canvas.supxlabel(xlabel, fontsize=9)
        key(canvas, looks)
    return Drawing(name, question, f"{caption} {LIMITS}", to_svg(canvas, name, question, caption))


def type_i_error_figure(content: dict) -> Drawing:
    """Return the figure of type I error."""
    claims = content["tables"]["claims"]
    errors = claims[claims.metric.isin(["fwer", "type_i_error"])]
    top = float(errors.upper.max()) * 1.05 if len(errors) else 1.0
    return dots_by_scenario(
        errors,
        content["meta"],
        name="figure-type-i-error",
        question="How often is benefit claimed where there is none?",
        caption="Type I error per subgroup, and the probability of any false claim in the whole trial, by "
        "scenario and design, advice of non-binding rules ignored. Scenarios without a null are not shown.",
        xlabel="probability of a false claim",
        limits=(-0.012 * max(top, 0.01), min(max(top, 0.01), 1.0)),
        absent="there is no arm without benefit in any scenario",
    )


def power_figure(content: dict) -> Drawing:
    """Return the figure of power."""
    claims = content["tables"]["claims"]
    return dots_by_scenario(
        claims[claims.metric.isin(["disjunctive_power", "power"])],
        content["meta"],
        name="figure-power",
        question="How often is a true benefit found?",
        caption="Power per subgroup, and the probability of any true claim in the whole trial, by scenario "
        "and design, advice of non-binding rules ignored. Scenarios without a benefit are not shown.",
        xlabel="probability of a true claim",
        limits=(-0.012, 1.02),
        absent="there is no arm with a benefit in any scenario",
    )


def estimation_figures(content: dict) -> list[Drawing]:
    """Return the figures of bias and of interval coverage, over all trials."""
    frame = content["tables"]["estimation"]
    frame = frame[frame.level == "overall"]
    meta = content["meta"]
    none = "no trial has an estimate whose true value is known"
    return [
        dots_by_scenario(
            frame[frame.metric == "bias"],
            meta,
            name="figure-bias",
            question="Are the estimates biased?",
            caption="Mean of the posterior mean of the log hazard ratio minus its true value, over all "
            "trials. Left of zero the benefit is overstated.",
            xlabel="bias, log hazard ratio",
            reference=0.0,
            absent=none,
        ),
        dots_by_scenario(
            frame[frame.metric == "coverage"],
            meta,
            name="figure-coverage",
            question="Do the 95% intervals contain the true value?",
            caption="Share of trials whose central 95% posterior interval contains the true log hazard "
            "ratio; the line marks 0.95.",
            xlabel="coverage",
            reference=0.95,
            absent=none,
        ),
    ]


FOREST = (
    ("fwer", "any false claim"),
    ("disjunctive_power", "any true claim"),
    ("correct_set", "exactly the right claims"),
    ("patients", "mean patients"),
    ("months", "mean duration, months"),
    ("patients_inferior", "mean patients on inferior arms"),
)


def paired_figure(content: dict) -> Drawing:
    """Return the forest of paired differences against the benchmark."""
    name = "figure-paired"
    benchmark = content["meta"]["benchmark"]
    question = (
        f"How does each design differ from {benchmark or 'the benchmark'} on the same virtual patients?"
    )
    frame = content["tables"]["paired"]
    frame = frame[(frame.subgroup == "all") & frame.metric.isin([metric for metric, _ in FOREST])]
    if frame.empty:
        return Drawing(name, question, absent="no design can be paired with a benchmark design")
    shown = [(metric, title) for metric, title in FOREST if (frame.metric == metric).any()]
    frame = frame.assign(place=frame.scenario)
    rows = list(dict.fromkeys(frame.place))
    looks = {d: look for d, look in look_of(content["meta"]["designs"]).items() if d in set(frame.design)}
    with rc_context(STYLE):
        height = 0.65 + len(rows) * max(0.24, 0.11 * len(looks) + 0.1)
        canvas, axes = panels(len(shown), height=height, sharex=False)
        for axis, (metric, title) in zip(axes, shown, strict=True):
            draw_dots(axis, frame[frame.metric == metric], rows, looks)
            axis.axvline(0, color=INK, linewidth=0.8, zorder=ABOVE_GRID)
            axis.set_title(title)
        _one_scale([axis for axis, (metric, _) in zip(axes, shown, strict=True) if metric in PROBABILITIES])
        canvas.supxlabel(f"difference, design minus {benchmark}", fontsize=9)
        key(canvas, looks)
    caption = f"Paired differences, design minus {benchmark}, by scenario; probabilities share one scale."
    return Drawing(name, question, f"{caption} {LIMITS}", to_svg(canvas, name, question, caption))


PROBABILITIES = ("fwer", "disjunctive_power", "correct_set")


def _one_scale(axes: Sequence[Axes]) -> None:
    """Give several panels the widest of their x limits."""
    if axes:
        edges = np.array([axis.get_xlim() for axis in axes])
        for axis in axes:
            axis.set_xlim(edges[:, 0].min(), edges[:, 1].max())
