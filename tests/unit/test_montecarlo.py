"""Every formula of ``montecarlo`` against a bootstrap, a closed form or SciPy, with planted-error twins.

The bootstrap witness resamples trials ``DRAWS`` times; the SD of the statistic over resamples estimates its
standard error with relative error about ``sqrt(kurtosis / (4 DRAWS))``. Percentage allowances: 1/n terms.
"""

import numpy as np
import pytest
from scipy import stats
from scipy.stats import mstats

from adaptive import montecarlo as mc
from tests.statistics import assert_mc_close

N, DRAWS = 600, 4000


@pytest.fixture(scope="module")
def sample():
    """Return estimates, posterior SDs and resampling indices."""
    rng = np.random.default_rng(20)
    return rng.normal(-0.3, 0.25, N), 0.2 + 0.1 * rng.random(N), rng.integers(0, N, (DRAWS, N))


def bootstrap_se(statistic, indices, *arrays):
    values = np.array([statistic(*(a[i] for a in arrays)) for i in indices])
    return values.std(ddof=1)


def assert_bootstrap(estimate, expected, mcse, statistic, indices, *arrays, allowance=0.02):
    np.testing.assert_allclose(estimate, expected, rtol=1e-12)
    se = bootstrap_se(statistic, indices, *arrays)
    assert_mc_close(se, mcse, mcse * np.sqrt(0.75 / DRAWS), allowance=allowance * mcse)


def rms(x):
    return np.sqrt(np.mean(x**2))


CASES = {
    "mean": (lambda e, s: mc.mean(e), lambda e, s: e.mean()),
    "sd": (lambda e, s: mc.standard_deviation(e), lambda e, s: e.std(ddof=1)),
    "empirical": (lambda e, s: mc.empirical_se(e), lambda e, s: e.std(ddof=1)),
    "bias": (lambda e, s: mc.bias(e, -0.2), lambda e, s: e.mean() + 0.2),
    "mse": (lambda e, s: mc.mean_squared_error(e, -0.2), lambda e, s: np.mean((e + 0.2) ** 2)),
    "rmse": (lambda e, s: mc.root_mean_squared_error(e, -0.2), lambda e, s: rms(e + 0.2)),
    "model": (lambda e, s: mc.model_se(s), lambda e, s: rms(s)),
    "relative": (lambda e, s: mc.relative_se_error(e, s), lambda e, s: 100 * (rms(s) / e.std(ddof=1) - 1)),
}


@pytest.mark.parametrize("name", CASES)
def test_mcse_matches_bootstrap(name, sample):
    estimates, sds, indices = sample
    ours, plain = CASES[name]
    found = ours(estimates, sds)
    # Normal-theory formulas differ from the sample's own kurtosis by up to this much.
    allowance = 0.08 if name in ("empirical", "relative") else 0.02
    expected = plain(estimates, sds)
    assert_bootstrap(
        found.estimate, expected, found.mcse, plain, indices, estimates, sds, allowance=allowance
    )
    assert found.lower < found.estimate < found.upper
    assert (found.n, found.m) == (N, N)


@pytest.mark.parametrize("name", CASES)
def test_planted_mcse_error_is_seen(name, sample):
    """Dividing by n once too often or too seldom, here a factor of 1.25, must fail the same check."""
    estimates, sds, indices = sample
    ours, plain = CASES[name]
    found = ours(estimates, sds)
    for factor in (1.25, 0.8):
        with pytest.raises(AssertionError):
            expected = plain(estimates, sds)
            mcse = factor * found.mcse
            assert_bootstrap(found.estimate, expected, mcse, plain, indices, estimates, sds, allowance=0.08)


def test_sd_mcse_of_a_two_point_distribution():
    """For a fair coin m4 = s^4, so the variance of s^2 vanishes to first order; normal theory is far off."""
    values = np.array([0.0, 1.0] * 500)
    assert mc.standard_deviation(values).mcse < 0.001
    assert mc.empirical_se(values).mcse == pytest.approx(0.5 / np.sqrt(2 * 999), rel=1e-3)


