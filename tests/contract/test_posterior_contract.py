"""What every model and engine must do, whatever they compute."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adaptive.codes import HealthCode
from adaptive.errors import BadInput
from adaptive.posterior.conjugate import ConjugateEngine
from adaptive.posterior.laplace import LaplaceEngine
from adaptive.posterior.nuts import NutsEngine
from tests.posterior_cases import as_table, gamma_model, pooling_model, table

ENGINES = {
    "laplace": LaplaceEngine(),
    "small": LaplaceEngine(n_nodes=2, n_newton=1, n_points=9),
    "conjugate": ConjugateEngine(),
    "nuts": NutsEngine(chains=2, warmup=40, draws=40),
}
COMBINATIONS = [
    *((kind, "laplace") for kind in ("partial", "none", "full")),
    ("partial", "nuts"),
    ("hazards", "conjugate"),
    ("hazards", "nuts"),
    pytest.param("none", "nuts", marks=pytest.mark.slow),
    pytest.param("full", "nuts", marks=pytest.mark.slow),
]
FAST = [("partial", "laplace"), ("none", "laplace"), ("full", "laplace"), ("hazards", "conjugate")]
MARGINS = jnp.asarray([0.5, 0.7, 0.8, 0.99, 1.0, 1.01, 1.3, 2.0])
EVENTS, EXPOSURE = table(1, 3, 2, 3, 60)


def model(kind, dtype=None):
    return gamma_model(dtype) if kind == "hazards" else pooling_model(kind, dtype)


def answers(engine, kind, events, exposure, dtype=None):
    posterior = ENGINES[engine].fit(jax.random.key(3), model(kind, dtype), as_table(events, exposure, dtype))
    levels = jnp.asarray([0.025, 0.5, 0.975], dtype)
    return {
        "p_below": posterior.p_below(jnp.log(jnp.asarray(MARGINS, dtype))),
        "p_best": posterior.p_best(),
        "mean": posterior.moments()[0],
        "sd": posterior.moments()[1],
        "quantiles": posterior.quantiles(levels),
        "code": posterior.health.code,
    }


@functools.lru_cache
def compiled(kind, engine, batched=False, dtype=None):
    one = functools.partial(answers, engine, kind, dtype=dtype)
    return jax.jit(jax.vmap(one) if batched else one)


@functools.lru_cache
def usual(kind, engine):
    return compiled(kind, engine)(EVENTS, EXPOSURE)


@pytest.mark.parametrize(("kind", "engine"), COMBINATIONS)
def test_shapes_ranges_and_order(kind, engine):
    got = usual(kind, engine)
    assert got["p_below"].shape == (8, 3, 2)
    assert got["p_best"].shape == (3, 3)
    assert got["mean"].shape == got["sd"].shape == (3, 2)
    assert got["quantiles"].shape == (3, 3, 2)
    for name, value in got.items():
        assert np.all(np.isfinite(value)), name
    assert np.all((got["p_below"] >= 0) & (got["p_below"] <= 1))
    assert np.all(np.diff(got["p_below"], axis=0) >= 0)
    assert np.all(got["p_best"] >= 0)
    np.testing.assert_allclose(got["p_best"].sum(axis=1), 1.0, atol=1e-12)
    assert np.all(np.diff(got["quantiles"], axis=0) > 0)


@pytest.mark.parametrize(("kind", "engine"), [("partial", "small"), ("hazards", "conjugate")])
def test_compiled_equals_eager(kind, engine):
    """Run one operation at a time, the full engine takes minutes; a small one has the same code."""
    events, exposure = EVENTS[:1, :2, :1], EXPOSURE[:1, :2, :1]
    eager = answers(engine, kind, events, exposure)
    for name, value in compiled(kind, engine)(events, exposure).items():
        np.testing.assert_allclose(value, eager[name], rtol=1e-9, atol=1e-9, err_msg=name)


@functools.lru_cache
def many():
    tables = [table(seed, 3, 2, 3, 10 + 10 * (seed % 9)) for seed in range(64)]
    return np.stack([t[0] for t in tables]), np.stack([t[1] for t in tables])


@pytest.mark.parametrize(
    ("kind", "engine"), [("partial", "laplace"), ("none", "laplace"), ("hazards", "conjugate")]
)
def test_results_do_not_depend_on_the_batch(kind, engine):
    """Up to rounding of the engine's precision; drivers fix the batch and are exact."""
    rounding = {"laplace": 1e-6, "conjugate": 1e-9}[engine]
    close = functools.partial(np.testing.assert_allclose, rtol=rounding, atol=rounding)
    events, exposure = many()
    run = compiled(kind, engine, batched=True)
    whole = run(events, exposure)
    for size in (1, 7):
        for name, value in run(events[:size], exposure[:size]).items():
            close(value, whole[name][:size], err_msg=f"{name}, batch of {size}")
    alone = compiled(kind, engine)(events[5], exposure[5])
    for name, value in alone.items():
        close(value, whole[name][5], err_msg=name)


