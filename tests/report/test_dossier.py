"""The dossier: every fault at once, text stays text, and the shipped one fits its study."""

from pathlib import Path

import pytest
import yaml

from adaptive.cli import main
from adaptive.commands.dossiers import find_dossier
from adaptive.config.compose import conf_root
from adaptive.errors import BadInput
from adaptive.oc.dossier import DOSSIER, load_dossier
from adaptive.oc.dossier_content import dossier_part
from adaptive.oc.load import load_results
from adaptive.oc.source import Source
from adaptive.report.chapter_limitations import limitations_chapter
from adaptive.report.pivot import Table
from adaptive.report.sections_dossier import estimand_section, range_section
from tests.report.synthetic import fake_arrays, write_result

SHIPPED = conf_root() / "dossier" / "brain_srs.yaml"
HOSTILE = "<script>alert(1)</script> #eval(1) $x$ *_@`\\ =1+1 {{7*7}} ]"
QUESTION = {"id": "Q1", "question": "How often?", "metric": "fwer"}


def written(folder: Path, text: str) -> Path:
    path = folder / DOSSIER
    path.write_text(text, encoding="utf-8")
    return path


def faults_of(folder: Path, text: str) -> str:
    with pytest.raises(BadInput) as caught:
        load_dossier(written(folder, text))
    return "\n".join(caught.value.faults)