@pytest.mark.parametrize(("x", "n"), [(0, 20), (1, 20), (7, 20), (20, 20), (25, 1000)])
def test_wilson_inverts_the_score_test(x, n):
    lower, upper = mc.wilson(x, n)
    for edge in {lower, upper} - {0.0, 1.0}:
        z = (x / n - edge) / np.sqrt(edge * (1 - edge) / n)
        assert abs(z) == pytest.approx(stats.norm.isf(0.025), rel=1e-9)
    witness = stats.binomtest(x, n).proportion_ci(method="wilson")
    assert (lower, upper) == pytest.approx((witness.low, witness.high), abs=1e-12)


def test_proportion():
    found = mc.proportion(np.array([True] * 25 + [False] * 975))
    assert found.estimate == 0.025
    assert found.mcse == pytest.approx(0.0049371, rel=1e-4)
    assert (found.n, found.m) == (1000, 25)


def test_wilson_covers_by_enumeration():
    """Exact coverage by summing the binomial, at the error rates that matter; a wrong z must show."""
    n, p = 1000, 0.025
    x = np.arange(n + 1)
    mass = stats.binom.pmf(x, n, p)

    def covered(level):
        limits = np.array([mc.wilson(int(k), n, level) for k in x])
        return mass[(limits[:, 0] <= p) & (p <= limits[:, 1])].sum()

    assert covered(0.95) == pytest.approx(0.95, abs=0.012)
    assert abs(covered(0.90) - 0.95) > 0.03


def test_coverage_counts_both_edges():
    lower, upper = np.array([0.0, 1.0, -1.0, 0.5]), np.array([1.0, 2.0, 0.0, 0.9])
    assert mc.coverage(lower, upper, 0.0).m == 2
    assert mc.coverage(lower, upper, 1.0).m == 2


def test_quantile_standard_error_matches_scipy_and_resampling():
    values = np.random.default_rng(3).gamma(3.0, size=400)
    for q in (0.05, 0.25, 0.5, 0.95):
        found = mc.quantile(values, q)
        assert found.estimate == np.quantile(values, q, method="inverted_cdf")
        indices = np.random.default_rng(4).integers(0, 400, (DRAWS, 400))
        draws = np.quantile(values[indices], q, axis=1, method="inverted_cdf")
        assert_mc_close(draws.std(ddof=1), found.mcse, found.mcse * np.sqrt(1.5 / DRAWS))
        with pytest.raises(AssertionError):
            assert_mc_close(draws.std(ddof=1), 1.25 * found.mcse, found.mcse * np.sqrt(1.5 / DRAWS))
        # SciPy's Beta weights have parameters smaller by one, an O(1/n) difference.
        assert found.mcse == pytest.approx(float(mstats.mjci(values, [q])[0]), rel=0.1)


def test_quantile_limits_cover():
    """The binomial limits cover the true median in at least 95% of samples, and not in nearly all."""
    rng = np.random.default_rng(5)
    samples = rng.random((2000, 101))
    hits = [mc.quantile(x, 0.5) for x in samples]
    share = np.mean([h.lower <= 0.5 <= h.upper for h in hits])
    assert 0.94 < share < 0.985


def test_quantile_of_ties_and_tiny_samples():
    assert mc.quantile(np.full(50, 7.0), 0.95)[:4] == (7.0, 0.0, 7.0, 7.0)
    assert mc.quantile(np.array([3.0]), 0.5).estimate == 3.0
    assert np.isnan(mc.quantile(np.array([]), 0.5).estimate)


