"""Fake result directories with known probabilities, written with pandas, not with the package's own store."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

SUBGROUPS = ("HR+/HER2-", "TNBC")
ARMS = ("control", "drug A", "drug B")
STATUS = ("NEVER_OPENED", "OPEN", "EFFICACY", "FUTILITY", "HARM", "COMPLETED")
REASON = ("RUNNING", "HARM", "EFFICACY", "FUTILITY", "FINAL_LOOK", "TIME_LIMIT")
OVERRUN = (
    "overrun_log_hr_mean",
    "overrun_log_hr_sd",
    "overrun_log_hr_lower",
    "overrun_log_hr_upper",
    "overrun_p_below_1",
)
ESTIMATES = ("log_hr_mean", "log_hr_sd", "log_hr_lower", "log_hr_upper")
RULES = [
    {
        "kind": "efficacy",
        "asks": [
            {"quantity": "P(HR < 1)", "sign": ">", "threshold": [0.99, 0.985, 0.98, 0.975], "min_events": 20}
        ],
    },
    {
        "kind": "futility",
        "asks": [
            {"quantity": "P(HR < 0.9)", "sign": "<", "threshold": [None, 0.1, 0.1, 0.1], "min_events": 0}
        ],
        "binding": True,
    },
]
DESIGN_PARTS = {
    "endpoint": ["new metastasis"],
    "max_patients": 600,
    "max_months": 72.0,
    "model": "PartialPooling",
    "engine": "LaplaceEngine",
}
FIXED_PARTS = {
    "schema_version": 1,
    "dtype": "float64",
    "device": "cpu",
    "versions": {"python": "3.11.7", "adaptive": "0.1.0", "jax": "0.10.2"},
    "code": {"commit": "0123abc", "dirty": False},
    "command": "adaptive simulate experiment=fake",
}


def fake_arrays(
    n=400,
    *,
    log_hr=((0.0, 0.0), (0.0, 0.0)),
    claim=0.1,
    futile=0.3,
    n_looks=4,
    seed=1,
    shift=0.0,
    looks=False,
    adaptive=False,
):
    """Return arrays of one cell: claims with probability ``claim``, estimates Normal(log_hr + shift, 0.2)."""
    rng = np.random.default_rng(seed)
    truth = np.array(log_hr, float)
    s, b = truth.shape
    uniform = rng.random((n, s, b))
    claim = np.broadcast_to(np.array(claim, float), (s, b))
    status = np.where(uniform < claim, 2, np.where(uniform > 1 - futile, 3, 5))
    last = rng.integers(0, n_looks, n)
    mean = truth + shift + 0.2 * rng.standard_normal((n, s, b))
    share = np.full((s, b + 1), 1 / (b + 1))
    if adaptive:
        share = np.exp(-2 * np.concatenate([np.zeros((s, 1)), truth], axis=1))
        share = share / share.sum(axis=1, keepdims=True)
    patients = rng.poisson((60 * share)[None] * (1 + last[:, None, None]))
    events = rng.binomial(patients, 0.4)
    early = np.where((status == 2).any(axis=(1, 2)), 2, 3)
    arrays = {
        "trial": np.arange(n),
        "reason": np.where(last == n_looks - 1, 4, early),
        "last_look": last,
        "months": 12.0 * (1 + last) + rng.random(n),
        "patients": patients,
        "events": events,
        "exposure": 9.5 * patients,
        "status": status,
        "decided_look": np.broadcast_to(last[:, None, None], status.shape),
        "advice": np.zeros((n, s, b), int),
        "log_hr_mean": mean,
        "log_hr_sd": np.full((n, s, b), 0.2),
        "log_hr_lower": mean - 1.96 * 0.2,
        "log_hr_upper": mean + 1.96 * 0.2,
        "n_looks": n_looks,
    }
    if looks:
        arrays["allocation"] = _allocations(rng, share, n, n_looks, adaptive)
    return arrays


def _allocations(rng, share, n, n_looks, adaptive):
    """Return allocation after each look, ``(R, K, S, A)``, drifting from equal to ``share``."""
    weight = np.linspace(0.3, 1, n_looks)[None, :, None, None]
    equal = np.full_like(share, 1 / share.shape[1])
    level = (1 - weight) * equal + weight * share
    noise = rng.gamma(40 if adaptive else 1e6, size=(n, n_looks, *share.shape))
    drawn = level * noise
    return drawn / drawn.sum(axis=-1, keepdims=True)


def default_config(design, scenario, log_hr):
    """Return a resolved configuration with provenance nodes."""
    return {
        "design": {"name": design, "max_patients": 600},
        "scenario": {
            "name": scenario,
            "baseline": {
                "TNBC": {"value": 0.119, "unit": "per month", "source": "cohort X 2019", "tag": "derived"},
                "HR+": {"value": 0.02, "unit": "per month", "source": "UNVERIFIED", "tag": "unverified"},
            },
            "log_hr": {
                "value": [list(map(float, row)) for row in log_hr],
                "unit": "log HR",
                "tag": "assumption",
            },
        },
    }


def write_result(
    root,
    design,
    scenario,
    arrays,
    *,
    log_hr,
    study="fake",
    seed=7,
    benchmark="fixed",
    subgroups=SUBGROUPS,
    arms=ARMS,
    rules=None,
    is_null=None,
    config=None,
    allocation="ThallWathenAllocation",
    failed=0,
    edit=None,
):
    """Write one result directory and return it; ``edit`` may change the manifest before it is written."""
    path = Path(root) / study / design / scenario
    path.mkdir(parents=True)
    (path / "truth.json").write_text(json.dumps(truth_content(log_hr, is_null, subgroups, arms)))
    (path / "config.yaml").write_text(yaml.safe_dump(config or default_config(design, scenario, log_hr)))
    trials_frame(arrays).to_parquet(path / "trials.parquet")
    cells_frame(arrays, subgroups, arms).to_parquet(path / "cells.parquet")
    if "allocation" in arrays:
        looks_frame(arrays, subgroups, arms).to_parquet(path / "looks.parquet")
    n, first = arrays["trial"].size, int(arrays["trial"].min())
    manifest = FIXED_PARTS | {
        "study": study,
        "benchmark": benchmark,
        "design": DESIGN_PARTS
        | {"name": design, "arms": list(arms), "subgroups": list(subgroups), "n_looks": arrays["n_looks"]}
        | {"rules": rules or RULES, "allocation": allocation, "responds": "Fixed" not in allocation},
        "scenario": scenario,
        "seed": seed,
        "config_sha256": digest(path / "config.yaml"),
        "counts": {"requested": first + n + failed, "finished": n, "failed": first + failed},
        "failures": [
            {"first": start, "stop": stop, "reason": "made up"}
            for start, stop in ((0, first), (first + n, first + n + failed))
            if stop > start
        ],
    }
    manifest["files"] = {file.name: digest(file) for file in sorted(path.iterdir())}
    if edit:
        edit(manifest)
    (path / "manifest.json").write_text(json.dumps(manifest))
    return path


def truth_content(log_hr, is_null, subgroups, arms):
    """Return the true values; null where the log hazard ratio is not negative, unless told otherwise."""
    truth = np.array(log_hr, float)
    null = truth >= 0 if is_null is None else np.array(is_null)
    cif = 1 - np.exp(-0.5 * np.exp(np.concatenate([np.zeros((truth.shape[0], 1)), truth], axis=1)))
    return {
        "subgroups": list(subgroups),
        "arms": list(arms),
        "endpoint": ["new metastasis"],
        "horizon_months": 24.0,
        "log_hr": truth.tolist(),
        "cif": cif.tolist(),
        "cif_difference": (cif[:, 1:] - cif[:, :1]).tolist(),
        "is_null": null.tolist(),
    }


def digest(path):
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def trials_frame(arrays):
    """Return the row-per-trial frame."""
    n = arrays["trial"].size
    return pd.DataFrame(
        {
            "trial": arrays["trial"],
            "reason": np.array(REASON)[arrays["reason"]],
            "looks_held": arrays["last_look"] + 1,
            "last_look": arrays["last_look"],
            "months": arrays["months"],
            "accrual_months": 0.8 * arrays["months"],
            "patients": arrays["patients"].sum(axis=(1, 2)),
            "events": arrays["events"].sum(axis=(1, 2)),
            "screened": arrays["patients"].sum(axis=(1, 2)) + 5,
            "arrivals_exhausted": np.zeros(n, bool),
            "unhealthy_looks": arrays.get("unhealthy", np.zeros(n, int)),
        }
    )


def cells_frame(arrays, subgroups, arms):
    """Return the row-per-cell frame, control rows with nulls."""
    n, s, a = arrays["patients"].shape

    def with_control(values, control):
        values = np.asarray(values)
        first = np.full((n, s, 1), control, dtype=values.dtype if values.dtype.kind == "U" else None)
        return np.concatenate([first, values], axis=2).ravel()

    advice = np.array(["NONE", *STATUS[1:]])[arrays["advice"]]
    frame = {
        "trial": np.repeat(arrays["trial"], s * a),
        "subgroup": np.tile(np.repeat(subgroups, a), n),
        "arm": np.tile(arms, n * s),
        "patients": arrays["patients"].ravel(),
        "events": arrays["events"].ravel(),
        "exposure": arrays["exposure"].ravel(),
        "status": with_control(np.array(STATUS)[arrays["status"]], "CONTROL"),
        "decided_look": with_control(arrays["decided_look"], -1),
        "decided_month": np.nan,
        "advice": with_control(advice, "NONE"),
        "advised_look": with_control(arrays.get("advice_look", np.full((n, s, a - 1), -1)), -1),
        "awaiting_look": with_control(arrays.get("awaiting_look", np.full((n, s, a - 1), -1)), -1),
        **{name: with_control(arrays[name], np.nan) for name in ESTIMATES},
        **{name: with_control(arrays.get(name, np.full((n, s, a - 1), np.nan)), np.nan) for name in OVERRUN},
    }
    return pd.DataFrame(frame)


def looks_frame(arrays, subgroups, arms):
    """Return the row-per-look frame of the looks held; advice is given at ``advice_look`` where it is."""
    _, k, s, a = arrays["allocation"].shape
    held = np.arange(k)[None, :] <= arrays["last_look"][:, None]
    trial, look = np.nonzero(held)
    rows = trial.size
    allocation = arrays["allocation"][trial, look].copy()
    allocation[look == k - 1] = 0.0
    advice = np.full((rows, s, a), "NONE", dtype="U12")
    if "advice_look" in arrays:
        given = (arrays["advice"] > 0)[trial] & (arrays["advice_look"][trial] == look[:, None, None])
        advice[:, :, 1:] = np.where(given, np.array(STATUS)[arrays["advice"]][trial], "NONE")
    return pd.DataFrame(
        {
            "trial": np.repeat(arrays["trial"][trial], s * a),
            "look": np.repeat(look, s * a),
            "subgroup": np.tile(np.repeat(subgroups, a), rows),
            "arm": np.tile(arms, rows * s),
            "allocation": allocation.ravel(),
            "advice": advice.ravel(),
            **{name: values[trial, look].ravel() for name, values in arrays.get("look_columns", {}).items()},
        }
    )
