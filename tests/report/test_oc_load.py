"""Results that are altered, incomplete or do not belong together are refused, all faults at once."""

import json

import numpy as np
import pandas as pd
import pytest

from adaptive.errors import BadInput
from adaptive.oc.load import load_results
from tests.report.synthetic import ARMS, digest, fake_arrays, write_result

ZERO = ((0.0, 0.0), (0.0, 0.0))


def write(root, design="fixed", scenario="null", n=30, **options):
    return write_result(root, design, scenario, fake_arrays(n), log_hr=options.pop("log_hr", ZERO), **options)


def rehash(path):
    """Bring the manifest in line with files changed on purpose."""
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["files"] = {name: digest(path / name) for name in manifest["files"]}
    (path / "manifest.json").write_text(json.dumps(manifest))


def refused(paths, pattern):
    with pytest.raises(BadInput, match=pattern) as caught:
        load_results(paths)
    return caught.value.faults


def test_round_trip(tmp_path):
    arrays = fake_arrays(30)
    path = write_result(tmp_path, "fixed", "null", arrays, log_hr=ZERO)
    result = load_results([path])[0]
    for name in ("patients", "status", "advice", "decided_look"):
        np.testing.assert_array_equal(getattr(result, name), arrays[name])
    np.testing.assert_array_equal(result.trials["reason"], arrays["reason"])
    np.testing.assert_array_equal(result.estimates["log_hr_mean"], arrays["log_hr_mean"])
    assert (result.design, result.scenario, result.n_trials) == ("fixed", "null", 30)


def test_shuffled_rows_are_put_in_order(tmp_path):
    arrays = fake_arrays(30)
    path = write_result(tmp_path, "fixed", "null", arrays, log_hr=ZERO)
    for name in ("trials", "cells"):
        frame = pd.read_parquet(path / f"{name}.parquet").sample(frac=1, random_state=1)
        frame.to_parquet(path / f"{name}.parquet", index=False)
    rehash(path)
    result = load_results([path])[0]
    np.testing.assert_array_equal(result.patients, arrays["patients"])
    np.testing.assert_array_equal(result.trials["months"], arrays["months"])


@pytest.mark.parametrize("name", ["trials.parquet", "cells.parquet", "truth.json", "config.yaml"])
def test_one_changed_byte_is_refused(tmp_path, name):
    path = write(tmp_path)
    content = bytearray((path / name).read_bytes())
    content[len(content) // 2] ^= 1
    (path / name).write_bytes(bytes(content))
    faults = refused([tmp_path], "altered: SHA-256")
    assert len(faults) == 1 and name in faults[0]


def test_a_changed_hash_is_refused(tmp_path):
    def edit(manifest):
        manifest["files"]["trials.parquet"] = "0" * 64

    write(tmp_path, edit=edit)
    refused([tmp_path], "trials.parquet: altered")


def test_missing_and_unlisted_files_are_refused(tmp_path):
    path = write(tmp_path)
    (path / "truth.json").unlink()
    (path / "looks.parquet").write_bytes(b"new")
    faults = refused([tmp_path], "missing")
    assert any("not listed" in fault for fault in faults)


def test_incomplete_run_is_refused(tmp_path):
    write(tmp_path, edit=lambda m: m["counts"].update(requested=100))
    refused([tmp_path], "incomplete: 100 trials requested, 30 finished")


def test_trials_left_out_with_the_counts_made_to_fit_are_refused(tmp_path):
    """Whoever keeps the favourable trials alone can write counts and hashes that agree with them."""
    arrays = fake_arrays(30)
    arrays["trial"] = np.arange(10, 40)
    honest = {"requested": 40, "finished": 30, "failed": 10}

    def forge(manifest):
        assert manifest["counts"] == honest
        manifest |= {"counts": {"requested": 30, "finished": 30, "failed": 0}, "failures": []}

    assert (
        load_results([write_result(tmp_path / "a", "fixed", "null", arrays, log_hr=ZERO)])[0].n_trials == 30
    )
    refused(
        [write_result(tmp_path / "b", "fixed", "null", arrays, log_hr=ZERO, edit=forge)], "left out or added"
    )


def test_other_schema_version_is_refused(tmp_path):
    write(tmp_path, edit=lambda m: m.update(schema_version=2))
    refused([tmp_path], "schema_version 2")


def test_all_faults_come_together(tmp_path):
    write(tmp_path, edit=lambda m: m.update(schema_version=2))
    write(tmp_path, scenario="other", edit=lambda m: m["counts"].update(requested=100))
    faults = refused([tmp_path], "schema_version")
    assert any("incomplete" in fault for fault in faults)


def test_different_arms_in_one_study_are_refused(tmp_path):
    write(tmp_path)
    write(tmp_path, design="other", arms=(*ARMS[:2], "drug C"))
    faults = refused([tmp_path], "results differ in arms")
    assert "drug C" in faults[0] and "other" in faults[0]


def test_different_subgroups_and_studies_are_refused(tmp_path):
    write(tmp_path)
    write(tmp_path, study="second", subgroups=("a", "b"))
    text = "\n".join(refused([tmp_path], "results differ in study"))
    assert "results differ in subgroups" in text


def test_the_same_cell_twice_is_refused(tmp_path):
    write(tmp_path / "first")
    write(tmp_path / "second")
    refused([tmp_path / "first", tmp_path / "second"], "given 2 times")


def test_a_cell_given_by_two_paths_is_read_once(tmp_path):
    path = write(tmp_path)
    assert len(load_results([tmp_path, path])) == 1


@pytest.mark.parametrize("paths", [[], ["nowhere"]])
def test_nothing_to_read(tmp_path, paths):
    refused([tmp_path / p for p in paths], "give")


def test_empty_folder_is_refused(tmp_path):
    refused([tmp_path], "holds no manifest.json")


def change_cells(path, change):
    frame = pd.read_parquet(path / "cells.parquet")
    change(frame).to_parquet(path / "cells.parquet", index=False)
    rehash(path)


@pytest.mark.parametrize(
    ("change", "pattern"),
    [
        (lambda f: f.iloc[1:], "not exactly one row"),
        (lambda f: f.drop(columns="advice"), "lacks the column"),
        (lambda f: f.assign(status=f.status.replace("COMPLETED", "DONE")), "unknown value.s. DONE"),
        (lambda f: f.assign(trial=f.trial.replace(3, 99)), "does not hold"),
    ],
)
def test_malformed_cells_are_refused(tmp_path, change, pattern):
    path = write(tmp_path)
    change_cells(path, change)
    refused([tmp_path], pattern)


def test_truth_of_another_shape_is_refused(tmp_path):
    path = write(tmp_path)
    content = json.loads((path / "truth.json").read_text())
    (path / "truth.json").write_text(json.dumps(content | {"log_hr": [[0.0, 0.0]]}))
    rehash(path)
    refused([tmp_path], "subgroups by experimental arms")


def test_unreadable_manifest_is_refused(tmp_path):
    path = write(tmp_path)
    (path / "manifest.json").write_text("{")
    refused([tmp_path], "cannot be read")
