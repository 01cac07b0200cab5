"""The specification of a design: it follows every setting, and its facts are those of the code."""

import copy
import sys

import equinox as eqx
import numpy as np
import pandas as pd
import pytest

from adaptive.codes import CellStatus, HealthCode
from adaptive.config.build import build_design
from adaptive.config.compose import compose_one
from adaptive.design.decide import decide
from adaptive.design.rules import EfficacyRule, FutilityRule, HarmRule
from adaptive.errors import BadInput
from adaptive.oc.labels import STATES
from adaptive.oc.specification import TOPICS, grouped, look_table, nodes, predictive_table, shared_rows
from adaptive.oc.specification_model import engine_lines, model_words, prior_table
from adaptive.oc.specification_rules import (
    rule_table,
    thresholds,
    transition_table,
    unreachable,
    verdict_table,
)
from adaptive.oc.specification_words import population_lines
from adaptive.report.figures_flow import flow_figure, flow_steps
from adaptive.report.sections_spec import flow_figures
from tests.strategy_examples import evidence, progress
from tests.toy import toy_design

PARTS = ("design", "looks", "allocation", "rules", "model", "posterior")
ELSEWHERE = ("design.n_arrivals", "design.horizon_months")
"""Settings that are no part of the protocol: the length of a list, and the horizon of the true values."""


@pytest.fixture(scope="module")
def config() -> dict:
    return compose_one("config", ["design=srs_rar", "scenario=srs_both"])


def specified(config: dict) -> str:
    """Return all words on a design, without the plain list of its settings."""
    design = build_design(config)
    lines = [line for _, make in TOPICS for line in make(design)]
    tables = [rule_table(design), verdict_table(design), transition_table(design), look_table({"d": design})]
    words = [model_words(design.analysis), prior_table(design.analysis.model, []).to_dict("records")]
    parts = [lines, *(table.to_dict("records") for table in tables), design.allocation.formula()]
    return repr([*parts, *words, engine_lines(design.analysis.engine)])


def numbers(node, path=()) -> list[tuple]:
    """Return the paths of every number of a configuration."""
    if isinstance(node, bool):
        return []
    if isinstance(node, int | float):
        return [path]
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else []
    return [found for key, child in items for found in numbers(child, (*path, key))]


def moved(config: dict, path: tuple, by: float) -> dict:
    """Return the configuration with one number moved by ``by`` if it is whole, else by a thousandth of it."""
    new = copy.deepcopy(config)
    node = new
    for key in path[:-1]:
        node = node[key]
    value = node[path[-1]]
    node[path[-1]] = value + int(by) if isinstance(value, int) or value >= 1 else value + by / 1000
    return new


def specified_otherwise(config: dict, path: tuple) -> str:
    """Return the words on the design with one number larger, or smaller where that is not allowed."""
    try:
        return specified(moved(config, path, 1.0))
    except BadInput:
        return specified(moved(config, path, -1.0))


def silent_numbers(config: dict) -> tuple[int, list[str]]:
    """Return how many numbers define the design, and those that its words do not show."""
    paths = [(part, *path) for part in PARTS for path in numbers(config[part])]
    paths = [path for path in paths if ".".join(map(str, path)) not in ELSEWHERE and path[-2:] != ("cuts", 0)]
    before = specified(config)
    return len(paths), [".".join(map(str, p)) for p in paths if specified_otherwise(config, p) == before]


def test_every_number_of_the_design_is_in_its_specification(config):
    n, silent = silent_numbers(config)
    assert n > 40
    assert silent == []


def test_an_endpoint_of_several_words_is_written_in_words():
    told = dict(population_lines(toy_design(endpoint=("new_brain_metastasis", "death"))))
    assert told["Endpoint event"].startswith("first new brain metastasis or death;")


def test_a_table_left_out_is_noticed(config, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "rule_table", lambda design: pd.DataFrame())
    _, silent = silent_numbers(config)
    assert "rules.efficacy.threshold.0" in silent and "rules.harm.min_events" in silent


