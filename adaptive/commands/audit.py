"""``adaptive audit``: fits looks of stored results with NUTS and says what would have been different."""

import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adaptive.cli import set_precision
from adaptive.commands.arguments import split_arguments
from adaptive.commands.preparing import prepare
from adaptive.config.schema_commands import PRECISIONS
from adaptive.errors import BadInput

REFERENCE = "float64"
"""Precision of the reference fits, whatever that of the results."""


def main(argv: Sequence[str]) -> int:
    """Run the command; returns the exit code."""
    root, settings = _split(argv)
    config = prepare("audit", split_arguments(settings))
    from adaptive.config.build_requests import build_audit
    from adaptive.oc import audit, audit_store
    from adaptive.oc.audit_summary import summarise
    from adaptive.oc.audit_text import told

    asked = build_audit(config)
    results = _results(root)
    set_precision(_precision(results))
    cells = _cells(results)
    chosen = audit.choose(cells, asked.request)
    set_precision(REFERENCE)
    cells, asked = _cells(results), build_audit(config)
    begun = time.process_time()
    table = audit.examine(cells, chosen, asked.fitting)
    seconds = time.process_time() - begun
    content = {
        "study": results[0].manifest["study"],
        "results": [audit_store.identify(result, root) for result in results],
        "settings": config,
        "command": shlex.join(["adaptive", "audit", *argv]),
        "summary": summarise(table, audit.behind(chosen)),
    }
    folder = audit_store.write_audit(root, content, table)
    print("\n".join(told(content["summary"])))
    fitted = content["summary"]["fits"]["looks"]
    print(f"{fitted} fits, {seconds / max(fitted, 1):.2f} CPU seconds each, compilation included")
    print(f"audit: {folder}")
    return 0


def _split(argv: Sequence[str]) -> tuple[Path, list[str]]:
    """Return the folder and the settings."""
    paths = [item for item in argv if not item.startswith("-") and "=" not in item]
    if len(paths) != 1:
        raise BadInput(
            f"{len(paths)} results came; give one folder, of a cell or of a whole study, for example "
            "results/brain_srs"
        )
    if not Path(paths[0]).is_dir():
        raise BadInput(f"{paths[0]}: there is no such folder; give a folder of results")
    return Path(paths[0]), [item for item in argv if item != paths[0]]


def _results(root: Path) -> list:
    from adaptive.oc.load import load_results

    return load_results([root])


def _precision(results: Sequence[Any]) -> str:
    """Return the precision of all results."""
    found = {str(result.manifest.get("dtype")) for result in results}
    if len(found) > 1 or not found <= set(PRECISIONS):
        raise BadInput(
            f"the results have the precisions {', '.join(sorted(found))}; audit those of one precision "
            f"({' or '.join(PRECISIONS)}) at a time"
        )
    return found.pop()


def _cells(results: Sequence[Any]) -> list:
    """Build design and scenario of each result from its stored configuration."""
    from adaptive.config.build import build_design, build_scenario
    from adaptive.oc.audit_course import run_course
    from adaptive.oc.audit_frame import AuditCell

    cells, faults = [], []
    for result in results:
        try:
            design, scenario = build_design(result.config), build_scenario(result.config)
        except BadInput as error:
            faults += [f"{result.path / 'config.yaml'}: {fault}" for fault in error.faults]
            continue
        cells.append(AuditCell(result, design, scenario, run_course))
    if faults:
        raise BadInput(faults)
    return cells
