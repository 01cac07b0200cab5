"""The further models from configuration: what they build, and a message for each broken value."""

import copy

import numpy as np
import pytest

from adaptive.config.build import build_design, build_inference, build_study
from adaptive.config.compose import compose_one
from adaptive.errors import BadInput
from adaptive.models import (
    ExNex,
    HistoricalControls,
    NestedPooling,
    PartialPooling,
    PerArmPooling,
    RobustPooling,
)
from adaptive.posterior.laplace import LaplaceEngine

OWN = {
    "exnex": [],
    "robust_pooling": [
        "model.informative_weight=0.5",
        "model.informative_mean=[-0.3,-0.5]",
        "model.informative_scale=0.2",
    ],
    "nested_pooling": ["model.classes={low dose: drug, high dose: drug}"],
    "per_arm_pooling": [],
}
CLASSES = {
    "exnex": ExNex,
    "robust_pooling": RobustPooling,
    "nested_pooling": NestedPooling,
    "per_arm_pooling": PerArmPooling,
}
SUBGROUPS = ["HR+/HER2-", "HR+/HER2+", "HR-/HER2+", "TNBC"]
ROWS = [[3, 2, 2, 1], [1, 0, 0, 0], [2, 2, 1, 0], [4, 3, 1, 1]]
MONTHS = [[40, 35, 30, 20], [15, 10, 8, 4], [22, 18, 10, 5], [30, 22, 14, 9]]
HISTORY = {"events": ROWS, "exposure": MONTHS, "discount": 0.3}


def composed(kind, *overrides, posterior="nuts"):
    own = OWN.get(kind, [])
    return compose_one(
        "config", ["scenario=srs_both", f"model={kind}", f"posterior={posterior}", *own, *overrides]
    )


def with_model(config, changes):
    config = copy.deepcopy(config)
    config["model"] = {**config["model"], **changes}
    return config


def faults_of(config):
    with pytest.raises(BadInput) as caught:
        build_study(config)
    return caught.value.faults


@pytest.fixture(scope="module")
def sound():
    return {kind: composed(kind) for kind in (*OWN, "partial_pooling", "gamma_hazards")}


@pytest.mark.parametrize("kind", OWN)
def test_a_kind_builds_its_class(sound, kind):
    model = build_design(sound[kind]).analysis.model
    assert type(model) is CLASSES[kind]
    values = {k: v for k, v in sound[kind]["model"].items() if isinstance(v, float)}
    assert {k: float(getattr(model, k)) for k in values} == values


def test_numbers_per_subgroup_and_per_arm_keep_their_order(sound):
    model = build_design(with_model(sound["exnex"], {"p_exchangeable": [0.1, 0.2, 0.3, 0.4]})).analysis.model
    np.testing.assert_allclose(model.p_exchangeable, [0.1, 0.2, 0.3, 0.4])
    model = build_design(sound["robust_pooling"]).analysis.model
    np.testing.assert_allclose(model.informative_mean, [-0.3, -0.5])
    assert model.informative_scale.shape == ()


@pytest.mark.parametrize(
    ("given", "classes"),
    [
        (["a", "b"], (0, 1)),
        (["a", "a"], (0, 0)),
        ({"high dose": "x", "low dose": "y"}, (0, 1)),
    ],
)
def test_classes_follow_the_order_of_the_arms(sound, given, classes):
    assert (
        build_design(with_model(sound["nested_pooling"], {"classes": given})).analysis.model.classes
        == classes
    )


@pytest.mark.parametrize("kind", [*OWN, "partial_pooling"])
def test_historical_controls_go_with_every_way_of_pooling(sound, kind):
    plain = build_design(sound[kind]).analysis.model
    by_name = {
        **HISTORY,
        "events": dict(zip(SUBGROUPS[::-1], ROWS[::-1], strict=True)),
        "exposure": dict(zip(SUBGROUPS, MONTHS, strict=True)),
    }
    for given in (HISTORY, by_name):
        model = build_design(with_model(sound[kind], {"historical": given})).analysis.model
        assert isinstance(model, HistoricalControls)
        assert type(model.model) is type(plain)
        np.testing.assert_array_equal(model.events, ROWS)
        np.testing.assert_array_equal(model.exposure, MONTHS)
        assert float(model.discount) == 0.3


