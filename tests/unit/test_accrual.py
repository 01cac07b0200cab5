import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from adaptive.rng import trial_key
from adaptive.scenario import calendar
from adaptive.scenario.calendar import choose_subgroup, interpolate
from adaptive.scenario.truth import Accrual, Population
from adaptive.simulate.world import draw_world
from tests.statistics import assert_mc_close

entry_times, expected_arrivals = jax.jit(calendar.entry_times), jax.jit(calendar.expected_arrivals)

CURVES = {
    "constant": Accrual([0.0], [4.0]),
    "ramp": Accrual([0.0, 6.0], [0.0, 8.0]),
    "pause": Accrual([0.0, 2.0, 4.0, 9.0, 10.0], [5.0, 0.0, 0.0, 7.0, 3.0]),
    "nearly flat": Accrual([0.0, 100.0], [4.0, 4.0 + 1e-9]),
}


def rate_at(accrual, t):
    return np.interp(t, np.asarray(accrual.knots), np.asarray(accrual.rate))


@pytest.mark.parametrize("name", CURVES)
def test_expected_arrivals_integrate_the_rate(name):
    accrual = CURVES[name]
    months = jnp.asarray([0.0, 0.3, 2.0, 3.3, 4.0, 6.0, 7.7, 25.0])
    brute = [
        quad(lambda u: rate_at(accrual, u), 0, t, points=np.asarray(accrual.knots), epsabs=1e-11, limit=200)[
            0
        ]
        for t in months.tolist()
    ]
    np.testing.assert_allclose(expected_arrivals(accrual, months), brute, atol=1e-9)


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_entry_times_invert_both_ways(name, dtype):
    accrual = jax.tree.map(lambda x: x.astype(dtype), CURVES[name])
    error = 40 * jnp.finfo(dtype).eps
    arrivals = jnp.concatenate([jnp.asarray([0.0, 1e-6]), jnp.linspace(0.1, 300.0, 999)]).astype(dtype)
    entry = entry_times(accrual, arrivals)
    assert entry.dtype == dtype and float(entry[0]) == 0.0
    assert bool((jnp.diff(entry) >= 0).all())
    np.testing.assert_allclose(expected_arrivals(accrual, entry), arrivals, rtol=error, atol=error)
    months = jnp.asarray([0.7, 1.9, 5.1, 8.2, 30.0], dtype)
    np.testing.assert_allclose(
        entry_times(accrual, expected_arrivals(accrual, months)), months, rtol=2 * error
    )


def test_the_entry_is_the_first_time_after_a_pause():
    accrual = CURVES["pause"]
    before = 0.5 * 5.0 * 2.0
    entry = entry_times(accrual, jnp.asarray([before, before + 1e-9]))
    assert float(entry[0]) == pytest.approx(2.0)
    assert float(entry[1]) > 4.0


@pytest.fixture(scope="module")
def arrivals():
    def draw(trial):
        key = trial_key(2, trial)
        return draw_world(key, n_arrivals=120, n_episodes=1, n_channels=1, dtype=jnp.float64).arrival

    return jax.jit(jax.vmap(draw))(jnp.arange(3000))


@pytest.mark.statistical
def test_ramp_up_counts_follow_the_integral(arrivals):
    accrual = CURVES["ramp"]
    entry = jax.vmap(lambda x: entry_times(accrual, x))(arrivals)
    edges = np.arange(0.0, 13.0)
    counts = np.stack([np.histogram(row, edges)[0] for row in np.asarray(entry)])
    counts[:, 0] -= 1  # the first patient defines month 0
    mean = np.diff(np.asarray(expected_arrivals(accrual, jnp.asarray(edges))))
    se = np.sqrt(mean / len(counts))
    detectable = assert_mc_close(counts.mean(axis=0), mean, se, label="arrivals per month")
    assert detectable < 0.3
    variance_se = np.sqrt((mean + 2 * mean**2) / len(counts))
    assert_mc_close(counts.var(axis=0, ddof=1), mean, variance_se, label="Poisson variance")
    late = np.diff(np.asarray(expected_arrivals(Accrual([0.0, 6.6], [0.0, 8.0]), jnp.asarray(edges))))
    with pytest.raises(AssertionError):
        assert_mc_close(counts.mean(axis=0), late, se)


@pytest.mark.statistical
def test_time_rescaled_arrivals_are_unit_poisson(arrivals):
    accrual = CURVES["pause"]
    entry = jax.vmap(lambda x: entry_times(accrual, x))(arrivals)
    rescaled = jax.vmap(lambda t: expected_arrivals(accrual, t))(entry)
    assert stats.kstest(np.diff(np.asarray(rescaled), axis=1).ravel(), "expon").pvalue > 1e-6
    wrong = jax.vmap(lambda t: expected_arrivals(Accrual([0.0], [5.0]), t))(entry)
    assert stats.kstest(np.diff(np.asarray(wrong), axis=1).ravel(), "expon").pvalue < 1e-6


def test_interpolation_matches_numpy():
    knots, values = jnp.asarray([1.0, 2.0, 7.0]), jnp.asarray([[1.0, 0.0], [3.0, 1.0], [-1.0, 5.0]])
    time = jnp.linspace(-1.0, 10.0, 57)
    expected = np.stack([np.interp(time, knots, values[:, i]) for i in range(2)], axis=1)
    np.testing.assert_allclose(interpolate(time, knots, values), expected, atol=1e-14)
    np.testing.assert_array_equal(interpolate(time, knots[:1], values[:1])[:, 0], 1.0)


def test_subgroups_follow_a_mix_that_shifts():
    population = Population([0.0, 10.0], [[0.7, 0.2, 0.1], [0.1, 0.2, 0.7]])
    n = 400_000
    uniform = (jnp.arange(n) + 0.5) / n
    for month, expected in ((0.0, [0.7, 0.2, 0.1]), (5.0, [0.4, 0.2, 0.4]), (99.0, [0.1, 0.2, 0.7])):
        share = np.bincount(choose_subgroup(population, jnp.full((n,), month), uniform), minlength=3) / n
        np.testing.assert_allclose(share, expected, atol=2 / n)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_a_subgroup_of_probability_zero_never_arrives(dtype):
    edges = jnp.asarray([2.0**-33, 0.1, 0.5, 1.0 - jnp.finfo(dtype).epsneg], dtype)
    third = np.asarray([1, 1, 1], dtype) / 3
    for zero in range(4):
        mix = np.insert(third, zero, 0.0)[None, :]
        population = Population(jnp.zeros(1, dtype), jnp.asarray(mix, dtype))
        assert zero not in choose_subgroup(population, jnp.zeros(4, dtype), edges).tolist()
