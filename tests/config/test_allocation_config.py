"""Presets of the group allocation build; each impossible one is refused with key, value and range."""

import copy

import numpy as np
import pytest

from adaptive.config.build import build_design, build_study
from adaptive.config.compose import compose_one, options
from adaptive.design.allocation import FixedAllocation, ThallWathenAllocation
from adaptive.design.allocation_adaptive import ResponseAdaptiveAllocation
from adaptive.design.allocation_control import CompetingControl, FixedControl
from adaptive.design.allocation_exponents import LookExponent, SubgroupEnrolledExponent
from adaptive.design.allocation_targets import BiasedCoinWeights, NeymanWeights
from adaptive.design.allocation_timing import AtLooksAllocation
from adaptive.design.allocation_weights import BestArmWeights, PooledWeights, TrippaWeights
from adaptive.design.assignment import CompleteRandomisation
from adaptive.design.assignment_blocks import PermutedBlocks
from adaptive.errors import BadInput

PRESETS = {
    "equal": FixedAllocation,
    "thall_wathen": ThallWathenAllocation,
    "thall_wathen_growing": ResponseAdaptiveAllocation,
    "thall_wathen_by_look": ResponseAdaptiveAllocation,
    "trippa": ResponseAdaptiveAllocation,
    "information": ResponseAdaptiveAllocation,
    "neyman": ResponseAdaptiveAllocation,
    "exponential_target": ResponseAdaptiveAllocation,
    "square_root_control": ResponseAdaptiveAllocation,
    "shared": ResponseAdaptiveAllocation,
    "every_other_look": AtLooksAllocation,
    "thall_wathen_two_arms": ThallWathenAllocation,
}
BEST = {"kind": "best", "exponent": {"kind": "constant", "power": 0.5}}
ADAPTIVE = {"kind": "response_adaptive", "weights": BEST}


def test_every_preset_is_examined():
    assert set(options("allocation")) == set(PRESETS)


@pytest.mark.parametrize("name", [n for n in PRESETS if n != "thall_wathen_two_arms"])
def test_presets_build_for_three_arms(name):
    design = build_design(compose_one("config", ["design=srs_rar", f"allocation={name}"]))
    assert type(design.allocation) is PRESETS[name]
    given = np.asarray(design.allocation.initial(design.eligible))
    np.testing.assert_allclose(given, 1 / 3, rtol=1e-6)


@pytest.fixture(scope="module")
def sound() -> dict:
    return compose_one("config", ["design=srs_rar"])


def built(sound, **parts):
    return build_design({**sound, **parts})


def test_parts_are_what_the_values_say(sound):
    weights = {"kind": "biased_coin", "gamma": 1.5, "target": {"kind": "neyman"}}
    values = {
        **ADAPTIVE,
        "weights": {"kind": "pooled", "weights": weights},
        "control": {"kind": "fixed", "share": 0.4},
        "burn_in": 12,
        "min_patients": 3,
        "min_events": 2,
        "min_exposure": 7.5,
        "floor": 0.1,
        "cap": 0.5,
    }
    rule = built(sound, allocation=values).allocation
    assert isinstance(rule.weights, PooledWeights) and isinstance(rule.weights.inside, BiasedCoinWeights)
    assert isinstance(rule.weights.inside.target, NeymanWeights) and float(rule.weights.inside.gamma) == 1.5
    assert isinstance(rule.control, FixedControl) and float(rule.control.share) == 0.4
    minimum = rule.minimum
    numbers = (minimum.burn_in, minimum.patients, minimum.events, minimum.exposure, rule.floor, rule.cap)
    assert [float(x) for x in numbers] == [12, 3, 2, 7.5, 0.1, 0.5]
    plain = built(sound, allocation=ADAPTIVE).allocation
    assert isinstance(plain.control, CompetingControl) and isinstance(plain.weights, BestArmWeights)


