"""The report: complete, self-contained, escaped; figures hold the numbers of the tables."""

import csv
import dataclasses
import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from adaptive.oc.parameters import differences, evidence, flag, is_parameter, walk
from adaptive.oc.report_content import build_content, rule_text
from adaptive.oc.study import run_cell
from adaptive.oc.tables import cell_text, tidy
from adaptive.report import render_report
from adaptive.report.export import neutral, records
from adaptive.report.figure_style import COLOURS
from adaptive.report.figures import dots_by_scenario, paired_figure, power_figure, type_i_error_figure
from adaptive.report.figures_course import allocation_figures, stopping_figure
from adaptive.report.pivot import pivot, spanned
from tests.report.synthetic import fake_arrays, write_result
from tests.results_toys import fake_simulate
from tests.toy import toy_design, toy_scenario

SCENARIOS = {"null": ((0.0, 0.0), (0.0, 0.0)), "mixed": ((0.0, -0.4), (-0.5, 0.2))}
HOSTILE = '<script>alert("x")</script> & =1+1'


def write_study(root, *, n=300, looks=True, hostile=False):
    """Write two designs in two scenarios."""
    for index, (scenario, log_hr) in enumerate(SCENARIOS.items()):
        claim = np.where(np.array(log_hr) < 0, 0.7, 0.04)
        for design in ("fixed", "adaptive"):
            arrays = fake_arrays(
                n,
                log_hr=log_hr,
                claim=claim,
                seed=30 + index,
                looks=looks,
                adaptive=design == "adaptive",
            )
            config = None
            if hostile:
                node = {"value": 1.0, "unit": "=HYPERLINK(1)", "source": HOSTILE, "tag": "@tag"}
                config = {"scenario": {"rate": node, "note": HOSTILE}}
            write_result(root, design, scenario, arrays, log_hr=log_hr, config=config)
    return root


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    return build_content([write_study(tmp_path_factory.mktemp("results"))])


@pytest.fixture(scope="module")
def report(content, tmp_path_factory):
    return render_report(content, tmp_path_factory.mktemp("report"))


