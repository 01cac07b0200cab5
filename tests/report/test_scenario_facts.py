"""Families of scenarios, departures from the model, published checks, and answers to key questions."""

import equinox as eqx
import numpy as np
import pandas as pd
import pytest

from adaptive.config.build import build_scenario
from adaptive.config.compose import compose_one
from adaptive.oc.answer_words import sentences
from adaptive.oc.answers import answers_part, rows_for
from adaptive.oc.coverage import ARMS, SPACE, alternative_families, null_families
from adaptive.oc.dgm import dgm_part
from adaptive.oc.load import load_results
from adaptive.oc.published import check_table, implied_value
from adaptive.oc.scenario_facts import Facts, departures, facts_of, pattern_words
from adaptive.oc.source import Source
from tests.report.synthetic import fake_arrays, write_result

CUTS = (0.0, 3.0, 6.0, 12.0)
NULL, BOTH = np.zeros((3, 2)), np.full((3, 2), -0.6)


def facts(log_hr, **changes) -> Facts:
    values = np.array(log_hr, float)
    return Facts(values, not (values < 0).any(), bool((values > 0).any()), **changes)


def families(found, **options) -> dict[str, str]:
    return dict(null_families(found, {}, ["rar"])) | dict(alternative_families(found))


SET = {
    "null": facts(NULL, baseline=(0.05, 0.04, 0.1)),
    "unequal": facts(NULL, baseline=(0.02, 0.04, 0.3)),
    "scaled": facts(NULL, baseline=(0.1, 0.08, 0.2)),
    "drift": facts(NULL, drifts=True),
    "harm": facts([[0, 0.3]] * 3),
    "both": facts(BOTH),
    "modest": facts(BOTH / 2),
    "one": facts([[-0.6, -0.6], [0, 0], [0, 0]]),
    "some": facts([[-0.6, -0.6], [-0.6, -0.6], [0, 0]]),
    "opposed": facts([[-0.6, -0.6], [0.3, 0.3], [0, 0]]),
    "graded": facts([[-0.3, -0.6]] * 3),
    "late": facts(BOTH, onset=True),
    "fading": facts(BOTH, fades=True),
}
EXPECTED = {
    "global null": "null, unequal, scaled",
    "null with unequal baseline hazards": "unequal",
    "null with drift": "drift",
    "null with harm": "harm",
    "uniform effect": "both, modest",
    "effect in one subgroup only": "one",
    "effect in some subgroups": "some",
    "benefit in one subgroup, harm in another": "opposed",
    "delayed effect": "late",
    "waning effect": "fading",
    "a smaller uniform effect": "modest",
}


def test_every_family_is_recognised_by_the_truth():
    found = families(SET)
    assert {name: found[name] for name in EXPECTED} == EXPECTED
    assert found["partial nulls over subgroups"].startswith("only 2 of 6 patterns in the scenarios")
    assert found[ARMS] == "" and families(SET | {"half": facts([[0, -0.6]] * 3)})[ARMS] == "half"
    alone = {"null": facts([[0.0]] * 3), "some": facts([[-0.6], [np.nan], [0]])}
    assert ARMS not in families(alone), "with one arm there is no other"
    one = dict(null_families({"null": facts([[0.0, 0.0]])}, {"subgroups": ["rar"]}, ["rar"]))
    assert one["partial nulls over subgroups"] == "one subgroup: there are none"
    assert "graded" in found["arms that differ"]


@pytest.mark.parametrize(
    "name", sorted(set(EXPECTED) - {"global null", "uniform effect", "a smaller uniform effect"})
)
def test_a_family_without_its_scenario_is_a_gap(name):
    rest = {key: value for key, value in SET.items() if key not in EXPECTED[name].split(", ")}
    assert families(rest)[name] == ""


def test_departures_from_the_model():
    assert departures(facts(BOTH, baseline=(1.0, 1.0, 1.0), changes=(3.0,)), CUTS) == []
    assert len(departures(facts(BOTH, changes=(4.0,)), CUTS)) == 1
    assert "fades" in departures(facts(BOTH, fades=True), CUTS)[0]
    assert "month of entry" in departures(facts(NULL, drifts=True), CUTS)[0]
    assert "groups" in departures(SET["one"], CUTS)[0]
    # Effects that all differ, over subgroups or over the offered ones, are no groups.
    assert departures(facts([[-0.6], [-0.3], [-0.1]]), CUTS) == []
    assert departures(facts([[-0.6], [np.nan], [-0.1]]), CUTS) == []


