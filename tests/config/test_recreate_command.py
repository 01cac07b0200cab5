"""The commands that a report prints, given in an empty folder, make the report again; it names no machine."""

import html
import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
from pypdf import PdfReader

from adaptive.cli import main
from adaptive.commands import recreating
from adaptive.commands.recreating import unmade
from adaptive.config import build_analysis
from tests.config.test_cli_end_to_end import SMALL
from tests.toy import ToyEngine

pytestmark = pytest.mark.slow
TELLTALE = "telltale"
CELL = ["experiment=primary_residual", "design=residual_fixed", "scenario=residual_null,residual_benefit"]
SEARCH = ["experiment=primary_residual", "design=residual_fixed", "scenario=residual_null", *SMALL[:-3]]
SEARCH += ["partial=[none,arms]", "n_points=1", "n_first=64", "n_worst=1", "n_second=64", "box.effect=null"]
DECLARED = """\
factors:
  efficacy:
    title: Efficacy
    question: Does the rule on efficacy matter?
    designs: [residual_fixed]
    scenarios: [residual_null]
    base: as_is
    levels:
      as_is: {label: as it is}
      other: {label: '0.98', overrides: [rules.efficacy.threshold=0.98]}
  harm:
    title: Harm
    question: Does the rule on harm matter?
    designs: [residual_fixed]
    scenarios: [residual_null]
    base: as_is
    levels:
      as_is: {label: as it is}
      late: {label: '0.97', overrides: [rules.harm.threshold=0.97]}
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory) -> Path:
    """Make a study with every kind of evidence below a folder that no other machine has."""
    root = tmp_path_factory.mktemp(TELLTALE)
    (root / "own" / "sensitivity").mkdir(parents=True)
    (root / "own" / "sensitivity" / "primary_residual.yaml").write_text(DECLARED)
    genuine, output = build_analysis._engine_class, root / "kept"
    study = output / "primary_residual"
    varied = ["sensitivity", "--config-dir", str(root / "own"), "sensitivity=primary_residual", CELL[0]]
    varied += [*SMALL, f"output={output}"]
    commands = [
        ["simulate", *CELL, f"output={output}", *SMALL, "report.enabled=false"],
        ["nulls", *SEARCH, f"output={study}/nulls/residual_fixed"],
        [*varied, "only=[harm]"],
        [*varied, "only=[efficacy]"],
        ["truth", str(study), "n_patients=20000"],
        ["report", str(study), "--draft", "date=2026-12-01"],
    ]
    with pytest.MonkeyPatch.context() as patch:
        quick = {"conjugate": ToyEngine}
        patch.setattr(build_analysis, "_engine_class", lambda kind: quick.get(kind) or genuine(kind))
        patch.chdir(root)
        for command in commands:
            assert main(command) == 0, command
        yield root


@pytest.fixture(scope="module")
def report(machine) -> Path:
    return machine / "kept" / "primary_residual" / "report"


def printed(report: Path) -> list[str]:
    """Return the commands of the section on making the report again, as a reader would copy them."""
    page = html.unescape(re.sub(r"<[^>]+>", "", (report / "report.html").read_text()))
    return re.findall(r"^(adaptive .*?)\s+# S\d+$", page, flags=re.M)


def test_the_printed_commands_make_the_report_again(report, machine, tmp_path, monkeypatch):
    lines = printed(report)
    names = [shlex.split(line)[1] for line in lines]
    assert names == ["simulate", "nulls", "sensitivity", "truth", "report", "verify"]
    for option in (*SEARCH, "n_patients=20000", "date=2026-12-01", "only=[efficacy,harm]"):
        assert any(option in shlex.split(line) for line in lines), option
    shutil.copytree(machine / "own", tmp_path / "own")
    monkeypatch.chdir(tmp_path)
    assert lines[-1] == "adaptive verify results/primary_residual/report"
    for line in lines[:-1]:
        assert main(shlex.split(line)[1:]) == 0, line
    again = tmp_path / "results" / "primary_residual" / "report"
    assert json.loads((again / "report.json").read_text()) == json.loads((report / "report.json").read_text())
    for table in sorted((report / "tables").glob("*.csv")):
        assert (again / "tables" / table.name).read_bytes() == table.read_bytes(), table.name


def test_no_form_of_the_report_names_the_machine(report):
    assert TELLTALE in str(report.resolve())
    files = [file for file in report.rglob("*") if file.is_file() and file.suffix != ".pdf"]
    texts = {file.name: file.read_text(encoding="utf-8", errors="replace") for file in files}
    texts["report.pdf"] = "".join(page.extract_text() for page in PdfReader(report / "report.pdf").pages)
    assert {"report.html", "report.json", "manifest.json"} <= set(texts)
    assert "results/primary_residual" in texts["report.pdf"].replace("\n", "")
    found = [name for name, text in texts.items() if TELLTALE in text.replace("\n", "")]
    assert found == []


def test_a_configuration_that_changed_since_is_a_fault_of_the_commands(machine, monkeypatch):
    study = machine / "kept" / "primary_residual"
    found = sorted(file.parent for file in study.glob("residual_fixed/*/manifest.json"))
    assert unmade(found, study) == []
    genuine = recreating.compose_one
    monkeypatch.setattr(recreating, "compose_one", lambda *given: genuine(*given) | {"seed": 6})
    declared = machine / "own" / "sensitivity" / "primary_residual.yaml"
    before = declared.read_text()
    try:
        declared.write_text(before.replace("threshold=0.97", "threshold=0.96"))
        (fault,) = unmade(found, study)
    finally:
        declared.write_text(before)
    assert fault.split(":")[0].split(", ") == [
        "residual_fixed/residual_benefit",
        "residual_fixed/residual_null",
        "nulls/residual_fixed and 1 more",
    ]
    assert "its command gives other settings than those stored" in fault
