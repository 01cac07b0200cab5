"""The figure of error against cost: two panels, below and from 100 events, with the acceptance bounds."""

from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from matplotlib.ticker import FuncFormatter

PANELS = (("below 100 events", 0.01), ("100 events or more", 0.005))
COLOURS = {"laplace": "#0b6e6e", "nuts": "#b3541e"}
NEAR = 1.5
FLOOR = 1e-5
"""Errors below the references' own are drawn here."""


def draw(stored: dict, path: Path) -> str:
    """Draw the stored rows to ``path``, and return the path as text."""
    plt.rcParams.update({"svg.hashsalt": "error_cost", "svg.fonttype": "none", "font.size": 9})
    figure, axes = plt.subplots(1, 2, figsize=(9.2, 4.6), sharex=True, sharey=True, layout="constrained")
    for axis, (size, bound) in zip(axes, PANELS, strict=True):
        _panel(axis, [r for r in stored["rows"] if size in r], size, bound)
    axes[0].set_ylabel("error in a probability: dot largest, tick 95th percentile")
    figure.supxlabel(
        "CPU microseconds per posterior (4 subgroups, 2 experimental arms, 4 intervals)", fontsize=9
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return str(path)


def _panel(axis, rows: list[dict], size: str, bound: float) -> None:
    """Draw one panel; alternatives that hardly differ from the default are dots without a name."""
    axis.set(xscale="log", yscale="log")
    axis.set_title(f"Tables with {size}".replace("with below", "below"), loc="left", fontsize=10)
    axis.axhline(bound, color="#666666", linewidth=1.0, linestyle=(0, (4, 3)))
    axis.annotate(
        f"accepted: {bound:g}",
        (1.0, bound),
        xycoords=("axes fraction", "data"),
        xytext=(-2, 3),
        textcoords="offset points",
        ha="right",
        color="#444444",
        fontsize=8,
    )
    default = next(r for r in rows if r["label"] == "default")
    for row in sorted(rows, key=lambda r: r["cpu_microseconds"]):
        _point(axis, row, row[size], named=row is default or _differs(row, default, size))
    axis.margins(x=0.18, y=0.15)
    axis.spines[["top", "right"]].set_visible(False)
    axis.yaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axis.xaxis.set_minor_formatter(FuncFormatter(lambda x, _: f"{x:g}" if f"{x:g}"[0] in "25" else ""))


def _differs(row: dict, default: dict, size: str) -> bool:
    """Return whether an alternative's cost or largest error is away from the default's by half or more."""
    ratios = (
        row["cpu_microseconds"] / default["cpu_microseconds"],
        max(row[size]["max"], FLOOR) / max(default[size]["max"], FLOOR),
    )
    return any(not 1 / NEAR < ratio < NEAR for ratio in ratios)


def _point(axis, row: dict, errors: dict, named: bool) -> None:
    """Draw one alternative: its largest error, its 95th percentile, and its name if it has room."""
    x, top, low = row["cpu_microseconds"], max(errors["max"], FLOOR), max(errors["p95"], FLOOR)
    colour, default = COLOURS[row["family"]], row["label"] == "default"
    axis.plot([x, x], [low, top], color=colour, linewidth=0.8, alpha=0.6)
    axis.plot(x, top, "o", color=colour, markersize=8 if default else 4.5)
    axis.plot(x, low, "_", color=colour, markersize=7)
    if not named:
        return
    name = f"NUTS, {row['label']}" if row["family"] == "nuts" else row["label"]
    axis.annotate(
        name,
        (x, top),
        textcoords="offset points",
        xytext=(5, 4),
        color=colour,
        fontsize=7.5,
        fontweight="bold" if default else "normal",
    )
