"""Designs compared: the front, paired differences, points of a search, and what is stored."""

import numpy as np
import pytest

from adaptive import montecarlo as mc
from adaptive.errors import BadInput
from adaptive.oc.calibrate import Request, declare
from adaptive.oc.calibrate_errors import Plan
from adaptive.oc.calibrate_found import Aim
from adaptive.oc.search import Judged, Judging, check_judging, judge
from adaptive.oc.search_front import feasible, front, nearly_beaten
from adaptive.oc.search_space import nsga2, planned, read_parameters
from adaptive.oc.search_store import keep_point, kept_point, table_of, told, write_search
from adaptive.report.figures_search import pareto_figure
from tests.toy import toy_design, toy_scenario

OBJECTIVES = ("disjunctive_power", "patients")


def judged(power, patients, *, errors=(10, 1000), seed=0, n=400):
    """Return a made-up design whose trials share their noise with those of every other."""
    noise = np.random.default_rng(seed).normal(size=n)
    trials = {"disjunctive_power": power + 0.01 * noise, "patients": patients + noise}
    return Judged({"k": power}, None, trials, {}, {"null": (*errors, 1)})


def judging(calibration=None):
    plan = Plan(1, 512)
    return Judging(
        OBJECTIVES, calibration, 0.05, "any_false_claim", 0.05, Plan(2, 512), plan, Plan(3, 512), 24.0
    )


def test_the_front_holds_what_nobody_beats():
    designs = [judged(0.8, 100), judged(0.9, 100), judged(0.9, 120), judged(0.7, 80), judged(0.95, 90)]
    allowed = [True, True, True, True, False]
    assert front(designs, OBJECTIVES, allowed) == [False, True, False, True, False]
    assert front(designs, OBJECTIVES, [True] * 5) == [False, False, False, True, True]


def test_a_difference_within_monte_carlo_error_does_not_beat():
    first, close = judged(0.8, 100, seed=1), judged(0.8, 100.05, seed=2)
    far = judged(0.8, 110, seed=3)
    designs, allowed = [first, close, far], [True] * 3
    on_front = front(designs, ("patients",), allowed)
    assert sum(on_front) == 1 and not on_front[2]
    near = nearly_beaten(designs, ("patients",), allowed, on_front)
    assert near == [not on_front[0], not on_front[1], False]


def test_the_error_is_held_by_its_bound_unless_calibrated():
    good, unsure, bad = (judged(0.8, 100, errors=(x, 1000)) for x in (30, 45, 90))
    assert [feasible(d, 0.05, 0.05, False) for d in (good, unsure, bad)] == [True, False, False]
    assert [feasible(d, 0.05, 0.05, True) for d in (good, unsure, bad)] == [True, True, False]


def test_pairing_makes_differences_precise():
    designs = [judged(0.8, 100), judged(0.8, 101)]
    frame = table_of(designs, judging())
    assert frame.patients_minus_0[1] == pytest.approx(1.0) and frame.patients_minus_0_mcse[1] < 1e-9
    assert frame.patients_mcse[1] == pytest.approx(mc.mean(designs[1].trials["patients"]).mcse) and (
        frame.patients_mcse[1] > 0.04
    )


def test_what_is_stored_is_read_again_and_only_for_the_same_design(tmp_path):
    one = judged(0.8, 100)
    keep_point(tmp_path, ["a", 1], one)
    again = kept_point(tmp_path, ["a", 1])
    assert kept_point(tmp_path, ["a", 2]) is None
    assert again.errors == one.errors and again.values == one.values
    for name in OBJECTIVES:
        assert (again.trials[name] == one.trials[name]).all()


