"""The further models in the fast engine: brute force that shares no code with it, limits, and labels.

Every table has two subgroups, three arms and two intervals, so that each model compiles once.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adaptive.errors import BadInput
from adaptive.posterior.laplace import LaplaceEngine
from tests.model_cases import EVENTS, EXPOSURE, HISTORY, KINDS, ROBUST, model
from tests.model_problems import MARGINS, RIGHT, WRONG, exact
from tests.posterior_cases import as_table, pooling_model

ERROR = 0.01
"""Stated error bound of probabilities below 100 events; every table here has fewer."""
LIMIT = 1e-4


def fit(program, events=EVENTS, exposure=EXPOSURE):
    """Everything that the engine says, arms and subgroups in their order."""
    posterior = LaplaceEngine().fit(jax.random.key(0), program, as_table(events, exposure))
    overall = posterior.overall()
    mean, sd = posterior.moments()
    answers = {
        "p_below": posterior.p_below(jnp.log(jnp.asarray(MARGINS))),
        "p_best": posterior.p_best(),
        "mean": mean,
        "sd": sd,
        "quantile": posterior.quantiles(jnp.asarray([0.025, 0.975])),
        "code": posterior.health.code,
        **{name: getattr(overall, name) for name in ("mu_mean", "mu_sd", "mu_p_below_0")},
        **{name: getattr(overall, name) for name in ("tau_mean", "tau_sd")},
    }
    return {name: np.asarray(value) for name, value in answers.items()}


@functools.lru_cache
def fitted(kind):
    problem = RIGHT[kind]
    return fit(model(kind, tau_scale=problem.prior["tau_scale"]), problem.events, problem.exposure)


def probability_error(kind, problem):
    got, truth = fitted(kind), exact(problem)[0]
    return max(np.abs(got[name] - getattr(truth, name)).max() for name in ("p_below", "p_best"))


@pytest.mark.parametrize("kind", RIGHT)
def test_probabilities_and_moments_are_those_of_brute_force(kind):
    got, truth = fitted(kind), exact(RIGHT[kind])[0]
    assert got["code"] == 0
    assert RIGHT[kind].events.sum() < 100
    assert probability_error(kind, RIGHT[kind]) <= ERROR
    np.testing.assert_allclose((got["mean"] - truth.mean) / truth.sd, 0.0, atol=0.02)
    np.testing.assert_allclose(got["sd"] / truth.sd, 1.0, atol=0.03)
    np.testing.assert_allclose((got["quantile"] - truth.quantile) / truth.sd, 0.0, atol=0.08)


@pytest.mark.parametrize("kind", RIGHT)
def test_what_stands_above_the_subgroups_is_that_of_brute_force(kind):
    got, truth = fitted(kind), exact(RIGHT[kind])[0]
    np.testing.assert_allclose((got["mu_mean"] - truth.mu_mean) / truth.mu_sd, 0.0, atol=0.02)
    np.testing.assert_allclose(got["mu_sd"] / truth.mu_sd, 1.0, atol=0.02)
    np.testing.assert_allclose(got["mu_p_below_0"], truth.mu_p_below_0, atol=ERROR)
    tau = np.array([got["tau_mean"], got["tau_sd"]])
    expected = [truth.tau_mean, truth.tau_sd] if RIGHT[kind].shared_tau else [np.nan, np.nan]
    np.testing.assert_allclose(tau, expected, atol=0.02 * truth.tau_sd)


@pytest.mark.parametrize("slip", WRONG)
def test_a_slip_exceeds_the_bound(slip):
    assert probability_error(*WRONG[slip]) > 5 * ERROR


def gap(one, other, names=("p_below", "p_best", "mean", "sd", "quantile", "mu_mean", "mu_sd", "tau_mean")):
    """Largest difference; NaN in both is none."""
    return max(float(np.nan_to_num(np.abs(one[n] - other[n])).max()) for n in names)


@functools.lru_cache
def partial():
    return fit(model("partial"))


def test_exchangeable_for_certain_is_partial_pooling():
    assert gap(fit(model("exnex", p_exchangeable=[1.0, 1.0])), partial()) < LIMIT
    assert gap(fit(model("exnex", p_exchangeable=[0.9, 1.0])), partial()) > 10 * LIMIT


def test_never_exchangeable_is_no_pooling_and_leaves_mu_and_tau_their_prior():
    never = fit(model("exnex", p_exchangeable=[0.0, 0.0], nex_mean=0.0))
    alone = fit(pooling_model("none", mu_scale=0.6))
    assert gap(never, alone, ("p_below", "p_best", "mean", "sd", "quantile")) < LIMIT
    np.testing.assert_allclose(never["mu_mean"], 0.0, atol=LIMIT)
    np.testing.assert_allclose(never["mu_sd"], 1.0, rtol=LIMIT)
    np.testing.assert_allclose(never["tau_mean"], 0.5 * np.sqrt(2 / np.pi), rtol=5e-3)
    assert gap(fit(model("exnex", p_exchangeable=[0.1, 0.0], nex_mean=0.0)), alone, ("mean",)) > 100 * LIMIT


def test_a_prior_without_an_informative_part_is_partial_pooling():
    off = {**ROBUST, "informative_weight": [0.0, 0.0]}
    same = {"informative_weight": [1.0, 0.3], "informative_mean": [0.0, 0.0], "informative_scale": [1.0, 1.0]}
    for changes in (off, same):
        assert gap(fit(model("robust", **changes)), partial()) < LIMIT
    assert gap(fit(model("robust", **{**off, "informative_weight": [0.1, 0.0]})), partial()) > 10 * LIMIT


def test_no_discount_is_no_history():
    assert gap(fit(model("history", discount=0.0)), partial()) == 0.0
    events, exposure = EVENTS.copy(), EXPOSURE.copy()
    events[:, 0] += HISTORY["events"]
    exposure[:, 0] += HISTORY["exposure"]
    assert gap(fit(model("history", discount=1.0)), fit(model("partial"), events, exposure)) < 1e-6
    assert gap(fit(model("history", discount=0.1)), partial()) > 10 * LIMIT


def test_classes_without_a_mean_of_their_own_and_without_a_spread():
    apart = fit(model("nested", mu_scale=1e-3, class_scale=1.0))
    assert gap(apart, partial()) < 3 * LIMIT  # tau is placed by another pilot
    one = fit(model("nested", class_scale=0.0))
    np.testing.assert_allclose(np.diff(one["mu_mean"]), 0.0, atol=LIMIT)
    np.testing.assert_allclose(np.diff(one["mu_sd"]), 0.0, atol=LIMIT)
    assert np.abs(np.diff(fit(model("nested"))["mu_mean"])).max() > 10 * LIMIT


def test_a_spread_per_arm_of_one_arm_is_partial_pooling():
    one = [fit(model(kind), EVENTS[:, :2], EXPOSURE[:, :2]) for kind in ("per_arm", "partial")]
    assert gap(*one) == 0.0
    assert np.isfinite(one[0]["tau_mean"])


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (model("exnex", p_exchangeable=[0.5] * 3), r"p_exchangeable.*\(3,\) came.*one number or 2"),
        (model("robust", informative_mean=[0.0]), r"informative_mean.*\(1,\) came.*one number or 2"),
        (model("nested", classes=(0,)), "1 classes came for 2"),
    ],
)
def test_a_wrong_number_of_prior_numbers_is_refused(program, words):
    with pytest.raises(BadInput, match=words):
        fit(program)


TURNED = {
    "exnex": {"p_exchangeable": [0.25, 0.9]},
    "robust": {name: value[::-1] for name, value in ROBUST.items()},
    "history": {"events": HISTORY["events"][::-1], "exposure": HISTORY["exposure"][::-1]},
}


@pytest.mark.parametrize("kind", KINDS)
def test_labels_do_not_matter(kind):
    events, exposure = (np.ascontiguousarray(x[::-1][:, [0, 2, 1]]) for x in (EVENTS, EXPOSURE))
    before, after = fit(model(kind)), fit(model(kind, **TURNED.get(kind, {})), events, exposure)
    for name in ("mean", "sd"):
        np.testing.assert_allclose(after[name][::-1, ::-1], before[name], atol=1e-3)
    np.testing.assert_allclose(after["p_below"][:, ::-1, ::-1], before["p_below"], atol=1e-3)
    np.testing.assert_allclose(after["p_best"][::-1][:, [0, 2, 1]], before["p_best"], atol=1e-3)
    np.testing.assert_allclose(after["mu_mean"][::-1], before["mu_mean"], atol=1e-3)
    if kind in TURNED:
        kept = fit(model(kind), events, exposure)
        assert np.abs(kept["mean"][::-1, ::-1] - before["mean"]).max() > 0.05
