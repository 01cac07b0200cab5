"""Layout of the report: what a reader sees of its tables and figures, on paper and on the page."""

import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pypdf
import pytest
import yaml
from matplotlib import rc_context

from adaptive.oc.parameters import value_text
from adaptive.oc.report_content import build_content, plain_words
from adaptive.report.blocks import Explorer
from adaptive.report.chapters import chapters
from adaptive.report.document import document, placed_blocks
from adaptive.report.figure_style import ABOVE_GRID, STYLE, Drawing, panels, to_svg
from adaptive.report.figures_calendar import calendar_figures, distribution_figure
from adaptive.report.figures_course import allocation_figures, stopping_figure
from adaptive.report.html import report_html, titled
from adaptive.report.paper import INSET, PORTRAIT, em, sized
from adaptive.report.pdf import write_pdf
from adaptive.report.pivot import Cell, Table, plain
from adaptive.report.section import section
from adaptive.report.sections_configuration import shared_parts
from adaptive.report.sections_examples import data_table
from adaptive.report.sections_model import BORROWING_COLUMNS, SPREAD_COLUMNS
from tests.report.synthetic import fake_arrays, write_result

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """Return the content of two designs in two scenarios."""
    root = tmp_path_factory.mktemp("results")
    for index, (scenario, log_hr) in enumerate(
        {"null": ((0.0, 0.0),) * 2, "mixed": ((0.0, -0.4),) * 2}.items()
    ):
        for design in ("fixed", "adaptive"):
            arrays = fake_arrays(60, log_hr=log_hr, seed=8 + index, looks=True, adaptive=design == "adaptive")
            write_result(root, design, scenario, arrays, log_hr=log_hr)
    return build_content([root])


@pytest.fixture(scope="module")
def drawings(content):
    """Return every figure of the report."""
    blocks = placed_blocks(document(content, chapters(content)))
    return [p.block for p in blocks if isinstance(p.block, Drawing) and p.block.svg]


def lines_under_the_grid(svg):
    """Return the lines of panels that come before the axes in drawing order, so that the grid covers them."""
    under = []
    for group in ElementTree.fromstring(svg).iter(f"{SVG}g"):
        names = [child.get("id", "") for child in group]
        axis = next((i for i, name in enumerate(names) if "matplotlib.axis_1" in name), None)
        under += [name for name in names[:axis] if axis is not None and re.search(r"-line2d_\d+$", name)]
    return under


def test_no_reference_line_is_covered_by_the_grid(drawings):
    assert len(drawings) > 8
    for drawing in drawings:
        assert not lines_under_the_grid(drawing.svg), drawing.name


@pytest.mark.parametrize(("order", "covered"), [(ABOVE_GRID, 0), (0.4, 1)])
def test_a_covered_line_would_be_found(order, covered):
    with rc_context(STYLE):
        canvas, axes = panels(1, height=1.5)
        axes[0].axhline(0, zorder=order)
        axes[0].grid()
        svg = to_svg(canvas, "f", "q", "d")
    assert len(lines_under_the_grid(svg)) == covered


def table_of(rows, head, **options):
    """Return a table of plain texts."""
    return plain(pd.DataFrame(rows, columns=head), name="t", caption="A caption.", **options)


@pytest.mark.parametrize(
    ("title", "group"),
    [("True hazard ratio", "True hazard ratio: 0.4"), ("Look", "Look 0.4"), ("Scenario", "0.4")],
)
def test_a_group_on_paper_keeps_the_title_of_its_column(title, group):
    rows = [["0.4", "fixed", "1"], ["0.4", "adaptive", "2"]]
    shown = sized(table_of(rows, [title, "Design", "Patients"], stub=2, numeric=True))
    assert shown["head"] == ["Design", "Patients"]
    assert [row["group"] for row in shown["rows"]] == [group, None, None]


