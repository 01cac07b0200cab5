"""A user's folder cannot make the program run code that it names."""

import pytest

from adaptive.cli import main

CASES = {
    "callback": "hydra:\n  callbacks:\n    mine:\n      _target_: os.system\n      command: touch {flag}\n",
    "nested": (
        "hydra:\n  callbacks:\n    mine:\n      _target_: hydra._internal.callbacks.Callbacks\n"
        "      inner: [{{_target_: os.system, command: touch {flag}}}]\n"
    ),
    "log handler": (
        "hydra:\n  job_logging:\n    handlers:\n"
        "      mine:\n        (): os.system\n        command: touch {flag}\n"
    ),
    "launcher": "hydra:\n  launcher:\n    _target_: os.system\n",
}


@pytest.mark.parametrize("case", CASES)
def test_settings_that_name_code_are_refused(case, tmp_path, capsys):
    flag = tmp_path / "ran"
    (tmp_path / "experiment").mkdir()
    text = "# @package _global_\nstudy: bad\n" + CASES[case].format(flag=flag)
    (tmp_path / "experiment" / "bad.yaml").write_text(text)
    code = main(["simulate", "--config-dir", str(tmp_path), "experiment=bad", "n_trials=2"])
    assert code == 2
    assert "os.system" in capsys.readouterr().err
    assert not flag.exists()
