"""Facts of the chapter on software: overrides as typed, and the versions that made results and report."""

from dataclasses import replace

import pytest

from adaptive.oc.load import load_results
from adaptive.oc.report_manifest import PACKAGES, made_by
from adaptive.oc.software_content import NOT_KNOWN, override_rows, version_rows
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
