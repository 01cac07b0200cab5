"""Searches of the null space in the report: which belong to the results, and what is shown of them."""

import copy
import json
import re

import numpy as np
import pandas as pd
import pytest

from adaptive.errors import BadInput
from adaptive.oc.calibrate_bounds import upper_bound
from adaptive.oc.load import load_results
from adaptive.oc.null_content import AS_DESIGNED, IGNORED, NOT_SEARCHED, classes, null_part
from adaptive.oc.null_space import Box, Factor, is_beside_benefit, null_patterns
from adaptive.oc.null_space_search import Stages, is_marked_drift, search_nulls, worst_points
from adaptive.oc.null_space_store import SUMMARY, write_nulls
from adaptive.oc.null_words import NO_ARMS, edge_words, found_words, place_words
from adaptive.oc.source import Source
from adaptive.oc.study import run_cell
from adaptive.report.pivot import ABSENT, Table
from adaptive.report.sections_nulls import KINDS, null_section
from tests.report.sensitivity_study import CONFIG, EFFECTS, write_study
from tests.results_toys import fake_simulate
from tests.toy import toy_design, toy_scenario
from tests.unit.test_null_space import simulator

FACTORS = (
    Factor("accrual", "all", 0.5, 2.0),
    Factor("drift", "all", 0.5, 2.0),
    Factor("effect", "all", 0.4, 0.8),
)
STAGES = Stages("any_false_claim", 8, 400, 2000, 3, 0.05, 1, 2)
RULES = {"win": {"kind": "efficacy", "binding": True}, "stop": {"kind": "futility", "binding": True}}
SETTINGS = CONFIG | {"looks": {}, "rules": RULES, "allocation": {}, "model": {}, "posterior": {}}
SETTINGS |= {"partial": ["subgroups", "arms"]}


def searched(design):
    box = Box(FACTORS, null_patterns(design, ["subgroups", "arms"]), 24.0)
    # Only partial nulls err, so that the second stage would not visit the global null by itself.
    error = simulator(lambda rate: 0.01 * rate)
    return box, search_nulls(design, toy_scenario(), box, STAGES, simulate=error)


@pytest.fixture(scope="module")
def found():
    design = toy_design()
    return design, *searched(design)


@pytest.fixture
def study(tmp_path, found):
    """Return a study with a search of its design as it is."""
    folder = write_study(tmp_path, resolved_config=SETTINGS)
    put(folder, "toy", found, SETTINGS)
    return folder


def put(folder, name, found, settings):
    design, box, search = found
    write_nulls(folder / "nulls" / name, design, box, STAGES, search, 0.025, settings, "adaptive nulls")


def add_design(study, name):
    config = SETTINGS | {"design": SETTINGS["design"] | {"name": name}}
    run_cell(
        toy_design(name=name),
        toy_scenario(EFFECTS["toy"]),
        study=study.name,
        seed=config["seed"],
        n_trials=config["n_trials"],
        chunk_size=50,
        path=study.parent,
        resolved_config=config,
        progress=False,
        simulate=fake_simulate,
    )


def part_of(study, **changes):
    return null_part(Source(load_results([study]), study, **changes), {})


def test_the_second_stage_visits_every_kind_that_is_reported_by_itself(found):
    _, box, search = found
    points = [item.point for item in search.second]
    assert any(point.pattern == 0 for point in points)
    assert any(is_marked_drift(box, point) for point in points)
    assert any(is_beside_benefit(box, point.pattern) for point in points)
    alone = worst_points(box, [item for item in search.first if 0 < item.point.pattern < 3], 1)
    assert len(alone) == 2, "the largest, and the largest with a drift, unless that is the same"


def test_a_drift_is_marked_in_the_outer_quarters_of_its_interval(found):
    _, box, search = found
    for item in search.first:
        drift = item.point.values[1]
        assert is_marked_drift(box, item.point) == (drift <= 0.5 * 4**0.25 or drift >= 0.5 * 4**0.75)


def test_a_search_of_a_design_of_the_study_is_shown(study, found):
    part = part_of(study)
    (search,) = part["searches"]
    assert (search["design"], search["variant"]) == ("toy", AS_DESIGNED)
    frame = part["tables"]["null_space"]
    assert len(frame) == len(found[2].first) + len(found[2].second)
    content = {"null_space": part, "tables": part["tables"]}
    shown = null_section(content)
    assert set(shown.covers) == {"H1", "I1"}
    drawings = [block for block in shown.blocks if hasattr(block, "svg")]
    assert len(drawings) == 2 and all(block.svg.startswith("<svg") for block in drawings)
    assert not any("futility" in block.question or ">target" in block.svg for block in drawings)
    assert "Errors are estimated over the declared set" in shown.lead[0]