def test_a_label_of_very_many_rows_stands_in_each_on_paper():
    rows = [["a", "x" if i < 12 else "y", f"{i}", "1"] for i in range(25)]
    shown = sized(table_of(rows, ["Scenario", "Subgroup", "Arm", "n"], stub=3, numeric=True))
    rows = [row["cells"] for row in shown["rows"] if row["cells"]]
    assert [cells[0]["span"] for cells in rows if len(cells) == 3] == [12, *[1] * 13]
    assert [cells[0]["text"] for cells in rows[12:]] == ["y"] * 13


def test_rows_of_a_small_group_stay_together_on_paper():
    rows = [[f"s{i // 3}", f"d{i}", "1"] for i in range(6)] + [["long", f"d{i}", "1"] for i in range(13)]
    shown = sized(table_of(rows, ["Scenario", "Design", "n"], stub=2, numeric=True))
    kept = [row["keeps"] for row in shown["rows"] if row["cells"]]
    assert kept == [3, 0, 0, 3, 0, 0, *[1] * 13]


def test_long_texts_beside_numbers_count_as_the_lines_that_they_take():
    place = "hazard of the endpoint 1.40 times; accrual rate twice; " * 4
    rows = [["srs", f"kind {i}", place, "0.35"] for i in range(8)]
    head = ["Design", "Points", "Where", "Error"]
    shown = sized(table_of(rows, head, stub=3, numeric=True))
    assert not shown["kept"] and {row["keeps"] for row in shown["rows"] if row["cells"]} == {1}


def printed(content, folder, *sections):
    """Return the text of each page of a PDF with these chapters alone."""
    write_pdf(document(content, list(sections)), folder / "report.pdf")
    return [page.extract_text() for page in pypdf.PdfReader(folder / "report.pdf").pages]


def test_no_group_of_a_printed_table_goes_over_a_page(content, tmp_path):
    rows = [[f"group{i // 3}.", f"row{i}.", "1"] for i in range(300)]
    table = table_of(rows, ["Scenario", "Design", "n"], stub=2, numeric=True)
    pages = printed(content, tmp_path, section("one", "One", ["Words."], table))
    of_row = {f"row{i}.": n for n, page in enumerate(pages) for i in range(300) if f"row{i}." in page.split()}
    assert len(of_row) == 300 and len(set(of_row.values())) > 3
    for i in range(0, 300, 3):
        assert len({of_row[f"row{j}."] for j in range(i, i + 3)}) == 1, i


def test_short_chapters_share_a_page_and_no_words_stand_alone_before_a_turned_one(content, tmp_path):
    wide = table_of([["1" * 12] * 14], ["n" * 12] * 14, numeric=True)
    assert sized(wide)["wide"]
    parts = [section(name, name, [f"Words of {name}."]) for name in ("first", "second")]
    pages = printed(content, tmp_path, *parts, section("third", "third", ["Words of third."], wide))
    (first,) = (page for page in pages if "Words of first." in page)
    assert "Words of second." in first
    (third,) = (page for page in pages if "Words of third." in page)
    assert "1" * 12 in third


def test_paper_does_not_ask_for_a_choice(content, tmp_path):
    case = section("case", "Case", ["Words of a case."])
    explorer = Explorer("e", "Choose a trial.", [case])
    whole = " ".join(printed(content, tmp_path, section("one", "One", [], explorer)))
    assert "Words of a case." in whole and "Choose" not in whole


def test_the_page_makes_its_tables_before_it_watches_them(content):
    page = report_html(document(content, chapters(content)))
    assert page.index('holder = make("div", { class: "scroll"') < page.index("forEach(watch)")


def test_rules_for_one_table_name_one_of_the_page(content):
    page = report_html(document(content, chapters(content)))
    (styles,) = re.findall(r"<style>(:root.*?)</style>", page, re.S)
    named = set(re.findall(r"#(table-[\w-]+)", styles))
    assert "table-headline" in named and all(f'id="{name}"' in page for name in named)


