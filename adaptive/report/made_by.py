"""Say under each table which command made it. Knows commands only as text."""

from collections.abc import Sequence

from adaptive.report.section import Section, walked

WORDS = {
    "simulate": "adaptive simulate",
    "audit": "adaptive audit",
    "nulls": "adaptive nulls",
    "sensitivity": "adaptive sensitivity",
    "truth": "adaptive truth",
    "report": "adaptive report",
    "verify": "adaptive verify",
    "configuration": "the configurations that were run",
    "dossier": "the authors of the study (dossier)",
}
LONGEST = 90
"""Characters of a command that is still printed under each table."""


class Commands:
    """The commands of a report, numbered S1, S2, ... in the order of ``content["commands"]``."""

    def __init__(self, content: dict, chapters: Sequence[Section]):
        self.commands = commands_of(content)
        self.numbers = command_numbers(self.commands)
        self.place = _place(chapters)

    def line(self, key: str) -> str:
        """Return what to print under a table made by ``key``."""
        commands = self.commands.get(key, [])
        if not commands:
            return f"Made by {WORDS.get(key, key)}."
        if len(commands) == 1 and len(commands[0]) <= LONGEST:
            return f"Made by: {commands[0]}"
        first, last = self.numbers[key]
        which = f"command {first}" if first == last else f"commands {first} to {last}"
        return f"Made by {WORDS.get(key, key)}: {which} of section {self.place}."


def commands_of(content: dict) -> dict[str, list[str]]:
    """Return the commands by key; those recorded in the results where nothing else is known."""
    known = content.get("commands", {})
    found = {key: [value] if isinstance(value, str) else list(value) for key, value in known.items()}
    if not found.get("simulate"):
        found = {"simulate": list(content["meta"].get("command", []))} | {
            key: value for key, value in found.items() if key != "simulate"
        }
    return {key: value for key, value in found.items() if value}


def command_numbers(commands: dict[str, list[str]]) -> dict[str, tuple[str, str]]:
    """Return the first and last number of each key's commands."""
    numbers, start = {}, 1
    for key, values in commands.items():
        numbers[key] = (f"S{start}", f"S{start + len(values) - 1}")
        start += len(values)
    return numbers


def _place(chapters: Sequence[Section]) -> str:
    """Return the number of the part that lists the commands, or of the chapter that names one."""
    numbers = {section.name: number for number, section in walked(chapters)}
    places = (numbers[name] for name in ("commands", "provenance", "software") if name in numbers)
    return next(places, "on software")
