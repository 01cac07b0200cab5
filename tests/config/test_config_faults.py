"""Each broken configuration gives its own message: full key, what came, what is allowed, nearest name."""

import copy

import pytest

from adaptive.config.build import build_study
from adaptive.config.compose import compose_one
from adaptive.errors import BadInput

BROKEN = {
    "floors above one": ({"allocation.floor": 0.4}, ["allocation.floor: 0.4", "at most 0.335"]),
    "cap too small": ({"allocation.cap": 0.2}, ["allocation.cap: 0.2", "at least 0.335"]),
    "control and floors": ({"allocation.control_share": 0.8}, ["allocation.floor: 0.15", "0.1"]),
    "floor not a number": ({"allocation.floor": "lots"}, ["allocation.floor: 'lots'", "number"]),
    "negative power": ({"allocation.power": -1}, ["allocation.power: -1", "at least 0"]),
    "ratio length": ({"allocation.ratio": [1, 1]}, ["allocation.ratio", "exactly 3"]),
    "unknown key": ({"allocation.flor": 0.1}, ["allocation.flor", "did you mean 'floor'"]),
    "missing key": ({"allocation.power": "???"}, ["allocation.power", "required"]),
    "unknown allocation": ({"allocation.kind": "thal"}, ["allocation.kind: 'thal'", "'thall_wathen'"]),
    "looks out of order": (
        {"looks.first.counts": [180, 120, 240, 300, 360]},
        ["looks.first.counts", "increas"],
    ),
    "look beyond the maximum": ({"design.max_patients": 300}, ["looks.first.counts: 360", "300"]),
    "unknown look": ({"looks.first.kind": "enrol"}, ["looks.first.kind: 'enrol'", "'enrolled'"]),
    "delay length": ({"looks.first.delay": [1, 2]}, ["looks.first.delay", "exactly 5"]),
    "margin of zero": ({"rules.futility.margin": 0}, ["rules.futility.margin: 0", "above 0"]),
    "threshold of one": ({"rules.harm.threshold": 1}, ["rules.harm.threshold: 1", "below 1"]),
    "threshold not a number": (
        {"rules.efficacy.threshold": [0.99, "x", 0.99, 0.99, 0.99, 0.99]},
        ["rules.efficacy.threshold[1]: 'x'"],
    ),
    "threshold length": (
        {"rules.efficacy.threshold": [0.99, 0.98]},
        ["rules.efficacy.threshold", "exactly 6"],
    ),
    "unknown rule": ({"rules.harm.kind": "harmful"}, ["rules.harm.kind: 'harmful'", "'harm'"]),
    "no rules": ({"rules": {}}, ["rules", "at least one"]),
    "both certain": (
        {"rules.futility.threshold": 0.995, "rules.efficacy.threshold": 0.99},
        ["rules.futility.threshold: 0.995 at look 1", "at most 0.99"],
    ),
    "harm against efficacy": (
        {"rules.harm.threshold": 0.005, "rules.efficacy.threshold": 0.9},
        ["rules.harm.threshold: 0.005 at look 1", "at least 0.1"],
    ),
    "arms differ": (
        {"design.arms": ["placebo", "low", "high dose"]},
        ["design.arms", "scenario.arms", "did you mean 'low dose'"],
    ),
    "subgroups differ": (
        {"scenario.subgroups": ["A", "B", "C", "D"]},
        ["design.subgroups", "scenario.subgroups"],
    ),
    "one arm": ({"design.arms": ["placebo"]}, ["design.arms", "at least 2"]),
    "repeated names": ({"design.subgroups": ["a", "a"]}, ["design.subgroups", "names must differ"]),
    "unknown endpoint": (
        {"design.endpoint": ["brain_metastasis"]},
        ["design.endpoint: 'brain_metastasis'", "'new_brain_metastasis'"],
    ),
    "few arrivals": ({"design.n_arrivals": 300}, ["design.n_arrivals: 300", "360"]),
    "fractional patients": ({"design.max_patients": 360.5}, ["design.max_patients: 360.5", "whole"]),
    "no cuts at zero": ({"design.cuts": [1, 3]}, ["design.cuts: [1.0, 3.0]", "first 0"]),
    "eligible arm": ({"design.eligible": {"low": ["TNBC"]}}, ["design.eligible.low", "'low dose'"]),
    "eligible subgroup": ({"design.eligible": {"low dose": ["TNB"]}}, ["design.eligible.low dose", "'TNBC'"]),
    "maxima": ({"design.max_per_subgroup": {"TNB": 3}}, ["design.max_per_subgroup.TNB", "'TNBC'"]),
    "mix": ({"scenario.mix.share.value": [0.5, 0.5, 0.5, 0.5]}, ["scenario.mix.share.value", "sum to 2"]),
    "mix names": (
        {"scenario.mix.share.value": {"TNB": 1.0}},
        ["scenario.mix.share.value.TNB", "'TNBC'"],
    ),
    "negative hazard": (
        {"scenario.hazards.death.tnbc.value": -0.1},
        ["scenario.hazards.death.tnbc.value: -0.1", "at least 0"],
    ),
    "hazards and cuts": (
        {"scenario.hazards.death.tnbc.cuts": [0, 6]},
        ["scenario.hazards.death.tnbc.value: 1 values", "2"],
    ),
    "hazard of nobody": (
        {"scenario.hazards.death.tnbc.subgroup": "TNB"},
        ["scenario.hazards.death.tnbc.subgroup: 'TNB'", "'TNBC'"],
    ),
    "no hazard": ({"scenario.hazards.dropout": {}}, ["scenario.hazards.dropout"]),
    "unknown unit": (
        {"scenario.hazards.death.tnbc.unit": "per yer"},
        ["scenario.hazards.death.tnbc.unit: 'per yer'", "'per year'"],
    ),
    "unknown tag": (
        {"scenario.hazards.death.tnbc.tag": "verify"},
        ["scenario.hazards.death.tnbc.tag: 'verify'", "'verified'"],
    ),
    "no source": ({"scenario.accrual.rate.source": ""}, ["scenario.accrual.rate.source", "text"]),
    "bare number": (
        {"scenario.accrual.rate": 9.0},
        ["scenario.accrual.rate: 9.0", "value, unit, source, tag"],
    ),
    "ratio of zero": (
        {"scenario.effects.low.hazard_ratio.value": 0},
        ["scenario.effects.low.hazard_ratio.value: 0", "above 0"],
    ),
    "effect of control": ({"scenario.effects.low.arm": "placebo"}, ["scenario.effects.low.arm: 'placebo'"]),
    "effect on nothing": (
        {"scenario.effects.low.channel": "deth"},
        ["scenario.effects.low.channel: 'deth'", "'death'"],
    ),
    "unknown shape": (
        {"scenario.effects.low.shape": {"kind": "delay"}},
        ["scenario.effects.low.shape.kind: 'delay'", "'delayed'"],
    ),
    "shape without onset": (
        {"scenario.effects.low.shape": {"kind": "delayed"}},
        ["scenario.effects.low.shape.onset", "required"],
    ),
    "accrual that ends": (
        {"scenario.accrual.rate.value": [5, 0]},
        ["scenario.accrual.rate.value", "above 0"],
    ),
    "three rates for two knots": (
        {"scenario.accrual.rate.value": [1, 2, 3]},
        ["scenario.accrual.rate.value"],
    ),
    "drift of zero": (
        {
            "scenario.drift": {
                "multiplier": {
                    "value": {"death": 0},
                    "unit": "multiplier",
                    "source": "x",
                    "tag": "unverified",
                }
            }
        },
        ["scenario.drift.multiplier.value.death", "above 0"],
    ),
    "unknown model": ({"model.kind": "pooled"}, ["model.kind: 'pooled'"]),
    "negative scale": ({"model.tau_scale": 0}, ["model.tau_scale: 0", "above 0"]),
    "engine and model": (
        {"posterior": {"kind": "conjugate"}},
        ["posterior.kind: 'conjugate'", "'partial_pooling'"],
    ),
    "seed": ({"seed": -1}, ["seed: -1", "at least 0"]),
    "trials": ({"n_trials": 0}, ["n_trials: 0", "at least 1"]),
    "precision": ({"precision": "float16"}, ["precision: 'float16'", "'float64'"]),
    "stranger": ({"n_trial": 5}, ["n_trial", "'n_trials'"]),
    "class path": ({"design._target_": "os.system"}, ["design._target_", "values only"]),
}


