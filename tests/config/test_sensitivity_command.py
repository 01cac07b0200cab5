"""``adaptive sensitivity``: the shipped declaration builds; faults are told together; the command end to "
"end."""

import dataclasses

import pytest
import yaml

from adaptive.cli import main
from adaptive.commands import sensitivity as command
from adaptive.commands.sensitivity import _declared, _Planned
from adaptive.config.build_sensitivity import build_varying
from adaptive.config.compose import conf_root, options
from adaptive.errors import BadInput
from adaptive.oc.sensitivity import FOLDER, Declaration, under
from adaptive.oc.sensitivity_store import read_index

GIVEN = ["experiment=brain_srs"]


@pytest.fixture(scope="module")
def shipped():
    return build_varying(_declared([], GIVEN, None))[1]


@pytest.mark.slow
def test_every_level_of_the_shipped_declaration_builds(shipped):
    once = [
        dataclasses.replace(f, designs=f.designs[:1], scenarios=f.scenarios[-1:]) for f in shipped.factors
    ]
    planned = _Planned(GIVEN, None, 100)
    orders = planned.orders(Declaration(tuple(once), {}))
    assert len(orders) == sum(factor.is_simulated(level) for factor in once for level in factor.levels) > 40
    assert str(planned.study) == "results/brain_srs"
    order = next(item for item in orders if (item.factor, item.level) == ("dropout", "y20"))
    assert order.config["scenario"]["hazards"]["dropout"]["everyone"]["value"] == 20.0
    assert order.config["n_trials"] == 100 and order.config["study"] == "y20"
    assert "scenario.hazards.dropout.everyone.value=20.0" in order.command


def test_the_declaration_names_designs_and_scenarios_that_exist(shipped):
    assert {d for factor in shipped.factors for d in factor.designs} <= set(options("design"))
    assert {s for factor in shipped.factors for s in factor.scenarios} <= set(options("scenario"))
    curve = next(factor for factor in shipped.factors if factor.axis)
    values = [level.value for level in curve.levels]
    assert values == sorted(values) and values[0] <= 0.4 and values[-1] >= 1.2
    for level in curve.levels:
        assert all(override.endswith(f"={level.value}") for override in level.overrides)


def test_a_base_is_what_its_label_says(shipped):
    """Labels of bases repeat numbers of the study's files; they must not go stale."""
    base = (conf_root() / "scenario" / "base" / "srs.yaml").read_text()
    values = yaml.safe_load(base)
    labels = {f.name: f.level(f.base).label for f in shipped.factors}
    assert labels["dropout"] == f"{values['hazards']['dropout']['everyone']['value']:g}% a year"
    assert labels["accrual"] == f"{values['accrual']['rate']['value'][-1]:g} a month"
    looks = yaml.safe_load((conf_root() / "looks" / "srs.yaml").read_text())["first"]["counts"]
    assert all(str(count) in labels["looks"] for count in looks)
    model = yaml.safe_load((conf_root() / "model" / "partial_pooling.yaml").read_text())
    assert labels["heterogeneity_prior"] == f"{model['tau_scale']:g}"
    assert labels["effect_prior"] == f"N(0, {model['mu_scale']:g}²)"
    assert not [label for label in labels.values() if "base" in label], "a base is not explained by itself"


def test_a_factor_under_a_trend_says_so_in_the_words_of_that_trend(shipped):
    shared = {factor.name: under(factor, shipped.factors) for factor in shipped.factors}
    assert {name: words for name, words in shared.items() if words} == {
        "time_model": "time trend: log hazard \N{MINUS SIGN}0.5 over 48 months"
    }


BAD = """
factors:
  accrual:
    titel: Accrual
    question: What if?
    base: x3
    designs: [srs_rar]
    scenarios: [srs_null]
    levels:
      x1: {label: once}
      a/b: {label: twice, overides: ['a=1']}
  delay:
    title: Delay
    question: What if?
    base: x3
    designs: [srs_rar]
    scenarios: [srs_null]
    levels:
      x1: {label: once}
      x2: {label: twice}
  dropout:
    title: Dropout
    question: What if?
    base: x1
    designs: [srs_rar]
    scenarios: [srs_null]
    levels:
      x1: {label: once, overrides: ['a=1']}
      x2: {label: twice, value: 2}
not_run:
  - {factor: Fraud}
"""


