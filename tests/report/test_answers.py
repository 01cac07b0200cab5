"""Answers to key questions: one sentence over all scenarios, counts by limits, changes, searched nulls."""

import numpy as np
import pytest

from adaptive.errors import BadInput
from adaptive.oc import answer_words
from adaptive.oc.answers import add_searches, answers_part, changes
from adaptive.oc.dossier import load_dossier
from adaptive.oc.load import load_results
from adaptive.oc.report_content import in_order
from adaptive.oc.source import Source
from adaptive.oc.tables import build_tables, tidy
from adaptive.report.sections_dossier import answer_sections
from tests.report.metric_study import TRUTHS, N, write_study
from tests.report.synthetic import ARMS, SUBGROUPS, fake_arrays, write_result
from tests.statistics import assert_mc_close

ERRORS = {"id": "Q1", "question": "?", "metric": "fwer", "also": ["type_i_error", "status:FUTILITY"]}
CHANGED = {
    "id": "Q7",
    "question": "?",
    "metric": "fwer",
    "against": "fixed",
    "change_from": "null",
    "yes_if": "above",
}
MINUS = "\N{MINUS SIGN}"
SEARCH = {
    "design": "adaptive",
    "variant": "as designed",
    "error": "any_false_claim",
    "simultaneous_confidence": 0.95,
    "simultaneous_upper_bound": 0.2198,
    "classes": [
        {"kind": "global null", "text": "0.05 (0.01)", "n": 100},
        {"kind": "largest of all", "text": "0.212 (0.003)", "n": 20_000},
    ],
}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    root = tmp_path_factory.mktemp("study")
    data = write_study(root)
    results = in_order(load_results([root]))
    return data, results, build_tables(results)


def answered(study, *questions):
    _, results, tables = study
    return answers_part(Source(results, dossier={"questions": list(questions)}), tables)["answers"]


def shown(text):
    """Return the first percentage of a text."""
    return float(text.partition("%")[0].rpartition(" ")[2])


def test_an_answer_spans_every_scenario_and_design_that_has_the_number(study):
    data, *_ = study
    (answer,) = answered(study, ERRORS)
    null = np.array([[True, False], [False, True]])
    rates = {
        (scenario, design): 100
        * (arrays["status"] == 2)[:, null if scenario == "mixed" else ~np.zeros_like(null)].any(1).mean()
        for (design, scenario), arrays in data.items()
    }
    (low, least), (high, most) = min((r, k) for k, r in rates.items()), max((r, k) for k, r in rates.items())
    first, second = answer["answer"].split(" to ")
    assert answer["answer"].startswith("2 scenarios with 2 designs: from ")
    for text, rate, place in ((first, low, least), (second, high, most)):
        assert shown(text) == pytest.approx(rate, abs=0.06) and f"“{place[0]}”, {place[1]}" in text
    named = answered(study, ERRORS | {"scenarios": ["mixed"], "designs": ["adaptive"]})[0]["answer"]
    assert shown(named) == pytest.approx(rates["mixed", "adaptive"], abs=0.06) and "null" not in named


def test_one_scenario_is_named_once(study):
    data, *_ = study
    several, one = answered(
        study,
        ERRORS | {"scenarios": ["null"], "also": []},
        ERRORS | {"scenarios": ["null"], "designs": ["fixed"], "id": "Q2", "also": []},
    )
    rates = {d: 100 * (data[d, "null"]["status"] == 2).any((1, 2)).mean() for d in ("fixed", "adaptive")}
    low, high = sorted(rates, key=rates.get)
    said = several["answer"].removeprefix("In “null” with 2 designs: from ")
    assert said != several["answer"] and "“null”" not in said
    for text, design in zip(said.split(" to "), (low, high), strict=True):
        assert text.removesuffix(".").endswith(f" in {design}")
        assert shown(f" {text}") == pytest.approx(rates[design], abs=0.06)
    assert one["answer"].startswith("In “null” with fixed: ") and one["answer"].count("null") == 1