def test_arms_differ_only_where_both_are_offered():
    none = np.nan
    for log_hr, differ in (
        ([[-0.6, none], [none, -0.3]], False),
        ([[-0.6, none], [-0.3, -0.3]], False),
        ([[-0.6, none], [-0.3, -0.6]], True),
    ):
        found = dict(alternative_families({"only": facts(log_hr)}))
        assert (found["arms that differ"] == "only") is differ


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    log_hr = ((0.0, -0.5), (-0.5, -0.5))
    path = write_result(folder, "fixed", "mixed", fake_arrays(20, log_hr=log_hr), log_hr=log_hr)
    return load_results([path])[0]


def test_the_truth_in_words(result):
    assert pattern_words(result) == (
        "HR 1: drug A in HR+/HER2-; HR 0.607: drug B in HR+/HER2-, drug A in TNBC, drug B in TNBC"
    )


def test_facts_without_a_scenario_are_those_of_the_stored_truth(result):
    found = facts_of(result, None)
    assert not found.is_null and not found.harms and found.baseline == ()
    part = dgm_part(Source([result]), {})
    assert part["scenarios"]["class"].tolist() == ["alternative"]


def check(**changes):
    base = {"quantity": "event_free", "channel": "death", "scenario": "srs_null", "subgroup": "TNBC"}
    more = {"arm": "placebo", "months": 6.0, "published": 0.5, "tolerance": 0.05, "source": "s"}
    return base | more | changes


@pytest.fixture(scope="module")
def scenario():
    return build_scenario(compose_one("config", ["design=srs_rar", "scenario=srs_delayed"]))


def test_implied_values_are_those_of_a_sum_over_months(scenario):
    """Witness: step by step over hundredths of a month."""
    steps = np.arange(0, 12, 0.01) + 0.005
    hazard = 0.119 * np.where(steps > 3.0, 0.55, 1.0)
    asked = check(channel="new_brain_metastasis", arm="high dose", months=12.0)
    assert implied_value(asked, scenario) == pytest.approx(np.exp(-(hazard * 0.01).sum()), abs=1e-6)
    median = implied_value(check(quantity="median", months=None), scenario)
    assert median == pytest.approx(np.log(2) / 0.099, rel=1e-9)
    mixed = implied_value(check(subgroup="all"), scenario)
    rates, mix = np.array([0.077, 0.0315, 0.063, 0.099]), np.array([0.55, 0.12, 0.10, 0.23])
    assert mixed == pytest.approx((mix * np.exp(-6 * rates)).sum(), rel=1e-6)


def test_a_published_number_out_of_tolerance_or_unknown_is_told(scenario):
    true = float(np.exp(-6 * 0.099))
    asked = [
        check(published=true, tolerance=1e-6),
        check(published=true + 0.06),
        check(channel="deth"),
        check(scenario="gone"),
    ]
    table = check_table(asked, {"srs_null": scenario})
    assert table.within.tolist()[:2] == ["yes", "no"]
    assert table.difference[1] == "\N{MINUS SIGN}0.06" and table.difference[0][0] in "+\N{MINUS SIGN}"
    assert "no channel 'deth'" in table.within[2] and "not among the results" in table.within[3]


def test_a_number_is_labelled_by_what_was_published(scenario):
    asked = [check(), check(quantity="median"), check(quantity="median", published=12.0, tolerance=1.0)]
    rare = eqx.tree_at(lambda s: s.hazards.base, scenario, scenario.hazards.base * 1e-4)
    table = check_table(asked, {"srs_null": scenario})
    assert table.quantity.tolist() == [
        "free of death at 6 months",
        "median months to death",
        "median months to death",
    ]
    spread = check_table([check(channel="new_brain_metastasis")], {"srs_null": scenario})
    assert spread.quantity[0] == "free of new brain metastasis at 6 months" and spread.implied[0]
    never = check_table(asked[2:], {"srs_null": rare}).iloc[0]
    assert (never.implied, never.difference, never.within) == ("not reached", "", "no")


TIDY = pd.DataFrame(
    [
        ("null", "rar", "fwer", "", "all", "all", 0.03, 0.001, 1000, 30, "3%"),
        ("drift", "rar", "fwer", "", "all", "all", 0.05, 0.002, 1000, 50, "5%"),
        ("null", "fixed", "fwer", "", "all", "all", 0.02, 0.001, 1000, 20, "2%"),
        ("both", "rar", "bias", "claimed", "TNBC", "high", -0.3, 0.01, 1000, 400, "-0.3"),
    ],
    columns=[
        "scenario",
        "design",
        "metric",
        "level",
        "subgroup",
        "arm",
        "estimate",
        "mcse",
        "n",
        "m",
        "text",
    ],
)
PAIRED = TIDY.iloc[:1].assign(level="difference", estimate=0.01, m=np.nan)
TABLES = {"claims": TIDY, "paired": PAIRED}


