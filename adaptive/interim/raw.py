"""Maximum-likelihood log hazard ratios per subgroup, without prior or pooling: the "raw" estimates of a memo.

Descriptive only: no rule may use them. With one interval per distinct event time, and
censored times moved back to the event time before, this is Cox's partial likelihood with Breslow's ties.
"""

import numpy as np

from adaptive.records import EventTable


def raw_log_hr(table: EventTable, *, steps: int = 50) -> tuple[np.ndarray, np.ndarray]:
    """Return estimates and standard errors, each of shape ``(S, B)``; NaN where there is none.

    Newton's method on the profile likelihood ``sum_b theta_b d_b - sum_j d_j log(sum_a exp(theta_a) E_aj)``,
    per subgroup. An arm needs events of its own, and control needs some too.

    Parameters
    ----------
    table
        Events and person-months.
    steps
        Largest number of Newton steps.

    References
    ----------
    Breslow (1974), Biometrics 30, 89-99, doi:10.2307/2529620.
    """
    events, exposure = np.asarray(table.events, float), np.asarray(table.exposure, float)
    shape = (events.shape[0], events.shape[1] - 1)
    estimate, error = np.full(shape, np.nan), np.full(shape, np.nan)
    for s in range(shape[0]):
        arms = np.flatnonzero(events[s, 1:].sum(axis=1) > 0)
        if arms.size and events[s, 0].sum() > 0:
            keep = np.concatenate([[0], arms + 1])
            estimate[s, arms], error[s, arms] = _profile(events[s, keep], exposure[s, keep], steps)
    return estimate, error


def _profile(events: np.ndarray, exposure: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the estimates of one subgroup, whose arms all have events; shapes ``(A, J)``."""
    per_arm, per_interval = events.sum(axis=1), events.sum(axis=0)
    used = per_interval > 0
    per_interval, exposure = per_interval[used], exposure[:, used]
    rate = per_arm / exposure.sum(axis=1)
    theta = np.log(rate[1:] / rate[0])
    for _ in range(steps):
        weight = np.concatenate([[1.0], np.exp(theta)])[:, None] * exposure
        share = weight[1:] / weight.sum(axis=0)
        gradient = per_arm[1:] - share @ per_interval
        information = np.diag(share @ per_interval) - (share * per_interval) @ share.T
        step = np.linalg.solve(information, gradient)
        theta = theta + np.clip(step, -2.0, 2.0)
        if np.abs(step).max() < 1e-12:
            break
    return theta, np.sqrt(np.diag(np.linalg.inv(information)))
