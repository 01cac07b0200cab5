"""Result codes carried through jit: cell states, trial stop reasons, fit health.

Codes are integers so that they travel in arrays; their names are what tables and memos print.
Numbers are part of the result format and must not be reused. This module imports nothing of ours.
"""

from enum import IntEnum


class CellStatus(IntEnum):
    """State of one experimental arm in one subgroup (a *cell*)."""

    NEVER_OPENED = 0
    """The design does not offer this arm in this subgroup."""
    OPEN = 1
    """Still randomising or awaiting its final analysis."""
    EFFICACY = 2
    """An efficacy rule fired; accrual to the cell has ended."""
    FUTILITY = 3
    """A binding futility rule fired; accrual to the cell has ended."""
    HARM = 4
    """A binding harm rule fired; accrual to the cell has ended."""
    COMPLETED = 5
    """Reached the final look, or the arm's last, without any rule firing."""
    AWAITING = 6
    """Accrual to the cell ended because success is expected; the final look decides."""
    PENDING = 7
    """The design offers the cell later."""


class StopReason(IntEnum):
    """Why a trial ended. The reasons exclude each other."""

    RUNNING = 0
    HARM = 1
    """Every cell was closed before the final look, at least one for harm and none for efficacy."""
    EFFICACY = 2
    """Every cell was closed before the final look, at least one for efficacy."""
    FUTILITY = 3
    """Every cell was closed before the final look, all of them for futility."""
    FINAL_LOOK = 4
    """The planned final look was held."""
    TIME_LIMIT = 5
    """The calendar limit forced the final look before its planned trigger."""


class HealthCode(IntEnum):
    """Quality of one posterior fit. Rules never fire on a fit whose code is not ``OK``."""

    OK = 0
    NOT_CONVERGED = 1
    LOW_ESS = 2
    DIVERGENT = 3
    LOW_ENERGY = 4
    NOT_FINITE = 5