def test_every_kind_shows_the_largest_of_the_second_stage_with_its_bound(study):
    content = json.loads((study / "nulls" / "toy" / SUMMARY).read_text())
    second = [row for row in content["rows"] if row["stage"] == 2]
    rows = {row["kind"]: row for row in classes(content)}
    assert rows["largest of all"]["estimate"] == max(row["estimate"] for row in second)
    null = max((row for row in second if row["nulls"] == "all null"), key=lambda row: row["false_claims"])
    assert rows["global null"]["estimate"] == null["false_claims"] / 2000
    assert rows["global null"]["upper"] == pytest.approx(
        upper_bound(null["false_claims"], 2000, 0.05 / len(second))
    )
    # Stage 1 must not be shown as an estimate: it is too large where it is largest.
    content["rows"] += [second[0] | {"stage": 1, "estimate": 0.99}]
    assert classes(content)[0]["estimate"] < 0.99


def test_a_search_with_futility_ignored_is_told_apart(study, found):
    ignored = copy.deepcopy(SETTINGS)
    ignored["rules"]["stop"]["binding"] = False
    put(study, "ignored", found, ignored)
    part = part_of(study)
    assert [search["variant"] for search in part["searches"]] == [AS_DESIGNED, IGNORED]
    shown = null_section({"null_space": part, "tables": part["tables"]})
    questions = [block.question for block in shown.blocks if hasattr(block, "svg")]
    assert len(set(questions)) == 4 and sum(f"toy ({IGNORED})" in text for text in questions) == 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"design": {"name": "gone"}}, "design gone is not among these results"),
        ({"rules": RULES | {"win": {"kind": "efficacy", "binding": False}}}, "design toy had other settings"),
        ({"scenario": {"name": "toy", "accrual": 9}}, "started from a scenario toy"),
    ],
)
def test_a_search_of_something_else_is_not_shown(study, found, change, reason):
    put(study, "toy", found, SETTINGS | change)
    part = part_of(study)
    assert part["searches"] == [] and reason in part["messages"][0] and part["lead"][0] == NOT_SEARCHED


def test_an_altered_search_is_refused(study):
    file = study / "nulls" / "toy" / SUMMARY
    file.write_text(file.read_text().replace('"target": 0.025', '"target": 0.05'))
    with pytest.raises(BadInput, match="altered after it was written"):
        part_of(study)
    assert "altered" in part_of(study, draft=True)["messages"][0]


def test_a_search_says_how_many_sets_of_parameters_its_points_rest_on(study, found):
    part = part_of(study)
    (search,) = part["searches"]
    first, second = found[2].first, found[2].second
    sets = {item.point.values for item in second}
    most = max(sum(item.point.values == one for item in second) for one in sets)
    assert len(sets) < len(second), "patterns share sets: the case that the figure must tell"
    assert (
        f"The {len(first)} points of stage 1 combine 5 patterns of nulls (whole subgroups and arms, no "
        "single cells) with 11 sets of 3 nuisance parameters, 2 of them at the edge to which the error of "
        f"the others rises; the {len(second)} points of stage 2 rest on {len(sets)} of these sets, with up "
        f"to {most} points on one."
    ) in search["spread"]
    assert search["spread"] in search["found"]
    frame = part["tables"]["null_space"]
    assert frame.groupby("set").accrual.nunique().max() == 1 and frame.set.nunique() == 11
    for number, own in frame[frame.stage == 1].groupby("set"):
        rates = [item.count / item.n for item in first if item.point.values[0] == own.accrual.iloc[0]]
        assert np.allclose(own.mean_of_set, np.mean(rates)), number
    shown = null_section({"null_space": part, "tables": part["tables"]})
    drawings = [block for block in shown.blocks if hasattr(block, "svg")]
    assert all(search["spread"] in drawing.caption for drawing in drawings)


def test_a_worst_point_near_the_edge_is_told_with_what_it_means():
    factors = [vars(factor) for factor in FACTORS]
    search = {"factors": factors, "drift_months": 24.0}
    # The outer tenth of 0.5 to 2, on the log scale, ends at 0.5 * 4 ** 0.1 = 0.574.
    inner = {"nulls": "null in red", "accrual": 0.58, "drift": 1.0, "effect": 0.5}
    assert edge_words(search, inner) == ""
    (edge,) = [edge_words(search, inner | {"accrual": 0.57})]
    assert edge == (
        "This point lies near the edge of the box: accrual rate \N{MULTIPLICATION SIGN}0.57 (box 0.5 to 2). "
        "A larger error within the box is possible."
    )
    corner = edge_words(search, inner | {"accrual": 1.9, "effect": 0.41})
    assert "near a corner of the box: accrual rate" in corner
    assert (
        corner.count("(box ") == 2 and "hazard ratio where there is benefit 0.41 (box 0.4 to 0.8)" in corner
    )
    assert edge_words(search, inner | {"nulls": "all null", "effect": 0.41}) == "", "there is no benefit"