def test_without_a_design_the_values_alone_are_checked(sound):
    model, _ = build_inference(with_model(sound["partial_pooling"], {"historical": HISTORY}))
    assert isinstance(model, HistoricalControls) and isinstance(model.model, PartialPooling)
    with pytest.raises(BadInput, match=r"model\.classes: 'drug'.*list"):
        build_inference(with_model(sound["nested_pooling"], {"classes": "drug"}))


@pytest.mark.parametrize("kind", OWN)
def test_the_fast_engine_takes_every_way_of_pooling_with_or_without_history(sound, kind):
    config = {**sound[kind], "posterior": composed(kind, posterior="laplace")["posterior"]}
    analysis = build_design(config).analysis
    assert (type(analysis.model), type(analysis.engine)) == (CLASSES[kind], LaplaceEngine)
    model = build_design(with_model(config, history())).analysis.model
    assert (type(model), type(model.model)) == (HistoricalControls, CLASSES[kind])


def faults_at(config, n_subgroups, n_experimental):
    """Faults of a configuration whose design has that many subgroups and experimental arms."""
    config = copy.deepcopy(config)
    config["design"]["subgroups"] = [f"subgroup {s}" for s in range(n_subgroups)]
    config["design"]["arms"] = ["control", *(f"drug {b}" for b in range(n_experimental))]
    return faults_of(config)


MOST = {
    "exnex": ("ExNex", 5, 4),
    "per_arm_pooling": ("PerArmPooling", 64, 2),
    "partial_pooling": ("PartialPooling", 64, 4),
    "robust_pooling": ("RobustPooling", 64, 4),
    "nested_pooling": ("NestedPooling", 64, 4),
}
FOR_FIVE = {
    "nested_pooling": {"classes": ["a", "a", "b", "b", "b"]},
    "robust_pooling": {"informative_mean": -0.3, "informative_scale": 0.2},
}


@pytest.mark.parametrize("with_history", [False, True], ids=["alone", "history"])
@pytest.mark.parametrize(
    ("kind", "size"),
    [
        ("exnex", (6, 2)),
        ("per_arm_pooling", (4, 3)),
        *((kind, (4, 5)) for kind in MOST),
    ],
)
def test_the_fast_engine_refuses_a_design_that_is_too_large(sound, kind, size, with_history):
    name, subgroups, arms = MOST[kind]
    message = (
        f"posterior.kind: posterior laplace fits {name} with at most {subgroups} subgroups and {arms} "
        f"experimental arms, got {size[0]} and {size[1]}; use posterior nuts"
    )
    changes = {**(FOR_FIVE.get(kind, {}) if size[1] == 5 else {})}
    if with_history:
        changes |= {"historical": {name: [[1.0] * 4] * size[0] for name in ("events", "exposure")}}
        changes["historical"]["discount"] = 0.3
    config = with_model(sound[kind], changes)
    assert not any("laplace" in fault for fault in faults_at(config, *size))
    config["posterior"] = composed("partial_pooling", posterior="laplace")["posterior"]
    assert message in faults_at(config, *size)
    assert not any(
        "laplace" in fault for fault in faults_at(config, min(size[0], subgroups), min(size[1], arms))
    )


def test_the_fast_engine_refuses_hazards_by_name():
    faults = faults_of(composed("gamma_hazards", posterior="laplace"))
    assert any(
        "'laplace' cannot fit model.kind 'gamma_hazards'; give posterior=conjugate or nuts" in fault
        for fault in faults
    )


def history(**changes):
    return {"historical": {**HISTORY, **changes}}


