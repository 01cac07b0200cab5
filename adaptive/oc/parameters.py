"""Read parameters and their provenance out of resolved configurations, whatever their layout.

A parameter with provenance is a mapping with ``value`` and at least one of ``unit``, ``source``, ``tag``.
Nothing here knows a name of a parameter.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from adaptive.oc.load import CellResult

PROVENANCE = ("unit", "source", "tag")
DOUBTFUL = ("unverified", "assumption", "assumed", "expert opinion")
ASSUMED = ("assumption", "assumed", "expert opinion")
NOT_GIVEN = "not given"
EVIDENCE = "population, limits, extraction"
PARAMETER_COLUMNS = ("parameter", "value", "unit", "source", "tag", EVIDENCE, "used in", "flag")


def is_parameter(node: object) -> bool:
    """Return whether a node of a configuration is a value with provenance."""
    return isinstance(node, dict) and "value" in node and any(key in node for key in PROVENANCE)


def walk(node: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield every leaf with its dotted path; values with provenance and lists of plain values are leaves."""
    if isinstance(node, dict) and node and not is_parameter(node):
        for key, child in node.items():
            yield from walk(child, f"{path}.{key}" if path else str(key))
    elif isinstance(node, list) and any(isinstance(child, dict | list) for child in node):
        for index, child in enumerate(node):
            yield from walk(child, f"{path}[{index}]")
    else:
        yield path, node


def value_text(value: object) -> str:
    """Return a configuration value as text; numbers with up to six significant digits."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return "[" + ", ".join(value_text(item) for item in value) + "]"
    if isinstance(value, dict):
        inside = ", ".join(f"{key}: {value_text(item)}" for key, item in value.items())
        return f"{{{inside}}}" if inside else "none"
    return str(value)


def flag(source: str, tag: str) -> str:
    """Return why a parameter needs attention, or an empty string."""
    for word in DOUBTFUL:
        if word in tag.lower() or word in source.lower():
            return word
    if not source:
        return "no source"
    return "" if tag else "no tag"


def is_of(parameter: str, stated: str) -> bool:
    """Return whether a parameter is the one that is stated, or lies below it."""
    return parameter == stated or parameter.startswith((f"{stated}.", f"{stated}["))


def evidence(parameter: str, source: str, tag: str, stated: Sequence[Mapping[str, str]]) -> str:
    """Return population, uncertainty and extraction of a value as a dossier states them.

    An assumption has no population, whatever is stated of the parameter that it replaces.
    """
    if any(word in text.lower() for word in ASSUMED for text in (source, tag)):
        return "none: assumption"
    found = [entry for entry in stated if is_of(parameter, entry["parameter"])]
    if not found:
        return NOT_GIVEN
    # The entry with the longest name is that of the parameter itself.
    entry = max(found, key=lambda each: len(each["parameter"]))
    kinds = (("population", "population"), ("limits", "uncertainty"), ("extraction", "extraction"))
    return "; ".join(f"{word}: {entry.get(key, NOT_GIVEN)}" for word, key in kinds)


def parameter_table(results: Sequence[CellResult], stated: Sequence[Mapping[str, str]] = ()) -> pd.DataFrame:
    """Return every parameter with provenance, and where it is used.

    Parameters
    ----------
    results
        Stored results; value, unit, source and tag are those of their configurations.
    stated
        What the dossier says of the evidence behind parameters.
    """
    users: dict[tuple, list[CellResult]] = defaultdict(list)
    for result in results:
        for path, node in walk(result.config):
            if is_parameter(node):
                provenance = (str(node.get(key) if node.get(key) is not None else "") for key in PROVENANCE)
                users[(path, value_text(node["value"]), *provenance)].append(result)
    rows = [
        (*key, evidence(key[0], *key[3:5], stated), _used_in(cells, results), flag(source=key[3], tag=key[4]))
        for key, cells in sorted(users.items())
    ]
    return pd.DataFrame(rows, columns=list(PARAMETER_COLUMNS))


def _used_in(users: Sequence[CellResult], everyone: Sequence[CellResult]) -> str:
    """Say where a value is used, in the fewest words that are exact."""
    if len(users) == len(everyone):
        return "all"
    scenarios = sorted({result.scenario for result in users})
    designs = sorted({result.design for result in users})
    if sum(result.scenario in scenarios for result in everyone) == len(users):
        return "scenario " + ", ".join(scenarios)
    if sum(result.design in designs for result in everyone) == len(users):
        return "design " + ", ".join(designs)
    return "; ".join(f"{result.design} in {result.scenario}" for result in users)


def differences(configs: dict[str, dict]) -> pd.DataFrame:
    """Return the settings that differ between named configurations: a row per setting, a column per name.

    Settings that only repeat the names are left out.
    """
    texts = {
        name: {
            path: value_text(node["value"]) if is_parameter(node) else value_text(node)
            for path, node in walk(config)
        }
        for name, config in configs.items()
    }
    paths = dict.fromkeys(path for found in texts.values() for path in found)
    rows = []
    for path in paths:
        values = [found.get(path, "\N{EN DASH}") for found in texts.values()]
        if len(set(values)) > 1 and values != list(texts):
            rows.append([path, *values])
    return pd.DataFrame(rows, columns=["setting", *texts])