FAULTS = {
    "an unknown entry": ("limitation: [a]", "did you mean 'limitations'"),
    "an unknown entry within": ("rationale: {adaptiv: a}", "rationale.adaptiv: there is no such entry"),
    "a missing entry": ("priors: [{parameter: a, justification: b, tag: c}]", "priors[0].source: is missing"),
    "a list where text belongs": ("version: [1]", "version: a list came"),
    "an empty text": ("version: ''", "version: is empty"),
    "a choice that is none": ("status: frozn", "did you mean 'frozen'"),
    "frozen without when": ("status: frozen", "frozen: is missing"),
    "a day that is none": ("frozen: {date: soon, by: a, reason: b}", "give a day such as"),
    "a target that is no number": ("targets: {fwer: small}", "targets.fwer: 'small' came"),
    "a target of nothing": ("targets: {fwer: 0}", "above 0"),
    "a target that is not finite": ("targets: {fwer: .inf}", "targets.fwer"),
    "a metric that is none": ("targets: {fwr: 0.1}", "did you mean 'fwer'"),
    "a question on no metric": (
        yaml.safe_dump({"questions": [QUESTION | {"metric": "powr"}]}),
        "questions[0].metric: there is no metric 'powr'",
    ),
    "two questions of one name": (
        yaml.safe_dump({"questions": [QUESTION, dict(QUESTION)]}),
        "'Q1' occurs 2 times",
    ),
    "a check without months": (
        "checks: [{quantity: event_free, scenario: a, subgroup: b, arm: c, published: 1, tolerance: 1, "
        "source: d}]",
        "checks[0].months: is missing",
    ),
    "a median at some months": (
        "checks: [{quantity: median, months: 6, scenario: a, subgroup: b, arm: c, published: 1, "
        "tolerance: 1, source: d}]",
        "checks[0].months: a median is not at some months",
    ),
    "evidence without its parameter": (
        "parameters: [{population: a registry}]",
        "parameters[0].parameter: is missing",
    ),
    "evidence of a parameter twice": (
        "parameters: [{parameter: a}, {parameter: a}]",
        "parameters: parameter 'a' occurs 2 times",
    ),
    "a name given twice": ("version: a\nversion: b", "'version' is given twice"),
    "a reference": ("version: &a x\nstatus: *a", "references (*name) are not allowed"),
    "a call": ("version: !!python/object/apply:os.system [ls]", "not a plain YAML file"),
    "a list as the whole": ("- a", "give entries named"),
    "control characters": ('version: "a\\u0007"', "control characters"),
    "no YAML": ("version: [", "not a plain YAML file"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_faulty_dossier_gives_its_message(tmp_path, name):
    text, message = FAULTS[name]
    assert message in faults_of(tmp_path, text)


def test_every_fault_is_told_at_once(tmp_path):
    text = "status: no\nlimitation: [a]\ntargets: {fwr: -1}\nrationale: {adaptiv: a}"
    assert faults_of(tmp_path, text).count("\n") + 1 == 5


def test_a_file_that_is_not_there_or_not_text(tmp_path):
    with pytest.raises(BadInput, match="cannot be read"):
        load_dossier(tmp_path / "none.yaml")
    (tmp_path / DOSSIER).write_bytes(b"version: \xff")
    with pytest.raises(BadInput, match="not a plain YAML file"):
        load_dossier(tmp_path / DOSSIER)


def test_values_are_cleaned_and_hashed(tmp_path):
    found = load_dossier(written(tmp_path, "version: 1.5\ninteraction: none\ntargets: {fwer: 1e-2}\n"))
    assert (
        found["version"] == "1.5" and found["interaction"] == ["none"] and found["targets"] == {"fwer": 0.01}
    )
    changed = load_dossier(written(tmp_path, "version: 1.5\ninteraction: none\ntargets: {fwer: 2e-2}\n"))
    assert found["sha256"] != changed["sha256"]
    assert set(load_dossier(written(tmp_path, ""))) == {"sha256"}


def test_the_shipped_dossier_names_what_its_study_has():
    dossier = load_dossier(SHIPPED)
    study = yaml.safe_load((conf_root() / "experiment" / "brain_srs.yaml").read_text())
    swept = study["hydra"]["sweeper"]["params"]
    scenarios, designs = (set(swept[part].split(",")) for part in ("scenario", "design"))
    asked = {name for question in dossier["questions"] for name in question.get("scenarios", [])}
    assert (
        asked | set(dossier["design_prior"]) | {check["scenario"] for check in dossier["checks"]} <= scenarios
    )
    assert {name for question in dossier["questions"] for name in question.get("designs", [])} <= designs
    assert sum(dossier["design_prior"].values()) == pytest.approx(1.0)
    assert study["report"]["dossier"] == "brain_srs"


def test_a_dossier_is_found_by_name_or_path_and_a_wrong_name_is_told(tmp_path):
    assert find_dossier("brain_srs") == SHIPPED
    own = tmp_path / "dossier"
    own.mkdir()
    (own / "mine.yaml").write_text("version: a")
    assert find_dossier("mine", str(tmp_path)) == own / "mine.yaml"
    assert find_dossier(str(own / "mine.yaml")) == own / "mine.yaml"
    with pytest.raises(BadInput, match="did you mean 'brain_srs'"):
        find_dossier("brain_sr")
    (own / "mine.yaml").write_text("versio: a")
    with pytest.raises(BadInput, match="did you mean 'version'"):
        find_dossier("mine", str(tmp_path))


def test_a_wrong_dossier_is_told_before_anything_runs(tmp_path, capsys):
    asked = ["simulate", f"output={tmp_path}", "n_trials=2", "report.dossier=none_such"]
    assert main(asked) == 2
    assert "there is no dossier 'none_such'" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.parquet"))


def texts(blocks) -> list[str]:
    """Return every cell of the tables and every item of the lists among blocks."""
    cells = [cell.text for block in blocks if isinstance(block, Table) for row in block.rows for cell in row]
    return cells + [text for block in blocks for text in getattr(block, "items", [])]


def test_metacharacters_stay_the_text_that_they_are(tmp_path):
    event = {"event": HOSTILE, "strategy": HOSTILE, "handling": HOSTILE}
    names = ("name", "endpoint", "population", "treatment", "variable", "summary")
    content = {
        "estimands": [dict.fromkeys(names, HOSTILE) | {"events": [event]}],
        "ranges": [{"factor": HOSTILE, "bounds": HOSTILE, "justification": HOSTILE}],
        "outside": [HOSTILE],
        "limitations": [HOSTILE],
    }
    path = written(tmp_path, yaml.safe_dump(content))
    arrays = fake_arrays(20)
    result = load_results([write_result(tmp_path, "fixed", "null", arrays, log_hr=((0.0, 0.0), (0.0, 0.0)))])
    shown = {"dossier": dossier_part(Source(result, dossier=load_dossier(path)), {}), "warnings": []}
    assert texts(estimand_section(shown).blocks).count(HOSTILE) == 5 + 2 + 3
    assert texts(range_section(shown).blocks).count(HOSTILE) == 4
    assert HOSTILE in texts(limitations_chapter(shown).parts[0].blocks)
