"""Composes configurations with Hydra: one, or every cell of a sweep, before anything is run.

The only place that knows where the YAML files are. Nothing here builds objects.
"""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf, open_dict

from adaptive.config.closed import refuse_code
from adaptive.config.explain import REPORTED, explain
from adaptive.config.schema import register
from adaptive.errors import BadInput

VERSION_BASE = "1.3"
_SWEEPER = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"


class Cell(NamedTuple):
    """One cell of a study: the overrides that make it, and its values as plain data."""

    overrides: tuple[str, ...]
    config: dict[str, Any]


class BadOverrides(BadInput):
    """Overrides that cannot be composed.

    Attributes
    ----------
    config
        The values under the other overrides, so that their faults can be told too; ``None`` where the
        choice of an option failed and they would mislead.
    """

    def __init__(self, faults: Sequence[str], config: dict[str, Any] | None):
        super().__init__(faults)
        self.config = config


class Sweep(NamedTuple):
    """What a command line asks for.

    Attributes
    ----------
    cells
        Every cell, composed.
    is_multirun
        Whether Hydra will run them as a sweep.
    """

    cells: tuple[Cell, ...]
    is_multirun: bool


def conf_root() -> Path:
    """Return the folder of the YAML files: inside the installed package, else beside it in the repository."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "conf", package.parent / "conf"):
        if (folder / "config.yaml").is_file():
            return folder
    raise FileNotFoundError(f"no configuration files in {package / 'conf'}; install the package again")


def compose_one(name: str, overrides: Sequence[str], config_dir: str | None = None) -> dict[str, Any]:
    """Return the values of the configuration ``name`` as plain data.

    Parameters
    ----------
    name
        Name of the primary file, without its ending.
    overrides
        ``key=value`` texts.
    config_dir
        A folder with more YAML files.

    Raises
    ------
    BadInput
        With every fault of the overrides and files.
    """
    with _hydra(config_dir) as extra:
        if swept := [item for item in overrides if _parsed([item])[0].is_sweep_override()]:
            raise BadInput([f"{item}: this command takes one value, not a list of them" for item in swept])
        return plain(_composed(name, [*overrides, *extra]))


def compose_sweep(
    name: str, overrides: Sequence[str], *, multirun: bool = False, config_dir: str | None = None
) -> Sweep:
    """Return every cell that a command line asks for, composed, so that a bad one is found before any runs.

    Parameters
    ----------
    name, overrides, config_dir
        As for ``compose_one``; values may be sweeps.
    multirun
        Whether ``--multirun`` was given.

    Raises
    ------
    BadInput
        With every fault of the overrides and files, of every cell.
    """
    with _hydra(config_dir) as extra:
        given = [*overrides, *extra]
        single = [item.input_line for item in _parsed(given) if not item.is_sweep_override()]
        master = _composed(name, single)
        refuse_code(OmegaConf.to_container(master.hydra, resolve=False))
        is_multirun = multirun or str(master.hydra.mode).endswith("MULTIRUN")
        params = {} if master.hydra.sweeper._target_ != _SWEEPER else dict(master.hydra.sweeper.params or {})
        swept = [f"{key}={value}" for key, value in params.items()] if is_multirun else []
        combinations = _combinations([*swept, *given], is_multirun)
        return Sweep(_cells(name, combinations, set(extra)), is_multirun)


def plain(config: DictConfig) -> dict[str, Any]:
    """Return a composed configuration as plain data, Hydra's own part left out."""
    own = copy.deepcopy(config)
    with open_dict(own):
        own.pop("hydra", None)
    try:
        return OmegaConf.to_container(own, resolve=True)
    except REPORTED as error:
        raise BadInput(explain(error, None, None)) from error


def options(group: str, config_dir: str | None = None) -> list[str]:
    """Return the names of the options of a configuration group."""
    with _hydra(config_dir):
        return list(GlobalHydra.instance().config_loader().get_group_options(group))


@contextmanager
def _hydra(config_dir: str | None) -> Iterator[list[str]]:
    """Open Hydra on the YAML files; yields the overrides that add the user's folder."""
    register()
    extra = []
    if config_dir is not None:
        folder = Path(config_dir).resolve()
        if not folder.is_dir():
            raise BadInput(f"--config-dir {config_dir}: there is no such folder")
        extra = [f"hydra.searchpath=['file://{folder}']"]
    with initialize_config_dir(str(conf_root()), version_base=VERSION_BASE, job_name="adaptive"):
        yield extra


def _composed(name: str, overrides: Sequence[str]) -> DictConfig:
    """Compose; if that fails, try the overrides one by one to find every fault."""
    try:
        return compose(name, overrides=list(overrides), return_hydra_config=True)
    except REPORTED as error:
        raise _diagnosed(name, overrides, error) from error


def _diagnosed(name: str, overrides: Sequence[str], error: Exception) -> BadOverrides:
    """Return a fault for each override that cannot be applied to those that can."""
    config = _tried(name)
    good, faults, complete = [], [], True
    for override in sorted(overrides, key=_rank):
        try:
            config = compose(name, overrides=[*good, override])
            good.append(override)
        except REPORTED as fault:
            faults.append(explain(fault, override, config))
            complete &= "." in override.partition("=")[0]
    rest = plain(config) if faults and complete and config is not None else None
    return BadOverrides(faults or [explain(error, None, None)], rest)


def _rank(override: str) -> int:
    """Return when to try an override: search paths, then options of groups, then values."""
    key = override.partition("=")[0]
    return 0 if key.startswith("hydra.") else 2 if "." in key else 1


def _tried(name: str) -> DictConfig | None:
    """Return the configuration without any override, or ``None`` if it needs one."""
    try:
        return compose(name)
    except REPORTED:
        return None


def _parsed(overrides: Sequence[str]) -> list[Override]:
    """Parse overrides, reporting every one that cannot be read."""
    parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    parsed, faults = [], []
    for item in overrides:
        try:
            parsed += parser.parse_overrides([item])
        except REPORTED as error:
            faults.append(explain(error, item, None))
    if faults:
        raise BadInput(faults)
    return parsed


def _combinations(overrides: Sequence[str], is_multirun: bool) -> list[tuple[str, ...]]:
    """Return the overrides of every cell; a key given twice takes its last values."""
    choices: dict[str, list[str]] = {}
    faults = []
    for item in _parsed(overrides):
        key = item.get_key_element()
        if not item.is_sweep_override():
            choices[key] = [item.input_line]
        elif not item.is_discrete_sweep():
            faults.append(f"{item.input_line}: this is not a list of values; write key=a,b or key=range(1,4)")
        elif not is_multirun:
            faults.append(f"{item.input_line}: several values came; add -m to run one cell for each")
        else:
            choices[key] = [f"{key}={value}" for value in item.sweep_string_iterator()]
            if not choices[key]:
                faults.append(f"{item.input_line}: no option matches")
    if faults:
        raise BadInput(faults)
    return list(product(*choices.values()))


def _cells(name: str, combinations: Sequence[tuple[str, ...]], hidden: set[str]) -> tuple[Cell, ...]:
    cells, faults = [], []
    for overrides in combinations:
        try:
            config = plain(_composed(name, overrides))
            cells.append(Cell(tuple(item for item in overrides if item not in hidden), config))
        except BadInput as error:
            faults += error.faults
    if faults:
        raise BadInput(dict.fromkeys(faults))
    return tuple(cells)
