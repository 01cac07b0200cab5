"""The benchmarks' flagship, built without Hydra, is the one that ``experiment=flagship`` builds."""

import importlib.util
from pathlib import Path

import equinox as eqx
import jax
import numpy as np
import pytest

from adaptive.config.build import build_study
from adaptive.config.compose import compose_sweep

FILE = Path(__file__).parents[2] / "benchmarks" / "flagship.py"


def load():
    spec = importlib.util.spec_from_file_location("flagship", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FLAGSHIP = load()


@pytest.fixture(scope="module")
def studies():
    cells = compose_sweep("config", ["experiment=flagship"]).cells
    return {cell.config["scenario"]["name"]: build_study(cell.config) for cell in cells}


def differences(left, right) -> list[str]:
    """Return where two trees differ: structure and static fields, or the dtype or a value of a leaf."""
    if jax.tree.structure(left) != jax.tree.structure(right):
        return ["structure"]
    pairs = zip(jax.tree_util.tree_leaves_with_path(left), jax.tree.leaves(right), strict=True)
    return [
        jax.tree_util.keystr(path)
        for (path, a), b in pairs
        if a.dtype != b.dtype or a.weak_type != b.weak_type or not np.array_equal(a, b, equal_nan=True)
    ]


def test_the_study_has_the_size_that_speed_is_judged_by(studies):
    assert sorted(studies) == ["flagship_both", "flagship_her2", "flagship_null"]
    design = studies["flagship_null"].design
    assert (int(design.limits.max_patients), design.looks.n_looks) == (600, 8)
    assert (len(design.subgroups), len(design.arms)) == (4, 3)


def test_design_is_the_configured_one(studies):
    for study in studies.values():
        assert differences(FLAGSHIP.flagship_design(), study.design) == []


@pytest.mark.parametrize("name", sorted(FLAGSHIP.AFFECTED))
def test_scenario_is_the_configured_one(studies, name):
    assert differences(FLAGSHIP.flagship_scenario(name), studies[name].scenario) == []


def test_a_changed_leaf_or_name_is_noticed(studies):
    scenario = studies["flagship_null"].scenario
    changed = eqx.tree_at(lambda s: s.accrual.rate, scenario, scenario.accrual.rate * 1.001)
    assert differences(scenario, changed) == [".accrual.rate"]
    assert differences(scenario, studies["flagship_both"].scenario) == ["structure"]


def test_another_size_keeps_the_shares_and_the_pace():
    design = FLAGSHIP.flagship_design(patients=1200, looks=16, subgroups=8, arms=5)
    scenario = FLAGSHIP.flagship_scenario(patients=1200, subgroups=8, arms=5)
    assert design.arms == scenario.arms and design.subgroups == scenario.subgroups
    assert design.looks.n_looks == 16 and design.rules[0].threshold.shape == (16,)
    assert float(scenario.accrual.rate[0]) == 50.0
    np.testing.assert_allclose(scenario.population.mix.sum(), 1.0)