def test_no_word_runs_out_of_its_column():
    """The least column of a table of sentences is as wide as its longest word that does not break."""
    sentence = (
        "A sentence that is much longer than the names beside it, so that it asks for all the room. " * 3
    )
    rows = [["new_brain_metastasis", sentence, "an_endpoint_name_2000"], ["b", sentence, "c"]]
    shown = sized(table_of(rows, ["Parameter", "Meaning", "Scenario"]))
    for column, width in enumerate(shown["shares"]):
        assert width >= max(
            em(word) for line in shown["rows"] for word in line["cells"][column]["text"].split()
        )
    room = PORTRAIT / shown["size"] - 3 * INSET / shown["size"]
    assert sum(shown["shares"]) == pytest.approx(room)


@pytest.mark.parametrize(("rows", "kept"), [(5, True), (18, True), (19, False)])
def test_a_short_table_stays_on_its_page(rows, kept):
    assert sized(table_of([["a", "1"]] * rows, ["Arm", "n"], numeric=True))["kept"] is kept


def test_lines_within_cells_count():
    text = "Words that take several lines where they stand beside another such column of words. " * 8
    rows = [[f"Item {i} of a column of words", text] for i in range(6)]
    assert not sized(table_of(rows, ["Item", "Text"]))["kept"]
    assert sized(table_of(rows[:1], ["Item", "Text"]))["kept"]
    listed = Table("t", "c", ["Item", "Text"], [[Cell("a"), Cell("\n".join("abc"))]] * 10)
    assert not sized(listed)["kept"]


def test_a_flagged_row_is_marked_from_its_first_cell():
    frame = pd.DataFrame([["a", "x", "1", ""], ["a", "y", "2", "why"]], columns=["s", "d", "v", "flag"])
    table = plain(frame, name="t", caption="c", stub=2, flag="flag")
    assert [[cell.flagged for cell in row] for row in table.rows] == [[False] * 3, [False, True, True]]


def test_shared_configurations_are_printed_once_and_give_each_one_again():
    """Every configuration is all entries whose title names it; no entry is printed twice."""
    configs = []
    for design in ("fixed", "adaptive"):
        for scenario in ("null", "mixed"):
            data = {"design": {"name": design}, "n": 3, "scenario": {"name": scenario, "l": ["a", "b"]}}
            configs.append({"design": design, "scenario": scenario, "text": yaml.safe_dump(data)})
    configs[3]["text"] = configs[3]["text"].replace("n: 3", "n: 4")
    parts = shared_parts(configs)
    assert [title for title, _ in parts] == [
        "null | fixed; mixed | fixed; null | adaptive",
        "Design fixed",
        "Scenario null",
        "Scenario mixed",
        "Design adaptive",
        "mixed | adaptive",
    ]
    assert len({text for _, text in parts}) == len(parts)
    for config in configs:
        names = {f"Design {config['design']}", f"Scenario {config['scenario']}"}
        pair = f"{config['scenario']} | {config['design']}"
        own = "".join(text for title, text in parts if title in names or pair in title.split("; "))
        assert yaml.safe_load(own) == yaml.safe_load(config["text"])


def test_columns_of_words_are_set_as_text_wherever_they_stand():
    rows = [
        ["a", "TNBC with drift", "0.1 (0.02)", "\N{EN DASH}"],
        ["b", "\N{EN DASH}", "\N{MINUS SIGN}0.2", "< 0.1"],
    ]
    table = table_of(rows, ["Design", "Where", "Error", "p"], numeric=True)
    assert table.text_columns == {0, 1} and sized(table)["left"] == [0, 1]
    assert [kind for _, kind in titled(table)] == ["stub", "stub", "", ""]
    assert table_of(rows, ["Design", "Where", "Error", "p"]).text_columns == {0, 1, 2, 3}


def shaded(svg):
    """Return how many shaded bands a drawing has."""
    return len(re.findall(r'id="[^"]*FillBetweenPolyCollection_\d+"', svg))


