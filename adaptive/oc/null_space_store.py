"""A null-space search on disk and on the screen: both stages, the worst point, and what the bound covers."""

from pathlib import Path
from typing import Any

from adaptive import montecarlo as mc
from adaptive.design.protocol import Design
from adaptive.io.atomic import write_atomic
from adaptive.oc.calibrate_store import SCOPE, csv_bytes, made
from adaptive.oc.evidence import write_evidence
from adaptive.oc.null_space import Box, Point, is_beside_benefit
from adaptive.oc.null_space_search import Measured, Searched, Stages, is_marked_drift
from adaptive.oc.null_words import GLOBAL, against, factor_label, place_words

SUMMARY, TABLE = "nulls.json", "nulls.csv"
BIASED = (
    "The largest of many noisy estimates is too large on average: stage 1 only chooses, stage 2 estimates."
)


def pattern_words(design: Design, pattern) -> str:
    """Return which cells have no benefit, in words."""
    if (pattern == design.eligible).all():
        return GLOBAL
    arms = [b for b in range(pattern.shape[1]) if pattern[:, b].any()]
    if (pattern[:, arms] == design.eligible[:, arms]).all() and len(arms) < pattern.shape[1]:
        return f"null for {', '.join(design.arms[b + 1] for b in arms)} in every subgroup"
    rows = []
    for s, subgroup in enumerate(design.subgroups):
        null = [design.arms[b + 1] for b in range(pattern.shape[1]) if pattern[s, b]]
        if null:
            every = bool((pattern[s] == design.eligible[s]).all())
            rows.append(subgroup if every else f"{subgroup} ({', '.join(null)})")
    return "null in " + ", ".join(rows)


def rows_of(design: Design, box: Box, searched: Searched) -> list[dict[str, Any]]:
    """Return a row per point and stage, each estimate with its error; bounds in the second stage."""
    rows = [_row(design, box, 1, item) for item in searched.first]
    for item, upper in zip(searched.second, searched.uppers, strict=True):
        rows.append(_row(design, box, 2, item) | {"simultaneous_upper": upper})
    return rows


def _row(design: Design, box: Box, stage: int, item: Measured) -> dict[str, Any]:
    estimate = item.estimate
    factors = _values(box, item.point)
    return {
        "stage": stage,
        "point": item.point.number,
        "nulls": pattern_words(design, box.patterns[item.point.pattern]),
        "marked_drift": is_marked_drift(box, item.point),
        "beside_benefit": is_beside_benefit(box, item.point.pattern),
        **factors,
        "false_claims": item.count,
        "n": item.n,
        "estimate": estimate.estimate,
        "mcse": estimate.mcse,
        "lower": estimate.lower,
        "upper": estimate.upper,
    }


def _values(box: Box, point: Point) -> dict[str, float]:
    """Return the value of each factor by its column."""
    return {factor_label(vars(f)): value for f, value in zip(box.factors, point.values, strict=True)}


def write_nulls(
    folder: Path | str,
    design: Design,
    box: Box,
    stages: Stages,
    searched: Searched,
    target: float,
    settings: dict[str, Any],
    command: str = "",
) -> Path:
    """Write ``nulls.csv`` and ``nulls.json`` with a hash of itself; returns the folder.

    ``settings`` is the configuration that was searched and ``command`` the command line, for the record.
    """
    folder = made(folder)
    rows = rows_of(design, box, searched)
    worst = next(row for row in rows if row["stage"] == 2)
    content = {
        "scope": SCOPE,
        "warning": BIASED,
        "error": stages.error,
        "target": target,
        "factors": [vars(factor) for factor in box.factors],
        "patterns": [pattern_words(design, pattern) for pattern in box.patterns],
        "drift_months": box.drift_months,
        "stage_1": {
            "points": len(searched.first),
            "at_edge": searched.n_edge,
            "trials": stages.n_first,
            "seed": stages.seed,
        },
        "stage_2": {"points": len(searched.second), "trials": stages.n_second, "seed": stages.second_seed},
        "excess_of_stage_1": searched.bias,
        "worst": worst,
        "simultaneous_upper_bound": max(searched.uppers),
        "simultaneous_confidence": 1 - stages.gamma,
        "verdict": verdict(searched, target),
        "rows": rows,
        "settings": settings,
        "command": command,
    }
    write_atomic(folder / TABLE, lambda file: file.write(csv_bytes(rows)))
    write_evidence(folder / SUMMARY, content)
    return folder


def verdict(searched: Searched, target: float) -> str:
    """Return what the second stage says of the target."""
    if max(searched.uppers) <= target:
        return "the simultaneous upper bound does not exceed the target at the worst points found"
    if max(item.estimate.lower for item in searched.second) > target:
        return "the error exceeds the target at the worst point; calibrate with this point among the nulls"
    return "the bound exceeds the target: more trials of stage 2, or stricter thresholds, would decide"


def told(design: Design, box: Box, stages: Stages, searched: Searched, target: float) -> list[str]:
    """Return the lines for the screen."""
    top = max(searched.first, key=lambda item: item.count)
    lines = [
        f"{len(searched.first)} points x {stages.n_first:,} trials: largest error {_shown(top.estimate)}, at "
        f"point {top.point.number}",
        BIASED,
        "",
        f"the {len(searched.second)} worst points again, {stages.n_second:,} independent trials each "
        f"(stage 1 gave them an error {against(searched.bias)} on average)",
        f"  {'point':>5}  {'stage 1':>8}  {'stage 2':>8}  {'MCSE':>7}  {'simult. upper':>13}  where",
    ]
    before = {item.point.number: item.estimate.estimate for item in searched.first}
    declared = {"factors": [vars(factor) for factor in box.factors], "drift_months": box.drift_months}
    for item, upper in zip(searched.second, searched.uppers, strict=True):
        nulls = pattern_words(design, box.patterns[item.point.pattern])
        where = place_words(declared, {"nulls": nulls, **_values(box, item.point)})
        lines.append(
            f"  {item.point.number:>5}  {before[item.point.number]:>8.5f}  {item.estimate.estimate:>8.5f}  "
            f"{item.estimate.mcse:>7.5f}  {upper:>13.5f}  {'; '.join(where)}"
        )
    level = f"{100 * (1 - stages.gamma):g}%"
    return [
        *lines,
        "",
        f"largest error {_shown(searched.second[0].estimate)}, simultaneous {level} upper bound "
        f"{max(searched.uppers):.5f} over these points; {SCOPE}",
        f"target {target:g}: {verdict(searched, target)}",
    ]


def _shown(estimate: mc.Estimate) -> str:
    return f"{estimate.estimate:.5f} (MCSE {estimate.mcse:.5f})"
