"""The one exception for bad input, and the nearest-name suggestion its messages use.

Everything a user can get wrong raises ``BadInput`` with every fault found, so that the command line
prints them all at once and exits with code 2. Imports nothing of ours.
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class BadInput(ValueError):
    """One or more faults in what the user gave.

    Parameters
    ----------
    faults
        One message per fault: what came, what is allowed, what to do.
    """

    def __init__(self, faults: str | Iterable[str]):
        self.faults: tuple[str, ...] = (faults,) if isinstance(faults, str) else tuple(faults)
        super().__init__("\n".join(self.faults))


def did_you_mean(name: str, allowed: Sequence[str]) -> str:
    """Return ``'; did you mean ...?'`` with the allowed names nearest to ``name``, or an empty string."""
    lowered = {option.lower(): option for option in allowed}
    containing = [o for key, o in lowered.items() if name and name.lower() in key]
    close = [lowered[key] for key in get_close_matches(name.lower(), list(lowered), n=3, cutoff=0.5)]
    near = list(dict.fromkeys(close + containing))[:3]
    return f"; did you mean {' or '.join(repr(option) for option in near)}?" if near else ""
