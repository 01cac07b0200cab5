"""Refuses Hydra settings that name code of their own choosing: configuration is data.

Our own groups have no class paths at all; Hydra's launchers, sweepers and log handlers do, and those
that Hydra and its plugins ship are the only ones allowed.
"""

from collections.abc import Iterator
from typing import Any

from adaptive.errors import BadInput

NAMES_CODE = ("_target_", "class", "()")
ALLOWED = ("hydra._internal.", "hydra_plugins.", "logging.", "colorlog.")


def refuse_code(settings: Any) -> None:
    """Check the resolved ``hydra`` node.

    Raises
    ------
    BadInput
        For every key that names code outside Hydra, its plugins and the standard log handlers.
    """
    faults = [
        f"{key} names the code {value!r}; configurations hold values only. Allowed there are Hydra's own "
        "launchers, sweepers and log handlers: remove the key"
        for key, value in named_code(settings, "hydra")
        if not str(value).startswith(ALLOWED)
    ]
    if faults:
        raise BadInput(faults)


def named_code(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield the path and value of every key, at any depth, by which Hydra or ``logging`` finds code."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in children:
        place = f"{path}.{key}"
        if key in NAMES_CODE and value is not None:
            yield place, value
        yield from named_code(value, place)
