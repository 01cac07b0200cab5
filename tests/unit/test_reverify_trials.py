"""Trials simulated again are the stored ones, one changed number is found, and the odds are as stated."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import stats

from adaptive.codes import CellStatus
from adaptive.oc.reverify_trials import (
    DETECTION,
    choose_trials,
    compare_manifest,
    compare_tables,
    compare_trials,
    compare_truth,
    detectable,
    failed_trials,
    try_failed,
)
from adaptive.oc.study import run_cell
from tests.toy import toy_design, toy_scenario

N, SEED = 40, 11
again = partial(compare_trials, keep_looks=True)
CONFIG = {"study": "pilot", "seed": SEED, "precision": "float32", "benchmark": "toy", "n_trials": N}


@pytest.fixture(scope="module")
def design():
    return toy_design()


@pytest.fixture(scope="module")
def scenario():
    return toy_scenario(log_hr=((-0.5, 0.0), (-0.5, 0.3)))


@pytest.fixture(scope="module")
def cell(tmp_path_factory, design, scenario):
    return run_cell(
        design,
        scenario,
        study="pilot",
        seed=SEED,
        n_trials=N,
        chunk_size=16,
        path=tmp_path_factory.mktemp("results"),
        resolved_config=CONFIG | {"scenario": {"name": "toy"}},
        benchmark="toy",
        keep_looks=True,
        progress=False,
    )


@pytest.fixture
def copy(cell, tmp_path):
    for file in cell.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def set_value(file, column, row, value):
    """Change one value of a stored table."""
    table = pq.read_table(file)
    values = table[column].to_pylist()
    assert values[row] != value
    values[row] = value
    place = table.schema.get_field_index(column)
    changed = (
        pa.array(values, pa.string()) if isinstance(value, str) else pa.array(values, table[column].type)
    )
    pq.write_table(table.set_column(place, column, changed), file)


def test_trials_come_out_as_they_are_stored(cell, design, scenario):
    found = again(cell, design, scenario, SEED, np.array([3, 4, 17, 39]))
    assert found.differences == []
    stored = [pq.read_table(cell / f"{name}.parquet") for name in ("trials", "cells", "looks")]
    wanted = sum(
        int(np.isin(table["trial"].to_numpy(), [3, 4, 17, 39]).sum()) * table.num_columns for table in stored
    )
    assert found.numbers == wanted


@pytest.mark.parametrize(
    ("file", "column", "value"),
    [
        ("trials", "months", 12.5),
        ("trials", "patients", 7),
        ("trials", "reason", "HARM"),
        ("cells", "log_hr_mean", 0.125),
        ("cells", "status", CellStatus.EFFICACY.name),
        ("looks", "allocation", 0.25),
        ("looks", "health", "OUT_OF_RANGE"),
    ],
)
def test_one_changed_number_of_a_chosen_trial_is_found(copy, design, scenario, file, column, value):
    path = copy / f"{file}.parquet"
    table = pq.read_table(path)
    rows = np.flatnonzero(table["trial"].to_numpy() == 17)
    row = next(int(r) for r in rows if table[column][int(r)].as_py() not in (None, "CONTROL", value))
    set_value(path, column, row, value)
    found = again(copy, design, scenario, SEED, np.array([3, 17])).differences
    assert len(found) == 1
    assert f"{file}.parquet, trial 17" in found[0]
    assert column in found[0]
    # The twin: a sample without the trial does not see it, which is why the odds are printed.
    assert again(copy, design, scenario, SEED, np.array([3, 18])).differences == []


def test_the_last_bit_counts_on_the_same_platform_and_rounding_does_not_elsewhere(copy, design, scenario):
    path = copy / "trials.parquet"
    months = pq.read_table(path)["months"][5].as_py()
    set_value(path, "months", 5, float(np.nextafter(months, np.inf)))
    assert len(again(copy, design, scenario, SEED, np.array([5])).differences) == 1
    assert again(copy, design, scenario, SEED, np.array([5]), tolerance=1e-4).differences == []
    set_value(path, "looks_held", 5, 9)
    assert len(again(copy, design, scenario, SEED, np.array([5]), tolerance=1e-4).differences) == 1


def test_a_trial_moved_to_another_number_and_a_lost_row_are_found(copy, design, scenario):
    set_value(copy / "trials.parquet", "trial", 5, 4000)
    found = again(copy, design, scenario, SEED, np.array([5, 6])).differences
    assert found == ["trials.parquet, 1 rows are stored, 2 were made again"]


def test_another_seed_or_scenario_is_found(cell, design, scenario):
    assert again(cell, design, scenario, SEED + 1, np.array([5])).differences
    other = toy_scenario(log_hr=((-0.5, 0.0), (-0.5, 0.31)))
    assert again(cell, design, other, SEED, np.arange(N)).differences


def test_whether_looks_are_stored_follows_the_configuration(copy, design, scenario):
    """Deleting looks is a difference, and so are looks that nothing asked for."""
    trials = np.array([5])
    extra = compare_trials(copy, design, scenario, SEED, trials, keep_looks=False)
    assert extra.differences == ["looks.parquet: stored, and the configuration does not ask for it"]
    (copy / "looks.parquet").unlink()
    assert again(copy, design, scenario, SEED, trials).differences == ["looks.parquet: missing"]
    assert compare_trials(copy, design, scenario, SEED, trials, keep_looks=False).differences == []


LOST = {
    "failures": [{"first": 30, "stop": 34, "reason": "MemoryError"}, {"first": 8, "stop": 9, "reason": ""}]
}


def test_trials_that_are_recorded_as_failed_are_tried_again(design, scenario):
    """Otherwise a trial could be left out for what it showed, and its failure made up."""

    def fails(*args, **kwargs):
        raise MemoryError

    trials = failed_trials(LOST)
    assert trials.tolist() == [30, 31, 32, 33, 8]
    honest = try_failed(LOST, design, scenario, SEED, trials, simulate=fails)
    assert honest.differences == []
    assert "trials 30 to 33 failed in the run (MemoryError)" in honest.notes[0]
    assert honest.notes[0].endswith("simulated again, they fail again: 30, 31, 32, 33, 8")
    made_up = try_failed(LOST, design, scenario, SEED, trials)
    assert made_up.differences[0].startswith("trials 30, 31, 32, 33, 8: recorded as failed, and can be")
    assert try_failed({}, design, scenario, SEED, failed_trials({})).notes == ()


def test_missing_columns_and_missing_values_are_differences():
    table = pa.table({"trial": [1, 2], "x": [1.0, None]})
    assert compare_tables(table, table, ("trial",), 0.0).differences == []
    gone = compare_tables(table.drop_columns("x"), table, ("trial",), 0.0)
    assert gone.differences == ["columns differ: x"]
    filled = pa.table({"trial": [1, 2], "x": [1.0, 0.0]})
    assert compare_tables(filled, table, ("trial",), 1e9).differences == ["trial 2, x: stored 0.0, made None"]


def test_true_values_are_computed_again(cell, design, scenario):
    stored = json.loads((cell / "truth.json").read_text())
    assert compare_truth(stored, design, scenario, 24.0, ()).differences == []
    stored["log_hr"][0][0] += 1e-6
    stored["is_null"][1][1] = not stored["is_null"][1][1]
    found = compare_truth(stored, design, scenario, 24.0, ()).differences
    assert [line.split(":")[0] for line in found] == ["truth.json, is_null[1][1]", "truth.json, log_hr[0][0]"]


def test_a_manifest_that_tells_another_design_seed_or_number_is_found(cell, design):
    manifest = json.loads((cell / "manifest.json").read_text())
    config = CONFIG | {"scenario": {"name": "toy"}, "precision": manifest["dtype"]}
    assert compare_manifest(manifest, config, design, N).differences == []
    for key, value in (("seed", 1), ("benchmark", "other"), ("study", "x"), ("scenario", "y")):
        found = compare_manifest(manifest | {key: value}, config, design, N).differences
        assert [line.split(":")[0] for line in found] == [f"manifest.json, {key}"]
    harsher = replace(design, rules=design.rules[:2])
    assert compare_manifest(manifest, config, harsher, N).differences[0].startswith("manifest.json, design")
    assert len(compare_manifest(manifest, config | {"n_trials": N + 1}, design, N - 1).differences) == 2


def test_every_cell_has_its_share_of_the_sample():
    counts = {"a": 100, "b": 3, "c": 50}
    chosen = choose_trials(counts, 20, seed=3)
    assert {name: len(found) for name, found in chosen.items()} in (
        {"a": 7, "b": 3, "c": 6},
        {"a": 6, "b": 3, "c": 7},
        {"a": 7, "b": 3, "c": 7},
    )
    assert all(len(set(v.tolist())) == len(v) and v.max() < counts[k] for k, v in chosen.items())
    assert {name: len(found) for name, found in choose_trials(counts, 1, 0).items()} == {
        "a": 1,
        "b": 1,
        "c": 1,
    }
    again, other = choose_trials(counts, 20, seed=3), choose_trials(counts, 20, seed=4)
    assert all((again[name] == chosen[name]).all() for name in counts)
    assert any(len(other[n]) != len(chosen[n]) or (other[n] != chosen[n]).any() for n in counts)


def test_every_trial_has_the_same_chance_to_be_chosen():
    """The counts over 4,000 seeds are binomial; tolerance for a false alarm of 1e-6 over 20 trials."""
    n, k, seeds = 20, 5, 4000
    hits = np.zeros(n)
    for seed in range(seeds):
        hits[choose_trials({"a": n}, k, seed)["a"]] += 1
    p = k / n
    limit = stats.norm.isf(1e-6 / (2 * n)) * np.sqrt(seeds * p * (1 - p))
    assert np.abs(hits - seeds * p).max() < limit
    # Planted: a choice that never takes the last trial.
    assert abs(0 - seeds * p) > limit


@pytest.mark.parametrize(("checked", "stored"), [(1, 10), (5, 60), (60, 60), (59, 60), (10, 500)])
def test_the_stated_odds_are_hypergeometric(checked, stored):
    """Against SciPy's hypergeometric law: the chance that no altered trial is among the checked ones."""
    altered = detectable(checked, stored)
    escape = stats.hypergeom(stored, altered, checked).pmf(0)
    assert escape <= 1 - DETECTION + 1e-12
    if altered > 1:
        assert stats.hypergeom(stored, altered - 1, checked).pmf(0) > 1 - DETECTION
