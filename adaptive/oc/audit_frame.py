"""Every look that an audit may choose: where it is stored, and how near a rule was to firing otherwise.

Axes: ``H`` looks, ``G`` rules, ``S`` subgroups, ``A`` arms, ``B = A - 1``. Nothing here fits a model.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import logit

from adaptive.codes import CellStatus
from adaptive.design.decide import measures_of
from adaptive.design.measure import HazardRatioBelow
from adaptive.design.protocol import Design
from adaptive.errors import BadInput
from adaptive.oc.audit_course import Course
from adaptive.oc.describe import labels_of
from adaptive.oc.load import STATUS_CODES, CellResult, codes_of, read_columns
from adaptive.scenario.truth import Scenario

LOOKS = "looks.parquet"


@dataclass(frozen=True)
class AuditCell:
    """One result, with the objects that its stored configuration builds and the simulator of its trials."""

    result: CellResult
    design: Design
    scenario: Scenario
    course: Callable[..., Course]

    @property
    def name(self) -> str:
        """Design and scenario, for messages."""
        return f"{self.result.design} / {self.result.scenario}"


class Frame(NamedTuple):
    """The looks of one cell from which a sample is drawn.

    Attributes
    ----------
    trial, look
        Address of each look; ``look`` is the index from 0.
    distance
        Smallest distance of the look to a threshold, see ``rule_distances``.
    n_trials
        Number of trials whose looks these are.
    """

    trial: Int[np.ndarray, " H"]
    look: Int[np.ndarray, " H"]
    distance: Float[np.ndarray, " H"]
    n_trials: int


def check_auditable(design: Design) -> None:
    """Raise ``BadInput`` if the audit does not take the design's rules, or its data are delayed."""
    margins_of(design)
    if design.lags is not None:
        raise BadInput(
            f"design {design.name!r} has lags; the audit makes the data of a look again as of its month, so "
            "it takes designs without delays"
        )


def margins_of(design: Design) -> list[float]:
    """Return the hazard-ratio margin of each rule.

    Raises
    ------
    BadInput
        If a rule looks at anything but one posterior probability of a hazard ratio: the audit compares
        posteriors, and other measures need patients that are not refitted.
    """
    other = [m.words for m in measures_of(design) if not isinstance(m, HazardRatioBelow)]
    if other or any(len(rule.measures) != 1 for rule in design.rules):
        raise BadInput(
            f"design {design.name!r} has rules on {', '.join(other) or 'several measures'}; the audit takes "
            "designs whose rules each compare one posterior probability of the hazard ratio"
        )
    return [float(measure.margin) for measure in measures_of(design)]


def rule_value(rule, below: np.ndarray) -> np.ndarray:
    """Return the probability that a rule compares: ``P(HR < margin)``, or one minus it."""
    return 1.0 - below if rule.asks(0)[0].complement else below


def rule_distances(
    design: Design,
    p_below: Float[np.ndarray, "H G S B"],
    events: Float[np.ndarray, "H S A"],
    is_open: Bool[np.ndarray, "H S B"],
    look: Int[np.ndarray, " H"],
) -> Float[np.ndarray, "H G S B"]:
    """Return ``|logit P - logit threshold|`` of every rule and cell; infinite where the rule is not applied.

    A rule is applied to a cell that is open before the look, at a look with a threshold, from ``min_events``
    events of arm and control on. The logit puts an error of 0.001 at 0.99 on a par with one of 0.009 at 0.1,
    in keeping with how errors of a posterior probability shrink towards 0 and 1.
    """
    distance = np.full(p_below.shape, np.inf)
    count = events[:, :, 1:] + events[:, :, :1]
    for g, rule in enumerate(design.rules):
        threshold = np.asarray(rule.threshold, float)[look][:, None, None]
        applied = is_open & np.isfinite(threshold) & (count >= float(rule.min_events))
        with np.errstate(divide="ignore", invalid="ignore"):
            gap = np.abs(logit(rule_value(rule, p_below[:, g])) - logit(threshold))
        distance[:, g] = np.where(applied & ~np.isnan(gap), gap, np.inf)
    return distance