def test_faults_of_a_declaration_are_told_together_with_the_nearest_names():
    with pytest.raises(BadInput) as caught:
        build_varying({"sensitivity": yaml.safe_load(BAD), "n_trials": 0, "onyl": None, "only": ["acrual"]})
    told = "\n".join(caught.value.faults)
    for text in (
        "onyl: there is no such key",
        "n_trials: 0 is not allowed",
        "factors.accrual.titel: there is no such key",
        "did you mean 'title'",
        "overides: there is no such key",
        "'overrides'",
        "'a/b' names a folder",
        "factors.delay.base: 'x3' is not allowed; give one of its levels: x1, x2; did you mean",
        "the base changes nothing",
        "not_run[0].reason: nothing was given",
    ):
        assert text in told, text


def test_an_unknown_factor_has_a_suggestion(shipped):
    with pytest.raises(BadInput, match="did you mean 'accrual'"):
        build_varying(_declared(["only=[acrual]"], GIVEN, None))


def test_a_level_without_a_value_on_an_axis_is_a_fault():
    data = yaml.safe_load(BAD)["factors"]["dropout"]
    data |= {"axis": "rate", "levels": {"x1": {"label": "a", "value": 1}, "x2": {"label": "b"}}}
    with pytest.raises(BadInput, match=r"levels.x2.value: nothing was given; the factor has an axis"):
        build_varying({"sensitivity": {"factors": {"dropout": data}}})


OWN = """
factors:
  dropout:
    title: Dropout
    question: What if?
    base: plain
    designs: [srs_rar]
    scenarios: [srs_null]
    levels:
      plain: {label: as it is}
      more: {label: more, overrides: ['scenario.hazards.dropout.everyone.value=20']}
      wrong: {label: wrong, overrides: [%s]}
"""


def declare(tmp_path, override):
    folder = tmp_path / "mine" / "sensitivity"
    folder.mkdir(parents=True)
    (folder / "own.yaml").write_text(OWN % override)
    return ["--config-dir", str(tmp_path / "mine"), "sensitivity=own", *GIVEN, f"output={tmp_path / 'out'}"]


def test_a_bad_override_is_told_with_its_place(tmp_path, capsys):
    given = declare(tmp_path, "'scenario.hazards.dropuot.everyone.value=2', 'rules.efficacy.threshold=high'")
    assert main(["sensitivity", *given]) == 2
    told = capsys.readouterr().err
    assert "dropuot" in told and "did you mean" in told and "(dropout, wrong)" in told


def test_nothing_is_declared_for_another_study(capsys):
    assert main(["sensitivity", "experiment=flagship"]) == 2
    assert "nothing is declared for experiment=flagship; give sensitivity= one of" in capsys.readouterr().err


@pytest.mark.slow
def test_the_command_simulates_resumes_and_refuses_another_base(tmp_path, capsys):
    given = declare(tmp_path, "'allocation.power=0'")
    assert main(["sensitivity", *given, "n_trials=8"]) == 2
    assert "simulate the study first" in capsys.readouterr().err
    study = ["design=srs_rar", "scenario=srs_null", f"output={tmp_path / 'out'}", "report.enabled=false"]
    assert main(["simulate", *GIVEN, *study, "n_trials=16"]) == 0
    assert main(["sensitivity", *given, "n_trials=8"]) == 0
    folder = tmp_path / "out" / "brain_srs" / FOLDER
    index = read_index(folder)
    assert [(c["level"], c["n_trials"]) for c in index.content["cells"]] == [("more", 8), ("wrong", 8)]
    times = {file: file.stat().st_mtime_ns for file in folder.rglob("manifest.json")}
    assert main(["sensitivity", *given, "n_trials=8"]) == 0
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("manifest.json")} == times
    assert main(["sensitivity", *given, "n_trials=12"]) == 2
    assert "n_trials: then 8, now 12" in capsys.readouterr().err
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("manifest.json")} == times
    assert main(["sensitivity", *given, "n_trials=8", "rules.efficacy.min_events=11"]) == 2
    assert "rules.efficacy.min_events is 10 there and 11 here" in capsys.readouterr().err


def test_the_command_is_not_a_sweep():
    with pytest.raises(BadInput, match="runs once"):
        command.main(["-m", *GIVEN])
