"""Metrics against brute force over synthetic results; a planted error in each family must show."""

import dataclasses

import numpy as np
import pytest

from adaptive.errors import BadInput
from adaptive.oc import metrics
from adaptive.oc.compare import paired_differences
from adaptive.oc.load import load_results
from adaptive.oc.outcomes import claims_after_advice
from adaptive.oc.tables import build_tables
from tests.report.synthetic import ARMS, SUBGROUPS, fake_arrays, write_result
from tests.statistics import assert_mc_close

MIXED = ((0.0, -0.4), (-0.5, 0.2))
NULL = np.array(MIXED) >= 0
ADVISORY = [
    {"kind": "efficacy", "margin": 1.0, "threshold": [0.98] * 4, "binding": True},
    {"kind": "futility", "margin": 0.9, "threshold": [0.1] * 4, "binding": False},
]


def one(tmp_path, arrays, **options):
    write_result(tmp_path, "fixed", "mixed", arrays, log_hr=MIXED, **options)
    return load_results([tmp_path])[0]


def lookup(rows, metric, **where):
    found = [r for r in rows if r["metric"] == metric and all(r[k] == v for k, v in where.items())]
    assert len(found) == 1, (metric, where, len(found))
    return found[0]


@pytest.fixture
def arrays():
    return fake_arrays(500, log_hr=MIXED, claim=((0.1, 0.5), (0.6, 0.05)), seed=3)


def brute_claims(arrays):
    """Count claims trial by trial in plain Python."""
    counts = dict.fromkeys(("fwer", "disjunctive_power", "conjunctive_power", "correct_set"), 0)
    for status in arrays["status"]:
        claims = {(s, b) for s in range(2) for b in range(2) if status[s, b] == 2}
        true = {(0, 1), (1, 0)}
        counts["fwer"] += bool(claims - true)
        counts["disjunctive_power"] += bool(claims & true)
        counts["conjunctive_power"] += claims >= true
        counts["correct_set"] += claims == true
    return counts


def assert_claims(result, arrays):
    rows = metrics.claims(result)
    for metric, count in brute_claims(arrays).items():
        found = lookup(rows, metric)
        assert (found["m"], found["n"]) == (count, 500)
        p = count / 500
        assert found["mcse"] == pytest.approx(np.sqrt(p * (1 - p) / 500))
    for s, subgroup in enumerate(SUBGROUPS):
        for b, arm in enumerate(ARMS[1:]):
            metric = "type_i_error" if NULL[s, b] else "power"
            found = lookup(rows, metric, subgroup=subgroup, arm=arm)
            assert found["m"] == sum(trial[s, b] == 2 for trial in arrays["status"])


def test_claims_by_brute_force(tmp_path, arrays):
    assert_claims(one(tmp_path, arrays), arrays)


def test_planted_swap_of_null_and_benefit_is_seen(tmp_path, arrays):
    result = one(tmp_path, arrays)
    swapped = dataclasses.replace(result.truth, is_null=~result.truth.is_null)
    with pytest.raises(AssertionError):
        assert_claims(dataclasses.replace(result, truth=swapped), arrays)


def test_claims_have_the_known_probability(tmp_path, arrays):
    """Independent cells: FWER is one minus the product of (1 - p) over the null cells."""
    rows = metrics.claims(one(tmp_path, arrays))
    expected = {"fwer": 1 - 0.9 * 0.95, "conjunctive_power": 0.3, "disjunctive_power": 1 - 0.5 * 0.4}
    for metric, p in expected.items():
        assert_mc_close(lookup(rows, metric)["estimate"], p, np.sqrt(p * (1 - p) / 500), n_checks=3)


def test_cells_not_offered_count_for_nothing(tmp_path, arrays):
    arrays["status"][:, 0, 0] = 0
    rows = metrics.claims(one(tmp_path, arrays))
    assert not [r for r in rows if r["subgroup"] == SUBGROUPS[0] and r["arm"] == ARMS[1]]
    assert lookup(rows, "fwer")["m"] == (arrays["status"][:, 1, 1] == 2).sum()


