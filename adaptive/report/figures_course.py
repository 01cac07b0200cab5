"""Figures of how trials run: stopping and allocation."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from adaptive.report.figure_style import INK, STYLE, Drawing, key, look_of, panels, to_svg
from adaptive.report.figures import dots_by_scenario

# Colour and hatch: the order of lightness alone tells the reasons apart in grey; whiskers show on each.
REASON_LOOKS = {
    "EFFICACY": ("#0072B2", ""),
    "FUTILITY": ("#E69F00", "///"),
    "HARM": ("#d9d9d9", ""),
}
EARLY = tuple(REASON_LOOKS)
SELDOM = 0.001
"""A scenario in which no design stops at any look as often as this has no panel."""


def two_lines(first: str, second: str, columns: int) -> str:
    """Return a panel title of two lines, each cut to the width of a panel in ``columns`` columns."""
    room = 118 // columns
    return "\n".join(
        t if len(t) <= room else t[: room - 1] + "\N{HORIZONTAL ELLIPSIS}" for t in (first, second)
    )


def stopping_figure(content: dict) -> Drawing:
    """Return stacked bars of early stops at each look by reason: a panel per scenario, a bar per design."""
    name, question = "figure-stopping", "When do trials stop early, and why?"
    frame = content["tables"]["stopping"]
    frame = frame[(frame.metric == "stop") & frame.level.isin(EARLY)]
    if frame.empty or frame.m.sum() == 0:
        return Drawing(name, question, absent="no trial stops before its last look")
    meta, names = content["meta"], content["labels"]["reasons"]
    bars = frame.groupby(["scenario", "design", "look"]).estimate.sum()
    often = bars.groupby("scenario").max().ge(SELDOM)
    scenarios = [s for s in meta["scenarios"] if often.get(s, False)] or [bars.idxmax()[0]]
    seldom = [s for s in meta["scenarios"] if s in often.index and s not in scenarios]
    designs = [d for d in meta["designs"] if frame.m[frame.design == d].sum() > 0]
    never = [d for d in meta["designs"] if d not in designs]
    with rc_context(STYLE):
        canvas, axes = panels(len(scenarios), height=1.75, columns=4 if len(scenarios) > 6 else 3)
        for axis, scenario in zip(axes, scenarios, strict=True):
            own = frame[(frame.scenario == scenario) & frame.design.isin(designs)]
            _early_stops(axis, own, designs)
            axis.set_title(scenario)
        tallest = bars.max()
        axes[0].set_ylim(0, 1.05 * (tallest + 1.96 * np.sqrt(tallest * (1 - tallest) / frame.n.min())))
        axes[0].yaxis.set_major_locator(MaxNLocator(4))
        canvas.supxlabel("look", fontsize=9)
        canvas.supylabel("probability of stopping there", fontsize=9)
        handles = [_patch(r, names.get(r, r)) for r in EARLY if frame.m[frame.level == r].sum() > 0]
        canvas.legend(handles=handles, loc="upper left", ncols=3)
    caption = (
        "Probability that a trial ends at a look before its last planned one because every cell has closed, "
        f"by reason. Bars of a look, from left to right: {', '.join(designs)}; whiskers are 95% Monte Carlo "
        "limits of the whole bar. All other trials run to the final look or the calendar limit."
        + (f" Not drawn, as no trial of theirs stops early: {', '.join(never)}." if never else "")
        + (f" Less than {100 * SELDOM:g}% at every look in {', '.join(seldom)}." if seldom else "")
    )
    return Drawing(name, question, caption, to_svg(canvas, name, question, caption))


def _patch(reason: str, label: str) -> Patch:
    """Return one entry of the key of reasons."""
    colour, hatch = REASON_LOOKS[reason]
    return Patch(facecolor=colour, hatch=hatch, edgecolor="#555555", linewidth=0.4, label=label)


def _early_stops(axis, own: pd.DataFrame, designs: Sequence[str]) -> None:
    """Draw one panel of stacked bars, the designs side by side, with Monte Carlo limits of the whole bar."""
    looks = np.unique(own.look.to_numpy(int))
    width = 0.8 / len(designs)
    for i, design in enumerate(designs):
        x = looks + (i - (len(designs) - 1) / 2) * width
        base = np.zeros(looks.size)
        for reason in EARLY:
            part = own[(own.design == design) & (own.level == reason)].set_index("look").estimate
            height = part.reindex(looks).fillna(0.0).to_numpy(float)
            colour, hatch = REASON_LOOKS[reason]
            style = {"color": colour, "hatch": hatch, "edgecolor": "#555555", "linewidth": 0.3}
            axis.bar(x, height, bottom=base, width=0.92 * width, **style)
            base = base + height
        half = 1.96 * np.sqrt(base * (1 - base) / own.n.max())
        axis.errorbar(x, base, yerr=np.minimum(half, base), fmt="none", ecolor=INK, elinewidth=0.8)
    axis.set_xticks(looks)
    axis.grid(axis="y")


def allocation_figures(content: dict) -> list[Drawing]:
    """Return allocation over looks per adaptive design, or patients per arm when no looks are stored."""
    table, meta = content["tables"]["allocation"], content["meta"]
    by_look = table[table.metric == "allocation_after"]
    shown = [entry["scenario"] for entry in content.get("results_notes", {}).get("shown", [])]
    by_look = by_look[by_look.scenario.isin(shown or meta["scenarios"])]
    adaptive = [d for d in meta["designs"] if d != meta["benchmark"] and (by_look.design == d).any()]
    if adaptive:
        return [_allocation_over_looks(by_look[by_look.design == d], d, i) for i, d in enumerate(adaptive)]
    patients = table[(table.metric == "patients_in") & (table.level == "mean")]
    patients = patients[(patients.subgroup == "all") & (patients.arm != "all")]
    return [
        dots_by_scenario(
            patients.assign(subgroup=patients.arm, arm="all"),
            meta,
            name="figure-allocation",
            question="How many patients does each arm get?",
            caption="Mean number of patients per arm over all subgroups. The results keep no looks, so the "
            "course of the allocation cannot be drawn.",
            xlabel="mean patients",
            absent="no patient was randomised",
        )
    ]


def _allocation_over_looks(frame: pd.DataFrame, design: str, index: int) -> Drawing:
    """Return median, 5% and 95% of the allocation after each look, by scenario and subgroup."""
    name, question = f"figure-allocation-{index}", f"Where does {design} send patients as it learns?"
    if (frame.groupby(["subgroup", "arm"]).estimate.agg(np.ptp) == 0).all():
        return Drawing(name, question, absent="its allocation never changes while a subgroup randomises")
    pairs = list(dict.fromkeys(zip(frame.scenario, frame.subgroup, strict=True)))
    looks = look_of(list(dict.fromkeys(frame.arm)))
    n_subgroups = frame.subgroup.nunique()
    with rc_context(STYLE):
        columns = n_subgroups if 2 <= n_subgroups <= 4 else 3
        canvas, axes = panels(len(pairs), height=1.55, columns=columns)
        for axis, (scenario, subgroup) in zip(axes, pairs, strict=True):
            own = frame[(frame.scenario == scenario) & (frame.subgroup == subgroup)]
            for arm, look in looks.items():
                _band(axis, own[own.arm == arm], look)
            axis.set_title(two_lines(scenario, subgroup, columns), fontsize=8)
            axis.set_ylim(0, 1)
            axis.set_xticks(np.unique(frame.look.to_numpy(int)))
            axis.grid(axis="y")
        canvas.supxlabel("after look", fontsize=9)
        canvas.supylabel("randomisation probability", fontsize=9)
        key(canvas, looks, lines=True)
    caption = (
        f"Randomisation probabilities in force after each look under {design}, among trials in which the "
        "subgroup still randomises: median over trials, marked, and 5% and 95% of trials as thin lines. Arms "
        "with equal values lie on each other. A closed arm counts as 0, so that the line at 5% can fall "
        "below a floor of the allocation."
    )
    return Drawing(name, question, caption, to_svg(canvas, name, question, caption))


def _band(axis, own: pd.DataFrame, look: dict) -> None:
    """Draw the median of one arm and, as thin lines that do not hide each other, its 5% and 95%."""
    wide = own.pivot(index="look", columns="level", values="estimate")
    if wide.empty:
        return
    x = wide.index.to_numpy(int)
    line = {"color": look["color"], "linestyle": look["linestyle"]}
    for edge in (wide.p05, wide.p95):
        axis.plot(x, edge.to_numpy(float), linewidth=0.7, **line)
    axis.plot(x, wide.p50.to_numpy(float), linewidth=1.5, marker=look["marker"], markersize=3, **line)
