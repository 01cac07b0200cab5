"""The horizon of true values, where it is told and what it adds to a bias; power and paths told in full."""

import dataclasses

import numpy as np
import pytest
from scipy.optimize import brentq

from adaptive.config.build import build_scenario
from adaptive.config.compose import compose_one
from adaptive.design.protocol import ArmCalendar
from adaptive.errors import BadInput
from adaptive.oc.benefit import ideal_outcomes
from adaptive.oc.horizon import horizon_part
from adaptive.oc.load import load_results
from adaptive.oc.outcomes import Key
from adaptive.oc.report_text import headline
from adaptive.oc.source import Makers, Source
from adaptive.oc.specification_rules import transition_table
from adaptive.oc.tables import build_tables
from adaptive.report.chapter_limitations import limitations_chapter
from adaptive.report.chapter_questions import value_section
from adaptive.report.sections_definitions import definition_section
from adaptive.report.sections_dossier import estimand_section
from adaptive.report.sections_estimation import estimation_section
from adaptive.scenario.estimand import true_log_hr
from tests.report.synthetic import ARMS, SUBGROUPS, fake_arrays, write_result
from tests.toy import toy_design

ENDPOINT = ("new_brain_metastasis",)
STORED, LONGEST = 12.0, 72.0
SHIFT = 0.1


def of_scenario(root, name):
    """Return a result of a scenario of the worked example, with the truth that it would store."""
    config = compose_one("config", ["design=srs_rar", f"scenario={name}"])
    built = build_scenario(config)
    log_hr = true_log_hr(built, ENDPOINT, STORED)
    places = {"subgroups": built.subgroups, "arms": built.arms}
    arrays = fake_arrays(400, log_hr=log_hr, shift=SHIFT)
    path = write_result(root, "fixed", name, arrays, log_hr=log_hr, config=config, **places)
    result = load_results([path])[0]
    content = result.truth.content | {"endpoint": list(ENDPOINT), "horizon_months": STORED}
    return dataclasses.replace(result, truth=dataclasses.replace(result.truth, content=content))


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    root = tmp_path_factory.mktemp("study")
    return [of_scenario(root, name) for name in ("srs_both", "srs_delayed")]


@pytest.fixture(scope="module")
def tables(results):
    return build_tables(results)


@pytest.fixture(scope="module")
def part(results, tables):
    return horizon_part(Source(results, makers=Makers(scenario=build_scenario)), tables)


def limit(months, hazard=0.119, others=0.099 + 0.00878, hr=0.55, onset=3.0):
    """Return the limit of the Cox estimate in TNBC from sums over small steps; dropout 10% a year."""
    u = np.arange(0, months, 0.005) + 0.0025
    treated = hazard * np.where(u > onset, hr, 1.0)
    at_risk = [np.exp(-np.cumsum((h + others) * 0.005)) for h in (np.full(u.size, hazard), treated)]

    def score(beta):
        pooled = at_risk[0] + np.exp(beta) * at_risk[1]
        return (at_risk[0] * at_risk[1] * (treated - np.exp(beta) * hazard) / pooled).sum()

    return brentq(score, -3, 3)


def test_the_part_of_the_horizon_is_the_difference_of_two_limits(part, tables):
    frame = part["tables"]["horizon"]
    assert set(frame.scenario) == {"srs_delayed"} and len(frame) == 8
    cell = frame[(frame.subgroup == "TNBC") & (frame.arm == "high dose")].iloc[0]
    assert (cell.horizon, cell.longest) == (STORED, LONGEST)
    assert cell.log_hr == pytest.approx(limit(STORED), abs=1e-3)
    assert cell.log_hr_longest == pytest.approx(limit(LONGEST), abs=1e-3)
    assert abs(cell["shift"]) > 0.005 and cell["shift"] == pytest.approx(cell.log_hr_longest - cell.log_hr)
    bias = tables["estimation"].query("metric == 'bias' and level == 'overall' and scenario == 'srs_delayed'")
    own = bias[(bias.subgroup == "TNBC") & (bias.arm == "high dose")].estimate.iloc[0]
    assert cell.bias == own and own == pytest.approx(SHIFT, abs=4 * 0.2 / np.sqrt(400))
    assert cell.bias_longest == pytest.approx(own + cell.log_hr - cell.log_hr_longest)


def test_sentences_say_where_the_hazard_ratio_depends_on_follow_up(part, results, tables):
    assert "12 months" in part["lead"][0] and "In srs_delayed the hazard ratio" in part["bias"][0]
    assert "at earlier looks it can have the other sign and be larger" in part["bias"][0]
    early, late = (limit(months) - limit(STORED) for months in (STORED / 2, LONGEST))
    assert early > 0 > late and early > -late, "the sentence is true of the scenario"
    makers = Makers(scenario=build_scenario)
    proportional = horizon_part(Source(results[:1], makers=makers), tables)
    assert "In no scenario" in proportional["bias"][0] and not proportional["tables"]

    def broken(config):
        raise BadInput("it builds no scenario")

    assert not horizon_part(Source(results, makers=Makers(scenario=broken)), tables)["tables"]
    assert "was not computed" in horizon_part(Source(results), tables)["bias"][0]


