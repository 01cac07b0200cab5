"""Manifests say what was altered, and hashes do not depend on how data are written down."""

import ast
import datetime
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from adaptive.errors import BadInput
from adaptive.io import manifest as manifest_module
from adaptive.io.hashing import canonical_json, finite_or_null, plain, sha256_data, sha256_file
from adaptive.io.manifest import (
    code_state,
    core_files,
    read_code_state,
    read_manifest,
    verify_files,
    versions,
    write_manifest,
)

ROOT = Path(__file__).parents[2]
CONTENT = {
    **dict.fromkeys(("study", "design", "scenario", "seed", "dtype", "device", "versions", "code")),
    **dict.fromkeys(("config_sha256", "counts", "command", "benchmark")),
    "identity": {"seed": 1},
}


@pytest.fixture
def cell(tmp_path):
    (tmp_path / "trials.parquet").write_bytes(b"one")
    (tmp_path / "config.yaml").write_bytes(b"two")
    write_manifest(tmp_path, CONTENT, ["trials.parquet", "config.yaml"])
    return tmp_path


def test_a_sound_cell_has_no_faults(cell):
    assert verify_files(cell) == []
    files = read_manifest(cell)["files"]
    assert files == {
        "config.yaml": hashlib.sha256(b"two").hexdigest(),
        "trials.parquet": hashlib.sha256(b"one").hexdigest(),
    }


def test_altered_missing_and_unlisted_files_are_all_named(cell):
    (cell / "trials.parquet").write_bytes(b"onf")
    (cell / "config.yaml").unlink()
    (cell / "looks.parquet").write_bytes(b"")
    faults = verify_files(cell)
    assert len(faults) == 3
    assert "config.yaml is missing" in faults[0]
    assert "trials.parquet was altered" in faults[1]
    assert "looks.parquet is not in the manifest" in faults[2]


def test_an_altered_manifest_is_found(cell):
    body = json.loads((cell / "manifest.json").read_text())
    body["identity"]["seed"] = 2
    (cell / "manifest.json").write_text(json.dumps(body))
    assert "manifest.json was altered" in verify_files(cell)[0]


def test_planted_bug_a_verifier_that_checks_presence_only_would_pass_an_altered_file(cell, monkeypatch):
    (cell / "trials.parquet").write_bytes(b"onf")
    assert verify_files(cell) != []
    recorded = read_manifest(cell)["files"]
    monkeypatch.setattr(manifest_module, "sha256_file", lambda path: recorded[path.name])
    assert verify_files(cell) == []


@pytest.mark.parametrize("text", ["", "{", "[]"])
def test_an_unreadable_manifest_is_a_fault_not_a_traceback(cell, text):
    (cell / "manifest.json").write_text(text)
    assert len(verify_files(cell)) == 1 and "manifest.json" in verify_files(cell)[0]


def test_a_directory_without_manifest_is_unfinished(tmp_path):
    with pytest.raises(BadInput, match="has not finished"):
        read_manifest(tmp_path)
    assert len(verify_files(tmp_path)) == 1


def test_a_manifest_of_another_schema_version_is_named(cell):
    body = json.loads((cell / "manifest.json").read_text()) | {"schema_version": 2}
    (cell / "manifest.json").write_text(json.dumps(body))
    assert "schema version 2" in verify_files(cell)[0]


def test_code_state_without_git_is_null(monkeypatch):
    def absent(*args, **kwargs):
        raise FileNotFoundError("git")

    monkeypatch.setattr(manifest_module.subprocess, "run", absent)
    state = read_code_state()
    assert (state["commit"], state["dirty"]) == (None, None) and len(state["sha256"]) == 64


def test_code_state_ignores_a_repository_that_does_not_track_the_package(tmp_path, monkeypatch):
    """A package installed into an environment inside somebody's repository must not borrow its commit."""
    (tmp_path / "__init__.py").write_text("")
    monkeypatch.setattr(manifest_module.adaptive, "__file__", str(tmp_path / "__init__.py"))
    before = read_code_state()
    assert (before["commit"], before["dirty"]) == (None, None)
    (tmp_path / "__init__.py").write_text("changed = True")
    assert read_code_state()["sha256"] != before["sha256"]


