"""``adaptive simulate``: every cell of a study, then its report.

All cells are composed and built before the first one runs. Hydra runs them, in this process or through a
launcher; the report is made when they are done.
"""

import os
import shlex
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from adaptive.commands.arguments import Arguments, split_arguments
from adaptive.commands.dossiers import find_dossier, store_dossier
from adaptive.config.build import Study, build_study
from adaptive.config.compose import (
    VERSION_BASE,
    BadOverrides,
    Cell,
    Sweep,
    compose_sweep,
    conf_root,
    options,
    plain,
)
from adaptive.config.schema import register
from adaptive.config.schema_commands import PRECISIONS
from adaptive.errors import BadInput, did_you_mean

NAME = "config"
UNUSED = ("output", "chunk_size", "driver", "report", "until")
"""Settings that do not change a result and so are not stored with it."""
_PARTS = ("design", "scenario")


def main(argv: Sequence[str]) -> int:
    """Run the command.

    Parameters
    ----------
    argv
        Arguments after ``simulate``.

    Returns
    -------
    Exit code.
    """
    arguments = split_arguments(argv)
    if arguments.passed_on:
        launch(argv)
        return 0
    sweep = _compose(arguments)
    first = check_cells(sweep.cells, arguments)
    folder = Path(first.settings.output) / first.settings.study
    named = first.report.dossier
    dossier = find_dossier(named, arguments.config_dir) if named else None
    launch(_for_hydra(argv, sweep.is_multirun))
    if dossier is not None:
        store_dossier(dossier, folder)
    if first.report.enabled:
        from adaptive.commands.reporting import write_report

        write_report(_folders(sweep.cells), first.report.output or folder / "report", folder, yielding=True)
    return 0


def _compose(arguments: Arguments) -> Sweep:
    """Compose every cell; if an override cannot be applied, tell the faults of the others too."""
    try:
        return compose_sweep(
            NAME, arguments.overrides, multirun=arguments.multirun, config_dir=arguments.config_dir
        )
    except BadOverrides as error:
        if error.config is not None:
            raise BadInput([*error.faults, *_faults_of(error.config)]) from error
        raise


def _faults_of(config: dict[str, Any]) -> tuple[str, ...]:
    try:
        build_study(config)
    except BadInput as error:
        return error.faults
    return ()


def check_cells(cells: Sequence[Cell], arguments: Arguments) -> Study:
    """Build every cell and check that they make one study; returns the first.

    Raises
    ------
    BadInput
        With every fault of every cell; a fault that several cells share is told once.
    """
    from adaptive.cli import set_precision

    found: Counter[str] = Counter()
    studies = []
    for cell in cells:
        if cell.config.get("precision") in PRECISIONS:
            set_precision(cell.config["precision"])
        try:
            studies.append(build_study(cell.config))
        except BadInput as error:
            found.update(dict.fromkeys(error.faults, 1))
    many = len(cells) > 1
    faults = [f"{text} (in {n} of {len(cells)} cells)" if many else text for text, n in found.items()]
    faults += _same_place(cells) + _benchmark(cells, arguments)
    if faults:
        raise BadInput(faults)
    return studies[0]


def _label(cell: Cell, part: str) -> str:
    node = cell.config.get(part)
    return str(node.get("name")) if isinstance(node, dict) else ""


def _place(cell: Cell) -> tuple[str, ...]:
    return tuple(str(cell.config.get(key)) for key in ("output", "study")) + tuple(
        _label(cell, p) for p in _PARTS
    )


def _same_place(cells: Sequence[Cell]) -> list[str]:
    """Return a fault for cells whose results would go to the same folder."""
    places: dict[tuple, list[Cell]] = {}
    for cell in cells:
        places.setdefault(_place(cell), []).append(cell)
    faults = []
    for place, sharing in places.items():
        if len(sharing) > 1:
            differing = sorted(set(sharing[0].overrides) ^ set(sharing[1].overrides))
            key = differing[0].partition("=")[0] if differing else "seed"
            faults.append(
                f"{len(sharing)} cells would be stored in {'/'.join(place)}; they differ in "
                f"{', '.join(differing)}. Give each design a name of its own, for example "
                f"'design.name={place[2]}_${{{key}}}'"
            )
    return faults


def _benchmark(cells: Sequence[Cell], arguments: Arguments) -> list[str]:
    """Return a fault if the benchmark is no design of the study and no option either."""
    benchmark = cells[0].config.get("benchmark")
    names = list(dict.fromkeys(_label(cell, "design") for cell in cells))
    if benchmark is None or benchmark in names:
        return []
    known = [*names, *options("design", arguments.config_dir)]
    if benchmark in known:
        return []
    hint = did_you_mean(str(benchmark), known)
    return [f"benchmark: {benchmark!r} is not a design; give null or one of {', '.join(known)}{hint}"]


def _folders(cells: Sequence[Cell]) -> list[Path]:
    return list(dict.fromkeys(Path(*_place(cell)) for cell in cells))


def _for_hydra(argv: Sequence[str], is_multirun: bool) -> list[str]:
    """Return the arguments for Hydra, with the flag that a study's own mode stands for."""
    return [*argv, "--multirun"] if is_multirun and not {"-m", "--multirun"} & set(argv) else list(argv)


def launch(argv: Sequence[str]) -> None:
    """Hand the arguments to Hydra, which runs ``run_one`` for every cell."""
    register()
    run = hydra.main(version_base=VERSION_BASE, config_path=str(conf_root()), config_name=NAME)(run_one)
    with _process(["adaptive", *argv]):
        run()


@contextmanager
def _process(argv: list[str]) -> Iterator[None]:
    """Set the arguments that Hydra reads, and let what a cell raises reach the command line."""
    before, full = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv, os.environ["HYDRA_FULL_ERROR"] = argv, "1"
    try:
        yield
    finally:
        sys.argv = before
        if full is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = full


def run_one(config: DictConfig) -> str:
    """Run one cell; Hydra calls it, in this process or on another machine. Returns the cell's folder."""
    from adaptive.cli import set_precision

    values = plain(config)
    set_precision(values["precision"])
    from adaptive.oc.study import run_cell

    study = build_study(values)
    settings, design = study.settings, values["design"]
    return str(
        run_cell(
            study.design,
            study.scenario,
            study=settings.study,
            seed=settings.seed,
            n_trials=settings.n_trials,
            chunk_size=settings.chunk_size,
            path=settings.output,
            resolved_config=stored(values, study.until is not None),
            benchmark=settings.benchmark,
            keep_looks=settings.keep_looks,
            command=_command(),
            estimand_horizon=design["horizon_months"],
            estimand_absent=tuple(design.get("absent_channels") or ()),
            until=study.until,
            simulate=_driver(settings.driver),
        )
    )


def stored(values: dict[str, Any], on_demand: bool = False) -> dict[str, Any]:
    """Return the settings that determine a result; under a request for precision the trials do not."""
    left_out = (*UNUSED, "n_trials") if on_demand else UNUSED
    return {key: value for key, value in values.items() if key not in left_out}


def _driver(name: str) -> Any:
    from functools import partial

    from adaptive.simulate.drivers import simulate

    return partial(simulate, driver=name)


def _command() -> str:
    """Return the command line that makes this cell alone."""
    asked = HydraConfig.get()
    folders = [item.path for item in asked.runtime.config_sources if item.provider == "command-line"]
    flags = [word for folder in folders for word in ("--config-dir", folder)]
    return shlex.join(["adaptive", "simulate", *flags, *asked.overrides.task])
