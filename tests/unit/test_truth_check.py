"""True values against a large sample: the Cox estimate and its error; a wrong true value is found."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize, stats

from adaptive.cli import main
from adaptive.config import build
from adaptive.errors import BadInput
from adaptive.oc import truth_store
from adaptive.oc.evidence import SELF, write_evidence
from adaptive.oc.load import load_results
from adaptive.oc.source import Source
from adaptive.oc.study import run_cell
from adaptive.oc.truth_check import (
    CERTAIN,
    FEW_EVENTS,
    IMPOSSIBLE,
    NO_PATIENT,
    NOT_FINITE,
    compared,
    cox,
    differs,
    hazard_ratio_rows,
    incidence_rows,
    limit,
    sample,
    without,
)
from adaptive.oc.truth_content import told, truth_part
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


def test_what_cannot_be_compared_stays_with_its_reason(rows):
    stored = stored_truth()
    stored["log_hr"][0][0] = None
    found = compared(rows, stored)
    assert len(found) == 10
    assert [row["reason"] for row in found if row["z"] is None] == [NOT_FINITE]


def share(m, n, true):
    """Return the comparison of one share, ``m`` of ``n`` patients, with a true value."""
    row = {"quantity": "cif", "subgroup": "red", "arm": "control", "mcse": np.nan, "n": n, "m": m}
    stored = {"subgroups": ["red"], "arms": ["control"], "cif": [[true]]}
    (found,) = compared([row | {"estimate": m / n if n else np.nan}], stored)
    return found


def test_the_error_of_a_share_is_that_under_its_true_value():
    """So a share of 0 or 1 is compared; under its own error it had none and was dropped."""
    for m in (0, 1000):
        found = share(m, 1000, 0.4)
        assert found["z"] == pytest.approx((m / 1000 - 0.4) / np.sqrt(0.4 * 0.6 / 1000))
        assert differs(found, limit(10, 0.01))
    assert share(0, 1000, 1e-5)["z"] == 0.0


def test_few_expected_patients_make_no_false_alarm_and_wrong_values_are_found():
    """Where 0.02 patients are expected, one is met in 2% of samples; its normal z would be 7."""
    largest = limit(240, 0.01)
    n, p = 1000, 2e-5
    assert (1 / n - p) / np.sqrt(p * (1 - p) / n) > largest
    assert not differs(share(1, n, p), largest)
    assert share(1, n, p)["z"] == pytest.approx(stats.norm.isf(stats.binom.sf(0, n, p)))
    assert share(999, n, 1 - p)["z"] == pytest.approx(-share(1, n, p)["z"])
    # The chance of a difference is at most what the limit states, for any sparse value.
    for p in (1e-5, 3e-4, 0.004, 0.04, 0.97):
        wrong = [m for m in range(n + 1) if differs(share(m, n, p), largest)]
        assert stats.binom.pmf(wrong, n, p).sum() <= 2 * stats.norm.sf(largest)
        assert {0, n} & set(wrong)


def test_a_certain_true_value_agrees_or_is_contradicted():
    agrees, contradicted, nobody = share(0, 50, 0.0), share(1, 50, 0.0), share(0, 0, 0.2)
    assert [row["reason"] for row in (agrees, contradicted, nobody)] == [CERTAIN, IMPOSSIBLE, NO_PATIENT]
    assert [differs(row, 4.0) for row in (agrees, contradicted, nobody)] == [False, True, False]
    assert share(40, 50, 1.2)["reason"] == IMPOSSIBLE


def test_a_hazard_ratio_needs_events_in_both_arms():
    drawn = sample(toy_scenario(TRUE), EVENT, HORIZON, 2000, 3)
    few = replace(drawn, event=drawn.event & ((drawn.arm != 1) | (np.cumsum(drawn.arm == 1) < 15)))
    found = hazard_ratio_rows(few, toy_scenario().subgroups, toy_scenario().arms)
    (first, *_) = compared(found, stored_truth())
    assert first["reason"] == FEW_EVENTS and first["z"] is None and np.isnan(first["estimate"])


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


def without_events(scenario, *arguments):
    """Stand in for ``sample``: nobody has an event."""
    drawn = sample(scenario, *arguments)
    return replace(drawn, event=np.zeros_like(drawn.event))


def test_values_without_an_event_are_shown_counted_and_wrong(study, monkeypatch, capsys):
    """Shares of 0 against true values of a half: every one differs. The hazard ratios have no estimate."""
    monkeypatch.setattr(truth_store, "sample", without_events)
    assert main(["truth", str(study), "n_patients=20000"]) == 3
    assert f"4 of 10 true values are not comparable by a z: {FEW_EVENTS} (4)" in capsys.readouterr().out
    part = truth_part(Source(load_results([study]), study), {})
    frame = part["tables"]["truth_check"]
    assert len(frame) == 10 and frame.differs.sum() == 6 and frame.z.isna().sum() == 4
    shown = truth_section({"truth_check": part, "tables": part["tables"]})
    texts = [[cell.text for cell in row] for row in shown.blocks[0].rows]
    assert sum(f"not comparable: {FEW_EVENTS}" in row for row in texts) == 4


def test_a_check_that_compares_nothing_is_refused(study, monkeypatch, capsys):
    monkeypatch.setattr(truth_store, "incidence_rows", lambda *_: [])
    monkeypatch.setattr(truth_store, "sample", without_events)
    assert main(["truth", str(study), "n_patients=20000"]) == 2
    printed = capsys.readouterr().err
    assert "no true value can be compared" in printed and "give a larger n_patients" in printed
    assert not (study / FOLDER / FILE).exists()


def test_nothing_compared_can_be_told():
    content = {"settings": {"n_patients": 1000}, "gamma": 0.01, "largest_z": limit(0, 0.01), "rows": []}
    assert told(content)[-1] == "So no true value was checked."


def test_a_scenario_without_any_comparison_is_not_sound(study):
    assert main(["truth", str(study), "n_patients=20000"]) == 0
    file = study / FOLDER / FILE
    content = json.loads(file.read_text())
    content["rows"] = [row | {"z": None, "reason": NO_PATIENT} for row in content["rows"]]
    write_evidence(file, {key: value for key, value in content.items() if key != SELF})
    part = truth_part(Source(load_results([study]), study), {})
    assert part["found"] and not part["sound"]
    content["rows"] = [{k: v for k, v in row.items() if k != "reason"} for row in content["rows"]]
    write_evidence(file, {key: value for key, value in content.items() if key != SELF})
    part = truth_part(Source(load_results([study]), study), {})
    assert not part["found"] and "left out what it could not compare" in part["messages"][0]


def test_an_altered_check_is_refused_and_shown_in_a_draft(study):
    main(["truth", str(study), "n_patients=2000"])
    file = study / FOLDER / FILE
    file.write_text(file.read_text().replace('"n_patients": 2000', '"n_patients": 9000000'))
    results = load_results([study])
    with pytest.raises(BadInput, match="altered after it was written"):
        truth_part(Source(results, study), {})
    assert not truth_part(Source(results, study, draft=True), {})["found"]


def test_faults_of_the_command_are_printedtogether(tmp_path, capsys):
    assert main(["truth", str(tmp_path), "n_patients=10", "seed=-1"]) == 2
    told = capsys.readouterr().err
    assert "n_patients: '10' came" in told and "seed: '-1' came" in told
    assert main(["truth", str(tmp_path), "n_patient=10"]) == 2
    assert "n_patients" in capsys.readouterr().err
