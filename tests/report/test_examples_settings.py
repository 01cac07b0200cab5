"""Examples from a sensitivity analysis say so wherever they are printed; what has no counterpart says why."""

import numpy as np
import pytest

from adaptive.design.protocol import Analysis
from adaptive.design.rules import EfficacyRule, FutilityRule
from adaptive.models import NoPooling, PartialPooling
from adaptive.oc.examples import examples_part
from adaptive.oc.load import load_results
from adaptive.oc.sensitivity import Declaration, Factor, Level
from adaptive.oc.sensitivity_store import write_index
from adaptive.oc.source import Makers, Source
from adaptive.oc.study import run_cell
from adaptive.report.chapter_examples import examples_chapter
from adaptive.report.pivot import Table
from adaptive.report.sections_examples import example_cases
from tests.toy import ToyEngine, toy_design, toy_scenario

SEED, N = 9, 96
DRIFT = {"multiplier": {"value": {"event": [1.0, 0.6]}}}
LEVELS = (Level("none", "no periods"), Level("strata", "strata of 12 months", ("periods=1",)))
FACTOR = Factor("time", "Time model", "Does it matter?", "none", ("toy",), ("toy",), LEVELS)
SETTING = "Time model: strata of 12 months"
PRIOR = {"tau_scale": 0.5, "baseline_shape": 0.1, "baseline_rate": 1.0}


def config(periods, threshold, mu_scale, drift=True):
    """Return a configuration; ``threshold`` stands for what a model with periods would conclude."""
    return {
        "design": {"name": "toy", "periods": periods},
        "scenario": {"name": "toy", "drift": DRIFT if drift else None},
        "model": {"kind": "partial_pooling"},
        "precision": "float64",
        "stand_in": {"threshold": threshold, "mu_scale": mu_scale},
    }


def design_of(config, model=PartialPooling):
    stand_in = config["stand_in"]
    rules = (
        EfficacyRule(margin=1.0, threshold=np.full(3, stand_in["threshold"])),
        FutilityRule(margin=0.8, threshold=np.array([0.1, 0.1, np.nan])),
    )
    prior = model(mu_scale=stand_in["mu_scale"], **PRIOR)
    return toy_design(rules=rules, analysis=Analysis(np.array([0.0, 6.0]), prior, ToyEngine()))


def simulate(root, study, settings):
    given = {"seed": SEED, "n_trials": N, "chunk_size": N, "progress": False, "keep_looks": True}
    run_cell(design_of(settings), toy_scenario(), study=study, path=root, resolved_config=settings, **given)


def part_of(root, model=PartialPooling):
    makers = Makers(lambda config: design_of(config, model), lambda config: toy_scenario())
    return examples_part(Source(load_results([root / "study"]), root / "study", makers), {})


def write(root, threshold, *, drift=True):
    """Write a design and the same with periods as a level of a sensitivity analysis."""
    simulate(root, "study", config(None, 0.9, 1.0, drift))
    simulate(root / "study" / "sensitivity" / "time", "strata", config([0, 12], threshold, 0.2))
    write_index(root / "study", Declaration((FACTOR,), {}), N, "adaptive sensitivity")


@pytest.fixture(scope="module")
def paired(tmp_path_factory):
    root = tmp_path_factory.mktemp("paired")
    write(root, 0.995)
    return root


@pytest.fixture(scope="module")
def part(paired):
    return part_of(paired)


def items_of(part):
    return {item["id"]: item for item in part["items"]}


def test_a_pair_of_one_name_is_told_apart_by_its_setting(part):
    items = items_of(part)
    plain, adjusted = items["drift-unadjusted"], items["drift-adjusted"]
    assert (plain["design"], plain["scenario"]) == (adjusted["design"], adjusted["scenario"])
    assert (plain["setting"], plain["made_by"]) == ("", "simulate")
    assert (adjusted["setting"], adjusted["made_by"]) == (SETTING, "sensitivity")
    assert f"(sensitivity analysis, {SETTING})" in plain["why"] == adjusted["why"]
    assert "sensitivity" in adjusted["command"] and "sensitivity" not in plain["command"]
    assert part["notes"] == [] and "misleads" not in plain["title"]


def test_every_table_of_the_examples_has_the_setting(part):
    table = part["tables"]["examples"].set_index("level")
    assert table.setting["drift-adjusted"] == SETTING and table.setting["drift-unadjusted"] == ""
    content = {"examples": {k: v for k, v in part.items() if k != "tables"}, "tables": part["tables"]}
    overview = next(b for b in examples_chapter(content).blocks if isinstance(b, Table))
    at = overview.head.index("Setting")
    shown = {row[0].text: row[at].text for row in overview.rows}
    assert shown["The same trial, analysed with periods of entry"] == SETTING
    assert sum(text == SETTING for text in shown.values()) == 1
    assert all(len(row) == len(overview.head) for row in overview.rows)
    made = {b.made_by for s in example_cases(content) for b in s.blocks if isinstance(b, Table)}
    assert made == {"simulate", "sensitivity"}


def test_without_a_setting_the_overview_has_no_column_for_it(part):
    items = [item for item in part["items"] if not item["setting"]]
    content = {"examples": {"items": items}, "tables": part["tables"]}
    overview = next(b for b in examples_chapter(content).blocks if isinstance(b, Table))
    assert "Setting" not in overview.head and {len(row) for row in overview.rows} == {6}


def test_each_result_has_the_prior_of_its_own_model(part):
    items = items_of(part)
    heights = {
        name: np.max(part["priors"][items[name]["result"]]["density"])
        for name in ("drift-unadjusted", "drift-adjusted")
    }
    assert heights["drift-adjusted"] > 1.5 * heights["drift-unadjusted"]


def test_a_pair_without_a_correction_is_said_to_be_one(tmp_path):
    write(tmp_path, 0.9)
    part = part_of(tmp_path)
    assert "drift" in items_of(part)
    (note,) = part["notes"]
    assert "in 1 pair of results" in note and "no two results" not in note


def test_without_a_pair_it_is_said_and_an_example_of_the_analysis_has_its_setting(tmp_path):
    write(tmp_path, 0.9, drift=False)
    part = part_of(tmp_path)
    item = items_of(part)["drift"]
    (note,) = part["notes"]
    assert "no two results" in note and "in 1 pair" not in note
    assert item["setting"] == SETTING and f"(sensitivity analysis, {SETTING})" in item["why"]


def others_named(part):
    told = " ".join(sentence for item in part["items"] for sentence in item["remarks"])
    return "in the other subgroups were" in told


def captions(part):
    content = {"examples": {k: v for k, v in part.items() if k != "tables"}}
    return " ".join(getattr(b, "caption", "") for s in example_cases(content) for b in s.blocks)


def test_borrowing_is_spoken_of_only_where_the_model_borrows(part, paired):
    assert others_named(part) and "the other subgroups contribute" in captions(part)
    alone = part_of(paired, NoPooling)
    assert [item["id"] for item in alone["items"]] == [item["id"] for item in part["items"]]
    assert not others_named(alone)
    assert "other subgroups contribute" not in captions(alone) and "the prior contributes" in captions(alone)
    assert not any(item["borrows"] for item in alone["items"])
