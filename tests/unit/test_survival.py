import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad

from adaptive.survival import (
    cumulative_hazard,
    exposure,
    hazard_at,
    in_interval,
    interval_of,
    inverse_cumulative_hazard,
)

CUTS = jnp.asarray([0.0, 3.0, 6.0, 12.0])
HAZARD = jnp.asarray([0.1, 0.0, 0.4, 0.2])


def at(function, time, hazard=HAZARD):
    return np.asarray(function(jnp.asarray(time), CUTS, hazard[None, :]))


@pytest.mark.parametrize("cut", [3.0, 6.0, 12.0])
def test_an_event_at_a_cut_belongs_to_the_interval_that_ends_there(cut):
    j = CUTS.tolist().index(cut)
    around = jnp.asarray([np.nextafter(cut, 0), cut, np.nextafter(cut, 99)])
    assert interval_of(around, CUTS).tolist() == [j - 1, j - 1, j]
    assert in_interval(around, CUTS).sum(axis=1).tolist() == [1, 1, 1]
    assert at(hazard_at, around).tolist() == HAZARD[jnp.asarray([j - 1, j - 1, j])].tolist()
    months = np.asarray(exposure(around, CUTS))
    assert months[1].tolist() == np.where(np.arange(4) < j, [3.0, 3.0, 6.0, 0.0], 0.0).tolist()
    assert months[2, j] > 0 and months[0, j] == 0
    np.testing.assert_allclose(months.sum(axis=1), around, rtol=1e-15)


def test_zero_and_infinite_times():
    time = jnp.asarray([0.0, jnp.inf])
    assert interval_of(time, CUTS).tolist() == [0, 3]
    assert exposure(time, CUTS).tolist() == [[0, 0, 0, 0], [3, 3, 6, np.inf]]
    ends = HAZARD.at[3].set(0.0)
    assert at(cumulative_hazard, time, ends).tolist() == pytest.approx([0.0, 2.7])
    assert at(cumulative_hazard, time).tolist() == [0.0, np.inf]


def test_cumulative_hazard_is_the_integral_of_the_hazard():
    for time in (0.5, 3.0, 4.4, 6.0, 9.7, 30.0):
        area = quad(lambda u: at(hazard_at, [u])[0], 0, time, points=[3.0, 6.0, 12.0], epsabs=1e-12)[0]
        assert at(cumulative_hazard, [time])[0] == pytest.approx(area, abs=1e-10)


@pytest.mark.parametrize("start", [0.0, 1.0, 3.0, 4.0, 7.5, 12.0, 40.0])
def test_inverse_is_the_smallest_root(start):
    amount = jnp.asarray([1e-9, 0.05, 0.3, 0.31, 1.0, 2.7, 9.0])
    begin = jnp.full_like(amount, start)
    found = inverse_cumulative_hazard(amount, CUTS, HAZARD[None, :], begin)
    gained = at(cumulative_hazard, found) - at(cumulative_hazard, begin)
    np.testing.assert_allclose(gained, amount, rtol=1e-9, atol=1e-14)
    assert (np.asarray(found) > start).all()
    just_before = np.maximum(np.asarray(found) - 1e-6, start)
    assert (at(cumulative_hazard, just_before) - at(cumulative_hazard, begin) < np.asarray(amount)).all()


def test_inverse_skips_zero_hazard_and_ends_at_infinity():
    never = HAZARD.at[3].set(0.0)[None, :]
    amount = jnp.asarray([0.3, 0.3 + 1e-12, 2.7, 2.8])
    found = np.asarray(inverse_cumulative_hazard(amount, CUTS, never))
    assert found[0] == pytest.approx(3.0) and found[0] <= 3.0
    assert found[1] >= 6.0
    assert found[2] == pytest.approx(12.0) and found[3] == np.inf
    nothing = inverse_cumulative_hazard(amount, CUTS, jnp.zeros((1, 4)))
    assert np.isposinf(np.asarray(nothing)).all()


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_a_higher_hazard_never_gives_a_later_time(dtype):
    rng = np.random.default_rng(1)
    hazard = rng.choice([0.0, 1e-6, 0.02, 0.3], (5000, 4)) * rng.uniform(0.5, 1, (5000, 4))
    higher = hazard * (1 + rng.choice([0.0, 1e-7, 0.5], (5000, 4))) + rng.choice([0.0, 1e-7], (5000, 4))
    amount = jnp.asarray(rng.exponential(size=5000), dtype)
    start = jnp.asarray(rng.uniform(0, 20, 5000), dtype)
    find = jax.jit(inverse_cumulative_hazard)
    for begin in (jnp.zeros_like(start), start):
        late, early = (
            find(amount, CUTS.astype(dtype), jnp.asarray(h, dtype), begin) for h in (hazard, higher)
        )
        assert late.dtype == dtype
        assert not bool(jnp.isnan(late).any())
        assert bool((early <= late).all())
        assert bool((early >= begin).all())