def test_tables_figure_and_text_say_the_same(tmp_path):
    designs = [judged(0.8, 100), judged(0.9, 120), judged(0.7, 110), judged(0.99, 60, errors=(200, 1000))]
    frame = table_of(designs, judging())
    figure = pareto_figure(frame, OBJECTIVES, {"disjunctive_power": "Any true claim"}).svg
    assert "Any true claim" in figure and "error not held" in figure and figure.startswith("<svg")
    text = told(frame, judging())
    assert [line[-1] for line in text[1:5]] == ["*", "*", "-", "!"]
    folder = write_search(tmp_path / "out", designs, frame, judging(), figure, {"seed": 1})
    assert {p.name for p in folder.iterdir()} == {
        "designs.csv",
        "designs.parquet",
        "scenarios.csv",
        "pareto.svg",
        "search.json",
    }


def test_a_grid_has_every_combination_and_sobol_fills_ranges():
    parameters = read_parameters({"a.b": [1, 2, 3], "c": ["x", None]})
    points = planned(parameters, "grid", 0, 1)
    assert len(points) == 6 and {"a.b": 3, "c": None} in points
    ranged = read_parameters({"t": {"low": 0.9, "high": 0.99}, "n": {"low": 100, "high": 200, "whole": True}})
    points = planned(ranged, "sobol", 16, 1)
    assert len(points) == 16 and all(0.9 <= p["t"] <= 0.99 and isinstance(p["n"], int) for p in points)
    assert points == planned(ranged, "sobol", 16, 1)
    with pytest.raises(BadInput, match=r"over\.t: a grid needs a list"):
        planned(ranged, "grid", 16, 1)


def test_faults_of_parameters_are_told_together():
    with pytest.raises(BadInput) as caught:
        read_parameters({"a": 3, "b": {"low": 2, "high": 1}, "c": {"low": 0, "high": 1, "lgo": True}})
    assert [fault.split(":")[0] for fault in caught.value.faults] == ["over.a", "over.b", "over.c.lgo"]


def test_nsga2_keeps_to_the_constraint():
    """A toy problem: more power costs patients, and the error holds only below a threshold of 0.6."""
    parameters = read_parameters({"t": {"low": 0.0, "high": 1.0}, "u": {"low": 0.0, "high": 1.0}})

    def evaluate(values, limit=0.6):
        return [values["t"], -values["t"] - values["u"]], values["t"] - limit

    seen = list(nsga2(parameters, 160, 1, 2, evaluate))
    assert seen == list(nsga2(parameters, 160, 1, 2, evaluate))
    free = list(nsga2(parameters, 160, 1, 2, lambda values: evaluate(values, 2.0)))
    assert _share_held(seen) > 0.75 > 0.7 > _share_held(free)
    assert np.mean([p["u"] for p in seen[-50:]]) < 0.3


def _share_held(seen):
    return np.mean([p["t"] <= 0.6 for p in seen[-50:]])


def test_a_calibrated_design_is_judged_at_its_target():
    protocol = toy_design()
    nulls = [declare("null", protocol, toy_scenario(), 24.0)]
    others = [declare("good", protocol, toy_scenario(((-0.8, -0.8), (-0.8, -0.8))), 24.0)]
    asked = judging(Request(Aim(0.05)))
    one = judge({}, protocol, 0, nulls, others, asked)
    plain = judge({}, protocol, None, nulls, others, judging())
    assert len(one.thresholds) == 3 and plain.thresholds is None
    assert feasible(one, 0.05, 0.05, True)
    assert one.objective("patients").n == 512
    assert plain.error.estimate > one.error.estimate
    assert plain.objective("disjunctive_power").estimate > one.objective("disjunctive_power").estimate


def test_scenarios_and_objectives_that_cannot_judge_are_refused():
    protocol = toy_design()
    good = declare("good", protocol, toy_scenario(((-0.8, -0.8), (-0.8, -0.8))), 24.0)
    with pytest.raises(BadInput) as caught:
        check_judging([good], [], ["powr"])
    assert [fault.split(":")[0] for fault in caught.value.faults] == ["nulls", "alternatives", "objectives"]
