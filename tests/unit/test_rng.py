import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from jax.extend.random import threefry_2x32

from adaptive.rng import Stream, exponential, stream_key, trial_key, uniform, words


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


def test_words_are_threefry_of_the_counter():
    """Against the generator of jax itself, a word of whose block jax combines with the other one."""
    keys = jr.split(jr.key(5, impl="threefry2x32"), 3)
    numbers = jnp.asarray([0, 1, 2**32 - 1], jnp.uint32)
    found = jax.jit(words, static_argnums=2)(keys, numbers, 70)
    for row, key, number in zip(found, jr.key_data(keys), numbers, strict=True):
        counter = jnp.concatenate([jnp.arange(70, dtype=jnp.uint32), jnp.full(70, number)])
        np.testing.assert_array_equal(row, threefry_2x32(key, counter)[:70])


def test_words_of_a_longer_row_begin_with_the_shorter():
    keys, numbers = jr.split(jr.key(5, impl="threefry2x32"), 2), jnp.asarray([3, 4])
    np.testing.assert_array_equal(words(keys, numbers, 40), words(keys, numbers, 90)[:, :40])


EDGES = np.array([0, 1, 2**31 - 1, 2**31, 2**32 - 200, 2**32 - 1], np.uint32)


def test_uniform_is_strictly_inside_the_unit_interval():
    value = uniform(jnp.asarray(EDGES))
    assert value.dtype == jnp.float32
    assert bool((value > 0).all()) and bool((value < 1).all())
    assert bool((jnp.diff(value) >= 0).all())


def stratified_words() -> np.ndarray:
    """Words from all parts of the range: both ends one by one, powers of two, and evenly spread."""
    ends = np.arange(3000, dtype=np.uint64)
    powers = np.concatenate([2**k + np.array([-1, 0, 1]) for k in range(2, 32)]).astype(np.uint64)
    spread = np.linspace(0, 2**32 - 1, 200_001).astype(np.uint64)
    return np.concatenate([ends, 2**32 - 1 - ends, powers, 2**32 - 1 - powers, spread]).astype(np.uint32)


def exact(word: np.ndarray) -> np.ndarray:
    """Return ``-log((word + 1/2) / 2^32)`` in double precision, without cancellation at either end."""
    share, rest = (word + 0.5) * 2.0**-32, (2.0**32 - word - 0.5) * 2.0**-32
    return np.where(share < 0.5, -np.log(share), -np.log1p(-rest))


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_exponential_is_the_quantile_of_its_word_everywhere(dtype):
    """Words are uniform, so this is the law, far tail and neighbourhood of 0 included."""
    word = stratified_words()
    value = exponential(jnp.asarray(word), dtype)
    assert value.dtype == dtype
    np.testing.assert_allclose(np.asarray(value, float), exact(word), rtol=1e-6)
    assert float(value.min()) >= 2.0**-33 * (1 - 1e-6)
    assert float(value.max()) == pytest.approx(33 * np.log(2.0), rel=1e-6)


def test_a_plain_logarithm_in_single_precision_is_noticed():
    word = stratified_words()
    plain = -np.log(np.asarray(uniform(jnp.asarray(word))))
    assert np.abs(plain / exact(word) - 1).max() > 0.01


@pytest.mark.parametrize("amount", [2.0**-30, 1e-6, 1e-3, 0.5, 4.0, 16.0, 22.0])
def test_tail_probabilities_are_exact(amount):
    """The draw exceeds an amount for exactly the share of words that the law gives, up to a few words.

    The draw falls with the word, so the first word with a draw of at most the amount is found by bisection.
    """
    low, high = 0, 2**32 - 1
    while low < high:
        middle = (low + high) // 2
        drawn = float(exponential(jnp.asarray(middle, jnp.uint32), jnp.float64))
        low, high = (low, middle) if drawn <= amount else (middle + 1, high)
    tolerance = 1 + 2e-6 * amount * np.exp(-amount) * 2**32
    assert abs(low - np.exp(-amount) * 2.0**32) <= tolerance


def test_both_precisions_give_the_same_draws():
    word = jnp.asarray(stratified_words())
    low, high = (exponential(word, d) for d in (jnp.float32, jnp.float64))
    np.testing.assert_array_equal(low, high)
