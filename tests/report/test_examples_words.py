"""What is said of a model that borrows or not, and the scale that the figures of examples share."""

from math import log

import numpy as np
import pytest

from adaptive.oc.examples_remarks import REMARKS
from adaptive.oc.examples_rows import course_of
from adaptive.oc.examples_text import look_sentence
from adaptive.oc.load import load_results
from adaptive.oc.study import run_cell
from adaptive.report.figures_examples import WIDEST, course_figure, scale_of
from tests.toy import toy_design, toy_scenario


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    given = {"seed": 9, "n_trials": 48, "chunk_size": 48, "progress": False, "keep_looks": True}
    root = tmp_path_factory.mktemp("words")
    config = {"scenario": {"name": "toy"}, "precision": "float64", "model": {}}
    run_cell(
        toy_design(),
        toy_scenario(((-0.9, 0.0), (0.9, 0.0))),
        study="s",
        path=root,
        resolved_config=config,
        **given,
    )
    return load_results([root])[0]


@pytest.fixture(scope="module")
def course(result):
    enough = (result.events[:, :, 1:] + result.events[:, :, :1] >= 10).any(axis=(1, 2))
    trial = int(result.trials["trial"][enough][0])
    return course_of(result, trial, lambda config: toy_design(), None)


@pytest.mark.parametrize(
    ("kind", "borrows", "said"),
    [
        ("partial_pooling", True, "pulled towards the others"),
        ("robust_pooling", True, "no component that lets a single subgroup detach"),
        ("exnex", True, "has a component that lets a subgroup detach"),
        ("full_pooling", True, "one effect of an arm for all subgroups"),
        ("no_pooling", False, "shares no information"),
        ("gamma_hazards", False, "shares no information"),
        ("partial_pooling", False, "shares no information"),
    ],
)
def test_what_the_model_does_with_an_unlike_subgroup_is_what_it_can_do(
    monkeypatch, result, course, kind, borrows, said
):
    monkeypatch.setitem(result.config, "model", {"kind": kind})
    told = REMARKS["discordant"](result, course | {"borrows": borrows})[-1]
    assert said in told and kind.replace("_", " ") in told
    assert borrows or "pulled" not in told


def test_a_stop_at_a_look_closes_cells_and_says_nothing_of_accrual():
    """A look can come with the last patient, so that accrual has ended for other reasons."""
    cells = [
        {"arm": arm, "subgroup": "HER2+", "verdict": verdict, "rules": []}
        for arm, verdict in (
            ("low", "FUTILITY"),
            ("high", "FUTILITY"),
            ("both", "HARM"),
            ("none", "EFFICACY"),
        )
    ]
    look = {"look": 5, "is_final": False, "month": 45.0, "patients": 360, "events": 80, "cells": cells}
    assert look_sentence(look) == (
        "Look 5, month 45.0, 360 patients, 80 events: benefit was claimed for none in HER2+; low in HER2+ "
        "and high in HER2+ closed for futility; both in HER2+ closed for harm."
    )


def item(lower, upper):
    """Return an example with one estimate."""
    cell = {"mean": (lower + upper) / 2, "lower": lower, "upper": upper}
    return {"looks": [{"cells": [cell]}]}


@pytest.mark.parametrize(
    ("lower", "upper"),
    [(-2.0, -1.5), (-9.0, -8.0), (1.5, 2.0), (8.0, 9.0), (-1.0, 1.0), (-0.1, 0.1)],
)
def test_the_scale_holds_no_effect_and_some_width(lower, upper):
    low, high = scale_of([item(lower, upper)])
    assert WIDEST[0] <= low <= 0 <= high <= WIDEST[1] and high - low >= log(2) - 1e-12
    powers = np.array([low, high]) / log(2)
    np.testing.assert_allclose(powers, np.round(powers), atol=1e-9)


def test_estimates_inside_the_widest_scale_are_inside_the_scale():
    low, high = scale_of([item(-2.0, -1.5)])
    assert low <= -2.0 and high == 0


def test_an_arm_is_not_drawn_before_it_opens(course):
    """Two looks of one course: without the state of the first look's cells its estimates are drawn."""
    looks = course["looks"][:2]
    pending = [
        {
            **looks[0],
            "cells": [c | ({"status": "PENDING"} if "status" in c else {}) for c in looks[0]["cells"]],
        },
        *looks[1:],
    ]
    drawn = [
        course_figure({"id": "x", "looks": these, "end": course["end"]}, (-2.0, 2.0))
        for these in (looks, pending)
    ]
    assert drawn[0].svg.count("<use") > drawn[1].svg.count("<use")
