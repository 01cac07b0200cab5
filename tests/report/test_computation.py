"""How posteriors are computed: every setting in words, and the settings of real interim analyses."""

from dataclasses import fields

import pandas as pd
import pytest

from adaptive.commands.reporting import interim_lines
from adaptive.config.compose import compose_one
from adaptive.oc.specification_model import SETTING_NAMES, engine_lines
from adaptive.posterior.laplace import LaplaceEngine
from adaptive.posterior.nuts import NutsEngine
from adaptive.report.compliance import LIMITS
from adaptive.report.sections_computation import INTERIM, _share, computation_section
from adaptive.report.sections_definitions import error_section
from adaptive.report.sections_dgm import NOT_SIMULATED, family_section, precision_section
from adaptive.report.sections_software import trust_section


@pytest.mark.parametrize("engine", [LaplaceEngine(), NutsEngine()])
def test_every_setting_of_an_engine_is_told_in_words(engine):
    items = [item for item, _ in engine_lines(engine)]
    assert set(items) >= {SETTING_NAMES[field.name] for field in fields(engine)}
    assert not [item for item in items if item.startswith("n ") or "_" in item]


def test_the_settings_of_real_interims_are_those_of_the_command():
    lines = dict(interim_lines())
    config = compose_one("analyse", ["posterior=nuts", "design=srs_rar"])
    for name, value in config["posterior"].items():
        if name != "kind":
            # Gates are held in single precision, whose own digits are nobody's choice.
            assert lines[SETTING_NAMES[name]] == f"{value:g}"
    assert lines["Precision of the arithmetic"] == config["precision"] == "float64"
    assert "starting values uniform" in lines["Method"] and "no thinning" in lines["Method"]


def content(interim):
    engines = [("", item, "all designs", text) for item, text in engine_lines(LaplaceEngine())]
    return {
        "specification": {"engines": pd.DataFrame(engines, columns=["topic", "item", "design", "text"])},
        "tables": {"failures": pd.DataFrame({"looks_held": [40], "unhealthy_looks": [0]})},
        "provenance": pd.DataFrame({"precision": ["float32"]}),
        "interim": interim,
    }


def test_the_table_of_engines_has_the_sampler_of_real_interims():
    (table, *_) = computation_section(content([("Target acceptance probability", "0.997")])).blocks
    assert [cell.text for cell in table.rows[-1]] == ["Target acceptance probability", INTERIM, "0.997"]
    (alone, *_) = computation_section(content([])).blocks
    assert len(alone.rows) == len(table.rows) - 1


def test_families_that_the_engine_cannot_simulate_are_shaded_rows():
    known = [("G1", "global null", "a"), ("G3", "enrolment", "not covered"), ("G1", "drift", "only b")]
    table = pd.DataFrame(known, columns=["item", "family", "covered by"])
    (shown,) = family_section({"coverage": {"table": table, "missing": {}}}).blocks
    rows = {row[1].text: any(cell.flagged for cell in row) for row in shown.rows}
    beyond = [family for families in NOT_SIMULATED.values() for family in families]
    assert rows == {"global null": False, "enrolment": True, "drift": True} | dict.fromkeys(beyond, True)
    assert list(NOT_SIMULATED) == [item for item in LIMITS if item in NOT_SIMULATED]


def test_the_fewest_trials_are_said_of_declared_scenarios_alone():
    text = " ".join(error_section({"meta": {"n_min": 10_000}}).lead)
    assert "With n = 10,000 trials, the fewest of a design in a declared scenario" in text
    assert "smallest number here" not in text and "searches of nulls" in text


@pytest.mark.parametrize(
    ("looks", "words"), [(3_000, "0.001"), (1_500_000, "2 in a million"), (30_100, "100 in a million")]
)
def test_a_bound_on_a_rare_failure_has_no_exponent(looks, words):
    assert _share(0, looks).endswith(f"is about {words}")


def test_the_precision_reached_is_printed_once():
    targets = {
        "scenario": "s",
        "design": "d",
        "metric": "fwer",
        "n": 400,
        "mcse": 0.01,
        "target": 0.02,
        "met": True,
    }
    frame = pd.DataFrame([targets])
    labels = {"metrics": {"fwer": {"label": "Any false claim"}}}
    made = {
        "trust": {"faults": [], "checked": ["one thing"], "targets": frame},
        "labels": labels,
        "meta": {"n_min": 400, "n_max": 400},
    }
    (table,) = precision_section(made).blocks
    assert "Wilson" in table.caption
    checks = trust_section(made)
    assert not [block for block in checks.blocks if getattr(block, "rows", None)]
    assert checks.lead[0].endswith("of every metric are in chapter 6.")
