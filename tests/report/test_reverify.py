"""Any altered file of a report or of what it was made from is found, also when its hashes were made again."""

import json
import shutil

import pytest
import yaml

from adaptive.errors import BadInput
from adaptive.io.hashing import sha256_data, sha256_file
from adaptive.io.manifest import code_state
from adaptive.oc import report_manifest
from adaptive.oc.report_manifest import (
    Made,
    read_report_manifest,
    report_files,
    write_report_manifest,
)
from adaptive.oc.reverify import (
    Places,
    check_code,
    check_configurations,
    check_made_again,
    check_report_files,
    check_results,
)
from tests.report.synthetic import fake_arrays, write_result
from tests.report.test_trust import NULL, signed, sourced

CSV = """\
scenario,design,metric,level,look,subgroup,arm,estimate,mcse,lower,upper,n,m,text
null,fixed,fwer,,,all,all,0.1,0.03,0.05,0.17,120,12,0.10 (0.03)
"""
FILES = {
    "report.html": "<p>error 0.10 (0.03)</p>",
    "report.pdf": "%PDF-1.7 0.10",
    "report.json": json.dumps({"oc": [{"estimate": 0.1, "met": True}, {"estimate": None}]}),
    "tables/claims.csv": CSV,
    "tables/printed/claims.csv": "Scenario,fixed\nnull,0.10 (0.03)\n",
    "figures/error.svg": "<svg>0.10</svg>",
}


def write_files(folder):
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.fixture
def study(tmp_path):
    """Write one result, evidence, a dossier and a report on them; returns the folder of the study."""
    config = sourced("fixed", "null")
    path = write_result(
        tmp_path,
        "fixed",
        "null",
        fake_arrays(120),
        log_hr=NULL,
        config=config,
        edit=lambda manifest: signed(manifest, config),
    )
    study = path.parent.parent
    (study / "audit").mkdir()
    (study / "audit" / "audit.json").write_text("{}")
    (study / "dossier.yaml").write_text("status: draft\n")
    report = study / "report"
    write_files(report)
    made = Made([study], study, study / "dossier.yaml", False, "2026-12-01", "adaptive report fake", "report")
    write_report_manifest(report, made, {"meta": {"study": "fake"}}, [path], list(FILES))
    return study


def found(report, moved=None, make=write_files):
    """Return the differences of every check but the simulation of trials, by name."""
    manifest = read_report_manifest(report)
    places = Places(report, manifest, moved)
    checks = [
        check_report_files(places),
        check_results(places),
        check_configurations(places),
        check_code(places),
        check_made_again(report, places, make),
    ]
    return {check.name: check.differences for check in checks if check.differences}


def hash_again(report):
    """Make the hashes of a report's manifest again, as somebody could who changes a file."""
    file = report / "manifest.json"
    manifest = json.loads(file.read_text())
    del manifest["manifest_sha256"]
    manifest["files"] = {name: sha256_file(report / name) for name in report_files(report)}
    for entry in manifest["results"]:
        folder = report / entry["path"]
        entry["manifest_sha256"] = sha256_file(folder / "manifest.json")
        entry["files"] = json.loads((folder / "manifest.json").read_text())["files"]
    manifest["manifest_sha256"] = sha256_data(manifest)
    file.write_text(json.dumps(manifest))


def flip(file, position=-3):
    """Flip one bit of a file."""
    raw = bytearray(file.read_bytes())
    raw[position] ^= 1
    file.write_bytes(raw)


def test_nothing_differs_in_an_untouched_report_and_a_moved_study(study, tmp_path):
    assert found(study / "report") == {}
    moved = tmp_path / "elsewhere"
    shutil.move(study / "report", tmp_path / "report")
    shutil.move(study, moved)
    assert found(tmp_path / "report", moved) == {}
    assert "results" in found(tmp_path / "report")


EVERY = [
    *(f"report/{name}" for name in FILES),
    *(
        f"fixed/null/{n}"
        for n in ("trials.parquet", "cells.parquet", "truth.json", "config.yaml", "manifest.json")
    ),
    *("audit/audit.json", "dossier.yaml", "report/manifest.json"),
]


@pytest.mark.parametrize("name", EVERY)
def test_one_bit_of_any_file_is_found(study, name):
    for position in (-2, 1):
        before = (study / name).read_bytes()
        flip(study / name, position)
        try:
            assert found(study / "report"), (name, position)
        except BadInput:
            assert name == "report/manifest.json"
        (study / name).write_bytes(before)
    assert found(study / "report") == {}


@pytest.mark.parametrize("name", EVERY)
def test_a_lost_file_is_found(study, name):
    (study / name).unlink()
    try:
        assert found(study / "report")
    except BadInput:
        assert name == "report/manifest.json"


