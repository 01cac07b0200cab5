"""``adaptive sensitivity``: what changes when one thing at a time is varied around a study's cells."""

import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from adaptive.commands.arguments import Arguments, split_arguments
from adaptive.config.compose import compose_one, options
from adaptive.errors import BadInput, did_you_mean

NAME, CELL = "sensitivity", "config"
OWN = ("sensitivity", "only", "n_trials")
"""What the command reads itself; everything else is a setting of the study's cells."""


def main(argv: Sequence[str]) -> int:
    """Run the command; returns the exit code."""
    arguments = split_arguments(argv)
    if arguments.multirun or arguments.passed_on:
        raise BadInput("this command runs once and answers no questions about Hydra; give key=value")
    from adaptive.config.build_sensitivity import build_varying

    own, given = _split(arguments.overrides)
    asked, everything = build_varying(_declared(own, given, arguments.config_dir))
    declared = everything.chosen(asked.only)
    planned = _Planned(given, arguments.config_dir, asked.n_trials)
    orders = planned.orders(declared)
    study = planned.study
    from adaptive.oc.sensitivity_run import base_faults, run_orders
    from adaptive.oc.sensitivity_store import write_index

    if faults := base_faults(study, planned.bases, asked.n_trials):
        raise BadInput(faults)
    begun = time.perf_counter()
    run_orders(study, orders, progress=sys.stderr.isatty())
    command = shlex.join(["adaptive", "sensitivity", *argv])
    names = [factor.name for factor in everything.factors]
    folder = write_index(study, declared, asked.n_trials, command, names)
    minutes = (time.perf_counter() - begun) / 60
    print(f"{len(orders)} cells x {asked.n_trials:,} trials, {minutes:.1f} minutes")
    print(f"sensitivity: {folder}")
    return 0


def declared_factors(arguments: Arguments) -> dict[str, dict[str, Any]]:
    """Return every factor that a command's arguments declare, as plain data by name."""
    from adaptive.config.build_sensitivity import build_varying

    own, given = _split(arguments.overrides)
    _, everything = build_varying(_declared(own, given, arguments.config_dir))
    return {factor.name: factor.as_data() for factor in everything.factors}


def _split(overrides: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the overrides of this command, and those of the study."""
    own = [item for item in overrides if _key(item).split(".")[0] in OWN]
    return own, [item for item in overrides if item not in own]


def _key(override: str) -> str:
    return override.lstrip("+~").partition("=")[0]


def _declared(own: list[str], given: Sequence[str], config_dir: str | None) -> dict[str, Any]:
    """Compose the declaration: the one that was named, or the one that is named as the experiment."""
    if not any(_key(item) == NAME for item in own):
        study = next((item.partition("=")[2] for item in given if _key(item) == "experiment"), None)
        known = options(NAME, config_dir)
        if study not in known:
            hint = did_you_mean(str(study), known) if study else ""
            raise BadInput(
                f"sensitivity: nothing is declared for experiment={study}; give sensitivity= one of "
                f"{', '.join(known)}{hint}"
            )
        own = [*own, f"{NAME}={study}"]
    return compose_one(NAME, own, config_dir)


class _Planned:
    """Composes and builds every cell before the first one runs."""

    def __init__(self, given: Sequence[str], config_dir: str | None, n_trials: int):
        self.given, self.config_dir, self.n_trials = list(given), config_dir, n_trials
        self.bases: dict[tuple[str, str], Mapping[str, Any]] = {}
        self.study = Path()
        self.faults: list[str] = []

    def orders(self, declared: Any) -> list[Any]:
        """Return every cell to simulate.

        Raises
        ------
        BadInput
            With every fault of every cell, and where it is.
        """
        cells = []
        for factor in declared.factors:
            for design in factor.designs:
                for scenario in factor.scenarios:
                    self._base(factor, design, scenario)
                    for level in factor.levels:
                        if factor.is_simulated(level):
                            cells.append(self._order(factor, level, design, scenario))
        if self.faults:
            raise BadInput(list(dict.fromkeys(self.faults)))
        return cells

    def _base(self, factor: Any, design: str, scenario: str) -> None:
        """Note what the study's cell must be."""
        if (design, scenario) in self.bases:
            return
        config = self._composed([f"design={design}", f"scenario={scenario}"], factor.name)
        if config is not None:
            from adaptive.commands.simulate import stored

            self.bases[design, scenario] = stored(config)
            self.study = Path(config["output"]) / config["study"]

    def _order(self, factor: Any, level: Any, design: str, scenario: str) -> Any:
        from adaptive.cli import set_precision
        from adaptive.commands.simulate import stored
        from adaptive.config.build import build_study
        from adaptive.oc.sensitivity import Order

        where = f"{factor.name}, {level.name}"
        # Looks take most of the room; a level from which examples are to be told look by look asks for them.
        own = [f"design={design}", f"scenario={scenario}", f"study={level.name}"]
        own += [f"n_trials={self.n_trials}", "keep_looks=false", *factor.overrides, *level.overrides]
        config = self._composed(own, where)
        if config is None:
            return None
        try:
            set_precision(config["precision"])
            built = build_study(config)
        except BadInput as error:
            self.faults += [f"{fault} ({where})" for fault in error.faults]
            return None
        return Order(
            factor.name,
            level.name,
            built.design,
            built.scenario,
            stored(config),
            self._command(own, factor.name),
            built.settings.chunk_size,
        )

    def _composed(self, own: Sequence[str], where: str) -> dict[str, Any] | None:
        given = [item for item in self.given if _key(item) not in ("design", "scenario")]
        try:
            return compose_one(CELL, [*given, *own], self.config_dir)
        except BadInput as error:
            self.faults += [f"{fault} ({where})" for fault in error.faults]
            return None

    def _command(self, own: Sequence[str], factor: str) -> str:
        """Return the command line that makes one cell alone."""
        flags = ["--config-dir", self.config_dir] if self.config_dir else []
        given = [item for item in self.given if _key(item) not in ("design", "scenario", "output")]
        place = [f"output={self.study / 'sensitivity' / factor}", "report.enabled=false"]
        return shlex.join(["adaptive", "simulate", *flags, *given, *own, *place])
