"""``adaptive truth``: stored true values against a large sample of simulated patients."""

import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from adaptive.commands.arguments import split_settings
from adaptive.errors import BadInput

DIFFERS = 3
LEAST, MOST = 1000, 10**9
SETTINGS = {"n_patients": (1_000_000, LEAST, MOST), "seed": (1, 0, 2**32 - 1)}
"""Default, smallest and largest value of each setting."""


def main(argv: Sequence[str]) -> int:
    """Run the command; returns the exit code, 3 if a stored true value differs."""
    paths, given = split_settings(argv, tuple(SETTINGS))
    settings = _settings(given)
    if len(paths) != 1 or not Path(paths[0]).is_dir():
        raise BadInput(
            f"{len(paths)} results came ({', '.join(paths)}); give the folder of a study, for example "
            "results/brain_srs"
        )
    from adaptive.cli import set_precision

    set_precision("float64")
    from adaptive.oc.load import load_results
    from adaptive.oc.truth_content import told
    from adaptive.oc.truth_store import check_one, distinct, write_check

    study = Path(paths[0])
    results = load_results([study])
    chosen = distinct(results)
    scenarios = _scenarios(chosen)
    begun, rows = time.perf_counter(), []
    pairs = zip(chosen, scenarios, strict=True)
    for result, scenario in tqdm(
        list(pairs), desc="truth", unit="scenario", file=sys.stderr, disable=not sys.stderr.isatty()
    ):
        rows += check_one(result, scenario, settings["n_patients"], settings["seed"])
    content = write_check(study, results, rows, settings, shlex.join(["adaptive", "truth", *argv]))
    print("\n".join(told(content)))
    print(f"truth: {study / 'truth'} ({time.perf_counter() - begun:.0f} s)")
    return DIFFERS if content["differ"] else 0


def _settings(given: dict[str, str]) -> dict[str, int]:
    """Return the settings as whole numbers; raises ``BadInput`` with every fault."""
    found, faults = {}, []
    for name, (default, low, high) in SETTINGS.items():
        text = given.get(name, str(default)).replace("_", "")
        found[name] = int(text) if text.isdecimal() else -1
        if not low <= found[name] <= high:
            faults.append(f"{name}: {given[name]!r} came; give a whole number from {low:,} to {high:,}")
    if faults:
        raise BadInput(faults)
    return found


def _scenarios(results: Sequence[Any]) -> list[Any]:
    """Build the scenario of each result from its stored configuration."""
    from adaptive.config.build import build_scenario

    built, faults = [], []
    for result in results:
        try:
            built.append(build_scenario(result.config))
        except BadInput as error:
            faults += [f"{result.path / 'config.yaml'}: {fault}" for fault in error.faults]
    if faults:
        raise BadInput(faults)
    return built
