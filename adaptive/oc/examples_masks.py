"""Which trials of a result are of some kind, as masks over trials or cells. Axes as in ``oc.load``.

Totals of patients, events and exposure are those at the trial's last look. Nothing here picks a trial.
"""

import numpy as np
from jaxtyping import Bool, Float
from scipy import special

from adaptive.codes import CellStatus, StopReason
from adaptive.oc.load import CellResult

Mask = Bool[np.ndarray, " R"]
Cells = Bool[np.ndarray, "R S B"]
FEW_EVENTS = 10
"""Events of arm and control together below which own data are not compared with anything."""
WEAK = 0.9
"""Own data speak weakly for a claim if alone they give a smaller probability of benefit than this."""


def closed(result: CellResult, *states: CellStatus) -> Cells:
    """Return the cells that ended in one of the states."""
    return np.isin(result.status, states)


def opened(result: CellResult) -> Cells:
    """Return the cells that randomised in the trial; an arm of a calendar may never be opened."""
    return result.status != CellStatus.NEVER_OPENED


def at_last_look(result: CellResult) -> Cells:
    """Return the cells decided at the trial's last look; an arm of a calendar may have its own before."""
    return result.decided_look == result.trials["last_look"][:, None, None]


def every_cell(result: CellResult, met: Cells) -> Mask:
    """Return whether every cell that the trial opened meets a condition."""
    return (met | ~opened(result)).all(axis=(1, 2))


def every_subgroup(result: CellResult, met: Cells) -> Mask:
    """Return whether some cell of every subgroup that the design offers meets a condition."""
    return (met.any(axis=2) | ~result.offered.any(axis=1)).all(axis=1)


def false_claims(result: CellResult) -> Cells:
    """Return the claims in cells without benefit."""
    return result.claimed & result.truth.is_null


def early_claims(result: CellResult) -> Cells:
    """Return true claims made before the final look."""
    last = int(result.manifest["design"].get("n_looks") or 1) - 1
    return result.claimed & ~result.truth.is_null & (result.decided_look < last)


def one_subgroup(result: CellResult, others: Cells) -> Mask:
    """Return whether all claims are true and in one subgroup, and opened cells elsewhere are ``others``."""
    subgroup = result.claimed.any(axis=2)
    rest = (others | ~opened(result)).all(axis=2) | subgroup
    return (subgroup.sum(axis=1) == 1) & rest.all(axis=1) & ~false_claims(result).any(axis=(1, 2))


def first_look_futile(result: CellResult) -> Cells:
    """Return the cells closed for futility at the first look."""
    return closed(result, CellStatus.FUTILITY) & (result.decided_look == 0)


def most_first_look_futile(result: CellResult) -> Mask:
    """Return the trials that closed as many cells for futility at the first look as any trial did."""
    counts = first_look_futile(result).sum(axis=(1, 2))
    return (counts == counts.max()) & (counts > 0)


def full_without_claim(result: CellResult) -> Mask:
    """Return the trials that reached the largest number of patients and their final look without a claim."""
    largest = result.trials["patients"] >= float(result.manifest["design"].get("max_patients") or np.inf)
    held = np.isin(result.trials["reason"], (StopReason.FINAL_LOOK, StopReason.TIME_LIMIT))
    return largest & held & ~result.claimed.any(axis=(1, 2))


