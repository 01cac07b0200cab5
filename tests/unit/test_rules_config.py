"""Rules and measures from YAML values: what is built, and every impossible rule with its message."""

import copy

import numpy as np
import pytest
import yaml

from adaptive.codes import CellStatus
from adaptive.config.build import build_design
from adaptive.config.build_measures import build_measure
from adaptive.config.checks import Faults
from adaptive.config.compose import compose_one
from adaptive.config.schema import SCHEMAS
from adaptive.design.rules import EfficacyRule
from adaptive.design.rules_combined import AllOfRules, AnyOfRules, InOrder
from adaptive.design.rules_measured import MeasuredRule
from adaptive.design.rules_scope import AcrossArms, AcrossSubgroups, OnlyIn
from adaptive.errors import BadInput
from tests.strategy_examples import MEASURES

PLAIN = "{kind: efficacy, margin: 1.0, threshold: 0.99}"
LATE = "[null, null, null, null, null, 0.975]"
EARLY = "[0.99, 0.99, 0.99, 0.99, 0.99, null]"


@pytest.fixture(scope="module")
def sound() -> dict:
    return compose_one("config", ["design=srs_rar", "scenario=srs_both"])


def built(sound: dict, rules: str):
    return build_design({**copy.deepcopy(sound), "rules": yaml.safe_load(rules)}).rules


def faults_of(sound: dict, rules: str, **parts) -> tuple[str, ...]:
    with pytest.raises(BadInput) as caught:
        build_design({**copy.deepcopy(sound), "rules": yaml.safe_load(rules), **parts})
    return caught.value.faults


def test_every_registered_measure_has_an_example():
    assert set(MEASURES) == set(SCHEMAS["measure"])


def test_a_hybrid_design_is_bayesian_until_its_final_log_rank_test(sound):
    rules = f"""
    efficacy: {{kind: efficacy, margin: 1.0, threshold: {EARLY}}}
    final: {{kind: efficacy, measure: {{kind: log_rank}}, threshold: {LATE}}}
    """
    early, late = built(sound, rules)
    assert isinstance(early, EfficacyRule) and isinstance(late, MeasuredRule)
    assert late.verdict == CellStatus.EFFICACY and late.side == "above"
    assert late.asks(5)[0].words == "1 - p of the one-sided log-rank test"
    assert np.isnan(late.asks(0)[0].threshold)


@pytest.mark.parametrize(
    ("kind", "measure", "side", "expected"),
    [
        ("efficacy", "{kind: non_inferiority, margin: 1.3}", None, "above"),
        ("futility", "{kind: hazard_ratio_below, margin: 0.8}", None, "below"),
        ("futility", "{kind: hazard_ratio_above, margin: 0.8}", None, "above"),
        ("harm", "{kind: hazard_ratio_above}", None, "above"),
        ("harm", "{kind: cox, ties: breslow}", None, "below"),
        ("futility", "{kind: equivalence, lower: 0.8, upper: 1.25}", "above", "above"),
        ("efficacy", "{kind: equivalence, lower: 0.8, upper: 1.25}", None, "above"),
        ("harm", "{kind: pooled_effect}", None, "below"),
        ("futility", "{kind: best}", None, "below"),
        ("efficacy", "{kind: non_inferiority_risk, margin: 0.05, months: 12}", None, "above"),
        ("harm", "{kind: log_rank, stratified: true}", "below", "below"),
    ],
)
def test_the_side_follows_from_what_the_measure_favours(sound, kind, measure, side, expected):
    given = "" if side is None else f", side: {side}"
    (rule,) = built(sound, f"one: {{kind: {kind}, measure: {measure}, threshold: 0.5{given}}}")
    assert rule.side == expected and rule.verdict.name.lower() == kind


@pytest.mark.parametrize(
    ("form", "kind"), [("all_of", AllOfRules), ("any_of", AnyOfRules), ("in_order", InOrder)]
)
def test_combinations(sound, form, kind):
    parts = "{a: {margin: 1.0, threshold: 0.99}, b: {measure: {kind: cox}, threshold: 0.95, min_events: 9}}"
    (rule,) = built(sound, f"one: {{kind: efficacy, {form}: {parts}, binding: false}}")
    assert type(rule) is kind and not rule.binding and len(rule.measures) == 2
    assert [ask.min_events for ask in rule.asks(0)] == [0.0, 9.0]


