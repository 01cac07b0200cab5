from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats

from adaptive.rng import trial_key
from adaptive.simulate.world import draw_world

FALSE_ALARM = 1e-6


@partial(jax.jit, static_argnames=("n", "e", "c", "dtype", "seed"))
def world(trial=0, n=50, e=2, c=3, dtype=jnp.float64, seed=5):
    return draw_world(trial_key(seed, trial), n_arrivals=n, n_episodes=e, n_channels=c, dtype=dtype)


def test_a_trial_replays_alone():
    trials = jnp.asarray([4, 0, 9])
    together = jax.jit(jax.vmap(world))(trials)
    for i, trial in enumerate(trials.tolist()):
        alone = world(trial)
        for a, b in zip(jax.tree.leaves(alone), jax.tree.leaves(together), strict=True):
            np.testing.assert_allclose(a, b[i], rtol=1e-13)


def test_more_patients_episodes_or_channels_leave_the_others_alone():
    small, large = world(), world(n=80, e=4, c=5)
    np.testing.assert_allclose(small.event, large.event[:2, :3, :50], rtol=1e-13)
    np.testing.assert_allclose(small.arrival, large.arrival[:50], rtol=1e-13)
    np.testing.assert_array_equal(small.subgroup, large.subgroup[:50])
    np.testing.assert_array_equal(small.assignment, large.assignment[:50])


def test_both_precisions_see_the_same_world():
    low, high = world(dtype=jnp.float32), world()
    assert {x.dtype for x in jax.tree.leaves(low)} == {np.dtype("float32")}
    assert {high.event.dtype, high.arrival.dtype} == {np.dtype("float64")}
    for name in ("subgroup", "assignment", "event"):
        np.testing.assert_array_equal(getattr(low, name), getattr(high, name))
    np.testing.assert_allclose(low.arrival, high.arrival, rtol=4e-6, atol=1e-6)


def test_noise_has_its_laws_and_no_correlation():
    worlds = jax.vmap(lambda t: world(t, n=40))(jnp.arange(200))
    assert bool((worlds.arrival[:, 0] == 0).all())
    gaps = np.diff(np.asarray(worlds.arrival), axis=1).ravel()
    columns = [np.asarray(worlds.event[:, e, c]).ravel() for e in range(2) for c in range(3)]
    for sample in (gaps, *columns):
        assert stats.kstest(sample, "expon").pvalue > FALSE_ALARM
    uniforms = [np.asarray(x).ravel() for x in (worlds.subgroup, worlds.assignment)]
    for sample in uniforms:
        assert stats.kstest(sample, "uniform").pvalue > FALSE_ALARM
    correlation = np.corrcoef(np.stack([*columns, *uniforms]))
    off = correlation[np.triu_indices(8, 1)] * np.sqrt(columns[0].size)
    assert np.abs(off).max() < stats.norm.isf(FALSE_ALARM / (2 * off.size))
