"""The command line: help, exit codes, messages; in process and through a subprocess."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from adaptive.cli import COMMAND_HELP, main

ROOT = Path(__file__).parents[2]
COMMANDS = (
    "simulate",
    "calibrate",
    "nulls",
    "search",
    "sensitivity",
    "truth",
    "report",
    "verify",
    "audit",
    "replay",
    "analyse",
    "monitor",
    "posterior",
)


def refused(capsys, *argv: str) -> list[str]:
    """Return the messages of a command that must end with exit code 2 and no traceback."""
    code = main(list(argv))
    streams = capsys.readouterr()
    assert code == 2, streams
    assert "Traceback" not in streams.err
    lines = streams.err.strip().splitlines()
    assert all(line.startswith("error: ") for line in lines), lines
    return lines


def test_help_lists_every_command(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"\n  {name} " in text for name in COMMANDS)
    assert tuple(COMMAND_HELP) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_shows_an_example(capsys, command):
    assert main([command, "--help"]) == 0
    assert f"\n  adaptive {command} " in capsys.readouterr().out


def test_no_command_shows_the_help_and_is_bad_input(capsys):
    assert main([]) == 2
    assert "commands:" in capsys.readouterr().out


def test_unknown_command_names_the_nearest(capsys):
    assert "did you mean 'simulate'?" in refused(capsys, "simulte")[0]


def test_unknown_option_names_the_nearest(capsys):
    (line,) = refused(capsys, "simulate", "scenario=nul")
    assert "did you mean 'srs_null'" in line and "'goldilocks_null'" in line


def test_unknown_key_names_the_nearest(capsys):
    (line,) = refused(capsys, "simulate", "allocation.flor=0.3")
    assert "did you mean 'allocation.floor'" in line


def test_faults_of_overrides_and_of_values_are_told_together(capsys):
    lines = refused(capsys, "simulate", "allocation.flor=0.3", "rules.harm.threshold=2", "n_trials=abc")
    assert len(lines) == 3
    assert [line.split(":")[1].strip() for line in lines] == [
        "allocation.flor=0.3",
        "n_trials",
        "rules.harm.threshold",
    ]


def test_wrong_type(capsys):
    (line,) = refused(capsys, "simulate", "allocation.floor=abc")
    assert "allocation.floor" in line and "abc" in line


@pytest.mark.parametrize(
    ("argv", "fragment"),
    [
        (["simulate", "--foo"], "no such flag"),
        (["simulate", "experiment"], "key=value"),
        (["simulate", "scenario.effects.x={}"], "write +scenario.effects.x="),
        (["analyse", "design=srs_rar", "columns.arms={A:b}"], "write one +columns.arms.<name>="),
        (["simulate", "scenario=srs_null,srs_both"], "add -m"),
        (["simulate", "-m", "scenario=glob(zzz*)"], "no option matches"),
        (["simulate", "-m", "allocation.floor=0.05,0.1"], "design.name=srs_rar_${allocation.floor}"),
        (["simulate", "rules.efficacy.threshold=[0.9"], "key=value"),
        (["simulate", "benchmark=srs_fixd"], "'srs_fixed'"),
        (["simulate", "--config-dir", "nowhere", "seed=1"], "no such folder"),
        (["simulate", "hydra/launcher=slurm"], "basic"),
        (["simulate", "scenario=residual_null"], "same names in the same order"),
        (["analyse"], "design: nothing was chosen"),
        (["analyse", "design=srs_rar"], "data: nothing was given"),
        (["analyse", "design=srs_rar", "data=none.csv", "cutoff=5"], "no file 'none.csv'"),
        (["monitor", "design=srs_rar", "data=none.csv", "-m"], "once"),
        (["posterior", "posterior=laplase"], "'laplace'"),
        (["posterior"], "input: nothing was given"),
        (["replay"], "0 results came"),
        (["replay", "nowhere", "trial=1"], "no finished result"),
        (["replay", "nowhere", "trail=1"], "did you mean 'trial'?"),
        (["report"], "no result came"),
        (["report", "nowhere"], "no such folder"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(capsys, argv, fragment):
    assert any(fragment in line for line in refused(capsys, *argv))


def test_a_bad_cell_stops_the_study_before_the_first_one_runs(capsys, tmp_path):
    folder = tmp_path / "scenario"
    folder.mkdir()
    (folder / "mine.yaml").write_text("defaults:\n  - srs_null@_here_\nname: mine\narms: [placebo, x, y]\n")
    out = tmp_path / "out"
    argv = ["simulate", "-m", "-cd", str(tmp_path), "scenario=srs_null,mine", f"output={out}"]
    lines = refused(capsys, *argv)
    assert "in 1 of 2 cells" in lines[0]
    assert not out.exists()


@pytest.mark.parametrize(
    ("content", "fragment"),
    [
        ("name: !!python/object/apply:os.system ['true']\n", "plain data"),
        ("defaults:\n  - srs_null@_here_\nname: mine\n_target_: os.system\n", "scenario._target_"),
        ("name: [\n", "cannot be read"),
        ("name: mine\n", "scenario.hazards: nothing was given"),
        ("- 1\n- 2\n", "give a mapping"),
    ],
)
def test_a_users_file_is_data_and_faults_are_told(capsys, tmp_path, content, fragment):
    folder = tmp_path / "scenario"
    folder.mkdir()
    (folder / "mine.yaml").write_text(content)
    lines = refused(capsys, "simulate", "--config-dir", str(tmp_path), "scenario=mine")
    assert any(fragment in line for line in lines), lines


def test_our_fault_is_exit_code_1(capsys, monkeypatch):
    import adaptive.cli as cli

    def fail(argv):
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(cli, "_command", lambda name: fail)
    assert main(["report", "x"]) == 1
    assert "fault of the program" in capsys.readouterr().err


def through_a_process(*argv: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "adaptive.cli", *argv]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)


@pytest.mark.parametrize(
    ("argv", "fragment"),
    [
        (["simulate", "scenario=nul"], "did you mean 'srs_null'"),
        (["replay", "nowhere", "trial=-1"], "trial: '-1'"),
    ],
)
def test_bad_input_through_a_process(argv, fragment):
    done = through_a_process(*argv)
    assert done.returncode == 2
    assert fragment in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