@pytest.mark.parametrize("looks", [False, True])
def test_advice_applied_after_the_fact(tmp_path, looks):
    arrays = fake_arrays(300, log_hr=MIXED, claim=0.5, seed=4, looks=looks)
    rng = np.random.default_rng(5)
    arrays["advice"] = np.where(rng.random(arrays["status"].shape) < 0.4, 3, 0)
    arrays["advice_look"] = np.minimum(rng.integers(0, 3, arrays["status"].shape), arrays["decided_look"])
    result = one(tmp_path, arrays, rules=ADVISORY)
    earlier = arrays["advice_look"] < arrays["decided_look"]
    expected = (arrays["status"] == 2) & ~((arrays["advice"] == 3) & earlier)
    np.testing.assert_array_equal(claims_after_advice(result), expected)
    assert (expected != ((arrays["status"] == 2) & (arrays["advice"] != 3))).any()
    found = lookup(metrics.claims(result), "fwer_advice_applied")
    assert found["m"] == expected[:, NULL].any(axis=1).sum()
    assert found["m"] < lookup(metrics.claims(result), "fwer")["m"]


def test_advice_metrics_are_left_out_when_every_rule_binds(tmp_path, arrays):
    assert not [r for r in metrics.claims(one(tmp_path, arrays)) if "advice" in r["metric"]]


def test_size_by_hand(tmp_path, arrays):
    rows = metrics.size(one(tmp_path, arrays))
    totals = arrays["patients"].sum(axis=(1, 2))
    assert lookup(rows, "patients", level="mean")["estimate"] == pytest.approx(totals.mean())
    assert lookup(rows, "patients", level="sd")["estimate"] == pytest.approx(totals.std(ddof=1))
    for level, q in (("p05", 0.05), ("p25", 0.25), ("p50", 0.5), ("p75", 0.75), ("p95", 0.95)):
        assert lookup(rows, "patients", level=level)["estimate"] == sorted(totals)[int(np.ceil(500 * q)) - 1]
    assert lookup(rows, "months", level="mean")["mcse"] == pytest.approx(
        arrays["months"].std(ddof=1) / np.sqrt(500)
    )


def test_stopping_adds_up(tmp_path, arrays):
    rows = metrics.stopping(one(tmp_path, arrays))
    reasons = [r for r in rows if r["metric"] == "stop" and r["level"] != "any"]
    assert sum(r["m"] for r in reasons) == 500
    assert lookup(rows, "stopped_by", level="any", look=4)["estimate"] == 1.0
    early = (arrays["reason"] == 3) & (arrays["last_look"] <= 1)
    assert lookup(rows, "stopped_by", level="FUTILITY", look=2)["m"] == early.sum()
    # Planted error: counting looks from 0 in print would move the final look's share to another look.
    assert lookup(rows, "stop", level="FINAL_LOOK", look=4)["m"] == (arrays["last_look"] == 3).sum()
    assert lookup(rows, "stop", level="FINAL_LOOK", look=3)["m"] == 0


def test_cell_states_add_up(tmp_path, arrays):
    rows = metrics.cell_status(one(tmp_path, arrays))
    cell = [r for r in rows if r["subgroup"] == SUBGROUPS[1] and r["arm"] == ARMS[2]]
    assert sum(r["m"] for r in cell) == 500
    assert lookup(cell, "status", level="FUTILITY")["m"] == (arrays["status"][:, 1, 1] == 3).sum()


