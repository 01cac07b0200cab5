"""A made-up study whose every metric has something to count: two designs, two scenarios, shared noise."""

import numpy as np
from scipy import stats

from tests.report.synthetic import write_result

N, K, S, B = 800, 3, 2, 2
TRUTHS = {"mixed": ((0.0, -0.4), (-0.5, 0.2)), "null": ((0.0, 0.0), (0.0, 0.0))}
DESIGNS = ("fixed", "adaptive")
PRIOR = {"mixed": 3.0, "null": 1.0}
MARGIN = {"fixed": 1.1, "adaptive": 1}
"""The fixed design claims non-inferiority, the adaptive one superiority."""


def rules(design):
    """Return a binding rule that claims, and advice to give up."""
    asks = {"threshold": [0.9] * K, "min_events": 0}
    claim = asks | {"quantity": f"P(HR < {MARGIN[design]})", "sign": ">"}
    advice = asks | {"quantity": "P(HR < 1)", "sign": "<", "threshold": [0.1] * K}
    return [
        {"kind": "efficacy", "asks": [claim]},
        {"kind": "futility", "asks": [advice], "binding": False},
    ]


def raw(design, scenario):
    """Return the arrays of one cell; designs and scenarios share their noise, as simulated ones do."""
    noise = np.random.default_rng(5)
    own = np.random.default_rng([DESIGNS.index(design), sorted(TRUTHS).index(scenario)])
    truth = np.array(TRUTHS[scenario])
    z = 0.8 * noise.standard_normal((N, S, B)) + 0.6 * own.standard_normal((N, S, B))
    mean = truth + 0.03 + 0.25 * z
    sd = 0.25 * np.exp(0.15 * own.standard_normal((N, S, B)))
    status = np.where(mean < -0.3, 2, np.where(mean > 0.12, 3, 5))
    last = np.where(noise.random(N) < 0.55, K - 1, noise.integers(0, K - 1, N))
    share = np.array([0.3, 0.3, 0.4]) if design == "fixed" else np.array([0.25, 0.4, 0.35])
    steps = noise.poisson(np.array([12.0, 4.5])[:, None] * 2 * share, (N, K, S, B + 1))
    held = np.arange(K)[None, :] <= last[:, None]
    patients = (steps * held[:, :, None, None]).cumsum(axis=1)
    events = own.binomial(steps * held[:, :, None, None], 0.4).cumsum(axis=1)
    month = 12.0 * np.arange(1, K + 1) + 3 * noise.random((N, 1))
    weights = own.gamma(8.0, size=(N, K, S, B + 1))
    posterior = np.concatenate([np.full((N, S, 1), np.nan), stats.norm.cdf(-mean / sd)], axis=2)
    early = np.where((status == 2).any(axis=(1, 2)), 2, 3)
    final = {"patients": patients[:, -1], "events": events[:, -1], "exposure": 9.0 * patients[:, -1]}
    overrun = mean + 0.02 + 0.05 * own.standard_normal(mean.shape)
    return final | {
        "trial": np.arange(N),
        "n_looks": K,
        "reason": np.where(last == K - 1, 4, early),
        "last_look": last,
        "months": month[np.arange(N), last],
        "status": status,
        "decided_look": np.broadcast_to(last[:, None, None], status.shape),
        "advice": np.where(noise.random(status.shape) < 0.3, 3, 0),
        "advice_look": np.zeros(status.shape, int),
        "awaiting_look": np.where(own.random(status.shape) < 0.3, 0, -1),
        "log_hr_mean": mean,
        "log_hr_sd": sd,
        "log_hr_lower": mean - 1.96 * sd,
        "log_hr_upper": mean + 1.96 * sd,
        "overrun_log_hr_mean": overrun,
        "overrun_log_hr_upper": overrun + 1.5 * sd,
        "overrun_p_below_1": stats.norm.cdf(-overrun / sd),
        "allocation": weights / weights.sum(axis=-1, keepdims=True),
        "look_columns": {
            "month": np.broadcast_to(month[:, :, None, None], patients.shape),
            "patients": patients,
            "events": events,
            "p_below_1": np.broadcast_to(posterior[:, None], patients.shape),
        },
    }


def write_study(root):
    """Write the study and return its arrays by design and scenario."""
    found = {(d, s): raw(d, s) for d in DESIGNS for s in TRUTHS}
    for (design, scenario), arrays in found.items():
        write_result(root, design, scenario, arrays, log_hr=TRUTHS[scenario], rules=rules(design))
    return found