def frame_of(cell: AuditCell, trials: np.ndarray | None) -> Frame:
    """Return the looks of a cell: the stored ones, or those of ``trials``, simulated again.

    Parameters
    ----------
    cell
        The result.
    trials
        Trials to simulate again, or ``None`` to read the stored looks of all.
    """
    if trials is None:
        return _stored_frame(cell)
    course = cell.course(cell.design, cell.scenario, seed=cell.result.manifest["seed"], trials=trials)
    row, look = np.nonzero(course.looks.held)
    evidence = course.looks.evidence
    is_open = course.before.status[row, look] == CellStatus.OPEN
    gap = rule_distances(
        cell.design, evidence.statistics[row, look], evidence.events[row, look], is_open, look
    )
    return Frame(trials[row], look, gap.min(axis=(1, 2, 3)), int(trials.size))


def has_looks(cell: AuditCell) -> bool:
    """Return whether the result keeps its looks."""
    return LOOKS in cell.result.manifest["files"]


def _stored_frame(cell: AuditCell) -> Frame:
    stored = read_looks(cell)
    gap = rule_distances(cell.design, stored.p_below, stored.events, stored.is_open, stored.look)
    return Frame(stored.trial, stored.look, gap.min(axis=(1, 2, 3)), cell.result.n_trials)


class StoredLooks(NamedTuple):
    """What ``looks.parquet`` says of the probabilities and verdicts of every look."""

    trial: Int[np.ndarray, " H"]
    look: Int[np.ndarray, " H"]
    p_below: Float[np.ndarray, "H G S B"]
    p_best: Float[np.ndarray, "H S A"]
    events: Float[np.ndarray, "H S A"]
    verdict: Int[np.ndarray, "H S B"]
    is_open: Bool[np.ndarray, "H S B"]


def read_looks(cell: AuditCell) -> StoredLooks:
    """Return the stored looks of a result.

    Raises
    ------
    BadInput
        If columns are missing, or rows are not one per look, subgroup and arm in this order.
    """
    file = cell.result.path / LOOKS
    labels = labels_of(cell.design)
    margins = [name for name, _ in labels.measures]
    names = (
        "trial",
        "look",
        "subgroup",
        "arm",
        "events",
        "p_best",
        "verdict",
        "status",
        *dict.fromkeys(margins),
    )
    table = read_columns(file, names)
    shape = (len(labels.subgroups), len(labels.arms))
    place = [
        codes_of(table[name], {label: i for i, label in enumerate(known)}, f"{file}, {name}")
        for name, known in (("subgroup", labels.subgroups), ("arm", labels.arms))
    ]
    position = place[0] * shape[1] + place[1]
    size = shape[0] * shape[1]
    if position.size % size or not np.array_equal(position, np.tile(np.arange(size), position.size // size)):
        raise BadInput(f"{file}: not one row per held look, subgroup and arm; re-run the cell")

    def numbers(name: str) -> np.ndarray:
        return table[name].to_numpy().astype(float).reshape(-1, *shape)

    def codes(name: str) -> np.ndarray:
        return codes_of(table[name], STATUS_CODES, f"{file}, {name}").reshape(-1, *shape)[:, :, 1:]

    verdict, after = codes("verdict"), codes("status")
    return StoredLooks(
        trial=table["trial"].to_numpy()[::size].astype(np.int64),
        look=table["look"].to_numpy()[::size].astype(np.int64),
        p_below=np.stack([numbers(name)[:, :, 1:] for name in margins], axis=1),
        p_best=numbers("p_best"),
        events=numbers("events"),
        verdict=verdict,
        is_open=(after == CellStatus.OPEN) | (verdict > 0),
    )
