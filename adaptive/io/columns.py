"""Which column of a patient file means what, in which unit, and how its labels map to the design's.

Plain data, so that a configuration file can fill it. Nothing here reads a file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from adaptive.errors import did_you_mean

DAYS_PER_MONTH = 365.25 / 12.0
"""Length of a month wherever calendar dates become months."""

DAYS_PER_UNIT = {"days": 1.0, "weeks": 7.0, "months": DAYS_PER_MONTH, "years": 365.25}
SCALES = ("date", *DAYS_PER_UNIT)


@dataclass(frozen=True)
class ColumnMap:
    """How to read a patient file with one row per patient.

    Attributes
    ----------
    patient, subgroup, arm, end, event
        Column names. ``end`` holds the event or censoring time, ``event`` says which of the two it is.
    entry
        Column of the randomisation date, or ``None`` if the file was already cut at the data cut-off.
    entry_as
        ``date``, or the unit of calendar time since the first patient in.
    end_as
        ``date``, or the unit of time since randomisation.
    event_values, censored_values
        Values of ``event`` that count as the endpoint event, and as censoring.
    arms, subgroups
        Label in the file -> label in the design; labels left out stand for themselves.
    date_format
        ``strptime`` format of dates.
    origin
        ISO date of the first patient in; the earliest entry date of the file if not given.
    delimiter, encoding
        How the file is written.
    """

    patient: str = "patient"
    subgroup: str = "subgroup"
    arm: str = "arm"
    entry: str | None = "entry"
    entry_as: str = "date"
    end: str = "time"
    end_as: str = "months"
    event: str = "event"
    event_values: tuple[str, ...] = ("1",)
    censored_values: tuple[str, ...] = ("0",)
    arms: Mapping[str, str] = field(default_factory=dict)
    subgroups: Mapping[str, str] = field(default_factory=dict)
    date_format: str = "%Y-%m-%d"
    origin: str | None = None
    delimiter: str = ","
    encoding: str = "utf-8"

    def names(self) -> dict[str, str]:
        """Return role -> column name, without the entry of an already cut file."""
        roles = ("patient", "subgroup", "arm", "entry", "end", "event")
        return {role: getattr(self, role) for role in roles if getattr(self, role) is not None}

    @property
    def clock(self) -> str:
        """Unit in which calendar time is kept: ``days`` if any date occurs, so that they compare exactly."""
        scales = (self.entry_as if self.entry else "months", self.end_as)
        return "months" if scales[0] == "months" and self.end_as != "date" else "days"


def column_map_faults(columns: ColumnMap) -> list[str]:
    """Return what is wrong with the map itself, whatever the file holds."""
    faults = [
        f"columns.{name}: {value!r} is not allowed; use one of {', '.join(SCALES)}"
        + did_you_mean(value, SCALES)
        for name, value in (("entry_as", columns.entry_as), ("end_as", columns.end_as))
        if value not in SCALES
    ]
    if len(columns.delimiter) != 1:
        faults.append(f"columns.delimiter: {columns.delimiter!r} is not one character; use ',' or ';'")
    if columns.end_as == "date" and columns.entry is None:
        faults.append("columns.entry: missing, but columns.end_as is 'date'; name the randomisation column")
    if columns.entry is not None and "date" in (columns.end_as,) and columns.entry_as != "date":
        faults.append(
            f"columns.entry_as is {columns.entry_as!r} while columns.end_as is 'date': units are mixed; "
            "give both as dates, or give the end as time since randomisation"
        )
    both = sorted(set(columns.event_values) & set(columns.censored_values))
    if both:
        faults.append(f"columns.event_values and columns.censored_values share {', '.join(map(repr, both))}")
    if not columns.event_values:
        faults.append("columns.event_values is empty; name at least one value that counts as an event")
    return faults
