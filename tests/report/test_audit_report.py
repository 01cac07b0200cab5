"""The report's audit section: absent, present, of other results, altered; every string as text."""

import numpy as np
import pandas as pd
import pytest

from adaptive.codes import CellStatus
from adaptive.errors import BadInput
from adaptive.interim.analyse import CLOSE
from adaptive.montecarlo import round_by_se
from adaptive.oc.audit_change import Behind, exposed
from adaptive.oc.audit_content import CLAIMS, INDUCED, NOT_AUDITED, audit_content
from adaptive.oc.audit_judge import BEST
from adaptive.oc.audit_store import FOLDER, SUMMARY, TABLE, fitting_audit, identify, read_audit, write_audit
from adaptive.oc.audit_summary import summarise
from adaptive.oc.audit_text import REFITTED
from adaptive.oc.load import load_results
from adaptive.oc.source import Source
from adaptive.report.compliance import PARTLY, PRESENT, checklist_rows
from adaptive.report.document import document
from adaptive.report.html import report_html
from adaptive.report.sections_audit import audit_section, difference_figure
from adaptive.report.sections_software import interim_section
from tests.report.synthetic import fake_arrays, write_result

HOSTILE = "<b>P(HR < 1)</b>"
SETTINGS = {
    "seed": 1,
    "posterior": {
        "chains": 4,
        "draws": 1500,
        "warmup": 500,
        "max_rhat": 1.01,
        "min_ess": 400,
        "max_divergences": 0,
        "min_ebfmi": 0.3,
    },
}


def fake_table(n=60, quantity="P(HR < 1)"):
    """Return an audit's table: one rule and one P(best) row per look, every tenth decision flipped."""
    rng = np.random.default_rng(8)
    one = np.arange(n)
    shared = {
        "scenario": "null",
        "design": "fixed",
        "trial": one,
        "look": 0,
        "subgroup": "TNBC",
        "arm": "drug A",
        "random": one % 2 == 0,
        "near": one % 3 == 0,
        "open": True,
        "health": "OK",
        "fast_health": "OK",
        "events": rng.uniform(10, 300, n),
        "reproduced": True,
        "rhat": 1.002,
        "ess": 1200.0,
        "divergences": 0,
        "attempts": 1,
        "p_nuts": rng.uniform(0.1, 0.9, n),
        "mcse": 0.01,
    }
    flip = one % 10 == 0
    rule = pd.DataFrame(
        shared
        | {"quantity": quantity, "distance": rng.exponential(1.0, n), "null": True, "flip": flip}
        | {"real": one % 20 == 0, "verdict_fast": np.where(flip, "EFFICACY", "NONE"), "verdict_nuts": "NONE"}
    )
    best = pd.DataFrame(shared | {"quantity": BEST, "allocation_fast": 0.5, "allocation_nuts": 0.4})
    frame = pd.concat([rule, best], ignore_index=True)
    flags = {name: frame[name].eq(True) for name in ("null", "flip", "real")}
    return frame.assign(p_fast=frame.p_nuts + rng.normal(0, 0.01, len(frame)), **flags)


def write(root, results, table=None):
    table = fake_table() if table is None else table
    content = {
        "study": "fake",
        "results": [identify(result, root) for result in results],
        "settings": SETTINGS,
        "summary": summarise(table, Behind(900, 300)),
    }
    return write_audit(root, content, table)


@pytest.fixture
def results(tmp_path):
    for design in ("fixed", "adaptive"):
        write_result(tmp_path, design, "null", fake_arrays(60, seed=2), log_hr=((0.0, 0.0), (0.0, 0.0)))
    return load_results([tmp_path])


def test_without_an_audit_the_report_says_so(results):
    content = audit_content(Source(results))
    assert content == {"lead": [NOT_AUDITED], "messages": [], "tables": {}}
    assert audit_section({"audit": content}).lead[0].startswith("Not audited")


def test_an_audit_of_a_cell_or_of_its_study_is_found(results, tmp_path):
    cell = results[0]
    folder = write(cell.path, [cell])
    assert fitting_audit(results)[0].folder == folder
    lead = audit_content(Source(results))["lead"][0]
    assert "covers 1 of the 2 results" in lead
    assert "Sensitivity analyses" in lead and "searches of nulls were not audited" in lead
    study = cell.path.parent.parent
    assert write(study, results) == study / FOLDER
    assert fitting_audit(results)[0].folder == study / FOLDER


