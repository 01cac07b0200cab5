"""The drifting model's limits, its rows, its refusals, and tables with periods of entry."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.infer.util import log_density

from adaptive.data import count_patients, tabulate
from adaptive.errors import BadInput
from adaptive.models import Drifting, GammaHazards, HistoricalControls, NoPooling
from adaptive.models.drifting import walk_sd
from adaptive.models.likelihood import marginal_log_likelihood, plain_rows
from adaptive.oc.borrowing import collapsed
from adaptive.posterior.laplace import LaplaceEngine, why_not
from adaptive.records import EventTable, Snapshot
from tests.model_cases import model, params
from tests.posterior_cases import as_table, pooling_model

PERIODS, INTERVALS = 3, 2
KEY = jax.random.key(0)


def tables(seed=4, n_periods=PERIODS, shape=(2, 3)):
    rng = np.random.default_rng(seed)
    exposure = rng.gamma(5.0, 8.0, (*shape, n_periods * INTERVALS))
    return as_table(rng.poisson(0.03 * exposure).astype(float), exposure)


def summed(table, n_periods=PERIODS):
    add = lambda x: x.reshape(*x.shape[:2], n_periods, -1).sum(axis=2)  # noqa: E731
    return EventTable(add(table.events), add(table.exposure))


def likelihood(data, theta, shape=0.1, rate=5.0):
    return float(marginal_log_likelihood(jnp.asarray(theta), data, jnp.asarray(shape), jnp.asarray(rate)))


THETA = np.array([[-0.8, 0.3], [0.4, -1.1]])


def test_without_drift_the_likelihood_is_the_plain_one_of_the_summed_table():
    table = tables()
    value = lambda omega: likelihood(Drifting(pooling_model("none"), omega, PERIODS).rows(table), THETA)  # noqa: E731
    np.testing.assert_allclose(value(1.0), likelihood(summed(table), THETA), rtol=1e-12)
    assert abs(value(0.9) - value(1.0)) > 1e-3


def test_without_drift_it_is_the_plain_model_on_the_summed_table():
    """Of full pooling, where the rows of all subgroups become those of one."""
    base, table = pooling_model("full"), tables(shape=(2, 2))
    engine = LaplaceEngine(precision="float64")
    ours = engine.fit(KEY, Drifting(base, omega=1.0, n_periods=PERIODS), table)
    plain = engine.fit(KEY, base, summed(table))
    for a, b in ((ours.mean, plain.mean), (ours.sd, plain.sd), (ours.p_best(), plain.p_best())):
        np.testing.assert_allclose(a, b, atol=1e-12)


def test_periods_become_strata_as_the_discount_grows():
    """The limit is the plain model on the periods' columns, without a baseline prior after the first."""
    table, gaps = tables(), []
    strata = plain_rows(table, jnp.asarray(0.0), jnp.asarray(0.0))
    first = np.repeat([1.0, 0.0], [INTERVALS, (PERIODS - 1) * INTERVALS])[None]
    strata = eqx.tree_at(lambda r: [r.shape, r.rate], strata, [strata.shape + 0.1 * first, 5.0 * first])
    for omega in (1e-2, 1e-4, 1e-6):
        rows = Drifting(pooling_model("none"), omega=omega, n_periods=PERIODS).rows(table)
        gaps.append(abs(likelihood(rows, THETA) - likelihood(strata, THETA)))
    assert gaps[0] < 0.2 and gaps[1] < 0.02 * gaps[0] and gaps[2] < 0.02 * gaps[1]


def test_the_rows_are_the_products_of_negative_binomials():
    """Term by term as the filter predicts, before neighbouring terms are added up."""
    omega, table = 0.7, tables(shape=(1, 2))
    events, exposure = (
        np.asarray(x)[0].reshape(2, PERIODS, INTERVALS) for x in (table.events, table.exposure)
    )

    def filtered(theta):
        a, b, value = 0.1, 5.0, theta * events[1].sum()
        for p in range(PERIODS):
            a, b = (omega * a, omega * b) if p else (a, b)
            value = value + a * np.log(b) if p else value
            a = a + events[:, p].sum(axis=0)
            b = b + exposure[0, p] + np.exp(theta) * exposure[1, p]
            value = value - a * np.log(b)
        return value.sum() - theta * events[1].sum() * (INTERVALS - 1)

    rows = Drifting(NoPooling(1.0, 1.0, 0.1, 5.0), omega=omega, n_periods=PERIODS).rows(table)
    assert (np.asarray(rows.shape) >= 0).all()
    for theta in (-1.3, 0.2, 0.9):
        np.testing.assert_allclose(
            likelihood(rows, [[theta]]), filtered(theta) - filtered(0.0), rtol=1e-10, atol=1e-10
        )


def test_periods_without_patients_change_only_how_much_is_forgotten():
    table = tables()
    later = as_table(
        *(np.pad(x, ((0, 0), (0, 0), (0, 2 * INTERVALS))) for x in (table.events, table.exposure))
    )
    value = lambda t, n: likelihood(Drifting(pooling_model("none"), 0.6, n).rows(t), THETA)  # noqa: E731
    np.testing.assert_allclose(value(later, PERIODS + 2), value(table, PERIODS), rtol=1e-12)


def test_what_has_faded_away_leaves_no_trace_and_no_nan():
    table, gone = tables(), 40
    months = [np.asarray(x) for x in (table.events, table.exposure)]
    late = [np.pad(x, ((0, 0), (0, 0), (0, gone * INTERVALS))) for x in months]
    inner = pooling_model("none", jnp.float32)
    rows = Drifting(inner, jnp.asarray(0.01, jnp.float32), PERIODS + gone).rows(as_table(*late, jnp.float32))
    assert np.isfinite(jax.tree.leaves(rows)[2]).all() and rows.shape.dtype == jnp.float32
    theta = jnp.asarray(THETA, jnp.float32)
    value = marginal_log_likelihood(theta, rows, inner.baseline_shape, inner.baseline_rate)
    short = Drifting(pooling_model("none"), 0.01, PERIODS).rows(table)
    np.testing.assert_allclose(value, likelihood(short, THETA), rtol=1e-4)


