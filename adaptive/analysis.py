"""One path for a look: observe, reduce, fit, weigh, decide.

The simulator calls it on a simulated snapshot, the interim command on a real one: same model, same
engine seam, same rules. Must not know where the snapshot came from.
"""

from jaxtyping import PRNGKeyArray

from adaptive.data import count_patients, tabulate
from adaptive.design.decide import decide, margins
from adaptive.design.protocol import Design
from adaptive.posterior.base import AbstractPosterior
from adaptive.records import Decision, EventTable, Evidence, Progress, Snapshot
from adaptive.weigh import weigh


def fit_look(key: PRNGKeyArray, design: Design, snapshot: Snapshot) -> tuple[EventTable, AbstractPosterior]:
    """Reduce a snapshot to its event table and fit the design's model with the design's engine."""
    table = tabulate(snapshot, design.analysis.cuts, len(design.subgroups), len(design.arms))
    return table, design.analysis.engine.fit(key, design.analysis.model, table)


def weigh_look(
    design: Design, snapshot: Snapshot, table: EventTable, posterior: AbstractPosterior
) -> Evidence:
    """Summarise the posterior against the margins of the design's rules."""
    patients = count_patients(snapshot, design.analysis.cuts, len(design.subgroups), len(design.arms))
    return weigh(posterior, table, patients, margins(design))


def analyse_look(
    key: PRNGKeyArray, design: Design, snapshot: Snapshot, progress: Progress
) -> tuple[Evidence, Decision]:
    """Analyse one look and decide.

    Parameters
    ----------
    key
        Randomness for sampling engines; deterministic engines ignore it.
    design
        The protocol.
    snapshot
        Patients as seen at the data cut-off.
    progress
        What earlier looks decided, with ``look``, ``time`` and ``is_final`` of this one.
    """
    table, posterior = fit_look(key, design, snapshot)
    evidence = weigh_look(design, snapshot, table, posterior)
    return evidence, decide(design, evidence, progress)