def own_log_hr(events: np.ndarray, exposure: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the crude log ratio of event rates against control, and its standard error.

    ``log(d1 / t1) - log(d0 / t0)`` with standard error ``sqrt(1 / d1 + 1 / d0)``: the normal approximation
    of the likelihood under constant hazards. Half an event is added to both counts of a pair if one of them
    is 0. A pair without exposure has NaN.

    Parameters
    ----------
    events, exposure
        Endpoint events and person-months, shape ``(..., S, A)``, control first.

    Returns
    -------
    Two arrays of shape ``(..., S, B)``.
    """
    d1 = np.asarray(events, float)[..., 1:]
    d0 = np.broadcast_to(np.asarray(events, float)[..., :1], d1.shape)
    added = np.where((d1 == 0) | (d0 == 0), 0.5, 0.0)
    d1, d0 = d1 + added, d0 + added
    t1, t0 = exposure[..., 1:], exposure[..., :1]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where((t1 > 0) & (t0 > 0), np.log(d1 / t1) - np.log(d0 / t0), np.nan)
    return ratio, np.where(np.isfinite(ratio), np.sqrt(1 / d1 + 1 / d0), np.nan)


def discordance(result: CellResult) -> Float[np.ndarray, "R S B"]:
    """Return how many standard errors a subgroup's own log rate ratio lies from that of the others together.

    ``(own - rest) / sqrt(se^2 + se_rest^2)``, the rest weighted by inverse variance. The control of a
    subgroup serves its arms only, so the two are independent. NaN with fewer than ``FEW_EVENTS`` events.
    """
    ratio, error = own_log_hr(result.events, result.exposure)
    enough = result.events[:, :, 1:] + result.events[:, :, :1] >= FEW_EVENTS
    known = np.isfinite(ratio)
    weight = np.where(known, 1 / np.where(known, error, 1.0) ** 2, 0.0)
    product = weight * np.where(known, ratio, 0.0)
    rest = weight.sum(axis=1, keepdims=True) - weight
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (product.sum(axis=1, keepdims=True) - product) / rest
        z = (ratio - mean) / np.sqrt(error**2 + 1 / rest)
    return np.where(enough & known & (rest > 0), z, np.nan)


def discordant(result: CellResult, bound: float) -> Cells:
    """Return the cells whose own data lie at least ``bound`` standard errors from those of the others."""
    return np.abs(np.nan_to_num(discordance(result))) >= bound


def weak_claims(result: CellResult) -> Cells:
    """Return false claims made at the trial's last look for which the subgroup's own data speak weakly.

    Weakly: ``Phi(-own / se) < WEAK``. At the last look the totals of the trial are the data of the claim.
    """
    ratio, error = own_log_hr(result.events, result.exposure)
    with np.errstate(invalid="ignore"):
        weak = ratio / error > -float(special.ndtri(WEAK))
    return false_claims(result) & at_last_look(result) & weak


def misled(result: CellResult) -> Cells:
    """Return cells without benefit that got more patients than any other arm of their subgroup."""
    top = result.patients == result.patients.max(axis=2, keepdims=True)
    alone = top & (top.sum(axis=2, keepdims=True) == 1)
    return alone[:, :, 1:] & result.truth.is_null & result.offered


def overrun_undone(result: CellResult) -> Cells:
    """Return claims whose 95% interval with the overrun no longer excludes no effect."""
    return result.claimed & (result.overrun["overrun_log_hr_upper"] >= 0)


def overrun_weaker(result: CellResult) -> Cells:
    """Return claims whose estimate with the overrun is nearer to no effect."""
    shift = result.overrun["overrun_log_hr_mean"] - result.estimates["log_hr_mean"]
    return result.claimed & (shift > 0)


def drifts(result: CellResult) -> bool:
    """Return whether the scenario has a drift."""
    return bool((result.config.get("scenario") or {}).get("drift"))


def adapts(result: CellResult) -> bool:
    """Return whether the design adapts its allocation to the data."""
    return bool(result.manifest["design"].get("responds"))


def effective(result: CellResult) -> bool:
    """Return whether the scenario has a benefit somewhere."""
    return bool((~result.truth.is_null & result.offered).any())


def null_somewhere(result: CellResult) -> bool:
    """Return whether the scenario has a cell without benefit."""
    return bool((result.truth.is_null & result.offered).any())


def has_lags(result: CellResult) -> bool:
    """Return whether the design has delays, so that results with the overrun are stored."""
    return any(np.isfinite(values).any() for values in result.overrun.values())
