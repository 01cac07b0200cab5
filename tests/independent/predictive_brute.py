"""Predictive probabilities by brute force in plain NumPy: one patient, one draw at a time in spirit.

Written from the definition, without a look at the package. One subgroup, two arms, constant hazards with
Gamma(a, b) priors; the final look comes ``wait`` months after the last patient, nobody is followed longer
than ``follow_up`` months.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special, stats


@dataclass(frozen=True)
class Trial:
    entry: np.ndarray
    arm: np.ndarray
    time: np.ndarray
    event: np.ndarray
    gone: np.ndarray
    """Lost before the cut-off: followed no more."""
    cutoff: float


def predictive(
    trial, *, grow, test, n, seed, most, rate, follow_up, wait, dropout, prior=(0.1, 0.1), bug=None
):
    """Return the share of ``n`` completed data sets with a success; ``bug`` plants one."""
    rng = np.random.default_rng(seed)
    hazard = np.stack([_hazard(rng, trial, arm, prior, n) for arm in (0, 1)], axis=1)
    goes_on = ~trial.event & (~trial.gone | (bug == "imputes the dropped out"))
    extra = most - trial.entry.size if grow else 0
    entry = np.tile(trial.entry, (n, 1))
    arm = np.tile(trial.arm, (n, 1))
    start = np.tile(np.where(goes_on, trial.time, 0.0), (n, 1))
    if extra:
        coming = trial.cutoff + np.cumsum(rng.exponential(1 / rate, (n, extra)), axis=1)
        entry = np.concatenate([entry, coming], axis=1)
        arm = np.concatenate([arm, rng.integers(2, size=(n, extra))], axis=1)
        start = np.concatenate([start, np.zeros((n, extra))], axis=1)
    if bug == "starts at zero":
        start = np.zeros_like(start)
    mine = np.concatenate([goes_on, np.ones(extra, bool)])
    happens = start + rng.exponential(size=start.shape) / np.take_along_axis(hazard, arm, axis=1)
    lost = start + rng.exponential(1 / dropout, start.shape) if dropout else np.full(start.shape, np.inf)
    end = entry.max(axis=1, keepdims=True) + wait
    stop = np.minimum(np.minimum(lost, follow_up), end - entry)
    stop = np.maximum(stop, start)
    known_time = np.concatenate([trial.time, np.zeros(extra)])
    known_event = np.concatenate([trial.event, np.zeros(extra, bool)])
    time = np.where(mine, np.minimum(happens, stop), known_time)
    event = np.where(mine, happens <= stop, known_event)
    return float(np.mean(test(time, event, arm)))


def _hazard(rng, trial, arm, prior, n):
    here = trial.arm == arm
    shape = prior[0] + (trial.event & here).sum()
    return rng.gamma(shape, 1.0 / (prior[1] + trial.time[here].sum()), n)


def log_rank(threshold, two_sided=False):
    """Return the log-rank test of many data sets at once, by comparing every pair of patients."""

    def test(time, event, arm):
        later = time[:, None, :] >= time[:, :, None]
        at_risk = later.sum(axis=2)
        treated = (later & (arm[:, None, :] == 1)).sum(axis=2)
        share = treated / at_risk
        difference = np.sum(event * (share - (arm == 1)), axis=1)
        variance = np.sum(event * share * (1 - share), axis=1)
        z = difference / np.sqrt(np.maximum(variance, 1e-12))
        confidence = stats.norm.cdf(z)
        return (np.abs(2 * confidence - 1) if two_sided else confidence) > threshold

    return test


def gamma_ratio(threshold, prior=(0.1, 0.1)):
    """Return the test ``P(hazard ratio < 1) > threshold`` under independent Gamma hazards."""

    def test(time, event, arm):
        shape = [prior[0] + np.sum(event & (arm == a), axis=1) for a in (0, 1)]
        rate = [prior[1] + np.sum(time * (arm == a), axis=1) for a in (0, 1)]
        return special.betainc(shape[1], shape[0], rate[1] / (rate[0] + rate[1])) > threshold

    return test
