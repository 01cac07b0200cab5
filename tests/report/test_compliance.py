"""The compliance matrix: read off finished sections, with what is missing told by who supplies it."""

import dataclasses

import pandas as pd
import pytest

from adaptive.oc.report_content import build_content
from adaptive.report.blocks import Explorer, Formula, Items, Notice, Text
from adaptive.report.chapters import chapters
from adaptive.report.checklist import CHECKLIST, GROUPS, ORIGINS
from adaptive.report.compliance import (
    ABSENT,
    LIMITS,
    NOT_APPLICABLE,
    PARTLY,
    PRESENT,
    SUPPLIED_BY,
    UNAVAILABLE,
    UNAVAILABLE_ITEMS,
    checklist_rows,
    compliance_faults,
    has_content,
    sections_by_item,
)
from adaptive.report.document import document, walk
from adaptive.report.figure_style import Drawing
from adaptive.report.pivot import Cell, Table
from adaptive.report.section import Section, section
from tests.report.synthetic import fake_arrays, write_result

META = {
    "meta": {"title": "An adaptive trial", "subtitle": "Adaptive design with looks"},
    "summary": [{"text": "a"}],
}


def rows_of(parts, content=META) -> dict[str, dict]:
    return {row["id"]: row for row in checklist_rows(parts, content)}


def one(covers, *blocks, lead=(), parts=None) -> Section:
    return section("s", "S", list(lead), *blocks, covers=covers, parts=parts)


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    for design in ("fixed", "adaptive"):
        arrays = fake_arrays(60, log_hr=((0.0, -0.4), (0.0, 0.0)), looks=True)
        write_result(folder, design, "mixed", arrays, log_hr=((0.0, -0.4), (0.0, 0.0)))
    return build_content([folder])


@pytest.fixture(scope="module")
def parts(content) -> list[Section]:
    return chapters(content)


def test_the_list_is_complete_and_each_item_has_a_known_origin():
    ids = [item.id for item in CHECKLIST]
    assert len(set(ids)) == len(ids) and {name[0] for name in ids} == set(GROUPS)
    assert {item.level for item in CHECKLIST} == {"M", "S"}
    sizes = {group: sum(name[0] == group for name in ids) for group in GROUPS}
    assert sizes == dict(zip(GROUPS, (5, 4, 8, 4, 6, 6, 5, 13, 11, 1, 1, 1, 1, 1, 1), strict=True))
    for item in CHECKLIST:
        sources = [word.strip() for word in item.origin.split(";")]
        assert all(
            any(word.startswith(name) for name in (*ORIGINS, "FDA", "Our", "Practice")) for word in sources
        )
    assert set(SUPPLIED_BY) | set(UNAVAILABLE_ITEMS) | set(LIMITS) <= set(ids)


@pytest.mark.parametrize(
    ("block", "counts"),
    [
        (Text("a"), True),
        (Formula("a = b"), True),
        (Table("t", "c", ["a"], [[Cell("x")]]), True),
        (Table("t", "c", ["a"], []), False),
        (Items("", []), False),
        (Items("", ["a"]), True),
        (Drawing("d", "q", svg="<svg/>"), True),
        (Drawing("d", "q", absent="no data"), False),
        (Explorer("e", "c", []), False),
        (Notice("n", ["a"]), False),
    ],
)
def test_a_section_counts_only_for_what_it_shows(block, counts):
    part = one(("H1",), block)
    assert has_content(part) == counts
    assert rows_of([part])["H1"]["status"] == (PRESENT if counts else ABSENT)


def test_a_heading_and_a_sentence_are_no_answer():
    assert rows_of([one(("H1",), lead=["Nothing to show."])])["H1"]["status"] == ABSENT
    assert rows_of([one(("H1",), parts=[one((), Text("a"))])])["H1"]["section"] == "1"


