"""The same trial without and with a model of the time trend, and trials with an overrun; fake results."""

import dataclasses
import re

import numpy as np
import pytest

from adaptive import montecarlo as mc
from adaptive.codes import CellStatus
from adaptive.errors import BadInput
from adaptive.io.hashing import sha256_data
from adaptive.io.manifest import code_state
from adaptive.oc import examples_masks as masks
from adaptive.oc.examples_kinds import KINDS, Found, find
from adaptive.oc.examples_pairs import Variants, find_pair, pairs, variants
from adaptive.oc.examples_text import compared, paired
from adaptive.oc.load import load_results
from adaptive.oc.sensitivity import Declaration, Factor, Level
from adaptive.oc.sensitivity_store import write_index
from adaptive.oc.source import Source
from tests.report.synthetic import fake_arrays, write_result

NULL = ((0.0, 0.0), (0.0, 0.0))
EFFICACY, COMPLETED = int(CellStatus.EFFICACY), int(CellStatus.COMPLETED)
DRIFT = {"multiplier": {"value": {"event": [1.0, 0.6]}}}
LEVELS = (Level("none", "no periods"), Level("strata", "strata of 12 months", ("periods=1",)))
TIME = Factor("time", "Time model", "Does it matter?", "none", ("plain",), ("drift",), LEVELS)


def config(periods=None, seed=7, tau_scale=0.5):
    return {
        "design": {"name": "plain", "periods": periods, "max_patients": 600},
        "scenario": {"name": "drift", "drift": DRIFT},
        "allocation": {"kind": "thall_wathen"},
        "model": {"kind": "partial_pooling", "tau_scale": tau_scale, "drift": periods and {"kind": "walk"}},
        "seed": seed,
    }


def signed(manifest):
    """Give a fake manifest what a stored cell has: the code, an identity, and its own hash."""
    manifest |= {"code": code_state(), "identity": {}}
    manifest["manifest_sha256"] = sha256_data(manifest)


def write(folder, name, claims, settings):
    """Write a result of one design; each cell in ``claims`` is a false claim of that trial."""
    arrays = fake_arrays(60, log_hr=NULL, claim=0.0, futile=0.0, seed=3)
    assert (arrays["status"] == COMPLETED).all()
    for trial, s, b in claims:
        arrays["status"][trial, s, b] = EFFICACY
    given = {"log_hr": NULL, "config": settings, "benchmark": None, "edit": signed}
    return write_result(folder, "plain", "drift", arrays, study=name, seed=settings["seed"], **given)


def study(root, *, claims=(), adjusted_claims=(), undeclared=(), **adjusted):
    """Write a design, the same one with periods as a level of a sensitivity analysis, and its index."""
    write(root, "study", claims, config())
    varied = root / "study" / "sensitivity"
    write(varied / "time", "strata", adjusted_claims, config([0, 12], **adjusted))
    write_index(root / "study", Declaration((TIME,), {}), 60, "adaptive sensitivity")
    write(varied / "mine", "strata", undeclared, config([0, 12]))
    return root / "study"


def loaded(folder):
    results = load_results([folder])
    extra = variants(Source(results, folder))
    assert not extra.notes
    return results, extra


def test_a_trial_that_only_the_unadjusted_model_gets_wrong_is_found(tmp_path):
    claims, adjusted = [(4, 0, 1), (9, 1, 0), (20, 0, 0)], [(9, 1, 0), (30, 0, 0), (31, 0, 0)]
    results, extra = loaded(study(tmp_path, claims=claims, adjusted_claims=adjusted))
    pair = find_pair([*results, *extra.results])
    assert (pair.plain, pair.adjusted) == (results[0], extra.results[0])
    assert pair.trial in (4, 20)
    assert (pair.corrected.m, pair.corrected.n) == (2, 60)
    assert (pair.reverse.m, pair.reverse.n) == (2, 60)
    assert pair.difference.estimate == 0 and pair.difference.mcse == pytest.approx(np.sqrt(4 / 60 / 59))
    assert pair.corrected.mcse == pytest.approx(np.sqrt(2 / 60 * 58 / 60 / 60))


def test_a_cell_of_the_sensitivity_analysis_has_the_name_of_its_setting(tmp_path):
    results, extra = loaded(study(tmp_path))
    (cell,) = extra.results
    assert (cell.design, cell.scenario) == (results[0].design, results[0].scenario)
    assert extra.settings == {cell.path: "Time model: strata of 12 months"}
    assert results[0].path not in extra.settings


def test_the_setting_of_a_factor_under_a_trend_says_which_trend(tmp_path):
    study(tmp_path, claims=[(4, 0, 1)])
    down = ("+scenario.drift=1",)
    levels = (Level("flat", "none"), Level("falling", "log hazard down by 0.5 over 48 months", down))
    trend = Factor("trend", "Time trend", "Does it matter?", "flat", ("plain",), ("drift",), levels)
    time = dataclasses.replace(TIME, overrides=("keep_looks=true", *down))
    varied = tmp_path / "study" / "sensitivity"
    write(varied / "time", "none", [(4, 0, 1)], config())
    write(varied / "trend", "falling", [(4, 0, 1)], config())
    write_index(tmp_path / "study", Declaration((trend, time), {}), 60, "adaptive sensitivity")
    extra = loaded(tmp_path / "study")[1]
    words = "under time trend: log hazard down by 0.5 over 48 months"
    assert {path.parts[-3]: setting for path, setting in extra.settings.items()} == {
        "falling": "Time trend: log hazard down by 0.5 over 48 months",
        "none": f"Time model: no periods, {words}",
        "strata": f"Time model: strata of 12 months, {words}",
    }
    pair = find_pair(extra.results)
    tier = next(kind for kind in KINDS if kind.name == "drift").tiers[0]
    ends = [
        Found(r, pair.trial, tier, pair.corrected, extra.settings[r.path])
        for r in (pair.plain, pair.adjusted)
    ]
    assert all(f"(sensitivity analysis, {found.setting})" in paired(pair, *ends) for found in ends)
    several = paired(pair._replace(among=2), *ends)
    assert "Of the 2 pairs of results" in several and "largest share of such trials" in several
    assert "pairs of results" not in paired(pair._replace(among=1), *ends)


