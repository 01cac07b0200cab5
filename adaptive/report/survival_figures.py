"""Figures of a decision memo: Kaplan-Meier curves, raw and shrunken hazard ratios, rules over looks.

Handed tables and plain records; knows nothing of designs or posteriors. Figures are SVG text, the same
bytes for the same input.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.ticker
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = ("#333333", "#0072B2", "#D55E00", "#009E73", "#CC79A7")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)))
STYLE = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "memo",
}


def plain(label: str) -> str:
    """Return a label that is drawn as it is written, without mathematical markup."""
    return label.replace("$", r"\$")


def as_data_uri(figure: Figure) -> str:
    """Return a figure as a self-contained image address."""
    stream = io.BytesIO()
    with mpl.rc_context(STYLE):
        figure.savefig(stream, format="svg", metadata={"Date": None}, bbox_inches="tight")
    return "data:image/svg+xml;base64," + base64.b64encode(stream.getvalue()).decode()


def kaplan_meier(time: np.ndarray, event: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct event times and the Kaplan-Meier estimate just after each.

    A censoring at an event time counts as at risk there.

    Parameters
    ----------
    time
        Months to event or censoring.
    event
        Whether it is the event.

    References
    ----------
    Kaplan and Meier (1958), JASA 53, 457-481, doi:10.1080/01621459.1958.10501452.
    """
    at = np.unique(time[event])
    risk = (time[None, :] >= at[:, None]).sum(axis=1)
    died = ((time[None, :] == at[:, None]) & event[None, :]).sum(axis=1)
    return at, np.cumprod(1.0 - died / np.maximum(risk, 1))


def survival_at(time: np.ndarray, event: np.ndarray, months: Sequence | np.ndarray) -> np.ndarray:
    """Return the Kaplan-Meier estimate at given months."""
    at, survival = kaplan_meier(time, event)
    return np.concatenate([[1.0], survival])[np.searchsorted(at, months, side="right")]


def at_risk(time: np.ndarray, months: Sequence | np.ndarray) -> np.ndarray:
    """Return how many are still followed and free of the event just before each month."""
    return (time[None, :] >= np.asarray(months, float)[:, None]).sum(axis=1)


def _ticks(longest: float) -> np.ndarray:
    step = next((s for s in (3, 6, 12, 24, 36, 60) if longest / s <= 6.5), 120)
    return np.arange(0, longest + step * 0.51, step)


def kaplan_meier_figure(patients: pd.DataFrame, subgroups: Sequence[str], arms: Sequence[str]) -> Figure:
    """Draw Kaplan-Meier curves by arm, a panel per subgroup, with numbers at risk below.

    Parameters
    ----------
    patients
        Columns ``subgroup``, ``arm``, ``time`` (months), ``event``; one row per patient.
    subgroups, arms
        Labels in the order to draw.
    """
    n_columns = min(len(subgroups), 2)
    n_rows = -(-len(subgroups) // n_columns)
    ticks = _ticks(max(float(patients["time"].max()), 1.0))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.6 * n_columns, (3.1 + 0.2 * len(arms)) * n_rows), layout="constrained")
        panels = figure.subfigures(n_rows, n_columns, squeeze=False).ravel()
        for panel, subgroup in zip(panels, subgroups, strict=False):
            rows = patients[patients["subgroup"] == subgroup]
            curve, table = panel.subplots(2, 1, height_ratios=(3.0, 0.25 + 0.22 * len(arms)), sharex=True)
            _curves(curve, rows, arms, ticks)
            curve.set_title(plain(subgroup), loc="left", fontweight="bold", fontsize=10)
            _risk_table(table, rows, arms, ticks)
    return figure


