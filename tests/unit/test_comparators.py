"""Which comparators stand beside a design, told from what ran."""

from pathlib import Path

import pytest

from adaptive.oc.comparators import missing_comparators
from adaptive.oc.load import CellResult
from adaptive.oc.sensitivity_store import Index

NO, FULL = "no borrowing between subgroups", "full borrowing"


def result(design, n_looks, responds, model="partial_pooling", subgroups=("a", "b")) -> CellResult:
    """Return a result of which only manifest and configuration are there."""
    conduct = {"name": design, "n_looks": n_looks, "responds": responds, "subgroups": list(subgroups)}
    made = object.__new__(CellResult)
    for name, value in {"manifest": {"design": conduct}, "config": {"model": {"kind": model}}}.items():
        object.__setattr__(made, name, value)
    return made


def index(*overrides) -> Index:
    levels = [{"name": "none", "label": "none", "overrides": overrides, "value": None}]
    factor = {"name": "borrowing", "title": "Borrowing", "question": "?", "base": "none", "levels": levels}
    return Index(
        Path("none"),
        {"factors": [factor | {"designs": ["rar"], "scenarios": ["null", "both"], "overrides": []}]},
    )


RAR, FIXED, SINGLE = result("rar", 4, True), result("fixed", 4, False), result("single", 1, False)
EVERY = [RAR, FIXED, SINGLE, result("none", 4, True, "no_pooling"), result("full", 4, True, "full_pooling")]


def heads(found):
    return [text.partition(":")[0] for text in found]


def test_nothing_is_missing_beside_every_kind():
    assert missing_comparators(EVERY, None) == []


@pytest.mark.parametrize(
    ("left_out", "missing"),
    [
        ("single", "a single analysis at the end"),
        ("fixed", "interim looks at a fixed ratio (group-sequential)"),
        ("none", NO),
        ("full", FULL),
    ],
)
def test_each_kind_that_is_left_out_is_missing(left_out, missing):
    found = missing_comparators([r for r in EVERY if r.design != left_out], None)
    assert heads(found) == [missing] and found[0].endswith("not simulated")


def test_a_sensitivity_analysis_is_told_with_its_designs_and_scenarios():
    found = missing_comparators([RAR, FIXED, SINGLE], index("model=no_pooling"))
    assert heads(found) == [NO, FULL]
    assert found[0].endswith("only in the sensitivity analysis 'Borrowing', for rar in null and both")
    assert found[1].endswith("not simulated")


def test_one_subgroup_has_nothing_to_borrow_from():
    alone = [result("single", 1, False, subgroups=("a",)), result("fixed", 3, False, subgroups=("a",))]
    assert missing_comparators(alone, None) == []
