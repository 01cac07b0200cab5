"""Facts of the chapter on software: overrides as typed, and the versions that made results and report."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from adaptive.oc.commands_content import commands_part
from adaptive.oc.load import load_results
from adaptive.oc.report_manifest import PACKAGES, made_by
from adaptive.oc.software_content import NOT_KNOWN, code_rows, override_rows, version_rows
from adaptive.oc.source import Source
from adaptive.report.blocks import Code, Text
from adaptive.report.sections_recreate import recreate_section, version_section
from tests.report.synthetic import fake_arrays, write_result

NULL = ((0.0, 0.0), (0.0, 0.0))


@pytest.fixture
def result(tmp_path):
    write_result(tmp_path, "fixed", "null", fake_arrays(20), log_hr=NULL)
    return load_results([tmp_path])[0]


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (
            "adaptive simulate design=srs_rar 'scenario.note=two words = three' ~rules.harm seed=7",
            "design=srs_rar 'scenario.note=two words = three' '~rules.harm' seed=7",
        ),
        # Quotes that do not close: the words as they stand.
        ("adaptive simulate 'a=1 b=2", "''\"'\"'a=1' b=2"),
        ("adaptive simulate", NOT_KNOWN),
        (None, NOT_KNOWN),
    ],
)
def test_overrides_are_shown_whole(result, command, shown):
    result = replace(result, manifest=result.manifest | {"command": command})
    assert override_rows([result]).overrides.tolist() == [shown]


def test_the_report_tells_every_version_that_its_manifest_records(result):
    result = replace(result, manifest=result.manifest | {"versions": {"numpy": "0.1"}})
    frame = version_rows([result]).set_index("item")
    versions = made_by()["versions"]
    assert set(PACKAGES) < set(versions)
    assert {name: frame.report[name] for name in versions} == versions
    assert frame.results["numpy"] == "0.1" and frame.results["matplotlib"] == NOT_KNOWN
    assert frame.report["processor"] == made_by()["machine"]["processor"]


@pytest.fixture
def varied(result):
    """Put a sensitivity analysis of two runs beside the result; another commit made its cells."""
    study = result.path.parent.parent
    cells = [("prior", 50), ("looks", 50), ("dropout", 90)]
    for factor, _ in cells:
        cell = study / "sensitivity" / factor / "other" / "fixed" / "null"
        cell.mkdir(parents=True)
        code = {"commit": "b" * 40, "dirty": False, "core_sha256": "1" * 64}
        (cell / "manifest.json").write_text(json.dumps({"code": code}))
    names = ("factor", "n_trials", "level", "design", "scenario")
    index = {
        "cells": [dict(zip(names, (*cell, "other", "fixed", "null"), strict=True)) for cell in cells],
        "command": "adaptive sensitivity experiment=fake n_trials=90 only=[dropout] output=/srv/out",
        "code": {"commit": "c" * 40, "dirty": True, "core_sha256": "2" * 64},
    }
    (study / "sensitivity" / "sensitivity.json").write_text(json.dumps(index))
    return Source([result], folder=study)


def test_an_analysis_of_several_runs_is_printed_as_the_runs_that_make_all_of_it(varied):
    """The index keeps the last command only."""
    assert commands_part(varied, {})["sensitivity"] == [
        "adaptive sensitivity experiment=fake output=results n_trials=50 'only=[prior,looks]'",
        "adaptive sensitivity experiment=fake output=results n_trials=90 'only=[dropout]'",
    ]


def test_the_code_of_every_piece_has_a_row(varied):
    rows = [tuple(row) for row in code_rows(varied).itertuples(index=False)]
    assert rows[:-1] == [
        ("Results: 1", "0123abc", "no", NOT_KNOWN),
        ("Sensitivity analysis (sensitivity), cells: 3", "b" * 40, "no", "1" * 12),
        ("Sensitivity analysis (sensitivity)", "c" * 40, "yes", "2" * 12),
    ]
    assert rows[-1][0] == "This report" and rows[-1][1] == (made_by()["code"]["commit"] or NOT_KNOWN)


def texts(part) -> str:
    return "\n".join(block.text for block in part.blocks if isinstance(block, Code | Text))


@pytest.mark.parametrize(("core", "told"), [("1", "All have the same simulation code"), ("2", "do not all")])
def test_the_version_to_install_is_that_of_the_report_and_other_commits_are_named(result, core, told):
    """A later commit makes the report: checking out that of the results would make another one."""
    code = pd.DataFrame(
        [("Results: 1", "a" * 40, "no", "1"), ("This report", "d" * 40, "no", core)],
        columns=["what", "commit", "uncommitted changes", "simulation code"],
    )
    versions = pd.DataFrame(
        [("git commit", "a" * 40, "d" * 40)],
        columns=["item", "results", "report"],
    )
    content = {"software": {"versions": versions, "code": code}}
    install = texts(recreate_section(content))
    assert f"git checkout {'d' * 40}\n" in install and "a" * 40 not in install
    said = texts(version_section(content))
    assert told in said and f"git diff --stat {'a' * 40} {'d' * 40} -- adaptive conf" in said
    same = {"software": {"versions": versions, "code": code.assign(commit="d" * 40)}}
    assert "git diff" not in texts(version_section(same))