def test_a_bias_of_a_cell_is_told_as_hazard_ratios(study):
    data, *_ = study
    question = {"id": "Q9", "question": "?", "metric": "bias", "level": "claimed"}
    place = {"subgroup": SUBGROUPS[1], "arm": ARMS[1]}
    answer, whole, paired = answered(
        study,
        question | place | {"designs": ["adaptive"], "scenarios": ["mixed"]},
        question | place,
        question | place | {"against": "fixed"},
    )
    arrays, log_hr = data["adaptive", "mixed"], TRUTHS["mixed"][1][0]
    claimed = arrays["status"][:, 1, 0] == 2
    told = answer["also"][0].partition("a true one of ")[2]
    true, _, said = told.partition(" is estimated at ")
    assert float(true) == pytest.approx(np.exp(log_hr), abs=0.005)
    mean = arrays["log_hr_mean"][claimed, 1, 0].mean()
    assert float(said.partition(" ")[0]) == pytest.approx(np.exp(mean), abs=0.0006)
    error = float(said.partition("MCSE ")[2].partition(")")[0])
    spread = arrays["log_hr_mean"][claimed, 1, 0].std(ddof=1) / np.sqrt(claimed.sum())
    assert error == pytest.approx(np.exp(mean) * spread, rel=0.1)
    assert whole["also"][0].count("is estimated at") == 2
    assert not [text for text in paired["also"] if "hazard ratios" in text]


def test_where_control_alone_is_inferior_the_answer_says_so(tmp_path):
    """There fewer patients on inferior arms are fewer on control, whatever allocation does with doses."""
    truths = {"both": ((-0.5, -0.5), (-0.5, -0.5)), "graded": ((-0.3, -0.6), (-0.5, -0.5))}
    truths["harm"] = ((-0.5, -0.5), (0.0, 0.4))
    for scenario, log_hr in truths.items():
        for design in ("fixed", "rar"):
            arrays = fake_arrays(60, log_hr=log_hr, seed=len(design))
            write_result(tmp_path, design, scenario, arrays, log_hr=log_hr)
    results = load_results([tmp_path])
    question = {"id": "Q4", "question": "?", "metric": "patients_inferior", "against": "fixed"}
    here, other = {"subgroup": SUBGROUPS[0]}, {"metric": "patients"}
    asked = [question, question | here, question | other, question | {"scenarios": ["graded"]}]
    asked.append(question | {"scenarios": ["both"]})
    study = None, results, build_tables(results)
    whole, part, size, graded, both = [a["answer"] for a in answered(study, *asked)]
    assert "In 1 of the 3 scenarios control is the only inferior arm: the number" in whole
    assert set(whole.rpartition(". In ")[2].partition(" an ")[0].split(" and ")) == {"graded", "harm"}
    assert f"In 2 of the 3 scenarios control is the only inferior arm in {SUBGROUPS[0]}: " in part
    assert part.endswith(f" In graded an experimental arm is inferior in {SUBGROUPS[0]}.")
    assert "Here control is the only inferior arm: " in both
    assert not [text for text in (size, graded) if not text or "inferior" in text]


def test_further_numbers_are_those_of_every_cell_where_the_trial_has_none(study):
    data, *_ = study
    per_cell, state = answered(study, ERRORS)[0]["also"]
    cells = [
        (arrays["status"] == 2)[:, s, b].mean()
        for (_, scenario), arrays in data.items()
        for s, b in zip(*np.nonzero(np.array(TRUTHS[scenario]) >= 0), strict=True)
    ]
    assert per_cell.startswith("Type I error in one cell: from ")
    assert shown(per_cell.split(" to ")[1]) == pytest.approx(100 * max(cells), abs=0.06)
    assert any(f"{subgroup}, {arm}" in per_cell for subgroup in SUBGROUPS for arm in ARMS)
    assert state.startswith("Final state of the cell (futility) in one cell: from ")
    there = answered(
        study, ERRORS | {"subgroup": SUBGROUPS[0], "arm": ARMS[1], "metric": "status", "level": "HARM"}
    )
    assert "in one cell" not in there[0]["also"][1]


def compared(*limits):
    rows = [
        {
            "scenario": name,
            "design": "rar",
            "metric": "patients",
            "level": "difference",
            "subgroup": "all",
            "arm": "all",
        }
        | {"estimate": (lower + upper) / 2, "mcse": 1.0, "lower": lower, "upper": upper, "n": 9, "m": 9}
        for name, (lower, upper) in zip("abcdef", limits, strict=False)
    ]
    return tidy(rows)


def test_a_comparison_counts_scenarios_by_their_limits():
    question = {"metric": "patients", "against": "fixed"}
    rows = compared((-5, -1), (-4, 0.5), (2, 6), (-9, -8), (0, 0))
    told = answer_words.headline(question, rows)
    assert told.startswith("Of 5 scenarios, lower in 2 (a and d), higher in 1 (c), no difference beyond ")
    assert " in 2;" in told and f"from {MINUS}8.5 patients (MCSE 1.0) in “d” to 4.0 patients" in told
    yes = answer_words.headline(question | {"yes_if": "below"}, rows)
    assert yes.startswith("Yes: in 2 of 5 scenarios (a and d), the reverse in 1 (c), no difference")
    assert answer_words.headline(question | {"yes_if": "above"}, rows).startswith(
        "Yes: in 1 of 5 scenarios (c)"
    )
    assert answer_words.headline(question | {"yes_if": "above"}, rows[:2]).startswith(
        "No: in 0 of 2 scenarios, "
    )


