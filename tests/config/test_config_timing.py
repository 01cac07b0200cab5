"""Delays, arms that come and go and spaced looks: what a configuration gives, and what it may not say."""

import numpy as np
import pytest

from adaptive.config.build import build_study
from adaptive.config.compose import compose_one
from adaptive.design.looks import Spaced
from adaptive.errors import BadInput

MONTH_6 = {"kind": "calendar", "months": [6]}
BASE = ["design=srs_rar", "scenario=srs_null"]


def built(**changes):
    values = compose_one("config", BASE)
    for key, value in changes.items():
        group, _, name = key.partition("__")
        values[group] = {**values[group], name: value} if name else value
    return build_study(values).design


def test_without_them_nothing_is_delayed_and_every_arm_stays():
    design = built()
    assert design.lags is None and design.calendar is None


def test_lags_and_calendar():
    design = built(
        design__lags={"decision": 2.5},
        design__arm_calendar={
            "high dose": {"enters_after_look": 2, "leaves_at_look": 4},
            "low dose": {"leaves_at_look": 3},
        },
    )
    assert (float(design.lags.data), float(design.lags.decision)) == (0.0, 2.5)
    np.testing.assert_array_equal(design.calendar.first, [-1, 1])
    np.testing.assert_array_equal(design.calendar.last, [2, 3])


def test_spaced_looks():
    plan = {"kind": "events", "counts": [10, 20, 30]}
    looks = {"kind": "then", "first": {"kind": "spaced", "plan": plan, "min_gap": 3, "max_gap": 12}}
    looks |= {"last": {"kind": "follow_up", "months": 12}}
    rules = {"efficacy": {"kind": "efficacy", "margin": 1.0, "threshold": 0.99}}
    found = built(looks=looks, rules=rules).looks.first
    assert isinstance(found, Spaced) and (float(found.min_gap), float(found.max_gap)) == (3.0, 12.0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"design__lags": {"dat": 1}}, ["design.lags.dat", "did you mean 'data'"]),
        ({"design__lags": {"decision": -1}}, ["design.lags.decision: -1", "at least 0"]),
        (
            {"design__arm_calendar": {"high": {"enters_after_look": 2}}},
            ["design.arm_calendar.high: 'high'", "'high dose'"],
        ),
        (
            {"design__arm_calendar": {"high dose": {"enters_after_look": 6}}},
            ["design.arm_calendar.high dose.enters_after_look: 6", "1 to 5"],
        ),
        (
            {"design__arm_calendar": {"high dose": {"enters_after_look": 3, "leaves_at_look": 3}}},
            ["design.arm_calendar.high dose.leaves_at_look: 3", "after enters_after_look, 3"],
        ),
        (
            {"design__arm_calendar": {a: {"enters_after_look": 1} for a in ("low dose", "high dose")}},
            ["design.arm_calendar: every experimental arm enters later"],
        ),
        (
            {
                "looks": {
                    "kind": "spaced",
                    "plan": {"kind": "calendar", "months": [6]},
                    "min_gap": 5,
                    "max_gap": 2,
                }
            },
            ["looks.max_gap: 2", "at least looks.min_gap, 5"],
        ),
    ],
)
def test_what_cannot_be_is_refused(changes, said):
    with pytest.raises(BadInput) as caught:
        built(**changes)
    message = "\n".join(caught.value.faults)
    assert all(part in message for part in said), message
