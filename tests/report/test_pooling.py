"""Estimates pooled over scenarios that share patients, and estimators beside the mean, in closed form."""

import numpy as np
import pytest

from adaptive.oc.design_prior import weighted_results
from adaptive.oc.estimators import bias_eliminated_coverage, ratio_of_means, relative_bias, relative_precision
from adaptive.oc.load import load_results
from adaptive.oc.pooling import Piece, pooled, pooled_proportion
from tests.report.synthetic import fake_arrays, write_result
from tests.statistics import assert_mc_close

N = 4000


def shared(seed, correlation):
    """Return two claims per trial of probability 0.3, correlated as those of shared patients are."""
    rng = np.random.default_rng(seed)
    common = rng.random(N)
    other = np.where(rng.random(N) < correlation, common, rng.random(N))
    return common < 0.3, other < 0.3


def pieces(first, second, seeds):
    trial = np.arange(N)
    return [Piece(0.5, seeds[0], trial, first), Piece(0.5, seeds[1], trial, second)]


def test_mean_over_scenarios_has_the_error_of_the_trialwise_mean():
    first, second = shared(1, 0.8)
    found = pooled(pieces(first, second, (7, 7)))
    averaged = (first * 1.0 + second) / 2
    assert found.estimate == pytest.approx(averaged.mean())
    assert found.mcse == pytest.approx(averaged.std(ddof=1) / np.sqrt(N))
    # Planted error: scenarios taken as independent.
    apart = pooled(pieces(first, second, (7, 8)))
    p = np.array([first.mean(), second.mean()])
    assert apart.mcse == pytest.approx(np.sqrt((p * (1 - p)).sum() / (N - 1)) / 2)
    assert apart.mcse < 0.8 * found.mcse


def test_limits_of_a_pooled_mean_cover():
    """Over 2000 studies the 95% limits hold the truth as they say; without covariance they do not."""
    held, apart = np.zeros(2000), np.zeros(2000)
    for i in range(held.size):
        first, second = (x[:400] for x in shared(i, 0.9))
        trial = np.arange(400)
        for target, seeds in ((held, (1, 1)), (apart, (1, 2))):
            found = pooled([Piece(0.5, seeds[0], trial, first), Piece(0.5, seeds[1], trial, second)])
            target[i] = found.lower <= 0.3 <= found.upper
    se = np.sqrt(0.95 * 0.05 / held.size)
    assert_mc_close(held.mean(), 0.95, se, n_checks=1, allowance=0.01)
    with pytest.raises(AssertionError):
        assert_mc_close(apart.mean(), 0.95, se, n_checks=1, allowance=0.01)


