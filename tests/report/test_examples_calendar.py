"""Examples of a design in which an arm leaves before the final look and another is not offered everywhere."""

import numpy as np
import pytest

from adaptive.codes import CellStatus, StopReason
from adaptive.design.protocol import ArmCalendar
from adaptive.oc import examples_masks as masks
from adaptive.oc.examples import examples_part
from adaptive.oc.examples_kinds import KINDS
from adaptive.oc.examples_remarks import corrected
from adaptive.oc.examples_rows import course_of
from adaptive.oc.examples_text import story
from adaptive.oc.load import load_results
from adaptive.oc.source import Makers, Source
from adaptive.oc.study import run_cell
from adaptive.report.explorer_data import explorer_data
from tests.toy import toy_design, toy_scenario

TRUTHS = {"null": ((0.0, 0.0), (0.0, 0.0)), "mixed": ((-0.7, 0.0), (0.0, 0.0))}
N = 128
KIND = {kind.name: kind for kind in KINDS}
COMPLETED, FUTILITY, NEVER = (
    int(status) for status in (CellStatus.COMPLETED, CellStatus.FUTILITY, CellStatus.NEVER_OPENED)
)


def design():
    """Return a design whose arm ``high`` has its last look at the first, and is not offered in ``blue``."""
    calendar = ArmCalendar(first=np.array([-1, -1], np.int32), last=np.array([-1, 0], np.int32))
    return toy_design(eligible=np.array([[True, True], [True, False]]), calendar=calendar)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    root = tmp_path_factory.mktemp("calendar")
    for name, log_hr in TRUTHS.items():
        scenario = toy_scenario(log_hr)
        object.__setattr__(scenario, "name", name)
        given = {"seed": 9, "n_trials": N, "chunk_size": N, "progress": False, "keep_looks": True}
        config = {"scenario": {"name": name}, "precision": "float64"}
        run_cell(design(), scenario, study="s", path=root, resolved_config=config, **given)
    return {result.scenario: result for result in load_results([root])}


@pytest.fixture(scope="module")
def part(results):
    return examples_part(Source(list(results.values()), makers=Makers(lambda config: design(), None)), {})


@pytest.fixture(scope="module")
def items(part):
    return {item["id"]: item for item in part["items"]}


def course(result, trial):
    return course_of(result, trial, lambda config: design(), None)


def statuses(result, i):
    """Yield status and look of the decision of the cells that trial ``i`` opened."""
    for s, b in np.ndindex(2, 2):
        if result.status[i, s, b] != NEVER:
            yield result.status[i, s, b], result.decided_look[i, s, b]


def test_an_arm_that_left_did_not_end_at_the_final_look(results, items):
    exact, near = (tier.find(results["null"]) for tier in KIND["inconclusive"].tiers)
    completed = masks.every_cell(results["null"], masks.closed(results["null"], CellStatus.COMPLETED))
    assert (near & completed).any() and not exact.any()
    assert items["inconclusive"]["near"] and "ended before the final look" in items["inconclusive"]["why"]


def test_a_cell_that_was_never_opened_is_no_condition(results):
    result = results["null"]
    cells = masks.closed(result, CellStatus.COMPLETED, CellStatus.FUTILITY)
    found = masks.every_cell(result, cells)
    wanted = [all(s in (COMPLETED, FUTILITY) for s, _ in statuses(result, i)) for i in range(N)]
    np.testing.assert_array_equal(found, wanted)
    assert 0 < found.sum() < N


def test_a_subgroup_with_an_unopened_cell_can_be_the_one_that_was_closed(results):
    result = results["mixed"]
    found = masks.one_subgroup(result, masks.closed(result, CellStatus.FUTILITY, CellStatus.HARM))
    red = result.claimed[:, 0].any(axis=1) & ~masks.false_claims(result).any(axis=(1, 2))
    closed = np.isin(result.status[:, 1, 0], (CellStatus.FUTILITY, CellStatus.HARM))
    np.testing.assert_array_equal(found, red & closed)
    assert found.any()


def test_unopened_cells_are_not_counted_in_sentences(items):
    assert " of 3 arms in subgroups have a true benefit" in items["inconclusive"]["remarks"][0]
    assert " of 3 arms in subgroups for futility" in items["first-look-futility"]["remarks"][0]


def test_an_unopened_cell_has_no_posterior_to_lay_over(items):
    for item in items.values():
        found = {(c["subgroup"], c["arm"]): c["mean"] for c in item["overlay"]}
        assert [place for place, mean in found.items() if mean is None] == [("blue", "high")]


def test_the_look_at_which_an_arm_leaves_says_so(results):
    result = results["null"]
    left = (result.status[:, 0, 1] == COMPLETED) & (result.trials["reason"] == StopReason.FINAL_LOOK)
    told = story(course(result, int(result.trials["trial"][left][0])))
    assert "the arm's own last look came and no rule fired for high in red" in told[0]
    assert not any("high" in sentence for sentence in told[1:])


def test_a_trial_without_a_claim_may_end_because_arms_left(results):
    result = results["null"]
    futile = result.trials["reason"] == StopReason.FUTILITY
    gone = (result.status == COMPLETED).any(axis=(1, 2))
    assert (futile & gone).any()
    for trial in result.trials["trial"][futile & gone]:
        found = course(result, int(trial))
        assert story(found)[-1].endswith("every arm was closed for futility or had its own last look.")
        looks = [look | {"said": ""} for look in found["looks"]]
        case = explorer_data([found | {"id": "x", "looks": looks}], (-1.0, 1.0))["cases"][0]
        assert "closed for futility or had its own last look" in case["looks"][-1]["text"]


def claimed(result, s, b):
    """Return the course of a trial with a false claim in a cell."""
    at = np.flatnonzero(masks.false_claims(result)[:, s, b])[0]
    return course(result, int(result.trials["trial"][at]))


def test_the_counterpart_of_a_false_claim_ends_as_it_did(results):
    """A trial stands in for its counterpart under another model: how an arm ends is read from it alone."""
    result = results["null"]
    plain = claimed(result, 1, 0)
    low = result.status[:, 1, 0]
    final = course(result, int(np.flatnonzero((low == COMPLETED) & masks.at_last_look(result)[:, 1, 0])[0]))
    futile = course(result, int(np.flatnonzero(low == FUTILITY)[0]))
    assert corrected(plain, final)[0].endswith("ended at the final look without a claim.")
    assert corrected(plain, futile)[0].endswith("was closed for futility.")
    named = claim_of_high(plain)
    assert corrected(named, final)[0].endswith("ended at its own last look, look 1, without a claim.")


def claim_of_high(plain):
    """Return a course in which ``high`` in ``red`` and no other arm made a false claim at the first look."""
    cells = [
        cell | {"status": "EFFICACY", "decided_look": 1, "is_null": True}
        if (cell["subgroup"], cell["arm"]) == ("red", "high")
        else cell | {"status": "COMPLETED"}
        for cell in plain["end"]["cells"]
    ]
    return plain | {"end": plain["end"] | {"cells": cells}}


def test_the_estimate_of_a_counterpart_that_ended_earlier_is_that_of_its_last_look(results):
    result = results["null"]
    plain = claimed(result, 1, 0)
    final = course(result, int(np.flatnonzero(result.status[:, 1, 0] == COMPLETED)[0]))
    look = next(c["decided_look"] for c in plain["end"]["cells"] if c["status"] == "EFFICACY")
    short = final | {"looks": final["looks"][: look - 1]}
    assert f"look {look - 1}" in corrected(plain, short)[0]
    assert "at the trial's last look" not in corrected(plain, final)[0]
