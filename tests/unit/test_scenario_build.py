import numpy as np
import pytest

from adaptive.errors import BadInput
from adaptive.scenario.build import BaseHazard, Effect, Transition, build_hazards
from adaptive.scenario.effects import Constant, Delayed, Reversed, Waning, combine_cuts, pad_cuts

NAMES = {
    "subgroups": ("pos", "neg"),
    "arms": ("control", "low", "high"),
    "channels": ("new", "death"),
    "states": ("start", "later"),
}


def rate(hazards, time, h=0, c=0, s=0, a=0):
    m = np.searchsorted(np.asarray(hazards.cuts), time) - 1
    return float(hazards.base[h, c, s, m] * np.exp(hazards.log_hr[h, c, s, a, m]))


def build(*effects, cuts=(0.0, 3.0), hazard=(0.1, 0.2), **more):
    return build_hazards(**NAMES, base=[BaseHazard("new", cuts, hazard)], effects=effects, **more)


def test_combined_cuts_are_a_union_with_zero():
    assert combine_cuts((3.0, 6.0), (0.0, 6.0 + 1e-9, 1.5), ()).tolist() == [0.0, 1.5, 3.0, 6.0]


def test_a_single_interval_is_not_padded():
    np.testing.assert_array_equal(pad_cuts(np.zeros(1)), [0.0])


@pytest.mark.parametrize("n", [2, 3, 4, 5, 8])
def test_padding_reaches_a_multiple_of_four_and_stays_increasing(n):
    padded = pad_cuts(np.arange(float(n)))
    assert len(padded) % 4 == 0 and len(padded) - n < 4
    assert (np.diff(padded) > 0).all() and (padded[n:] > 1000).all()
    assert (np.diff(padded.astype(np.float32)) > 0).all()


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (Constant(), {0.1: 1, 2.9: 1, 50: 1}),
        (Delayed(3.0), {0.1: 0, 2.9: 0, 3.0: 0, 3.1: 1, 50: 1}),
        (Reversed(6.0, 0.5), {0.1: 1, 6.0: 1, 6.1: -0.5, 50: -0.5}),
        (Waning(2.0, 6.0), {0.1: 1, 2.0: 1, 2.5: 0.875, 3.5: 0.625, 4.0: 0.625, 5.5: 0.125, 6.5: 0, 50: 0}),
        (Waning(0.0, 5.0, 2.0), {1: 0.8, 3: 0.4, 4.5: 0.1, 6: 0}),
    ],
    ids=["constant", "delayed", "reversed", "waning", "uneven steps"],
)
def test_shapes_multiply_the_log_hazard_ratio(shape, expected):
    hazards = build(Effect("new", "high", 0.5, shape=shape))
    for time, multiplier in expected.items():
        base = 0.1 if time <= 3 else 0.2
        assert rate(hazards, time) == pytest.approx(base)
        assert rate(hazards, time, a=2) == pytest.approx(base * 0.5**multiplier)
        assert rate(hazards, time, a=1) == pytest.approx(base)


def test_waning_keeps_the_average_of_the_line():
    shape = Waning(3.0, 11.0, 2.0)
    hazards = build(Effect("new", "high", 0.5, shape=shape))
    assert set(shape.changes()) <= set(np.asarray(hazards.cuts).tolist())
    fine = np.arange(3.005, 11.0, 0.01)
    assert shape.multiplier(fine).mean() == pytest.approx(0.5, abs=1e-9)


def test_names_select_cells_and_later_parts_hold():
    hazards = build_hazards(
        **NAMES,
        base=[
            BaseHazard("new", (0.0,), (0.1,)),
            BaseHazard("new", (0.0, 2.0), (0.3, 0.4), subgroup="neg", state="later"),
        ],
        effects=[
            Effect("new", "low", 0.5),
            Effect("new", "low", 0.8, subgroup="neg"),
            Effect("death", "high", 2.0, state="later"),
        ],
        transitions=[Transition("start", "new", "later")],
    )
    assert rate(hazards, 1.0) == rate(hazards, 1.0, s=1) == rate(hazards, 1.0, h=1) == pytest.approx(0.1)
    assert (rate(hazards, 1.0, h=1, s=1), rate(hazards, 3.0, h=1, s=1)) == pytest.approx((0.3, 0.4))
    assert rate(hazards, 1.0, a=1) == pytest.approx(0.05)
    assert rate(hazards, 1.0, s=1, a=1) == pytest.approx(0.04)
    assert np.asarray(hazards.log_hr)[0, 1].tolist() == np.zeros_like(hazards.log_hr)[0, 1].tolist()
    np.testing.assert_allclose(hazards.log_hr[1, 1, :, 2], np.log(2.0))
    assert hazards.next_state.tolist() == [[1, -1], [-1, -1]]
    assert np.asarray(hazards.log_hr)[:, :, :, 0].any() == False  # noqa: E712


def test_every_fault_is_reported_at_once():
    with pytest.raises(BadInput) as caught:
        build_hazards(
            **NAMES,
            base=[
                BaseHazard("nwe", (0.0,), (0.1,)),
                BaseHazard("new", (0.0, 3.0, 3.0), (0.1, -0.2, 0.1), subgroup="possitive"),
                BaseHazard("new", (1.0, 2.0), (0.1,), state="late"),
            ],
            effects=[
                Effect("new", "control", 0.5),
                Effect("new", "hihg", 0.0, shape=Delayed(-1.0)),
                Effect("new", "low", np.nan, subgroup="ne", shape=Waning(5.0, 3.0, 0.0)),
                Effect("new", "low", 0.5, shape=Reversed(0.0, -2.0)),
            ],
            transitions=[Transition("start", "deth", "laterr")],
        )
    text = str(caught.value)
    for piece in (
        "base[0].channel: 'nwe' is unknown; the scenario has new, death; did you mean 'new'?",
        "base[1].cuts",
        "does not increase",
        "base[1].hazard",
        "base[1].subgroup: 'possitive'",
        "base[2].cuts: starts at 1",
        "base[2].hazard: 1 values for 2 cuts",
        "base[2].state: 'late' is unknown; the scenario has start, later; did you mean 'later'?",
        "effects[0].arm: 'control' is control",
        "effects[1].arm: 'hihg' is unknown; the scenario has control, low, high; did you mean 'high'?",
        "effects[1].hazard_ratio: 0.0",
        "effects[1].shape.onset",
        "effects[2].hazard_ratio: nan",
        "effects[2].subgroup: 'ne'",
        "effects[2].shape.start, end",
        "effects[2].shape.step",
        "effects[3].shape.at",
        "effects[3].shape.factor",
        "transitions[0].channel: 'deth'",
        "transitions[0].next_state: 'laterr'",
    ):
        assert piece in text, piece
    with pytest.raises(BadInput, match="no hazards given"):
        build_hazards(**NAMES, base=[])
