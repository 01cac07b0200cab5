"""A study cell that is killed at random moments and resumed ends with the bytes of one that was not."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from adaptive.errors import BadInput
from adaptive.io.lock import CellLock
from adaptive.io.manifest import read_manifest, verify_files
from adaptive.oc import study
from adaptive.oc.study import CellFailedError, cell_path, run_cell
from tests.results_toys import fake_simulate
from tests.toy import toy_design, toy_scenario

ROOT = Path(__file__).parents[2]
N = 60
PARQUET = ("trials.parquet", "cells.parquet", "looks.parquet")
CODE = {"commit": "0" * 40, "dirty": False, "sha256": "1" * 64}
CONFIG = {"study": "pilot", "looks": [40, 80], "threshold": float("nan"), "margins": (1.0, 0.8)}


def run(path, design=None, scenario=None, *, chunk_size=7, simulate=fake_simulate, **changes):
    """Run the toy cell."""
    given = dict(
        study="pilot",
        seed=11,
        n_trials=N,
        path=path,
        resolved_config=CONFIG,
        benchmark="toy",
        keep_looks=True,
        command="adaptive simulate experiment=pilot",
        progress=False,
        estimand_absent=("dropout",),
    )
    given = {**given, "chunk_size": chunk_size, "simulate": simulate, **changes}
    return run_cell(design or toy_design(), scenario or toy_scenario(), **given)


def slow_simulate(*args, **kwargs):
    """Take a few milliseconds, so that a kill finds the run anywhere."""
    time.sleep(0.005)
    return fake_simulate(*args, **kwargs)


def serve(truth):
    """Fork a child per request, a result directory and a chunk size, and say when it starts and how it ended.

    JAX does not work in a forked child, so design and scenario have NumPy leaves, and what is said of them
    and of the truth is given.
    """
    described, labels = study.describe_design(toy_design()), study.labels_of(toy_design())
    study.describe_truth = lambda *args: truth
    study.describe_design = lambda *args: described
    study.labels_of = lambda *args: labels
    study.code_state = lambda: CODE
    design, scenario = jax.tree.map(np.asarray, (toy_design(), toy_scenario()))
    for line in sys.stdin:
        path, chunk_size = json.loads(line)
        child = os.fork()
        if child == 0:
            print("start", os.getpid(), flush=True)
            run(path, design, scenario, chunk_size=chunk_size, simulate=slow_simulate)
            os._exit(0)
        print("end", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    serve(json.loads(sys.argv[1]))
    sys.exit()


@pytest.fixture
def server(reference):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", __file__, (reference / "truth.json").read_text()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment,
    ) as process:
        yield process
        process.stdin.close()


def _request(server, path, chunk_size, kill_after=None):
    """Run once in a child, killed after so many seconds; return its exit code and its run time."""
    server.stdin.write(json.dumps([str(path), chunk_size]) + "\n")
    server.stdin.flush()
    word, pid = server.stdout.readline().split()
    assert word == "start"
    begun = time.perf_counter()
    if kill_after is not None:
        time.sleep(kill_after)
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    word, code = server.stdout.readline().split()
    assert word == "end"
    return int(code), time.perf_counter() - begun


def _bytes(cell):
    return {name: (cell / name).read_bytes() for name in (*PARQUET, "config.yaml", "truth.json")}


@pytest.fixture(scope="module", autouse=True)
def same_code():
    """Editing the package while these tests run must not make them fail."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "code_state", lambda: CODE)
        yield


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return run(tmp_path_factory.mktemp("reference"))


@pytest.mark.slow
def test_twenty_random_kills_and_resumes_give_the_same_bytes(tmp_path, server, reference):
    code, duration = _request(server, tmp_path / "whole", 7)
    assert code == 0
    chance = random.Random(20)
    killed = 0
    for repeat in range(20):
        root = tmp_path / str(repeat)
        for _ in range(2):
            code, _ = _request(server, root, chance.choice([7, 13, 20]), chance.uniform(0.0, duration))
            assert code in (0, -signal.SIGKILL)
            killed += code == -signal.SIGKILL
        cell = run(root)
        assert _bytes(cell) == _bytes(reference), repeat
        assert verify_files(cell) == []
        assert not (cell / "chunks").exists() and not (cell / "plan.json").exists()
    assert killed >= 10


@pytest.mark.parametrize("chunk_size", [1, 16, 60, 1000])
def test_the_chunk_size_leaves_no_trace(tmp_path, reference, chunk_size):
    assert _bytes(run(tmp_path, chunk_size=chunk_size)) == _bytes(reference)


