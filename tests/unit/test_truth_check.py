"""True values against a large sample: the Cox estimate and its error; a wrong true value is found."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize, stats

from adaptive.cli import main
from adaptive.config import build
from adaptive.errors import BadInput
from adaptive.oc.load import load_results
from adaptive.oc.source import Source
from adaptive.oc.study import run_cell
from adaptive.oc.truth_check import compared, cox, hazard_ratio_rows, incidence_rows, limit, sample, without
from adaptive.oc.truth_content import truth_part
from adaptive.oc.truth_store import FILE, FOLDER
from adaptive.report.sections_truth import truth_section
from adaptive.scenario.estimand import true_values
from tests.results_toys import fake_simulate
from tests.toy import toy_design, toy_scenario

EVENT, HORIZON, N = ("event",), 24.0, 20_000
TRUE = ((-0.6, 0.0), (0.3, -0.2))


def brute_force_cox(time, event, x):
    """Return the Cox estimate by maximising the partial likelihood, and Lin and Wei's error, one by one."""
    at_risk = [time >= t for t in time]

    def loss(beta):
        return -sum(
            beta * x[i] - np.log(np.exp(beta * x[at_risk[i]]).sum()) for i in range(time.size) if event[i]
        )

    beta = optimize.minimize_scalar(loss, bounds=(-4, 4), method="bounded", options={"xatol": 1e-10}).x
    s0 = np.array([np.exp(beta * x[r]).sum() for r in at_risk])
    mean = np.array([(x[r] * np.exp(beta * x[r])).sum() for r in at_risk]) / s0
    information = sum(mean[i] * (1 - mean[i]) for i in range(time.size) if event[i])
    residual = [
        event[i] * (x[i] - mean[i])
        - sum(
            np.exp(beta * x[i]) * (x[i] - mean[j]) / s0[j]
            for j in range(time.size)
            if event[j] and time[j] <= time[i]
        )
        for i in range(time.size)
    ]
    return beta, np.sqrt(np.square(residual).sum()) / information


def test_cox_is_the_maximum_of_the_partial_likelihood_with_the_robust_error():
    rng = np.random.default_rng(1)
    x = rng.random(120) < 0.5
    # Hazards that cross, and whole months, so that there are ties with censored times.
    time = np.ceil(np.where(x, 14 * rng.weibull(0.7, 120), 10 * rng.weibull(1.4, 120)) * 50) / 50
    event = rng.random(120) < 0.7
    expected = brute_force_cox(time, event, x.astype(float))
    np.testing.assert_allclose(cox(time, event, x), expected, rtol=1e-6)


def test_the_robust_error_is_the_spread_of_the_estimate():
    rng = np.random.default_rng(2)
    n, repeats = 300, 300
    found = []
    for _ in range(repeats):
        x = rng.random(n) < 0.5
        time = np.where(x, 14 * rng.weibull(0.7, n), 10 * rng.weibull(1.4, n))
        found.append(cox(np.minimum(time, 15), time <= 15, x))
    estimates, errors = np.array(found).T
    # The SD of 300 estimates has a relative error of 1 / sqrt(2 x 299); four of them.
    assert abs(errors.mean() / estimates.std(ddof=1) - 1) < 4 / np.sqrt(2 * (repeats - 1))


def test_no_estimate_without_events_in_both_arms():
    time, x = np.arange(1.0, 5.0), np.array([True, True, False, False])
    assert np.isnan(cox(time, np.array([True, False, False, False]), x)).all()


def stored_truth(log_hr=TRUE):
    truth = true_values(toy_scenario(log_hr), EVENT, HORIZON, absent=("dropout",))
    names = {"subgroups": list(toy_scenario().subgroups), "arms": list(toy_scenario().arms)}
    return names | {"log_hr": truth.log_hr.tolist(), "cif": truth.incidence.tolist()}


@pytest.fixture(scope="module")
def rows():
    scenario = toy_scenario(TRUE)
    labels = scenario.subgroups, scenario.arms
    found = hazard_ratio_rows(sample(scenario, EVENT, HORIZON, N, 3), *labels)
    return found + incidence_rows(sample(without(scenario, ["dropout"]), EVENT, HORIZON, N, 3), *labels)


def test_sound_true_values_pass_and_every_wrong_one_is_found(rows):
    stored = stored_truth()
    sound = compared(rows, stored)
    assert len(sound) == 4 + 6
    largest = limit(len(sound), 0.01)
    assert max(abs(row["z"]) for row in sound) < largest
    for name, step in (("log_hr", 0.35), ("cif", 0.06)):
        for s in range(2):
            for a in range(len(stored[name][s])):
                wrong = json.loads(json.dumps(stored))
                wrong[name][s][a] += step
                differ = [row for row in compared(rows, wrong) if abs(row["z"]) > largest]
                assert len(differ) == 1, (name, s, a)


