"""Precision on demand: when a run ends, that growing leaves no trace, and that luck does not end it."""

import numpy as np
import pytest

from adaptive.errors import BadInput
from adaptive.io.manifest import read_manifest, verify_files
from adaptive.oc import study
from adaptive.oc.precision import Until, cautious_error, check_until, words
from tests.results_toys import fake_simulate
from tests.toy import toy_scenario
from tests.unit.test_study_resume import CODE, PARQUET, _never, run

PATIENTS = Until("patients", 2.0, at_least=20, at_most=400, step=20)


@pytest.fixture(autouse=True)
def same_code(monkeypatch):
    monkeypatch.setattr(study, "code_state", lambda: CODE)


def contents(cell):
    return {name: (cell / name).read_bytes() for name in (*PARQUET, "config.yaml", "truth.json")}


def state(cell):
    return read_manifest(cell)["until"]


def test_a_run_ends_at_the_first_look_that_meets_the_error(tmp_path):
    cell = run(tmp_path, until=PATIENTS)
    found = state(cell)
    n = found["trials"]
    assert found["met"] and 20 < n < 400 and n % 20 == 0
    values = _patients(cell)
    assert values.size == n == read_manifest(cell)["counts"]["requested"]
    error = [values[:k].std(ddof=1) / np.sqrt(k) for k in range(20, n + 1, 20)]
    assert error[-1] <= 2.0 < min(error[:-1])
    assert found["mcse_reached"] == pytest.approx(error[-1], rel=1e-12)
    assert found["estimate"] == pytest.approx(values.mean(), rel=1e-12)
    assert verify_files(cell) == []


def _patients(cell):
    import pyarrow.parquet as pq

    return pq.read_table(cell / "trials.parquet", columns=["patients"])["patients"].to_numpy()


@pytest.mark.parametrize("chunk_size", [1, 7, 1000])
def test_chunks_do_not_change_where_it_ends(tmp_path, chunk_size):
    whole = run(tmp_path / "a", until=PATIENTS)
    other = run(tmp_path / "b", until=PATIENTS, chunk_size=chunk_size)
    assert contents(whole) == contents(other) and state(whole) == state(other)


def test_a_finished_cell_grows_to_what_one_run_would_have_made(tmp_path):
    cell = run(tmp_path / "grown", until=PATIENTS)
    stricter = Until(**{**vars(PATIENTS), "mcse": 1.4})
    log = []

    def logged(design, scenario, *, seed, trials):
        log.append(int(trials[0]))
        return fake_simulate(design, scenario, seed=seed, trials=trials)

    first = state(cell)["trials"]
    assert run(tmp_path / "grown", until=stricter, simulate=logged) == cell
    assert min(log) == first and state(cell)["trials"] > first
    whole = run(tmp_path / "whole", until=stricter)
    assert contents(cell) == contents(whole) and state(cell) == state(whole)
    assert run(tmp_path / "grown", until=PATIENTS, simulate=_never) == cell
    assert not (cell / "chunks").exists() and verify_files(cell) == []


def test_a_cell_that_failed_to_grow_is_resumed(tmp_path):
    cell = run(tmp_path / "a", until=PATIENTS)
    stricter = Until(**{**vars(PATIENTS), "mcse": 1.4})
    limit = state(cell)["trials"] + 20

    def interrupted(design, scenario, *, seed, trials):
        if trials[-1] >= limit:
            raise KeyboardInterrupt
        return fake_simulate(design, scenario, seed=seed, trials=trials)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "a", until=stricter, simulate=interrupted)
    assert not (cell / "manifest.json").exists()
    assert contents(run(tmp_path / "a", until=stricter)) == contents(run(tmp_path / "b", until=stricter))


def test_other_code_may_not_add_trials(tmp_path, monkeypatch):
    run(tmp_path, until=PATIENTS)
    monkeypatch.setattr(study, "code_state", lambda: {**CODE, "sha256": "2" * 64})
    assert run(tmp_path, until=PATIENTS, simulate=_never)
    with pytest.raises(BadInput, match="it cannot grow"):
        run(tmp_path, until=Until(**{**vars(PATIENTS), "mcse": 0.5}), simulate=_never)


def test_what_is_not_met_is_said(tmp_path):
    cell = run(tmp_path, until=Until("months", 1e-6, at_least=20, at_most=50, step=20))
    found = state(cell)
    assert found["trials"] == 50 and not found["met"]
    assert "not met within 50 trials" in words(found)


def test_a_characteristic_that_does_not_exist_leaves_the_number_of_trials(tmp_path):
    none_null = toy_scenario(((-0.5, -0.5), (-0.5, -0.5)))
    cell = run(tmp_path, scenario=none_null, until=Until("fwer", 0.01, at_least=20, step=20))
    assert state(cell)["trials"] == 60 and not state(cell)["exists"]
    assert "not defined in this scenario" in words(state(cell))


def test_no_success_at_all_does_not_end_a_run():
    none = np.zeros(100, bool)
    assert cautious_error(none) == pytest.approx(np.sqrt((2 / 104) * (102 / 104) / 104))
    assert cautious_error(np.ones(50)) == np.inf
    assert cautious_error(np.zeros(1)) == np.inf


def test_the_cautious_error_is_the_usual_one_in_the_long_run():
    success = np.arange(200_000) % 40 == 0
    usual = np.sqrt(0.025 * 0.975 / success.size)
    assert cautious_error(success) == pytest.approx(usual, rel=2e-3)


def test_faults_of_a_request_are_told_together():
    asked = Until("any_flse_claim", 0.01, at_least=300, at_most=200, subgroup="green", arm="low")
    with pytest.raises(BadInput) as caught:
        check_until(asked, ("red", "blue"), ("low", "high"))
    assert [fault.split(":")[0] for fault in caught.value.faults] == [
        "until.metric",
        "until.at_least",
        "until.subgroup",
    ]
    assert "did you mean" in caught.value.faults[0]
    assert check_until(Until("any_false_claim", 0.01), (), ()).metric == "fwer"
