"""``report.json`` keeps the machine-readable contract; its targets agree with those that refuse a report."""

import copy
import json
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest
from jsonschema import Draft202012Validator

from adaptive.oc.report_content import build_content
from adaptive.report.compliance import checklist_rows
from adaptive.report.contract import plain_json
from adaptive.report.document import document
from adaptive.report.export import write_json
from adaptive.report.section import Section
from tests.report.synthetic import fake_arrays, write_result

SCHEMA = json.loads(
    (files("adaptive.report") / "templates" / "report.schema.json").read_text(encoding="utf-8")
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return content and JSON of a small study; its chapters are not drawn."""
    root = tmp_path_factory.mktemp("results")
    for design in ("fixed", "adaptive"):
        for scenario, log_hr in (("none", 0.0), ("some", -0.5)):
            truth = [[log_hr, 0.0], [0.0, log_hr]]
            arrays = fake_arrays(250, log_hr=truth, claim=np.where(np.array(truth) < 0, 0.8, 0.05))
            write_result(root, design, scenario, arrays, log_hr=truth)
    content = build_content([root])
    path = tmp_path_factory.mktemp("json") / "report.json"
    parts = [Section("results", "Results", [])]
    write_json(content, document(content, parts), checklist_rows(parts, content), path)
    return content, json.loads(path.read_text(encoding="utf-8"))


def faults(stored):
    return [error.json_path for error in Draft202012Validator(SCHEMA).iter_errors(stored)]


def test_the_schema_is_one_and_the_report_meets_it(made):
    Draft202012Validator.check_schema(SCHEMA)
    assert faults(made[1]) == []


@pytest.mark.parametrize(
    "harm",
    [
        lambda stored: stored.pop("null_space"),
        lambda stored: stored["oc"][0].pop("mcse"),
        lambda stored: stored["oc"][0].pop("n"),
        lambda stored: stored["dgm"]["params"][0].pop("source"),
        lambda stored: stored["scenarios"][0]["hash"].update(fixed="abc"),
        lambda stored: stored["checklist"][0].pop("status"),
    ],
)
def test_what_the_contract_asks_for_cannot_be_left_out(made, harm):
    stored = copy.deepcopy(made[1])
    harm(stored)
    assert len(faults(stored)) == 1


def test_every_tidy_number_is_there_with_error_and_denominator(made):
    content, stored = made
    for name in ("claims", "size", "stopping", "allocation", "estimation", "paired"):
        frame = content["tables"][name]
        rows = [row for row in stored["oc"] if row["table"] == name]
        assert [row["estimate"] for row in rows] == [None if np.isnan(x) else x for x in frame.estimate]
        assert [row["ci"][0] for row in rows] == [None if np.isnan(x) else x for x in frame.lower]
        assert [row["n"] for row in rows] == frame.n.tolist()


def test_a_target_is_met_exactly_where_the_gate_says_so(made):
    """The gate on reports judges the worst place of a metric; here every place is judged."""
    content, stored = made
    gate = content["trust"]["targets"]
    judged = pd.DataFrame([row for row in stored["oc"] if row["met"] is not None])
    worst = judged.groupby(["scenario", "design", "metric"]).met.all()
    expected = gate.set_index(["scenario", "design", "metric"]).met.astype(bool)
    pd.testing.assert_series_equal(worst.sort_index(), expected.sort_index(), check_names=False)
    assert expected.any() and not expected.all()


def test_scenarios_have_their_class_hash_and_truth(made):
    by_name = {scenario["id"]: scenario for scenario in made[1]["scenarios"]}
    assert by_name["none"]["class"] == "null" and by_name["some"]["class"] == "alt"
    for scenario in by_name.values():
        assert set(scenario["hash"]) == {"fixed", "adaptive"} and len(scenario["truth"]) == 2


def test_values_become_plain_json():
    frame = pd.DataFrame({"a": [1.5, np.nan], "b": [np.int64(3), 4]})
    value = {1: frame, "x": (np.float64(2.0), float("inf"), {"b", "a"}), "y": np.array([1, 2]), "z": None}
    assert plain_json(value) == {
        "1": [{"a": 1.5, "b": 3}, {"a": None, "b": 4}],
        "x": [2.0, "inf", ["a", "b"]],
        "y": [1, 2],
        "z": None,
    }
