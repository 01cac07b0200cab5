"""The interim command is the simulator's analysis: same evidence, same decision, and never a bad fit."""

import json
from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adaptive.analysis import analyse_look
from adaptive.codes import CellStatus
from adaptive.design.decide import decide, initial_progress
from adaptive.errors import BadInput
from adaptive.interim.analyse import analyse
from adaptive.interim.commands import DECIDED, WITHHELD, run_analyse
from adaptive.interim.diagnostics import Gates
from adaptive.interim.identity import design_hash
from adaptive.interim.request import AnalysisRequest, Sampling
from adaptive.interim.state import at_look, progress_at, read_previous
from adaptive.io.patients import SNAPSHOT_COLUMNS, read_patients, snapshot_at, write_snapshot
from adaptive.models.hazards import GammaHazards
from adaptive.posterior.laplace import LaplaceEngine
from adaptive.records import Snapshot
from adaptive.rng import Stream, stream_key, trial_key
from tests.colon_example import ARMS, COLUMNS, PATIENTS, SUBGROUPS, NormalEngine, design

EXACT = Sampling(engine="design", seed=3)


@pytest.fixture(scope="module")
def study():
    return eqx.tree_at(lambda d: d.analysis.engine, design(GammaHazards(0.1, 1.0)), NormalEngine())


def request(**changes):
    return replace(AnalysisRequest(PATIENTS, "1987-01-24", COLUMNS, sampling=EXACT), **changes)


def record(folder):
    return json.loads((folder / "decision.json").read_text())


def simulated_snapshot(seed=5, n=400):
    rng = np.random.default_rng(seed)
    observed = rng.uniform(size=n) < 0.8
    return Snapshot(
        subgroup=jnp.asarray(rng.integers(0, 2, n), jnp.int32),
        arm=jnp.asarray(rng.integers(0, 3, n), jnp.int32),
        time=jnp.asarray(rng.exponential(20.0, n)),
        event=jnp.asarray(rng.uniform(size=n) < 0.6),
        observed=jnp.asarray(observed),
        entry=jnp.zeros(n),
    )


def same(a, b, **tolerance):
    for ours, theirs in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_allclose(ours, theirs, **tolerance)


@pytest.mark.parametrize("engine", [NormalEngine(), pytest.param(LaplaceEngine(), marks=pytest.mark.slow)])
def test_csv_round_trip_gives_the_simulators_evidence_and_decision(tmp_path, engine):
    study = eqx.tree_at(lambda d: d.analysis.engine, design(), engine)
    snapshot = simulated_snapshot()
    path = tmp_path / "snapshot.csv"
    write_snapshot(path, snapshot, ARMS, SUBGROUPS)
    data = read_patients(path, SNAPSHOT_COLUMNS, ARMS, SUBGROUPS)
    back = snapshot_at(data, 0.0, ARMS, SUBGROUPS)
    np.testing.assert_array_equal(back.time, snapshot.time[snapshot.observed])
    progress = at_look(initial_progress(study), 2, 4, 30.0)
    key = stream_key(trial_key(3, 0), Stream.POSTERIOR, 1)
    evidence, decision = eqx.filter_jit(analyse_look)(key, study, snapshot, progress)
    result = analyse(study, back, progress, EXACT)
    same(result.evidence, evidence, rtol=1e-12, atol=1e-14)
    same(result.decision, decision, rtol=0)


def test_labels_that_a_spreadsheet_would_run_survive_the_round_trip(tmp_path):
    arms, groups = ("=ctl", "+a", "-b"), ("@A", "B")
    path = tmp_path / "snapshot.csv"
    snapshot = simulated_snapshot()
    write_snapshot(path, snapshot, arms, groups)
    cells = [cell for line in path.read_text().splitlines() for cell in line.split(",")[:3]]
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)
    back = snapshot_at(read_patients(path, SNAPSHOT_COLUMNS, arms, groups), 0.0, arms, groups)
    np.testing.assert_array_equal(back.arm, snapshot.arm[snapshot.observed])
    np.testing.assert_array_equal(back.subgroup, snapshot.subgroup[snapshot.observed])


