"""A design in words is made of the objects that run."""

import equinox as eqx
import numpy as np
import pytest

from adaptive.design.allocation import FixedAllocation
from adaptive.design.assignment_blocks import PermutedBlocks
from adaptive.design.protocol import ArmCalendar, Lags
from adaptive.oc.describe import describe_design
from adaptive.oc.describe_parts import in_words, responds, timing_words
from tests.strategy_examples import ALLOCATIONS
from tests.toy import toy_design


def test_a_fixed_ratio_in_words():
    assert in_words(FixedAllocation(ratio=[2.0, 1.0, 1.0])) == "fixed (ratio 2, 1, 1)"
    assert in_words(FixedAllocation(ratio=[1.0, 1.0])) == "fixed (ratio 1)"


def test_authors_keep_their_capitals():
    assert in_words(ALLOCATIONS["thall_wathen"]).startswith("Thall and Wathen (")


@pytest.mark.parametrize("kind", ALLOCATIONS)
def test_every_kind_has_words_with_all_its_numbers(kind):
    words = in_words(ALLOCATIONS[kind])
    assert "array" not in words.lower() and "<" not in words
    assert words.count("(") == words.count(")") >= 1


def test_what_responds_to_outcomes():
    assert not responds(ALLOCATIONS["fixed"]) and responds(ALLOCATIONS["thall_wathen"])
    assert not describe_design(toy_design(adaptive=False))["responds"]
    assert describe_design(toy_design(adaptive=True))["responds"]


def test_delays_calendar_and_blocks_are_told_only_where_they_are():
    assert timing_words(toy_design()) == {}
    design = toy_design(
        assignment=PermutedBlocks(6),
        lags=Lags(1.0, 2.5),
        calendar=ArmCalendar(first=np.array([-1, 0]), last=np.array([1, -1])),
    )
    assert timing_words(design) == {
        "Assignment": "permuted blocks (size 6)",
        "Delays": "data 1 months, decision 2.5 months",
        "Arms that come and go": "low has its last look at look 2; high enters after look 1",
    }
    periods = eqx.tree_at(
        lambda d: d.analysis.periods, toy_design(), np.array([0.0, 6.0]), is_leaf=lambda x: x is None
    )
    assert timing_words(periods) == {"Periods of entry begin in month": "0, 6"}