def _curves(axes: Axes, rows: pd.DataFrame, arms: Sequence[str], ticks: np.ndarray) -> None:
    for index, arm in enumerate(arms):
        mine = rows[rows["arm"] == arm]
        time, event = mine["time"].to_numpy(float), mine["event"].to_numpy(bool)
        if not time.size:
            continue
        at, survival = kaplan_meier(time, event)
        x = np.concatenate([[0.0], at, [time.max()]])
        y = np.concatenate([[1.0], survival, survival[-1:] if survival.size else [1.0]])
        colour = COLOURS[index % len(COLOURS)]
        axes.step(x, y, where="post", color=colour, ls=DASHES[index % len(DASHES)], lw=1.4, label=plain(arm))
        censored = time[~event]
        axes.plot(censored, survival_at(time, event, censored), "|", color=colour, ms=4, mew=0.6)
    axes.set(ylim=(0, 1.02), xlim=(0, ticks[-1]), ylabel="Without the event")
    axes.set_xticks(ticks)
    axes.yaxis.set_major_formatter(mpl.ticker.PercentFormatter(1.0))
    axes.tick_params(labelbottom=True)
    axes.grid(axis="y", color="#dddddd", lw=0.5)
    if axes.lines:
        axes.legend(frameon=False, fontsize=8, loc="lower left")


def _risk_table(axes: Axes, rows: pd.DataFrame, arms: Sequence[str], ticks: np.ndarray) -> None:
    axes.set(ylim=(len(arms) - 0.4, -0.6), xlabel="Months since randomisation; below the curves: at risk")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelbottom=False)
    axes.tick_params(axis="y", pad=14)
    axes.set_yticks(range(len(arms)), [plain(arm) for arm in arms], fontsize=8)
    for index, arm in enumerate(arms):
        counts = at_risk(rows.loc[rows["arm"] == arm, "time"].to_numpy(float), ticks)
        for tick, count in zip(ticks, counts, strict=True):
            axes.text(tick, index, str(count), ha="center", va="center", fontsize=8, clip_on=False)


def forest_figure(cells: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw hazard ratios per subgroup and arm: raw maximum likelihood beside the model's estimate.

    Parameters
    ----------
    cells
        Records with ``subgroup``, ``arm``, ``log_hr`` (``mean``, ``lower``, ``upper``) and ``raw_log_hr``
        (``estimate``, ``se``); missing numbers are ``None``.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.4, 0.9 + 0.52 * len(cells)), layout="constrained")
        axes = figure.subplots()
        for row, cell in enumerate(cells):
            raw, model = _raw_interval(cell["raw_log_hr"]), _model_interval(cell["log_hr"])
            _interval(axes, row - 0.16, raw, "s", "#888888", "white")
            _interval(axes, row + 0.16, model, "o", COLOURS[1], COLOURS[1])
        labels = [plain(f"{cell['arm']}, {cell['subgroup']}") for cell in cells]
        axes.set_yticks(range(len(cells)), labels)
        axes.set(ylim=(len(cells) - 0.5, -0.5), xscale="log", xlim=_limits(cells))
        axes.set_xlabel("Hazard ratio against control, log scale (left of 1 favours the arm)")
        axes.axvline(1.0, color="#333333", lw=0.8)
        axes.xaxis.set_major_locator(mpl.ticker.FixedLocator([0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10]))
        axes.xaxis.set_major_formatter(mpl.ticker.FormatStrFormatter("%g"))
        axes.xaxis.set_minor_locator(mpl.ticker.NullLocator())
        axes.grid(axis="x", color="#dddddd", lw=0.5)
        _forest_legend(axes)
    return figure


def _raw_interval(raw: Mapping[str, Any]) -> tuple[float, float, float] | None:
    if raw["estimate"] is None or raw["se"] is None:
        return None
    half = 1.959963984540054 * raw["se"]
    return raw["estimate"], raw["estimate"] - half, raw["estimate"] + half


def _model_interval(model: Mapping[str, Any]) -> tuple[float, float, float] | None:
    values = model["mean"], model["lower"], model["upper"]
    return None if any(value is None for value in values) else values


