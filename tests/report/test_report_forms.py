"""HTML, PDF, JSON and CSV of one report: the same numbers and words in each, whatever names are made of."""

import base64
import csv
import decimal
import hashlib
import json
import re
import shlex
import subprocess
from html.parser import HTMLParser

import numpy as np
import pypdf
import pytest

from adaptive.oc.report_content import build_content
from adaptive.report.chapters import chapters
from adaptive.report.document import document, placed_blocks, walk
from adaptive.report.figure_style import Drawing
from adaptive.report.paper import breakable
from adaptive.report.pivot import Table
from adaptive.report.writing import render_report
from tests.report.synthetic import fake_arrays, write_result

DESIGNS = ("fixed", '=cmd|"A1" #eval("1") $x$ *b* _c_ @ref `d` [e')
SCENARIOS = {
    "<img src=x onerror=alert(1)> &quot; \\ ] #{": ((0.0, 0.0), (0.0, 0.0)),
    "mixed -- ~ // /* <label>": ((0.0, -0.4), (-0.5, 0.2)),
}
SUBGROUPS = ("@sum(1) </script><script>alert(2)", "TNBC #let x = 1")
ARMS = ("control", "+1 *bold* </b>", "-2 $y$ _z_ 'q'")
SOURCE = '=HYPERLINK("x") </td><script>alert(3)</script> #panic() \u202egnp \u4e2d'
COMMAND = shlex.join(
    ["adaptive", "simulate", "a b", f"scenario={','.join(f'scenario_{i}' for i in range(20))}", "it's=$x #2"]
)
COMMIT = "64208cd63d371c015afbed0be5213e337d576e68"
NAMES = (*DESIGNS, *SCENARIOS, *SUBGROUPS, *ARMS)


