"""Figure of the running estimates, drawn from the table ``convergence``; computes nothing but positions."""

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullFormatter, StrMethodFormatter

from adaptive.report.figure_style import ABOVE_GRID, INK, STYLE, Drawing, key, look_of, panels, to_svg

DECADE = 10
"""The figure begins at this fraction of the trials; before, the estimates are too wild to see the end."""
WORDS = {"fwer": "any false claim", "disjunctive_power": "any true claim"}


def convergence_figure(content: dict) -> Drawing:
    """Return running estimates minus their final value over the last decade, one metric per scenario."""
    name, question = "figure-convergence", "Have the estimates settled?"
    table = content["tables"]["convergence"]
    frame = last_decade(table)
    if frame.empty:
        return Drawing(name, question, absent="no scenario offers an arm")
    scenarios = [s for s in content["meta"]["scenarios"] if s in set(frame.scenario)]
    looks = {d: v for d, v in look_of(content["meta"]["designs"]).items() if d in set(frame.design)}
    reach = _reach(frame)
    with rc_context(STYLE):
        canvas, axes = panels(len(scenarios), height=1.6, sharey=False)
        for axis, scenario in zip(axes, scenarios, strict=True):
            own = frame[frame.scenario == scenario]
            for design, look in looks.items():
                _settling(axis, own[own.design == design], look)
            axis.axhline(0, color=INK, linewidth=0.8, zorder=ABOVE_GRID)
            axis.set_title(f"{scenario}: {WORDS[own.metric.iloc[0]]}")
            axis.set_ylim(-reach[own.metric.iloc[0]], reach[own.metric.iloc[0]])
            axis.set_xscale("log")
            axis.xaxis.set_major_locator(FixedLocator([frame.n.min(), frame.n.max()]))
            axis.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
            axis.xaxis.set_minor_formatter(NullFormatter())
            axis.grid(axis="y")
        canvas.supxlabel("trials used (log scale)", fontsize=9)
        canvas.supylabel("estimate minus final, % points", fontsize=9)
        key(canvas, looks, lines=True)
    caption = (
        "Thick: estimate from the first n trials minus the estimate from all of them, in percentage points, "
        f"from a tenth of the trials on (convergence.csv: from {int(table.n.min())} on). Thin: its 95% Monte "
        "Carlo limits, pointwise; at the right end they are those of the number reported. Where the thick "
        "line leaves the range of the limits at the right end, fewer trials would have given another number. "
        "Errors share one scale, power another."
    )
    return Drawing(name, question, caption, to_svg(canvas, name, question, caption))


def last_decade(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows to draw: errors, or power in scenarios without nulls, from a tenth of the trials on."""
    erring = set(table.scenario[table.metric == "fwer"])
    wanted = ["fwer" if scenario in erring else "disjunctive_power" for scenario in table.scenario]
    frame = table[table.metric == wanted]
    return frame[frame.n >= frame.groupby(["scenario", "design"]).n.transform("max") / DECADE]


def _reach(frame: pd.DataFrame) -> dict[str, float]:
    """Return per metric how far the axis reaches either side of zero, in percentage points."""
    final = frame.groupby(["scenario", "design"]).estimate.transform("last")
    away = pd.concat([(final - frame.lower).abs(), (frame.upper - final).abs()], axis=1).max(axis=1)
    return {metric: max(105 * float(own.max()), 0.1) for metric, own in away.groupby(frame.metric)}


def _settling(axis: Axes, own: pd.DataFrame, look: dict) -> None:
    """Draw one running estimate and its limits, all about the final estimate."""
    if own.empty:
        return
    style = {"color": look["color"], "linestyle": look["linestyle"]}
    for column, width in (("lower", 0.6), ("upper", 0.6), ("estimate", 1.5)):
        away = 100 * (own[column] - own.estimate.iloc[-1]).to_numpy(float)
        axis.plot(own.n.to_numpy(float), away, linewidth=width, **style)
