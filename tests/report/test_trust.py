"""A final report asks for sound results, known code, enough trials, a benchmark, sources; each is planted."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest
import yaml

from adaptive.io.hashing import sha256_data
from adaptive.io.manifest import code_state
from adaptive.montecarlo import proportion_of_counts
from adaptive.oc import evidence, trust
from adaptive.oc.evidence import write_evidence
from adaptive.oc.load import load_results
from adaptive.oc.metrics import row
from adaptive.oc.source import Source
from adaptive.oc.tables import build_tables, tidy
from adaptive.oc.targets import DEFAULTS, target_faults, target_table, targets_of
from adaptive.oc.trust import parameter_faults, trust_part
from tests.report.synthetic import default_config, fake_arrays, write_result

NULL = ((0.0, 0.0), (0.0, 0.0))
LOOSE = dict.fromkeys(DEFAULTS, 100.0)


def sourced(design, scenario):
    """Return a configuration whose every parameter names a source."""
    config = default_config(design, scenario, NULL)
    config["scenario"]["log_hr"]["source"] = "protocol"
    return config


def signed(manifest, config, **code):
    """Make a manifest as a simulation of the installed code would have written it."""
    manifest["config_sha256"] = sha256_data(config)
    manifest["code"] = {"commit": "0", "dirty": False} | code_state() | {"dirty": False} | code
    manifest["manifest_sha256"] = sha256_data(manifest)


@pytest.fixture
def study(tmp_path):
    """Write the benchmark and another design in two scenarios; returns the root."""
    for scenario in ("null", "other"):
        for design in ("fixed", "rar"):
            write(tmp_path, design, scenario)
    return tmp_path


@pytest.fixture(autouse=True)
def committed(monkeypatch):
    """Let the report be made by code without uncommitted changes."""
    monkeypatch.setattr(trust, "code_state", lambda: code_state() | {"dirty": False})


def write(root, design, scenario, *, config=None, **code):
    config = config or sourced(design, scenario)
    return write_result(
        root,
        design,
        scenario,
        fake_arrays(120),
        log_hr=NULL,
        config=config,
        edit=lambda manifest: signed(manifest, config, **code),
    )


def faults_of(root, targets=LOOSE, altered=None):
    results = load_results([root], altered)
    source = Source(results, dossier={"targets": targets}, draft=altered is not None, altered=altered or ())
    return trust_part(source, build_tables(results))["faults"]


def rewrite(path, change):
    """Change a manifest and give it the hash of its new content, as somebody could who knows how."""
    manifest = json.loads((path / "manifest.json").read_text())
    del manifest["manifest_sha256"]
    change(manifest)
    manifest["manifest_sha256"] = sha256_data(manifest)
    (path / "manifest.json").write_text(json.dumps(manifest))


def test_a_sound_study_has_no_fault(study):
    assert faults_of(study) == []


def test_a_report_by_uncommitted_code_is_a_fault(study, monkeypatch):
    monkeypatch.setattr(trust, "code_state", lambda: code_state() | {"dirty": True})
    (fault,) = faults_of(study)
    assert fault.startswith("this report: made by code with uncommitted changes")


@pytest.mark.parametrize(
    ("code", "command", "told"),
    [
        ({"dirty": False}, "adaptive truth results/fake", None),
        ({"dirty": False, "commit": "1"}, "adaptive truth results/fake", None),
        ({"dirty": False}, "", "does not say by which command it was made"),
        ({"dirty": True}, "adaptive truth results/fake", "made by code with uncommitted changes"),
        (
            {"dirty": False, "core_sha256": "0" * 64},
            "adaptive truth x",
            "made by another simulation code than",
        ),
    ],
)
def test_evidence_that_its_command_would_not_make_again_is_a_fault(study, monkeypatch, code, command, told):
    """Another commit with the same simulation code is none; audits are found without a study's folder too."""
    monkeypatch.setattr(evidence, "code_state", lambda: code_state() | code)
    for place in ("truth/truth.json", "rar/audit/audit.json"):
        file = study / "fake" / place
        file.parent.mkdir()
        write_evidence(file, {"command": command})
    results = load_results([study])
    source = Source(results, folder=study / "fake", dossier={"targets": LOOSE})
    faults = trust_part(source, build_tables(results))["faults"]
    assert [fault.partition(":")[0] for fault in faults] == (["rar/audit", "truth"] if told else [])
    assert all(told in fault and "again, or delete the folder" in fault for fault in faults)