def _failing(*calls_or_trials):
    """Return a simulator that raises whenever one of these trials is asked for, and its log."""
    log = []

    def simulate(design, scenario, *, seed, trials):
        log.append((int(trials[0]), int(trials[-1])))
        if set(calls_or_trials) & set(map(int, trials)):
            raise RuntimeError("the sampler fell over")
        return fake_simulate(design, scenario, seed=seed, trials=trials)

    return simulate, log


def test_a_failing_chunk_is_tried_twice_counted_and_costs_no_other(tmp_path):
    simulate, log = _failing(30)
    cell = run(tmp_path, simulate=simulate, chunk_size=10)
    manifest = read_manifest(cell)
    assert log.count((30, 39)) == 2 and len(log) == 7
    counts = manifest["counts"]
    assert (counts["requested"], counts["finished"], counts["failed"]) == (60, 50, 10)
    assert manifest["failures"] == [
        {"first": 30, "stop": 40, "reason": "RuntimeError: the sampler fell over"}
    ]
    trials = pq.read_table(cell / "trials.parquet")["trial"].to_pylist()
    assert trials == [*range(30), *range(40, 60)]
    assert verify_files(cell) == []


def test_a_chunk_that_fails_once_is_not_lost(tmp_path, reference):
    calls = []

    def once(design, scenario, *, seed, trials):
        calls.append(trials[0])
        if calls.count(trials[0]) == 1:
            raise MemoryError
        return fake_simulate(design, scenario, seed=seed, trials=trials)

    assert _bytes(run(tmp_path, simulate=once)) == _bytes(reference)


def test_all_chunks_failing_is_an_error_without_a_result(tmp_path):
    simulate, _ = _failing(*range(N))
    with pytest.raises(CellFailedError, match=r"all 60 trials failed.*the sampler fell over"):
        run(tmp_path, simulate=simulate)
    assert not list(tmp_path.rglob("manifest.json")) and not list(tmp_path.rglob("*.parquet"))
    assert run(tmp_path)


def test_a_kill_by_the_keyboard_keeps_the_chunks_and_frees_the_lock(tmp_path, reference):
    done = []

    def interrupted(design, scenario, *, seed, trials):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(trials)
        return fake_simulate(design, scenario, seed=seed, trials=trials)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, simulate=interrupted)
    simulate, log = _failing()
    assert _bytes(run(tmp_path, simulate=simulate)) == _bytes(reference)
    assert min(first for first, _ in log) == 21


def _never(*args, **kwargs):
    raise AssertionError("nothing is to be simulated")


def test_a_finished_cell_is_returned_at_once(reference):
    before = _bytes(reference)
    root = reference.parents[2]
    assert run(root, simulate=_never, chunk_size=50) == reference
    assert _bytes(reference) == before


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seed": 12}, "seed: then 11, now 12"),
        ({"n_trials": 61}, "n_trials: then 60, now 61"),
        ({"resolved_config": {"study": "other"}}, "config_sha256: then"),
        ({"keep_looks": False}, "keep_looks: then True, now False"),
        ({"estimand_horizon": 12.0}, "truth_sha256: then"),
    ],
)
@pytest.mark.parametrize("finished", [True, False])
def test_going_on_with_something_else_is_refused(tmp_path, changes, said, finished):
    failed = () if finished else (50,)

    def interrupted(design, scenario, *, seed, trials):
        if set(failed) & set(trials):
            raise KeyboardInterrupt
        return fake_simulate(design, scenario, seed=seed, trials=trials)

    try:
        run(tmp_path, simulate=interrupted)
    except KeyboardInterrupt:
        assert not finished
    with pytest.raises(BadInput, match=f"{said}.*another output.*delete"):
        run(tmp_path, simulate=_never, **changes)


def test_an_altered_finished_file_is_not_returned(tmp_path):
    cell = run(tmp_path)
    with open(cell / "cells.parquet", "ab") as file:
        file.write(b"x")
    with pytest.raises(BadInput, match=r"cells\.parquet was altered"):
        run(tmp_path, simulate=_never)


def test_going_on_with_other_code_or_versions_is_refused(tmp_path, monkeypatch):
    failing, _ = _failing(*range(N))
    with pytest.raises(CellFailedError):
        run(tmp_path, simulate=failing)
    monkeypatch.setattr(study, "code_state", lambda: {**CODE, "commit": "1" * 40, "sha256": "2" * 64})
    with pytest.raises(BadInput, match=r"code_sha256: then '111.*now '222"):
        run(tmp_path)
    monkeypatch.setattr(study, "code_state", lambda: {**CODE, "commit": "1" * 40, "dirty": True})
    assert verify_files(run(tmp_path)) == []


