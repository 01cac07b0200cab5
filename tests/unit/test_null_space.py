"""The space of nulls: what its points are, that the truth agrees, and that two stages undo the bias."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from adaptive.codes import CellStatus
from adaptive.errors import BadInput
from adaptive.oc.null_space import (
    Box,
    Factor,
    is_beside_benefit,
    null_at,
    null_patterns,
    points_of,
    read_factors,
)
from adaptive.oc.null_space_edges import edge_sets
from adaptive.oc.null_space_search import Stages, search_nulls
from adaptive.oc.null_space_store import pattern_words, told
from adaptive.oc.null_words import factor_label
from adaptive.scenario.estimand import true_values
from tests.toy import toy_design, toy_scenario

EVENT = ("event",)
FACTORS = (
    Factor("hazard", "red", 0.5, 2.0),
    Factor("channel", "dropout", 0.5, 3.0),
    Factor("accrual", "all", 0.5, 2.0),
    Factor("drift", "all", 0.5, 2.0),
    Factor("mix", "blue", 0.5, 2.0),
    Factor("effect", "all", 0.4, 0.8),
)


def test_a_point_changes_what_it_names_and_nothing_else():
    base, protocol = toy_scenario(((-0.3, 0.2), (0.0, -0.9))), toy_design()
    box = Box(FACTORS, null_patterns(protocol, "cells"), 24.0)
    point = points_of(box, 8, 1)[5 * 9 + 3]
    value = dict(zip([factor_label(vars(f)) for f in FACTORS], point.values, strict=True))
    null = null_at(base, EVENT, box, point)
    made = null.scenario
    ratio = np.asarray(made.hazards.base / base.hazards.base)
    assert np.allclose(ratio[0, 0, 0], value["hazard:red"]) and np.allclose(ratio[0, 0, 1], 1)
    assert np.allclose(ratio[0, 2], value["channel:dropout"]) and np.allclose(ratio[0, 1], 1)
    assert np.allclose(made.accrual.rate, base.accrual.rate * value["accrual"])
    odds = np.asarray(made.population.mix[0, 1] / made.population.mix[0, 0])
    assert np.isclose(odds, 0.4 / 0.6 * value["mix:blue"]) and np.isclose(made.population.mix.sum(), 1)
    drift = np.exp(np.asarray(made.drift.log_multiplier))
    assert np.allclose(drift[:, 0], [1, value["drift"]]) and np.allclose(drift[:, 1:], 1)
    assert list(np.asarray(made.drift.knots)) == [0, 24]
    expected = np.where(null.is_null, 0, np.log(value["effect"]))
    assert np.allclose(np.asarray(made.hazards.log_hr)[0, 0, :, 1:, :], expected[:, :, None])


def test_declared_nulls_are_those_of_the_truth():
    base, protocol = toy_scenario(), toy_design()
    box = Box(FACTORS, null_patterns(protocol, "cells"), 24.0)
    points = points_of(box, 0, 1)
    assert len(points) == 15
    for point in points:
        null = null_at(base, EVENT, box, point)
        assert (true_values(null.scenario, EVENT, 24.0).is_null == null.is_null).all()


def test_partial_nulls_are_all_there_once():
    protocol = toy_design(eligible=np.array([[True, False], [True, True]]))
    assert len(null_patterns(protocol, "none")) == 1
    assert len(null_patterns(protocol, "subgroups")) == 3
    assert len(null_patterns(protocol, "arms")) == 3
    assert len(null_patterns(protocol, "cells")) == 7
    assert pattern_words(protocol, null_patterns(protocol, "none")[0]) == "all null"
    assert pattern_words(protocol, np.array([[False, False], [True, False]])) == "null in blue (low)"
    wide = toy_design(eligible=np.ones((4, 2), bool))
    with pytest.raises(BadInput, match="255 patterns"):
        null_patterns(wide, "cells")


def test_kinds_of_partial_nulls_may_be_joined_each_pattern_once():
    protocol = toy_design()
    subgroups, arms, both = (
        null_patterns(protocol, kinds) for kinds in ("subgroups", "arms", ["subgroups", "arms"])
    )
    assert len(subgroups) == len(arms) == 3 and len(both) == 5, "all null belongs to both"
    assert both[0].all() and {p.tobytes() for p in both} == {p.tobytes() for p in (*subgroups, *arms)}
    assert [p.tolist() for p in null_patterns(protocol, ["none"])] == [both[0].tolist()]
    words = [pattern_words(protocol, pattern) for pattern in both]
    assert len(set(words)) == 5 and words[-1].startswith("null for ") and words[-1].endswith("every subgroup")
    with pytest.raises(BadInput, match="partial: 'arm' is not allowed; give one or more of .*'arms'"):
        null_patterns(protocol, ["subgroups", "arm"])
    six, five = (toy_design(eligible=np.ones((n, 6), bool)) for n in (6, 5))
    assert len(null_patterns(six, "subgroups")) == len(null_patterns(six, "arms")) == 63
    with pytest.raises(BadInput, match="'subgroups, arms' gives 125 patterns"):
        null_patterns(six, ["subgroups", "arms"])
    with pytest.raises(BadInput, match="'cells' gives .* patterns"):
        null_patterns(five, ["subgroups", "cells"])


def test_an_arm_without_benefit_beside_one_that_has_it_is_told_from_null_subgroups():
    protocol = toy_design(eligible=np.array([[True, False], [True, True]]))
    box = Box(FACTORS, null_patterns(protocol, "cells"), 24.0)
    for number, pattern in enumerate(box.patterns):
        # Only the second subgroup has two arms.
        assert is_beside_benefit(box, number) == (pattern[1, 0] != pattern[1, 1])


def test_points_fill_the_box_on_the_log_scale():
    box = Box(FACTORS[:2], (np.ones((2, 2), bool),), 24.0)
    points = points_of(box, 64, 3)
    assert len(points) == 65 and points[0].values == pytest.approx((1.0, np.sqrt(1.5)))
    logs = np.log([point.values for point in points[1:]])
    for column, factor in zip(logs.T, FACTORS, strict=False):
        unit = (column - np.log(factor.low)) / np.log(factor.high / factor.low)
        # A scrambled Sobol sequence of 64 points has one in each of 64 equal cells of every axis.
        assert sorted(np.floor(64 * unit).astype(int)) == list(range(64))


def simulator(error):
    """Return a simulator whose trials claim wrongly with a probability that depends on the accrual rate."""

    def simulate(design, scenario, *, seed, trials):
        rate = float(scenario.accrual.rate[-1])
        rng = np.random.default_rng([seed, int(trials[0]), int(1e6 * rate)])
        claim = rng.random(len(trials)) < error(rate)
        status = np.full((len(trials), 2, 2), int(CellStatus.COMPLETED))
        status[claim, 0, 0] = int(CellStatus.EFFICACY)
        return SimpleNamespace(result=SimpleNamespace(status=status))

    return simulate


STAGES = Stages("any_false_claim", 63, 1000, 20_000, 8, 0.05, 1, 2)


def test_the_largest_of_noisy_estimates_is_biased_and_the_second_stage_is_not():
    """The error is 0.025 everywhere: stage 1 finds a larger one, stage 2 does not."""
    box = Box(FACTORS[2:3], (np.ones((2, 2), bool),), 24.0)
    searched = search_nulls(toy_design(), toy_scenario(), box, STAGES, simulate=simulator(lambda _: 0.025))
    first = max(item.count for item in searched.first) / 1000
    expected_of_64 = 0.025 + 2.37 * np.sqrt(0.025 * 0.975 / 1000)
    assert first > 0.025 + (expected_of_64 - 0.025) / 2 and searched.bias > 0.003
    pooled = sum(item.count for item in searched.second)
    n = 8 * 20_000
    assert stats.binomtest(pooled, n, 0.025).pvalue > 1e-6
    assert 0.025 < max(searched.uppers) < 0.032


def test_the_worst_corner_is_found():
    box = Box(FACTORS[2:3], (np.ones((2, 2), bool),), 24.0)
    few = Stages(**{**vars(STAGES), "n_points": 2})
    searched = search_nulls(
        toy_design(), toy_scenario(), box, few, simulate=simulator(lambda rate: 0.02 * rate)
    )
    top = searched.second[0]
    # Stage 1 goes to the edge of the box, beyond the last point of its grid.
    assert max(item.point.values[0] for item in searched.first[:3]) < 1.2
    assert top.point.values[0] == pytest.approx(FACTORS[2].high)
    assert searched.n_edge == 1 and [item.point.number for item in searched.first] == list(range(4))
    text = "\n".join(told(toy_design(), box, few, searched, 0.025))
    assert (
        "biased" not in text and "too large on average" in text and "estimated over the declared set" in text
    )


SLOPES = np.array([0.05, -0.08, 0.002])


def tried(slopes, n_sets=17):
    """Return a grid of sets, and the errors of two partial nulls, the second worse, and of the global one."""
    box = Box(FACTORS[:3], (np.ones((2, 2), bool),) * 3, 24.0)
    grid = np.array([point.values for point in points_of(box, n_sets - 1, 5)[:n_sets]])
    low, high = (np.array([getattr(f, name) for f in box.factors]) for name in ("low", "high"))
    error = 0.2 + (np.log(grid / low) / np.log(high / low) - 0.5) @ slopes
    return box, grid, np.array([0.5 - error, 0.8 * error, error]), low, high


def test_the_edge_is_the_corner_to_which_the_error_of_partial_nulls_rises():
    box, grid, errors, low, high = tried(SLOPES)
    corner, kept = edge_sets(box, grid, errors)
    np.testing.assert_allclose(corner, [high[0], low[1], high[2]])
    worst = grid[errors[2].argmax()]
    np.testing.assert_allclose(kept, [high[0], low[1], worst[2]])
    # Planted: the slope of one factor the wrong way round leads elsewhere.
    assert edge_sets(box, grid, tried(SLOPES * [-1, 1, 1])[2])[0] != corner


def test_patterns_with_trends_of_their_own_have_a_corner_of_their_own():
    box, grid, errors, low, high = tried(SLOPES)
    errors[1] = 0.1 + tried(SLOPES * [-0.6, 1, 1])[2][2]
    common, own, _ = edge_sets(box, grid, errors)
    np.testing.assert_allclose(common, [high[0], low[1], high[2]])
    np.testing.assert_allclose(own, [low[0], low[1], high[2]])


def test_a_box_without_moving_factors_has_no_edge():
    fixed = tuple(replace(f, low=1.0, high=1.0) for f in FACTORS[:2])
    box = Box(fixed, (np.ones((2, 2), bool),), 24.0)
    assert edge_sets(box, np.ones((3, 2)), np.full((1, 3), 0.1)) == []


def test_stages_with_one_seed_are_refused():
    box = Box(FACTORS[2:3], (np.ones((2, 2), bool),), 24.0)
    same = Stages(**{**vars(STAGES), "second_seed": 1})
    with pytest.raises(BadInput, match="second_seed: 1 is the seed of the first stage"):
        search_nulls(toy_design(), toy_scenario(), box, same)


def test_factors_are_read_by_name():
    given = {"hazard_in": {"blue": [0.5, 2]}, "accrual": [1, 2], "channel": {"death": [1, 3]}, "mix": None}
    assert read_factors(given, toy_scenario(), EVENT) == (
        Factor("hazard", "blue", 0.5, 2.0),
        Factor("accrual", "all", 1.0, 2.0),
        Factor("channel", "death", 1.0, 3.0),
    )


def test_faults_of_a_box_are_told_together():
    given = {
        "hazard_in": {"green": [1, 2]},
        "accrual": [2, 1],
        "efect": [0.5, 0.8],
        "effect": [0.5, 1.5],
        "mix": [0.5, 2],
        "channel": {"event": [1, 2]},
        "drift": None,
    }
    with pytest.raises(BadInput) as caught:
        read_factors(given, toy_scenario(), EVENT)
    assert [fault.split(":")[0] for fault in caught.value.faults] == [
        "box.hazard_in.green",
        "box.accrual",
        "box.efect",
        "box.effect",
        "box.mix",
        "box.channel.event",
    ]
