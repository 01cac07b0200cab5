import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from adaptive import rng
from adaptive.rng import Stream, exponential, stream_key, trial_key, uniform

N = 200_000


def test_streams_have_distinct_numbers_and_addresses():
    assert len({int(s) for s in Stream}) == len(Stream)
    keys = [
        tuple(np.asarray(jr.key_data(stream_key(trial_key(seed, trial), stream, look))).tolist())
        for seed in (0, 1)
        for trial in (0, 1, 1000)
        for stream in Stream
        for look in (0, 1, 2)
    ]
    assert len(set(keys)) == len(keys)


def test_trial_key_may_be_traced_and_batched():
    alone = jr.key_data(trial_key(3, 7))
    together = jr.key_data(jax.jit(jax.vmap(lambda t: trial_key(3, t)))(jnp.arange(5, 9)))[2]
    assert np.array_equal(alone, together)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_uniform_is_strictly_inside_the_unit_interval(dtype, monkeypatch):
    edges = jnp.asarray([0, 1, 2**31, 2**32 - 200, 2**32 - 1], jnp.uint32)
    monkeypatch.setattr(rng.jr, "bits", lambda *_: edges)
    value = uniform(jr.key(0), (5,), dtype)
    assert value.dtype == dtype
    assert bool((value > 0).all()) and bool((value < 1).all())
    assert bool((jnp.diff(value) >= 0).all())
    time = exponential(jr.key(0), (5,), dtype)
    assert bool((time > 0).all()) and bool(jnp.isfinite(time).all())
    assert float(time[0]) == pytest.approx(33 * np.log(2.0), rel=1e-6)


def test_both_precisions_give_the_same_draws_up_to_rounding():
    key = jr.key(11)
    low, high = (uniform(key, (N,), d) for d in (jnp.float32, jnp.float64))
    np.testing.assert_allclose(low, high, rtol=2**-23, atol=2**-32)
    low, high = (exponential(key, (N,), d) for d in (jnp.float32, jnp.float64))
    np.testing.assert_allclose(low, high, rtol=4e-6, atol=2**-23)