def test_a_second_process_is_refused(tmp_path):
    cell = cell_path(tmp_path, "pilot", "toy", "toy")
    cell.mkdir(parents=True)
    with CellLock(cell), pytest.raises(BadInput, match="is being written by process"):
        run(tmp_path)


def test_all_faulty_arguments_are_named_at_once(tmp_path):
    with pytest.raises(BadInput) as caught:
        run(tmp_path, seed=-1, n_trials=0, chunk_size=0)
    assert [fault.split()[0] for fault in caught.value.faults] == ["seed", "n_trials", "chunk_size"]
    with pytest.raises(BadInput, match=r"'\.\./x' cannot name a folder"):
        run(tmp_path, study="../x")
    with pytest.raises(BadInput, match="dropouts"):
        run(tmp_path, estimand_absent=("dropouts",))
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_is_a_file_is_reported(tmp_path):
    (tmp_path / "pilot").write_text("")
    with pytest.raises(BadInput, match="could not be written"):
        run(tmp_path)


def test_looks_are_left_out_unless_asked_for(tmp_path):
    cell = run(tmp_path, keep_looks=False)
    assert not (cell / "looks.parquet").exists() and "looks.parquet" not in read_manifest(cell)["files"]
    assert verify_files(cell) == []


def test_progress_goes_to_standard_error(tmp_path, capsys):
    run(tmp_path, progress=True)
    shown = capsys.readouterr()
    assert shown.out == "" and "toy / toy" in shown.err and "60/60" in shown.err


def test_the_manifest_is_complete(reference):
    manifest = read_manifest(reference)
    assert manifest["schema_version"] == 1
    assert set(manifest["files"]) == {*PARQUET, "config.yaml", "truth.json"}
    named = {"study": "pilot", "scenario": "toy", "seed": 11, "dtype": "float64", "benchmark": "toy"}
    assert {key: manifest[key] for key in named} == named
    design = manifest["design"]
    assert design["arms"] == ["control", "low", "high"] and design["n_looks"] == 3
    assert design["rules"][1] == {
        "kind": "futility",
        "asks": [{"quantity": "P(HR < 0.8)", "sign": "<", "threshold": [0.1, 0.1, None], "min_events": 0.0}],
        "binding": True,
    }
    assert {"python", "adaptive", "jax", "jaxlib", "numpyro", "equinox", "numpy", "platform"} <= set(
        manifest["versions"]
    )
    assert manifest["code"] == CODE
    assert set(manifest["counts"]) == {
        "requested",
        "finished",
        "failed",
        "unhealthy_looks",
        "arrivals_exhausted",
    }
    trials = pq.read_table(reference / "trials.parquet").to_pandas()
    assert manifest["counts"]["unhealthy_looks"] == trials["unhealthy_looks"].sum()
    assert manifest["counts"]["arrivals_exhausted"] == trials["arrivals_exhausted"].sum()
    assert manifest["command"] == "adaptive simulate experiment=pilot"


def test_config_and_truth_are_stored(reference):
    config = yaml.safe_load((reference / "config.yaml").read_text())
    assert config["margins"] == [1.0, 0.8] and config["threshold"] != config["threshold"]
    truth = json.loads((reference / "truth.json").read_text())
    assert truth["horizon_months"] == 24.0 and truth["cif_without"] == ["dropout"]
    np.testing.assert_allclose(truth["log_hr"], np.zeros((2, 2)), atol=1e-9)
    assert truth["is_null"] == [[True, True], [True, True]]


@pytest.mark.slow
def test_the_real_simulator_gives_the_same_bytes_for_every_chunking(tmp_path):
    """Chunks of 256 and of 100 trials put a trial into different blocks beside different trials."""
    roots = [tmp_path / name for name in ("a", "b")]
    for root, size in zip(roots, (256, 100), strict=True):
        run_cell(
            toy_design(),
            toy_scenario(((-0.5, 0.0), (0.0, 0.3))),
            study="pilot",
            seed=3,
            n_trials=300,
            chunk_size=size,
            path=root,
            resolved_config={},
            keep_looks=True,
            progress=False,
        )
    first, second = (_bytes(cell_path(root, "pilot", "toy", "toy")) for root in roots)
    assert first == second
