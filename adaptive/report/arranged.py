"""Tables of results with arms or subgroups side by side, so that a study of many scenarios stays readable."""

import pandas as pd

from adaptive.report.figure_style import Drawing
from adaptive.report.pivot import Table, pivot
from adaptive.report.section import metric_titles

TITLES = {
    "scenario": "Scenario",
    "metric": "Metric",
    "subgroup": "Subgroup",
    "arm": "Arm",
    "design": "Design",
}
WIDEST = 6
"""Columns of numbers that fit a page side by side."""
ALL = {"all": "All"}


def drawn(item: str, *drawings: Drawing | None) -> tuple[str, ...]:
    """Return the checklist item of a figure if one of the drawings is there to see."""
    return (item,) if any(drawing is not None and drawing.svg for drawing in drawings) else ()


def in_order(frame: pd.DataFrame, content: dict, *keys: str) -> pd.DataFrame:
    """Return rows sorted by several columns, each in the order of the report; others as they occur."""
    meta = content["meta"]
    orders = {
        "scenario": meta["scenarios"],
        "design": meta["designs"],
        "subgroup": [*meta["subgroups"], "all"],
        "arm": [*meta["arms"], "all"],
        "metric": list(content["labels"]["metrics"]),
    }
    ranks = {}
    for key in keys:
        names = orders.get(key, []) or list(dict.fromkeys(frame[key]))
        known = [*names, *(name for name in dict.fromkeys(frame[key]) if name not in names)]
        ranks[key] = {name: i for i, name in enumerate(known)}
    return frame.sort_values(list(keys), key=lambda column: column.map(ranks[column.name]), kind="stable")


def side_by_side(frame: pd.DataFrame, content: dict, columns: str, *keys: str, **options) -> Table | None:
    """Return a table with a column per value of ``columns`` and rows by scenario, ``keys`` and design.

    ``keys`` that never change are left out.
    """
    if frame.empty:
        return None
    kept = [key for key in keys if frame[key].nunique() > 1]
    rows = ["scenario", *kept, "design"]
    names = metric_titles(content)
    renamed = {"metric": names, "subgroup": ALL, "arm": ALL}
    return pivot(
        in_order(frame, content, *rows),
        keys={key: TITLES[key] for key in rows},
        columns=columns,
        order=list(dict.fromkeys(in_order(frame, content, columns)[columns])),
        titles=names | ALL,
        rename={key: renamed[key] for key in kept if key in renamed},
        **options,
    )


def cells(frame: pd.DataFrame, content: dict, **options) -> Table | None:
    """Return a table of numbers per subgroup and arm: arms and designs side by side, if they fit."""
    arms, designs = frame.arm.nunique(), frame.design.nunique()
    if arms * designs > WIDEST or frame.empty:
        return side_by_side(frame, content, "arm", "metric", "subgroup", **options)
    column = frame.arm + " · " + frame.design if arms > 1 else frame.design
    frame = frame.assign(column=column)
    kept = [key for key in ("metric", "subgroup") if frame[key].nunique() > 1]
    renamed = {"metric": metric_titles(content), "subgroup": ALL}
    return pivot(
        in_order(frame, content, "scenario", *kept),
        keys={key: TITLES[key] for key in ("scenario", *kept)},
        columns="column",
        order=list(dict.fromkeys(in_order(frame, content, "arm", "design").column)),
        rename={key: renamed[key] for key in kept},
        **options,
    )
