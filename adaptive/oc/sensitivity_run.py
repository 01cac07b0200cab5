"""Simulates the cells of a sensitivity analysis below the folder of their study; an interrupted run resumes.

The study's own cells are the bases. They must be what the same settings would give, made by the same
simulation code and seed, or differences would not be of the factor alone.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from tqdm import tqdm

from adaptive.errors import BadInput
from adaptive.io.manifest import code_state, read_manifest, verify_files
from adaptive.oc.evidence import simulation_code
from adaptive.oc.parameters import walk
from adaptive.oc.sensitivity import FOLDER, FREE, Order
from adaptive.oc.study import run_cell
from adaptive.simulate.drivers import simulate as simulate_trials

SHOWN = 4


def base_faults(study: Path, wanted: Mapping[tuple[str, str], Mapping[str, Any]], n_trials: int) -> list[str]:
    """Return why cells of the study cannot be bases, each with what to do.

    Parameters
    ----------
    study
        Folder of the study.
    wanted
        Design and scenario -> the configuration that the base must have.
    n_trials
        Trials of a level.
    """
    faults = []
    for (design, scenario), config in wanted.items():
        cell = study / design / scenario
        if not (cell / "manifest.json").is_file():
            faults.append(f"{cell}: no finished cell; simulate the study first, then vary it")
            continue
        faults += verify_files(cell) or _differences(cell, config, n_trials)
    return faults


def _differences(cell: Path, config: Mapping[str, Any], n_trials: int) -> list[str]:
    """Return in what a sound cell differs from what is needed."""
    manifest = read_manifest(cell)
    stored = yaml.safe_load((cell / "config.yaml").read_text(encoding="utf-8"))
    faults = []
    if other := _unlike(stored, config):
        more = f" and {len(other) - SHOWN} more" if len(other) > SHOWN else ""
        faults.append(
            f"{cell}: made with other settings ({'; '.join(other[:SHOWN])}{more}); give the same overrides "
            "as for `adaptive simulate`"
        )
    if simulation_code(manifest) != simulation_code({"code": code_state()}):
        faults.append(f"{cell}: made by another simulation code than this; simulate the study again")
    if manifest["counts"]["finished"] < n_trials:
        faults.append(
            f"n_trials: {n_trials} came, but {cell} has {manifest['counts']['finished']}; a level may have "
            "at most as many as its base"
        )
    return faults


def _unlike(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Return ``key: then ..., now ...`` of every setting that differs."""
    then, now = (
        dict(walk({key: value for key, value in config.items() if key not in FREE}))
        for config in (stored, wanted)
    )
    return [
        f"{key} is {then.get(key)!r} there and {now.get(key)!r} here"
        for key in dict.fromkeys([*then, *now])
        if then.get(key) != now.get(key)
    ]


def run_orders(
    study: Path, orders: Sequence[Order], *, progress: bool = False, simulate: Callable = simulate_trials
) -> None:
    """Simulate every cell; finished ones are kept as they are.

    Parameters
    ----------
    study
        Folder of the study.
    orders
        Cells of the levels.
    progress
        Whether to show a progress bar on standard error.
    simulate
        Stands in for ``adaptive.simulate.drivers.simulate`` in tests.

    Raises
    ------
    BadInput
        If a folder holds another cell, or the disk refuses.
    """
    bar = tqdm(orders, desc="sensitivity", unit="cell", file=sys.stderr, disable=not progress)
    for order in bar:
        bar.set_postfix_str(order.place)
        try:
            _run(study, order, simulate)
        except BadInput as error:
            raise BadInput([f"{fault} (sensitivity, {order.place})" for fault in error.faults]) from error


def _run(study: Path, order: Order, simulate: Callable) -> None:
    config, design = order.config, order.config["design"]
    run_cell(
        order.design,
        order.scenario,
        study=order.level,
        seed=config["seed"],
        n_trials=config["n_trials"],
        chunk_size=order.chunk_size,
        path=study / FOLDER / order.factor,
        resolved_config=config,
        benchmark=config.get("benchmark"),
        keep_looks=bool(config["keep_looks"]),
        command=order.command,
        progress=False,
        estimand_horizon=design["horizon_months"],
        estimand_absent=tuple(design.get("absent_channels") or ()),
        simulate=simulate,
    )
