"""Block checks of the same values are one check; what they say together; the end of running estimates."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from adaptive import montecarlo as mc
from adaptive.io.manifest import read_manifest
from adaptive.oc.convergence import split_table, split_words
from adaptive.oc.load import load_cell
from adaptive.report.figures_convergence import _reach, convergence_figure, last_decade
from tests.report.sensitivity_study import write_study


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """A result in which no arm has a benefit: exactly the right claims are then the absence of false ones."""
    path = write_study(tmp_path_factory.mktemp("made")) / "toy" / "toy"
    found = load_cell(path, read_manifest(path))
    return replace(found, truth=replace(found.truth, is_null=np.ones_like(found.truth.is_null)))


def named(result, scenario):
    return replace(result, manifest=result.manifest | {"scenario": scenario})


def test_values_that_are_the_same_are_checked_once(result):
    table = split_table([named(result, "one"), named(result, "two")], blocks=2).set_index("metric")
    assert list(table.index) == ["fwer", "patients", "months"] and set(table.scenario) == {"one"}
    right = "Exactly the right claims"
    assert table["also"].to_dict() == {
        "fwer": f"{right}, two, two \N{MIDDLE DOT} {right}",
        "patients": "two",
        "months": "two",
    }
    months = result.trials["months"].astype(float)
    assert table.p_value["months"] == mc.split_check(months, 2)[2] and 0 <= table.p_value["months"] <= 1


def test_values_that_differ_in_one_trial_are_two_checks(result):
    months = result.trials["months"].copy()
    months[7] += 1.0
    other = replace(named(result, "two"), trials=result.trials | {"months": months})
    table = split_table([named(result, "one"), other], blocks=2)
    assert (table.metric == "months").sum() == 2 and (table.metric == "patients").sum() == 1
    constant = np.full(months.size, 360.0)
    fixed = [
        replace(
            named(result, scenario), trials=result.trials | {"patients": constant + more, "months": constant}
        )
        for scenario, more in (("one", 0.0), ("two", 1.0))
    ]
    table = split_table(fixed, blocks=2)
    patients = table[table.metric == "patients"]
    assert len(patients) == 2 and patients.p_value.isna().all(), "not the same number, though none varies"
    assert (table.metric == "months").sum() == 1


def test_many_places_are_counted(result):
    table = split_table([named(result, f"s{i}") for i in range(6)], blocks=2)
    assert table.set_index("metric")["also"]["months"] == "5 others"


def test_the_smallest_p_value_is_judged_among_all_checks():
    def words(*p_values):
        frame = pd.DataFrame({"p_value": p_values}).assign(scenario="s", design="d", metric="months")
        return split_words(frame)[0]

    low = words(0.5, 0.01, np.nan, 0.8)
    assert "3 distinct checks could be made: 1 gave p below 0.05, where 0.15 are expected" in low
    assert "The smallest p is 0.01 (duration, d in s)" in low and " 0.03: evidence against" in low
    assert " 0.06: no evidence against" in words(0.5, 0.02, 0.8)
    assert "No block check" in words(np.nan)


def running(scenario, metric, estimate):
    counts = np.array([20, 99, 100, 400, 1000])
    frame = pd.DataFrame({"n": counts, "estimate": np.append(np.full(4, estimate + 0.1), estimate)})
    half = 1 / np.sqrt(counts)
    frame = frame.assign(lower=frame.estimate - half, upper=frame.estimate + half)
    return frame.assign(scenario=scenario, design="d", metric=metric)


def test_the_figure_shows_the_last_decade_and_every_limit_in_it():
    table = pd.concat(
        [
            running("null", "fwer", 0.1),
            running("null", "patients", 9.0),
            running("some", "fwer", 0.2),
            running("some", "disjunctive_power", 0.5),
            running("all", "disjunctive_power", 0.7),
        ],
        ignore_index=True,
    )
    frame = last_decade(table)
    assert set(frame.n) == {100, 400, 1000}
    assert set(zip(frame.scenario, frame.metric, strict=True)) == {
        ("null", "fwer"),
        ("some", "fwer"),
        ("all", "disjunctive_power"),
    }
    reach = _reach(frame)
    assert reach == pytest.approx(dict.fromkeys(("fwer", "disjunctive_power"), 105 * (0.1 + 0.1)))
    meta = {"scenarios": ["null", "some", "all"], "designs": ["d"]}
    drawn = convergence_figure({"meta": meta, "tables": {"convergence": table}})
    assert drawn.svg and "from 20 on" in drawn.caption
    assert convergence_figure({"meta": meta, "tables": {"convergence": table.iloc[:0]}}).absent
