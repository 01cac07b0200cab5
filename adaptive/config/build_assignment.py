"""Builds how arms are drawn: complete randomisation, or permuted blocks of a size that holds the ratio."""

import jax.numpy as jnp
import numpy as np

from adaptive.config.checks import Faults
from adaptive.config.schema_design import LARGEST_BLOCK, DesignValues
from adaptive.design.allocation import AbstractAllocation
from adaptive.design.assignment import AbstractAssignment, CompleteRandomisation
from adaptive.design.assignment_blocks import PermutedBlocks

_KEY = "design.block_size"


def build_assignment(
    values: DesignValues,
    allocation: AbstractAllocation | None,
    eligible: np.ndarray | None,
    faults: Faults,
) -> AbstractAssignment | None:
    """Return the assignment, or ``None`` after writing down every fault.

    Parameters
    ----------
    values
        The protocol's values.
    allocation
        The built allocation, whose starting ratio the blocks must hold; ``None`` if it is faulty.
    eligible
        Where each experimental arm is offered, shape ``(S, B)``; ``None`` if that is faulty.
    faults
        Where faults are written.
    """
    if values.block_size is None:
        return CompleteRandomisation()
    if allocation is None or eligible is None:
        return None
    starts = np.unique(np.asarray(allocation.initial(jnp.asarray(eligible)), float), axis=0)
    starts = starts[starts.sum(axis=1) > 0]
    held = [m for m in range(2, LARGEST_BLOCK + 1) if _holds(starts, m)]
    if values.block_size in held:
        return PermutedBlocks(values.block_size)
    sizes = f"give {', '.join(map(str, held[:6]))}{' ...' * (len(held) > 6)}" if held else "give null"
    faults.add(_KEY, values.block_size, f"no such block holds the starting ratio exactly; {sizes}")
    return None


def _holds(starts: np.ndarray, size: int) -> bool:
    """Return whether every open arm gets a whole number of places in a block of each subgroup."""
    places = starts * size
    return bool(np.all(np.abs(places - np.round(places)) < 1e-4))