CHANGES = {
    "lags": ({"lags": {"data": 1.0, "decision": 2.0}}, "month t - 1"),
    "blocks": ({"block_size": 6}, "permuted blocks of 6"),
    "arms not offered": ({"eligible": {"low dose": ["TNBC"]}}, "low dose not in HR+/HER2-"),
    "calendar": ({"arm_calendar": {"high dose": {"enters_after_look": 1}}}, "Calendar of high dose"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_parts_that_a_design_may_have_are_specified(config, name):
    change, words = CHANGES[name]
    new = copy.deepcopy(config)
    new["design"] |= change
    if name == "blocks":
        new["allocation"] = compose_one("config", ["design=srs_fixed"])["allocation"]
    assert words in specified(new)
    assert words not in specified(config)


def test_the_table_of_verdicts_is_what_the_code_decides():
    k = np.full(3, 0.9)
    rules = (
        FutilityRule(margin=0.7, threshold=k),
        EfficacyRule(margin=0.8, threshold=k),
        HarmRule(margin=0.9, threshold=k),
    )
    design = toy_design(rules=rules)
    fires = {"futility rule": (0, 0.5), "efficacy rule": (1, 0.95), "harm rule": (2, 0.05)}
    silent = {0: 0.95, 1: 0.5, 2: 0.5}
    table = verdict_table(design)
    assert len(table) == 2**3
    for row in table.to_dict("records"):
        values = silent | {at: value for name, (at, value) in fires.items() if row[name] == "fires"}
        for is_final, column in ((False, "interim look"), (True, "final look")):
            state = decided(design, [values[i] for i in range(3)], is_final=is_final)
            assert row[column] == ("open" if state == CellStatus.OPEN else STATES[state.name])


def decided(design, values, *, is_final=False, code=HealthCode.OK) -> CellStatus:
    """Return the state of the first cell after a look at which each measure has one value in every cell."""
    below = np.broadcast_to(np.array(values)[:, None, None], (len(values), 2, 2))
    seen = evidence(p_best=np.full((2, 3), 1 / 3), p_below=below, events=50.0, code=code)
    before = progress(((1, 1), (1, 1)), look=2 if is_final else 0, is_final=is_final)
    return CellStatus(int(eqx.filter_jit(decide)(design, seen, before).status[0, 0]))


def test_a_failed_fit_and_a_tie_fire_nothing():
    design = toy_design(rules=(EfficacyRule(margin=1.0, threshold=np.full(3, 0.9)),))
    assert decided(design, [0.91]) == CellStatus.EFFICACY
    assert decided(design, [0.9]) == CellStatus.OPEN
    assert decided(design, [0.91], code=HealthCode.NOT_CONVERGED) == CellStatus.OPEN
    assert decided(design, [0.91], code=HealthCode.NOT_CONVERGED, is_final=True) == CellStatus.COMPLETED


def test_order_paths_and_states_without_a_path(config):
    design = build_design(config)
    assert list(rule_table(design).verdict) == ["harm", "efficacy", "futility"]
    paths = {(row["from"], row["to"]): row["by"] for row in transition_table(design).to_dict("records")}
    assert paths["open", "futility"] == "futility rule at look 1 to 5"
    assert paths["open", "efficacy"] == "efficacy rule at look 1 to 6"
    assert "awaiting the final look" in unreachable(design) and "efficacy" not in unreachable(design)
    awaited = build_design(
        compose_one("config", ["design=srs_rar", "rules=expected_success", "scenario=srs_both"])
    )
    assert "awaiting" not in unreachable(awaited)
    assert ("awaiting the final look", "efficacy") in {
        (row["from"], row["to"]) for row in transition_table(awaited).to_dict("records")
    }


def test_thresholds_and_shared_lines():
    assert thresholds([0.9, 0.9]) == "0.9 at every look"
    assert thresholds([0.9, float("nan")]) == "look 1: 0.9; look 2: not applied"
    frame = shared_rows({"a": [("t", "x", "1"), ("t", "y", "2")], "b": [("t", "x", "1"), ("t", "y", "3")]})
    assert frame.to_numpy().tolist() == [
        ["t", "x", "all designs", "1"],
        ["t", "y", "a", "2"],
        ["t", "y", "b", "3"],
    ]
    table = rule_table(toy_design(rules=(EfficacyRule(margin=1.0, threshold=np.full(3, 0.9)),)))
    assert list(grouped({"a": table, "b": table.copy()})) == ["a, b"]


def test_predictive_settings_are_found(config):
    assert nodes(config["rules"], ("predictive",)) == []
    rules = compose_one("config", ["design=goldilocks", "scenario=goldilocks_null"])["rules"]
    found = nodes(rules, ("predictive", "predictive_information", "confirmatory_success"))
    assert found and all("entry_rate" in node for _, node in found)
    assert predictive_table({}).empty


@pytest.mark.parametrize("design", ["srs_rar", "srs_single", "goldilocks", "residual_rar"])
def test_the_flow_shows_every_rule_in_order_and_fits_its_boxes(design):
    scenario = {"goldilocks": "goldilocks_null", "residual_rar": "residual_null"}.get(design, "srs_null")
    built = build_design(compose_one("config", [f"design={design}", f"scenario={scenario}"]))
    looks = [str(i) for i in range(built.looks.n_looks)]
    rules = rule_table(built).to_dict("records")
    flow = {"looks": looks, "limits": "9 patients", "rules": rules, "responds": True, "delayed": False}
    shown = [text for text, *_ in flow_steps(flow)]
    kinds = [text.split(" rule")[0].lower() for text in shown if " rule" in text]
    order = ["harm", "efficacy", "futility", "expected success"]
    assert kinds == sorted(kinds, key=order.index)
    assert sum(row["thresholds"] in text for row in rules for text in shown) >= len(rules)
    drawing = flow_figure("flow", design, flow)
    assert drawing.svg.startswith("<svg") and not drawing.absent


def test_designs_with_the_same_rules_share_a_diagram_that_tells_their_allocation():
    flow = {"looks": ["120 patients"], "limits": "9 patients", "rules": [], "delayed": False}
    designs = [
        {"name": name, "flow": flow | {"responds": name == "rar", "looks": looks}}
        for name, looks in (
            ("fixed", ["120 patients"]),
            ("rar", ["120 patients"]),
            ("single", ["360 patients"]),
        )
    ]
    shared, alone = flow_figures([*designs, {"name": "unknown", "flow": None}])
    assert "look of fixed, rar," in shared.question and "look of single," in alone.question
    told = "new probabilities from the posterior (rar); the ratio stays (fixed)"
    assert told in shared.svg and "the ratio stays." in alone.svg
