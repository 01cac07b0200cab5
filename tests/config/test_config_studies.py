"""Every YAML file composes and builds; numbers have provenance and agree with their sources."""

import copy
import math

import numpy as np
import pytest

from adaptive.config.build import build_design, build_scenario, build_study
from adaptive.config.checks import Faults
from adaptive.config.compose import compose_one, compose_sweep, conf_root, options
from adaptive.config.read import code_keys
from adaptive.config.schema_scenario import TAGS
from adaptive.design.allocation import FixedAllocation, ThallWathenAllocation
from adaptive.models.pooling import NoPooling, PartialPooling
from adaptive.scenario.truth import Scenario

EXPERIMENTS = {
    "brain_srs": (
        ("srs_fixed", "srs_single", "srs_rar"),
        (
            *("srs_null", "srs_both", "srs_graded", "srs_her2", "srs_harm", "srs_drift", "srs_delayed"),
            *("srs_modest", "srs_waning", "srs_tnbc", "srs_opposed", "srs_baseline"),
        ),
    ),
    "flagship": (("flagship",), ("flagship_null", "flagship_both", "flagship_her2")),
    "goldilocks": (
        ("goldilocks", "goldilocks_bound", "goldilocks_information"),
        ("goldilocks_null", "goldilocks_benefit"),
    ),
    "primary_residual": (
        ("residual_fixed", "residual_rar"),
        (
            "residual_null",
            "residual_benefit",
            "residual_delayed",
            "residual_waning",
            "residual_tnbc",
            "residual_drift",
        ),
    ),
}


@pytest.fixture(scope="module")
def sweeps():
    return {name: compose_sweep("config", [f"experiment={name}"]) for name in EXPERIMENTS}


@pytest.fixture(scope="module")
def scenarios(sweeps) -> dict[str, Scenario]:
    cells = [cell for sweep in sweeps.values() for cell in sweep.cells]
    return {cell.config["scenario"]["name"]: build_scenario(cell.config) for cell in cells}


def parameters(node, path=""):
    """Yield every number of a scenario's configuration that is not inside a node with provenance."""
    if isinstance(node, dict) and "value" in node:
        yield path, node
    elif isinstance(node, dict):
        for key, item in node.items():
            yield from parameters(item, f"{path}.{key}")
    elif isinstance(node, list):
        for item in node:
            yield from parameters(item, path)
    elif isinstance(node, int | float) and not isinstance(node, bool):
        yield path, node


def bare_numbers(scenario: dict) -> list[str]:
    """Return the places of numbers without a source; ``n_episodes`` is a count, not a parameter."""
    found = parameters(scenario)
    return [path for path, node in found if not isinstance(node, dict) and path != ".n_episodes"]


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_study_is_every_design_in_every_scenario_and_builds(sweeps, name):
    sweep, (designs, scenarios) = sweeps[name], EXPERIMENTS[name]
    pairs = [(c.config["design"]["name"], c.config["scenario"]["name"]) for c in sweep.cells]
    assert sweep.is_multirun
    assert pairs == [(d, s) for d in designs for s in scenarios]
    for cell in sweep.cells:
        study = build_study(cell.config)
        assert study.settings.study == name
        assert study.settings.benchmark == (designs[0] if len(designs) > 1 else None)
        assert study.design.looks.n_looks == study.design.rules[0].threshold.shape[0]


def test_every_design_file_builds_and_is_named_as_its_file():
    for name in options("design"):
        design = build_design(compose_one("analyse", [f"design={name}", "data=-", "cutoff=1"]))
        assert design.name == name


def test_every_scenario_file_is_in_a_study(scenarios):
    assert sorted(options("scenario")) == sorted(scenarios)
    assert all(name == scenario.name for name, scenario in scenarios.items())


@pytest.mark.parametrize("group", ["model", "posterior", "allocation", "looks", "rules", "report"])
def test_every_option_of_the_other_groups_composes(group):
    for name in options(group):
        assert compose_one("config", [f"{group}={name}"])[group]


def test_a_patient_file_may_be_called_data():
    assert "data" not in [folder.name for folder in conf_root().iterdir()], "data=FILE would choose an option"


