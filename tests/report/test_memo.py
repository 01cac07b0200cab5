"""The memo as a document: escaped, self-contained, deterministic, numbers told from their thresholds."""

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from adaptive.report.memo import outcome, probability, render_memo, render_overview
from adaptive.report.survival_figures import as_data_uri, forest_figure, kaplan_meier_figure

NASTY = "<script>alert('$x$ & $')</script>"


def rule(name="efficacy", value=0.97, threshold=0.99, fired=False, **more):
    base = {
        "rule": name,
        "quantity": "P(HR < 1)",
        "margin": 1.0,
        "value": value,
        "sign": ">",
        "threshold": threshold,
        "min_events": 10.0,
        "binding": True,
        "enough_events": True,
        "fired": fired,
        "mcse": 0.001,
        "close": False,
    }
    return {**base, **more}


def cell_record(label, verdict):
    return {
        "subgroup": label,
        "arm": label,
        "status_before": "OPEN",
        "status_after": verdict or "OPEN",
        "verdict": verdict,
        "advice": None,
        "first_advice": None,
        "decided_look": 1 if verdict else None,
        "log_hr": {"mean": -0.3, "sd": 0.2, "lower": -0.7, "upper": 0.1},
        "raw_log_hr": {"estimate": None, "se": None},
        "rules": [rule(threshold=None), rule(fired=True)],
    }


def arm_record(label, arm):
    return {
        "subgroup": label,
        "arm": arm,
        "patients": 10,
        "events": 4,
        "exposure": 55.5,
        "p_best": 0.5,
        "allocation_before": 0.5,
        "allocation": 0.5,
    }


def record(label="A", verdict=None, withheld=False):
    return {
        "design": {
            "name": label,
            "sha256": "d" * 64,
            "endpoint": [label],
            "arms": [f"{label}0", label],
            "subgroups": [label],
            "model": "PartialPooling",
        },
        "look": 1,
        "n_looks": 3,
        "is_final": False,
        "cutoff": {"given": "2026-06-30", "label": "2026-06-30", "months": 6.0},
        "input": {
            "file": label,
            "sha256": "f" * 64,
            "patients_in_file": 20,
            "first_patient_in": None,
            "notes": [label],
        },
        "recommendation": {"code": "NONE" if withheld else "CHANGE", "text": label, "details": [label]},
        "withheld": withheld,
        "withheld_because": [],
        "stop_reason": "RUNNING",
        "totals": {"patients": 20, "events": 8, "exposure": 111.0},
        "cells": [cell_record(label, verdict)],
        "arms": [arm_record(label, arm) for arm in (f"{label}0", label)],
        "health": {"code": "OK"},
        "diagnostics": None,
        "engine": {"settings": {"kind": "LaplaceEngine"}, "seed": 0},
        "previous": None,
        "versions": {"python": "3"},
        "written": "2026-07-01T00:00:00+00:00",
        "folder": "look_1",
    }


def patients(label="A", n=20):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "subgroup": label,
            "arm": [f"{label}0", label] * (n // 2),
            "time": rng.exponential(10.0, n),
            "event": rng.uniform(size=n) < 0.5,
        }
    )


class Page(HTMLParser):
    """Collects tags, and what the page would load."""

    def __init__(self):
        super().__init__()
        self.tags, self.images, self.loads = [], [], []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        if tag == "img":
            self.images.append(attrs)
        self.loads += [attrs[key] for key in ("src", "href") if attrs.get(key)]


def parse(html):
    page = Page()
    page.feed(html)
    return page


@pytest.fixture(scope="module")
def nasty_memo():
    return render_memo(record(NASTY), patients(NASTY))


def test_labels_are_escaped(nasty_memo):
    assert "<script" not in nasty_memo
    assert "&lt;script&gt;" in nasty_memo
    assert "script" not in parse(nasty_memo).tags


def test_overview_labels_are_escaped():
    looks = [record(NASTY, verdict="EFFICACY")]
    html = render_overview(looks, [NASTY], [NASTY])
    assert "script" not in parse(html).tags and "<strong>efficacy</strong>" in html


def test_self_contained_with_alternative_texts(nasty_memo):
    page = parse(nasty_memo)
    assert page.images and all(image["src"].startswith("data:image/svg+xml;base64,") for image in page.images)
    assert all(len(image["alt"]) > 40 for image in page.images)
    assert all(load.startswith("data:") for load in page.loads)
    assert not re.search(r"@import|url\(", nasty_memo)


def test_recommendation_comes_first():
    html = render_memo(
        {**record(), "recommendation": {"code": "STOP", "text": "STOP now.", "details": []}}, patients()
    )
    assert html.index("STOP now.") < html.index("<table>")


def test_same_input_same_bytes():
    assert render_memo(record(), patients()) == render_memo(record(), patients())


def test_figures_survive_empty_arms_and_no_events():
    rows = patients().query("arm == 'A'").assign(event=False)
    assert as_data_uri(kaplan_meier_figure(rows, ["A", "B", "C"], ["A0", "A"])).startswith(
        "data:image/svg+xml"
    )
    assert as_data_uri(forest_figure(record()["cells"])).startswith("data:image/svg+xml")


@pytest.mark.parametrize(
    "value, threshold, shown",
    [
        (0.97, 0.99, "0.9700"),
        (0.98999, 0.99, "0.98999000"),
        (0.99, 0.99, "0.9900"),
        (0.99999, None, "> 0.9999"),
        (0.00001, None, "< 0.0001"),
        (1.0, None, "1.0000"),
        (0.0, None, "0.0000"),
        (None, 0.99, "-"),
    ],
)
def test_probability_is_never_shown_as_its_threshold(value, threshold, shown):
    assert probability(value, threshold) == shown


@pytest.mark.parametrize(
    "changes, before, expected",
    [
        ({}, "FUTILITY", "cell closed before"),
        ({"threshold": None}, "OPEN", "not applied at this look"),
        ({"fired": None}, "OPEN", "withheld"),
        ({"fired": True}, "OPEN", "met"),
        ({"fired": True, "binding": False}, "OPEN", "met (advice only)"),
        ({"enough_events": False}, "OPEN", "too few events"),
        ({}, "OPEN", "not met"),
    ],
)
def test_outcome_in_words(changes, before, expected):
    assert outcome(rule(**changes), before) == expected
