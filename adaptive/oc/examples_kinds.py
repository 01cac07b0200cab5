"""The kinds of virtual trial that a report shows, and how one trial of each is picked.

A kind is sought by rules in order. Where no trial is exactly of the kind, the nearest thing that exists is
taken and called so. Nothing here reads looks or describes a trial.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from adaptive import montecarlo as mc
from adaptive.codes import CellStatus, StopReason
from adaptive.oc import examples_masks as masks
from adaptive.oc.load import CellResult

LEAST_HARM = 0.01
"""Log hazard ratio above which a true effect counts as harm, and not as rounding of none."""


@dataclass(frozen=True)
class Tier:
    """One rule for a kind: ``words`` complete "a trial in which"; ``near`` marks a substitute."""

    words: str
    find: Callable[[CellResult], np.ndarray]
    near: bool = False


@dataclass(frozen=True)
class Kind:
    """A kind of trial.

    Attributes
    ----------
    name, title
        Identifier and heading.
    item
        Number of the kind among those that a reviewer expects; 0 if it is none of them.
    tiers
        Rules, the exact one first; each gives a mask over trials, or over cells of which one is enough.
    where
        Results in which the kind can occur at all.
    nowhere
        What is said when no result is such.
    """

    name: str
    title: str
    item: int
    tiers: tuple[Tier, ...]
    where: Callable[[CellResult], bool] = lambda result: True
    nowhere: str = "no result of the study can hold such a trial"


class Found(NamedTuple):
    """The trial picked, where, under which rule, and how many of the cell's trials are like it.

    ``setting`` names what the sensitivity analysis changed; it is empty for results of the study.
    """

    result: CellResult
    trial: int
    tier: Tier
    share: mc.Estimate
    setting: str = ""


def find(kind: Kind, results: Sequence[CellResult]) -> Found | None:
    """Return one trial of a kind, or ``None``.

    The first rule that any trial meets counts. Designs that adapt their allocation go before others, then
    the result with the largest share of such trials, then print order. Of its trials the one whose duration
    is nearest their median is taken, and of equally near ones the first by number.
    """
    eligible = [result for result in results if kind.where(result)]
    for tier in kind.tiers:
        for group in ([r for r in eligible if masks.adapts(r)], eligible):
            marked = [over_trials(tier.find(result)) for result in group]
            best = max(range(len(group)), key=lambda i, m=marked: m[i].mean(), default=None)
            if best is not None and marked[best].any():
                trial = typical(group[best], marked[best])
                return Found(group[best], trial, tier, mc.proportion(marked[best]))
    return None


def over_trials(mask: np.ndarray) -> np.ndarray:
    """Return a mask over trials; of one over cells, whether any is marked."""
    return mask.reshape(mask.shape[0], -1).any(axis=1)


def typical(result: CellResult, mask: np.ndarray) -> int:
    """Return the number of the trial whose duration is nearest the median of the marked ones."""
    months, trials = result.trials["months"][mask], result.trials["trial"][mask]
    return int(trials[np.argmin(np.abs(months - np.median(months)))])


def _early_everywhere(result: CellResult) -> np.ndarray:
    ended = result.trials["reason"] == StopReason.EFFICACY
    return ended & masks.every_subgroup(result, masks.early_claims(result))


def _one_others_closed(result: CellResult) -> np.ndarray:
    return masks.one_subgroup(result, masks.closed(result, CellStatus.FUTILITY, CellStatus.HARM))


def _one_only(result: CellResult) -> np.ndarray:
    return masks.one_subgroup(result, ~result.claimed)


def _one_most_closed(result: CellResult) -> np.ndarray:
    """Return the trials with claims in one subgroup that closed the most cells elsewhere.

    Where every arm works in every subgroup, closing the others is no success: none is marked there.
    """
    if not masks.null_somewhere(result):
        return np.zeros(result.n_trials, bool)
    elsewhere = ~result.claimed.any(axis=2, keepdims=True)
    shut = (masks.closed(result, CellStatus.FUTILITY, CellStatus.HARM) & elsewhere).sum(axis=(1, 2))
    only = _one_only(result)
    most = shut[only].max() if only.any() else 0
    return only & (shut == most) & (most > 0)


def _all_futile(result: CellResult) -> np.ndarray:
    return masks.every_cell(result, masks.first_look_futile(result))


def _inconclusive(result: CellResult) -> np.ndarray:
    completed = masks.closed(result, CellStatus.COMPLETED) & masks.at_last_look(result)
    return masks.full_without_claim(result) & masks.every_cell(result, completed)


def _false_in_favourite(result: CellResult) -> np.ndarray:
    return masks.misled(result) & masks.false_claims(result)


def _harm(result: CellResult) -> np.ndarray:
    return result.trials["reason"] == StopReason.HARM


KINDS = (
    Kind(
        "early-success",
        "Early success in all subgroups",
        1,
        (
            Tier(
                "every subgroup has a true claim before the final look, and the trial ends there",
                _early_everywhere,
            ),
            Tier(
                "every subgroup has a true claim before the final look, while other arms go on",
                lambda r: masks.every_subgroup(r, masks.early_claims(r)),
                near=True,
            ),
            Tier(
                "every subgroup has a true claim, some of them at the final look only",
                lambda r: masks.every_subgroup(r, r.claimed & ~r.truth.is_null),
                near=True,
            ),
        ),
        masks.effective,
        "no scenario of the study has a benefit",
    ),
    Kind(
        "one-subgroup",
        "Success in one subgroup only, the others closed",
        2,
        (
            Tier(
                "all claims are true and in one subgroup, and every arm opened in the others was closed for "
                "futility or harm",
                _one_others_closed,
            ),
            Tier(
                "all claims are true and in one subgroup, and elsewhere as many arms were closed for "
                "futility or harm as in any such trial of the result; the rest ended without a claim",
                _one_most_closed,
                near=True,
            ),
            Tier("all claims are true and in one subgroup; the others ended without", _one_only, near=True),
        ),
        masks.effective,
        "no scenario of the study has a benefit",
    ),
    Kind(
        "first-look-futility",
        "Futility at the first look",
        3,
        (
            Tier("every arm opened in any subgroup was closed for futility at the first look", _all_futile),
            Tier(
                "as many arms in subgroups were closed for futility at the first look as in any trial of the "
                "result, but not all",
                masks.most_first_look_futile,
                near=True,
            ),
        ),
        masks.null_somewhere,
        "every arm has a benefit in every scenario",
    ),
    Kind(
        "inconclusive",
        "The largest size, and inconclusive",
        4,
        (
            Tier(
                "the largest number of patients was reached and every arm that was opened ended at the final "
                "look without a claim",
                _inconclusive,
            ),
            Tier(
                "the largest number of patients was reached and no look made a claim; some arms were "
                "closed by a rule or ended before the final look",
                masks.full_without_claim,
                near=True,
            ),
        ),
        masks.effective,
        "no scenario of the study has a benefit",
    ),
    Kind(
        "false-positive",
        "A false claim when nothing works",
        5,
        (Tier("benefit was claimed although no arm has any, in any subgroup", masks.false_claims),),
        lambda r: not masks.effective(r) and not masks.drifts(r),
        "no scenario of the study is without any benefit",
    ),
    Kind(
        "drift",
        "A drift, and allocation that follows the data",
        6,
        (
            Tier(
                "the arm that got the most patients of its subgroup has no benefit there, and was claimed "
                "to have one",
                _false_in_favourite,
            ),
            Tier("the arm that got the most patients of its subgroup has no benefit there", masks.misled),
        ),
        lambda r: masks.drifts(r) and masks.adapts(r) and masks.null_somewhere(r),
        "no design that adapts its allocation was simulated under a drift with an arm without benefit",
    ),
    Kind(
        "overrun",
        "The overrun undoes or weakens a claim",
        8,
        (
            Tier(
                "a claim's 95% interval with the patients and follow-up between data cut-off and effect no "
                "longer excludes no effect",
                masks.overrun_undone,
            ),
            Tier(
                "a claim's estimate with the patients and follow-up between data cut-off and effect is "
                "nearer to no effect",
                masks.overrun_weaker,
                near=True,
            ),
        ),
        masks.has_lags,
        "no design with delays among the results",
    ),
    Kind(
        "discordant",
        "A subgroup whose data are unlike those of the others",
        9,
        (
            Tier(
                "the own data of some arm in some subgroup lie 3 or more standard errors from those of the "
                "other subgroups together",
                lambda r: masks.discordant(r, 3.0),
            ),
            Tier(
                "the own data of some arm in some subgroup lie 2 or more standard errors from those of the "
                "other subgroups together",
                lambda r: masks.discordant(r, 2.0),
                near=True,
            ),
        ),
        lambda r: len(r.subgroups) > 1,
        "the study has a single subgroup",
    ),
    Kind(
        "harm",
        "Stopped for harm",
        0,
        (
            Tier("every arm was closed before the final look, some for harm and none with a claim", _harm),
            Tier("an arm was closed for harm", lambda r: masks.closed(r, CellStatus.HARM), near=True),
        ),
        lambda r: bool((r.truth.log_hr[r.offered] > LEAST_HARM).any()),
        "no scenario of the study has a hazard ratio above 1",
    ),
    Kind(
        "weak-own-data",
        "A false claim that the subgroup's own data support weakly",
        0,
        (
            Tier(
                "benefit was claimed at the trial's last look where there is none, while the subgroup's own "
                "data alone gave it a probability below 0.9",
                masks.weak_claims,
            ),
        ),
        lambda r: masks.effective(r) and masks.null_somewhere(r),
        "no scenario of the study has a benefit in some subgroups or arms and none in others",
    ),
)
"""In print order."""

NOT_AVAILABLE = (
    (
        7,
        "A stop for harm on overall survival, with benefit on the primary endpoint",
        "the engine has no rule on overall survival; death enters as a competing event only",
    ),
    (
        10,
        "An early marker that disagrees with the clinical endpoint",
        "the engine simulates no early marker such as imaging or circulating tumour cells",
    ),
)
"""Kinds that a reviewer expects and the engine cannot make: number, title, reason."""
