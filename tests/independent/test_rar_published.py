"""Published numbers of response-adaptive rules: exact P(best), RSIHR, Hu and Zhang's coin, Trippa's design.

The first three are from the vignette of RARtrials (CRAN). It prints the shares of two of them under each
other's name: what it calls the target is what its code computes after the coin, and the other way round. The
estimates are (successes + 1) / (patients + 2).
"""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from adaptive.codes import CellStatus
from adaptive.design.allocation_exponents import EnrolledExponent
from adaptive.design.allocation_minimum import Minimum
from adaptive.design.allocation_targets import biased_coin, optimal_target
from adaptive.design.allocation_weights import TrippaWeights
from adaptive.design.looks import EnrolledLooks, FollowUpLook, Then
from adaptive.design.protocol import Limits
from adaptive.design.rules import EfficacyRule, FutilityRule
from adaptive.posterior.independent import chance_of_beating
from adaptive.simulate.drivers import simulate
from tests.statistics import assert_mc_close
from tests.strategy_examples import response_adaptive
from tests.toy import toy_design, toy_scenario

NODES, RULE = np.polynomial.legendre.leggauss(200)
NODES, RULE = 0.5 * (NODES + 1.0), 0.5 * RULE
POSTERIORS = [stats.beta(30, 30), stats.beta(41, 20), stats.beta(35, 27)]


def best(larger: bool) -> np.ndarray:
    """P(best) of each arm; ``larger`` says what is better."""
    beaten = [p.cdf(NODES) if larger else p.sf(NODES) for p in POSTERIORS]
    return np.array(
        [
            chance_of_beating(
                jnp.asarray(RULE * p.pdf(NODES)), [jnp.asarray(b) for k, b in enumerate(beaten) if k != arm]
            )
            for arm, p in enumerate(POSTERIORS)
        ]
    )


def test_exact_probability_of_being_best():
    np.testing.assert_allclose(best(True), [0.01796526, 0.8788907, 0.1031441], atol=5e-8)
    np.testing.assert_allclose(best(False), [0.7560864, 0.01230027, 0.2316133], atol=5e-8)
    np.testing.assert_allclose(best(True).sum(), 1.0, atol=1e-12)


@pytest.mark.parametrize(("arm", "expected"), [(1, 0.7951487), (2, 0.3477606)])
def test_exact_probability_of_being_better_by_a_margin(arm, expected):
    weight = jnp.asarray(RULE * POSTERIORS[arm].pdf(NODES))
    given = chance_of_beating(weight, [jnp.asarray(POSTERIORS[0].cdf(NODES - 0.1))])
    np.testing.assert_allclose(given, expected, atol=5e-8)


RATE = (np.array([20.0, 23.0, 18.0, 25.0, 27.0]) + 1.0) / (np.array([54.0, 65.0, 72.0, 60.0, 80.0]) + 2.0)
SHARE = np.array([54.0, 65.0, 72.0, 60.0, 80.0]) / 331.0
TARGET = [0.2076180, 0.2029166, 0.1717949, 0.2195535, 0.1981169]
AFTER_THE_COIN = [0.3014955, 0.1942672, 0.0960814, 0.2887962, 0.1193597]


def test_rsihr_target_and_the_coin_towards_it():
    target = optimal_target(jnp.asarray([RATE * (1 - RATE)]), jnp.asarray([1 - RATE]))
    np.testing.assert_allclose(target, [TARGET], atol=6e-8)
    coin = biased_coin(target, jnp.asarray([SHARE]), jnp.asarray(2.0))
    np.testing.assert_allclose(coin, [AFTER_THE_COIN], atol=6e-8)
    # With gamma 0 it is the target; another gamma is seen.
    np.testing.assert_allclose(biased_coin(target, jnp.asarray([SHARE]), jnp.asarray(0.0)), target)
    assert np.abs(np.asarray(biased_coin(target, jnp.asarray([SHARE]), jnp.asarray(1.9))) - coin).max() > 1e-3


# --- Trippa's rule in a trial: published numbers whose inputs are unknown, so what they say in words

N_TRIALS = 256
COUNTS = np.arange(100, 500, 50, dtype=np.int32)


def trippa_design(nu: float):
    k = len(COUNTS) + 1
    return toy_design(
        arms=("control", "a", "b", "c"),
        subgroups=("all",),
        eligible=np.ones((1, 3), bool),
        limits=Limits(np.int32(500), np.full(1, 500, np.int32), 200.0, 500),
        looks=Then(EnrolledLooks(counts=COUNTS, delay=np.zeros(len(COUNTS))), FollowUpLook(months=6.0)),
        rules=(
            EfficacyRule(margin=1.0, threshold=np.append(np.full(k - 1, 0.995), 0.98)),
            FutilityRule(margin=0.8, threshold=np.append(np.full(k - 1, 0.02), np.nan)),
        ),
        allocation=response_adaptive(
            ratio=np.ones(4),
            weights=TrippaWeights(EnrolledExponent(3.0, 1.4, 500.0), nu=nu),
            minimum=Minimum(patients=10.0, events=2.0),
            floor=0.02,
        ),
    )


@pytest.fixture(scope="module")
def sizes():
    """Patients per arm, by nu and scenario; and the share of trials in which the last arm is claimed."""

    def run(nu, log_hr):
        scenario = toy_scenario(
            (log_hr,), subgroups=("all",), arms=("control", "a", "b", "c"), mix=(1.0,), rate=20
        )
        result = simulate(trippa_design(nu), scenario, seed=1, trials=np.arange(N_TRIALS)).result
        return result.patients[:, 0], (result.status[:, 0, 2] == CellStatus.EFFICACY).mean()

    null, one = (0.0, 0.0, 0.0), (0.0, 0.0, -0.55)
    return {(nu, name): run(nu, e) for nu in (0.1, 0.0) for name, e in (("null", null), ("one", one))}


def test_under_the_null_control_is_kept_larger_than_arms_that_are_alike(sizes):
    """Published: control 140, each arm about 105 patients."""
    patients, _ = sizes[0.1, "null"]
    mean, se = patients.mean(axis=0), patients.std(axis=0, ddof=1) / np.sqrt(N_TRIALS)
    assert 1.1 < mean[0] / mean[1:].mean() < 1.6
    assert_mc_close(mean[1:], mean[1:].mean(), se[1:] * np.sqrt(2), label="arms that are alike")


def test_with_one_superior_arm_it_gets_most_and_control_keeps_up(sizes):
    """Published: 135 patients for the superior arm, success .887, few for the others."""
    patients, success = sizes[0.1, "one"]
    mean = patients.mean(axis=0)
    assert mean[3] > 1.15 * mean[1:3].max() and success > 0.75
    assert short(patients) < 10.0
    # Without the control term it does not keep up: the check would see a term that is missing.
    assert short(sizes[0.0, "one"][0]) > 20.0 and short(sizes[0.0, "null"][0]) > 20.0


def short(patients) -> float:
    """Return by how many patients control is behind the largest experimental arm, on average."""
    return float((patients[:, 1:].max(axis=1) - patients[:, 0]).mean())