def test_dropout_left_in_by_mistake_is_found():
    scenario = toy_scenario(TRUE)
    rows = incidence_rows(sample(scenario, EVENT, HORIZON, 4 * N, 3), scenario.subgroups, scenario.arms)
    assert max(abs(row["z"]) for row in compared(rows, stored_truth())) > limit(6, 0.01)


def test_infinite_true_values_are_not_compared(rows):
    stored = stored_truth()
    stored["log_hr"][0][0] = None
    assert len(compared(rows, stored)) == 9


def test_limit_is_bonferroni():
    assert limit(10, 0.01) == pytest.approx(stats.norm.isf(0.0005))


def test_patients_do_not_depend_on_how_many_are_simulated_together():
    few, many = (sample(toy_scenario(TRUE), EVENT, HORIZON, n, 3) for n in (1000, 2000))
    assert few.time.size == 1000 and np.array_equal(few.time, many.time[:1000])
    assert few.time.max() <= HORIZON and {0, 1, 2} == set(few.arm)


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Return a study of one cell whose configuration builds the toy scenario."""
    monkeypatch.setattr(build, "build_scenario", lambda config: toy_scenario(TRUE))
    run_cell(
        toy_design(),
        toy_scenario(TRUE),
        study="pilot",
        seed=1,
        n_trials=20,
        chunk_size=20,
        path=tmp_path,
        resolved_config={"scenario": {"name": "toy"}},
        progress=False,
        estimand_horizon=HORIZON,
        estimand_absent=("dropout",),
        simulate=fake_simulate,
    )
    return tmp_path / "pilot"


def test_the_command_writes_what_the_report_shows(study, capsys):
    assert main(["truth", str(study), "n_patients=20000"]) == 0
    assert "No stored true value differs" in capsys.readouterr().out
    source = Source(load_results([study]), study)
    part = truth_part(source, {})
    frame = part["tables"]["truth_check"]
    shown = truth_section({"truth_check": part, "tables": part["tables"]})
    assert shown.covers == ("B3",) and len(shown.blocks[0].rows) == len(frame) == 10
    stored = json.loads((study / FOLDER / FILE).read_text())["rows"]
    assert frame.estimate.tolist() == [row["estimate"] for row in stored]
    assert truth_section({"truth_check": truth_part(Source(source.results), {}), "tables": {}}).covers == ()


def test_a_check_of_some_scenarios_is_no_check_of_all(study):
    """A scenario simulated after ``adaptive truth`` has not been checked."""
    assert main(["truth", str(study), "n_patients=20000"]) == 0
    results = load_results([study])
    later = replace(results[0], manifest=results[0].manifest | {"scenario": "later"})
    part = truth_part(Source([*results, later], study), {})
    assert not part["found"] and f"does not cover {later.design}/later" in part["messages"][0]


def test_a_wrong_scenario_makes_the_command_fail(study, monkeypatch, capsys):
    monkeypatch.setattr(build, "build_scenario", lambda config: toy_scenario(((-1.2, 0.0), (0.3, -0.2))))
    assert main(["truth", str(study), "n_patients=20000"]) == 3
    assert "toy: red, low" in capsys.readouterr().out
    part = truth_part(Source(load_results([study]), study), {})
    shown = truth_section({"truth_check": part, "tables": part["tables"]})
    assert shown.covers == () and any(cell.flagged for row in shown.blocks[0].rows for cell in row)


def test_an_altered_check_is_refused_and_shown_in_a_draft(study):
    main(["truth", str(study), "n_patients=2000"])
    file = study / FOLDER / FILE
    file.write_text(file.read_text().replace('"n_patients": 2000', '"n_patients": 9000000'))
    results = load_results([study])
    with pytest.raises(BadInput, match="altered after it was written"):
        truth_part(Source(results, study), {})
    assert not truth_part(Source(results, study, draft=True), {})["found"]


def test_faults_of_the_command_are_told_together(tmp_path, capsys):
    assert main(["truth", str(tmp_path), "n_patients=10", "seed=-1"]) == 2
    told = capsys.readouterr().err
    assert "n_patients: '10' came" in told and "seed: '-1' came" in told
    assert main(["truth", str(tmp_path), "n_patient=10"]) == 2
    assert "n_patients" in capsys.readouterr().err
