"""The same trial without and with a model of the time trend, and trials with an overrun; fake results."""

import json
import re

import numpy as np
import pytest

from adaptive import montecarlo as mc
from adaptive.codes import CellStatus
from adaptive.oc import examples_masks as masks
from adaptive.oc.examples_kinds import KINDS, find
from adaptive.oc.examples_pairs import find_pair, pairs, variants
from adaptive.oc.examples_text import compared
from adaptive.oc.load import load_results
from adaptive.oc.source import Source
from tests.report.synthetic import fake_arrays, write_result

NULL = ((0.0, 0.0), (0.0, 0.0))
EFFICACY, COMPLETED = int(CellStatus.EFFICACY), int(CellStatus.COMPLETED)
DRIFT = {"multiplier": {"value": {"event": [1.0, 0.6]}}}


def config(name, periods=None, seed=7):
    return {
        "design": {"name": name, "periods": periods, "max_patients": 600},
        "scenario": {"name": "drift", "drift": DRIFT},
        "allocation": {"kind": "thall_wathen"},
        "seed": seed,
    }


def study(root, *, adjusted_seed=7, claims=(), adjusted_claims=()):
    """Write an unadjusted and an adjusted design; each cell in ``claims`` is a false claim of that trial."""
    for name, periods, seed, found in (
        ("plain", None, 7, claims),
        ("adjusted", [0, 12], adjusted_seed, adjusted_claims),
    ):
        arrays = fake_arrays(60, log_hr=NULL, claim=0.0, futile=0.0, seed=3)
        assert (arrays["status"] == COMPLETED).all()
        for trial, s, b in found:
            arrays["status"][trial, s, b] = EFFICACY
        folder = root if name == "plain" else root / "study" / "sensitivity" / "time"
        own = config(name, periods, seed)
        write_result(
            folder, name, "drift", arrays, log_hr=NULL, config=own, benchmark=None, study="study", seed=seed
        )
    return root / "study"


def loaded(folder):
    results = load_results([folder])
    extra, notes = variants(Source(results, folder))
    assert not notes
    return results, extra


def test_a_trial_that_only_the_unadjusted_model_gets_wrong_is_found(tmp_path):
    claims, adjusted = [(4, 0, 1), (9, 1, 0), (20, 0, 0)], [(9, 1, 0), (30, 0, 0), (31, 0, 0)]
    results, extra = loaded(study(tmp_path, claims=claims, adjusted_claims=adjusted))
    assert [r.design for r in extra] == ["adjusted"]
    pair = find_pair([*results, *extra])
    assert (pair.plain.design, pair.adjusted.design) == ("plain", "adjusted")
    assert pair.trial in (4, 20)
    assert (pair.corrected.m, pair.corrected.n) == (2, 60)
    assert (pair.reverse.m, pair.reverse.n) == (2, 60)
    assert pair.difference.estimate == 0 and pair.difference.mcse == pytest.approx(np.sqrt(4 / 60 / 59))
    assert pair.corrected.mcse == pytest.approx(np.sqrt(2 / 60 * 58 / 60 / 60))


def test_a_trial_that_the_adjusted_model_gets_wrong_elsewhere_is_no_correction(tmp_path):
    results, extra = loaded(study(tmp_path, claims=[(4, 0, 1)], adjusted_claims=[(4, 1, 0)]))
    assert find_pair([*results, *extra]) is None


def test_planted_bug_results_of_other_seeds_are_no_pair(tmp_path):
    results, extra = loaded(study(tmp_path, claims=[(4, 0, 1)], adjusted_seed=8))
    assert pairs([*results, *extra]) == [] and find_pair([*results, *extra]) is None


def test_altered_evidence_is_left_out_and_named(tmp_path):
    folder = study(tmp_path, claims=[(4, 0, 1)])
    altered = next((folder / "sensitivity").rglob("truth.json"))
    altered.write_text(json.dumps(json.loads(altered.read_text()) | {"horizon_months": 1.0}))
    extra, notes = variants(Source(load_results([folder]), folder))
    assert extra == [] and "left out" in notes[0] and "altered" in notes[0]


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