BROKEN = {
    "probability": ("exnex", {"p_exchangeable": 1.2}, ["model.p_exchangeable: 1.2", "at most 1"]),
    "one probability": (
        "exnex",
        {"p_exchangeable": [0.5, -1, 0.5, 0.5]},
        ["p_exchangeable[1]: -1", "at least 0"],
    ),
    "probabilities": (
        "exnex",
        {"p_exchangeable": [0.5, 0.5]},
        ["model.p_exchangeable", "exactly 4", "subgroup"],
    ),
    "no own spread": ("exnex", {"nex_scale": 0}, ["model.nex_scale: 0", "above 0"]),
    "own mean": ("exnex", {"nex_mean": "low"}, ["model.nex_mean: 'low'", "number"]),
    "misspelt key": ("exnex", {"p_exchangable": 0.5}, ["model.p_exchangable", "'p_exchangeable'"]),
    "misspelt kind": ("exnex", {"kind": "exnx"}, ["model.kind: 'exnx'", "did you mean 'exnex'"]),
    "weight": ("robust_pooling", {"informative_weight": 2}, ["model.informative_weight: 2", "at most 1"]),
    "no evidence": ("robust_pooling", {"informative_mean": "???"}, ["model.informative_mean", "required"]),
    "means": (
        "robust_pooling",
        {"informative_mean": [0.1] * 3},
        ["model.informative_mean", "exactly 2", "arm"],
    ),
    "scale": ("robust_pooling", {"informative_scale": [0.1, 0]}, ["informative_scale[1]: 0", "above 0"]),
    "no classes": ("nested_pooling", {"classes": "???"}, ["model.classes", "required"]),
    "class of control": (
        "nested_pooling",
        {"classes": {"placebo": "a"}},
        ["model.classes.placebo", "low dose"],
    ),
    "class of no arm": (
        "nested_pooling",
        {"classes": {"low dose": "a", "hig dose": "a"}},
        ["model.classes.hig dose", "did you mean 'high dose'"],
    ),
    "arm without class": ("nested_pooling", {"classes": {"low dose": "a"}}, ["model.classes", "'high dose'"]),
    "number of classes": ("nested_pooling", {"classes": ["a"]}, ["model.classes", "exactly 2"]),
    "class not a text": ("nested_pooling", {"classes": ["a", 3]}, ["model.classes: 3", "texts"]),
    "class scale": ("nested_pooling", {"class_scale": -0.1}, ["model.class_scale: -0.1", "at least 0"]),
    "arm spread": ("per_arm_pooling", {"tau_scale": 0}, ["model.tau_scale: 0", "above 0"]),
    "no such number": ("per_arm_pooling", {"tau_scales": 1}, ["model.tau_scales", "'tau_scale'"]),
    "discount": ("partial_pooling", history(discount=1.5), ["historical.discount: 1.5", "at most 1"]),
    "negative events": (
        "partial_pooling",
        history(events=[[-1, 0, 0, 0], *ROWS[1:]]),
        ["historical.events[0][0]: -1", "at least 0"],
    ),
    "rows": ("partial_pooling", history(events=ROWS[:3]), ["historical.events: 3 rows", "exactly 4"]),
    "intervals": (
        "partial_pooling",
        history(exposure=[MONTHS[0][:2], *MONTHS[1:]]),
        ["historical.exposure[0]: 2 numbers", "exactly 4", "design.cuts"],
    ),
    "subgroup of history": (
        "partial_pooling",
        history(events={**dict(zip(SUBGROUPS[:3], ROWS[:3], strict=True)), "TNB": ROWS[3]}),
        ["historical.events.TNB", "did you mean 'TNBC'"],
    ),
    "events without exposure": (
        "partial_pooling",
        history(exposure=[[0, 1, 1, 1], *MONTHS[1:]]),
        ["historical.exposure", "events and no exposure"],
    ),
    "history key": ("partial_pooling", history(discont=0.1), ["historical.discont", "'discount'"]),
    "no history table": ("partial_pooling", {"historical": [1, 2]}, ["model.historical: [1, 2]", "mapping"]),
    "history of hazards": ("gamma_hazards", history(), ["model.historical", "no such key"]),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_model_gives_one_clear_message(sound, name):
    kind, changes, fragments = BROKEN[name]
    faults = faults_of(with_model(sound[kind], changes))
    matching = [fault for fault in faults if all(fragment in fault for fragment in fragments)]
    assert len(matching) == 1, faults
    assert all(len(fault) < 400 and "\n" not in fault for fault in faults)


def test_faults_of_a_model_come_together_with_those_of_the_design(sound):
    config = with_model(sound["exnex"], {"p_exchangeable": 2, "nex_scale": 0, **history(discount=-1)})
    config["design"]["max_patients"] = 0
    text = "\n".join(faults_of(config))
    for fragment in ("p_exchangeable: 2", "nex_scale: 0", "discount: -1", "max_patients: 0"):
        assert fragment in text


@pytest.mark.parametrize(
    "junk", [None, "text", -1, [], {}, [[1, 2], 3], {"a": [1]}, True, float("nan"), float("inf")]
)
@pytest.mark.parametrize("kind", OWN)
def test_no_junk_raises_anything_but_bad_input(sound, kind, junk):
    keys = [{key: junk} for key in sound[kind]["model"]]
    keys += [history(**{key: junk}) for key in HISTORY]
    for changes in keys:
        try:
            build_study(with_model(sound[kind], changes))
        except BadInput as error:
            assert error.faults
