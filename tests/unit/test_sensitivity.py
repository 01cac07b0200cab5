"""Sensitivity analyses: pairs, claims with rules not followed, and what an index refuses."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from adaptive.errors import BadInput
from adaptive.io.hashing import sha256_data
from adaptive.io.manifest import read_manifest
from adaptive.oc import sensitivity_run
from adaptive.oc.evidence import SELF
from adaptive.oc.load import load_cell, load_results
from adaptive.oc.sensitivity import FOLDER
from adaptive.oc.sensitivity_binding import released
from adaptive.oc.sensitivity_content import sensitivity_part
from adaptive.oc.sensitivity_effects import DIFFERENCE, ESTIMATE, _cut, differences, estimates, shared
from adaptive.oc.sensitivity_run import base_faults
from adaptive.oc.sensitivity_store import INDEX, fitting_index, read_index, write_index
from adaptive.oc.source import Source
from tests.report.sensitivity_study import (
    BASE_TRIALS,
    CONFIG,
    DECLARED,
    EFFECTS,
    PLAIN,
    SEED,
    TRIALS,
    equal,
    other_simulate,
    write_sensitivity,
    write_study,
)

PLACE = ["factor", "setting", "metric", "level", "subgroup"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return write_sensitivity(tmp_path_factory.mktemp("made"))


@pytest.fixture
def study(made, tmp_path):
    return shutil.copytree(made, tmp_path / made.name)


def part_of(study, **changes):
    return sensitivity_part(Source(load_results([study]), study, **changes), {})


@pytest.fixture(scope="module")
def table(made):
    return part_of(made)["tables"]["sensitivity"]


def cell(study, *place):
    path = study.joinpath(*place)
    return load_cell(path, read_manifest(path))


def test_sensitivity_cells_are_no_results_of_the_study(made):
    assert [result.path for result in load_results([made])] == [made / "toy" / "toy"]


def test_a_level_that_is_its_base_differs_by_exactly_nothing(table):
    same = table[(table.setting == "same") & (table.level == DIFFERENCE)]
    assert {"fwer", "disjunctive_power", "patients", "bias", "coverage", "claim"} <= set(same.metric)
    assert (same.estimate == 0).all() and (same.mcse == 0).all() and (same.n == TRIALS).all()


def test_a_level_that_is_not_differs(table):
    other = table[(table.setting == "other") & (table.level == DIFFERENCE)]
    assert (other.estimate != 0).mean() > 0.8 and (other.mcse > 0).all()


def brute_force(study, level):
    """Return paired differences of a level and its base, trial by trial from the Parquet files alone."""
    paths = study / "toy" / "toy", study / FOLDER / "prior" / level / "toy" / "toy"
    (b_trials, b_cells), (l_trials, l_cells) = (
        (pd.read_parquet(path / "trials.parquet"), pd.read_parquet(path / "cells.parquet")) for path in paths
    )
    truth = {("red", "low"): 0.0, ("red", "high"): 0.0, ("blue", "low"): 0.0, ("blue", "high"): -0.5}
    found = {name: [] for name in ("fwer", "disjunctive_power", "months", "bias", "coverage")}
    for trial in range(TRIALS):
        values = []
        for trials, cells in ((l_trials, l_cells), (b_trials, b_cells)):
            own = cells[(cells.trial == trial) & (cells.arm != "control")].set_index(["subgroup", "arm"])
            claimed = {key for key in truth if own.status[key] == "EFFICACY"}
            true = np.array([truth[key] for key in truth])
            mean, low, high = (
                np.array([own[f"log_hr_{name}"][key] for key in truth]) for name in ("mean", "lower", "upper")
            )
            values.append(
                {
                    "fwer": float(any(truth[key] == 0 for key in claimed)),
                    "disjunctive_power": float(("blue", "high") in claimed),
                    "months": float(trials.months[trials.trial == trial].iloc[0]),
                    "bias": (mean - true).mean(),
                    "coverage": ((low <= true) & (true <= high)).mean(),
                }
            )
        for name in found:
            found[name].append(values[0][name] - values[1][name])
    return {name: (np.mean(d), np.std(d, ddof=1) / np.sqrt(TRIALS)) for name, d in found.items()}


def test_differences_and_their_errors_are_those_of_a_loop_over_trials(made, table):
    rows = table[
        (table.factor == "prior")
        & (table.setting == "other")
        & (table.level == DIFFERENCE)
        & (table.subgroup == "all")
    ]
    found = rows.set_index("metric")
    for name, (estimate, error) in brute_force(made, "other").items():
        assert found.estimate[name] == pytest.approx(estimate, abs=1e-12), name
        # McNemar's form divides by n and not by n - 1.
        assert found.mcse[name] == pytest.approx(error, rel=1 / TRIALS), name


def test_every_change_is_the_difference_of_the_two_estimates_beside_it(table):
    """A base of more trials than its levels is shown over theirs; over its own, no change would fit."""
    assert BASE_TRIALS > TRIALS and (table.n == TRIALS).all()
    keys = ["factor", "setting", "metric", "subgroup"]
    of = {level: rows.set_index(keys).estimate for level, rows in table.groupby("level")}
    base = {factor.name: factor.base for factor in DECLARED.factors}
    for factor, setting, metric, subgroup in of[DIFFERENCE].index:
        level, other = (of[ESTIMATE][factor, name, metric, subgroup] for name in (setting, base[factor]))
        change = of[DIFFERENCE][factor, setting, metric, subgroup]
        assert change == pytest.approx(level - other, abs=1e-12), (factor, setting, metric)


def test_cells_are_cut_to_the_trials_that_all_have(made):
    whole, level = cell(made, "toy", "toy"), cell(made, FOLDER, "prior", "other", "toy", "toy")
    lacking = _cut(level, np.delete(level.trials["trial"], 5))
    cells = shared({"base": whole, "level": lacking})
    kept = [trial for trial in range(TRIALS) if trial != 5]
    for before, after in ((whole, cells["base"]), (level, cells["level"])):
        assert after.trials["trial"].tolist() == kept
        assert equal(after.status, before.status[kept]) and equal(after.patients, before.patients[kept])
        assert equal(after.estimates["log_hr_mean"], before.estimates["log_hr_mean"][kept])
    with pytest.raises(BadInput, match="no trial in common"):
        shared({"base": _cut(whole, np.arange(3)), "level": _cut(whole, np.arange(4, 6))})


def claims_by_hand(path):
    """Return claims per cell over the trials of a level, from the Parquet file alone."""
    cells = pd.read_parquet(path / "cells.parquet")
    cells = cells[(cells.trial < TRIALS) & (cells.arm != "control")]
    groups = cells.sort_values("trial").groupby(["subgroup", "arm"])
    return {place: (own.status == "EFFICACY").to_numpy(float) for place, own in groups}


def test_claims_with_a_rule_never_followed_are_those_of_a_loop_over_cells(made):
    rows = part_of(made)["tables"]["binding"]
    assert set(rows.factor) == {"futility"} and set(rows.rule) == {"futility"}
    found = rows.set_index(["metric", "subgroup", "arm", "level"]).estimate.to_dict()
    followed = claims_by_hand(made / "toy" / "toy")
    ignored = claims_by_hand(made / FOLDER / "futility" / "never" / "toy" / "toy")
    for place, metric in ((("red", "low"), "type_i_error"), (("blue", "high"), "power")):
        first, second = followed[place], ignored[place]
        assert found[(metric, *place, "followed")] == first.mean() != second.mean()
        assert found[(metric, *place, "ignored")] == second.mean()
        assert found[(metric, *place, "change")] == pytest.approx((second - first).mean())
    for metric, place in (("fwer", "all"), ("arm_error", "low"), ("disjunctive_power", "all")):
        change = found[metric, "all", place, "ignored"] - found[metric, "all", place, "followed"]
        assert found[metric, "all", place, "change"] == pytest.approx(change)
    assert {"subgroup_error", "arm_power", "subgroup_power", "conjunctive_power"} <= set(rows.metric)


def test_a_level_that_changes_more_than_whether_a_rule_binds_tells_nothing_of_binding(made):
    base, level = cell(made, "toy", "toy"), cell(made, FOLDER, "futility", "never", "toy", "toy")
    assert released(level, base) == "futility" and released(base, level) == released(base, base) == ""
    design = level.manifest["design"]
    for changed in ({"max_patients": 1}, {"rules": [design["rules"][1]]}):
        other = replace(level, manifest=level.manifest | {"design": design | changed})
        assert released(other, base) == "", changed
    assert released(replace(level, config=level.config | {"scenario": {"name": "other"}}), base) == ""


def test_claims_that_are_true_in_one_and_false_in_the_other_are_no_pairs(table):
    none = table[(table.setting == "none") & (table.level == DIFFERENCE)]
    assert set(none.metric) == {"patients", "months"}


def test_other_seeds_are_no_pairs(tmp_path):
    first = write_study(tmp_path / "a")
    second = write_study(tmp_path / "b", seed=SEED + 1)
    with pytest.raises(BadInput, match="paired differences need one seed"):
        differences(cell(first, "toy", "toy"), cell(second, "toy", "toy"))


def test_estimates_need_no_base(made):
    rows = {(row["metric"], row["subgroup"]): row for row in estimates(cell(made, "toy", "toy"))}
    claimed = pd.read_parquet(made / "toy" / "toy" / "cells.parquet").status == "EFFICACY"
    trials = pd.read_parquet(made / "toy" / "toy" / "cells.parquet").trial
    assert rows["claim", "all"]["m"] == trials[claimed].nunique()


def test_a_sound_base_has_no_fault_and_each_planted_one_is_told(made, monkeypatch):
    wanted = {("toy", "toy"): CONFIG}
    assert base_faults(made, wanted, TRIALS) == []
    (told,) = base_faults(made, {("toy", "toy"): CONFIG | {"threshold": 0.9}}, TRIALS)
    assert "threshold is None there and 0.9 here" in told and "same overrides" in told
    (told,) = base_faults(made, wanted, BASE_TRIALS + 1)
    assert f"n_trials: {BASE_TRIALS + 1} came" in told
    (told,) = base_faults(made, {("toy", "gone"): CONFIG}, TRIALS)
    assert "simulate the study first" in told
    monkeypatch.setattr(sensitivity_run, "code_state", lambda: {"core_sha256": "other"})
    (told,) = base_faults(made, wanted, TRIALS)
    assert "another simulation code" in told


def test_an_altered_cell_is_refused(study):
    file = study / FOLDER / "prior" / "other" / "toy" / "toy" / "trials.parquet"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(BadInput, match="trials.parquet was altered"):
        part_of(study)
    part = part_of(study, draft=True)
    assert part["factors"] == [] and "altered" in part["messages"][0]


def test_a_cell_put_in_the_place_of_another_is_refused(study):
    places = (study / FOLDER / "prior" / level / "toy" / "toy" for level in ("other", "same"))
    other, same = places
    shutil.rmtree(same)
    shutil.copytree(other, same)
    with pytest.raises(BadInput, match="not the cell that the index names"):
        read_index(study / FOLDER)


def test_an_altered_index_is_refused(study):
    file = study / FOLDER / INDEX
    file.write_text(file.read_text().replace("the same", "the best"))
    with pytest.raises(BadInput, match="altered after it was written"):
        read_index(study / FOLDER)


def test_an_analysis_of_other_results_is_not_shown(study, tmp_path):
    shutil.rmtree(study / "toy")
    again = write_study(tmp_path / "again", simulate=other_simulate)
    shutil.copytree(again / "toy", study / "toy")
    index, (message,) = fitting_index(study, load_results([study]))
    assert index is None and "toy / toy has another manifest" in message


def test_an_analysis_by_other_code_is_not_shown(study):
    file = study / FOLDER / INDEX
    content = json.loads(file.read_text())
    del content[SELF]
    content["code"]["core_sha256"] = "0" * 64
    file.write_text(json.dumps(content | {SELF: sha256_data(content)}))
    index, (message,) = fitting_index(study, load_results([study]))
    assert index is None and "another simulation code" in message


def test_factors_of_an_earlier_run_stay_in_the_index_while_they_fit(study, tmp_path):
    write_index(study, type(DECLARED)((PLAIN,), DECLARED.not_run), TRIALS, "again")
    assert [factor.name for factor in read_index(study / FOLDER).factors] == [
        f.name for f in DECLARED.factors
    ]
    shutil.rmtree(study / FOLDER / "drift" / "strata")
    write_index(study, type(DECLARED)((PLAIN,), DECLARED.not_run), TRIALS, "again")
    assert [factor.name for factor in read_index(study / FOLDER).factors] == ["prior", "effect", "futility"]


def test_the_truth_of_the_study_is_what_the_brute_force_assumes(made):
    assert np.allclose(cell(made, "toy", "toy").truth.log_hr, EFFECTS["toy"])
