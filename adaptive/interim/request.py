"""What a user asks of an interim analysis or of a replay of a whole trial. Plain data only.

A configuration fills these; nothing here reads files or fits models.
"""

from dataclasses import dataclass, field
from pathlib import Path

from adaptive.io.columns import ColumnMap


@dataclass(frozen=True)
class Sampling:
    """Which engine computes the posterior, and how long it samples.

    Attributes
    ----------
    engine
        ``nuts``, ``laplace``, ``conjugate``, or ``design`` for the engine that the design simulates with.
    chains, warmup, draws, target_accept
        Settings of NUTS; the other engines ignore them. A decision needs a fit without any divergent
        transition, hence the small steps that a high target acceptance gives.
    max_draws
        While a rule's probability lies within three Monte Carlo standard errors of its threshold, NUTS is
        repeated with five times the draws, up to this many per chain.
    seed
        Root seed; the posterior's key also depends on the look.
    """

    engine: str = "nuts"
    chains: int = 4
    warmup: int = 1000
    draws: int = 1000
    target_accept: float = 0.997
    max_draws: int = 25_000
    seed: int = 0


@dataclass(frozen=True)
class AnalysisRequest:
    """One interim analysis.

    Attributes
    ----------
    data
        Patient file.
    cutoff
        ISO date (the whole day included) or months since the first patient in.
    columns
        Meaning of the file's columns.
    look
        Number of the look, from 1; the one after ``previous``, or 1, if not given.
    previous
        ``decision.json`` of the look before, whose decisions carry over.
    sampling
        Engine and seed.
    """

    data: Path
    cutoff: str | float | int
    columns: ColumnMap = field(default_factory=ColumnMap)
    look: int | None = None
    previous: Path | None = None
    sampling: Sampling = field(default_factory=Sampling)


@dataclass(frozen=True)
class MonitorRequest:
    """A replay of a finished trial through every look of a design.

    Attributes
    ----------
    data, columns, sampling
        As in ``AnalysisRequest``.
    """

    data: Path
    columns: ColumnMap = field(default_factory=ColumnMap)
    sampling: Sampling = field(default_factory=Sampling)