def write_study(root):
    """Write two designs in two scenarios whose names are full of metacharacters."""
    for index, (scenario, log_hr) in enumerate(SCENARIOS.items()):
        claim = np.where(np.array(log_hr) < 0, 0.7, 0.04)
        for design in DESIGNS:
            arrays = fake_arrays(250, log_hr=log_hr, claim=claim, seed=5 + index, looks=True, adaptive=True)
            node = {"value": 1.0, "unit": "=per month", "source": SOURCE, "tag": "@tag"}
            write_result(
                root,
                design,
                scenario,
                arrays,
                log_hr=log_hr,
                subgroups=SUBGROUPS,
                arms=ARMS,
                config={"scenario": {"rate": node}},
            )
    return root


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return content, numbered document, folder and chapters of a report marked as a draft."""
    content = build_content([write_study(tmp_path_factory.mktemp("results"))])
    content["meta"] |= {"draft": True, "date": "2026-03-01"}
    content["commands"]["simulate"] = [COMMAND]
    versions = content["software"]["versions"]
    versions.loc[versions.item == "git commit", "report"] = COMMIT
    content.setdefault("trust", {})["faults"] = ["a fault with #markup and <b>tags</b>"]
    parts = chapters(content)
    folder = tmp_path_factory.mktemp("report")
    render_report(content, folder, parts)
    return content, document(content, parts), folder, parts


@pytest.fixture(scope="module")
def paper(made):
    """Return the PDF and the text of each page."""
    reader = pypdf.PdfReader(made[2] / "report.pdf")
    return reader, [page.extract_text() for page in reader.pages]


def squashed(text):
    """Return text without blanks and without the invisible places where a line may break.

    A bar over a letter is left out: pypdf reads such a letter twice.
    """
    text = re.sub(r"(\w)\1?\u0304", r"\1", text)
    return re.sub(r"[\s\u200b\xa0]+", "", text)


def shown(text):
    """Return text as the PDF prints it: what has no glyph or acts unseen is written as its number."""
    return squashed(text.replace("\u202e", "(U+202E)").replace("\u4e2d", "(U+4E2D)"))


class Tables(HTMLParser):
    """Collect the cells of every table by the anchor around it."""

    def __init__(self, text):
        super().__init__()
        self.anchor, self.cell, self.tables, self.scripts = "", None, {}, []
        self.in_script = False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.in_script = tag == "script"
        if tag == "script":
            self.scripts.append("")
        if found.get("id", "").startswith("table-"):
            self.anchor = found["id"]
        if tag == "table":
            self.tables[self.anchor] = []
        elif tag == "tr":
            self.tables[self.anchor].append([])
        elif tag in ("td", "th"):
            self.cell = ""

    def handle_endtag(self, tag):
        self.in_script = False
        if tag in ("td", "th"):
            self.tables[self.anchor][-1].append(self.cell)
            self.cell = None

    def handle_data(self, data):
        if self.in_script:
            self.scripts[-1] += data
        elif self.cell is not None:
            self.cell += data


@pytest.fixture(scope="module")
def page(made):
    return Tables((made[2] / "report.html").read_text(encoding="utf-8"))


def printed_tables(whole):
    return [placed for placed in placed_blocks(whole) if isinstance(placed.block, Table)]


def test_every_cell_is_the_same_in_all_forms(made, page, paper):
    """Cells of the page in order; rows of the PDF as runs of their cells; CSV with labels written out."""
    _, whole, folder, _ = made
    pdf = squashed("".join(paper[1]))
    rows_found = 0
    for placed in printed_tables(whole):
        table = placed.block
        visible = [[cell.text for cell in row if cell.span] for row in table.rows]
        assert page.tables[placed.anchor] == [table.head, *visible], placed.anchor
        name = placed.anchor.removeprefix("table-")
        with (folder / "tables" / "printed" / f"{name}.csv").open(newline="", encoding="utf-8") as stream:
            lines = list(csv.reader(stream))
        for row, line in zip(table.rows, lines[1:], strict=True):
            for cell, text in zip(row, line, strict=True):
                assert not cell.span or text in (cell.text, f"'{cell.text}"), placed.anchor
            body = shown("".join(cell.text for cell in row[table.stub :]))
            assert body in pdf, (placed.anchor, body)
            rows_found += 1
    assert rows_found > 100


def test_a_changed_cell_would_be_found(made, paper):
    """The search above is no formality: a row with one digit changed is not in the PDF."""
    pdf = squashed("".join(paper[1]))
    table = next(p.block for p in printed_tables(made[1]) if p.block.name == "type_i_error")
    body = shown("".join(cell.text for cell in table.rows[0][table.stub :]))
    digit = next(c for c in body if c in "123456789")
    assert body.replace(digit, str(int(digit) % 9 + 1), 1) not in pdf


def test_printed_numbers_are_the_stored_ones_rounded(made, page):
    """``report.json`` and the CSV hold the same doubles; the printed text is their rounding, cell by cell."""
    content, _, folder, _ = made
    stored = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    rows = [row for row in stored["oc"] if row["table"] == "claims"]
    with (folder / "tables" / "claims.csv").open(newline="", encoding="utf-8") as stream:
        lines = list(csv.DictReader(stream))
    assert len(rows) == len(lines) == len(content["tables"]["claims"])
    for row, line in zip(rows, lines, strict=True):
        for name in ("estimate", "mcse"):
            assert (row[name] is None and line[name] == "") or row[name] == float(line[name])
        assert row["text"] == line["text"].removeprefix("'")
        assert_rounded(row)
    table = page.tables["table-type_i_error"]
    cells = {tuple(line[:2]): dict(zip(table[0], line, strict=True)) for line in written_out(table)}
    checked = 0
    for row in rows:
        if row["metric"] == "type_i_error" and row["level"] == "":
            printed = cells[(row["scenario"], row["subgroup"])]
            assert printed[f"{row['arm']} · {row['design']}"] == row["text"]
            checked += 1
    assert checked == 12


def written_out(table):
    """Return the body rows of a page's table with covered labels filled in from above."""
    width, above, lines = len(table[0]), [], []
    for row in table[1:]:
        above = above[: width - len(row)] + row
        lines.append(above)
    return lines