def test_every_defect_is_told_with_what_to_do(study):
    fake = study / "fake"
    rewrite(fake / "rar" / "null", lambda m: m["code"].update(dirty=True))
    rewrite(fake / "rar" / "other", lambda m: m["code"].update(core_sha256="0" * 64))
    rewrite(fake / "fixed" / "null", lambda m: m.update(config_sha256="0" * 64))
    rewrite(fake / "fixed" / "other", lambda m: m["code"].pop("core_sha256"))
    told = "\n".join(faults_of(study))
    for where, words in (
        ("rar/null", "uncommitted changes"),
        ("rar/other", "another simulation code"),
        ("fixed/null", "is not the configuration that was run"),
        ("fixed/other", "does not say which simulation code"),
    ):
        assert f"{where}: " in told
        assert words in told
    assert "results of different simulation codes" in told
    assert told.count("simulate again") >= 4


def test_a_manifest_without_or_with_another_hash_of_itself_is_a_fault(study):
    path = study / "fake" / "rar" / "null" / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({k: v for k, v in manifest.items() if k != "manifest_sha256"}))
    assert faults_of(study)[0].startswith("rar/null: the manifest is not what")
    path.write_text(json.dumps(manifest | {"seed": 8}))
    altered: list[str] = []
    faults = faults_of(study / "fake" / "rar", altered=altered)
    assert len(altered) == 1
    assert faults[0] == "rar/null/manifest.json: altered after it was written; restore it or re-run the cell"


def test_a_changed_configuration_with_all_hashes_made_again_is_a_fault(study):
    """Whoever changes config.yaml can hash it again; only the hash of its content tells, if it was kept."""
    path = study / "fake" / "rar" / "null"
    config = yaml.safe_load((path / "config.yaml").read_text())
    config["design"]["max_patients"] = 601
    text = yaml.safe_dump(config)
    (path / "config.yaml").write_text(text)
    rewrite(path, lambda m: m["files"].update({"config.yaml": hashlib.sha256(text.encode()).hexdigest()}))
    assert faults_of(study) == [
        "rar/null: config.yaml is not the configuration that was run (config_sha256 differs); simulate again"
    ]


def test_a_scenario_without_its_benchmark_is_a_fault(study):
    write(study, "rar", "lonely")
    assert faults_of(study) == ["scenario lonely: without the benchmark fixed; simulate fixed there too"]


