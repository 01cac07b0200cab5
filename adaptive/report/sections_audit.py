"""The section about the engine's audit: sentences, tables, and one figure. Computes nothing."""

import pandas as pd
from matplotlib import rc_context
from matplotlib.ticker import NullFormatter, StrMethodFormatter

from adaptive.report.figure_style import ABOVE_GRID, INK, STYLE, Drawing, key, panels, to_svg
from adaptive.report.pivot import Table, plain
from adaptive.report.section import Section, section

OUTCOMES = {
    "same": {"color": "#999999", "marker": "o"},
    "undecided": {"color": "#0072B2", "marker": "s"},
    "flipped": {"color": "#D55E00", "marker": "^"},
}
NAMES = {
    "same": "same decision",
    "undecided": "differs, within NUTS's error",
    "flipped": "differs beyond it",
}
TITLES = {"random": "Looks drawn at random", "near": "Looks nearest to a threshold"}
READING = (
    "The distance to a threshold is the difference of logits, |logit P - logit threshold|, of the audited "
    "engine's probability: 0.1 is 0.001 at a threshold of 0.99 and 0.009 at 0.1. A decision is an open cell "
    "at a look; limits in parentheses are 95% and take decisions of one look as one observation where "
    "they agree."
)


def audit_section(content: dict) -> Section:
    """Return the section; where there is no audit it says so and nothing else."""
    audit = content.get("audit") or {"lead": ["Not audited."], "tables": {}}
    tables = audit["tables"]
    if not tables:
        return section("audit", "Engine audit", audit["lead"])
    return section(
        "audit",
        "Engine audit",
        [*audit["lead"], READING],
        difference_figure(tables["audit_points"]),
        _flips(tables["audit_flips"]),
        _induced(tables.get("audit_induced")),
        _changes(tables["audit_changes"]),
        _differences(tables["audit_differences"]),
        _fits(tables["audit_fits"]),
        covers=("F2", "F3", *(("F4",) if "audit_induced" in tables else ())),
    )


def _induced(frame: pd.DataFrame | None) -> Table | None:
    if frame is None:
        return None
    return plain(
        frame,
        name="audit_induced",
        made_by="audit",
        caption="Estimated change of error rates and power by the engine's differences from NUTS, in "
        "percentage points (engine minus NUTS, standard error in parentheses): claims by the engine alone "
        "less those by NUTS alone, nearest looks counted, the others estimated from random ones, over the "
        "audited results together. NUTS's own Monte Carlo error is part of the difference. Not netted out: a "
        "claim that the other engine makes at a later look, and claims that a stop by one engine alone "
        "prevents; the bound of the next table covers both.",
        numeric=True,
        titles={
            "metric": "Rate",
            "gained": "Claims by the engine alone",
            "lost": "By NUTS alone",
            "per_trial": "Cells, or trials, that can count, per trial",
            "change": "Change (SE)",
            "limits": "95% limits",
        },
    )


def _fits(frame: pd.DataFrame) -> Table | None:
    return plain(
        frame,
        name="audit_fits",
        made_by="audit",
        caption="Checks of the reference fits: the value that half, 1% and 0.1% of them are beyond towards "
        "the bad end, and the worst. The last fit of each look counts: one that fails a gate is made again "
        "with more draws, and what fails still decides nothing here. E-BFMI is checked at the fit but not "
        "stored.",
        numeric=True,
        titles={
            "check": "Check",
            "median": "Median",
            "worst_1": "Worst 1%",
            "worst_01": "Worst 0.1%",
            "worst": "Worst",
            "gate": "Gate",
        },
    )


def _flips(frame: pd.DataFrame):
    return plain(
        frame,
        name="audit_flips",
        made_by="audit",
        caption="Decisions that differ between the audited engine and NUTS, by distance to the threshold.",
        stub=2,
        numeric=True,
        titles={
            "sample": "Looks",
            "distance": "Distance",
            "looks": "Looks, n",
            "decisions": "Decisions",
            "flips": "Differ",
            "beyond_error": "Beyond NUTS's error",
            "undecided": "Within it",
            "share": "Share that differs",
            "share_beyond_error": "Share beyond error",
        },
    )


def _changes(frame: pd.DataFrame):
    return plain(
        frame,
        name="audit_changes",
        made_by="audit",
        caption="Looks of each kind per trial: the nearest looks counted, the others estimated from the "
        "random ones. The first row bounds any change of a type I error or a power.",
        stub=2,
        numeric=True,
        titles={
            "change": "Change",
            "counted": "Flips counted",
            "near_looks": "Nearest looks with it",
            "random_looks": "Other random looks with it",
            "random_n": "of",
            "per_trial": "Per trial (95% limits)",
        },
    )


def _differences(frame: pd.DataFrame):
    titles = {
        "sample": "Looks",
        "quantity": "Probability",
        "events": "Events at the look",
        "n": "n",
        "mean": "Mean",
        "largest": "Largest",
        "nuts_error": "NUTS's own error (RMS)",
        "excess": "RMS beyond it",
    }
    return plain(
        frame,
        name="audit_differences",
        made_by="audit",
        caption="Audited engine minus NUTS: mean, quantiles, and what NUTS's own error leaves unexplained.",
        stub=3,
        numeric=True,
        titles=titles,
        collapse=True,
    )


def difference_figure(points: pd.DataFrame) -> Drawing:
    """Return the differences against the distance to the threshold, a panel per sample on one scale."""
    name, question = "figure-audit", "Does the engine err where it would matter?"
    if points.empty:
        return Drawing(name, question, absent="no rule was applied at an audited look")
    samples = [sample for sample in TITLES if (points["sample"] == sample).any()]
    with rc_context(STYLE):
        canvas, axes = panels(len(samples), height=2.6, columns=2)
        for axis, sample in zip(axes, samples, strict=True):
            own = points[points["sample"] == sample]
            for outcome, look in OUTCOMES.items():
                part = own[own.outcome == outcome]
                axis.plot(
                    part.distance.clip(lower=1e-4).to_numpy(),
                    part.difference.to_numpy(),
                    linestyle="",
                    markersize=2.5 if outcome == "same" else 5,
                    alpha=0.6 if outcome == "same" else 1.0,
                    **look,
                )
            axis.axhline(0, color=INK, linewidth=0.8, zorder=ABOVE_GRID)
            axis.set_title(TITLES[sample])
            axis.set_xscale("log")
            axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axis.xaxis.set_minor_formatter(NullFormatter())
            axis.grid()
        canvas.supxlabel("distance to the threshold, logits (log scale)", fontsize=9)
        canvas.supylabel("P by the engine minus P by NUTS", fontsize=9)
        key(canvas, {NAMES[outcome]: look for outcome, look in OUTCOMES.items()})
    caption = (
        "Each point is an open cell at an audited look, shown by the rule nearest to its threshold. "
        "Scatter within NUTS's own Monte Carlo error is no fault of the engine; a slope or an offset is. Of "
        "many points with the same decision, evenly spaced ones are drawn."
    )
    return Drawing(name, question, caption, to_svg(canvas, name, question, caption))
