"""The section on the searched space of nulls. Computes nothing."""

import pandas as pd

from adaptive.report.figures_nulls import factor_figure, largest_shown, pattern_figure
from adaptive.report.pivot import Table, plain
from adaptive.report.section import Section, section

KINDS = {
    "largest of all": "Largest of all",
    "global null": "No benefit anywhere",
    "partial null": "Benefit somewhere",
    "arm beside a benefit": "No benefit of an arm beside one that has it in the same subgroup",
    "marked drift": "Marked drift of hazards",
}
INTRODUCTION = (
    "A type I error depends on what is not known: which subgroups and arms have no benefit, hazards, "
    "accrual, drift. The space below was declared and searched in two stages. Stage 1 simulates few trials "
    "at many points and only chooses, because the largest of many noisy estimates is too large; stage 2 "
    "simulates the chosen points again with independent seeds. Errors are estimated over the declared set: "
    "nothing is said of points that were not simulated."
)


def null_section(content: dict) -> Section | None:
    """Return the section, which says so where nothing was searched; ``None`` without that part."""
    part = content.get("null_space")
    if part is None:
        return None
    searches = part["searches"]
    if not searches:
        return section("null-space", "Type I error over a space of nulls", part["lead"], short="Null space")
    frame = content["tables"]["null_space"]
    drawings, top = [], largest_shown(frame)
    for search in searches:
        own = frame[(frame.design == search["design"]) & (frame.variant == search["variant"])]
        drawings += [pattern_figure(own, search, top), factor_figure(own, search, top)]
    return section(
        "null-space",
        "Type I error over a space of nulls",
        [INTRODUCTION, *(search["found"] for search in searches), *part["lead"]],
        _declared(searches),
        _largest(searches),
        *drawings,
        _points(frame, searches),
        short="Null space",
        covers=("H1", "I1") if any(drawing.svg for drawing in drawings) else ("H1",),
    )


def _declared(searches: list[dict]) -> Table | None:
    """Return the declared set: what varies, within which bounds."""
    rows = []
    for search in searches:
        place = {"design": search["design"], "variant": search["variant"]}
        for factor in search["factors"]:
            name = factor["words"]
            if factor["kind"] == "drift":
                name += f", complete at month {search['drift_months']:g}"
            span = f"{factor['low']:g} to {factor['high']:g}"
            rows.append(place | {"what": name, "range": span})
        patterns = f"patterns: {len(search['patterns'])}, each with every point of the box"
        rows.append(place | {"what": search["varied"], "range": patterns})
        stages = (
            f"{search['stage_1']['points']} points x {search['stage_1']['trials']:,} trials, seed "
            f"{search['stage_1']['seed']}; then {search['stage_2']['points']} points x "
            f"{search['stage_2']['trials']:,}, seed {search['stage_2']['seed']}"
        )
        rows.append(place | {"what": "simulated", "range": stages})
    return plain(
        pd.DataFrame(rows),
        name="nulls_declared",
        caption="The declared space of nulls. Ranges multiply the value in the scenario of the search, "
        "except hazard ratios.",
        stub=3,
        titles={"design": "Design", "variant": "Futility", "what": "What varies", "range": "Range"},
        made_by="nulls",
    )


def _largest(searches: list[dict]) -> Table | None:
    """Return a row per point that is the largest of some kind, with all these kinds."""
    rows: dict[tuple[str, str, int], dict] = {}
    for search in searches:
        for item in search["classes"]:
            kind, key = KINDS[item["kind"]], (search["design"], search["variant"], item["point"])
            if key in rows:
                rows[key]["kind"] += f"; {kind}"
                continue
            numbers = {"text": item["text"], "upper": f"{item['upper']:.4f}", "n": item["n"]}
            rows[key] = {"design": key[0], "variant": key[1], "kind": kind, "place": item["place"]} | numbers
    marked = " ".join(dict.fromkeys(search["marked"] for search in searches if search["marked"]))
    return plain(
        pd.DataFrame(list(rows.values())),
        name="nulls_largest",
        caption="Largest error of stage 2 over all its points and over those of each kind, with its Monte "
        f"Carlo error, the simultaneous upper bound, and where it is. {marked}".rstrip(),
        stub=4,
        numeric=True,
        titles={
            "design": "Design",
            "variant": "Futility",
            "kind": "Points",
            "text": "Error (MCSE)",
            "upper": "Upper bound",
            "n": "n",
            "place": "Where",
        },
        made_by="nulls",
    )


def _points(frame: pd.DataFrame, searches: list[dict]) -> Table | None:
    """Return every point of both stages."""
    titles = {factor["label"]: factor["words"] for search in searches for factor in search["factors"]}
    factors = [label for label in titles if label in frame]
    columns = ["design", "variant", "stage", "point", "set", "nulls", *factors, "text"]
    columns += ["simultaneous_upper", "n"]
    shown = frame.assign(**{name: frame[name].map("{:.2f}".format, na_action="ignore") for name in factors})
    shown = shown.sort_values(
        ["design", "variant", "stage", "estimate"], ascending=[True, True, False, False]
    )
    return plain(
        shown[columns],
        name="null_space",
        caption="Every simulated point, stage 2 first, the largest error first. Points with one number under "
        "Set have the same nuisance parameters.",
        stub=3,
        numeric=True,
        collapse=True,
        titles=titles
        | {
            "design": "Design",
            "variant": "Futility",
            "stage": "Stage",
            "set": "Set",
            "point": "Point",
            "nulls": "No benefit",
            "text": "Error (MCSE)",
            "simultaneous_upper": "Simultaneous upper bound",
            "n": "n",
        },
        made_by="nulls",
    )
