"""``adaptive calibrate``: thresholds for a target error, confirmed with fresh seeds."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from adaptive.commands.arguments import split_arguments
from adaptive.commands.declaring import first_config, scenario_configs
from adaptive.config.schema_commands import Calibrating
from adaptive.errors import BadInput

NAME = "calibrate"


def main(argv: Sequence[str]) -> int:
    """Run the command; returns the exit code."""
    arguments = split_arguments(argv)
    config = first_config(NAME, arguments)
    from adaptive.config.build_declared import build_declared, own_settings
    from adaptive.oc import calibrate as calibration
    from adaptive.oc.calibrate_errors import Plan
    from adaptive.oc.calibrate_rules import find_rule
    from adaptive.oc.calibrate_store import write_calibration
    from adaptive.oc.calibrate_text import told

    asked = own_settings(config, Calibrating)
    configs = scenario_configs(NAME, arguments, asked.nulls, "nulls")
    declared = build_declared(configs)
    fresh_seed = (asked.seed + 1) % 2**32 if asked.confirm_seed is None else asked.confirm_seed
    _check(asked, fresh_seed)
    nulls = with_nulls(declared.scenarios, asked.nulls is not None)
    place = find_rule(declared.design, declared.rules, asked.rule)
    request = request_of(asked)
    plan = Plan(asked.seed, asked.n_trials, progress=sys.stderr.isatty())
    read = _stored(declared.design, place, nulls, plan, asked, configs)
    found = calibration.calibrate(declared.design, place, nulls, request, plan, read)
    if asked.n_confirm:
        fresh = Plan(fresh_seed, asked.n_confirm, plan.progress)
        found = calibration.confirmed(found, nulls, request.aim, fresh, asked.seed)
    rule = declared.rules[place]
    print("\n".join(told(found, request, rule)))
    folder = write_calibration(asked.output, found, request, rule, config)
    print(f"calibration: {folder}")
    return 0


def request_of(asked: Any) -> Any:
    """Return the request of a calibration from settings."""
    from adaptive.oc.calibrate import Request
    from adaptive.oc.calibrate_found import Aim

    aim = Aim(asked.target, asked.error, asked.conservative, asked.gamma)
    return Request(aim, asked.shape, asked.information, asked.method)


def with_nulls(scenarios: Sequence[Any], named: bool) -> list:
    """Return the scenarios with a null cell; of an experiment the others are left out."""
    kept = [item for item in scenarios if named or item.is_null.any()]
    dropped = [item.name for item in scenarios if item not in kept]
    if dropped:
        print(f"no cell without a benefit, so not among the nulls: {', '.join(dropped)}", file=sys.stderr)
    return kept


def _check(asked: Calibrating, fresh_seed: int) -> None:
    if asked.n_confirm and fresh_seed == asked.seed:
        raise BadInput(
            f"confirm_seed: {fresh_seed} is the seed of the calibration, whose trials meet the target by "
            "construction; give another"
        )


def _stored(
    design: Any, place: int, nulls: Sequence[Any], plan: Any, asked: Calibrating, configs: Sequence[dict]
) -> Callable[[], dict]:
    """Return a reader of the statistics: from the output folder where they fit, else by simulation."""
    from adaptive.io.hashing import sha256_data
    from adaptive.io.manifest import code_state
    from adaptive.oc.calibrate_errors import silent_statistics
    from adaptive.oc.calibrate_store import STATISTICS, keep_statistics, kept_statistics

    folder = Path(asked.output) / STATISTICS
    shape = (*design.eligible.shape, design.looks.n_looks)
    trial = {config["scenario"]["name"]: _trial(config, asked) for config in configs}

    def read() -> dict:
        found = {}
        for null in nulls:
            identity = sha256_data(
                [trial[null.name], plan.seed, plan.n_trials, place, asked.precision, code_state()["sha256"]]
            )
            z = kept_statistics(folder, null.name, shape, identity)
            if z is None:
                z = silent_statistics(design, place, null, plan)
                keep_statistics(folder, null.name, z, identity)
            else:
                print(f"{null.name}: {plan.n_trials} stored trials read from {folder}", file=sys.stderr)
            found[null.name] = z
        return found

    return read


def _trial(config: dict[str, Any], asked: Calibrating) -> dict[str, Any]:
    """Return what determines the statistics, as plain data."""
    from dataclasses import fields

    settings = {field.name for field in fields(asked)}
    return {key: value for key, value in config.items() if key not in settings}
