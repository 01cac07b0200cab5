"""The results chapter: what it answers, how its tables stand, what it says when there is nothing."""

import re

import numpy as np
import pytest

from adaptive.oc.load import load_results
from adaptive.oc.parameters import EVIDENCE
from adaptive.oc.report_content import content_of, in_order
from adaptive.oc.results_notes import binding_notes, shown_scenarios
from adaptive.oc.source import Source
from adaptive.oc.tables import build_tables
from adaptive.oc.zips import zip_part
from adaptive.report.chapter_characteristics import characteristics_chapter
from adaptive.report.chapter_results import results_chapter
from adaptive.report.figure_style import Drawing
from adaptive.report.figures_calibration import calibration_figure
from adaptive.report.figures_zip import zip_figure
from adaptive.report.pivot import Table
from adaptive.report.sections_bayes import bayes_section, decision_section
from adaptive.report.sections_errors import noninferiority_section, power_section, type_i_error_section
from adaptive.report.sections_estimation import paired_section
from tests.report.metric_study import PRIOR, write_study
from tests.report.synthetic import RULES, fake_arrays, write_result

ITEMS = {"H1", "H2", "H3", "H4", "H5", "H6", "H7", "H8", "H10", "H11", "H12", "H13"}
FIGURES = {"I3", "I4", "I5", "I8", "I9", "I10", "I11"}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    root = tmp_path_factory.mktemp("study")
    write_study(root)
    return in_order(load_results([root]))


@pytest.fixture(scope="module")
def content(results):
    return content_of(Source(results, dossier={"design_prior": PRIOR}))


@pytest.fixture(scope="module")
def chapter(content):
    return results_chapter(content)


def blocks(chapter, kind):
    return [block for part in chapter.parts for block in part.blocks if isinstance(block, kind)]


def test_every_item_of_the_checklist_is_answered(chapter):
    covered = {item for part in chapter.parts for item in part.covers}
    assert covered >= ITEMS | FIGURES
    assert not [
        drawing.name for drawing in blocks(chapter, Drawing) if not drawing.svg and not drawing.absent
    ]


def test_every_table_prints_denominator_and_error(chapter):
    for table in blocks(chapter, Table):
        if table.name in ("splits", "failures", "design_prior"):
            continue
        assert re.search(r"n = [\d,]+", table.caption), table.caption
        body = [cell.text for line in table.rows for cell in line[table.stub :]]
        numbers = [text for text in body if text[:1].isdigit() or text[:1] == "\N{MINUS SIGN}"]
        bare = [text for text in numbers if not re.search(r"[(\[]", text)]
        assert numbers
        # What needs no error: counts of trials, and the largest value seen.
        allowed = {"estimation_claimed", "estimation_futile", "posterior_calibration"}
        assert not bare or table.name in allowed or table.name.startswith("size_"), (table.name, bare[:3])


def test_decisions_of_cells_are_shown_by_look_by_reason_and_by_subgroup(chapter, content):
    tables = {table.name: table for table in blocks(chapter, Table)}
    assert tables["decided_by"].head[-1] == tables["closed_by"].head[-1] == "Look 3"
    assert {"efficacy", "futility", "any reason"} <= set(tables["decided_early"].head)
    decided = content["tables"]["decided"].query("metric == 'decided_by'")
    place = ["scenario", "design", "subgroup", "arm", "look"]
    whole = decided[decided.level == "any"].set_index(place).estimate
    parts = decided[decided.level != "any"].groupby(place).estimate.sum()
    assert np.allclose(parts.sort_index(), whole.sort_index())
    assert np.allclose(whole[whole.index.get_level_values("look") == 3], 1.0)