def test_scopes(sound):
    rules = """
    high: {kind: futility, margin: 0.8, threshold: 0.1, only: {arms: high dose, subgroups: [TNBC, HR+/HER2-]}}
    drop: {kind: futility, margin: 1.0, threshold: 0.1, across: {subgroups: all}}
    close: {kind: harm, margin: 1.0, threshold: 0.99, across: {arms: any}, only: {subgroups: [TNBC]}}
    """
    high, drop, close = built(sound, rules)
    assert isinstance(high, OnlyIn) and high.where == "high dose in TNBC, HR+/HER2-"
    np.testing.assert_array_equal(high.cells, [[0, 1], [0, 0], [0, 0], [0, 1]])
    assert isinstance(drop, AcrossSubgroups) and drop.how == "all"
    assert isinstance(close, AcrossArms) and close.how == "any" and isinstance(close.rule, OnlyIn)


def one(text: str) -> str:
    return f"one: {{kind: efficacy, threshold: 0.9, {text}}}"


IMPOSSIBLE = {
    "no form": ("one: {kind: efficacy, threshold: 0.9}", ["rules.one: []", "exactly one of margin"]),
    "two forms": (one("margin: 1, measure: {kind: best}"), ["rules.one: ['margin', 'measure']"]),
    "no threshold": ("one: {kind: harm, margin: 1}", ["rules.one.threshold", "required"]),
    "unknown measure": (one("measure: {kind: log_rnk}"), ["rules.one.measure.kind", "'log_rank'"]),
    "unknown key": (one("measure: {kind: cox, tied: efron}"), ["rules.one.measure.tied", "'ties'"]),
    "margin on the wrong side": (
        one("measure: {kind: non_inferiority, margin: 0.9}"),
        ["rules.one.measure.margin: 0.9", "above 1"],
    ),
    "risk margin on the wrong side": (
        one("measure: {kind: non_inferiority_risk, margin: -0.05, months: 6}"),
        ["rules.one.measure.margin: -0.05", "above 0"],
    ),
    "limits in the wrong order": (
        one("measure: {kind: equivalence, lower: 1.25, upper: 1.5}"),
        ["rules.one.measure.lower: 1.25", "below 1"],
    ),
    "time beyond the horizon": (
        one("measure: {kind: risk_difference_below, months: 24}"),
        ["rules.one.measure.months: 24", "at most design.horizon_months, 12"],
    ),
    "side that contradicts": (
        one("measure: {kind: log_rank}, side: below"),
        ["rules.one.side: 'below'", "speak for benefit", "'above'"],
    ),
    "side with a margin": (one("margin: 1, side: above"), ["rules.one.side: 'above'", "leave it out"]),
    "no side for alike": (
        "one: {kind: futility, threshold: 0.9, measure: {kind: equivalence, lower: 0.8, upper: 1.2}}",
        ["rules.one.side", "above or below"],
    ),
    "unknown arm": (
        one("margin: 1, only: {arms: hgh dose}"),
        ["rules.one.only.arms: 'hgh dose'", "'high dose'"],
    ),
    "control": (one("margin: 1, only: {arms: placebo}"), ["rules.one.only.arms: 'placebo'", "experimental"]),
    "unknown subgroup": (
        one("margin: 1, only: {subgroups: [TNB]}"),
        ["rules.one.only.subgroups: 'TNB'", "'TNBC'"],
    ),
    "unknown axis": (one("margin: 1, only: {looks: 2}"), ["rules.one.only.looks", "arms, subgroups"]),
    "unknown look": ("one: {kind: harm, margin: 1, threshold: [0.9, 0.9, 0.9]}", ["threshold", "exactly 6"]),
    "across nothing": (one("margin: 1, across: {looks: all}"), ["rules.one.across", "{subgroups: all}"]),
    "across some": (one("margin: 1, across: {arms: some}"), ["rules.one.across", "{subgroups: all}"]),
    "one part": (
        "one: {kind: harm, all_of: {a: {margin: 1, threshold: 0.9}}}",
        ["rules.one.all_of", "at least two"],
    ),
    "threshold of the whole": (
        one("any_of: {a: {margin: 1, threshold: 0.9}, b: {margin: 0.8, threshold: 0.8}}"),
        ["rules.one.threshold", "each part"],
    ),
    "part of another kind": (
        "one: {kind: harm, any_of: {a: {kind: futility, margin: 1, threshold: 0.9}, "
        "b: {margin: 1, threshold: 0.8}}}",
        ["rules.one.any_of.a.kind: 'futility'", "leave it out"],
    ),
    "part that binds": (
        "one: {kind: harm, any_of: {a: {margin: 1, threshold: 0.9, binding: true}, "
        "b: {margin: 1, threshold: 0.8}}}",
        ["rules.one.any_of.a.binding", "as a whole"],
    ),
    "parts that never meet": (
        f"one: {{kind: harm, all_of: {{a: {{margin: 1, threshold: {EARLY}}}, "
        f"b: {{margin: 1, threshold: {LATE}}}}}}}",
        ["rules.one.all_of", "never fires"],
    ),
    "waiting for nothing": (
        f"win: {{kind: efficacy, margin: 1, threshold: {EARLY}}}\n"
        "wait: {kind: expected_success, margin: 1, threshold: 0.95}",
        ["rules.wait.kind: 'expected_success'", "final look"],
    ),
    "waiting at the end": (
        f"win: {PLAIN}\nwait: {{kind: expected_success, margin: 1, threshold: {LATE}}}",
        ["rules.wait", "before the final"],
    ),
    "contradiction in one test": (
        "win: {kind: efficacy, measure: {kind: log_rank}, threshold: 0.9}\n"
        "lose: {kind: futility, measure: {kind: log_rank}, threshold: 0.95}",
        ["rules.lose.threshold: 0.95 at look 1", "rules.win.threshold", "at most 0.9"],
    ),
    "contradiction turned round": (
        "win: {kind: efficacy, margin: 1, threshold: 0.9}\n"
        "lose: {kind: harm, measure: {kind: hazard_ratio_above}, threshold: 0.05}",
        ["rules.lose.threshold: 0.05 at look 1", "at least 0.1"],
    ),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_an_impossible_rule_gives_one_clear_message(sound, name):
    rules, fragments = IMPOSSIBLE[name]
    faults = faults_of(sound, rules)
    matching = [fault for fault in faults if all(fragment in fault for fragment in fragments)]
    assert len(matching) == 1, faults
    assert all(len(fault) < 400 and "\n" not in fault for fault in faults)


def test_every_impossible_rule_is_found_at_once(sound):
    names = (
        "margin on the wrong side",
        "time beyond the horizon",
        "unknown arm",
        "one part",
        "side with a margin",
    )
    rules = "\n".join(IMPOSSIBLE[name][0].replace("one:", f"r{i}:", 1) for i, name in enumerate(names))
    text = "\n".join(faults_of(sound, rules))
    for i, name in enumerate(names):
        assert IMPOSSIBLE[name][1][0].replace("rules.one", f"rules.r{i}") in text


@pytest.mark.parametrize("model", ["no_pooling", "gamma_hazards"])
def test_a_model_without_a_mean_effect_has_no_rule_on_it(sound, model):
    other = compose_one("config", ["design=srs_rar", "scenario=srs_both", f"model={model}", "posterior=nuts"])
    faults = faults_of(
        sound, one("measure: {kind: pooled_effect}"), model=other["model"], posterior=other["posterior"]
    )
    assert any("rules.one.measure.kind: 'pooled_effect'" in fault and model in fault for fault in faults)


@pytest.mark.parametrize("junk", [None, 3, "text", [], {}, [1, {"a": 2}], True, float("nan")])
@pytest.mark.parametrize(
    "field", ["margin", "measure", "all_of", "in_order", "threshold", "only", "across", "side"]
)
def test_no_junk_raises_anything_but_bad_input(sound, field, junk):
    rule = {"kind": "harm", "margin": 1.0, "threshold": 0.9, field: junk}
    try:
        build_design({**copy.deepcopy(sound), "rules": {"one": rule}})
    except BadInput as error:
        assert error.faults


@pytest.mark.parametrize("kind", SCHEMAS["measure"])
@pytest.mark.parametrize(
    "junk", [None, 3, "text", [], {"margin": "x"}, {"margin": float("nan"), "months": -1}]
)
def test_no_junk_in_a_measure_raises(kind, junk):
    given = {"kind": kind, **junk} if isinstance(junk, dict) else junk
    faults = Faults()
    found = build_measure(given, None, "rules.one.measure", faults)
    assert (found is None) == bool(faults)