def assert_rounded(row):
    """Compare the printed text with the number rounded at the printed place, in exact arithmetic."""
    found = re.fullmatch(r"(\S+) \((\S+)\)", row["text"])
    if not found or row["estimate"] is None:
        return
    for text, value in zip(found.groups(), (row["estimate"], row["mcse"]), strict=True):
        printed = decimal.Decimal(text.replace("\N{MINUS SIGN}", "-").replace(",", ""))
        half = decimal.Decimal(1).scaleb(printed.as_tuple().exponent) / 2
        assert abs(decimal.Decimal(value) - printed) <= half * decimal.Decimal("1.0000001"), row


def test_numbers_of_tables_and_figures_agree(made, paper):
    """They run through the report without a gap, and JSON, page and PDF give each the same caption."""
    _, whole, folder, _ = made
    stored = json.loads((folder / "report.json").read_text(encoding="utf-8"))["contents"]
    html = (folder / "report.html").read_text(encoding="utf-8")
    pdf = squashed("".join(paper[1]))
    for kind, key in (("Table", "tables"), ("Figure", "figures")):
        placed = [b for b in placed_blocks(whole) if b.number.startswith(kind)]
        assert [b.number for b in placed] == [f"{kind} {i + 1}" for i in range(len(placed))]
        assert [e["number"] for part in stored for e in part[key]] == [b.number for b in placed]
        for block in placed:
            title = block.block.caption if kind == "Table" else block.block.question
            assert shown(f"{block.number}.{title}") in pdf
            assert f'<span class="number">{block.number}.</span>' in html
    for part in walk(whole.chapters):
        assert squashed(f"{part.number}{part.title}") in pdf
        assert f'<span class="number">{part.number}</span>&ensp;' in html


def test_every_table_says_what_made_it(made, paper):
    pdf = squashed("".join(paper[1]))
    for placed in printed_tables(made[1]):
        assert placed.made_by.startswith("Made by") and shown(placed.made_by) in pdf


def test_names_come_out_as_text_in_the_page(made, page):
    outside = (made[2] / "report.html").read_text(encoding="utf-8")
    for script in page.scripts:
        outside = outside.replace(script, "")
    assert not re.search(r"<(img|b)\b", outside)
    assert all("alert(" not in script for script in page.scripts)
    text = "".join(cell for table in page.tables.values() for row in table for cell in row)
    for name in (*NAMES, SOURCE):
        assert name in text, name


def test_names_come_out_as_text_in_the_pdf(paper):
    text = squashed("".join(paper[1]))
    for name in (*NAMES, SOURCE):
        assert shown(name) in text, name


def test_names_come_out_as_text_in_json_and_csv(made):
    folder = made[2]
    stored = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert set(stored["meta"]["designs"]) == set(DESIGNS) and stored["design"]["arms"] == list(ARMS)
    assert {row["source"] for row in stored["dgm"]["params"]} == {SOURCE}
    for file in folder.rglob("*.csv"):
        with file.open(newline="", encoding="utf-8") as stream:
            for cell in (cell for line in csv.reader(stream) for cell in line):
                risky = cell.lstrip()[:1] in tuple("=+-@") and cell.strip()
                assert not risky or re.fullmatch(r"[+-]?[\d.]+(e[+-]?\d+)?", cell), (file.name, cell)


def test_the_page_runs_only_our_scripts(made, page):
    """The policy names each script by its hash, and nothing else may run or be fetched."""
    html = (made[2] / "report.html").read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)[1].replace("&#39;", "'")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    running = [s for s in page.scripts if not s.lstrip().startswith(("{", "["))]
    digests = {
        "'sha256-" + base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() + "'" for s in running
    }
    assert rules["default-src"] == "'none'" and set(rules["script-src"].split()) == digests
    assert "http" not in policy and not re.search(r"\son\w+=\"", html)