def test_allocation_by_hand(tmp_path, arrays):
    rows = metrics.allocation(one(tmp_path, arrays))
    n = arrays["patients"]
    # Best arms by truth: subgroup 0 arm 2 (-0.4), subgroup 1 arm 1 (-0.5); every other arm is inferior.
    assert lookup(rows, "patients_inferior", subgroup="all")["estimate"] == pytest.approx(
        (n[:, 0, 0] + n[:, 0, 1] + n[:, 1, 0] + n[:, 1, 2]).mean()
    )
    wrong = sum(max(t[0, 0], t[0, 1]) > t[0, 2] for t in n)
    assert lookup(rows, "wrong_way", subgroup=SUBGROUPS[0])["m"] == wrong
    assert (
        lookup(rows, "wrong_way_experimental", subgroup=SUBGROUPS[1])["m"] == (n[:, 1, 2] > n[:, 1, 1]).sum()
    )
    assert lookup(rows, "patients_in", subgroup="all", arm="all", level="mean")["estimate"] == pytest.approx(
        n.sum(axis=(1, 2)).mean()
    )


def test_no_arm_is_inferior_under_a_global_null(tmp_path):
    arrays = fake_arrays(50)
    write_result(tmp_path, "fixed", "null", arrays, log_hr=((0.0, 0.0), (0.0, 0.0)))
    rows = metrics.allocation(load_results([tmp_path])[0])
    assert not [r for r in rows if r["metric"] in ("wrong_way", "patients_inferior")]


def test_allocation_over_looks(tmp_path):
    arrays = fake_arrays(300, log_hr=MIXED, looks=True, adaptive=True)
    rows = metrics.allocation(one(tmp_path, arrays))
    held = arrays["last_look"] >= 1
    values = arrays["allocation"][held, 1, 0, 2]
    found = lookup(rows, "allocation_after", look=2, subgroup=SUBGROUPS[0], arm=ARMS[2], level="p50")
    assert found["n"] == held.sum()
    assert found["estimate"] == np.quantile(values, 0.5, method="inverted_cdf")
    assert not [r for r in rows if r["metric"] == "allocation_after" and r["look"] == 4]


def assert_estimation(rows, shift):
    """Estimates are Normal(truth + shift, 0.2) with the right posterior SD."""
    for subgroup in SUBGROUPS:
        for arm in ARMS[1:]:
            where = {"subgroup": subgroup, "arm": arm, "level": "overall"}
            bias = lookup(rows, "bias", **where)
            assert_mc_close(bias["estimate"], shift, 0.2 / np.sqrt(500), n_checks=12)
            se = lookup(rows, "empirical_se", **where)["estimate"]
            assert_mc_close(se, 0.2, 0.2 / np.sqrt(998), n_checks=12)
            p = lookup(rows, "coverage", **where)["estimate"]
            assert_mc_close(p, 0.95, np.sqrt(0.95 * 0.05 / 500), n_checks=12)


def test_estimation_recovers_what_was_planted(tmp_path, arrays):
    assert_estimation(metrics.estimation(one(tmp_path, arrays)), 0.0)


def test_planted_estimation_errors_are_seen(tmp_path, arrays):
    """A bias of 0.06 in the estimates, or a truth taken from the wrong arm, must fail."""
    shifted = fake_arrays(500, log_hr=MIXED, shift=0.06, seed=3)
    result = one(tmp_path / "a", shifted)
    with pytest.raises(AssertionError):
        assert_estimation(metrics.estimation(result), 0.0)
    result = one(tmp_path / "b", arrays)
    wrong = dataclasses.replace(result.truth, log_hr=result.truth.log_hr[:, ::-1])
    with pytest.raises(AssertionError):
        assert_estimation(metrics.estimation(dataclasses.replace(result, truth=wrong)), 0.0)


def test_estimates_given_a_claim(tmp_path, arrays):
    rows = metrics.estimation(one(tmp_path, arrays))
    claimed = arrays["status"][:, 1, 0] == 2
    found = lookup(rows, "bias", subgroup=SUBGROUPS[1], arm=ARMS[1], level="claimed")
    assert found["m"] == claimed.sum() >= 200
    assert found["estimate"] == pytest.approx(arrays["log_hr_mean"][claimed, 1, 0].mean() + 0.5)
    rare = lookup(rows, "bias", subgroup=SUBGROUPS[1], arm=ARMS[2], level="claimed")
    assert np.isnan(rare["estimate"]) and rare["m"] < 200