def test_command_writes_what_the_simulator_would_decide(tmp_path, study):
    assert run_analyse(study, request(look=2), tmp_path) == DECIDED
    found = record(tmp_path)
    data = read_patients(PATIENTS, COLUMNS, ARMS, SUBGROUPS)
    cutoff = found["cutoff"]["months"] * data.per_month
    snapshot = snapshot_at(data, round(cutoff), ARMS, SUBGROUPS)
    progress = at_look(initial_progress(study), 2, 4, found["cutoff"]["months"])
    key = stream_key(trial_key(3, 0), Stream.POSTERIOR, 1)
    evidence, decision = eqx.filter_jit(analyse_look)(key, study, snapshot, progress)
    for i, cell in enumerate(found["cells"]):
        at = divmod(i, 2)
        assert cell["status_after"] == CellStatus(int(decision.status[at])).name
        np.testing.assert_allclose(cell["log_hr"]["mean"], evidence.mean[at], rtol=1e-12)
        np.testing.assert_allclose(cell["rules"][0]["value"], evidence.statistics[0][at], rtol=1e-12)
        np.testing.assert_allclose(
            cell["rules"][2]["value"], 1 - evidence.statistics[2][at], rtol=1e-12, atol=1e-15
        )
    for i, arm in enumerate(found["arms"]):
        at = divmod(i, 3)
        assert arm["patients"] == int(evidence.patients[at]) and arm["events"] == int(evidence.events[at])
        np.testing.assert_allclose(arm["allocation"], decision.allocation[at], rtol=1e-12)
    assert found["input"]["sha256"] == data.sha256 and found["design"]["sha256"] == design_hash(study)
    assert any("entered after the cut-off" in note for note in found["input"]["notes"])


def test_decisions_carry_over(tmp_path, study):
    first, second = tmp_path / "1", tmp_path / "2"
    run_analyse(study, request(cutoff="1985-12-17"), first)
    closed = {(c["subgroup"], c["arm"]) for c in record(first)["cells"] if c["status_after"] != "OPEN"}
    assert closed, "the example closes a comparison at its first look"
    run_analyse(study, request(previous=first / "decision.json"), second)
    after = record(second)
    assert after["look"] == 2 and after["previous"]["look"] == 1
    for cell in after["cells"]:
        if (cell["subgroup"], cell["arm"]) in closed:
            assert cell["status_before"] == cell["status_after"] != "OPEN"
            assert cell["decided_look"] == 1 and cell["verdict"] is None
            assert not any(rule["fired"] for rule in cell["rules"])
    zero = {(a["subgroup"], a["arm"]) for a in after["arms"] if a["allocation"] == 0.0}
    assert closed <= zero


def test_progress_is_restored_exactly(tmp_path, study):
    run_analyse(study, request(cutoff="1985-12-17"), tmp_path)
    previous = read_previous(tmp_path / "decision.json")
    data = read_patients(PATIENTS, COLUMNS, ARMS, SUBGROUPS)
    start = at_look(initial_progress(study), 1, 4, previous.content["cutoff"]["months"])
    snapshot = snapshot_at(
        data, round(previous.content["cutoff"]["months"] * data.per_month), ARMS, SUBGROUPS
    )
    decision = analyse(study, snapshot, start, EXACT).decision
    progress, number = progress_at(study, previous, None, 40.0)
    assert number == 2 and int(progress.look) == 1 and float(progress.time) == 40.0
    np.testing.assert_array_equal(progress.status, decision.status)
    np.testing.assert_array_equal(progress.decided_look, jnp.where(decision.verdict > 0, 0, -1))
    np.testing.assert_allclose(progress.allocation, decision.allocation, rtol=1e-15)


@pytest.mark.parametrize(
    "change, message",
    [
        (dict(look=5), "the design has 1 to 4"),
        (dict(look=1), "does not come after look 1"),
        (dict(cutoff="1985-12-17"), "does not come after the cut-off of previous"),
        (dict(cutoff="1985-01-01"), "does not come after the cut-off of previous"),
    ],
)
def test_looks_out_of_order_are_refused(tmp_path, study, change, message):
    run_analyse(study, request(cutoff="1985-12-17"), tmp_path / "1")
    with pytest.raises(BadInput, match=message):
        run_analyse(study, request(previous=tmp_path / "1" / "decision.json", **change), tmp_path / "2")