@pytest.mark.parametrize("kind", ["exnex", "robust", "nested", "per_arm"])
def test_it_goes_with_every_way_of_pooling(kind):
    inner, table, point = model(kind), tables(), params(2, 2)
    value = lambda m, data: float(log_density(m, (data, (2, 3, 6)), {}, point)[0])  # noqa: E731
    one = value(Drifting(inner, 1.0, PERIODS), table) - value(inner, None)
    np.testing.assert_allclose(one, value(inner, summed(table)) - value(inner, None), rtol=1e-10)
    assert abs(value(Drifting(inner, 0.5, PERIODS), table) - value(inner, summed(table))) > 1e-3
    assert value(Drifting(inner, 0.5, PERIODS), None) == value(inner, None)


def test_a_study_that_varies_omega_compiles_once():
    traces = []

    @eqx.filter_jit
    def value(model, table):
        traces.append(1)
        return marginal_log_likelihood(jnp.asarray(THETA), model.rows(table), jnp.ones(()), jnp.ones(()))

    found = [value(Drifting(pooling_model("none"), omega=w, n_periods=PERIODS), tables()) for w in (0.9, 0.5)]
    assert len(traces) == 1
    assert abs(float(found[0] - found[1])) > 1e-3


def test_the_walks_step_is_that_of_the_beta_variable():
    omega, per_period = 0.9, 20.0
    a = per_period / (1 - omega)
    eta = np.random.default_rng(1).beta(omega * a, (1 - omega) * a, 200_000)
    np.testing.assert_allclose(walk_sd(omega, per_period), np.log(eta / omega).std(), rtol=0.03)
    np.testing.assert_allclose((eta / omega).mean(), 1.0, atol=5e-4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Drifting(GammaHazards(0.5, 5.0), 0.9, 2), "cannot hold GammaHazards"),
        (lambda: Drifting(model("history"), 0.9, 2), "cannot hold HistoricalControls"),
        (
            lambda: HistoricalControls(
                Drifting(model("partial"), 0.9, 2), np.ones((2, 2)), np.ones((2, 2)), 0.5
            ),
            "cannot hold Drifting",
        ),
        (lambda: Drifting(model("partial"), 0.9, 0), "n_periods: 0"),
        (lambda: Drifting(model("partial"), 0.9, 4).rows(tables()), "multiple"),
    ],
)
def test_what_does_not_go_together_is_refused(make, message):
    with pytest.raises(BadInput, match=message):
        make()


def test_the_fast_engine_names_the_model_inside_when_it_is_too_large():
    assert "ExNex with at most 5" in why_not(Drifting(model("exnex"), 0.9, 2), 6, 2)
    assert why_not(Drifting(model("exnex"), 0.9, 2), 5, 2) is None
    assert type(collapsed(Drifting(model("exnex"), 0.9, 2))) is type(model("exnex"))


def snapshot(n=300, seed=2):
    rng = np.random.default_rng(seed)
    entry = np.sort(rng.uniform(0, 20, n)).round(1)
    return Snapshot(
        subgroup=jnp.asarray(rng.integers(0, 2, n), jnp.int32),
        arm=jnp.asarray(rng.integers(0, 3, n), jnp.int32),
        time=jnp.asarray(rng.exponential(8.0, n).round(1)),
        event=jnp.asarray(rng.uniform(size=n) < 0.5),
        observed=jnp.asarray(rng.uniform(size=n) < 0.9),
        entry=jnp.asarray(entry),
    )


def counted(seen, cuts, starts):
    """Events and months by loops over patients, borders belonging to the period that they end."""
    stops = np.append(cuts[1:], np.inf)
    events, months = np.zeros((2, 3, len(starts), len(cuts))), np.zeros((2, 3, len(starts), len(cuts)))
    for s, a, t, e, seen_, entry in zip(*(np.asarray(x) for x in jax.tree.leaves(seen)), strict=True):
        if not seen_:
            continue
        p = max(int(np.sum(entry > np.asarray(starts))) - 1, 0)
        for j, (start, stop) in enumerate(zip(cuts, stops, strict=True)):
            months[s, a, p, j] += max(min(t, stop) - start, 0.0)
            events[s, a, p, j] += e and (start < t <= stop or (t == 0 and j == 0))
    return events.reshape(2, 3, -1), months.reshape(2, 3, -1)


def test_tables_with_periods_are_those_of_a_loop_over_patients():
    seen, cuts, starts = snapshot(), [0.0, 3.0, 6.0], [0.0, 5.0, 12.0, 30.0]
    table = tabulate(seen, jnp.asarray(cuts), 2, 3, jnp.asarray(starts))
    events, months = counted(seen, cuts, starts)
    np.testing.assert_array_equal(table.events, events)
    np.testing.assert_allclose(table.exposure, months, rtol=1e-12, atol=1e-12)
    assert (table.exposure[..., -len(cuts) :] == 0).all()
    plain = tabulate(seen, jnp.asarray(cuts), 2, 3)
    np.testing.assert_array_equal(summed(table, 4).events, plain.events)
    np.testing.assert_allclose(summed(table, 4).exposure, plain.exposure, rtol=1e-12)
    patients = count_patients(seen, jnp.asarray(cuts), 2, 3, jnp.asarray(starts))
    np.testing.assert_array_equal(patients, count_patients(seen, jnp.asarray(cuts), 2, 3))