def test_conditional_uses_m_and_suppresses():
    rng = np.random.default_rng(6)
    values, claimed = rng.normal(size=1000), rng.random(1000) < 0.3
    m = int(claimed.sum())
    found = mc.conditional(mc.mean, claimed, values)
    assert (found.n, found.m) == (1000, m)
    assert found.mcse == pytest.approx(values[claimed].std(ddof=1) / np.sqrt(m))
    hidden = mc.conditional(mc.mean, claimed, values, minimum=m + 1)
    assert np.isnan(hidden.estimate) and np.isnan(hidden.mcse) and hidden.m == m


def test_paired_proportion_is_the_paired_mean():
    """McNemar's form is the SD of the difference over sqrt(n), up to n against n - 1."""
    rng = np.random.default_rng(7)
    first, second = rng.random(500) < 0.4, rng.random(500) < 0.3
    found, witness = mc.paired_proportion(first, second), mc.paired_mean(first, second)
    assert found.estimate == pytest.approx(witness.estimate)
    assert found.mcse == pytest.approx(witness.mcse * np.sqrt(499 / 500))
    assert found.m == (first != second).sum()


def test_pairing_beats_independence_on_shared_numbers():
    """The planted error, an unpaired standard error, is far too large when designs share random numbers."""
    rng = np.random.default_rng(8)
    uniform = rng.random((400, 500))
    first, second = uniform < 0.32, uniform < 0.30
    gaps = first.mean(axis=1) - second.mean(axis=1)
    paired = np.mean([mc.paired_proportion(a, b).mcse for a, b in zip(first, second, strict=True)])
    unpaired = np.hypot(mc.proportion(first[0]).mcse, mc.proportion(second[0]).mcse)
    assert_mc_close(gaps.std(ddof=1), paired, paired * np.sqrt(1 / 800), allowance=0.02 * paired)
    assert unpaired > 3 * gaps.std(ddof=1)


def test_running_mean_is_the_mean_of_each_start():
    values = np.random.default_rng(9).normal(1e6, 1, 300)
    counts = np.array([1, 2, 10, 300])
    means, errors = mc.running_mean(values, counts)
    for n, mean, error in zip(counts, means, errors, strict=True):
        assert mean == pytest.approx(values[:n].mean(), rel=1e-14)
        assert np.isnan(error) if n == 1 else error == pytest.approx(mc.mean(values[:n]).mcse, rel=1e-6)


def test_split_check_is_calibrated_and_sees_a_shift():
    rng = np.random.default_rng(10)
    p_values = np.array([mc.split_check(rng.random(1000) < 0.3)[2] for _ in range(400)])
    assert stats.kstest(p_values, "uniform").pvalue > 1e-6
    shifted = np.concatenate([rng.random(500) < 0.25, rng.random(500) < 0.45])
    assert mc.split_check(shifted)[2] < 1e-4
    assert np.isnan(mc.split_check(np.zeros(1000))[2])
    assert np.isnan(mc.split_check(rng.random(1000) < 0.01)[2])


@pytest.mark.parametrize(
    ("estimate", "mcse", "expected"),
    [
        (0.02512, 0.00156, ("0.0251", "0.0016")),
        (0.8432, 0.0042, ("0.843", "0.004")),
        (512.34, 12.3, ("512", "12")),
        (512.34, 45.0, ("510", "40")),
        (-0.0004, 0.01, ("0.000", "0.010")),
        (-0.31, 0.05, ("\N{MINUS SIGN}0.31", "0.05")),
        (0.0997, 0.0996, ("0.10", "0.10")),
        (1.0, 0.0, ("1", "0")),
        (2.0, np.nan, ("2", "\N{EN DASH}")),
        (np.nan, np.nan, ("\N{EN DASH}", "\N{EN DASH}")),
    ],
)
def test_round_by_se(estimate, mcse, expected):
    assert mc.round_by_se(estimate, mcse) == expected


@pytest.mark.parametrize("function", [mc.mean, mc.standard_deviation, mc.empirical_se, mc.model_se])
def test_one_trial_gives_no_error_and_no_crash(function):
    assert np.isnan(function(np.array([1.0])).mcse)
    assert np.isnan(function(np.array([])).mcse)