@pytest.mark.parametrize(
    "name",
    ["report/figures/more.svg", "report/tables/more.csv", "fixed/null/more.parquet", "audit/more.json"],
)
def test_a_file_too_many_is_found(study, name):
    (study / name).write_text("x")
    assert found(study / "report")


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("report.html", "0.10", "0.01", "report.html: differs from the one made again, first at byte 11"),
        ("report.pdf", "0.10", "0.01", "report.pdf: differs"),
        ("figures/error.svg", "0.10", "0.01", "figures/error.svg: differs"),
        ("report.json", "0.1", "0.2", "report.json, oc[0].estimate: stored '0.2', made '0.1'"),
        ("report.json", "true", "1", "report.json, oc[0].met: stored '1', made 'true'"),
        ("report.json", "null", "0", "report.json, oc[1].estimate"),
        ("report.json", ", ", ",  ", "the bytes do not"),
        (
            "tables/claims.csv",
            "fwer,,,all,all,0.1,",
            "fwer,,,all,all,0.2,",
            "tables/claims.csv, null / fixed / fwer / all / all, estimate: stored '0.2', made '0.1'",
        ),
        ("tables/claims.csv", "120", "1200", "n: stored '1200', made '120'"),
        ("tables/printed/claims.csv", "0.03", "0.02", "line 2, fixed"),
    ],
)
def test_a_changed_number_with_all_hashes_made_again_is_found_by_making_the_report_again(
    study, name, old, new, told
):
    file = study / "report" / name
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    hash_again(study / "report")
    (differences,) = found(study / "report").values()
    assert len(differences) == 1
    assert told in differences[0]


def test_a_changed_configuration_is_found_unless_its_own_hash_is_made_again_too(study):
    """Then the trials tell: they are simulated again from the changed configuration (test_verify_command)."""
    cell = study / "fixed" / "null"
    config = yaml.safe_load((cell / "config.yaml").read_text())
    config["design"]["max_patients"] = 601
    (cell / "config.yaml").write_text(yaml.safe_dump(config))
    manifest = json.loads((cell / "manifest.json").read_text())
    del manifest["manifest_sha256"]
    manifest["files"]["config.yaml"] = sha256_file(cell / "config.yaml")
    manifest["manifest_sha256"] = sha256_data(manifest)
    (cell / "manifest.json").write_text(json.dumps(manifest))
    hash_again(study / "report")
    assert found(study / "report") == {
        "configurations": ["fixed/null/config.yaml: is not the configuration that was run"]
    }


def test_results_of_another_simulation_code_are_found(study, monkeypatch):
    import adaptive.oc.reverify as module

    other = code_state() | {"core_sha256": "f" * 64}
    monkeypatch.setattr(module, "code_state", lambda: other)
    assert list(found(study / "report")) == ["code"]


ELSEWHERE = {
    "matplotlib": ("versions", {"matplotlib": "0.1"}),
    "the processor": ("machine", {"processor": "another"}),
    "the commit": ("code", {"commit": "0" * 40}),
}


def otherwise(monkeypatch, part, items):
    """Let the report be made again by something else than made it."""
    found = report_manifest.made_by()
    monkeypatch.setattr(report_manifest, "made_by", lambda: found | {part: found[part] | items})


@pytest.mark.parametrize("name", ELSEWHERE)
def test_by_another_version_or_machine_only_common_numbers_are_compared(study, monkeypatch, name):
    """Everything that the report prints of what made it, and so must be the same for the same bytes."""

    def later(folder):
        write_files(folder)
        (folder / "report.html").write_text("another layout")
        (folder / "tables" / "more.csv").write_text("a\n1\n")
        (folder / "tables" / "claims.csv").write_text(CSV + "null,fixed,new,,,all,all,1,1,1,1,1,1,1\n")

    assert "report again" in found(study / "report", make=later)
    part, items = ELSEWHERE[name]
    otherwise(monkeypatch, part, items)
    assert found(study / "report", make=later) == {}
    (note,) = check_code(Places(study / "report", read_report_manifest(study / "report"))).notes
    assert f"{next(iter(items))} " in note and f", here {next(iter(items.values()))}" in note


@pytest.mark.parametrize(
    ("old", "new", "is_found"),
    [
        ("0.1,0.03", "0.2,0.03", True),
        ("0.1,0.03", "0.10000000000000002,0.03", False),
        ("0.1,0.03", "0.1,0.030001", False),
        # One in three hundred of a standard error is no rounding, though it is below 0.0001.
        ("0.1,0.03", "0.1,0.0299", True),
        ("0.17,120,12", "0.17,121,12", True),
        ("0.17,120,12", "0.17,120,12.0", True),
        ("0.1,0.03", "x,0.03", True),
        ("0.1,0.03", ",0.03", True),
    ],
)
def test_elsewhere_numbers_agree_to_a_tolerance_and_counts_exactly(study, monkeypatch, old, new, is_found):
    file = study / "report" / "tables" / "claims.csv"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    hash_again(study / "report")
    # The twin: where the same program made both, any other text is a difference.
    assert list(found(study / "report")) == ["report again"]
    otherwise(monkeypatch, "versions", {"scipy": "0.1"})
    assert list(found(study / "report")) == (["report again"] if is_found else [])


def test_a_report_that_cannot_be_made_again_is_a_difference(study):
    def refuse(folder):
        raise BadInput("no")

    assert found(study / "report", make=refuse) == {"report again": ["cannot be made again: no"]}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda m: m.pop("files"), "files is missing"),
        (lambda m: m.update(results=[{}]), "a result is incompletely described"),
        (lambda m: m["made"].pop("date"), "how the report was asked for"),
        (lambda m: m.update(kind="cell"), "not the manifest of a report"),
        (lambda m: m.update(schema_version=9), "this version reads 1"),
    ],
)
def test_what_is_no_manifest_of_a_report_is_refused(study, change, told):
    file = study / "report" / "manifest.json"
    manifest = json.loads(file.read_text())
    change(manifest)
    file.write_text(json.dumps(manifest))
    with pytest.raises(BadInput, match=told):
        read_report_manifest(study / "report")