class Page(HTMLParser):
    """Collect tags, ids, links and text, and check that elements nest."""

    VOID = {"meta", "br", "link", "img", "hr", "input"}

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.sources, self.tags = [], [], [], [], []
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.tags.append(tag)
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found["href"]] if "href" in found else []
        self.sources += [value for key, value in found.items() if key in ("src", "srcset", "data")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, (tag, self.open[-3:])
        self.open.pop()


def test_page_is_well_formed_and_self_contained(report):
    text = report.read_text(encoding="utf-8")
    page = Page(text)
    assert len(page.ids) == len(set(page.ids))
    assert not page.sources and "link" not in page.tags
    assert not re.search(r"(@import|url\((?!#))", text)
    assert all(link.startswith("#") for link in page.links)
    assert {link[1:] for link in page.links} <= set(page.ids)
    sections = (
        "summary designs scenarios type-i-error power size stopping allocation estimation paired failures"
    )
    assert set(f"{sections} definitions configuration provenance".split()) <= set(page.ids)
    assert 'name="viewport"' in text and "@media print" in text
    assert page.tags.count("svg") >= 9
    assert "mathdefault" not in text


def test_page_says_what_must_be_said(report, content):
    text = re.sub(r"\s+", " ", report.read_text(encoding="utf-8"))
    for phrase in (
        "Bayesian adaptive trial",
        "response-adaptive randomisation",
        "over the declared set of scenarios",
        "n = 300",
        "adaptive simulate experiment=fake",
        "0123abc",
        "unverified",
        "cohort X 2019",
    ):
        assert phrase in text, phrase
    assert not re.search(r"\bprove[dns]?\b", text)
    fwer = content["tables"]["claims"].query("metric == 'fwer'")
    assert all(value in text for value in fwer.text)


def test_estimates_are_printed_with_their_error():
    assert cell_text(0.02512, 0.00156, 0.02, 0.03, 10000, 251) == "0.0251 (0.0016)"
    assert cell_text(0.0, 0.0, 0.0, 0.0038, 1000, 0) == "0 [0, 0.0038]"
    assert cell_text(1.0, 0.0, 0.9962, 1.0, 1000, 1000) == "1 [0.9962, 1]"
    assert cell_text(np.nan, np.nan, np.nan, np.nan, 1000, 17).endswith("(m = 17)")


@pytest.mark.parametrize(
    ("metric", "level", "estimate", "mcse", "text"),
    [
        ("patients", "p50", 360.0, 0.0016, "360.0 (<0.1)"),
        ("patients", "p50", 341.0, 1.24, "341.0 (1.2)"),
        ("patients", "mean", 341.0437, 0.0016, "341.0437 (0.0016)"),
        ("months", "p75", 72.0, 0.0029, "72.00 (<0.01)"),
        ("months", "p75", 54.519, 0.0254, "54.52 (0.03)"),
        ("allocation_after", "p50", 0.3333, 0.0016, "0.3333 (0.0016)"),
    ],
)
def test_percentiles_have_no_more_places_than_their_unit(metric, level, estimate, mcse, text):
    entry = {"metric": metric, "level": level, "estimate": estimate, "mcse": mcse, "lower": 0.0}
    assert tidy([entry | {"upper": 400.0, "n": 1000, "m": 1000}]).text.tolist() == [text]


def test_json_holds_every_number(report, content):
    document = json.loads((report.parent / "report.json").read_text(encoding="utf-8"))
    for name in ("claims", "size", "stopping", "status", "allocation", "estimation", "paired", "convergence"):
        rows, frame = document["tables"][name], content["tables"][name]
        assert len(rows) == len(frame)
        assert [row["estimate"] for row in rows] == [None if np.isnan(x) else x for x in frame.estimate]
        assert all({"estimate", "mcse", "n", "m"} <= set(row) for row in rows)


def test_every_table_is_a_csv(report, content):
    for name, frame in content["tables"].items():
        written = pd.read_csv(report.parent / "tables" / f"{name}.csv")
        assert list(written.columns) == list(frame.columns) and len(written) == len(frame)
    claims = pd.read_csv(report.parent / "tables" / "claims.csv")
    np.testing.assert_allclose(claims.estimate, content["tables"]["claims"].estimate)


def test_hostile_configuration_comes_out_as_text(tmp_path):
    page = render_report(
        build_content([write_study(tmp_path / "r", n=40, looks=False, hostile=True)]), tmp_path / "out"
    )
    text = page.read_text(encoding="utf-8")
    assert '<script>alert("x")' not in text
    assert "&lt;script&gt;alert(&#34;x&#34;)" in text
    Page(text)
    with (tmp_path / "out" / "tables" / "parameters.csv").open(newline="") as stream:
        cells = [cell for line in csv.reader(stream) for cell in line]
    assert "'=HYPERLINK(1)" in cells and "'@tag" in cells
    assert not [cell for cell in cells if cell[:1] in "=+@" and cell]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd", "'+cmd"),
        ("-2+3", "'-2+3"),
        ("@x", "'@x"),
        ("\t=1", "'\t=1"),
        ("  =1", "'  =1"),
        ("-0.3", "-0.3"),
        ("a=b", "a=b"),
        (-0.3, -0.3),
        ("", ""),
    ],
)
def test_formula_like_text_is_neutralised(value, expected):
    assert neutral(value) == expected


def test_records_are_plain_json():
    frame = pd.DataFrame({"a": [1.0, np.nan], "b": pd.array([1, None], dtype="Int64"), "c": ["x", None]})
    assert records(frame) == [{"a": 1.0, "b": 1, "c": "x"}, {"a": None, "b": None, "c": None}]


