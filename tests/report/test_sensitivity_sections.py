"""What the report shows of a sensitivity analysis: its numbers, its bases, what was not varied."""

import re

import pandas as pd
import pytest
from matplotlib.figure import Figure as Canvas

from adaptive.oc.load import load_results
from adaptive.oc.report_content import label_content
from adaptive.oc.sensitivity import Factor, Level, under
from adaptive.oc.sensitivity_content import sensitivity_part
from adaptive.oc.sensitivity_effects import DIFFERENCE, ESTIMATE
from adaptive.oc.source import Source
from adaptive.report.figures_sensitivity import MOST, Bar, _draw_bars, tornado, tornado_rows
from adaptive.report.paper import figure_width
from adaptive.report.sections_sensitivity import _curve_table, curve_section, sensitivity_section
from tests.report.sensitivity_study import write_sensitivity, write_study


def content_of(study):
    part = sensitivity_part(Source(load_results([study]), study), {})
    meta = {"designs": ["toy"], "scenarios": ["toy"], "subgroups": ["red", "blue"]}
    meta["arms"] = ["control", "low", "high"]
    return {"meta": meta, "labels": label_content(), "tables": part.pop("tables"), "sensitivity": part}


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    return content_of(write_sensitivity(tmp_path_factory.mktemp("made")))


@pytest.fixture(scope="module")
def table(content):
    return content["tables"]["sensitivity"]


def printed(section):
    return {block.name: block for block in section.blocks if hasattr(block, "rows")}


def texts(table):
    return [[item.text for item in row] for row in table.rows]


def test_the_tornado_draws_the_numbers_of_the_table(content, table):
    factors = content["sensitivity"]["factors"]
    bars = [bar for bar in tornado_rows(table, factors, "fwer", "toy") if bar.design]
    assert len(bars) == 4, "levels but bases and those of a factor with an axis"
    rows = table[(table.metric == "fwer") & (table.level == DIFFERENCE) & (table.factor != "effect")]
    drawn = sorted((bar.estimate, bar.lower, bar.upper, bar.text) for bar in bars)
    assert drawn == sorted(zip(rows.estimate, rows.lower, rows.upper, rows.text, strict=True))
    largest = [abs(bar.estimate) for bar in bars if bar.label == "other"]
    assert largest == [max(abs(bar.estimate) for bar in bars if bar.label in ("other", "the same"))]


def test_sections_print_every_level_and_what_was_not_varied(content, table):
    found, curves = sensitivity_section(content), curve_section(content)
    claims = printed(found)["sensitivity_claims"]
    assert len(claims.rows) == 3 + 2 + 2 + 2
    other = next(row for row in texts(claims) if "other" in row[1])
    number = table[(table.setting == "other") & (table.metric == "fwer")].set_index("level").text
    assert (number[ESTIMATE], number[DIFFERENCE]) == tuple(other[claims.head.index("Any false claim") :][:2])
    assert any("Fraud: patients have no site." in getattr(block, "items", []) for block in found.blocks)
    assert found.covers and curves.covers == ("I2",) and curves.blocks[0].svg.startswith("<svg")


def test_without_an_analysis_the_report_says_so(tmp_path):
    study = write_study(tmp_path)
    part = sensitivity_part(Source(load_results([study]), study), {})
    shown = sensitivity_section({"sensitivity": part, "tables": {}})
    assert "adaptive sensitivity" in shown.lead[0] and shown.covers == ()


def test_errors_with_a_rule_not_followed_are_printed_and_answer_the_checklist(content):
    found, binding = sensitivity_section(content), content["tables"]["binding"]
    assert "H1" in found.covers
    for name, metrics in (("error", ("fwer", "type_i_error")), ("power", ("disjunctive_power", "power"))):
        shown = printed(found)[f"binding_{name}"]
        assert "rule for futility followed, as designed, and never followed" in shown.caption
        for metric in metrics:
            rows = binding[binding.metric == metric]
            for _, own in rows.groupby(["subgroup", "arm"]):
                wanted = [own.set_index("level").text[level] for level in ("followed", "ignored", "change")]
                assert wanted in [row[-3:] for row in texts(shown)], (metric, wanted)
    others = binding.iloc[:0]
    without = sensitivity_section(content | {"tables": content["tables"] | {"binding": others}})
    assert "H1" not in without.covers and "binding_error" not in printed(without)


def test_a_curve_has_the_number_of_trials_of_its_own_row():
    """Rows come as simulated and stand by value and design of the report; designs differ in trials."""
    levels = [{"name": "a", "label": "a", "value": 2.0}, {"name": "b", "label": "b", "value": 1.0}]
    factor = {"name": "effect", "axis": "hazard ratio", "levels": levels}
    rows = [
        {"setting": setting, "design": design, "subgroup": place, "n": n, "text": f"{setting} {design} {n}"}
        for setting, design, n in (("a", "z", 7), ("a", "y", 5), ("b", "y", 3), ("b", "z", 9))
        for place in ("all", "red")
    ]
    frame = pd.DataFrame(rows).assign(factor="effect", metric="claim", level="estimate")
    shown = texts(_curve_table(frame, factor, {"subgroups": ["red"], "designs": ["y", "z"]}))
    assert [row[2] for row in shown] == ["b y 3", "b z 9", "a y 5", "a z 7"]
    for row in shown:
        assert row[2] == row[3] and row[2].endswith(f" {row[4]}"), row