def test_the_pdf_is_archivable_and_accessible(made, paper):
    """Metadata name PDF/A-2a and PDF/UA-1; what these ask for is there: tags, language, fonts, alt texts."""
    reader, _ = paper
    root = reader.trailer["/Root"]
    xmp = root["/Metadata"].get_data().decode()
    for tag, value in (("pdfaid:part", "2"), ("pdfaid:conformance", "A"), ("pdfuaid:part", "1")):
        assert re.search(rf"<{tag}>{value}</{tag}>", xmp), tag
    assert root["/MarkInfo"]["/Marked"] and root["/Lang"].startswith("en")
    assert reader.metadata.title.startswith("DRAFT: Operating characteristics")
    assert reader.metadata.creation_date.date().isoformat() == "2026-03-01"
    assert reader.outline and "/JavaScript" not in str(root.get("/Names", ""))
    fonts = list(font_files(reader))
    assert fonts and all(fonts)
    drawn = [b for b in placed_blocks(made[1]) if isinstance(b.block, Drawing) and b.block.svg]
    alts = [squashed(text) for text in alternatives(root["/StructTreeRoot"])]
    for block in drawn:
        assert shown(f"{block.block.question}{block.block.caption}") in alts, block.anchor


def test_listings_are_printed_in_the_size_of_a_small_note(paper):
    """Configurations and commands are no smaller than 6 points, the size of the smallest table."""
    sizes = set()

    def note(text, _, matrix, font, size):
        if text.strip() and font and "Mono" in font["/BaseFont"]:
            sizes.add(round(abs(size * matrix[3]), 1))

    for page in paper[0].pages:
        page.extract_text(visitor_text=note)
    assert sizes and min(sizes) >= 6.0, sizes


def test_a_command_copied_from_the_pdf_runs_as_it_was_recorded(paper):
    """It is longer than a line, and a shell reads the printed lines as the same words."""
    (page,) = [text for text in paper[1] if "adaptive simulate 'a b'" in text]
    copied = re.search(r"adaptive (simulate .*?)    # S1", page, re.DOTALL)[1]
    assert "\n" in copied and max(map(len, copied.split("\n"))) <= 90
    told = subprocess.run(["sh", "-c", f"printf '%s\n' {copied} # S1"], capture_output=True, text=True)
    assert told.stdout.splitlines() == shlex.split(COMMAND)[1:] and not told.stderr


def test_no_copied_word_holds_an_invisible_character(paper):
    """An invisible place to break would be named in the text that a viewer copies (``ActualText``)."""
    streams = [page.get_contents().get_data() for page in paper[0].pages]
    assert not [i for i, data in enumerate(streams) if re.search(rb"ActualText<[^>]*200B", data)]


def test_hashes_are_not_broken(paper):
    (page,) = [text for text in paper[1] if "What made the results, and what made this report." in text]
    assert re.search(rf"^git commit .*{COMMIT}$", page, re.MULTILINE)
    assert breakable(64 * "a") == 64 * "a" and "\u200b" in breakable(63 * "a")


def font_files(reader):
    """Yield for every font of every page whether its program is in the file."""
    for page in reader.pages:
        for reference in page["/Resources"].get("/Font", {}).values():
            font = reference.get_object()
            for inner in font.get("/DescendantFonts", [font]):
                descriptor = inner.get_object()["/FontDescriptor"]
                yield any(name in descriptor for name in ("/FontFile", "/FontFile2", "/FontFile3"))


def alternatives(root):
    """Yield the alternative text of every figure in the structure tree."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        node = node.get_object() if hasattr(node, "get_object") else node
        if not isinstance(node, dict):
            continue
        if node.get("/S") == "/Figure":
            yield str(node.get("/Alt", ""))
        kids = node.get("/K", [])
        waiting += kids if isinstance(kids, list) else [kids]


def test_a_draft_is_marked_on_every_page(made, paper):
    assert all("DRAFT" in text for text in paper[1])
    assert shown(made[0]["trust"]["faults"][0]) in squashed("".join(paper[1]))
    html = (made[2] / "report.html").read_text(encoding="utf-8")
    assert 'class="banner"' in html and "a fault with #markup and &lt;b&gt;tags&lt;/b&gt;" in html


def test_the_same_content_gives_the_same_bytes(made, tmp_path):
    content, _, folder, parts = made
    render_report(content, tmp_path, parts)
    for name in ("report.html", "report.pdf", "report.json"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name