def texts(svg):
    """Return the text elements of a drawing."""
    return [re.sub(r"<[^>]+>", "", t).strip() for t in re.findall(r"<text.*?</text>", svg, flags=re.S)]


def test_figures_name_their_axes_panels_and_designs(content):
    for drawing, axis in (
        (type_i_error_figure(content), "probability of a false claim"),
        (power_figure(content), "probability of a true claim"),
        (paired_figure(content), "difference, design minus fixed"),
    ):
        found = texts(drawing.svg)
        assert axis in found
        assert "adaptive" in found
        assert f'role="img" aria-labelledby="{drawing.name}-title' in drawing.svg
        assert drawing.question.endswith("?") and drawing.caption
    assert {"null", "mixed", "whole trial", "TNBC · drug B"} <= set(texts(type_i_error_figure(content).svg))
    assert {"after look", "randomisation probability"} <= set(texts(allocation_figures(content)[0].svg))
    assert {"look", "probability of stopping there"} <= set(texts(stopping_figure(content).svg))


def marker_positions(svg, colour):
    """Return the x positions of the markers of one colour, in drawing order."""
    uses = re.findall(r'<use [^>]*x="([-\d.]+)"[^>]*style="[^"]*fill: ?(#[0-9a-f]{6})', svg)
    if not uses:
        uses = [(x, c) for x, c in re.findall(r'<use [^>]*?x="([-\d.]+)"[^>]*?fill: ?(#[0-9a-f]{6})', svg)]
    return np.array([float(x) for x, c in uses if c == colour.lower()])


def test_dots_stand_at_the_estimates(content):
    """Positions must be linear in the estimates of the table, panel by panel, and not in others."""
    claims = content["tables"]["claims"]
    errors = claims[claims.metric.isin(["fwer", "type_i_error"]) & (claims.scenario == "null")]
    drawing = dots_by_scenario(errors, content["meta"], name="f", question="q?", caption="c", xlabel="x")
    own = errors[errors.design == "adaptive"]
    places = {"all": -1} | {name: i for i, name in enumerate(content["meta"]["subgroups"])}
    arms = {"all": -1} | {name: i for i, name in enumerate(content["meta"]["arms"])}
    order = sorted(range(len(own)), key=lambda i: (places[own.subgroup.iloc[i]], arms[own.arm.iloc[i]]))
    expected = own.estimate.to_numpy()[order]
    found = marker_positions(drawing.svg, COLOURS[1])[: len(expected)]
    assert len(found) == len(expected)
    slope, start = np.polyfit(expected, found, 1)
    assert slope > 0
    np.testing.assert_allclose(found, start + slope * expected, atol=0.01)
    shuffled = np.roll(expected, 1)
    slope, start = np.polyfit(shuffled, found, 1)
    assert np.abs(found - start - slope * shuffled).max() > 1


def test_a_figure_without_data_is_left_out_with_a_reason(tmp_path):
    write_result(tmp_path, "only", "null", fake_arrays(30), log_hr=SCENARIOS["null"], benchmark=None)
    content = build_content([tmp_path])
    assert power_figure(content).svg == "" and "no arm with a benefit" in power_figure(content).absent
    assert paired_figure(content).svg == ""
    page = render_report(content, tmp_path / "out").read_text(encoding="utf-8")
    assert "there is no arm with a benefit in any scenario" in page
    assert any("No benchmark" in warning for warning in content["warnings"])
    assert "nothing of power" in page


def test_looks_are_optional(tmp_path):
    content = build_content([write_study(tmp_path, n=40, looks=False)])
    drawing = allocation_figures(content)[0]
    assert "mean patients" in texts(drawing.svg)
    assert "keep no looks" in drawing.caption


def test_report_is_reproducible(content, report, tmp_path):
    again = render_report(content, tmp_path)
    assert again.read_bytes() == report.read_bytes()
    assert (tmp_path / "report.json").read_bytes() == (report.parent / "report.json").read_bytes()