def test_places_are_in_plain_words_and_without_a_benefit_none_has_a_size():
    factors = [vars(Factor("channel", "dropout", 0.5, 3.0)), *(vars(factor) for factor in FACTORS[1:])]
    search = {"factors": factors, "drift_months": 24.0}
    row = {"nulls": "null in red", "channel:dropout": 1.5, "drift": 1.25, "effect": 0.5}
    assert place_words(search, row) == [
        "null in red",
        "hazard of dropout \N{MULTIPLICATION SIGN}1.50",
        "hazard of the endpoint \N{MULTIPLICATION SIGN}1.25 for entries from month 24",
        "hazard ratio where there is benefit 0.50",
    ]
    assert len(place_words(search, row | {"nulls": "all null"})) == 3


def test_the_section_prints_words_a_point_once_and_what_a_marked_drift_is(study):
    part = part_of(study)
    shown = null_section({"null_space": part, "tables": part["tables"]})
    declared, largest, points = (block for block in shown.blocks if isinstance(block, Table))
    texts = [[cell.text for cell in line] for line in declared.rows]
    assert any("which subgroups or arms have no benefit" in line for line in texts)
    assert "by 0.71 or less, or by 1.41 or more, for entries from month 24" in largest.caption
    places = [line[3].text for line in largest.rows]
    assert len(set(places)) == len(places) and largest.rows[0][2].text.startswith("Largest of all; ")
    kinds = "; ".join(line[2].text for line in largest.rows)
    assert all(kinds.count(kind) == 1 for kind in KINDS.values())
    assert "accrual rate" in points.head and "accrual" not in points.head
    place = points.head.index("hazard ratio where there is benefit")
    for line in points.rows:
        assert (line[place].text == ABSENT) == (line[points.head.index("No benefit")].text == "all null")
    assert "off there" not in " ".join(shown.lead) and "than stage 2 on average" in " ".join(shown.lead)


def test_a_search_says_for_which_designs_there_is_none_and_what_was_not_tried(study, found):
    add_design(study, "other")
    part = part_of(study)
    assert part["unsearched"] == ["other"]
    assert part["lead"] == [
        "toy: searched with futility as designed only.",
        "other: not searched; nothing is said of the error there.",
    ]
    ignored = copy.deepcopy(SETTINGS)
    ignored["rules"]["stop"]["binding"] = False
    put(study, "ignored", found, ignored)
    assert part_of(study)["lead"] == ["other: not searched; nothing is said of the error there."]
    (study / "nulls" / "toy" / SUMMARY).unlink()
    assert set(part_of(study)["unsearched"]) == {"toy", "other"}, "with futility ignored it is another trial"


def test_without_patterns_of_arms_the_gap_is_told(study):
    file = study / "nulls" / "toy" / SUMMARY
    content = json.loads(file.read_text())
    assert NO_ARMS not in part_of(study)["searches"][0]["found"]
    kept = [row | {"beside_benefit": False} for row in content["rows"]]
    stripped = content | {"rows": kept, "variant": AS_DESIGNED}
    assert NO_ARMS in found_words(stripped | {"arms": 2}, "toy", "0.1")
    assert NO_ARMS not in found_words(stripped | {"arms": 1}, "toy", "0.1")


def test_without_a_search_the_report_says_so(tmp_path):
    part = part_of(write_study(tmp_path))
    shown = null_section({"null_space": part, "tables": {}})
    assert shown.lead == [NOT_SEARCHED] and shown.covers == ()


def test_figures_of_several_searches_have_one_scale(study):
    """A search with half the errors of another is drawn on the same axis, not on one that hides it."""
    part = part_of(study)
    (search,), frame = part["searches"], part["tables"]["null_space"]
    halves = frame.assign(
        design="other", estimate=frame.estimate / 2, simultaneous_upper=frame.simultaneous_upper / 2
    )
    both = pd.concat([frame, halves], ignore_index=True)
    part = part | {"searches": [search, search | {"design": "other"}]}
    shown = null_section({"null_space": part, "tables": {"null_space": both}})
    drawn = [
        re.findall(r"<text[^>]*>(0\.\d+)</text>", block.svg)
        for block in shown.blocks
        if hasattr(block, "svg")
    ]
    assert len(drawn) == 4 and drawn[0] == drawn[2] and drawn[1] == drawn[3] and drawn[0]


def test_points_of_the_table_are_those_of_the_search(study, found):
    frame = part_of(study)["tables"]["null_space"]
    first = frame[frame.stage == 1]
    assert np.array_equal(first.false_claims, [item.count for item in found[2].first])
    assert first.simultaneous_upper.isna().all()