@pytest.mark.parametrize(("kind", "engine"), FAST)
def test_single_precision_stays_single_and_close(kind, engine):
    single = compiled(kind, engine, dtype=jnp.float32)(EVENTS, EXPOSURE)
    for name, value in usual(kind, engine).items():
        if name != "code":
            assert single[name].dtype == jnp.float32, name
        np.testing.assert_allclose(single[name], value, atol=2e-3, err_msg=name)


@pytest.mark.parametrize(("kind", "engine"), FAST)
def test_relabelling_permutes_the_results(kind, engine):
    usual_answers = {name: np.asarray(value) for name, value in usual(kind, engine).items()}
    subgroups, arms, columns = np.array([2, 0, 1]), np.array([1, 0]), np.array([0, 2, 1])
    moved = compiled(kind, engine)(EVENTS[subgroups][:, columns], EXPOSURE[subgroups][:, columns])
    for name in ("mean", "sd"):
        np.testing.assert_allclose(moved[name], usual_answers[name][subgroups][:, arms], atol=1e-4)
    expected = usual_answers["p_below"][:, subgroups][:, :, arms]
    np.testing.assert_allclose(moved["p_below"], expected, atol=1e-4)
    np.testing.assert_allclose(moved["p_best"], usual_answers["p_best"][subgroups][:, columns], atol=5e-4)


@pytest.mark.parametrize("shape", [(1, 1, 1), (8, 1, 6), (2, 4, 2)])
def test_laplace_is_healthy_for_every_size(shape):
    for n_events in (0, 3, 2000):
        got = compiled("partial", "laplace")(*table(2, *shape, n_events, spread=1.0))
        assert int(got["code"]) == HealthCode.OK
        np.testing.assert_allclose(got["p_best"].sum(axis=1), 1.0, atol=1e-12)


def test_no_data_gives_the_prior_back():
    got = compiled("partial", "laplace")(np.zeros((4, 3, 2)), np.zeros((4, 3, 2)))
    np.testing.assert_allclose(got["mean"], 0.0, atol=1e-6)
    np.testing.assert_allclose(got["sd"], np.sqrt(1.25), atol=2e-3)
    np.testing.assert_allclose(got["p_below"][4], 0.5, atol=1e-6)
    np.testing.assert_allclose(
        got["p_best"][:, 1:], (1 - got["p_best"][:, :1]) / 2 * np.ones((4, 2)), atol=1e-3
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_not_finite_input_is_reported(bad):
    got = compiled("partial", "laplace")(EVENTS, np.where(EXPOSURE.max() > EXPOSURE, EXPOSURE, bad))
    assert int(got["code"]) == HealthCode.NOT_FINITE


def test_laplace_refuses_what_it_cannot_fit():
    with pytest.raises(BadInput, match="GammaHazards"):
        LaplaceEngine().fit(jax.random.key(0), gamma_model(), as_table(EVENTS, EXPOSURE))
    with pytest.raises(BadInput, match="at most 64 subgroups and 4 experimental arms, got 1 and 5"):
        LaplaceEngine().fit(jax.random.key(0), pooling_model("none"), as_table(*table(1, 1, 5, 1, 10)))


def test_prior_numbers_may_vary_without_a_new_trace():
    traces = []

    @jax.jit
    def mean(model):
        traces.append(1)
        return LaplaceEngine().fit(jax.random.key(0), model, as_table(EVENTS, EXPOSURE)).moments()[0]

    values = [mean(pooling_model("partial", tau_scale=scale)) for scale in (0.2, 0.5, 1.0)]
    assert len(traces) == 1
    assert np.abs(values[0] - values[2]).max() > 0.01