def test_walk_finds_parameters_at_any_depth():
    config = {"a": [{"b": {"value": 1.5, "source": "s"}}], "c": {"d": [1, 2]}, "e": {"value": 3}}
    found = dict(walk(config))
    assert is_parameter(found["a[0].b"]) and found["c.d"] == [1, 2] and found["e.value"] == 3


@pytest.mark.parametrize(
    ("source", "tag", "expected"),
    [
        ("UNVERIFIED", "derived", "unverified"),
        ("", "verified", "no source"),
        ("x", "", "no tag"),
        ("x", "verified", ""),
    ],
)
def test_doubtful_parameters_are_flagged(source, tag, expected):
    assert flag(source, tag) == expected


STATED = [
    {"parameter": "scenario.hazards", "population": "a registry"},
    {"parameter": "scenario.hazards.death", "uncertainty": "9 to 11 months", "extraction": "ln 2 / median"},
]


@pytest.mark.parametrize(
    ("parameter", "source", "expected"),
    [
        (
            "scenario.hazards.death.tnbc",
            "a paper",
            "population: not given; limits: 9 to 11 months; extraction: ln 2 / median",
        ),
        (
            "scenario.hazards.relapse",
            "a paper",
            "population: a registry; limits: not given; extraction: not given",
        ),
        ("scenario.hazards_other", "a paper", "not given"),
        ("scenario.hazards.death", "assumption: stress", "none: assumption"),
    ],
)
def test_the_evidence_behind_a_parameter_is_told_or_said_not_to_be_given(parameter, source, expected):
    assert evidence(parameter, source, "derived", STATED) == expected


def test_differences_show_only_what_differs():
    frame = differences({"one": {"x": 1, "y": 2, "name": "one"}, "two": {"x": 1, "y": 3, "name": "two"}})
    assert frame.to_numpy().tolist() == [["y", "2", "3"]]


def test_rules_in_words():
    ask = {"quantity": "P(HR < 0.9)", "sign": "<", "threshold": [None, 0.1], "min_events": 20}
    rule = {"kind": "futility", "asks": [ask], "binding": False}
    assert (
        rule_text(rule) == "futility: P(HR < 0.9) < [not applied, 0.1] by look, from 20 events, non-binding"
    )


def test_pivot_keeps_order_and_marks_what_is_absent():
    frame = pd.DataFrame(
        {"scenario": ["b", "b", "a"], "design": ["y", "x", "y"], "text": ["1", "2", "3"], "n": [10, 10, 20]}
    )
    table = pivot(frame, name="t", caption="C.", keys={"scenario": "S"}, columns="design")
    assert table.head == ["S", "y", "x"]
    assert [[cell.text for cell in row] for row in table.rows] == [["b", "1", "2"], ["a", "3", "\N{EN DASH}"]]
    assert "n = 10 to 20" in table.caption


def test_spans_merge_only_within_the_group_before():
    cells = spanned([["a", "x", "1"], ["a", "x", "2"], ["b", "x", "3"]])
    assert [[c.span for c in row] for row in cells] == [[2, 2, 1], [0, 0, 1], [1, 1, 1]]


def test_a_result_of_the_real_store_becomes_a_report(tmp_path):
    """The package's own store writes what the reader expects; the trials themselves are made up."""
    for name in ("fixed", "adaptive"):
        run_cell(
            dataclasses.replace(toy_design(), name=name),
            toy_scenario(),
            study="pilot",
            seed=3,
            n_trials=40,
            chunk_size=20,
            path=tmp_path / "results",
            resolved_config={"rate": {"value": 0.1, "unit": "per month", "source": "x", "tag": "verified"}},
            benchmark="fixed",
            keep_looks=True,
            progress=False,
            simulate=fake_simulate,
        )
    content = build_content([tmp_path / "results"])
    assert len(content["tables"]["paired"]) and content["meta"]["benchmark"] == "fixed"
    Page(render_report(content, tmp_path / "out").read_text(encoding="utf-8"))
