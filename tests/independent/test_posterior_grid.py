"""The fast engine on forty stored event tables whose posteriors are known to four digits or better.

The references were made by ``benchmarks/make_posterior_grid.py``; they are read here, never recomputed. Each
bound is the acceptance bound of the probability plus four times the reference's own error.
"""

import functools
import json
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adaptive.models import FullPooling, NoPooling, PartialPooling
from adaptive.posterior.laplace import LaplaceEngine
from adaptive.records import EventTable
from tests.statistics import assert_mc_close

ROOT = Path(__file__).parents[2]
GRID = json.loads((ROOT / "tests" / "data" / "posterior_grid" / "grid.json").read_text())
TABLES = {entry["name"]: entry for entry in GRID["tables"]}
MODELS = {"partial_pooling": PartialPooling, "no_pooling": NoPooling, "full_pooling": FullPooling}
FEW, MANY, EVER = 0.01, 0.005, 0.015
"""Bounds below 100 events, from 100 events, and for any single table in either."""
PROBABILITIES = ("p_below", "p_best")
FEWEST = ("S4 B1, 25 events", "S4 B1, arm without events", "S4 B1, 60 events")


@functools.lru_cache
def compiled(engine=None):
    def answers(model, table):
        posterior = (engine or LaplaceEngine()).fit(jax.random.key(0), model, table)
        mean, sd = posterior.moments()
        return {
            "p_below": posterior.p_below(jnp.log(jnp.asarray(GRID["margins"]))),
            "p_best": posterior.p_best(),
            "mean": mean,
            "sd": sd,
            "quantile": posterior.quantiles(jnp.asarray(GRID["levels"])),
            "code": posterior.health.code,
        }

    return jax.jit(answers)


def fitted(name, engine=None, exposure=1.0):
    """Answers of the engine; ``exposure`` multiplies the person-months of the first experimental arm."""
    entry = TABLES[name]
    months = np.array(entry["exposure"])
    months[:, 1] *= exposure
    table = EventTable(jnp.asarray(np.array(entry["events"], float)), jnp.asarray(months))
    model = MODELS[entry["model"]](**{key: jnp.asarray(value) for key, value in entry["prior"].items()})
    return compiled(engine)(model, table)


def reference(name, answer):
    """Value and error of one stored answer."""
    stored = TABLES[name]["reference"]["answers"][answer]
    return np.array(stored["value"]), np.array(stored["error"])


def excess(name, got):
    """Largest error of a probability, and by how much it exceeds the table's bound (negative: within)."""
    bound = FEW if TABLES[name]["n_events"] < 100 else MANY
    gaps, beyond = [], []
    for answer in PROBABILITIES:
        value, error = reference(name, answer)
        gaps.append(np.abs(got[answer] - value).max())
        beyond.append((np.abs(got[answer] - value) - 4.0 * error - bound).max())
    return max(gaps), max(beyond)


@pytest.mark.parametrize("name", TABLES)
def test_probabilities_are_within_the_stated_bounds(name):
    got = fitted(name)
    gap, beyond = excess(name, got)
    print(f"{name:48s} {TABLES[name]['n_events']:5d} events, largest error {gap:.4f}")
    assert int(got["code"]) == 0
    assert beyond <= 0.0
    assert gap <= EVER


@pytest.mark.parametrize("name", TABLES)
def test_moments_and_interval_ends_agree(name):
    got = fitted(name)
    (mean, _), (sd, _), (quantile, _) = (reference(name, x) for x in ("mean", "sd", "quantile"))
    np.testing.assert_allclose((got["mean"] - mean) / sd, 0.0, atol=0.03)
    np.testing.assert_allclose(got["sd"] / sd, 1.0, atol=0.05)
    np.testing.assert_allclose((got["quantile"] - quantile) / sd[None], 0.0, atol=0.1)


def test_ten_percent_in_the_exposure_of_one_arm_is_seen():
    seen = [name for name in TABLES if excess(name, fitted(name, exposure=1.1))[1] > 0.0]
    assert len(seen) >= len(TABLES) / 2, seen


def test_plain_laplace_is_worse():
    """Without the sweeps of moment matching the errors at few events grow."""
    plain = LaplaceEngine(n_sweeps=0)
    errors = {e: max(excess(name, fitted(name, e))[0] for name in FEWEST) for e in (None, plain)}
    assert errors[plain] > 2.0 * errors[None], errors


def test_the_grid_is_what_it_claims():
    shapes = np.array([np.shape(entry["events"]) for entry in TABLES.values()])
    events = np.array([entry["n_events"] for entry in TABLES.values()])
    assert len(TABLES) == 40
    assert (shapes.min(axis=0) == [1, 2, 1]).all() and (shapes.max(axis=0) == [8, 5, 6]).all()
    assert events.min() == 8 and 1900 <= events.max() <= 2000
    assert 15 <= (events < 100).sum() <= 25
    for name, entry in TABLES.items():
        assert np.sum(entry["events"]) == entry["n_events"]
        assert max(reference(name, answer)[1].max() for answer in PROBABILITIES) <= 2e-4


def test_the_benchmarks_need_neither_hydra_nor_arviz():
    program = """
import runpy, sys
for name in ("hydra", "omegaconf", "arviz"):
    sys.modules[name] = None
sys.path.insert(0, "benchmarks")
sys.argv = ["gpu_all.py", "--quick", "--list"]
runpy.run_path("benchmarks/gpu_all.py", run_name="__main__")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "flagship_speed" in done.stdout and "error_cost" in done.stdout


@pytest.mark.parametrize("name", [name for name, entry in TABLES.items() if "cross_check" in entry])
def test_references_agree_with_long_runs_of_the_sampler(name):
    for answer in (*PROBABILITIES, "mean", "sd", "quantile"):
        value, error = reference(name, answer)
        drawn = TABLES[name]["cross_check"]["answers"][answer]
        se = np.array(drawn["error"])
        assert_mc_close(np.array(drawn["value"]), value, se, allowance=error, n_checks=200, label=answer)