def test_an_answer_is_made_of_the_rows_it_names():
    asked = {
        "id": "Q1",
        "question": "?",
        "metric": "fwer",
        "scenarios": ["drift", "null"],
        "designs": ["rar"],
    }
    rows = rows_for(asked, TABLES)
    assert rows.scenario.tolist() == ["drift", "null"]
    both = rows_for(asked | {"designs": ["fixed", "rar"]}, TABLES)
    assert both.design.tolist() == ["rar", "rar", "fixed"], "designs stand as in the report's tables"
    said = sentences(asked, rows)[0]
    assert "3.00% (MCSE 0.10)" in said or "3.0% (MCSE 0.1)" in said
    assert "“null”" in said and "“drift”" in said and "n = 1,000" in said and "m =" not in said
    given = {
        "metric": "bias",
        "level": "claimed",
        "subgroup": "TNBC",
        "arm": "high",
        "scenarios": ["both", "x"],
    }
    told = sentences(given, rows_for(given, TABLES))[0]
    assert "m = 400" in told and "No number in x." in told
    against = asked | {"against": "fixed", "scenarios": ["null"]}
    assert "1.00 percentage points" in sentences(against, rows_for(against, TABLES))[0]


def test_a_question_without_an_answer_says_what_was_missing(result):
    asked = [
        {"id": "Q1", "question": "?", "metric": "fwer", "scenarios": ["nul"]},
        {"id": "Q2", "question": "?", "metric": "power"},
    ]
    answers = answers_part(Source([result], dossier={"questions": asked}), TABLES)["answers"]
    assert "did you mean 'null'" in answers[0]["absent"]
    assert answers[1]["absent"] == "the results hold no Power"


COVERED = {
    "subgroups": "partial nulls over subgroups",
    "arms": ARMS,
    "hazard_in": "null with unequal baseline hazards",
    "drift": "null with drift",
}


def test_a_search_of_nulls_covers_only_what_it_varied():
    alone = {"null": SET["null"], "one": SET["one"]}
    for varied, family in COVERED.items():
        found = dict(null_families(alone, {varied: ["rar"]}, ["rar"]))
        assert [name for name, by in found.items() if SPACE in by] == [family]
    other = dict(null_families(alone, {"hazard": ["rar"], "accrual": ["rar"]}, ["rar"]))
    assert not [by for by in other.values() if SPACE in by]


@pytest.mark.parametrize("varied", COVERED)
def test_a_search_of_nulls_covers_only_the_designs_that_were_searched(varied):
    alone = {"null": SET["null"], "one": SET["one"]}
    found = dict(null_families(alone, {varied: ["rar"]}, ["fixed", "rar"]))[COVERED[varied]]
    assert found.startswith("only for rar: search of the null space; not for fixed")
    both = dict(null_families(alone, {varied: ["rar", "fixed"]}, ["fixed", "rar"]))
    assert both[COVERED[varied]].startswith(SPACE)


def test_a_family_that_is_searched_still_names_the_scenarios_that_are_of_it():
    """A search covers the family; the scenarios that cover some of it are told, and are no gap."""
    found = dict(null_families(SET, {kind: ["rar"] for kind in COVERED}, ["rar"]))
    partial = "2 of 6 patterns in the scenarios (one, some, opposed)"
    assert found["partial nulls over subgroups"] == f"{SPACE}; {partial}"
    assert found["null with unequal baseline hazards"] == f"unequal; {SPACE}"
    assert found["null with drift"] == f"drift; {SPACE}"
    half = dict(null_families(SET | {"half": facts([[0, -0.6]] * 3)}, {"arms": ["rar"]}, ["rar"]))
    assert half[ARMS] == f"{SPACE}; half"
    alone = half["partial nulls over subgroups"]
    assert alone == f"only {partial}; adaptive nulls searches the others"
    some = dict(null_families(SET, {"subgroups": ["rar"], "drift": ["rar"]}, ["fixed", "rar"]))
    assert some["partial nulls over subgroups"].endswith(f"not for fixed; only {partial}")
    assert some["null with drift"] == f"drift; for rar: {SPACE}; not for fixed"