def test_missing_estimates_reduce_m(tmp_path, arrays):
    for name in ("log_hr_mean", "log_hr_sd", "log_hr_lower", "log_hr_upper"):
        arrays[name][:40, 0, 0] = np.nan
    found = lookup(
        metrics.estimation(one(tmp_path, arrays)), "bias", subgroup=SUBGROUPS[0], arm=ARMS[1], level="overall"
    )
    assert (found["n"], found["m"]) == (500, 460)
    assert np.isfinite(found["estimate"])


def pair(tmp_path, seeds=(7, 7), trials=None):
    first = fake_arrays(400, log_hr=MIXED, claim=0.3, seed=11)
    second = fake_arrays(400, log_hr=MIXED, claim=0.4, seed=11)
    if trials is not None:
        second["trial"] = trials
    write_result(tmp_path, "fixed", "mixed", first, log_hr=MIXED, seed=seeds[0])
    write_result(tmp_path, "adaptive", "mixed", second, log_hr=MIXED, seed=seeds[1])
    results = {r.design: r for r in load_results([tmp_path])}
    return results["adaptive"], results["fixed"], second, first


def test_paired_differences_by_hand(tmp_path):
    own, benchmark, a, b = pair(tmp_path)
    rows = paired_differences(own, benchmark)
    gained = (a["status"][:, 0, 0] == 2).astype(int) - (b["status"][:, 0, 0] == 2)
    found = lookup(rows, "type_i_error", subgroup=SUBGROUPS[0], arm=ARMS[1])
    assert found["estimate"] == pytest.approx(gained.mean())
    assert found["mcse"] == pytest.approx(gained.std() / np.sqrt(400))
    # Planted error: the unpaired standard error would be more than twice as large here.
    unpaired = np.hypot(*(np.sqrt(p * (1 - p) / 400) for p in (0.3, 0.4)))
    assert unpaired > 1.4 * found["mcse"]
    assert lookup(rows, "patients")["estimate"] == 0.0


def test_pairs_are_matched_by_trial_index(tmp_path):
    own, benchmark, a, b = pair(tmp_path, trials=np.arange(100, 500))
    found = lookup(paired_differences(own, benchmark), "months")
    assert found["n"] == 300
    assert found["estimate"] == pytest.approx((a["months"][:300] - b["months"][100:]).mean())


def test_pairs_of_different_seeds_are_refused(tmp_path):
    own, benchmark, *_ = pair(tmp_path, seeds=(7, 8))
    with pytest.raises(BadInput, match=r"seeds (7 and 8|8 and 7)"):
        paired_differences(own, benchmark)
    with pytest.raises(BadInput, match="paired designs need one seed"):
        build_tables([own, benchmark])


def test_twenty_trials_no_claim_no_event(tmp_path):
    arrays = fake_arrays(20, log_hr=MIXED, claim=0.0)
    arrays["events"][:] = 0
    tables = build_tables([one(tmp_path, arrays)])
    fwer = tables["claims"].query("metric == 'fwer'").iloc[0]
    assert (fwer.estimate, fwer.mcse) == (0.0, 0.0)
    assert 0.1 < fwer.upper < 0.2
    assert fwer.text.startswith("0 [0, 0.1")
    assert tables["claims"].mcse.notna().all()
    assert len(tables["paired"]) == 0


def test_worst_case_counts_failed_trials_as_false_claims(tmp_path, arrays):
    tables = build_tables([one(tmp_path, arrays, failed=5)])
    false = (arrays["status"][:, NULL] == 2).any(axis=1).sum()
    assert tables["failures"].fwer_worst_case[0] == pytest.approx((false + 5) / 505)
