"""The documents do what they say: files are written, commands and Python are run, links are followed."""

import re
import shlex
from pathlib import Path
from typing import NamedTuple

import pytest

from adaptive.cli import main
from adaptive.oc.validation import parse, shipped

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(
    r"<!-- (?P<mark>run|file: (?P<path>\S+)) -->\n```(?P<language>\w+)\n(?P<body>.*?)^```$", re.M | re.S
)
FEW_TRIALS = "n_trials=8"


class Block(NamedTuple):
    """A marked block of a page: to be written to ``path``, or run."""

    path: str | None
    language: str
    body: str


def blocks(page: Path) -> list[Block]:
    return [Block(m["path"], m["language"], m["body"]) for m in FENCE.finditer(page.read_text())]


def run_command(line: str) -> None:
    """Run one ``adaptive`` command in this process, simulations with few trials."""
    program, *arguments = shlex.split(line)
    assert program == "adaptive", line
    if arguments[0] == "simulate":
        arguments = [FEW_TRIALS if item.startswith("n_trials=") else item for item in arguments]
    assert main(arguments) == 0, line


def run_page(page: Path) -> int:
    """Write and run every marked block in order; Python blocks of a page share their names."""
    names: dict = {}
    for block in blocks(page):
        if block.path is not None:
            target = Path(block.path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.body)
        elif block.language == "python":
            exec(compile(block.body, page.name, "exec"), names)
        else:
            for line in block.body.strip().replace("\\\n", " ").splitlines():
                run_command(line)
    return len(blocks(page))


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p)], ids=lambda p: p.name)
def test_what_a_page_shows_works(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    # Pages name files of the repository from its root.
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    assert run_page(page) > 0


def test_marks_are_not_missed():
    """Every mark is followed by a fenced block, so that none is left out silently."""
    for page in PAGES:
        marks = re.findall(r"^<!-- (?:run|file: \S+) -->$", page.read_text(), flags=re.M)
        assert len(marks) == len(blocks(page)), page.name


def test_a_page_that_does_not_work_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "page.md"
    page.write_text("<!-- run -->\n```bash\nadaptive simulat n_trials=3\n```\n")
    with pytest.raises(AssertionError):
        run_page(page)
    page.write_text("<!-- run -->\n```python\nassert 1 + 1 == 3\n```\n")
    with pytest.raises(AssertionError):
        run_page(page)


def broken_links(page: Path) -> list[str]:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    return [link for link in links if "://" not in link and not (page.parent / link).exists()]


def test_links_lead_somewhere(tmp_path: Path):
    assert {page.name: broken_links(page) for page in PAGES if broken_links(page)} == {}
    page = tmp_path / "page.md"
    page.write_text("[gone](nowhere.md)")
    assert broken_links(page) == ["nowhere.md"]


def test_the_map_of_tests_that_reports_print_is_the_page():
    rows = parse((ROOT / "docs" / "validation.md").read_text(encoding="utf-8"))
    assert len(rows) > 60
    assert shipped() == rows, "run: python scripts/validation_map.py"
    named = {test for row in rows for test in row["tests"].split(", ")}
    assert {test for test in named if not (ROOT / test).exists()} == set()


def test_named_files_exist():
    """Paths in backquotes that look like files of this repository are there."""
    named = re.compile(r"`((?:adaptive|tests|scripts|conf|docs|benchmarks)/[\w./-]+\.\w+)`")
    missing = {
        path for page in PAGES for path in named.findall(page.read_text()) if not (ROOT / path).exists()
    }
    assert missing == set()