def test_what_the_index_does_not_declare_is_not_used(tmp_path):
    """The undeclared folder would correct both trials, the declared one corrects none."""
    claims = [(4, 0, 1), (9, 1, 0)]
    results, extra = loaded(study(tmp_path, claims=claims, adjusted_claims=claims, undeclared=()))
    assert [cell.path.parts[-4:-2] for cell in extra.results] == [("time", "strata")]
    assert find_pair([*results, *extra.results]) is None


def test_without_an_index_nothing_is_used(tmp_path):
    folder = study(tmp_path, claims=[(4, 0, 1)])
    (folder / "sensitivity" / "sensitivity.json").unlink()
    assert variants(Source(load_results([folder]), folder)) == Variants([], {}, [])


def test_an_analysis_of_other_results_is_not_used_and_it_is_said(tmp_path):
    folder = study(tmp_path / "one", claims=[(4, 0, 1)])
    others = load_results([study(tmp_path / "two", claims=[(5, 0, 1)])])
    extra = variants(Source(others, folder))
    assert extra.results == [] and "of other results" in extra.notes[0]


def test_a_trial_that_the_adjusted_model_gets_wrong_elsewhere_is_no_correction(tmp_path):
    results, extra = loaded(study(tmp_path, claims=[(4, 0, 1)], adjusted_claims=[(4, 1, 0)]))
    assert find_pair([*results, *extra.results]) is None


@pytest.mark.parametrize("other", [{"seed": 8}, {"tau_scale": 0.1}])
def test_planted_bug_results_of_other_seeds_or_priors_are_no_pair(tmp_path, other):
    results, extra = loaded(study(tmp_path, claims=[(4, 0, 1)], **other))
    found = [*results, *extra.results]
    assert len(found) == 2 and pairs(found) == [] and find_pair(found) is None


def test_the_same_result_twice_is_one_pair(tmp_path):
    results, extra = loaded(study(tmp_path, claims=[(4, 0, 1)]))
    again = load_results([write(tmp_path / "again", "study", [(4, 0, 1)], config())])
    found = [*again, *results, *extra.results]
    assert len(pairs(found)) == find_pair(found).among == 1


def test_altered_evidence_is_refused_and_a_draft_says_so(tmp_path):
    folder = study(tmp_path, claims=[(4, 0, 1)])
    altered = next((folder / "sensitivity" / "time").rglob("truth.json"))
    altered.write_text(altered.read_text() + " ")
    results = load_results([folder])
    with pytest.raises(BadInput, match="altered"):
        variants(Source(results, folder))
    extra = variants(Source(results, folder, draft=True))
    assert extra.results == [] and "altered" in extra.notes[0]


def with_overrun(root, shift, undone=()):
    """Write claims whose estimate moves by ``shift``; in the trials ``undone`` the interval covers 0."""
    arrays = fake_arrays(50, log_hr=((-0.5, 0.0), (0.0, 0.0)), claim=((0.6, 0), (0, 0)), futile=0.1, seed=5)
    upper = np.full(arrays["status"].shape, -0.1)
    upper[list(undone)] = 0.05
    arrays |= {
        "overrun_log_hr_mean": arrays["log_hr_mean"] + shift,
        "overrun_log_hr_upper": upper,
        "overrun_p_below_1": np.full(upper.shape, 0.9),
    }
    write_result(root, "late", "s", arrays, log_hr=((-0.5, 0.0), (0.0, 0.0)))
    return load_results([root])[0]


def test_an_overrun_that_undoes_a_claim_goes_before_one_that_weakens_it(tmp_path):
    kind = next(k for k in KINDS if k.name == "overrun")
    weaker = with_overrun(tmp_path / "weaker", 0.1)
    claimed = np.flatnonzero(weaker.claimed.any(axis=(1, 2)))
    found = find(kind, [weaker])
    assert found.tier.near and found.share.m == claimed.size > 10 and found.trial in claimed
    idle = np.setdiff1d(np.arange(50), claimed)
    undone = with_overrun(tmp_path / "undone", 0.1, [claimed[7], idle[0]])
    found = find(kind, [undone])
    assert found.trial == claimed[7] and not found.tier.near and found.share.m == 1
    stronger = with_overrun(tmp_path / "stronger", -0.1)
    assert masks.has_lags(stronger) and find(kind, [stronger]) is None


def test_without_lags_there_is_no_overrun(tmp_path):
    results = load_results([study(tmp_path)])
    assert not any(masks.has_lags(result) for result in results)


@pytest.mark.parametrize(
    ("before", "after", "word"), [(40, 4, "fewer"), (4, 40, "more"), (11, 9, "no clear difference")]
)
def test_the_sentence_on_the_pair_follows_the_paired_difference(before, after, word):
    change = np.concatenate([-np.ones(before), np.ones(after), np.zeros(1000 - before - after)])
    said = compared(mc.mean(change))
    assert word in said and "MCSE" in said
    mcnemar = 100 * np.sqrt(before + after - (before - after) ** 2 / 1000) / 1000
    assert float(re.search(r"MCSE ([\d.]+)", said)[1]) == pytest.approx(mcnemar, abs=0.05)