def test_section_has_tables_and_a_figure_with_every_string_escaped(results):
    write(results[0].path, results[:1], fake_table(quantity=HOSTILE))
    content = audit_content(Source(results))
    part = audit_section({"audit": content})
    assert [block.name for block in part.blocks] == [
        "figure-audit",
        "audit_flips",
        "audit_induced",
        "audit_changes",
        "audit_differences",
        "audit_fits",
    ]
    assert "mathdefault" not in part.blocks[0].svg
    page = report_html(document(minimal(content), [part]))
    assert HOSTILE not in page and "&lt;b&gt;P(HR &lt; 1)&lt;/b&gt;" in page
    flips = part.blocks[1]
    assert [cell.text for cell in flips.rows[0]][:7] == ["drawn at random", "all", "30", "30", "6", "3", "3"]


def test_more_draws_of_a_real_look_are_told_before_the_bound(results):
    write(results[0].path, results[:1])
    lead = audit_content(Source(results))["lead"]
    (bound,) = (i for i, text in enumerate(lead) if "this bounds any change" in text)
    assert lead.index(REFITTED) < bound
    assert f"within {CLOSE:g} of its own Monte Carlo standard errors" in REFITTED
    (item,) = (text for text in interim_section({}).blocks[0].items if "engine audit" in text)
    assert "fitted again with more draws" in item and "the audit does not do this" in item


def test_a_diagnostic_that_the_audit_does_not_keep_is_a_gap_of_the_checklist(results):
    write(results[0].path, results[:1])
    audit = audit_content(Source(results))
    fits = audit["tables"]["audit_fits"]
    kept = {"tables": audit["tables"] | {"audit_fits": fits[fits.worst != "not stored"]}}
    meta = {"meta": {"title": "An adaptive trial", "subtitle": ""}}

    def row(shown):
        parts = [audit_section({"audit": audit})]
        (found,) = (r for r in checklist_rows(parts, meta | {"audit": shown}) if r["id"] == "F2")
        return found["status"], found["reason"]

    assert row(audit) == (PARTLY, "not stored: E-BFMI, smallest of a fit")
    assert row(kept) == (PRESENT, "")


def test_quantities_have_the_sign_of_the_rest_of_the_report(results):
    write(results[0].path, results[:1], fake_table(quantity="P(HR >= 1)"))
    content = audit_content(Source(results))
    shown = content["tables"]["audit_differences"].quantity.tolist()
    assert "P(HR ≥ 1)" in shown and "P(HR >= 1)" not in shown
    said = " ".join(content["lead"])
    assert "P(HR ≥ 1): " in said and ">=" not in said


def test_type_i_errors_keep_their_number_in_a_sentence(results):
    write(results[0].path.parent.parent, results)
    said = " ".join(audit_content(Source(results))["lead"])
    assert "percentage points with its standard error: type I error " in said


def test_the_change_of_error_rates_is_estimated_from_the_flips(results):
    """Two of the 20 nearest looks and four of the 20 others gain a false claim, of 900 in 300 trials."""
    write(results[0].path.parent.parent, results)
    content = audit_content(Source(results))
    table = content["tables"]["audit_induced"].set_index("metric")
    assert table.index.tolist() == [INDUCED["type_i_error"], INDUCED["fwer"]]
    spread = np.sqrt(4 + 1 - 4**2 / 22) / 22
    for metric, cells in (("type_i_error", 4), ("fwer", 1)):
        estimate, error = (2 + 880 * 4 / 20) / 300 / cells, 880 * spread / 300 / cells
        value, mcse = round_by_se(100 * estimate, 100 * error)
        assert table.change[INDUCED[metric]] == f"{value} ({mcse})"
        assert f"{value} ({mcse})" in content["lead"][-1]
    assert "F4" in audit_section({"audit": content}).covers


def test_what_a_trial_has_to_claim_is_averaged_over_trials(tmp_path):
    """One cell of four has a benefit in 60 trials, none in 20 others, of which two cells are not offered."""
    mixed = ((0.0, -0.5), (0.0, 0.0))
    write_result(tmp_path, "fixed", "mixed", fake_arrays(60, log_hr=mixed), log_hr=mixed)
    alone = fake_arrays(20, log_hr=((0.0, 0.0), (0.0, 0.0)))
    alone["status"][:, 1] = CellStatus.NEVER_OPENED
    write_result(tmp_path, "fixed", "null", alone, log_hr=((0.0, 0.0), (0.0, 0.0)))
    found = exposed(load_results([tmp_path]))
    assert found == {"type_i_error": 2.75, "power": 0.75, "fwer": 1.0, "disjunctive_power": 0.75}


