"""A check of true values on disk: ``truth/truth.json`` beside the results whose true values it checked."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adaptive.errors import BadInput
from adaptive.io.atomic import unwritable
from adaptive.io.hashing import sha256_data
from adaptive.oc.evidence import code_differs, identity_of, read_evidence, strangers, write_evidence
from adaptive.oc.load import CellResult
from adaptive.oc.truth_check import (
    compared,
    differs,
    hazard_ratio_rows,
    incidence_rows,
    limit,
    sample,
    without,
)
from adaptive.scenario.truth import Scenario

FOLDER, FILE = "truth", "truth.json"
REMEDY = "run `adaptive truth` again, or delete the folder"
GAMMA = 0.01
"""Chance that sound true values are said to differ, over all comparisons."""


def distinct(results: Sequence[CellResult]) -> list[CellResult]:
    """Return one result for each scenario and set of true values, in order."""
    found = {}
    for result in results:
        key = sha256_data([result.scenario, result.config.get("scenario"), result.truth.content])
        found.setdefault(key, result)
    return list(found.values())


def check_one(result: CellResult, scenario: Scenario, n_patients: int, seed: int) -> list[dict[str, Any]]:
    """Return the comparisons of one scenario: hazard ratios with every channel, incidences without some.

    Parameters
    ----------
    result
        A result whose ``truth.json`` is checked.
    scenario
        Its scenario, built from its configuration.
    n_patients, seed
        Size of each of the two samples, and root seed.
    """
    stored = result.truth.content
    endpoint, horizon = tuple(stored["endpoint"]), float(stored["horizon_months"])
    labels = scenario.subgroups, scenario.arms
    drawn = sample(scenario, endpoint, horizon, n_patients, seed)
    rows = hazard_ratio_rows(drawn, *labels)
    absent = tuple(stored.get("cif_without") or ())
    if absent:
        drawn = sample(without(scenario, absent), endpoint, horizon, n_patients, seed)
    rows += incidence_rows(drawn, *labels)
    return [{"scenario": result.scenario, **row} for row in compared(rows, stored)]


def write_check(
    study: Path,
    results: Sequence[CellResult],
    rows: Sequence[dict[str, Any]],
    settings: dict[str, Any],
    command: str,
) -> dict[str, Any]:
    """Write the comparisons; returns what was written.

    Parameters
    ----------
    study
        Folder of the results.
    results
        Every result whose scenario was checked.
    rows
        The comparisons.
    settings
        ``n_patients`` and ``seed``.
    command
        Command line, for the record.

    Raises
    ------
    BadInput
        If no true value could be compared, or the operating system cannot write.
    """
    n_compared = sum(row["z"] is not None for row in rows)
    largest = limit(n_compared, GAMMA)
    judged = [row | {"differs": differs(row, largest)} for row in rows]
    n_different = sum(row["differs"] for row in judged)
    if not (n_compared or n_different):
        reasons = "; ".join(dict.fromkeys(row["reason"] for row in rows))
        raise BadInput(f"no true value can be compared with the sample ({reasons}); give a larger n_patients")
    content = {
        "study": results[0].manifest["study"],
        "results": [identity_of(result) for result in results],
        "settings": settings,
        "command": command,
        "gamma": GAMMA,
        "largest_z": largest,
        "differ": n_different,
        "rows": judged,
    }
    try:
        (study / FOLDER).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(study / FOLDER, error) from error
    write_evidence(study / FOLDER / FILE, content)
    return content


def fitting_check(
    study: Path | None, results: Sequence[CellResult]
) -> tuple[dict[str, Any] | None, list[str]]:
    """Return the check of these results if there is one, and messages about one that is not used.

    Raises
    ------
    BadInput
        If it was altered.
    """
    if study is None or not (study / FOLDER / FILE).is_file():
        return None, []
    content = read_evidence(study / FOLDER / FILE, REMEDY)
    here = {(result.design, result.scenario) for result in results}
    made_for = [item for item in content["results"] if (item["design"], item["scenario"]) in here]
    reasons = strangers(made_for, results) or ([] if made_for else ["none of them is among these"])
    missing = sorted(here - {(item["design"], item["scenario"]) for item in made_for})
    if not reasons and missing:
        reasons = [f"it does not cover {', '.join('/'.join(pair) for pair in missing[:3])}"]
    if not reasons and code_differs(content, results):
        reasons = ["it was made by another simulation code"]
    if not reasons and any("reason" not in row for row in content["rows"]):
        reasons = ["an earlier version made it, which left out what it could not compare"]
    if not reasons:
        return content, []
    return None, [
        f"The check of true values is not of these results ({'; '.join(reasons[:3])}) and not shown; {REMEDY}"
    ]