@pytest.fixture(scope="module")
def sound() -> dict:
    return compose_one("config", ["scenario=srs_both"])


def changed(config: dict, changes: dict) -> dict:
    config = copy.deepcopy(config)
    for key, value in changes.items():
        *parents, last = key.split(".")
        node = config
        for name in parents:
            node = node[name]
        node[last] = value
    return config


def faults_of(config: dict) -> tuple[str, ...]:
    with pytest.raises(BadInput) as caught:
        build_study(config)
    return caught.value.faults


def test_the_configuration_that_is_broken_below_is_sound(sound):
    build_study(sound)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_value_gives_one_clear_message(sound, name):
    changes, fragments = BROKEN[name]
    faults = faults_of(changed(sound, changes))
    matching = [fault for fault in faults if all(fragment in fault for fragment in fragments)]
    assert len(matching) == 1, faults
    assert all(len(fault) < 400 and "\n" not in fault and "Traceback" not in fault for fault in faults)


def test_every_fault_is_found_at_once(sound):
    names = ("floors above one", "margin of zero", "negative hazard", "few arrivals", "trials", "no source")
    changes = {key: value for name in names for key, value in BROKEN[name][0].items()}
    text = "\n".join(faults_of(changed(sound, changes)))
    assert all(fragment in text for name in names for fragment in BROKEN[name][1][:1])


@pytest.mark.parametrize("part", ["design", "scenario", "looks", "rules", "allocation", "model", "posterior"])
@pytest.mark.parametrize("junk", [None, 3, "text", [], {}, [1, {"a": 2}]])
def test_no_junk_raises_anything_but_bad_input(sound, part, junk):
    assert faults_of({**sound, part: junk})


@pytest.mark.parametrize("junk", [None, "text", -1, [], {}, [[1, 2], 3], True, float("nan"), float("inf")])
def test_no_junk_inside_a_part_raises_anything_but_bad_input(sound, junk):
    for part in ("design", "scenario", "looks", "allocation", "model", "posterior"):
        for key in sound[part]:
            try:
                build_study(changed(sound, {f"{part}.{key}": junk}))
            except BadInput as error:
                assert error.faults
