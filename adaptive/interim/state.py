"""What earlier looks decided: read from their ``decision.json``, carried into the progress of this look.

A look may only follow decisions taken under the same protocol and on earlier data.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from adaptive.codes import CellStatus, StopReason
from adaptive.design import decide
from adaptive.design.decide import initial_progress
from adaptive.design.protocol import Design
from adaptive.errors import BadInput
from adaptive.interim.identity import design_hash
from adaptive.records import Progress

SCHEMA = 1


@dataclass(frozen=True)
class Previous:
    """The look before: its decision as written, and the digest of the file."""

    content: dict[str, Any]
    sha256: str


def read_previous(path: Path) -> Previous:
    """Read a ``decision.json``.

    Raises
    ------
    BadInput
        If it is missing, is no decision file, or has another schema.
    """
    try:
        raw = Path(path).read_bytes()
        content = json.loads(raw)
    except OSError as error:
        raise BadInput(f"previous: {path}: {error.strerror}; give the look before's decision.json") from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise BadInput(f"previous: {path} is not JSON; give the look before's decision.json") from None
    if not isinstance(content, dict) or content.get("kind") != "interim decision":
        raise BadInput(f"previous: {path} is not the decision.json of an interim analysis")
    if content.get("schema_version") != SCHEMA:
        raise BadInput(
            f"previous: {path} has schema version {content.get('schema_version')!r}; "
            f"this version reads {SCHEMA}"
        )
    return Previous(content, hashlib.sha256(raw).hexdigest())


def progress_at(
    design: Design, previous: Previous | None, look: int | None, month: float
) -> tuple[Progress, int]:
    """Return the progress with which a look starts, and its number from 1.

    Parameters
    ----------
    design
        The protocol.
    previous
        Decision of the look before, or ``None`` at the first look.
    look
        Number of this look, from 1, or ``None`` for the one after ``previous``.
    month
        Calendar month of the data cut-off.

    Raises
    ------
    BadInput
        If the protocol differs, the trial has ended, or the look or its cut-off does not come later.
    """
    number = _number(previous, look)
    n_looks = design.looks.n_looks
    faults = []
    if not 1 <= number <= n_looks:
        faults.append(f"look: {number} is not allowed; the design has 1 to {n_looks}")
    if previous is not None:
        faults += _order_faults(design, previous.content, number, month)
    if faults:
        raise BadInput(faults)
    start = initial_progress(design) if previous is None else _restore(design, previous.content)
    return at_look(start, number, n_looks, month), number


def at_look(progress: Progress, number: int, n_looks: int, month: float) -> Progress:
    """Return progress with the clock set to a look (number from 1)."""
    return decide.at_look(progress, number - 1, month, number == n_looks)


def _number(previous: Previous | None, look: int | None) -> int:
    if look is not None:
        return int(look)
    if previous is None:
        return 1
    return previous.content["look"] + (0 if previous.content["withheld"] else 1)


def _order_faults(design: Design, before: dict[str, Any], number: int, month: float) -> list[str]:
    faults = []
    if before["design"]["sha256"] != design_hash(design):
        faults.append(
            f"previous: look {before['look']} was decided under another protocol (fingerprint "
            f"{before['design']['sha256'][:12]}, this design has {design_hash(design)[:12]}); "
            "use the design of the earlier looks"
        )
    if before["stop_reason"] != StopReason.RUNNING.name:
        faults.append(f"previous: the trial ended at look {before['look']} ({before['stop_reason']})")
    again = before["withheld"] and number == before["look"]
    if number <= before["look"] and not again:
        faults.append(f"look: {number} does not come after look {before['look']} of previous")
    if month < before["cutoff"]["months"] or (month == before["cutoff"]["months"] and not again):
        faults.append(
            f"cutoff: month {month:.6g} does not come after the cut-off of previous "
            f"({before['cutoff']['label']}, month {before['cutoff']['months']:.6g})"
        )
    return faults


def _restore(design: Design, before: dict[str, Any]) -> Progress:
    """Rebuild the progress after a decision from its cells and allocation."""
    fresh = initial_progress(design)
    status, decided = np.array(fresh.status), np.array(fresh.decided_look)
    advice, allocation = np.array(fresh.advice), np.array(fresh.allocation)
    for cell in before["cells"]:
        at = design.subgroups.index(cell["subgroup"]), design.arms.index(cell["arm"]) - 1
        status[at] = CellStatus[cell["status_after"]]
        decided[at] = -1 if cell["decided_look"] is None else cell["decided_look"] - 1
        advice[at] = 0 if cell["first_advice"] is None else CellStatus[cell["first_advice"]]
    for row in before["arms"]:
        allocation[design.subgroups.index(row["subgroup"]), design.arms.index(row["arm"])] = row["allocation"]
    return Progress(
        look=fresh.look,
        time=jnp.asarray(before["cutoff"]["months"], fresh.time.dtype),
        is_final=fresh.is_final,
        status=jnp.asarray(status),
        decided_look=jnp.asarray(decided),
        advice=jnp.asarray(advice),
        allocation=jnp.asarray(allocation),
    )
