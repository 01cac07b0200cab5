"""The result rows of one trial: read where looks were stored, simulated again where they were not."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import pyarrow as pa
import pyarrow.parquet as pq

from adaptive.design.protocol import Design
from adaptive.errors import BadInput
from adaptive.io.frames import Tables
from adaptive.oc.borrowing import borrows
from adaptive.oc.examples_course import trial_course
from adaptive.oc.load import CellResult
from adaptive.oc.looks import has_looks
from adaptive.oc.replay import replay_tables
from adaptive.scenario.truth import Scenario


def course_of(
    result: CellResult,
    trial: int,
    design_of: Callable[[Mapping[str, Any]], Design],
    scenario_of: Callable[[Mapping[str, Any]], Scenario] | None,
) -> dict:
    """Return one trial of a result as plain data, with two facts about where it is from.

    ``stored`` says whether its looks were stored, ``borrows`` whether the analysis model shares information
    between subgroups.

    Parameters
    ----------
    result
        A stored result.
    trial
        Number of one of its trials.
    design_of, scenario_of
        Build the design and the scenario of a configuration; the second is asked only if looks were not
        stored.

    Raises
    ------
    BadInput
        If the configuration builds no design, if stored looks lack what the design's rules look at, or if
        looks were neither stored nor can be simulated again.
    """
    with jax.enable_x64(result.config.get("precision") != "float32"):
        design = design_of(result.config)
        stored = has_looks(result)
        if not stored and scenario_of is None:
            raise BadInput(f"{result.path}: looks were not stored; simulate again with keep_looks=true")
        rows = (
            stored_rows(result.path, trial)
            if stored
            else replay_tables(design, scenario_of(result.config), result.manifest["seed"], trial)
        )
        try:
            course = trial_course(design, rows, result.truth.content)
        except KeyError as error:
            raise BadInput(f"{result.path}: the stored looks lack {error}; re-run the cell") from error
    shared = borrows(design.analysis.model, len(design.subgroups))
    return course | {"stored": stored, "borrows": shared}


def stored_rows(path: Path, trial: int) -> Tables:
    """Return the rows of one trial.

    Raises
    ------
    BadInput
        If a file cannot be read.
    """
    try:
        return Tables(*(_rows(path / f"{name}.parquet", trial) for name in Tables._fields))
    except (OSError, pa.ArrowException) as error:
        raise BadInput(f"{path}: trial {trial} cannot be read ({error}); re-run the cell") from error


def _rows(file: Path, trial: int) -> pa.Table:
    return pq.read_table(file, filters=[("trial", "=", trial)], partitioning=None)