def test_one_name_for_two_scenarios_is_a_fault(study):
    """As when a scenario's file is edited between the runs of two designs; both manifests are genuine."""
    path = study / "fake" / "rar" / "null"
    config = yaml.safe_load((path / "config.yaml").read_text())
    config["scenario"]["baseline"]["TNBC"]["value"] = 0.2
    text = yaml.safe_dump(config)
    (path / "config.yaml").write_text(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    rewrite(
        path,
        lambda m: m["files"].update({"config.yaml": digest}) or m.update(config_sha256=sha256_data(config)),
    )
    assert faults_of(study) == [
        "scenario null: not the same for fixed and rar (their configurations differ); "
        "simulate all designs with one"
    ]


def test_a_study_without_benchmark_is_a_fault(tmp_path):
    path = write(tmp_path, "rar", "null")
    rewrite(path, lambda m: m.update(benchmark=None))
    assert [text for text in faults_of(tmp_path) if "names no benchmark" in text]


def test_parameters_without_source_or_tag_are_faults_and_unverified_ones_are_not(tmp_path):
    config = sourced("fixed", "null")
    del config["scenario"]["log_hr"]["source"]
    config["scenario"]["log_hr"]["tag"] = "verified"
    config["scenario"]["baseline"]["TNBC"]["tag"] = None
    write(tmp_path, "fixed", "null", config=config)
    assert faults_of(tmp_path) == [
        "parameter scenario.log_hr: has no source; write its source beside its value",
        "parameter scenario.baseline.TNBC: has no tag; write its tag beside its value",
    ]


def test_evidence_stated_of_a_parameter_that_does_not_exist_is_a_fault(tmp_path):
    write(tmp_path, "fixed", "null")
    results = load_results([tmp_path])
    names = ("scenario.baseline", "scenario.log_hr", "scenario.log")
    stated = [{"parameter": name, "population": "a registry"} for name in names]
    (fault,) = parameter_faults(results, stated)
    assert fault.startswith("parameters: 'scenario.log' in the dossier is no parameter")
    made = trust_part(Source(results, dossier={"parameters": stated}), build_tables(results))
    assert fault in made["faults"]


def test_targets_of_metrics_that_do_not_exist_are_faults(study):
    (fault,) = faults_of(study, LOOSE | {"type_1_error": 0.1})
    assert "'type_1_error' is not a metric" in fault


def test_targets_that_nothing_is_held_to_are_faults(study):
    """A target must be judged or refused, never accepted and forgotten."""
    held = faults_of(study, {"events_per_100": 1e-9})
    assert any(text.startswith("events_per_100: 4 cells miss") for text in held)
    told = faults_of(study, LOOSE | {"stop": 1.0, "disjunctive_power": 1.0})
    assert len(told) == 1 and told[0].startswith("targets: 'stop' is stated in this report, but not held")


def test_a_cell_that_misses_its_precision_is_told_how_many_trials_would_do(study):
    (fault,) = faults_of(study, LOOSE | {"fwer": 0.0025})
    results = load_results([study])
    counts = [int(r.claimed.any(axis=(1, 2)).sum()) for r in results]
    worst = max(proportion_of_counts(c, 120).mcse for c in counts)
    wanted = 100 * int(np.ceil(120 * (worst / 0.0025) ** 2 / 100))
    assert f"4 cells miss the target MCSE 0.0025; the largest is {worst:.3g}" in fault
    assert f"simulate about {wanted:,} trials" in fault
    assert faults_of(study, LOOSE | {"fwer": worst}) == []


def frame_of(metric, estimate, level=""):
    return {"claims": tidy([{"scenario": "s", "design": "d"} | row(metric, estimate, level=level)])}


def test_no_claim_in_few_trials_is_not_precise():
    """The Monte Carlo error of 0 of 8 is 0; the width of its limits is not."""
    few = target_table(frame_of("fwer", proportion_of_counts(0, 8)), DEFAULTS)
    assert few.mcse[0] > DEFAULTS["fwer"]
    assert not few.met[0]
    many = target_table(frame_of("fwer", proportion_of_counts(0, 10_000)), DEFAULTS)
    assert many.met[0]


def test_an_estimate_without_error_does_not_pass_and_a_missing_one_is_not_judged():
    nothing = proportion_of_counts(1, 8)._replace(mcse=np.nan)
    assert not target_table(frame_of("fwer", nothing), DEFAULTS).met[0]
    assert target_table(frame_of("fwer", nothing._replace(estimate=np.nan)), DEFAULTS).empty
    assert (
        "simulate more trials"
        in target_faults(target_table(frame_of("fwer", nothing), DEFAULTS), DEFAULTS)[0]
    )


@pytest.mark.parametrize(("error", "met"), [(0.066, True), (0.068, False)])
def test_the_default_for_a_type_i_error_is_what_its_text_says(error, met):
    """10,000 trials meet 0.0025 up to an error of 0.067: p (1 - p) / n = 0.0025 squared."""
    estimate = proportion_of_counts(round(10_000 * error), 10_000)
    assert target_table(frame_of("type_i_error", estimate), DEFAULTS).met[0] == met


def test_10000_trials_meet_the_default_of_a_proportion_whatever_it_is():
    for count in (0, 1, 5000, 9999, 10_000):
        assert target_table(frame_of("power", proportion_of_counts(count, 10_000)), DEFAULTS).met[0]
    assert not target_table(frame_of("power", proportion_of_counts(4990, 9_980)), DEFAULTS).met[0]


def test_the_study_s_own_target_comes_before_the_default_and_the_worst_place_counts():
    assert targets_of({"targets": {"power": 0.1}})["power"] == 0.1
    assert targets_of({})["power"] == DEFAULTS["power"]
    good = row("power", proportion_of_counts(50, 10_000), subgroup="A")
    bad = row("power", proportion_of_counts(50, 100), subgroup="B")
    table = target_table(
        {"claims": tidy([{"scenario": "s", "design": "d"} | r for r in (good, bad)])}, DEFAULTS
    )
    assert (table.n[0], table.mcse[0], table.met[0]) == (100, pytest.approx(0.05), False)


def test_percentiles_and_numbers_given_a_claim_have_no_target():
    frames = frame_of("bias", proportion_of_counts(1, 8), level="claimed")
    assert target_table(frames, DEFAULTS).empty
    assert isinstance(target_table({}, DEFAULTS), pd.DataFrame)