def test_every_number_of_a_scenario_has_unit_source_and_tag(sweeps):
    for cell in (cell for sweep in sweeps.values() for cell in sweep.cells):
        scenario = cell.config["scenario"]
        assert bare_numbers(scenario) == []
        for path, node in parameters(scenario):
            if isinstance(node, dict):
                assert node["tag"] in TAGS, path
                assert len(node["source"]) > 10, path
                assert node["unit"], path


def test_a_number_without_a_source_is_detected(sweeps):
    scenario = copy.deepcopy(sweeps["brain_srs"].cells[0].config["scenario"])
    scenario["accrual"]["rate"] = 9.0
    assert bare_numbers(scenario) == [".accrual.rate"]


def test_an_assumption_is_tagged_unverified(sweeps):
    for cell in (cell for sweep in sweeps.values() for cell in sweep.cells):
        for path, node in parameters(cell.config["scenario"]):
            if isinstance(node, dict) and "assumption" in node["source"]:
                assert node["tag"] == "unverified", path


def test_brain_hazards_follow_from_the_published_risks(scenarios):
    null = scenarios["srs_null"]
    order = ("HR+/HER2-", "HR+/HER2+", "HR-/HER2+", "TNBC")
    assert null.subgroups == order
    failure = dict(zip(order, (0.47, 0.36, 0.47, 0.76), strict=True))
    survival = dict(zip(order, (9, 22, 11, 7), strict=True))
    for s, name in enumerate(order):
        brain, death, dropout = np.asarray(null.hazards.base)[0, :, s, 0]
        assert brain == pytest.approx(-math.log(1 - failure[name]) / 12, abs=5e-4)
        assert death == pytest.approx(math.log(2) / survival[name], abs=5e-4)
        assert dropout == pytest.approx(0.10 / 12)


def test_residual_hazards_are_percent_per_year_over_1200(scenarios):
    hazards = scenarios["residual_null"].hazards
    tnbc = np.asarray(hazards.base)[0, 0, 0]
    months = [6.0, 24.0, 48.0, 120.0]
    at = np.searchsorted(np.asarray(hazards.cuts), months) - 1
    np.testing.assert_allclose(tnbc[at], np.array([15.0, 16.0, 5.5, 0.6]) / 1200.0)
    five_years = math.exp(-(12 * 15 + 24 * 16 + 24 * 5.5) / 1200)
    assert five_years == pytest.approx(0.56, abs=0.01)


def test_effects_are_where_the_scenarios_say(scenarios):
    def ratios(name, channel=0):
        return np.exp(np.asarray(scenarios[name].hazards.log_hr)[0, channel, :, 1:, 0])

    np.testing.assert_allclose(ratios("srs_null"), 1.0)
    np.testing.assert_allclose(ratios("srs_both"), 0.55)
    np.testing.assert_allclose(ratios("srs_graded"), [[0.75, 0.55]] * 4)
    np.testing.assert_allclose(ratios("srs_her2"), [[1, 1], [0.55, 0.55], [0.55, 0.55], [1, 1]])
    np.testing.assert_allclose(ratios("srs_harm"), [[1.0, 1.4]] * 4)
    np.testing.assert_allclose(ratios("srs_delayed"), 1.0)
    for name in scenarios:
        for channel in range(1, len(scenarios[name].channels)):
            np.testing.assert_allclose(ratios(name, channel), 1.0)
    late = np.asarray(scenarios["srs_delayed"].hazards.log_hr)[0, 0, :, 1:, 1]
    np.testing.assert_allclose(np.exp(late), 0.55)


def test_drift_and_mix_follow_the_calendar(scenarios):
    drift = scenarios["srs_drift"]
    np.testing.assert_allclose(np.exp(np.asarray(drift.drift.log_multiplier)), [[1, 1, 1], [0.6, 0.7, 1.0]])
    np.testing.assert_allclose(
        np.asarray(drift.population.mix), [[0.55, 0.12, 0.1, 0.23], [0.45, 0.17, 0.15, 0.23]]
    )


def test_adaptive_and_fixed_design_differ_in_nothing_but_the_allocation(sweeps):
    cells = {c.config["design"]["name"]: c.config for c in sweeps["brain_srs"].cells}
    fixed, adaptive = cells["srs_fixed"], cells["srs_rar"]
    for key in ("looks", "rules", "model", "posterior"):
        assert fixed[key] == adaptive[key]
    changed = {k for k in fixed["design"] if fixed["design"][k] != adaptive["design"][k]}
    assert changed == {"name", "description"}
    assert isinstance(build_design(fixed).allocation, FixedAllocation)
    assert isinstance(build_design(adaptive).allocation, ThallWathenAllocation)