def test_arms_are_small_at_a_decision_over_the_trials_with_a_verdict(chapter, content, results):
    """A cell whose last look passes without a rule firing was not decided by that look."""
    few = content["tables"]["decided"].query("metric == 'few_at_decision'")
    for row in few.itertuples():
        (result,) = (r for r in results if (r.design, r.scenario) == (row.design, row.scenario))
        status = result.status[:, result.subgroups.index(row.subgroup), result.arms.index(row.arm) - 1]
        assert row.m == np.isin(status, (2, 3, 4)).sum() < row.n
    (table,) = (table for table in blocks(chapter, Table) if table.name == "few_at_decision")
    told = {cell.text.partition("m = ")[2].strip(")") for line in table.rows for cell in line[table.stub :]}
    assert told == {f"{m:,}" for m in few.m}


def test_no_patient_is_called_spared_by_a_look_after_the_last(chapter, content):
    (table,) = (table for table in blocks(chapter, Table) if table.name == "decided_early")
    for text in (table.caption, content["labels"]["metrics"]["given_up_early"]["definition"]):
        assert "last patient" in text and "nobody" in text and " only such" not in text
    (part,) = (part for part in chapter.parts if part.name == "allocation")
    label = content["labels"]["metrics"]["wrong_way"]["label"]
    assert f"{label}\N{RIGHT DOUBLE QUOTATION MARK} counts trials in which some" in part.lead[0]


def test_tables_stand_in_the_order_of_the_study(chapter, content):
    tables = {table.name: table for table in blocks(chapter, Table)}
    assert tables["subgroup_power"].head == ["Scenario", "Metric", "Design", *content["meta"]["subgroups"]]
    assert tables["power_of_trial"].head[2:5] == [
        "Any true claim",
        "Every true claim",
        "Exactly the right claims",
    ]
    arms, designs = content["meta"]["arms"][1:], content["meta"]["designs"]
    assert tables["power"].head[-4:] == [f"{a} · {d}" for a in arms for d in designs]
    # The claims of the other design are of non-inferiority.
    assert tables["type_i_error"].head[-2:] == [f"{a} · adaptive" for a in arms]
    claims = content["tables"]["claims"]
    for line in tables["arm_power"].rows:
        design = line[2].text
        own = claims[claims.metric.str.startswith("arm_power") & (claims.design == design)]
        assert {cell.text for cell in line[-2:]} <= {*own.text, "\N{EN DASH}"}


def marks(content):
    """Return which of claim, futility, harm and completed are marked as wrong, by band and design."""
    table = decision_section(content).blocks[0]
    found, band = {}, ""
    for line in table.rows:
        band = line[0].text or band
        found[band, line[1].text] = [cell.flagged for cell in line[table.stub :]]
    return found


def test_wrong_decisions_are_marked_and_no_others(content):
    marked = marks(content)
    for design in ("adaptive", "fixed"):
        assert marked["benefit", design] == [False, True, True, False]
        assert marked["harm", design] == [True, False, False, False]
    assert marked["none", "adaptive"] == [True, False, True, False]
    # A claim of non-inferiority is true where the hazard ratio is 1, and giving up is false.
    assert marked["none", "fixed"] == [False, True, True, False]
    lead = " ".join(decision_section(content).lead)
    assert "A claim of fixed is one of non-inferiority" in lead and "risk difference" not in lead
    bands = content["tables"]["decisions"]
    sums = bands.groupby(["design", "band"]).estimate.sum()
    np.testing.assert_allclose(sums, 1.0)


def test_without_a_design_prior_the_report_says_how_to_declare_one(results, content):
    bare = content | {"bayes": {"prior": [], "notes": []}}
    part = bayes_section(bare)
    assert "declares no design prior" in part.lead[0] and "H8" not in part.covers
    assert "design_prior:" in part.blocks[0].text
    absent = content_of(Source(results, dossier={"design_prior": {"mixed": 0.5, "elsewhere": 0.5}}))
    part = bayes_section(absent)
    assert part.covers == ()
    assert any("not run in elsewhere" in note for note in absent["bayes"]["notes"])


