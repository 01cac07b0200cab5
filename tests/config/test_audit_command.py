"""``adaptive audit`` from stored results to the report; what it refuses; what it leaves as it was."""

import json
import re

import pyarrow.parquet as pq
import pytest

from adaptive.cli import main
from adaptive.config import build, build_analysis
from adaptive.io.manifest import verify_files
from adaptive.oc.audit_store import FOLDER, SUMMARY, TABLE
from adaptive.posterior.conjugate import ConjugateEngine
from tests.audit_example import SCENARIO, ShiftedEngine, ToySampler, design_with, stored
from tests.toy import ToyEngine

pytestmark = pytest.mark.slow
SIZES = ["n_random=24", "n_near=12", "block=16", "workers=2", "posterior.draws=100"]
HOSTILE = "<script>alert(1)</script>"
SCENARIO_VALUES = {"name": HOSTILE}


def pretend(patch, engine):
    """Let every stored configuration build the toy design with ``engine``, and NUTS be the toy sampler."""
    engines = {"nuts": ToySampler, "conjugate": ConjugateEngine}
    patch.setattr(build, "build_design", lambda config: design_with(engine))
    patch.setattr(build, "build_scenario", lambda config: SCENARIO)
    patch.setattr(build_analysis, "_engine_class", lambda kind: engines[kind])


@pytest.fixture(scope="module")
def cell(tmp_path_factory):
    return stored(
        tmp_path_factory.mktemp("kept"), ToyEngine(), n_trials=40, config={"scenario": SCENARIO_VALUES}
    )


@pytest.fixture(scope="module")
def audited(cell):
    with pytest.MonkeyPatch.context() as patch:
        pretend(patch, ToyEngine())
        assert main(["audit", str(cell.result.path.parent.parent), *SIZES]) == 0
    return cell.result.path.parent.parent / FOLDER


def content(folder):
    return json.loads((folder / SUMMARY).read_text())


def test_an_audit_names_what_it_is_of_and_leaves_the_results_alone(audited, cell):
    found = content(audited)
    (item,) = found["results"]
    assert (item["design"], item["scenario"], item["path"]) == ("toy", "toy", "toy/toy")
    assert (found["settings"]["n_random"], found["settings"]["posterior"]["draws"]) == (24, 100)
    assert {"versions", "code", "summary", "files"} <= set(found)
    assert verify_files(cell.result.path) == []
    looks = pq.read_table(audited / TABLE).to_pandas().drop_duplicates(["trial", "look"])
    assert (looks.random.sum(), looks.near.sum()) == (24, 12)
    assert looks.reproduced.all()
    # No engine differs here but by Monte Carlo error.
    assert found["summary"]["fits"]["unresolved"] == 0


def test_the_same_audit_again_has_the_same_bytes(audited, monkeypatch):
    before = (audited / TABLE).read_bytes(), (audited / SUMMARY).read_bytes()
    pretend(monkeypatch, ToyEngine())
    assert main(["audit", str(audited.parent), *SIZES]) == 0
    assert ((audited / TABLE).read_bytes(), (audited / SUMMARY).read_bytes()) == before


def test_without_stored_looks_the_trials_are_simulated_again(audited, tmp_path, monkeypatch):
    bare = stored(tmp_path, ToyEngine(), n_trials=40, keep_looks=False)
    pretend(monkeypatch, ToyEngine())
    assert main(["audit", str(bare.result.path), *SIZES]) == 0
    ours, theirs = (pq.read_table(folder / TABLE) for folder in (bare.result.path / FOLDER, audited))
    assert ours.equals(theirs)
    assert main(["audit", str(bare.result.path), *SIZES, "max_trials=10"]) == 0
    assert content(bare.result.path / FOLDER)["summary"]["behind"]["trials"] == 10


def test_the_report_shows_the_audit(audited, tmp_path):
    assert main(["report", str(audited.parent), f"output={tmp_path}", "--draft"]) == 0
    page = (tmp_path / "report.html").read_text()
    text = re.sub(r"\s+", " ", page[page.index('<section id="audit"') :])
    assert "24 drawn at random" in text and "Does the engine err where it would matter?" in text
    assert HOSTILE not in page
    assert (tmp_path / "tables" / "audit_flips.csv").is_file()


def test_results_of_another_program_are_refused(cell, monkeypatch, capsys):
    pretend(monkeypatch, ShiftedEngine())
    assert main(["audit", str(cell.result.path), *SIZES]) == 2
    message = capsys.readouterr().err
    assert "do not come out as they are stored" in message and "Traceback" not in message
    assert not (cell.result.path / FOLDER).exists()


@pytest.mark.parametrize(
    ("settings", "fragment"),
    [
        (["posterior=conjugate"], "give posterior=nuts"),
        (["n_random=0", "n_near=0"], "audits nothing"),
        (["workers=0"], "workers: 0"),
        (["n_rando=3"], "did you mean 'n_random'"),
        (["-m"], "once"),
    ],
)
def test_bad_settings_are_refused(cell, monkeypatch, capsys, settings, fragment):
    pretend(monkeypatch, ToyEngine())
    assert main(["audit", str(cell.result.path), *settings]) == 2
    assert fragment in capsys.readouterr().err


def test_what_is_no_result_is_refused(tmp_path, capsys):
    for argv, fragment in (
        ([], "0 results came"),
        ([str(tmp_path), "elsewhere"], "2 results came"),
        ([str(tmp_path / "nowhere")], "no such folder"),
        ([str(tmp_path)], "holds no manifest.json"),
    ):
        assert main(["audit", *argv]) == 2
        assert fragment in capsys.readouterr().err


def test_a_configuration_that_does_not_load_is_refused(cell, capsys):
    """The stored configuration of the toy result is no configuration of a cell."""
    assert main(["audit", str(cell.result.path), "n_random=4"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert all("config.yaml: " in line for line in lines if line.startswith("error")), lines
