"""``adaptive replay``: one virtual trial of a stored result, look by look."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from adaptive.commands.arguments import split_settings
from adaptive.config.schema_commands import PRECISIONS
from adaptive.errors import BadInput

LARGEST = 2**32 - 1


def main(argv: Sequence[str]) -> int:
    """Run the command; returns the exit code."""
    from adaptive.cli import set_precision

    folder, trial = _asked(argv)
    config, manifest = _stored(folder)
    precision = config.get("precision")
    if precision not in PRECISIONS:
        raise BadInput(
            f"{folder / 'config.yaml'}: precision is {precision!r}; the file was altered, simulate again"
        )
    set_precision(precision)
    from adaptive.config.build import build_design, build_scenario
    from adaptive.oc.replay import replay

    horizon = config["design"].get("horizon_months", 24.0)
    design, scenario = build_design(config), build_scenario(config)
    print(replay(design, scenario, manifest["seed"], trial, horizon=horizon))
    return 0


def _asked(argv: Sequence[str]) -> tuple[Path, int]:
    """Return the folder of the result and the number of the trial."""
    paths, settings = split_settings(argv, ("trial",))
    faults = []
    if len(paths) != 1:
        faults.append(
            f"{len(paths)} results came; give the folder of one cell, for example "
            "results/study/design/scenario"
        )
    given = settings.get("trial", "")
    if not (given.isascii() and given.isdigit() and int(given) <= LARGEST):
        faults.append(f"trial: {given!r} is not allowed; give trial=<whole number from 0 to {LARGEST}>")
    if faults:
        raise BadInput(faults)
    return Path(paths[0]), int(given)


def _stored(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the configuration and the manifest of a cell, if neither was altered."""
    from adaptive.oc.verify import read_manifest

    if not (folder / "manifest.json").is_file():
        near = sorted(str(p.parent) for p in folder.rglob("manifest.json"))[:3] if folder.is_dir() else []
        hint = f"; did you mean {' or '.join(near)}?" if near else "; simulate first"
        raise BadInput(f"{folder}: there is no finished result (manifest.json){hint}")
    manifest = read_manifest(folder)
    try:
        config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, json.JSONDecodeError) as error:
        raise BadInput(f"{folder / 'config.yaml'}: cannot be read ({error}); simulate again") from error
    if not isinstance(config, dict) or not isinstance(config.get("design"), dict):
        raise BadInput(f"{folder / 'config.yaml'}: is not the configuration of a cell; simulate again")
    return config, manifest
