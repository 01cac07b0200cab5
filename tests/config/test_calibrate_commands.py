"""``adaptive calibrate``, ``nulls`` and ``search`` from the command line: what they write, say and refuse."""

import csv
import json

import pytest
import yaml

from adaptive.cli import main
from adaptive.config.build_declared import own_settings
from adaptive.config.compose import compose_one
from adaptive.config.schema_commands import Calibrating, SearchingDesigns, SearchingNulls
from adaptive.errors import BadInput

QUICK = ["design=residual_fixed", "model=gamma_hazards", "posterior=conjugate", "target=0.1"]


def run(capsys, *arguments):
    code = main([*arguments])
    return code, capsys.readouterr()


@pytest.mark.slow
def test_a_calibration_is_found_confirmed_written_and_its_statistics_are_used_again(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    asked = [
        "calibrate",
        *QUICK,
        "scenario=residual_null",
        "n_trials=256",
        "conservative=false",
        "output=out",
    ]
    code, shown = run(capsys, *asked, "n_confirm=256")
    assert code == 0 and "estimated over the declared set" in shown.out and "verdict: " in shown.out
    assert "proved" not in shown.out
    content = json.loads((tmp_path / "out/calibration.json").read_text())
    assert content["method"] == "stored" and content["worst"]["false_claims"] == 25
    assert content["confirmation"]["seed"] == content["settings"]["seed"] + 1
    rows = list(csv.DictReader((tmp_path / "out/errors.csv").read_text().splitlines()))
    assert [row["trials"] for row in rows] == ["calibration", "fresh"]
    pasted = yaml.safe_load((tmp_path / "out/overrides.yaml").read_text())
    assert pasted["efficacy"]["threshold"] == content["thresholds"]
    code, shown = run(capsys, *asked, "n_confirm=0", "target=0.05", "shape=own")
    assert code == 0 and "256 stored trials read" in shown.err
    assert json.loads((tmp_path / "out/calibration.json").read_text())["worst"]["false_claims"] == 12


@pytest.mark.slow
def test_a_space_of_nulls_is_searched(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small = [
        "partial=[none,arms]",
        "n_points=1",
        "n_first=256",
        "n_worst=1",
        "n_second=256",
        "box.effect=null",
    ]
    code, shown = run(capsys, "nulls", *QUICK, "scenario=residual_null", *small, "output=out")
    assert code == 0 and "simultaneous 95% upper bound" in shown.out
    content = json.loads((tmp_path / "out/nulls.json").read_text())
    # Two sets of the grid, and two at the edge: the corner of the trend, and the worst set moved towards it.
    first = content["stage_1"]
    assert (first["points"], first["at_edge"]) == (4, 2) and content["patterns"] == ["all null"]
    assert content["simultaneous_upper_bound"] > content["worst"]["estimate"]
    rows = list(csv.DictReader((tmp_path / "out/nulls.csv").read_text().splitlines()))
    # Confirmed are the worst point and, if it has none, the worst one with a marked drift.
    stages = [row["stage"] for row in rows]
    assert stages == sorted(stages) and stages.count("1") == 4
    assert stages.count("2") == content["stage_2"]["points"] in (1, 2)


@pytest.mark.slow
def test_designs_are_searched_and_an_interrupted_search_goes_on(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = ["search", *QUICK, "nulls=[residual_null]", "alternatives=[residual_benefit]", "output=out"]
    asked += ["over={rules.efficacy.threshold:[0.9]}", "n_null=256", "n_trials=256"]
    code, shown = run(capsys, *asked)
    assert code == 0 and "design 0 is the configuration as it is" in shown.out
    first = json.loads((tmp_path / "out/search.json").read_text())["designs"]
    assert len(first) == 2 and first[1]["rules.efficacy.threshold"] == 0.9
    stored = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out/points").iterdir()}
    assert main(asked) == 0
    assert {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out/points").iterdir()} == stored
    assert json.loads((tmp_path / "out/search.json").read_text())["designs"] == first
    assert (tmp_path / "out/pareto.svg").read_text().startswith("<svg")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["calibrate", "target=0.7"], ["target: 0.7 is not allowed; give a number above 0 and below 0.5"]),
        (["calibrate", "shape=pocok"], ["shape: 'pocok' is not allowed"]),
        (["calibrate", "nulls=[srs_nul]"], ["nulls: 'srs_nul' is not a scenario", "did you mean 'srs_null'"]),
        (["calibrate", "rule=futility"], ["rule: 'futility' is not allowed; give a binding efficacy rule"]),
        (["calibrate", "seed=1", "confirm_seed=1"], ["confirm_seed: 1 is the seed of the calibration"]),
        (["calibrate", "scenario=srs_both"], ["nulls: nothing was declared"]),
        (["nulls", "box.accrual=[2,1]"], ["box.accrual: [2, 1] is not allowed; give [low, high]"]),
        (["nulls", "partial=cels"], ["partial: 'cels' is not allowed", "did you mean 'cells'"]),
        (["nulls", "partial=[subgroups,cels]"], ["partial: 'cels' is not allowed", "did you mean 'cells'"]),
        (["nulls", "partial=[]"], ["partial: [] is not allowed"]),
        (["search"], ["over: nothing was given"]),
        (
            ["search", "over={scenario.name:[a]}"],
            ["over.scenario.name: a search compares designs in the same"],
        ),
        (
            ["simulate", "until.metric=any_flse_claim", "until.mcse=0.01"],
            ["until.metric: 'any_flse_claim' is not a characteristic", "did you mean 'any_false_claim'"],
        ),
        (["simulate", "until.metric=power"], ["until.mcse: nothing was given"]),
        (["simulate", "until.metric=power", "until.mcse=-1"], ["until.mcse: -1 is not allowed"]),
    ],
)
def test_faults_are_told_before_anything_is_simulated(arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, shown = run(capsys, *arguments)
    assert code == 2 and all(text in shown.err for text in said), shown.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "schema"),
    [("calibrate", Calibrating), ("nulls", SearchingNulls), ("search", SearchingDesigns)],
)
def test_an_experiment_that_says_how_its_report_is_made_is_no_fault(command, schema):
    config = compose_one(command, ["experiment=brain_srs", "design=srs_rar"])
    assert config["report"]["dossier"] == "brain_srs"
    assert own_settings(config, schema).benchmark == "srs_fixed"
    with pytest.raises(BadInput, match="reprot"):
        own_settings(config | {"reprot": {}}, schema)


@pytest.mark.parametrize("command", ["calibrate", "nulls", "search"])
def test_help_shows_examples(command, capsys):
    code, shown = run(capsys, command, "--help")
    assert code == 0 and shown.out.count(f"adaptive {command} ") >= 3