def test_a_change_is_taken_trial_by_trial_over_four_results(study):
    data, results, _ = study
    (row,) = changes(CHANGED, results).itertuples()
    null = np.array([[True, False], [False, True]])

    def false(design, scenario):
        claimed = (data[design, scenario]["status"] == 2).reshape(N, -1)
        return claimed[:, null.ravel() if scenario == "mixed" else slice(None)].any(1).astype(float)

    signs = {("adaptive", "mixed"): 1, ("fixed", "mixed"): -1, ("adaptive", "null"): -1, ("fixed", "null"): 1}
    values = sum(sign * false(*place) for place, sign in signs.items())
    assert (row.scenario, row.design, row.n) == ("mixed", "adaptive", N)
    assert row.estimate == pytest.approx(values.mean())
    rng = np.random.default_rng(2)
    spread = np.std([values[rng.integers(0, N, N)].mean() for _ in range(600)], ddof=1)
    apart = np.sqrt(sum(false(*place).var() for place in signs) / N)
    assert_mc_close(row.mcse, spread, spread / np.sqrt(2 * 599))
    with pytest.raises(AssertionError):
        assert_mc_close(row.mcse, apart, apart / np.sqrt(2 * 599))


def test_a_question_on_a_change_is_answered_by_it(study):
    (answer,) = answered(study, CHANGED)
    (row,) = changes(CHANGED, study[1]).itertuples()
    sure, yes = row.lower > 0 or row.upper < 0, row.lower > 0
    assert answer["answer"].startswith("Yes: from null" if yes else "No: from null")
    assert answer["answer"].endswith("exclude 0." if sure else "include 0.")
    assert answer["rows"].level.tolist().count("change") == 1
    table = next(
        b for b in answer_sections({"answers": {"answers": [answer]}})[0].blocks if hasattr(b, "rows")
    )
    assert len(table.rows) == 2, "the change is no row of the paired differences"
    words = [
        answer_words._change(CHANGED | {"yes_if": "below"}, entry)
        for entry in answer_words._changes(answer["rows"])
    ]
    assert words[0].startswith("Yes" if row.upper < 0 else "No")


def test_results_that_are_no_four_give_no_change(study, tmp_path):
    effect = ((0.0, 0.0), (0.0, 0.0))
    for scenario, design, seed in (
        ("null", "fixed", 7),
        ("null", "adaptive", 7),
        ("mixed", "adaptive", 7),
        ("mixed", "fixed", 8),
    ):
        write_result(tmp_path, design, scenario, fake_arrays(30), log_hr=effect, seed=seed)
    results = load_results([tmp_path])
    assert changes(CHANGED, results).empty
    assert changes(CHANGED, [r for r in results if r.manifest["seed"] == 7]).empty


def test_searched_nulls_stand_by_the_error_that_they_are_of(study):
    questions = [
        ERRORS,
        CHANGED,
        ERRORS | {"id": "Q2", "designs": ["fixed"]},
        {"id": "Q3", "question": "?", "metric": "correct_set"},
    ]
    answers = answered(study, *questions)
    before = [len(answer["also"]) for answer in answers]
    add_searches(answers, questions, [SEARCH, SEARCH | {"error": "per_comparison"}])
    assert [len(answer["also"]) - n for answer, n in zip(answers, before, strict=True)] == [1, 0, 0, 0]
    told = answers[0]["also"][-1]
    assert all(text in told for text in ("adaptive (as designed)", "0.212 (0.003)", "20,000", "0.220"))


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ("yes_if: below", "questions[0].against: is missing; yes_if"),
        ("change_from: null_point", "questions[0].against: is missing; change_from"),
        ("also: [fwerr]", "questions[0].also: there is no metric 'fwerr'"),
        ("yes_if: down", "questions[0].yes_if"),
    ],
)
def test_a_faulty_question_is_told(tmp_path, entry, fault):
    file = tmp_path / "dossier.yaml"
    file.write_text(f"questions:\n  - {{id: Q1, question: a, metric: fwer, {entry}}}\n")
    with pytest.raises(BadInput, match=fault.replace("[", r"\[")):
        load_dossier(file)
