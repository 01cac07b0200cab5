"""The figure of type I error against drift: one panel for 1:1, one for adaptive randomisation."""

from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

STYLES = {
    "plain": {"color": "#b3541e", "marker": "o", "linestyle": "-"},
    "walk, omega 0.8": {"color": "#7a7a7a", "marker": "^", "linestyle": (0, (1, 1))},
    "walk, omega 0.5": {"color": "#3b6fb6", "marker": "s", "linestyle": (0, (5, 2))},
    "stratified": {"color": "#0b6e6e", "marker": "D", "linestyle": "-"},
}
WORDS = {
    "plain": "no time trend",
    "walk, omega 0.8": "walk, omega 0.8",
    "walk, omega 0.5": "walk, omega 0.5",
    "stratified": "stratified",
}
NOMINAL = 0.025
Z = 1.96


def draw(rows: list[dict], path: Path) -> None:
    """Draw the stored rows of the null to ``path``."""
    plt.rcParams.update({"svg.hashsalt": "drift", "svg.fonttype": "none", "font.size": 9})
    figure, axes = plt.subplots(1, 2, figsize=(9.2, 4.4), sharex=True, sharey=True, layout="constrained")
    null = [r for r in rows if r.get("hazard_ratio") == 1.0]
    _panel(axes[0], [r for r in null if not r["adaptive"]], "Randomised 1:1")
    _panel(axes[1], [r for r in null if r["adaptive"]], "Response-adaptive, updated every quarter")
    axes[0].annotate("all four analyses", (1.0, 0.034), ha="center", color="#333333", fontsize=8.5)
    nominal = {"xytext": (0, -11), "textcoords": "offset points", "color": "#444444", "fontsize": 8}
    axes[1].annotate("nominal 0.025", (0.25, NOMINAL), **nominal)
    for row in (r for r in null if r["adaptive"] and r["factor"] == 4.0):
        _name(axes[1], row)
    axes[0].set_ylabel("one-sided type I error")
    figure.supxlabel("hazard of the last patients, as a multiple of that of the first", fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _panel(axis, rows: list[dict], title: str) -> None:
    """Draw one panel: a line per analysis, bars of 95% Monte Carlo intervals."""
    axis.set(xscale="log", yscale="log", ylim=(5e-4, 0.35))
    axis.set_title(title, loc="left", fontsize=10)
    axis.axhline(NOMINAL, color="#666666", linewidth=1.0, linestyle=(0, (4, 3)))
    for name, style in STYLES.items():
        own = sorted((r for r in rows if r["analysis"] == name), key=lambda r: r["factor"])
        x, y, error = (np.array([r[k] for r in own]) for k in ("factor", "claims", "claims_mcse"))
        axis.errorbar(x, y, yerr=Z * error, markersize=4, linewidth=1.3, elinewidth=1.0, **style)
    axis.xaxis.set_major_locator(FixedLocator([0.25, 0.5, 1.0, 2.0, 4.0]))
    axis.yaxis.set_major_locator(FixedLocator([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2]))
    for side in (axis.xaxis, axis.yaxis):
        side.set_minor_locator(NullLocator())
        side.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    axis.spines[["top", "right"]].set_visible(False)


def _name(axis, row: dict) -> None:
    """Write an analysis's name beside the last point of its line."""
    axis.annotate(
        WORDS[row["analysis"]],
        (row["factor"], row["claims"]),
        xytext=(9, 0),
        textcoords="offset points",
        va="center",
        color=STYLES[row["analysis"]]["color"],
        fontsize=8.5,
    )
