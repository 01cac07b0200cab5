"""``adaptive report`` and ``adaptive verify`` from start to end on a small study."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from adaptive.cli import main
from adaptive.commands import reporting
from adaptive.commands.reporting import renamed
from adaptive.commands.verify import _build, _machine
from adaptive.config import build_analysis
from adaptive.io.hashing import sha256_data, sha256_file
from adaptive.oc.load import load_results
from adaptive.oc.report_manifest import read_report_manifest, report_files
from adaptive.oc.reverify import Places, check_code, check_configurations, check_report_files, check_results
from adaptive.oc.reverify_run import check_trials
from adaptive.report import writing
from tests.config.test_cli_end_to_end import SMALL
from tests.toy import ToyEngine

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def quick_engine():
    """Put an engine that compiles in a second in the place of the conjugate one."""
    genuine = build_analysis._engine_class
    with pytest.MonkeyPatch.context() as patch:
        quick = {"conjugate": ToyEngine}
        patch.setattr(build_analysis, "_engine_class", lambda kind: quick.get(kind) or genuine(kind))
        yield


@pytest.fixture(scope="module")
def study(tmp_path_factory, quick_engine) -> Path:
    """Simulate one cell; its report is a draft, because eight trials are few."""
    root = tmp_path_factory.mktemp("results")
    cell = ["experiment=primary_residual", "scenario=residual_benefit", "design=residual_fixed"]
    assert main(["simulate", *cell, f"output={root}", *SMALL]) == 0
    return root / "primary_residual"


@pytest.fixture
def copy(study, tmp_path) -> Path:
    return Path(shutil.copytree(study, tmp_path / "copy"))


def hash_everything_again(study: Path) -> None:
    """Make every hash again, in the cell's manifest and in the report's, as an attacker could."""
    cell, report = study / "residual_fixed" / "residual_benefit", study / "report"
    manifest = json.loads((cell / "manifest.json").read_text())
    manifest["config_sha256"] = sha256_data(yaml.safe_load((cell / "config.yaml").read_text()))
    manifest["identity"]["config_sha256"] = manifest["config_sha256"]
    manifest["files"] = {name: sha256_file(cell / name) for name in manifest["files"]}
    sign(manifest, cell / "manifest.json")
    whole = json.loads((report / "manifest.json").read_text())
    (entry,) = whole["results"]
    entry["files"], entry["config_sha256"] = manifest["files"], manifest["config_sha256"]
    entry["core_sha256"] = manifest["code"]["core_sha256"]
    entry["manifest_sha256"] = sha256_file(cell / "manifest.json")
    whole["files"] = {name: sha256_file(report / name) for name in report_files(report)}
    sign(whole, report / "manifest.json")


def sign(manifest: dict, file: Path) -> None:
    manifest.pop("manifest_sha256", None)
    manifest["manifest_sha256"] = sha256_data(manifest)
    file.write_text(json.dumps(manifest))


def verdict(capsys, report: Path) -> tuple[int, str]:
    capsys.readouterr()
    code = main(["verify", str(report), "n_trials=all"])
    return code, capsys.readouterr().out


def differences(study: Path) -> list[str]:
    """Simulate every trial again; returns what differs, by the checks that need no report."""
    report = study / "report"
    places = Places(report, read_report_manifest(report))
    checks = check_trials(places, _build, n_trials=None, seed=1, machine=_machine(), progress=False)
    found = [check_results(places), check_configurations(places), *checks]
    return [line for check in found for line in check.differences]


def test_an_untouched_report_verifies_from_anywhere_and_a_changed_one_does_not(copy, capsys, monkeypatch):
    """A cell of a table, a number of the page, a bit of the PDF, all hashes made again."""
    monkeypatch.chdir(copy)
    report = Path("report")
    code, text = verdict(capsys, report)
    assert code == 0, text
    assert "nothing differs" in text
    assert "8 of 8 trials simulated again" in text
    assert "drawn files byte by byte" in text
    table, page, pdf = report / "tables" / "claims.csv", report / "report.html", report / "report.pdf"
    table.write_text(table.read_text().replace("power,", "power ,", 1))
    page.write_bytes(page.read_bytes().replace(b"(0.", b"(1.", 1))
    raw = bytearray(pdf.read_bytes())
    raw[len(raw) // 2] ^= 1
    pdf.write_bytes(raw)
    hash_everything_again(Path())
    code, text = verdict(capsys, report)
    assert code == 2
    assert "verify: something differs: report again\n" in text
    for name in ("tables/claims.csv", "report.html: differs", "report.pdf: differs"):
        assert name in text


def test_a_changed_trial_with_every_hash_made_again_is_found_by_simulating_it(copy):
    """One bit of one number, all hashes made again: only the trial itself tells."""
    assert differences(copy) == []
    file = copy / "residual_fixed" / "residual_benefit" / "trials.parquet"
    table = pq.read_table(file)
    months = table["months"].to_numpy().copy()
    months[5] = np.nextafter(months[5], np.inf)
    place = table.schema.get_field_index("months")
    pq.write_table(table.set_column(place, table.schema.field("months"), pa.array(months)), file)
    hash_everything_again(copy)
    (found,) = differences(copy)
    assert "residual_fixed/residual_benefit/trials.parquet, trial 5, months" in found


def test_trials_left_out_as_failed_with_every_hash_made_again_are_found(copy, capsys):
    """The results load: their counts say that two trials failed. Simulating these tells that they do not."""
    cell = copy / "residual_fixed" / "residual_benefit"
    for file in cell.glob("*.parquet"):
        table = pq.read_table(file)
        pq.write_table(table.filter(~np.isin(table["trial"].to_numpy(), [3, 4])), file)
    manifest = json.loads((cell / "manifest.json").read_text())
    manifest["counts"] |= {"finished": 6, "failed": 2}
    manifest["failures"] = [{"first": 3, "stop": 5, "reason": "MemoryError"}]
    sign(manifest, cell / "manifest.json")
    hash_everything_again(copy)
    assert load_results([copy])[0].n_trials == 6
    (found,) = differences(copy)
    assert found.startswith("residual_fixed/residual_benefit/trials 3, 4: recorded as failed, and can be")
    places = Places(copy / "report", read_report_manifest(copy / "report"))
    options = {"n_trials": 1, "seed": 1, "machine": _machine(), "progress": False}
    _, sampled = check_trials(places, _build, **options)
    assert len(sampled.differences) == 1
    assert "residual_fixed/residual_benefit: trials 3 to 4 failed in the run (MemoryError)" in sampled.notes
    manifest["failures"] = [{"from": 3}]
    sign(manifest, cell / "manifest.json")
    assert "cannot be read (KeyError" in check_trials(places, _build, **options)[1].differences[0]


@pytest.mark.parametrize("name", ["looks", "cells"])
def test_a_deleted_table_with_every_hash_made_again_is_found(copy, name):
    cell = copy / "residual_fixed" / "residual_benefit"
    (cell / f"{name}.parquet").unlink()
    manifest = json.loads((cell / "manifest.json").read_text())
    del manifest["files"][f"{name}.parquet"]
    sign(manifest, cell / "manifest.json")
    hash_everything_again(copy)
    assert differences(copy) == [f"residual_fixed/residual_benefit/{name}.parquet: missing"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda c: c["design"].update(max_patients=299), "manifest.json, design"),
        (lambda c: c.update(seed=6), "trials.parquet, trial 0"),
        (lambda c: c["scenario"]["accrual"]["rate"].update(value=[7.0]), "trials.parquet, trial 0"),
        (lambda c: c.update(precision="float16"), "cannot be simulated again: precision is 'float16'"),
        (lambda c: c["design"].pop("arms"), "cannot be simulated again: design.arms"),
    ],
)
def test_a_changed_config_value_with_every_hash_made_again_is_found(copy, change, told):
    file = copy / "residual_fixed" / "residual_benefit" / "config.yaml"
    config = yaml.safe_load(file.read_text())
    change(config)
    file.write_text(yaml.safe_dump(config))
    hash_everything_again(copy)
    assert any(told in line for line in differences(copy))


def test_results_of_another_code_are_found_and_refused(copy, capsys):
    cell = copy / "residual_fixed" / "residual_benefit" / "manifest.json"
    manifest = json.loads(cell.read_text())
    manifest["code"]["core_sha256"] = "0" * 64
    sign(manifest, cell)
    hash_everything_again(copy)
    places = Places(copy / "report", read_report_manifest(copy / "report"))
    assert len(check_code(places).differences) == 1
    assert main(["report", str(copy)]) == 2
    told = capsys.readouterr().err
    assert "another simulation code" in told
    assert "1 cell misses the target MCSE" in told
    assert "add --draft" in told


EVIDENCE = ("audit/audit.json", "nulls/a/nulls.json", "sensitivity/sensitivity.json", "truth/truth.json")


@pytest.fixture
def damaged(copy) -> Path:
    """Put evidence of every kind beside the results that is no evidence."""
    for name in EVIDENCE:
        (copy / name).parent.mkdir(parents=True)
        (copy / name).write_text("{}")
    return copy


def test_a_report_on_damaged_evidence_is_refused_with_every_fault(damaged, capsys):
    before = (damaged / "report" / "manifest.json").read_bytes()
    assert main(["report", str(damaged)]) == 2
    told = capsys.readouterr().err
    for part in (*EVIDENCE, "1 cell misses the target MCSE", "add --draft"):
        assert part in told
    assert (damaged / "report" / "manifest.json").read_bytes() == before


def test_a_simulation_with_damaged_evidence_ends_with_a_draft_that_says_why(damaged, capsys, monkeypatch):
    monkeypatch.setattr(reporting, "MOST_TOLD", 100)
    reporting.write_report([damaged], damaged / "report", damaged, yielding=True)
    told = capsys.readouterr().err
    manifest = read_report_manifest(damaged / "report")
    assert manifest["draft"] and manifest["made"]["draft"] and "--draft" in manifest["made"]["command"]
    for name in EVIDENCE:
        assert name in told
        assert any(fault.startswith(f"{name}: cannot be read") for fault in manifest["faults"])
    code, text = verdict(capsys, damaged / "report")
    assert code == 0, text


def test_an_interrupted_report_leaves_the_former_one_whole(copy, monkeypatch):
    report = copy / "report"
    before = {file: file.read_bytes() for file in report.rglob("*") if file.is_file()}

    def interrupted(whole, path):
        path.write_bytes(b"%PDF-1.7 half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(writing, "write_pdf", interrupted)
        reporting.write_report([copy], report, copy, date="2030-01-01", draft=True)
    assert {file: file.read_bytes() for file in report.rglob("*") if file.is_file()} == before
    assert not (report / reporting.PROGRESS).exists()


def test_a_report_claims_no_file_that_it_did_not_write(copy):
    """Of a process that was killed, now or by an earlier version, and of the user; verify tells of them."""
    report = copy / "report"
    stray = ["figures/flow_3.svg", "report.docx", "tables/mine.csv"]
    for name in [*stray, f"{reporting.PROGRESS}/figures/half.svg"]:
        (report / name).parent.mkdir(parents=True, exist_ok=True)
        (report / name).write_text("stray")
    former = read_report_manifest(report)["files"]
    reporting.write_report([copy], report, copy, draft=True)
    manifest = read_report_manifest(report)
    assert set(manifest["files"]) == set(former)
    assert not (report / reporting.PROGRESS).exists()
    found = check_report_files(Places(report, manifest)).differences
    assert found == [f"{name}: is not in the manifest" for name in stray]
    assert all((report / name).read_text() == "stray" for name in stray)


def test_altered_results_are_refused(copy, capsys):
    cell = copy / "residual_fixed" / "residual_benefit"
    (cell / "truth.json").write_text((cell / "truth.json").read_text() + " ")
    assert main(["report", str(copy)]) == 2
    assert "truth.json: altered" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "0 reports came"),
        (["nowhere", "n_trials=0", "seed=-1", "results=gone"], "there is no such folder"),
        (["nowhere", "n_trials=0"], "n_trials: '0' is not allowed"),
        (["nowhere", "seed=x"], "seed: 'x' is not allowed"),
        (["nowhere", "results=gone"], "results: gone is no folder"),
        (["nowhere", "n_trial=3"], "there is no such setting"),
    ],
)
def test_bad_arguments_are_all_told_at_once(capsys, arguments, told):
    assert main(["verify", *arguments]) == 2
    assert told in capsys.readouterr().err


def test_what_a_folder_is_named_is_renamed_everywhere():
    """A part of the content may find another by the folder of its result."""
    frame = pd.DataFrame({"path": ["/a/fixed", "b"], "n": [1, 2]})
    node = {"/a/fixed": [{"result": "/a/fixed"}, ("in /a", 3)], 1: frame}
    made = renamed(node, "/a", "study")
    assert made["study/fixed"] == [{"result": "study/fixed"}, ("in study", 3)]
    assert made[1].path.tolist() == ["study/fixed", "b"] and made[1].n.tolist() == [1, 2]


def test_a_folder_that_is_no_report_is_refused(tmp_path, capsys):
    assert main(["verify", str(tmp_path)]) == 2
    assert "give the folder of a report" in capsys.readouterr().err


@pytest.mark.parametrize("day", ["2026-13-01", "1 May 2026", "2026-1-1", ""])
def test_a_day_that_is_none_is_refused(study, capsys, day):
    assert main(["report", str(study), f"date={day}"]) == 2
    assert "give YYYY-MM-DD" in capsys.readouterr().err