def test_bands_of_several_designs_do_not_mix(content):
    """One design is shaded in each panel, arms not at all; thin lines mark 5% and 95% of the others."""
    rows = [
        (scenario, design, metric, month, month, 2 * month, 3 * month)
        for scenario in content["meta"]["scenarios"]
        for design in content["meta"]["designs"]
        for metric in ("patients", "events")
        for month in (0.0, 12.0)
    ]
    names = ["scenario", "design", "metric", "month", "p05", "p50", "p95"]
    tables = content["tables"] | {"calendar": pd.DataFrame(rows, columns=names)}
    for drawing in calendar_figures(content | {"tables": tables}):
        assert shaded(drawing.svg) == len(content["meta"]["scenarios"])
        assert f"for {content['meta']['designs'][0]} only" in drawing.caption
    for drawing in allocation_figures(content):
        assert shaded(drawing.svg) == 0 and "closed arm counts as 0" in drawing.caption


def test_designs_are_named_in_the_key_alone(content):
    svg = distribution_figure(content, "months").svg
    texts = [text.strip() for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg)]
    for design in content["meta"]["designs"]:
        assert texts.count(design) == 1, design


def test_panels_without_stops_are_named_instead_of_drawn(content):
    """A scenario below a thousandth at every look has no panel; one at it has."""
    table = content["tables"]["stopping"]
    stops = table[(table.metric == "stop") & table.level.isin(["EFFICACY", "FUTILITY", "HARM"])]
    quiet = stops.assign(m=1, estimate=np.where(stops.scenario == "null", 0.0009 / 3, 0.0011))
    drawing = stopping_figure(content | {"tables": content["tables"] | {"stopping": quiet}})
    assert "Less than 0.1% at every look in null." in drawing.caption
    assert ">mixed<" in drawing.svg and ">null<" not in drawing.svg
    loud = quiet.assign(estimate=0.0011)
    drawing = stopping_figure(content | {"tables": content["tables"] | {"stopping": loud}})
    assert "Less than" not in drawing.caption and ">null<" in drawing.svg


@pytest.mark.parametrize("columns", [SPREAD_COLUMNS, BORROWING_COLUMNS])
def test_every_column_title_names_its_quantity(columns):
    titles = [title.split(": ")[-1].strip() for title in columns.values()]
    assert not any(re.fullmatch(r"[\d.]+%|median", title) for title in titles)
    assert len(set(columns.values())) == len(columns)


def test_columns_of_an_example_say_what_their_numbers_are():
    cell = {
        "subgroup": "TNBC",
        "arm": "drug",
        "patients": 16,
        "events": 4,
        "exposure": 67.2,
        "allocation": 0.5,
    }
    item = {
        "id": "a",
        "trial": 3,
        "looks": [{"look": 1, "month": 14.6, "cells": [cell]}],
        "made_by": "simulate",
    }
    table = data_table(item)
    assert table.head[2:] == ["drug: patients, events, person-months", "drug: share until the next look"]
    assert [cell.text for cell in table.rows[0][2:]] == ["16, 4, 67", "0.500"]


def test_a_cell_without_benefit_is_called_so_even_with_harm(tmp_path):
    truth = ((0.0, np.log(1.4)), (0.0, -0.4))
    write_result(tmp_path, "fixed", "harm", fake_arrays(20, log_hr=truth), log_hr=truth)
    shown = build_content([tmp_path])["scenarios"]
    told = [text for text in shown.to_numpy().ravel() if "(" in str(text)]
    assert told == ["1 (no benefit)", "1.4 (no benefit)", "1 (no benefit)"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("PartialPooling", "Partial pooling"),
        ("LaplaceEngine", "Laplace engine"),
        ("new_brain_metastasis", "new brain metastasis"),
        ("overall survival", "overall survival"),
        ("NUTS", "NUTS"),
    ],
)
def test_names_of_parts_are_shown_in_words(name, words):
    assert plain_words(name) == words


def test_the_designs_side_by_side_have_no_names_of_code(content):
    texts = content["designs"].drop(columns="property").to_numpy().ravel()
    assert "Partial pooling" in texts and not any(re.search(r"[a-z]_[a-z]|[a-z][A-Z][a-z]", t) for t in texts)


def test_an_empty_setting_is_called_none():
    assert value_text({}) == "none" and value_text({"a": {}}) == "{a: none}"
