"""What a report is made from: stored results, the folder of their study, and what its authors wrote."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adaptive.design.protocol import Design
from adaptive.oc.load import CellResult
from adaptive.scenario.truth import Scenario


@dataclass(frozen=True)
class Makers:
    """Turn a resolved configuration into what was simulated; ``None`` where that is not possible."""

    design: Callable[[Mapping[str, Any]], Design] | None = None
    scenario: Callable[[Mapping[str, Any]], Scenario] | None = None


@dataclass(frozen=True)
class Source:
    """Everything that the parts of a report may read.

    Attributes
    ----------
    results
        Stored results in print order, each checked against its manifest.
    folder
        Folder of the study, in which evidence made by other commands lies; ``None`` if results were given one
        by one.
    makers
        Build designs and scenarios of the stored configurations.
    dossier
        What the authors of the study wrote, checked; empty if there is none.
    draft
        Whether faults are shown in the report instead of refused.
    altered
        Faults of files that differ from their manifest; only a draft has any.
    damaged
        Faults of evidence that a draft goes without; put here as they are met.
    """

    results: Sequence[CellResult]
    folder: Path | None = None
    makers: Makers = field(default_factory=Makers)
    dossier: Mapping[str, Any] = field(default_factory=dict)
    draft: bool = False
    altered: Sequence[str] = ()
    damaged: list[str] = field(default_factory=list)
