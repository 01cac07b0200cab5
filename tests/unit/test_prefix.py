import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adaptive.simulate.prefix import running_count, running_sum

SIZES = (1, 31, 32, 33, 960, 1024, 1025, 33_000)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_running_sum_is_the_cumulative_sum(n, dtype):
    values = np.random.default_rng(n).exponential(size=n)
    found = running_sum(jnp.asarray(values, dtype))
    assert found.dtype == dtype and found.shape == (n,)
    np.testing.assert_allclose(found, np.cumsum(values), rtol=64 * jnp.finfo(dtype).eps)
    assert bool((jnp.diff(found) >= 0).all())


@pytest.mark.parametrize("n", SIZES)
def test_running_count_is_exact(n):
    flags = np.random.default_rng(n).random((3, n)) < 0.7
    found = jax.jit(running_count)(jnp.asarray(flags))
    assert found.dtype == jnp.int32
    np.testing.assert_array_equal(found, np.cumsum(flags, axis=1))


def test_a_longer_list_begins_with_the_shorter():
    values = jnp.asarray(np.random.default_rng(0).exponential(size=(5, 400)))
    np.testing.assert_array_equal(running_sum(values)[:, :240], running_sum(values[:, :240]))


def test_counts_that_would_not_be_exact_are_refused():
    with pytest.raises(ValueError, match="fewer than"):
        jax.eval_shape(running_count, jax.ShapeDtypeStruct((2**24,), bool))