def test_another_protocol_is_refused(tmp_path, study):
    run_analyse(study, request(cutoff="1985-12-17"), tmp_path / "1")
    changed = eqx.tree_at(lambda d: d.rules[0].threshold, study, jnp.array([0.99, 0.995, 0.99, 0.98]))
    with pytest.raises(BadInput, match="decided under another protocol"):
        run_analyse(changed, request(previous=tmp_path / "1" / "decision.json"), tmp_path / "2")


@pytest.mark.parametrize(
    "text, message", [("{", "is not JSON"), ("[]", "is not the decision.json"), (None, "No such file")]
)
def test_unreadable_previous(tmp_path, study, text, message):
    path = tmp_path / "decision.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(BadInput, match=message):
        run_analyse(study, request(previous=path), tmp_path / "out")


def test_a_decision_is_never_overwritten(tmp_path, study):
    run_analyse(study, request(), tmp_path)
    with pytest.raises(BadInput, match="never overwritten"):
        run_analyse(study, request(), tmp_path)


@pytest.mark.parametrize(
    "sampling, message",
    [(Sampling(engine="nutz"), "did you mean 'nuts'"), (Sampling(chains=1), "chains: 1 is not allowed")],
)
def test_bad_engine(tmp_path, study, sampling, message):
    with pytest.raises(BadInput, match=message):
        run_analyse(study, request(sampling=sampling), tmp_path)


def test_hash_ignores_precision_and_engine_but_no_number(study):
    single = jax.tree.map(lambda x: x.astype(jnp.float32) if x.dtype == jnp.float64 else x, study)
    assert design_hash(single) == design_hash(study)
    for where in (
        lambda d: d.limits.max_months,
        lambda d: d.rules[1].margin,
        lambda d: d.analysis.model.rate,
    ):
        changed = eqx.tree_at(where, study, replace_fn=lambda x: x + 0.01)
        assert design_hash(changed) != design_hash(study)


@pytest.mark.parametrize("look", [1, 4])
def test_too_few_draws_withhold_the_recommendation(tmp_path, study, look):
    sampling = Sampling(engine="nuts", chains=2, warmup=100, draws=20, max_draws=20)
    assert run_analyse(study, request(sampling=sampling, look=look), tmp_path) == WITHHELD
    found = record(tmp_path)
    assert found["recommendation"]["code"] == "NONE" and found["stop_reason"] == "RUNNING"
    assert "NONE: diagnostics failed" in found["recommendation"]["text"]
    assert any("ESS" in reason for reason in found["withheld_because"])
    for cell in found["cells"]:
        assert cell["status_after"] == cell["status_before"] == "OPEN"
        assert all(rule["fired"] is None for rule in cell["rules"])
    assert all(arm["allocation"] == arm["allocation_before"] for arm in found["arms"])
    memo = (tmp_path / "memo.html").read_text()
    assert "NONE: diagnostics failed" in memo and "FAILED" in memo
    # The planted bug: without the gates the same draws would have closed a comparison.
    data = read_patients(PATIENTS, COLUMNS, ARMS, SUBGROUPS)
    snapshot = snapshot_at(data, round(found["cutoff"]["months"] * data.per_month), ARMS, SUBGROUPS)
    start = at_look(initial_progress(study), look, 4, found["cutoff"]["months"])
    blind = analyse(study, snapshot, start, sampling, Gates(99.0, 0.0, 10**6, 0.0))
    trusting = eqx.tree_at(lambda e: e.health.code, blind.evidence, jnp.zeros((), jnp.int32))
    assert (decide(study, trusting, start).verdict > 0).any() or look == 1


def test_a_withheld_look_may_be_repeated(tmp_path, study):
    sampling = Sampling(engine="nuts", chains=2, warmup=100, draws=20, max_draws=20)
    run_analyse(study, request(sampling=sampling), tmp_path / "1")
    run_analyse(study, request(previous=tmp_path / "1" / "decision.json"), tmp_path / "1b")
    assert record(tmp_path / "1b")["look"] == 1 and not record(tmp_path / "1b")["withheld"]
