"""Prior draws of the further models against their moments in closed form."""

import functools

import jax
import numpy as np
import pytest
from numpyro.infer import Predictive

from tests.model_cases import model
from tests.posterior_cases import PRIOR
from tests.statistics import assert_mc_close

pytestmark = pytest.mark.statistical
N = 20000
SHAPE = (2, 3, 2)
MU, TAU = PRIOR["mu_scale"], PRIOR["tau_scale"]


@functools.lru_cache
def prior_draws(kind, shape=SHAPE, **changes):
    program = model(kind, **changes)
    draw = Predictive(program, num_samples=N, parallel=True)
    return {name: np.asarray(x) for name, x in draw(jax.random.key(1), None, shape).items()}


def mean_of(x, expected, label):
    return assert_mc_close(x.mean(), expected, max(x.std(), 0.01) / np.sqrt(N), n_checks=20, label=label)


def check_exnex_moments(p):
    got = prior_draws("exnex")["log_hr"]
    m, v = 1.0, 0.6
    for s in range(2):
        x = got[:, s, 0]
        mean_of(x, (1 - p[s]) * m, "mean")
        mean_of(x**2, p[s] * (MU**2 + TAU**2) + (1 - p[s]) * (v**2 + m**2), "second moment")
        mean_of(x * got[:, s, 1], (1 - p[s]) * m**2, "arms move together")
    mean_of(got[:, 0, 0] * got[:, 1, 0], p[0] * p[1] * MU**2 + (1 - p[0]) * (1 - p[1]) * m**2, "subgroups")


def test_exnex_has_the_stated_prior_moments():
    check_exnex_moments([0.9, 0.25])


def test_swapped_probabilities_are_detected():
    with pytest.raises(AssertionError):
        check_exnex_moments([0.1, 0.75])


def test_robust_prior_has_the_stated_moments_per_arm():
    drawn = prior_draws("robust")
    pairs = zip((0.8, 0.3), (-1.0, 0.5), (0.2, 0.3), strict=True)
    for b, (w, m, s) in enumerate(pairs):
        mean_of(drawn["mu"][:, b], w * m, "mean")
        mean_of(drawn["mu"][:, b] ** 2, w * (m**2 + s**2) + (1 - w) * MU**2, "second moment")
        mean_of(drawn["informative"][:, b], w, "weight")
    mean_of(drawn["mu"][:, 0] * drawn["mu"][:, 1], 0.8 * -1.0 * 0.3 * 0.5, "between arms")
    mean_of((drawn["log_hr"][:, 0, 0] - drawn["mu"][:, 0]) ** 2, TAU**2, "about the mean")


def test_arms_of_a_class_are_correlated_and_others_are_not():
    got = prior_draws("nested", (2, 4, 1), classes=(0, 1, 0))
    mu = got["mu"]
    mean_of(mu[:, 0] ** 2, MU**2 + 0.2**2, "variance")
    mean_of(mu[:, 0] * mu[:, 2], MU**2, "one class")
    mean_of(mu[:, 0] * mu[:, 1], 0.0, "two classes")
    mean_of(got["log_hr"][:, 0, 0] * got["log_hr"][:, 1, 2], MU**2, "one class, two subgroups")


@pytest.mark.parametrize(("kind", "joint"), [("per_arm", 1.0), ("partial", 3.0)])
def test_spreads_per_arm_are_independent_and_a_shared_one_is_not(kind, joint):
    drawn = prior_draws(kind)
    squares = (drawn["log_hr"] - drawn["mu"][:, None]) ** 2
    mean_of(squares[:, 0, 0], TAU**2, "variance")
    mean_of(squares[:, 0, 0] * squares[:, 1, 1], joint * TAU**4, "two arms")
    mean_of(squares[:, 0, 0] * squares[:, 1, 0], 3.0 * TAU**4, "one arm, two subgroups")


def test_history_does_not_touch_the_prior_of_the_effects():
    wrapped = prior_draws("history")
    for name, values in prior_draws("partial").items():
        np.testing.assert_array_equal(wrapped[name], values)
