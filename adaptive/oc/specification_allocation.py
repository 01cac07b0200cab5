"""Randomisation in words: how an arm is drawn, with what probabilities, and when these change.

The formula of the probabilities is the allocation's own, printed beside these lines.
"""

import numpy as np

from adaptive.design.allocation import FixedAllocation, ThallWathenAllocation
from adaptive.design.allocation_adaptive import ResponseAdaptiveAllocation
from adaptive.design.allocation_base import AbstractAllocation
from adaptive.design.allocation_timing import AtLooksAllocation
from adaptive.design.assignment_blocks import PermutedBlocks
from adaptive.design.protocol import Design
from adaptive.oc.describe_parts import in_words

Line = tuple[str, str]
"""What is specified, and how."""

FAILED = "After a fit that fails its checks"
CHANGES = "Changes"
READY = (
    "in each subgroup past its burn-in in which the evidence may steer some experimental arm; in others the "
    "starting ratio holds among the arms still open"
)
SCALED = "; scaled as in the formula where shares, floors and caps cannot hold for the arms still open"


def randomisation_lines(design: Design) -> list[Line]:
    """Return how an arm is drawn, with what probabilities, and when these change."""
    drawn = "each patient independently, with the probabilities in force in the patient's subgroup"
    if isinstance(design.assignment, PermutedBlocks):
        drawn = (
            f"permuted blocks of {design.assignment.size} within each subgroup; places per arm are the "
            "probabilities in force times the block size, rounded by largest remainder, of equal remainders "
            "that of the arm named first; a new block starts when the decisions of a look take effect, after "
            "every look"
        )
    inside, due = _unwrapped(design.allocation, np.ones(design.looks.n_looks, bool))
    return [
        ("Drawing the arm", drawn),
        ("Starting ratio", f"{_ratio(inside)}, control first, among the arms that randomise"),
        *_settings(inside),
        *_changes(inside, due),
        (
            "Closed arms",
            "an arm that is closed, awaits the final look, is not yet open or not offered in a subgroup has "
            "probability 0 there; control randomises as long as some experimental arm does; a subgroup "
            "without one enrols nobody",
        ),
    ]


def _unwrapped(allocation: AbstractAllocation, due: np.ndarray) -> tuple[AbstractAllocation, np.ndarray]:
    """Return the allocation inside its timing, and the looks after which it may change."""
    while isinstance(allocation, AtLooksAllocation):
        due = due & np.asarray(allocation.due)[: due.size]
        allocation = allocation.inside
    return allocation, due


def _ratio(allocation: AbstractAllocation) -> str:
    return " : ".join(f"{float(x):g}" for x in np.ravel(np.asarray(allocation.ratio)))


def _settings(allocation: AbstractAllocation) -> list[Line]:
    """Return what steers an allocation that adapts."""
    if isinstance(allocation, ResponseAdaptiveAllocation):
        return [("Weights and settings in force", in_words(allocation))]
    if not isinstance(allocation, ThallWathenAllocation):
        return []
    burn_in, share = float(allocation.burn_in), float(allocation.control_share)
    held = f"{share:g} of each subgroup{SCALED}" if share > 0 else "none: control competes like any arm"
    whose = "an experimental arm" if share > 0 else "an arm, control included"
    return [
        ("Burn-in", f"the starting ratio until a look sees {burn_in:g} randomised patients of the subgroup"),
        ("Protected share of control", held),
        ("Floor and cap", f"{float(allocation.floor):g} and {float(allocation.cap):g} of {whose}{SCALED}"),
    ]


def _changes(allocation: AbstractAllocation, due: np.ndarray) -> list[Line]:
    """Return when the probabilities change, and what a failed fit does to them."""
    if isinstance(allocation, FixedAllocation):
        return [(CHANGES, "none: the ratio holds among the arms still open, from start to end")]
    ratio = "the starting ratio among the arms still open"
    if due[:-1].all():
        return [(CHANGES, f"after every look, {READY}"), (FAILED, f"{ratio}, until the next look")]
    named = ", ".join(f"{look + 1}" for look in np.flatnonzero(due)) or "none"
    return [
        (CHANGES, f"after look {named}, {READY}"),
        (
            "After the other looks",
            "the probabilities in force are kept. Where an arm closes, the arms still open divide its "
            "probability in proportion to their own, so that a protected share, a floor or a cap need not "
            "hold until the next change. Where an arm enters, its subgroup gets new probabilities at once, "
            "whatever the look",
        ),
        (
            FAILED,
            f"{ratio}, until the next change, if the probabilities would have changed at that look; at the "
            "other looks those in force are kept as above",
        ),
    ]