def test_the_caption_of_the_averages_says_what_n_is_in_every_column(content):
    (table,) = [b for b in bayes_section(content).blocks if getattr(b, "name", "") == "bayes"]
    frame = content["tables"]["bayes"]
    for metric, own in frame.groupby("metric"):
        title = content["labels"]["metrics"][metric]["label"]
        told = next(part for part in table.caption.split("; ") if title in part)
        for n in set(own.n):
            assert f"{n:,}" in told, (metric, told)
    assert table.caption.count("n = ") >= frame.groupby("metric").n.max().nunique() > 1


def test_the_evidence_of_the_dossier_is_in_the_table_of_parameters(results):
    stated = [{"parameter": "scenario", "population": "a registry"}]
    table = content_of(Source(results, dossier={"parameters": stated}))["parameters"]
    told = table[EVIDENCE].tolist()
    assert "population: a registry; limits: not given; extraction: not given" in told


def test_a_departure_from_calibration_is_not_said_to_be_of_the_prior_alone(content):
    caption = calibration_figure(content).caption
    assert "how wrong the likelihood is" in caption and "error of the engine" in caption


def test_claims_of_noninferiority_are_in_no_table_of_false_claims(content):
    part = type_i_error_section(content)
    assert "fixed: claims are of non-inferiority" in " ".join(part.lead)
    for table in (b for b in part.blocks if isinstance(b, Table)):
        assert not any("fixed" in text for text in (*table.head, *(c.text for r in table.rows for c in r)))
    averages = next(b for b in bayes_section(content).blocks if getattr(b, "name", "") == "bayes")
    column = averages.head.index("P(effective | success)")
    for line in averages.rows:
        assert (line[column].text == "\N{EN DASH}") == (line[2].text == "fixed")
    # The benchmark claims non-inferiority, so no difference from it counts false claims.
    compared = [b for b in paired_section(content).blocks if isinstance(b, Table)]
    told = {cell.text for table in compared for line in table.rows for cell in line}
    assert "Any true claim" in told and not {"Any false claim", "Exactly the right claims"} & told
    exact = power_section(content).blocks[1]
    shown = {line[exact.head.index("Design")].text: line[-1].text for line in exact.rows}
    assert shown["fixed"] == "\N{EN DASH}" and shown["adaptive"] != "\N{EN DASH}"
    (errors,) = [item for item in content["summary"] if item["text"].startswith("A false claim is")]
    worst = content["tables"]["noninferiority"].query("metric == 'ni_fwer'").estimate.max()
    told = next(line for line in errors["items"] if line.startswith("fixed: "))
    assert told.endswith("in “mixed”, margin HR 1.1")
    assert float(re.search(r"[0-9.]+", told)[0]) == pytest.approx(100 * worst, abs=0.6)
    highest = content["headline"].set_index("design")["Any false claim, highest"]
    assert told.removeprefix("fixed: ").removesuffix(", margin HR 1.1") == highest["fixed"]


def test_noninferiority_is_told_or_said_to_be_absent(content):
    part = noninferiority_section(content)
    assert [block.name for block in part.blocks] == ["noninferiority_trial", "noninferiority"]
    assert part.lead[0].startswith("Margins on the hazard ratio: fixed 1.1.")
    none = content | {"results_notes": {"margins": {}, "risk_margin": []}}
    none["tables"] = content["tables"] | {"noninferiority": content["tables"]["noninferiority"].iloc[:0]}
    assert noninferiority_section(none).lead[0].startswith("Not applicable")
    assert noninferiority_section(none).blocks == []


def test_binding_and_advice_are_told(results):
    assert "only advise" in binding_notes({r.design: r for r in results})[0]