def test_the_report_tells_the_horizon_where_it_matters(part, results, tables):
    labels = {"metrics": {}, "states": {}, "reasons": {}}
    meta = {"scenarios": ["srs_both", "srs_delayed"], "designs": ["fixed"], "benchmark": None}
    meta |= {"subgroups": list(results[0].subgroups), "arms": list(results[0].arms)}
    frames = tables | part["tables"] | {"zip": tables["claims"].iloc[:0]}
    content = {"horizon": part, "tables": frames, "labels": labels, "meta": meta}
    content["scenarios"] = tables["claims"].iloc[:1]
    for made in (value_section, definition_section):
        assert any("The horizon is 12 months" in text for text in made(content).lead), made
    values = next(b for b in estimand_section(content).blocks if b.name == "estimand_values")
    told = {row[0].text: [cell.text for cell in row[1:]] for row in values.rows}
    assert told["Hazard ratio, true value"][1] == "12 months"
    assert "at most 72 months" in told["Hazard ratio, estimate"][1]
    assert told["Cumulative incidence, estimate"][0].startswith("None")
    limits = limitations_chapter(content | {"warnings": []}).parts[1].blocks
    assert any(part["limits"][0] in block.items for block in limits)
    section = estimation_section(content)
    assert part["bias"][0] in section.lead
    assert "horizon" in {getattr(block, "name", "") for block in section.blocks}


def test_an_incidence_that_a_rule_asks_for_is_told(tmp_path):
    ask = {"quantity": "P(risk difference by month 12 < 0)", "sign": ">", "threshold": [0.9] * 4}
    rule = {"kind": "efficacy", "asks": [ask | {"min_events": 0}]}
    effect = ((-0.3, -0.3), (-0.3, -0.3))
    path = write_result(tmp_path, "fixed", "one", fake_arrays(20), log_hr=effect, rules=[rule])
    found = horizon_part(Source(load_results([path])), {})["quantities"].set_index("quantity")
    assert ask["quantity"] in found.definition["Cumulative incidence, estimate"]


def test_the_first_page_has_the_power_of_every_kind(tmp_path):
    """A design that finds something everywhere and everything hardly ever must look like that."""
    effect = ((-0.3, -0.3), (-0.3, -0.3))
    arrays = fake_arrays(400, log_hr=effect, claim=((0.9, 0.3), (0.2, 0.1)), futile=0.0)
    result = load_results([write_result(tmp_path, "fixed", "all", arrays, log_hr=effect)])
    row = headline(build_tables(result), result).iloc[0]
    claimed = arrays["status"] == 2
    for name, share in (
        ("Any true claim", claimed.any(axis=(1, 2)).mean()),
        ("Every true claim", claimed.all(axis=(1, 2)).mean()),
        ("True claim in one cell", claimed[:, 1, 1].mean()),
    ):
        shown = float(row[name].removeprefix("from ").partition("%")[0])
        assert shown == pytest.approx(100 * share, abs=0.06), name
    low, high = row["True claim in one cell"].split(" to ")
    assert f"{SUBGROUPS[1]}, {ARMS[2]}" in low and f"{SUBGROUPS[0]}, {ARMS[1]}" in high


def test_an_arm_has_a_last_look_only_where_a_calendar_gives_one():
    ends = transition_table(toy_design()).by.iloc[-1]
    assert "last look of its arm" not in ends
    stays = ArmCalendar(first=np.array([-1, 0], np.int32), last=np.array([-1, -1], np.int32))
    leaves = ArmCalendar(first=np.array([-1, -1], np.int32), last=np.array([-1, 0], np.int32))
    assert "last look of its arm" not in transition_table(toy_design(calendar=stays)).by.iloc[-1]
    assert (
        transition_table(toy_design(calendar=leaves)).by.iloc[-1].endswith("or at the last look of its arm")
    )


def test_where_arms_differ_in_one_subgroup_the_ideal_over_all_is_that_of_it(tmp_path):
    effect = ((0.0, 0.0), (-0.5, 0.0))
    arrays = fake_arrays(50, log_hr=effect, claim=0.5)
    found = ideal_outcomes(load_results([write_result(tmp_path, "fixed", "one", arrays, log_hr=effect)])[0])
    assert set(found) == {Key("ideal_percentage", SUBGROUPS[1]), Key("ideal_percentage")}
    np.testing.assert_array_equal(*found.values())


def test_limitations_say_what_searches_and_audit_leave_open():
    search = {"design": "rar", "spread": "9 sets of nuisance parameters."}
    content = {"null_space": {"lead": ["fixed: not searched."], "searches": [search, search]}, "warnings": []}
    content |= {"audit": {"lead": ["The audit covers 1 of 2 results.", "More."]}}
    told = [item for block in limitations_chapter(content).parts[1].blocks for item in block.items]
    expected = [
        "fixed: not searched.",
        f"Search of nulls, rar: {search['spread']}",
        content["audit"]["lead"][0],
    ]
    assert [item for item in told if item in expected] == expected and "More." not in told
