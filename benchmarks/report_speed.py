"""How long the report of 20 stored cells takes, and what of it its parts take.

The cells are 2 designs of `brain_srs` in 10 scenarios, 10,000 trials each with their looks; those that
``--results`` does not hold yet are simulated first, and that time is not counted. The command
``adaptive report`` is timed from its start to its end in a process of its own, and once more by its parts.
Run on an idle machine: ``python benchmarks/report_speed.py --results FOLDER``.
"""

import importlib.metadata
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import peak_mebibytes, run

DESIGNS = "srs_fixed,srs_rar"
SCENARIOS = (
    "srs_null,srs_both,srs_graded,srs_her2,srs_harm,srs_drift,srs_delayed,srs_modest,srs_waning,srs_tnbc"
)
PACKAGES = ("matplotlib", "pandas", "typst", "jinja2", "pyarrow")
LIMIT = 60.0
"""Seconds within which the report is wanted, on two cores."""


def adaptive(*arguments: str) -> float:
    """Run a command of the package in a process of its own and return its wall seconds."""
    start = time.perf_counter()
    line = [sys.executable, "-c", "import sys; from adaptive.cli import main; sys.exit(main())", *arguments]
    subprocess.run(line, check=True)
    return time.perf_counter() - start


def simulated(folder: Path, n_trials: int) -> Path:
    """Return the folder of the study, simulating the cells that it lacks."""
    settings = ("experiment=brain_srs", f"design={DESIGNS}", f"scenario={SCENARIOS}", f"n_trials={n_trials}")
    adaptive("simulate", *settings, f"output={folder}", "report.enabled=false")
    return folder / "brain_srs"


def parts(study: Path, output: Path) -> dict[str, float]:
    """Return wall seconds of each step of the report, in one process that has imported everything."""
    from adaptive.commands import reporting
    from adaptive.oc.report_manifest import Made
    from adaptive.report import writing
    from adaptive.report.compliance import checklist_rows
    from adaptive.report.document import document
    from adaptive.report.export import write_json
    from adaptive.report.html import report_html
    from adaptive.report.pdf import write_pdf

    found: dict[str, float] = {}

    def timed(name, function, *arguments):
        start = time.perf_counter()
        result = function(*arguments)
        found[name] = time.perf_counter() - start
        return result

    made = Made([study], study, study / "dossier.yaml", True, "2026-01-01", "adaptive report", str(output))
    content, chapters = timed("content and figures", reporting.report_content, made)
    whole = timed("numbering", document, content, chapters)
    output.mkdir()
    timed("csv", writing.write_tables, content, whole, output / "tables")
    timed("json", write_json, content, whole, checklist_rows(chapters, content), output / "report.json")
    timed("html", report_html, whole)
    timed("pdf", write_pdf, whole, output / "report.pdf")
    return found


def main(options, report):
    n_trials = 200 if options.quick else 10_000
    report.head["packages"] = {name: importlib.metadata.version(name) for name in PACKAGES}
    with tempfile.TemporaryDirectory() as name:
        study = simulated(options.results or Path(name) / "results", n_trials)
        cells = len(list(study.glob("*/*/manifest.json")))
        for repeat in range(1 if options.quick else 3):
            seconds = adaptive("report", str(study), "--draft", f"output={Path(name) / f'report{repeat}'}")
            pages = Path(name) / f"report{repeat}"
            sizes = {file.suffix[1:]: file.stat().st_size for file in pages.glob("report.*")}
            report.add(
                part="whole command",
                cells=cells,
                n_trials=n_trials,
                wall_seconds=seconds,
                within_limit=seconds < LIMIT,
                bytes=sizes,
            )
        for part, seconds in parts(study, Path(name) / "parts").items():
            report.add(part=part, cells=cells, n_trials=n_trials, wall_seconds=seconds)
        report.add(part="memory", peak_mebibytes=peak_mebibytes())


def add_options(parser):
    parser.add_argument("--results", type=Path, help="folder for the cells; kept, and used again")


if __name__ == "__main__":
    run("report_speed", __doc__.splitlines()[0], main, add_options)
