"""Predictive measures from configuration values: what is built, and every fault with its key."""

import pytest

from adaptive.config.build_measures import build_measure
from adaptive.config.checks import Faults
from adaptive.measures.final import TwoSided
from adaptive.measures.graduation import ConfirmatorySuccess
from adaptive.measures.predictive import PredictiveProbability

FINAL = {"measure": {"kind": "two_sided", "measure": {"kind": "log_rank"}}, "threshold": 0.95}
PREDICTIVE = {"kind": "predictive", "entry_rate": 5.0, "final": FINAL}
KEY = "rules.futility.measure"


def build(values):
    faults = Faults()
    return build_measure(values, None, KEY, faults), list(faults)


def test_a_predictive_measure_holds_its_final_test():
    measure, faults = build({**PREDICTIVE, "sample": "current", "follow_up": 12.0, "bound": "lower"})
    assert not faults and isinstance(measure, PredictiveProbability)
    assert isinstance(measure.final.measure, TwoSided) and float(measure.final.threshold) == 0.95
    assert (measure.sample, measure.bound, measure.n, float(measure.assumed.follow_up)) == (
        "current",
        "lower",
        100,
        12,
    )
    assert measure.assumed.dropout is None


def test_patients_of_a_later_trial_are_turned_into_events():
    measure, faults = build({"kind": "confirmatory_success", "patients": 600, "event_share": 0.5})
    assert not faults and isinstance(measure, ConfirmatorySuccess) and float(measure.events) == 300


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({**PREDICTIVE, "sample": "all"}, ["measure.sample", "'all'", "current"]),
        ({**PREDICTIVE, "entry_rate": 0.0}, ["measure.entry_rate", "0"]),
        ({"kind": "predictive", "final": FINAL}, ["measure.entry_rate", "required"]),
        ({**PREDICTIVE, "final": {**FINAL, "threshold": 1.5}}, ["final.threshold", "1.5"]),
        (
            {**PREDICTIVE, "final": {**FINAL, "measure": PREDICTIVE}},
            ["final.measure.kind", "predicts nothing"],
        ),
        (
            {
                "kind": "predictive_information",
                "entry_rate": 5.0,
                "final": {"measure": {"kind": "best"}, "threshold": 0.9},
            },
            ["final.measure", "margin"],
        ),
        ({"kind": "confirmatory_success"}, ["events", "event_share"]),
        (
            {"kind": "confirmatory_success", "events": 9, "patients": 3, "event_share": 0.5},
            ["give 'events', or"],
        ),
        (
            {"kind": "two_sided", "measure": {"kind": "two_sided", "measure": {"kind": "cox"}}},
            ["one-sided measure"],
        ),
        ({"kind": "two_sided", "measure": {"kind": "log_rnk"}}, ["did you mean 'log_rank'"]),
    ],
)
def test_faults_name_key_value_and_what_to_do(values, expected):
    measure, faults = build(values)
    assert measure is None and len(faults) >= 1
    for words in expected:
        assert words in faults[0]