def _interval(axes: Axes, y: float, values, marker: str, colour: str, fill: str) -> None:
    if values is None:
        axes.text(1.0, y, " no estimate", fontsize=7, color=colour, va="center")
        return
    centre, low, high = np.exp(values)
    axes.plot([low, high], [y, y], color=colour, lw=1.4)
    axes.plot([centre], [y], marker, color=colour, mfc=fill, ms=5)


def _limits(cells: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """Return limits that show every point and all intervals of up to tenfold ratios."""
    intervals = [_model_interval(c["log_hr"]) for c in cells] + [
        _raw_interval(c["raw_log_hr"]) for c in cells
    ]
    ends = [end for interval in intervals if interval for end in interval]
    low, high = min([-0.7, *ends]), max([0.5, *ends])
    return float(np.exp(max(low - 0.05, np.log(0.08)))), float(np.exp(min(high + 0.05, np.log(12.0))))


def _forest_legend(axes: Axes) -> None:
    raw = mpl.lines.Line2D(
        [], [], color="#888888", marker="s", mfc="white", label="raw: maximum likelihood, 95% CI"
    )
    model = mpl.lines.Line2D(
        [], [], color=COLOURS[1], marker="o", label="model: posterior mean, 95% interval"
    )
    axes.legend(
        handles=[raw, model], frameon=False, fontsize=8, loc="lower right", bbox_to_anchor=(1, 1), ncols=2
    )


def overview_figure(looks: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw, per subgroup and arm, each rule's probability and threshold at every look, and the closing look.

    Parameters
    ----------
    looks
        Decision records in the order of their looks.
    """
    first = looks[0]["cells"]
    subgroups = list(dict.fromkeys(cell["subgroup"] for cell in first))
    arms = list(dict.fromkeys(cell["arm"] for cell in first))
    with mpl.rc_context(STYLE):
        size = (4.2 * len(arms), 2.5 * len(subgroups))
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(len(subgroups), len(arms), squeeze=False, sharex=True, sharey=True)
        for s, subgroup in enumerate(subgroups):
            for b, arm in enumerate(arms):
                _rule_panel(grid[s, b], looks, subgroup, arm)
                grid[s, b].set_title(plain(f"{arm}, {subgroup}"), loc="left", fontsize=9, fontweight="bold")
            grid[s, 0].set_ylabel("Probability")
        for axes in grid[-1]:
            axes.set_xlabel("Months since the first patient in")
        handles, labels = grid[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return figure


def _rule_panel(axes: Axes, looks: Sequence[Mapping[str, Any]], subgroup: str, arm: str) -> None:
    cells = [next(c for c in look["cells"] if (c["subgroup"], c["arm"]) == (subgroup, arm)) for look in looks]
    months = [look["cutoff"]["months"] for look in looks]
    for index, rule in enumerate(cells[0]["rules"]):
        values = [_float(cell["rules"][index]["value"]) for cell in cells]
        limits = [_float(cell["rules"][index]["threshold"]) for cell in cells]
        colour = COLOURS[(index + 1) % len(COLOURS)]
        axes.plot(
            months, values, "o-", color=colour, ms=4, lw=1.2, label=f"{rule['rule']}: {rule['quantity']}"
        )
        axes.plot(months, limits, "_", color=colour, ms=14, mew=1.6)
    for cell, month in zip(cells, months, strict=True):
        if cell["verdict"]:
            axes.axvline(month, color="#333333", lw=0.8, ls=":")
            axes.annotate(
                cell["verdict"].lower(),
                (month, 0.5),
                xytext=(-3, 0),
                textcoords="offset points",
                rotation=90,
                ha="right",
                va="center",
                fontsize=8,
            )
    axes.set(ylim=(-0.02, 1.02))
    axes.grid(axis="y", color="#dddddd", lw=0.5)


def _float(value: float | None) -> float:
    return np.nan if value is None else value
