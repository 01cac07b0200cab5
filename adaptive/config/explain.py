"""Turns what Hydra raises about overrides and files into one clear message per fault."""

import re
from collections.abc import Sequence
from typing import Any

import yaml
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from adaptive.errors import did_you_mean

REPORTED = (HydraException, OmegaConfBaseException, yaml.YAMLError)
"""What composing can raise because of what the user gave."""

_EXTRAS = {
    "hydra/launcher/submitit": "install adaptive-trials[slurm] to launch jobs on Slurm",
    "hydra/launcher": "install the launcher's package",
}


def explain(error: Exception, override: str | None, config: DictConfig | None) -> str:
    """Return one message: what came, what is allowed, the nearest name.

    Parameters
    ----------
    error
        What composing raised.
    override
        The override that caused it, if one did.
    config
        The configuration without that override, if it can be composed.
    """
    if isinstance(error, MissingConfigException):
        return _missing(error, override)
    if isinstance(error, OverrideParseException):
        return (
            f"{error.override}: cannot be read as key=value; quote values with spaces, commas or brackets, "
            "as in 'name=\"a b\"'"
        )
    if isinstance(error, yaml.YAMLError):
        return f"a YAML file cannot be read: {_one_line(error)}; YAML files hold plain data only"
    if not_chosen := re.match(r"You must specify '([^']+)'", str(error)):
        names = ", ".join(line.strip() for line in str(error).splitlines()[2:])
        return f"{not_chosen.group(1)}: nothing was chosen; give {not_chosen.group(1)}= one of {names}"
    key = _unknown_key(error, override)
    if key is not None and config is not None:
        return _no_such_key(key, override, config)
    where = f"{override}: " if override else ""
    return where + _one_line(error.__cause__ if error.__cause__ is not None else error)


def _missing(error: MissingConfigException, override: str | None) -> str:
    """Explain an option that does not exist."""
    wanted = error.missing_cfg_file or (override or "").replace("=", "/")
    group, _, name = wanted.rpartition("/")
    options = sorted(error.options or ())
    extra = next((hint for start, hint in _EXTRAS.items() if wanted.startswith(start)), "")
    if not options:
        return f"{wanted}: there is no such file{'; ' + extra if extra else ''}"
    text = f"{group}={name}: there is no such option; {group} has {', '.join(options)}"
    return text + did_you_mean(name, options) + (f"; {extra}" if extra else "")


def _unknown_key(error: Exception, override: str | None) -> str | None:
    """Return the key that does not exist, if that is what the error is about."""
    text = f"{error}\n{error.__cause__ or ''}"
    if "not in struct" in text or "No match in the defaults list" in text or "Key '" in text:
        found = re.search(r"Could not override '([^']+)'", text)
        if found:
            return found.group(1)
        return override.partition("=")[0].lstrip("+~") if override else None
    return None


def _no_such_key(key: str, override: str | None, config: DictConfig) -> str:
    """Explain a key that does not exist: the keys beside it, and the nearest of all."""
    keys = _keys(config)
    parent = key.rpartition(".")[0]
    while parent and not isinstance(_select(config, parent), DictConfig):
        parent = parent.rpartition(".")[0]
    node = _select(config, parent) if parent else config
    beside = [f"{parent}.{name}" if parent else str(name) for name in node if name != "hydra"]
    near = did_you_mean(key, beside) or did_you_mean(key, keys)
    where = f"{override}: " if override else f"{key}: "
    place = f" of {parent}" if parent else ""
    if isinstance(_select(config, key), DictConfig):
        return f"{where}this adds entries; write one +{key}.<name>=<value> for each"
    if not beside:
        return f"{where}there is no such key, {parent} is empty; to add an entry write +{key}=<value>"
    return f"{where}there is no such key; the keys{place} are {', '.join(beside)}{near}"


def _select(config: DictConfig, key: str) -> Any:
    try:
        return OmegaConf.select(config, key)
    except OmegaConfBaseException:
        return None


def _keys(node: Any, prefix: str = "") -> Sequence[str]:
    """Return the full names of all keys."""
    found = []
    for name in node:
        if not prefix and name == "hydra":
            continue
        full = f"{prefix}.{name}" if prefix else str(name)
        found.append(full)
        child = node._get_node(name)
        if isinstance(child, DictConfig) and not child._is_none() and not child._is_missing():
            found += _keys(child, full)
    return found


def _one_line(error: BaseException) -> str:
    """Return the message of an error on one line, without Hydra's advice for developers."""
    lines = [line.strip() for line in str(error).splitlines()]
    kept = [line for line in lines if line and not line.startswith(("object_type", "See http", "full_key"))]
    return "; ".join(kept)