def test_what_is_edited_during_a_run_is_not_what_ran(tmp_path, monkeypatch):
    before = code_state()
    monkeypatch.setattr(manifest_module.adaptive, "__file__", str(tmp_path / "__init__.py"))
    (tmp_path / "__init__.py").write_text("edited = True")
    assert read_code_state()["sha256"] != before["sha256"]
    assert code_state() == before
    code_state()["commit"] = "spoilt"
    assert code_state() == before


def test_versions_name_absent_packages_as_null(monkeypatch):
    monkeypatch.setattr(manifest_module, "_PACKAGES", ("numpy", "no-such-package"))
    found = versions()
    assert found["numpy"] == np.__version__ and found["no-such-package"] is None


def test_the_hash_of_data_ignores_key_order_and_container_types():
    one = {"b": (1, 2.5), "a": {"x": np.float32(0.5), "y": Path("p")}, "d": datetime.date(2026, 1, 2)}
    two = {"d": "2026-01-02", "a": {"y": "p", "x": 0.5}, "b": np.array([1, 2.5])}
    assert canonical_json(two) == '{"a":{"x":0.5,"y":"p"},"b":[1.0,2.5],"d":"2026-01-02"}'
    assert plain(one)["a"] == {"x": 0.5, "y": "p"}
    assert sha256_data({"b": 1, "a": [2]}) == sha256_data({"a": (2,), "b": 1})
    assert sha256_data({"a": 1}) == hashlib.sha256(b'{"a":1}').hexdigest()


def test_non_finite_numbers_hash_apart_and_become_null_in_json():
    values = [float("nan"), float("inf"), float("-inf"), None]
    assert len({sha256_data(value) for value in values}) == 4
    assert finite_or_null({"a": [1.0, *values]}) == {"a": [1.0, None, None, None, None]}


def test_what_has_no_place_in_a_configuration_is_refused():
    with pytest.raises(TypeError, match="object"):
        plain({"a": object()})


def test_file_hash_is_that_of_all_blocks(tmp_path):
    data = b"ab" * (1 << 20)
    (tmp_path / "x").write_bytes(data)
    assert sha256_file(tmp_path / "x") == hashlib.sha256(data).hexdigest()


def imported(starts: list[str]) -> set[str]:
    """Return the modules of the package that some modules import, and those that these import."""
    package, found, todo = ROOT / "adaptive", set(), list(starts)
    while todo:
        name = todo.pop()
        file = package / f"{name}.py"
        if name in found or not file.is_file():
            continue
        found.add(name)
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("adaptive"):
                base = node.module.removeprefix("adaptive").strip(".").replace(".", "/")
                todo += [base, *(f"{base}/{each.name}".strip("/") for each in node.names)]
    return {f"{name}.py" for name in found}


def test_the_core_holds_whatever_a_trial_s_numbers_depend_on():
    starts = ["simulate/drivers", "io/frames"]
    starts += [f"config/build_{name}" for name in ("design", "scenario", "models", "analysis")]
    needed = imported(starts)
    assert len(needed) > 80
    # Messages of faults, and settings of commands, change no number.
    assert needed - core_files(ROOT / "adaptive") == {"errors.py", "config/schema_commands.py"}


def test_the_core_s_hash_changes_with_the_core_and_with_nothing_else(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "adaptive", tmp_path / "adaptive", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(manifest_module.adaptive, "__file__", str(tmp_path / "adaptive" / "__init__.py"))

    def after(name: str) -> tuple[bool, bool]:
        before = read_code_state()
        with (tmp_path / "adaptive" / name).open("a") as file:
            file.write("# one line\n")
        now = read_code_state()
        return before["sha256"] != now["sha256"], before["core_sha256"] != now["core_sha256"]

    assert after("report/html.py") == (True, False)
    assert after("simulate/step.py") == (True, True)
    assert after("io/frames.py") == (True, True)
