"""Which looks are audited: some drawn at random, and those nearest to a threshold.

The nearest looks are all of their kind, so they are known and not estimated; the random ones stand for the
rest. Draws are addressed by (seed, cell), see ``adaptive.rng``. Nothing here reads a file.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Bool, Int, Shaped

from adaptive.oc.audit_frame import Frame
from adaptive.rng import Stream, stream_key, trial_key


class Sample(NamedTuple):
    """The audited looks, sorted by cell, trial and look; a look may be in both samples.

    Attributes
    ----------
    cell
        Index of the result.
    trial, look
        Address of the look.
    random, near
        Whether it was drawn at random, and whether it is among the nearest.
    distance
        Its distance to a threshold.
    """

    cell: Int[np.ndarray, " n"]
    trial: Int[np.ndarray, " n"]
    look: Int[np.ndarray, " n"]
    random: Bool[np.ndarray, " n"]
    near: Bool[np.ndarray, " n"]
    distance: np.ndarray


TRIALS, LOOKS = 0, 1
"""What is drawn, the last part of the address."""


def random_bits(seed: int, cell: int, what: int, size: int) -> Shaped[np.ndarray, " size"]:
    """Return 32 random bits per item; the items with the smallest ones are a simple random sample."""
    key = stream_key(trial_key(jnp.uint32(seed), jnp.uint32(cell)), Stream.AUDIT, what)
    return np.asarray(jr.bits(key, (size,), jnp.uint32))


def draw_trials(seed: int, cell: int, trials: np.ndarray, n: int) -> np.ndarray:
    """Return ``n`` of the trials at random, sorted; all of them if there are no more."""
    if trials.size <= n:
        return trials
    order = np.argsort(random_bits(seed, cell, TRIALS, trials.size), kind="stable")
    return np.sort(trials[order[:n]])


def draw_sample(frames: Sequence[Frame], seed: int, n_random: int, n_near: int) -> Sample:
    """Draw ``n_random`` looks at random and take the ``n_near`` nearest ones, over all cells together.

    Parameters
    ----------
    frames
        The looks of each cell.
    seed
        Seed of the audit; the seed of the study must not decide which of its looks are checked.
    n_random, n_near
        Sizes; fewer where the frames hold fewer. Looks to which no rule applies are never near.
    """
    cell = np.concatenate([np.full(frame.trial.size, i) for i, frame in enumerate(frames)])
    trial, look, distance = (
        np.concatenate([getattr(frame, name) for frame in frames]) for name in ("trial", "look", "distance")
    )
    bits = np.concatenate([random_bits(seed, i, LOOKS, frame.trial.size) for i, frame in enumerate(frames)])
    random, near = np.zeros(cell.size, bool), np.zeros(cell.size, bool)
    random[np.argsort(bits, kind="stable")[:n_random]] = True
    nearest = np.argsort(distance, kind="stable")[:n_near]
    near[nearest[np.isfinite(distance[nearest])]] = True
    rows = np.flatnonzero(random | near)
    rows = rows[np.lexsort((look[rows], trial[rows], cell[rows]))]
    return Sample(cell[rows], trial[rows], look[rows], random[rows], near[rows], distance[rows])