def test_exponents_know_the_looks_and_the_maxima(sound):
    n_looks = build_design(sound).looks.n_looks
    best = {"kind": "best", "exponent": {"kind": "by_look", "powers": 0.3}}
    rule = built(sound, allocation={**ADAPTIVE, "weights": best}).allocation
    assert isinstance(rule.weights.exponent, LookExponent) and rule.weights.exponent.powers.shape == (
        n_looks,
    )
    trippa = {"kind": "trippa", "nu": 0.2, "exponent": {"kind": "subgroup_enrolled"}}
    design = {**sound["design"], "max_per_subgroup": {"TNBC": 77}}
    rule = built(sound, design=design, allocation={**ADAPTIVE, "weights": trippa}).allocation
    assert isinstance(rule.weights, TrippaWeights) and isinstance(
        rule.weights.exponent, SubgroupEnrolledExponent
    )
    most = dict(zip(design["subgroups"], rule.weights.exponent.most.tolist(), strict=True))
    assert most["TNBC"] == 77 and most["HR+/HER2-"] == design["max_patients"]


def test_named_looks_are_numbered_from_one(sound):
    rule = built(sound, allocation={"kind": "at_looks", "looks": [1, 4], "allocation": ADAPTIVE}).allocation
    np.testing.assert_array_equal(np.flatnonzero(rule.due), [0, 3])


def test_blocks_are_chosen_by_their_size(sound):
    assert isinstance(build_design(sound).assignment, CompleteRandomisation)
    for ratio, size in ((1.0, 6), ([2.0, 1.0, 1.0], 4), ([1.5, 1.0, 0.5], 12)):
        allocation = {"kind": "fixed", "ratio": ratio}
        design = built(sound, design={**sound["design"], "block_size": size}, allocation=allocation)
        assert design.assignment == PermutedBlocks(size)


def within(**changes):
    return {"allocation": {**ADAPTIVE, **changes}}


def at(**changes):
    return {"allocation": {"kind": "at_looks", "looks": [1], "allocation": ADAPTIVE, **changes}}