def test_the_command_line_beats_the_design_and_the_design_beats_the_defaults():
    chosen = compose_one("config", ["design=srs_rar", "model=no_pooling", "allocation.floor=0.1"])
    study = build_study(chosen)
    assert isinstance(study.design.analysis.model, NoPooling)
    assert float(study.design.allocation.floor) == pytest.approx(0.1)
    assert isinstance(build_design(compose_one("config", ["design=srs_fixed"])).allocation, FixedAllocation)
    again = build_study(compose_one("config", ["design=srs_rar", "allocation=equal"]))
    assert isinstance(again.design.allocation, FixedAllocation)
    assert isinstance(again.design.analysis.model, PartialPooling)


def test_one_rate_stands_for_every_knot():
    config = compose_one("config", ["scenario.accrual.rate.value=[5]"])
    np.testing.assert_allclose(np.asarray(build_scenario(config).accrual.rate), [5.0, 5.0])


def test_a_study_may_be_narrowed_to_one_design():
    sweep = compose_sweep("config", ["experiment=brain_srs", "design=srs_rar", "scenario=srs_null,srs_both"])
    assert [c.config["scenario"]["name"] for c in sweep.cells] == ["srs_null", "srs_both"]
    assert {c.config["design"]["name"] for c in sweep.cells} == {"srs_rar"}


def test_glob_sweeps_choose_scenarios_by_name():
    sweep = compose_sweep("config", ["scenario=glob(srs_h*)"], multirun=True)
    assert sorted(c.config["scenario"]["name"] for c in sweep.cells) == ["srs_harm", "srs_her2"]


def test_look_plans_of_every_kind_build(sweeps):
    config = copy.deepcopy(sweeps["brain_srs"].cells[0].config)
    counts = {"kind": "enrolled", "counts": [100, 200], "delay": [0.0, 1.0]}
    months = {"kind": "calendar", "months": [12, 24]}
    for kind in ("all_of", "any_of"):
        config["looks"] = {"kind": kind, "parts": {"patients": counts, "time": months}}
        config["rules"] = {"win": {"kind": "efficacy", "margin": 1.0, "threshold": [0.99, 0.98]}}
        assert build_design(config).looks.n_looks == 2
    config["looks"] = {"kind": "events", "counts": [50, 100], "subgroup": "TNBC"}
    assert build_design(config).looks.subgroup == 3


def test_eligible_arms_and_maxima_by_subgroup(sweeps):
    config = copy.deepcopy(sweeps["brain_srs"].cells[0].config)
    config["design"]["eligible"] = {"low dose": ["TNBC"]}
    config["design"]["max_per_subgroup"] = {"TNBC": 100}
    design = build_design(config)
    np.testing.assert_array_equal(np.asarray(design.eligible), [[0, 1], [0, 1], [0, 1], [1, 1]])
    np.testing.assert_array_equal(np.asarray(design.limits.max_per_subgroup), [360, 360, 360, 100])


def test_several_health_states(sweeps):
    config = copy.deepcopy(sweeps["brain_srs"].cells[0].config)
    scenario = config["scenario"]
    scenario["states"] = ["first line", "second line"]
    scenario["channels"] = [*scenario["channels"], "growth"]
    growth = {"value": 0.05, "unit": "per month", "source": "assumption: test", "tag": "unverified"}
    scenario["hazards"]["growth"] = {"all": {**growth, "subgroup": "all", "state": "first line"}}
    scenario["transitions"] = {
        "switch": {"state": "first line", "channel": "growth", "next_state": "second line"}
    }
    scenario["n_episodes"] = 2
    hazards = build_scenario(config).hazards
    assert np.asarray(hazards.next_state).tolist() == [[-1, -1, -1, 1], [-1, -1, -1, -1]]
    assert np.asarray(hazards.base)[:, 3, 0, 0].tolist() == [0.05, 0.0]


def test_shipped_files_are_values_only(sweeps):
    for sweep in sweeps.values():
        assert code_keys(sweep.cells[0].config) == []
    assert "_target_" not in "".join(path.read_text() for path in conf_root().rglob("*.yaml"))
    assert Faults(code_keys({"a": [{"_target_": "os.system"}]})) != []
