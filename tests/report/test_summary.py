"""The first page: ranges of thresholds, the worst searched null, the authors' conclusion."""

from adaptive.oc.load import load_results
from adaptive.oc.report_content import adaptations_of
from adaptive.oc.summary import complete_summary
from tests.report.synthetic import RULES, fake_arrays, write_result

PARAGRAPHS = [{"text": name, "items": []} for name in ("done", "errors", "power", "caution")]
SEARCH = {
    "design": "adaptive",
    "variant": "as designed",
    "error": "any_false_claim",
    "simultaneous_confidence": 0.95,
    "simultaneous_upper_bound": 0.2198,
    "edge": "This point lies near a corner of the box.",
    "classes": [
        {"kind": "global null", "estimate": 0.05, "mcse": 0.01, "n": 100, "place": "all null"},
        {
            "kind": "largest of all",
            "estimate": 0.2124,
            "mcse": 0.0029,
            "n": 20_000,
            "place": "null in TNBC; drift 1.28",
        },
    ],
}
NO_EFFECT = ((0.0, 0.0), (0.0, 0.0))


def completed(root, content, rules=None):
    for design in ("fixed", "adaptive"):
        own = rules if design == "adaptive" else None
        write_result(root, design, "null", fake_arrays(20), log_hr=NO_EFFECT, rules=own)
    return complete_summary(PARAGRAPHS, content, load_results([root]))


def test_designs_with_the_same_rules_share_a_line_with_the_range_of_thresholds(tmp_path):
    found = completed(tmp_path, {})
    assert [item["text"] for item in (found[0], *found[2:])] == ["done", "errors", "power", "caution"]
    (line,) = found[1]["items"]
    assert {"adaptive", "fixed"} <= set(line.partition(":")[0].split())
    assert "benefit is claimed when P(HR < 1) > 0.975 to 0.99, by look, from 20 events;" in line
    assert found[1]["text"].startswith(
        "Decisions are made for each arm in each subgroup by posterior probabilities; HR"
    )
    assert "the arm is given up as futile when P(HR < 0.9) < 0.1" in line and "advice" not in line


def test_a_changed_threshold_and_advice_change_the_text(tmp_path):
    efficacy = RULES[0] | {"asks": [RULES[0]["asks"][0] | {"threshold": [0.9] * 4}]}
    found = completed(tmp_path, {}, [efficacy, RULES[1] | {"binding": False}])
    lines = found[1]["items"]
    assert len(lines) == 2 and any(
        "P(HR < 1) > 0.9, from 20 events;" in line and line.endswith("(advice only)") for line in lines
    )


def of_rules(root, *rules):
    write_result(root, "one", "null", fake_arrays(20), log_hr=NO_EFFECT, rules=list(rules), benchmark="one")
    return complete_summary(PARAGRAPHS, {}, load_results([root]))[1]


def rule(kind, quantity, threshold=0.9, **more):
    ask = {"quantity": quantity, "sign": ">", "threshold": [threshold] * 4, "min_events": 0}
    return {"kind": kind, "asks": [ask], **more}


LOG_RANK = rule("efficacy", "1 - p of the one-sided log-rank test against HR 1.3", 0.975)
EXPECTED = "predictive probability at the final look of 1 - p of the one-sided log-rank test > 0.975"


def combined(joined, *rules, **more):
    asks = [ask for each in rules for ask in each["asks"]]
    return {"kind": "efficacy", "asks": asks, "joined": joined, "parts": list(rules)} | more


def test_what_decides_is_named_by_the_quantities_of_the_rules(tmp_path):
    found = of_rules(tmp_path, LOG_RANK, rule("expected success", EXPECTED), rule("harm", "some new measure"))
    assert " by log-rank tests, predictive probabilities and some new measure; HR" in found["text"]
    assert "posterior" not in found["text"]
    assert found["items"][0].startswith(
        "one: non-inferiority is claimed when 1 - p of the one-sided log-rank test against HR 1.3 > 0.975;"
    )


def test_scope_events_and_combinations_are_told(tmp_path):
    wide, never = rule("efficacy", "P(HR < 1)"), rule("efficacy", "P(HR < 0.8)", None)
    scope = {"scope": "in all subgroups at once"}
    short = combined("or", wide, rule("efficacy", "P(HR < 0.9)", 0.5), **scope)
    long = combined("and", wide, wide, wide, **scope, binding=False)
    found = of_rules(tmp_path, short, long, combined("or", wide, never), combined("and", wide, never))
    assert found["items"][0].removeprefix("one: ").split("; ") == [
        "benefit is claimed when P(HR < 1) > 0.9 or P(HR < 0.9) > 0.5, in all subgroups at once",
        "benefit is claimed when a combined rule of 3 conditions fires, in all subgroups at once "
        "(advice only)",
        "benefit is claimed when P(HR < 1) > 0.9",
    ]


def test_the_worst_searched_null_follows_the_errors_and_the_conclusion_comes_before_the_caution(tmp_path):
    other = SEARCH | {"design": "fixed", "edge": "", "variant": "futility not followed"}
    twice = SEARCH | {"variant": "futility not followed"}
    part = {"searches": [SEARCH, twice, other], "unsearched": ["single"]}
    content = {"null_space": part, "dossier": {"conclusion": "Not fit <b>yet</b>."}}
    found = completed(tmp_path, content)
    assert [item["text"][:6] for item in found] == [
        "done",
        "Decisi",
        "errors",
        "The sc",
        "power",
        "Conclu",
        "cautio",
    ]
    line, second = found[3]["items"]
    assert "of each design by itself, for single none;" in found[3]["text"]
    assert line.endswith("; null in TNBC, near the edge of the space")
    assert second.startswith("fixed, futility not followed: ") and second.endswith("; null in TNBC")
    for text in ("adaptive: ", "21.24% (MCSE 0.29)", "20,000 trials", "95% upper bound", "22.0%"):
        assert text in line
    assert found[5]["text"] == "Conclusion of the authors: Not fit <b>yet</b>."


def test_each_adaptation_is_named_once(tmp_path):
    expected = RULES[0] | {"kind": "expected success"}
    path = write_result(
        tmp_path,
        "fixed",
        "null",
        fake_arrays(20),
        log_hr=NO_EFFECT,
        rules=[*RULES, expected],
        edit=lambda manifest: manifest["design"].update(awaits=True),
    )
    named = adaptations_of(load_results([path]))
    assert [text for text in named if "success" in text] == ["an end of accrual when success is expected"]
    assert len(set(named)) == len(named) > 3
