import copy
import json

import jax
import numpy as np
import pytest

from adaptive.errors import BadInput
from adaptive.posterior.conjugate import ConjugateEngine
from adaptive.posterior.laplace import LaplaceEngine
from adaptive.posterior.table import analyse_table, run
from adaptive.posterior.table_checks import check_table
from tests.posterior_cases import PRIOR, as_table, gamma_model, pooling_model, table

EVENTS, EXPOSURE = table(1, 2, 2, 3, 40)
PAYLOAD = {
    "subgroups": ["first", "second"],
    "arms": ["control", "low", "high"],
    "intervals": [0, 6, 12],
    "events": EVENTS.tolist(),
    "exposure": EXPOSURE.tolist(),
    "pooling": "partial",
    "prior": PRIOR,
    "margins": [1.0, 0.8],
}


def changed(**changes):
    payload = copy.deepcopy(PAYLOAD)
    payload.update(changes)
    return payload


def test_output_has_the_stated_shape_and_the_engine_s_numbers():
    result = analyse_table(PAYLOAD, LaplaceEngine())
    posterior = LaplaceEngine().fit(jax.random.key(0), pooling_model("partial"), as_table(EVENTS, EXPOSURE))
    mean, sd = posterior.moments()
    np.testing.assert_allclose(result["log_hr"]["mean"], mean)
    np.testing.assert_allclose(result["log_hr"]["sd"], sd)
    assert list(result["p_below"]) == ["1.0", "0.8"]
    assert np.shape(result["p_below"]["1.0"]) == np.shape(result["log_hr"]["q025"]) == (2, 2)
    assert np.shape(result["p_best"]) == (2, 3)
    assert len(result["mu"]["p_below_0"]) == 2
    assert result["tau"]["mean"] > 0
    assert result["health"]["code"] == "OK"
    assert result["engine"]["name"] == "laplace"
    assert result["engine"]["settings"]["n_nodes"] == LaplaceEngine().n_nodes
    assert result["engine"]["versions"]["jax"]


@pytest.mark.parametrize("pooling", ["none", "full"])
def test_parameters_that_a_model_lacks_are_null(pooling):
    result = analyse_table(changed(pooling=pooling), LaplaceEngine())
    assert result["tau"] == {"mean": None, "sd": None}
    assert (result["mu"]["mean"][0] is None) == (pooling == "none")


def test_edges_are_accepted_as_well_as_starts():
    assert analyse_table(changed(intervals=[0, 6, 12, 24]), LaplaceEngine())["health"]["code"] == "OK"


def test_conjugate_uses_constant_hazards_and_needs_no_pooling():
    result = analyse_table(changed(pooling="none"), ConjugateEngine())
    model = type(gamma_model())(shape=PRIOR["baseline_shape"], rate=PRIOR["baseline_rate"])
    posterior = ConjugateEngine().fit(jax.random.key(0), model, as_table(EVENTS, EXPOSURE))
    np.testing.assert_allclose(result["log_hr"]["mean"], posterior.moments()[0])
    assert "constant hazard" in result["engine"]["note"]
    with pytest.raises(BadInput, match="pooling: 'partial' with posterior conjugate"):
        analyse_table(PAYLOAD, ConjugateEngine())


def with_cell(name, value, at=(0, 1, 2)):
    nested = copy.deepcopy(PAYLOAD[name])
    nested[at[0]][at[1]][at[2]] = value
    return changed(**{name: nested})


FAULTS = {
    "negative events": (with_cell("events", -1), r"events: -1 at \(first, low, interval 3\)"),
    "fraction of an event": (with_cell("events", 0.5), "whole numbers"),
    "not finite": (with_cell("exposure", float("inf")), "exposure: inf at"),
    "text": (with_cell("events", "two"), "events: not numbers"),
    "no exposure": (with_cell("exposure", 0, (0, 0, 0)), None),
    "ragged": (changed(events=[[[1, 2], [3]], [[1]]]), "events: not numbers in the shape"),
    "shapes differ": (changed(exposure=EXPOSURE[:, :, :2].tolist()), "exposure: shape"),
    "arms": (changed(arms=["control"]), "arms: got 1; give at least 2"),
    "doubled": (changed(subgroups=["a", "a"]), "subgroups: 'a' occurs more than once"),
    "label count": (changed(subgroups=["a"]), "subgroups lists 1"),
    "pooling": (changed(pooling="partly"), "did you mean 'partial'"),
    "prior key": (
        changed(prior={**PRIOR, "tau_scal": 1}),
        "prior.tau_scal: unknown key.*did you mean 'tau_scale'",
    ),
    "prior value": (changed(prior={**PRIOR, "mu_scale": 0}), "prior.mu_scale: got 0"),
    "margin": (changed(margins=[1.0, -1]), "margins: got -1"),
    "doubled margin": (changed(margins=[0.8, 0.8]), "margins: 0.8 occurs"),
    "intervals": (changed(intervals=[0, 6, 12, 24, 36]), "give 3 starts or 4 edges"),
    "order": (changed(intervals=[0, 12, 6]), "each must exceed"),
    "unknown key": (changed(event=[]), "event: unknown key.*did you mean 'events'"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_named(name):
    payload, message = FAULTS[name]
    if name == "no exposure":
        payload["events"][0][0][0] = 3.0
        message = r"exposure: 0 months with 3 events at \(first, control, interval 1\)"
    with pytest.raises(BadInput, match=message):
        analyse_table(payload, LaplaceEngine())


def test_a_list_is_not_a_table():
    with pytest.raises(BadInput, match="give a JSON object"):
        check_table([])


def test_all_faults_come_at_once():
    payload = with_cell("events", -1)
    del payload["prior"]
    payload.update(pooling="all", margins=[], arms=["control", "low", "low"])
    with pytest.raises(BadInput) as caught:
        analyse_table(payload, LaplaceEngine())
    assert len(caught.value.faults) == 5


def test_run_reads_and_writes_strict_json(tmp_path):
    source, target = tmp_path / "table.json", tmp_path / "out.json"
    source.write_text(json.dumps(changed(pooling="none")))
    run(source, LaplaceEngine(), target)
    assert json.loads(target.read_text())["mu"]["mean"] == [None, None]
    with pytest.raises(BadInput, match="no file"):
        run(tmp_path / "absent.json", LaplaceEngine(), target)
    source.write_text("{")
    with pytest.raises(BadInput, match="is not JSON"):
        run(source, LaplaceEngine(), target)
