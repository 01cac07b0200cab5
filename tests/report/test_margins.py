"""What a claim says, read off the words of the rules that run, and where it is false."""

import dataclasses

import numpy as np
import pytest

from adaptive.design.measure import HazardRatioBelow
from adaptive.measures.cox import Cox
from adaptive.measures.final import FinalTest, TwoSided
from adaptive.measures.log_rank import LogRank
from adaptive.measures.ratios import HazardRatioAbove
from adaptive.measures.risk import RiskDifferenceBelow
from adaptive.oc.decisions import band_of, decision_part
from adaptive.oc.load import load_results
from adaptive.oc.margins import claim_margin, design_margins, false_if_claimed, rule_margin
from adaptive.oc.report_text import summary
from adaptive.oc.results_notes import noninferiority, noninferiority_table
from adaptive.oc.source import Source
from adaptive.oc.tables import build_tables, failures
from tests.report.synthetic import RULES, fake_arrays, write_result

TRUTH = ((0.0, np.log(1.1)), (np.log(1.3), np.log(1.4)))


def part(words, **more):
    ask = {"quantity": words, "sign": ">", "threshold": [0.9] * 4, "min_events": 0}
    return {"kind": "efficacy", "asks": [ask], **more}


def combined(joined, *parts):
    return {"kind": "efficacy", "joined": joined, "parts": list(parts)} | {
        "asks": [ask for each in parts for ask in each["asks"]]
    }


@pytest.mark.parametrize(
    ("measure", "margin"),
    [
        (HazardRatioBelow(1.0), 1.0),
        (HazardRatioBelow(0.8), 1.0),
        (HazardRatioBelow(1.3), 1.3),
        (HazardRatioAbove(1.3), 1.3),
        (LogRank(1.0), 1.0),
        (LogRank(1.3, True), 1.3),
        (Cox(1.0), 1.0),
        (Cox(1.25, False), 1.25),
        (TwoSided(Cox(1.3)), 1.3),
        (FinalTest(LogRank(1.3), 0.975), 1.3),
        (RiskDifferenceBelow(0.0, 12.0), 1.0),
        (RiskDifferenceBelow(0.1, 12.0), np.inf),
    ],
)
def test_every_measure_tells_its_margin(measure, margin):
    assert rule_margin(part(measure.words)) == pytest.approx(margin)


def test_the_margin_of_a_combination_follows_how_its_parts_are_joined():
    wide, none, risk = (
        part("P(HR < 1.3)"),
        part(LogRank(1.0).words),
        part(RiskDifferenceBelow(0.1, 6.0).words),
    )
    assert rule_margin(combined("and", wide, none)) == 1.0
    assert rule_margin(combined("or", wide, none)) == 1.3
    assert rule_margin(combined("or, where that is not applied,", none, wide)) == 1.3
    assert rule_margin(combined("and", wide, risk)) == 1.3
    scoped = {"asks": [*wide["asks"], *none["asks"]], "parts": [combined("or", wide, none)], "scope": "all"}
    assert rule_margin(scoped) == 1.3


def claiming(root, *claims, design="ni"):
    """Return the result of a design that claims by the rules."""
    arrays = fake_arrays(200, log_hr=TRUTH, claim=0.5)
    path = write_result(root, design, "some", arrays, log_hr=TRUTH, rules=[*claims, RULES[1]], benchmark=None)
    return load_results([path])[0]


def test_a_claim_of_noninferiority_is_false_at_the_margin_and_beyond_only(tmp_path):
    one = claiming(tmp_path, part(Cox(1.3).words))
    assert claim_margin(one) == 1.3
    assert false_if_claimed(one).tolist() == [[False, False], [True, True]]
    rows = noninferiority(one)
    assert [r["metric"] for r in rows] == ["ni_fwer", "ni_power", "ni_power", "ni_error", "ni_error"]
    assert rows[0]["m"] == one.claimed[:, 1].any(axis=1).sum()
    assert failures(one)["fwer_worst_case"] == pytest.approx(rows[0]["estimate"])


def test_a_cell_without_a_true_hazard_ratio_is_neither_within_nor_beyond(tmp_path):
    one = claiming(tmp_path, part("P(HR < 1.3)"))
    log_hr = np.where([[True, False], [False, True]], np.nan, one.truth.log_hr)
    unknown = dataclasses.replace(one, truth=dataclasses.replace(one.truth, log_hr=log_hr))
    assert false_if_claimed(unknown).tolist() == [[False, False], [True, False]]
    assert [r["metric"] for r in noninferiority(unknown)] == ["ni_fwer", "ni_power", "ni_error"]


def test_claims_of_superiority_are_false_where_there_is_no_benefit(tmp_path):
    one = claiming(tmp_path, RULES[0])
    assert claim_margin(one) == 1.0 and false_if_claimed(one).all()
    assert noninferiority_table([one]).empty and design_margins([one]) == {}


def test_bands_and_wrong_decisions_follow_the_margin(tmp_path):
    assert [band_of(x) for x in (-0.5, -0.1, 0.0, 0.1)] == ["benefit", "small benefit", "none", "harm"]
    assert band_of(np.log(1.1), 1.3) == "within the margin"
    assert band_of(np.log(1.3), 1.3) == "harm" and band_of(np.log(1.4), np.inf) == "within the margin"
    ni, plain = claiming(tmp_path, part("P(HR < 1.3)")), claiming(tmp_path, RULES[0], design="plain")
    found = decision_part(Source([ni, plain]), {})
    bands = found["tables"]["decisions"].groupby("design").band.unique()
    assert set(bands["ni"]) == {"none", "within the margin", "harm"} and set(bands["plain"]) == {
        "none",
        "harm",
    }
    assert found["wrong"]["ni"]["within the margin"] == () and "EFFICACY" in found["wrong"]["ni"]["harm"]
    assert "EFFICACY" in found["wrong"]["plain"]["none"] and "EFFICACY" not in found["wrong"]["ni"]["none"]
    alone = decision_part(Source([plain]), {})["bands"]
    assert "within the margin" not in alone and alone["harm"] == "true hazard ratio above 1"


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (part("P(HR < 1.2)"), "margin HR 1.2"),
        (part("P(HR < 1.5)"), "no scenario has a hazard ratio at its margin, 1.5, or above"),
        (part(RiskDifferenceBelow(0.1, 6.0).words), "of non-inferiority on a risk difference"),
    ],
)
def test_the_first_page_says_what_is_known_of_false_claims(tmp_path, rule, told):
    results = [claiming(tmp_path, rule), claiming(tmp_path, RULES[0], design="plain")]
    tables = build_tables(results) | {"noninferiority": noninferiority_table(results)}
    said = next(p for p in summary(results, tables, None) if p["text"].startswith("A false claim"))
    (own,) = [line for line in said["items"] if line.startswith("ni: ")]
    assert told in own
    assert any(line.startswith("plain: ") and "margin" not in line for line in said["items"])