def test_status_and_reason_of_each_kind():
    parts = [one(("D1", "G1", "N"), Text("a"))]
    content = META | {
        "specification": {"not_applicable": {"H11": "no such rule"}},
        "coverage": {"missing": {"G1": ["null with harm: not covered"]}},
        "answers": {"answers": [{"id": "Q1", "absent": "no scenario 'x'"}, {"id": "Q2", "absent": ""}]},
    }
    rows = rows_of(parts, content)
    assert rows["H11"]["status"] == NOT_APPLICABLE and rows["H11"]["reason"] == "no such rule"
    assert rows["D1"]["status"] == PARTLY and "frailty" in rows["D1"]["reason"]
    assert rows["G1"]["reason"] == "null with harm: not covered"
    assert rows["N"]["status"] == PARTLY and "Q1" in rows["N"]["reason"] and "Q2" not in rows["N"]["reason"]
    assert rows["H9"]["status"] == rows["E5"]["status"] == UNAVAILABLE
    uninformed = META | {"specification": {"not_applicable": {"E5": "no prior is informative"}}}
    assert rows_of([], uninformed)["E5"]["status"] == NOT_APPLICABLE
    assert rows["B3"]["reason"] == "supplied by adaptive truth"
    assert rows["A1"]["section"] == rows["A2"]["section"] == "front page"


def test_faults_are_the_must_items_that_can_be_supplied():
    faults = compliance_faults([], META)
    named = {fault.split()[1] for fault in faults}
    must = {item.id for item in CHECKLIST if item.level == "M"}
    assert named == must - {"A1", "A2", *UNAVAILABLE_ITEMS}


def test_a_removed_section_is_found(content, parts):
    before = rows_of(parts, content)
    results = next(part for part in parts if part.name == "results")
    for lost in results.parts:
        without = [
            dataclasses.replace(part, parts=[p for p in part.parts if p is not lost])
            if part is results
            else part
            for part in parts
        ]
        after = rows_of(without, content)
        for item in lost.covers:
            if before[item]["status"] == PRESENT and "," not in before[item]["section"]:
                assert after[item]["status"] == ABSENT, item
    assert {before[name]["status"] for name in ("H1", "H2", "H3", "H4", "H5")} == {PRESENT}


def test_section_numbers_are_those_of_the_report(content, parts):
    printed = {part.number: part for part in walk(document(content, parts).chapters)}
    for row in rows_of(parts, content).values():
        for number in filter(None, row["section"].split(", ")):
            if number != "front page":
                names = printed[number].covers
                assert row["id"] in names or any(name[0] == row["id"] for name in names)
    assert rows_of(parts, content)["O"]["section"] == "12"


def test_one_numbering_counts_the_cases_of_explorers(content):
    """The checklist, the line under a table and the document give a part after two cases the same number."""
    cases = [Section(name, name, []) for name in ("one", "two")]
    listed = Section("commands", "Commands", [], [Text("x")], covers=("O1",))
    made = Table("t", "c", ["a"], [[Cell("1")]])
    chapter = Section("examples", "Examples", [], [Explorer("e", "c", cases), made], parts=[listed])
    long = content | {"commands": {"simulate": ["adaptive simulate " + "x" * 100]}}
    whole = document(long, [Section("first", "First", []), chapter])
    printed = {part.anchor: part.number for part in walk(whole.chapters)}
    assert printed == {"first": "1", "examples": "2", "one": "2.1", "two": "2.2", "commands": "2.3"}
    assert sections_by_item([Section("first", "First", []), chapter])["O"] == ["2.3"]
    (placed,) = [block for block in whole.chapters[1].blocks if block.made_by]
    assert placed.made_by.endswith("command S1 of section 2.3.")


def test_the_printed_matrix_has_a_row_per_item(content, parts):
    chapter = next(part for part in parts if part.name == "compliance")
    table = next(block for block in chapter.blocks if isinstance(block, Table))
    assert [row[0].text for row in table.rows] == [item.id for item in CHECKLIST]
    expected = pd.DataFrame(checklist_rows(parts, content))
    assert [row[3].text for row in table.rows] == expected.status.tolist()