def test_larger_figures_show_a_scenario_of_each_kind(tmp_path):
    truths = {
        "null": ((0.0, 0.0), (0.0, 0.0)),
        "harm": ((0.0, 0.3), (0.0, 0.3)),
        "all": ((-0.4, -0.4), (-0.4, -0.4)),
        "some": ((-0.4, 0.0), (0.0, 0.0)),
        "graded": ((-0.4, -0.4), (-0.2, -0.4)),
        "trend": ((0.0, 0.0), (0.0, 0.0)),
    }
    for name, truth in truths.items():
        config = {"scenario": {"drift": {"knots": [0, 12]} if name == "trend" else {}}}
        arrays = fake_arrays(20, log_hr=truth)
        write_result(tmp_path, "fixed", name, arrays, log_hr=truth, config=config, rules=RULES)
    loaded = in_order(load_results([tmp_path]))
    shown = {entry["scenario"]: entry["why"] for entry in shown_scenarios(loaded)}
    assert shown == {
        "null": "no benefit",
        "trend": "time trend",
        "some": "benefit in some cells",
        "all": "benefit in every cell",
        "graded": "benefit in every cell, not the same in all arms",
    }
    assert "bind, and every error rate" in binding_notes({r.design: r for r in loaded})[0]
    assert "parts on the space of nulls and on sensitivity" in binding_notes({r.design: r for r in loaded})[0]


def test_the_zip_plot_shows_the_cells_of_lowest_coverage(content):
    frame, estimation = content["tables"]["zip"], content["tables"]["estimation"]
    cover = estimation[(estimation.metric == "coverage") & (estimation.level == "overall")]
    for design, own in frame.groupby("design"):
        lowest = cover[cover.design == design].estimate.nsmallest(2)
        assert own.groupby(["scenario", "subgroup", "arm"]).ngroups == 2
        assert set(own.coverage) <= set(cover.text[lowest.index])
    assert (frame.groupby(["design", "scenario", "subgroup", "arm"]).centile.max() == 100).all()
    misses = (frame.upper < frame.truth) | (frame.lower > frame.truth)
    assert (misses == ~frame.covers).all() and misses.any()


def test_the_zip_plot_has_a_row_per_design(content):
    """Titles of panels start at two places from the left, and each row has one design."""
    svg = zip_figure(content).svg
    found = re.findall(r"translate\(([\d.]+) ([\d.]+)\)[^>]*>[^<]* \N{MIDDLE DOT} (\w+)</text>", svg)
    designs = set(content["tables"]["zip"].design)
    places = {(float(x), design) for x, _, design in found if design in designs}
    assert len({x for x, _ in places}) == 2 and len(places) == 2 * len(designs)


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ((800, 400), "one trial, 100 of them from"),
        ((60, 60), "one trial, all 60 from"),
        ((60, 40), "one trial, all of fewer than 100 from"),
        ((800, 60), "one trial, 100 of them, or all where there are fewer, from"),
    ],
)
def test_the_zip_plot_says_how_many_intervals_it_shows(content, sizes, told):
    frame = content["tables"]["zip"]
    first = frame.design == frame.design.iloc[0]
    shown = zip_figure({"tables": {"zip": frame.assign(n=np.where(first, *sizes))}})
    assert told in shown.caption


def test_a_zip_of_few_trials_has_each_once_up_to_the_hundredth_centile(tmp_path):
    truth = ((-0.4, -0.4), (-0.4, -0.4))
    write_result(tmp_path, "fixed", "few", fake_arrays(40, log_hr=truth), log_hr=truth)
    results = load_results([tmp_path])
    frame = zip_part(Source(results), build_tables(results))["tables"]["zip"]
    for _, own in frame.groupby(["subgroup", "arm"]):
        assert own.centile.tolist() == pytest.approx(np.arange(1, 41) * 2.5) and own.lower.nunique() == 40


def test_characteristics_name_every_metric_that_is_used(content):
    tables = [block for part in characteristics_chapter(content).parts for block in part.blocks]
    named = {
        line[0].text for table in tables if getattr(table, "name", "") == "definitions" for line in table.rows
    }
    labels = content["labels"]["metrics"]
    used = {m for frame in content["tables"].values() if "metric" in frame for m in frame.metric}
    assert {labels[m]["label"] for m in used if m in labels and not m.endswith("_advice_applied")} <= named