def test_without_every_audited_result_the_change_is_one_of_the_number_of_claims(results):
    write(results[0].path.parent.parent, results)
    every = audit_content(Source(results))["tables"]["audit_induced"]
    content = audit_content(Source(results[:1]))
    assert "and 1 others" in content["lead"][0]
    table = content["tables"]["audit_induced"]
    assert table.metric.tolist() == list(CLAIMS.values())
    assert set(table.per_trial) == {"not known"}
    # A trial has four cells without benefit, and their rate is a mean over them.
    rate, claims = (float(frame.change[0].split(" ")[0]) for frame in (every, table))
    assert claims == pytest.approx(4 * rate, rel=0.05)


def test_without_random_looks_nothing_is_estimated(results):
    write(results[0].path, results[:1], fake_table().assign(random=False))
    content = audit_content(Source(results[:1]))
    assert "audit_induced" not in content["tables"]
    assert "F4" not in audit_section({"audit": content}).covers


def test_the_fits_are_shown_from_median_to_worst(results):
    table = fake_table()
    table["rhat"] = 1 + 0.0001 * table.trial
    table["ess"] = 500.0 + table.trial
    write(results[0].path, results[:1], table)
    frame = audit_content(Source(results))["tables"]["audit_fits"].set_index("gate")
    assert frame.loc["at most 1.01"].tolist()[1:] == ["1.0029", "1.0059", "1.0059", "1.0059"]
    assert frame.loc["at least 400"].tolist()[1:] == ["530", "500", "500", "500"]
    assert frame.loc["at least 0.3"].tolist()[1:] == 4 * ["not stored"]


def test_an_audit_whose_summary_has_other_counts_is_read_from_its_table(results):
    """Earlier versions told strata of flips and checks of fits by other names."""
    table = fake_table()
    content = {
        "study": "fake",
        "results": [identify(results[0], results[0].path)],
        "settings": SETTINGS,
        "summary": {"behind": {"looks": 900, "trials": 300}, "flips": [], "fits": {}},
    }
    write_audit(results[0].path, content, table)
    flips = audit_content(Source(results))["tables"]["audit_flips"]
    assert flips.decisions.iloc[0] == 30


def minimal(audit):
    """Return the least that a page needs beside its sections."""
    row = pd.DataFrame([{"scenario": "s", "design": "d", "seed": "1"}])
    return {
        "audit": audit,
        "meta": {"study": "s", "title": "t", "subtitle": "", "designs": [], "scenarios": [], "command": []},
        "summary": [],
        "warnings": [],
        "headline": row,
        "provenance": row,
        "files": row,
        "configs": [],
        "labels": {"metrics": {"fwer": {"label": "l", "unit": "u", "definition": "d"}}},
        "tables": {"claims": pd.DataFrame({"metric": ["fwer"]})},
    }


def test_an_audit_of_other_results_is_ignored_with_a_message(results):
    write(results[0].path.parent.parent, results)
    manifest = results[0].path / "manifest.json"
    manifest.write_text(manifest.read_text() + " ")
    content = audit_content(Source(results))
    assert content["lead"][0] == NOT_AUDITED
    (message,) = content["messages"]
    assert "of other results" in message and "manifest differs" in message


@pytest.mark.parametrize("name", [TABLE, SUMMARY])
def test_one_changed_byte_is_refused(results, name):
    folder = write(results[0].path, results[:1])
    assert read_audit(folder).content["study"] == "fake"
    file = folder / name
    altered = bytearray(file.read_bytes())
    place = altered.index(b'"study"') + 2 if name == SUMMARY else len(altered) // 2
    altered[place] ^= 1
    file.write_bytes(bytes(altered))
    with pytest.raises(BadInput, match="adaptive audit"):
        audit_content(Source(results))
    draft = Source(results, draft=True)
    assert audit_content(draft)["messages"] == draft.damaged and "altered" in draft.damaged[0]


def test_the_figure_keeps_every_flip_and_one_point_per_decision(results):
    write(results[0].path, results[:1])
    points = audit_content(Source(results))["tables"]["audit_points"]
    random = points[points["sample"] == "random"]
    assert len(random) == 30
    assert (random.outcome != "same").sum() == 6
    assert difference_figure(points.iloc[:0]).absent
