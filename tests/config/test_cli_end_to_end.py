"""Commands from start to end on small work: files where they are promised, resuming, replay, report."""

import json
import shlex
from pathlib import Path

import pytest
import yaml

from adaptive.cli import main
from adaptive.commands.arguments import Arguments
from adaptive.commands.preparing import prepare
from adaptive.config import build_analysis
from adaptive.config.build import build_study
from tests.toy import ToyEngine

pytestmark = pytest.mark.slow

SMALL = [
    "design.max_patients=300",
    "design.n_arrivals=400",
    "looks.counts=[20,30,40,50]",
    "model=gamma_hazards",
    "posterior=conjugate",
    "n_trials=8",
    "chunk_size=4",
    "seed=5",
]


@pytest.fixture(scope="module", autouse=True)
def quick_engine():
    """Put an engine that compiles in a second in the place of the conjugate one."""
    genuine = build_analysis._engine_class
    with pytest.MonkeyPatch.context() as patch:
        quick = {"conjugate": ToyEngine}
        patch.setattr(build_analysis, "_engine_class", lambda kind: quick.get(kind) or genuine(kind))
        yield


@pytest.fixture(scope="module")
def results(tmp_path_factory, quick_engine) -> Path:
    root = tmp_path_factory.mktemp("results")
    study = [
        "experiment=primary_residual",
        "scenario=residual_null,residual_benefit",
        "design=residual_fixed",
        f"output={root}",
    ]
    assert main(["simulate", *study, *SMALL]) == 0
    return root


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*.parquet"))}


def test_a_study_makes_a_folder_per_cell_and_a_report(results):
    for scenario in ("residual_null", "residual_benefit"):
        cell = results / "primary_residual" / "residual_fixed" / scenario
        manifest = json.loads((cell / "manifest.json").read_text())
        assert manifest["study"] == "primary_residual"
        assert manifest["counts"]["finished"] == 8
        assert manifest["benchmark"] == "residual_fixed"
        assert manifest["command"].startswith("adaptive simulate ")
        assert f"scenario={scenario}" in manifest["command"]
    assert (results / "primary_residual" / "report" / "report.html").is_file()


def test_the_stored_configuration_builds_the_same_study(results):
    stored = yaml.safe_load(
        (results / "primary_residual" / "residual_fixed" / "residual_benefit" / "config.yaml").read_text()
    )
    study = build_study(stored)
    assert (study.design.name, study.scenario.name) == ("residual_fixed", "residual_benefit")
    assert "output" not in stored and "chunk_size" not in stored


def test_the_command_of_a_cell_makes_the_same_bytes(results, tmp_path):
    cell = results / "primary_residual" / "residual_fixed" / "residual_null"
    command = json.loads((cell / "manifest.json").read_text())["command"]
    again = [item for item in shlex.split(command)[2:] if not item.startswith("output=")]
    assert main(["simulate", *again, f"output={tmp_path}", "report.enabled=false"]) == 0
    assert files(tmp_path / "primary_residual" / "residual_fixed" / "residual_null") == files(cell)
    assert not (tmp_path / "primary_residual" / "residual_fixed" / "residual_benefit").exists()


def test_giving_the_command_again_changes_nothing(results):
    before = files(results)
    study = [
        "experiment=primary_residual",
        "scenario=residual_null,residual_benefit",
        "design=residual_fixed",
        f"output={results}",
    ]
    assert main(["simulate", *study, *SMALL, "report.enabled=false"]) == 0
    assert files(results) == before


def test_a_finished_folder_refuses_another_configuration(results, capsys):
    study = [
        "experiment=primary_residual",
        "scenario=residual_null",
        "design=residual_fixed",
        f"output={results}",
    ]
    assert main(["simulate", *study, *SMALL, "rules.harm.threshold=0.97"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_replay_shows_every_look_of_a_trial(results, capsys):
    assert (
        main(["replay", str(results / "primary_residual" / "residual_fixed" / "residual_null"), "trial=3"])
        == 0
    )
    text = capsys.readouterr().out
    assert "residual_fixed" in text and "Look 1 of 4" in text


def test_replay_of_a_study_names_its_cells(results, capsys):
    assert main(["replay", str(results), "trial=3"]) == 2
    assert "residual_fixed" in capsys.readouterr().err


def test_report_from_stored_results(results, tmp_path):
    output = tmp_path / "report"
    assert main(["report", str(results / "primary_residual"), f"output={output}", "--draft"]) == 0
    assert (output / "report.html").is_file()


def test_posterior_hands_over_the_table_the_engine_and_the_seed(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("adaptive.posterior.table.run", lambda *given: asked.append(given))
    assert main(["posterior", "input=table.json", "posterior=conjugate", "output=made.json", "seed=3"]) == 0
    ((table, engine, made, seed),) = asked
    assert (str(table), type(engine), str(made), seed) == ("table.json", ToyEngine, "made.json", 3)


@pytest.mark.parametrize("code", [0, 3])
def test_analyse_hands_over_the_design_and_the_request(tmp_path, monkeypatch, code):
    asked = []
    monkeypatch.setattr("adaptive.interim.commands.run_analyse", lambda *given: asked.append(given) or code)
    data = tmp_path / "data.csv"
    data.write_text("patient\n")
    settings = ["look=2", f"previous={data}", "+columns.arms.A=placebo", "seed=9", "posterior=conjugate"]
    argv = ["analyse", "design=residual_rar", f"data={data}", "cutoff=2026-06-30", f"output={tmp_path}"]
    assert main([*argv, "model=gamma_hazards", *settings]) == code
    ((design, request, output),) = asked
    assert design.name == "residual_rar" and isinstance(design.analysis.engine, ToyEngine)
    assert (request.data, request.cutoff, request.look, request.previous) == (data, "2026-06-30", 2, data)
    assert request.columns.arms == {"A": "placebo"}
    assert (request.sampling.seed, request.sampling.engine) == (9, "design")
    assert output == tmp_path


def test_monitor_hands_over_the_design_and_the_request(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("adaptive.interim.monitor.run_monitor", lambda *given: asked.append(given) or 0)
    data = tmp_path / "data.csv"
    data.write_text("patient\n")
    argv = ["monitor", "design=colon", "columns=colon", f"data={data}", "model=gamma_hazards"]
    assert main([*argv, "posterior=conjugate", "output=here"]) == 0
    ((design, request, output),) = asked
    assert (design.name, request.data, request.columns.subgroup, str(output)) == (
        "colon",
        data,
        "node4",
        "here",
    )


def test_real_data_are_analysed_with_nuts_unless_another_engine_is_chosen():
    for command in ("analyse", "monitor"):
        arguments = Arguments(("design=residual_rar",), False, None, False)
        assert prepare(command, arguments, posterior="nuts")["posterior"]["kind"] == "nuts"
