"""Time trends from configuration: what they build, what is refused and how, and real data without dates."""

import copy

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adaptive.analysis import fit_look
from adaptive.config.build import build_design, build_inference
from adaptive.config.compose import compose_one
from adaptive.errors import BadInput
from adaptive.interim.commands import check_entries
from adaptive.io.patients import SNAPSHOT_COLUMNS, read_patients, write_snapshot
from adaptive.models import Drifting, PartialPooling
from adaptive.records import Snapshot

PERIODS = [0.0, 6.0, 12.0]
WALK = {"kind": "random_walk", "omega": 0.7}


@pytest.fixture(scope="module")
def sound():
    return compose_one("config", ["scenario=srs_null", "design=srs_fixed"])


def changed(config, drift=None, periods=PERIODS, **model):
    config = copy.deepcopy(config)
    config["design"]["periods"] = periods
    config["model"] = {**config["model"], "drift": drift, **model}
    return config


def faults_of(config):
    with pytest.raises(BadInput) as caught:
        build_design(config)
    return caught.value.faults


def test_without_a_trend_the_design_is_as_before(sound):
    analysis = build_design(sound).analysis
    assert analysis.periods is None and type(analysis.model) is PartialPooling


def test_a_random_walk_wraps_the_model_and_strata_are_its_periods(sound):
    walk = build_design(changed(sound, WALK)).analysis
    assert type(walk.model) is Drifting and type(walk.model.model) is PartialPooling
    assert (float(walk.model.omega), walk.model.n_periods) == (0.7, 3)
    strata = build_design(changed(sound, {"kind": "stratified"})).analysis
    assert type(strata.model) is PartialPooling
    for analysis in (walk, strata):
        np.testing.assert_array_equal(analysis.periods, PERIODS)
        assert eqx.is_array(analysis.periods)


@pytest.mark.parametrize("option", ["partial_pooling_walk", "no_pooling_walk", "no_pooling_stratified"])
def test_shipped_options_build(option):
    config = compose_one(
        "config", ["scenario=srs_null", "design=srs_fixed", f"model={option}", "+design.periods=[0,6,12]"]
    )
    assert build_design(config).analysis.periods.shape == (3,)


BROKEN = {
    "no periods": ({"drift": WALK, "periods": None}, ["model.drift", "design.periods", "model.drift=null"]),
    "no trend": ({"drift": None}, ["design.periods: [0.0, 6.0, 12.0]", "random_walk or stratified"]),
    "not from 0": ({"drift": WALK, "periods": [3.0, 6.0]}, ["design.periods: [3.0, 6.0]", "first 0"]),
    "not rising": ({"drift": WALK, "periods": [0.0, 6.0, 6.0]}, ["design.periods", "increase"]),
    "negative": ({"drift": WALK, "periods": [-1.0, 6.0]}, ["design.periods[0]: -1", "at least 0"]),
    "omega 0": ({"drift": {**WALK, "omega": 0.0}}, ["model.drift.omega: 0", "above 0", "at most 1"]),
    "omega 2": ({"drift": {**WALK, "omega": 2.0}}, ["model.drift.omega: 2", "above 0", "at most 1"]),
    "no omega": ({"drift": {"kind": "random_walk"}}, ["model.drift.omega", "required"]),
    "kind": ({"drift": {"kind": "random walk"}}, ["model.drift.kind", "did you mean 'random_walk'"]),
    "omega of strata": ({"drift": {"kind": "stratified", "omega": 1}}, ["model.drift.omega", "no such key"]),
    "history": (
        {"drift": WALK, "historical": {"events": [[1] * 4] * 4, "exposure": [[9] * 4] * 4, "discount": 0.5}},
        ["model.drift", "model.historical"],
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_trend_gives_one_clear_message(sound, name):
    changes, fragments = BROKEN[name]
    faults = faults_of(changed(sound, **changes))
    matching = [fault for fault in faults if all(fragment in fault for fragment in fragments)]
    assert len(matching) == 1, faults
    assert all(len(fault) < 400 and "\n" not in fault for fault in faults)


def test_a_trend_needs_a_design():
    config = compose_one("config", ["scenario=srs_null", "design=srs_fixed"])
    config["model"]["drift"] = WALK
    with pytest.raises(BadInput, match=r"model\.drift.*design\.periods"):
        build_inference({"model": config["model"], "posterior": config["posterior"]})


@pytest.mark.parametrize("junk", ["text", -1, [], [1], {"a": 1}, True, float("nan")])
def test_no_junk_raises_anything_but_bad_input(sound, junk):
    for config in (changed(sound, junk), changed(sound, WALK, junk), changed(sound, {**WALK, "omega": junk})):
        try:
            build_design(config)
        except BadInput as error:
            assert error.faults


def patients(entry):
    n = 60
    rng = np.random.default_rng(3)
    return Snapshot(
        subgroup=jnp.asarray(rng.integers(0, 4, n), jnp.int32),
        arm=jnp.asarray(rng.integers(0, 3, n), jnp.int32),
        time=jnp.asarray(rng.exponential(5.0, n)),
        event=jnp.asarray(rng.uniform(size=n) < 0.5),
        observed=jnp.ones(n, bool),
        entry=jnp.asarray(entry(rng, n)),
    )


def test_a_look_is_reduced_by_period_of_entry(sound):
    design = build_design(changed(sound, WALK, kind="no_pooling"))
    key, seen = jax.random.key(0), patients(lambda rng, n: rng.uniform(0, 18, n))
    table, posterior = jax.eval_shape(lambda snapshot: fit_look(key, design, snapshot), seen)
    assert table.events.shape == (4, 3, 3 * 4) and posterior.mean.shape == (4, 2)


def test_real_data_without_entry_dates_are_refused(sound, tmp_path):
    plain, trend = build_design(sound), build_design(changed(sound, {"kind": "stratified"}))
    path = tmp_path / "patients.csv"
    write_snapshot(path, patients(lambda rng, n: np.zeros(n)), plain.arms, plain.subgroups)
    data = read_patients(path, SNAPSHOT_COLUMNS, plain.arms, plain.subgroups)
    check_entries(plain, data)
    with pytest.raises(BadInput, match=r"columns\.entry.*no entry dates.*design\.periods=null"):
        check_entries(trend, data)
