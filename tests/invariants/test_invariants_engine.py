"""Exact agreement of drivers, chunks and a trial alone, with the engine that decides in published studies."""

import jax
import numpy as np
import pytest

from adaptive.design.protocol import Analysis
from adaptive.models.pooling import PartialPooling
from adaptive.posterior.laplace import LaplaceEngine
from adaptive.simulate.drivers import simulate
from tests.toy import toy_design, toy_scenario

MODEL = PartialPooling(1.0, 0.5, 0.1, 5.0)
DESIGN = toy_design(analysis=Analysis(cuts=np.array([0.0, 6.0]), model=MODEL, engine=LaplaceEngine()))
SCENARIO = toy_scenario(((-1.2, -1.4), (0.9, -1.2)), rate=3.0)


@pytest.mark.slow
def test_drivers_chunks_and_lone_trials_agree_to_the_last_bit():
    reference = simulate(DESIGN, SCENARIO, seed=3, trials=np.arange(600), driver="scan")
    ways = {
        "dropping": np.arange(600),
        "chunk": np.arange(300, 420),
        "alone": np.array([599]),
    }
    for way, trials in ways.items():
        again = simulate(DESIGN, SCENARIO, seed=3, trials=trials)
        pairs = zip(jax.tree_util.tree_leaves_with_path(reference), jax.tree.leaves(again), strict=True)
        for (path, whole), part in pairs:
            np.testing.assert_array_equal(whole[trials], part, err_msg=f"{way} {jax.tree_util.keystr(path)}")
    assert len(np.unique(reference.result.looks_held)) > 1