BROKEN = {
    "kind of weights": (
        within(weights={"kind": "bests"}),
        ["allocation.weights.kind: 'bests'", "did you mean 'best'"],
    ),
    "kind of control": (
        within(control={"kind": "match"}),
        ["allocation.control.kind: 'match'", "did you mean 'matched'"],
    ),
    "kind of exponent": (
        within(weights={"kind": "best", "exponent": {"kind": "by_looks"}}),
        ["allocation.weights.exponent.kind: 'by_looks'", "did you mean 'by_look'"],
    ),
    "kind inside": (at(allocation={"kind": "fixd"}), ["allocation.allocation.kind: 'fixd'", "'fixed'"]),
    "no weights": ({"allocation": {"kind": "response_adaptive"}}, ["allocation.weights", "required"]),
    "negative power": (
        within(weights={"kind": "best", "exponent": {"kind": "constant", "power": -0.5}}),
        ["allocation.weights.exponent.power: -0.5", "at least 0"],
    ),
    "negative scale": (
        within(weights={"kind": "trippa", "nu": 0.1, "exponent": {"kind": "enrolled", "scale": -1}}),
        ["allocation.weights.exponent.scale: -1", "at least 0"],
    ),
    "negative nu": (
        within(weights={"kind": "trippa", "nu": -0.1, "exponent": {"kind": "enrolled"}}),
        ["allocation.weights.nu: -0.1", "at least 0"],
    ),
    "negative gamma": (
        within(weights={"kind": "biased_coin", "gamma": -2, "target": {"kind": "neyman"}}),
        ["allocation.weights.gamma: -2", "at least 0"],
    ),
    "powers for another number of looks": (
        within(weights={"kind": "best", "exponent": {"kind": "by_look", "powers": [0.5, 1.0]}}),
        ["allocation.weights.exponent.powers: [0.5, 1.0]", "exactly 6"],
    ),
    "no maximum of subgroups": (
        {
            **within(weights={"kind": "best", "exponent": {"kind": "subgroup_enrolled"}}),
            "design": {"max_per_subgroup": None},
        },
        ["allocation.weights.exponent.kind: 'subgroup_enrolled'", "design.max_per_subgroup"],
    ),
    "ratio length": (within(ratio=[1, 1]), ["allocation.ratio", "exactly 3"]),
    "floors above one": (within(floor=0.34), ["allocation.floor: 0.34", "at most 0.3333"]),
    "floors beside control": (
        within(floor=0.3, control={"kind": "fixed", "share": 0.5}),
        ["allocation.floor: 0.3", "at most 0.25"],
    ),
    "floors beside the square root": (
        within(floor=0.3, control={"kind": "square_root"}),
        ["allocation.floor: 0.3", "0.4142", "at most 0.2929"],
    ),
    "caps below one": (within(cap=0.3), ["allocation.cap: 0.3", "at least 0.3333"]),
    "cap below floor": (within(cap=0.35, floor=0.36), ["allocation.cap: 0.35", "allocation.floor, 0.36"]),
    "control share of one": (
        within(control={"kind": "fixed", "share": 1}),
        ["allocation.control.share: 1", "below 1"],
    ),
    "control share of nothing": (
        within(control={"kind": "fixed", "share": 0}),
        ["allocation.control.share: 0", "above 0"],
    ),
    "two rules for control": (
        within(
            weights={"kind": "trippa", "nu": 0.1, "exponent": {"kind": "enrolled"}},
            control={"kind": "matched"},
        ),
        ["allocation.control.kind: 'matched'", "give competing"],
    ),
    "negative minimum": (within(min_events=-1), ["allocation.min_events: -1", "at least 0"]),
    "look zero": (at(looks=[0, 1]), ["allocation.looks[0]: 0", "at least 1"]),
    "unknown look": (at(looks=[2, 7]), ["allocation.looks: 7", "from 1 to 5"]),
    "final look": (at(looks=6), ["allocation.looks: 6", "from 1 to 5"]),
    "block of four for three arms": (
        {**within(), "design": {"block_size": 4}},
        ["design.block_size: 4", "give 3, 6, 9"],
    ),
    "block that arms of one subgroup cannot fill": (
        {**within(), "design": {"block_size": 9, "eligible": {"high dose": ["TNBC"]}}},
        ["design.block_size: 9", "give 6, 12, 18"],
    ),
    "block for an awkward ratio": (
        {"allocation": {"kind": "fixed", "ratio": [3.14159, 1, 1]}, "design": {"block_size": 10}},
        ["design.block_size: 10", "give null"],
    ),
    "block of one": ({**within(), "design": {"block_size": 1}}, ["design.block_size: 1", "at least 2"]),
    "block of a word": ({**within(), "design": {"block_size": "six"}}, ["design.block_size: 'six'"]),
}


def changed(sound: dict, changes: dict) -> dict:
    config = copy.deepcopy(sound)
    config["allocation"] = changes["allocation"]
    config["design"].update(changes.get("design", {}))
    return config


@pytest.mark.parametrize("name", BROKEN)
def test_an_impossible_allocation_gives_one_clear_message(sound, name):
    changes, fragments = BROKEN[name]
    with pytest.raises(BadInput) as caught:
        build_study(changed(sound, changes))
    faults = caught.value.faults
    matching = [fault for fault in faults if all(fragment in fault for fragment in fragments)]
    assert len(matching) == 1, faults
    assert all(len(fault) < 400 and "\n" not in fault for fault in faults)


def test_all_faults_of_an_allocation_come_at_once(sound):
    broken = within(
        ratio=[1, 1], floor=0.4, min_events=0, weights={"kind": "best", "exponent": {"kind": "x"}}
    )
    with pytest.raises(BadInput) as caught:
        build_study({**changed(sound, broken), "looks": {"kind": "calendar", "months": [6, 3]}})
    text = "\n".join(caught.value.faults)
    for fragment in (
        "allocation.ratio",
        "allocation.floor",
        "allocation.weights.exponent.kind",
        "looks.months",
    ):
        assert fragment in text


@pytest.mark.parametrize("junk", [None, "text", -1, [], {}, [[1, 2], 3], True, float("nan"), float("inf")])
def test_no_junk_raises_anything_but_bad_input(sound, junk):
    for preset in (within(), at()):
        for key in preset["allocation"]:
            if key != "kind":
                config = changed(sound, {"allocation": {**preset["allocation"], key: junk}})
                try:
                    build_study(config)
                except BadInput as error:
                    assert error.faults