def test_a_base_that_is_not_the_study_s_own_is_named_wherever_the_factor_is(content, table):
    factors = content["sensitivity"]["factors"]
    assert {f["name"]: f["under"] for f in factors if f["under"]} == {"drift": "drift=1"}
    labels = [bar.label for bar in tornado_rows(table, factors, "fwer", "toy")]
    assert labels[labels.index("Drift (base: plain,") + 1] == "all with drift=1)"
    assert "Prior (base: normal)" in labels
    drawn = tornado(table, factors, "fwer", "toy", "any false claim", (-1, 1))
    assert "The base of Drift is toy with drift=1." in drawn.caption
    assert "Drift, all with drift=1" in [
        r[0] for r in texts(printed(sensitivity_section(content))["sensitivity_claims"])
    ]


def test_the_numbers_under_a_tornado_stand_apart():
    bars = [Bar("Prior"), Bar("other", "toy", 0.01, 0.0, 0.02, "0.01 (0.01)")]
    axis = Canvas().subplots()
    _draw_bars(axis, bars, (-0.0312, 0.0231))
    assert len(axis.get_xticks()) <= 6 and axis.get_xticklabels()[0].get_size() < 8


def test_what_all_levels_share_has_the_words_of_a_level_that_changes_the_same():
    def factor(name, *levels, overrides=()):
        return Factor(name, name.title(), "?", "base", ("d",), ("s",), levels, overrides)

    trend = factor("trend", Level("base", "none"), Level("down", "falling", ("drift=1", "+knots=2")))
    model = factor(
        "model", Level("base", "none"), overrides=("keep_looks=true", "+knots=2", "drift=1", "x=3")
    )
    assert under(model, (trend, model)) == "trend: falling; x=3"
    assert under(model, (model,)) == "+knots=2; drift=1; x=3"
    assert under(trend, (trend, model)) == ""


def test_a_tornado_says_how_many_factors_were_varied_in_its_scenario(content, table):
    factors = content["sensitivity"]["factors"]
    every = tornado(table, factors, "fwer", "toy", "any false claim", (-1, 1))
    assert every.question == "Which assumptions move the probability of any false claim in toy?"
    assert "All 3 factors were varied in toy." in every.caption
    fewer = [f | {"scenarios": ["other"]} if f["name"] == "prior" else f for f in factors]
    some = tornado(table[table.factor != "prior"], fewer, "fwer", "toy", "any false claim", (-1, 1))
    assert "2 assumptions varied there, of 3 in these figures," in some.question
    assert "2 of 3 factors were varied in toy; not varied there" in some.caption
    assert "known of them: Prior." in some.caption


def test_figures_and_lead_agree_on_the_number_of_factors(content, table):
    """Four factors were varied; the one with an axis is drawn elsewhere, and the difference is explained."""
    part = content["sensitivity"]
    drawn = tornado(table, part["factors"], "fwer", "toy", "any false claim", (-1, 1))
    assert part["lead"][0].startswith("4 assumptions or settings") and "All 3 factors" in drawn.caption
    assert "Not counted, since drawn as curves: Effect." in drawn.caption
    assert any("not counted in the figures here: Effect." in text for text in part["lead"])
    others = [factor for factor in part["factors"] if not factor["axis"]]
    without = tornado(table, others, "fwer", "toy", "any false claim", (-1, 1))
    assert "Not counted" not in without.caption


def test_a_tornado_of_many_factors_shows_those_that_move_most_on_a_page(table):
    """28 factors of two levels need 84 rows; 16 fill the page, and the largest change of the rest is told."""
    names = [f"factor {i}" for i in range(28)]
    levels = [{"name": n, "label": n, "value": None} for n in ("base", "low", "high")]
    factors = [
        {
            "name": n,
            "title": n,
            "axis": None,
            "base": "base",
            "under": "",
            "levels": levels,
            "scenarios": ["toy"],
        }
        for n in names
    ]
    pattern = table[(table.metric == "fwer") & (table.level == DIFFERENCE)].iloc[:1]
    rows = [
        pattern.assign(factor=name, setting=level, scenario="toy", estimate=sign * (30 - i) / 100)
        for i, name in enumerate(names)
        for level, sign in (("low", -1), ("high", 0.5))
    ]
    frame = pd.concat(rows, ignore_index=True)
    bars = tornado_rows(frame, factors, "fwer", "toy")
    drawn = tornado(frame, factors, "fwer", "toy", "any false claim", (-1, 1))
    assert len(bars) == 84 and MOST == 50
    assert "Not drawn: 12 factors whose levels change it by at most 0.14;" in drawn.caption
    assert "factor 15 (base" in drawn.svg and "factor 16 (base" not in drawn.svg
    assert figure_width(drawn.svg) == 100.0, "type is not made smaller to fit the page"
    left = re.findall(r"<text[^>]* x=\"([\d.]+)\"[^>]*>factor \d+ \(base", drawn.svg)
    assert len(left) == 16 and len(set(left)) == 1, "titles begin at the left edge, however long they are"
    few = tornado(frame[frame.factor == names[0]], factors[:1], "fwer", "toy", "any false claim", (-1, 1))
    assert "Not drawn" not in few.caption
