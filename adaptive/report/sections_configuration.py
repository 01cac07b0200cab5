"""The appendix's resolved configurations: every text once, with the results that it belongs to.

Prints what was stored and says where it applies; a configuration can be put together again from it.
"""

import re
from collections.abc import Sequence

from adaptive.report.blocks import Code
from adaptive.report.section import Section, section

_ENTRY = re.compile(r"(?m)^(?=\S)(?!- )")
"""Where an entry at the top of a YAML text begins."""


def configuration_section(content: dict) -> Section:
    """Return everything that determines each result, as it was run."""
    return section(
        "configuration",
        "Resolved configuration",
        [
            "Everything that determines each result, as it was run. What several results have in common is "
            "printed once: the configuration of a result is all entries under a title that names it, in the "
            "order of their first words. Its SHA-256 is with the provenance of each result."
        ],
        *(Code(text, title, collapsed=True) for title, text in shared_parts(content["configs"])),
    )


def shared_parts(configs: Sequence[dict]) -> list[tuple[str, str]]:
    """Return each set of results that share entries, in words, and these entries as one text.

    What is common to most comes first.
    """
    users: dict[str, list[int]] = {}
    for index, config in enumerate(configs):
        for entry in filter(None, _ENTRY.split(config["text"])):
            users.setdefault(entry, []).append(index)
    texts: dict[tuple[int, ...], list[str]] = {}
    for entry, found in users.items():
        texts.setdefault(tuple(found), []).append(entry)
    order = sorted(texts, key=lambda found: (-len(found), found))
    return [(_named(configs, set(found)), "".join(sorted(texts[found]))) for found in order]


def _named(configs: Sequence[dict], found: set[int]) -> str:
    """Return which results these are: all, those of some designs or scenarios, or each by its name."""
    if len(found) == len(configs):
        return "Every result"
    for what in ("design", "scenario"):
        names = list(dict.fromkeys(configs[i][what] for i in sorted(found)))
        if found == {i for i, config in enumerate(configs) if config[what] in names}:
            return f"{what.capitalize()}{'s' if len(names) > 1 else ''} {', '.join(names)}"
    return "; ".join(f"{configs[i]['scenario']} | {configs[i]['design']}" for i in sorted(found))