def test_scenarios_of_different_length_share_what_they_have():
    first, second = shared(3, 1.0)
    short = [Piece(0.5, 7, np.arange(N), first), Piece(0.5, 7, np.arange(N // 4), second[: N // 4])]
    p, q = first.mean(), second[: N // 4].mean()
    n, m = N, N // 4
    both = first[:m] & second[:m]
    covariance = both.mean() - first[:m].mean() * q
    expected = (p * (1 - p) / n + q * (1 - q) / m + 2 * covariance / n) / 4
    assert pooled(short).mcse == pytest.approx(np.sqrt(expected), rel=0.01)


def test_a_share_that_never_varies_has_wilson_limits_and_too_few_are_suppressed():
    trial, none = np.arange(300), np.zeros(300, bool)
    found = pooled_proportion([Piece(1.0, 1, trial, none)])
    assert (found.estimate, found.mcse) == (0.0, 0.0) and 0 < found.upper < 0.02
    few = pooled_proportion([Piece(1.0, 1, trial, none, trial < 199)], 200)
    assert np.isnan(few.estimate) and few.m == 199
    assert np.isnan(pooled([]).estimate)


def wilson_of_none(n):
    """The upper Wilson limit of 0 in n trials, in closed form."""
    z2 = 1.959963984540054**2
    return z2 / (n + z2)


def test_limits_where_nothing_varied_count_each_virtual_patient_list_once():
    trial, none = np.arange(300), np.zeros(300, bool)
    copies = pooled_proportion([Piece(1.0, 1, trial, none)] * 24)
    assert copies.upper == pytest.approx(wilson_of_none(300))
    # Planted error: trials times cells taken as independent, as the same pieces of other seeds are.
    apart = pooled_proportion([Piece(1.0, seed, trial, none) for seed in range(24)])
    assert apart.upper == pytest.approx(wilson_of_none(24 * 300))
    assert copies.upper > 20 * apart.upper
    every = pooled_proportion([Piece(1.0, 1, trial, ~none)] * 24)
    assert (every.lower, every.upper) == (pytest.approx(1 - wilson_of_none(300)), 1.0)


def test_effective_number_of_unequal_weights_by_hand():
    """Weights 3 and 1 on 200 and 100 trials: 200 lists of 3 / 200 and 100 of 1 / 100; shared ones add up."""
    long, short = np.arange(200), np.arange(100)
    none = np.zeros(200, bool)
    apart = [Piece(3.0, 1, long, none), Piece(1.0, 2, short, none[:100])]
    expected = 4.0**2 / (200 * 0.015**2 + 100 * 0.01**2)
    assert pooled_proportion(apart).upper == pytest.approx(wilson_of_none(expected))
    together = [apart[0], apart[1]._replace(seed=1)]
    expected = 4.0**2 / (100 * 0.025**2 + 100 * 0.015**2)
    assert pooled_proportion(together).upper == pytest.approx(wilson_of_none(expected))
    # Of a ratio only the trials of its denominator count.
    given = Piece(1.0, 1, long, none, long < 50)
    assert pooled_proportion([given] * 3).upper == pytest.approx(wilson_of_none(50))


@pytest.mark.parametrize("r", [0.0, 0.6, 0.95])
def test_relative_precision_of_normal_estimates(r):
    rng = np.random.default_rng(4)
    n = 200_000
    x, e = rng.standard_normal(n), rng.standard_normal(n)
    own, reference = x, 1.5 * (r * x + np.sqrt(1 - r**2) * e)
    found = relative_precision(own, reference)
    ratio = 2.25
    expected = 200 * ratio * np.sqrt((1 - r**2) / n)
    assert_mc_close(found.estimate, 100 * (ratio - 1), expected, n_checks=3)
    assert found.mcse == pytest.approx(expected, rel=0.02)
    # Planted error: the ratio of standard errors to the first power, as one published formula prints it.
    assert found.mcse != pytest.approx(200 * np.sqrt(ratio) * np.sqrt((1 - r**2) / n), rel=0.1)


def test_relative_bias_has_no_value_without_an_effect_and_the_sign_of_an_overstatement():
    estimates = np.array([-0.5, -0.7, -0.6])
    assert relative_bias(estimates, -0.5).estimate == pytest.approx(20.0)
    assert relative_bias(-estimates, 0.5).estimate == pytest.approx(20.0)
    assert np.isnan(relative_bias(estimates, 0.0).estimate)


def test_bias_eliminated_coverage_is_coverage_without_the_bias():
    rng = np.random.default_rng(6)
    estimates = 0.4 + rng.standard_normal(20_000)
    lower, upper = estimates - 1.959964, estimates + 1.959964
    found = bias_eliminated_coverage(lower, upper, estimates)
    assert_mc_close(found.estimate, 0.95, np.sqrt(0.95 * 0.05 / 20_000), n_checks=1)
    assert ((lower <= 0) & (upper >= 0)).mean() < 0.94


def test_ratio_of_means_is_not_the_mean_of_ratios():
    rng = np.random.default_rng(8)
    patients = rng.poisson(20, 50_000) + 1.0
    events = rng.binomial(patients.astype(int), np.minimum(0.2 + 0.01 * patients, 1)).astype(float)
    found = ratio_of_means(events, patients)
    expected = 0.2 + 0.01 * (20 + 21**2) / 21
    assert_mc_close(found.estimate, expected, found.mcse, n_checks=1)
    assert abs((events / patients).mean() - expected) > 8 * found.mcse
    assert np.isnan(ratio_of_means(events * 0, patients * 0).estimate)


def test_a_design_without_a_scenario_of_the_prior_has_no_average(tmp_path):
    for design, scenarios in (("fixed", ("a", "b")), ("adaptive", ("a",))):
        for scenario in scenarios:
            arrays = fake_arrays(30, log_hr=((0.0, -0.4), (0.0, 0.0)))
            write_result(tmp_path, design, scenario, arrays, log_hr=((0.0, -0.4), (0.0, 0.0)))
    results = load_results([tmp_path])
    found, notes = weighted_results(results, {"a": 1.0, "b": 3.0, "c": 0.0})
    assert list(found) == ["fixed"] and [w.weight for w in found["fixed"]] == [0.25, 0.75]
    assert len(notes) == 1 and "adaptive was not run in b" in notes[0]
