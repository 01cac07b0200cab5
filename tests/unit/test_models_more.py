"""Programs of the further models: limits, labels, shapes."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.handlers import seed, substitute, trace
from numpyro.infer.util import log_density
from scipy import stats

from adaptive.errors import BadInput
from adaptive.models import GammaHazards, HistoricalControls
from adaptive.posterior.laplace import LaplaceEngine, why_not
from adaptive.records import EventTable
from tests.model_cases import EVENTS, EXPOSURE, HISTORY, KINDS, model, params
from tests.posterior_cases import PRIOR, as_table, pooling_model

SHAPE = (2, 3, 2)
TABLE = as_table(EVENTS, EXPOSURE)
MU, TAU = PRIOR["mu_scale"], PRIOR["tau_scale"]


def density(program, point, table=TABLE):
    shape = table.events.shape
    return float(log_density(program, (table, shape), {}, sites_of(program, point, shape))[0])


def sites_of(program, point, shape):
    """Those values of a point that are the model's own sites."""
    found = trace(seed(program, 0)).get_trace(None, shape)
    return {k: v for k, v in point.items() if k in found and found[k]["type"] == "sample"}


def value_of(program, name, point, table=TABLE):
    own = sites_of(program, point, table.events.shape)
    return trace(substitute(seed(program, 0), own)).get_trace(table, table.events.shape)[name]["value"]


@eqx.filter_jit
def placed_at(program, point):
    """log_hr, and log |d log_hr / d raw| by automatic differentiation."""
    n = point["raw"].size
    flat = lambda raw: value_of(program, "log_hr", {**point, "raw": raw}).reshape(n)  # noqa: E731
    matrix = jax.jacobian(flat)(point["raw"]).reshape(n, n)
    return flat(point["raw"]).reshape(point["raw"].shape), jnp.linalg.slogdet(matrix)[1]


def exnex_gap(p, **changes):
    """ExNex less partial (p = 1) or no pooling (p = 0), as densities of the log hazard ratios."""
    program, gaps = model("exnex", p_exchangeable=p, **changes), []
    other = pooling_model("partial" if p else "none", mu_scale=1.0 if p else 0.6)
    for i in range(4):
        point = params(2, 2, i)
        log_hr, log_jacobian = placed_at(program, point)
        raw = (log_hr - point["mu"][None]) / point["tau"] if p else log_hr
        scale = 4 * np.log(point["tau"]) if p else 0.0
        extra = (
            0.0
            if p
            else stats.norm.logpdf(point["mu"]).sum() + stats.halfnorm.logpdf(point["tau"], scale=TAU)
        )
        ours = density(program, point) - log_jacobian
        gaps.append(ours - (density(other, {**point, "raw": raw}) - scale + extra))
    return np.array(gaps)


def test_exchangeable_for_certain_is_partial_pooling():
    np.testing.assert_allclose(exnex_gap(1.0), 0.0, atol=1e-9)


def test_never_exchangeable_is_no_pooling():
    np.testing.assert_allclose(exnex_gap(0.0, nex_mean=0.0), 0.0, atol=1e-9)


def test_almost_certain_is_seen_not_to_be_a_limit():
    assert np.abs(exnex_gap(0.99)).max() > 1e-3


def test_robust_without_an_informative_part_is_partial_pooling():
    off = model("robust", informative_weight=0.0)
    same = model("robust", informative_weight=1.0, informative_mean=0.0, informative_scale=MU)
    for i in range(5):
        expected = density(model("partial"), params(2, 2, i))
        np.testing.assert_allclose([density(x, params(2, 2, i)) for x in (off, same)], expected, rtol=1e-13)
    assert abs(density(model("robust"), params(2, 2, 0)) - density(model("partial"), params(2, 2, 0))) > 0.01


def class_covariance(**changes):
    """Covariance of mu, exact: the program is linear in standard normal sites."""
    program, point = model("nested", **changes), params(2, 3)
    point["class_mean"] = jnp.zeros(max(changes["classes"]) + 1)
    table = EventTable(jnp.zeros((2, 4, 1)), jnp.zeros((2, 4, 1)))
    mu = lambda c, a: value_of(program, "mu", {**point, "class_mean": c, "arm_raw": a}, table)  # noqa: E731
    by_class, by_arm = jax.jacobian(mu, argnums=(0, 1))(point["class_mean"], point["arm_raw"])
    return MU**2 * by_class @ by_class.T + by_arm @ by_arm.T


def test_class_limits():
    alone = class_covariance(classes=(0, 1, 2), class_scale=0.3)
    np.testing.assert_allclose(alone, (MU**2 + 0.3**2) * np.eye(3), atol=1e-12)
    together = class_covariance(classes=(0, 0, 0), class_scale=0.3)
    np.testing.assert_allclose(together, MU**2 * np.ones((3, 3)) + 0.3**2 * np.eye(3), atol=1e-12)
    same = class_covariance(classes=(0, 0, 0), class_scale=0.0)
    np.testing.assert_allclose(same, MU**2 * np.ones((3, 3)), atol=1e-12)


def test_a_spread_per_arm_of_one_arm_is_partial_pooling():
    one = as_table(EVENTS[:, :2], EXPOSURE[:, :2])
    for i in range(5):
        point = params(2, 1, i)
        assert density(model("per_arm"), point, one) == density(model("partial"), point, one)
    assert value_of(model("per_arm"), "tau", params(2, 1), one).shape == ()


def test_no_discount_is_no_history_and_full_discount_is_one_control_group():
    point = params(2, 2)
    assert density(model("history", discount=0.0), point) == density(model("partial"), point)
    events, exposure = EVENTS.copy(), EXPOSURE.copy()
    events[:, 0] += HISTORY["events"]
    exposure[:, 0] += HISTORY["exposure"]
    whole = density(model("partial"), point, as_table(events, exposure))
    np.testing.assert_allclose(density(model("history", discount=1.0), point), whole, rtol=1e-13)


@pytest.mark.parametrize("inner", ["exnex", "robust", "nested", "per_arm"])
def test_history_goes_with_every_way_of_pooling(inner):
    point, base = params(2, 2), model(inner)
    wrapped = HistoricalControls(base, **HISTORY)
    assert density(wrapped, point) == density(base, point, wrapped.augmented(TABLE))
    assert density(wrapped, point) != density(base, point)


def relabelled(point, subgroups, arms):
    return {
        **point,
        "mu": point["mu"][arms],
        "tau_arm": point["tau_arm"][arms],
        "arm_raw": point["arm_raw"][arms],
        "raw": point["raw"][subgroups][:, arms],
        "pick": point["pick"][subgroups],
    }


@pytest.mark.parametrize("kind", KINDS)
def test_labels_do_not_matter(kind):
    changes = {"classes": (0, 1)} if kind == "nested" else {}
    swapped = {
        "exnex": {"p_exchangeable": [0.25, 0.9]},
        "robust": {
            "informative_weight": [0.3, 0.8],
            "informative_mean": [0.5, -1.0],
            "informative_scale": [0.3, 0.2],
        },
        "nested": {"classes": (1, 0)},
        "history": {"events": HISTORY["events"][::-1], "exposure": HISTORY["exposure"][::-1]},
    }
    order = jnp.asarray([1, 0])
    turned = as_table(EVENTS[::-1][:, [0, 2, 1]], EXPOSURE[::-1][:, [0, 2, 1]])
    before, after = model(kind, **changes), model(kind, **swapped.get(kind, {}))
    point = params(2, 2)
    again = relabelled(point, order, order)
    np.testing.assert_allclose(density(before, point), density(after, again, turned), rtol=1e-12)
    np.testing.assert_allclose(
        value_of(before, "log_hr", point)[::-1, ::-1], value_of(after, "log_hr", again, turned), rtol=1e-12
    )
    if kind in swapped:
        assert abs(density(before, point) - density(before, again, turned)) > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_are_leaves_so_that_a_sweep_compiles_once(kind):
    traces = []

    @jax.jit
    def value(program, point):
        traces.append(kind)
        return log_density(program, (TABLE, SHAPE), {}, point)[0]

    own = sites_of(model(kind), params(2, 2), SHAPE)
    values = [
        float(value(model(kind, **{name: 0.7}), own)) for name in ("mu_scale", "tau_scale", "baseline_shape")
    ]
    assert len(traces) == 1
    assert len(set(values)) == 3


EXTREMES = {
    "exnex": [{"p_exchangeable": 0.0}, {"p_exchangeable": 1.0}],
    "robust": [{"informative_weight": 0.0}, {"informative_weight": 1.0}],
    "nested": [{"class_scale": 0.0}],
    "per_arm": [{"tau_scale": 1e-3}],
    "history": [{"discount": 0.0}],
}


@pytest.mark.parametrize("kind", KINDS)
def test_density_and_gradient_are_finite_at_the_limits_and_without_data(kind):
    empty = as_table(np.zeros_like(EVENTS), np.zeros_like(EXPOSURE))
    own = sites_of(model(kind), params(2, 2), SHAPE)
    both = jax.jit(
        lambda program, table: jax.value_and_grad(lambda x: log_density(program, (table, SHAPE), {}, x)[0])(
            own
        )
    )
    for changes in ({}, *EXTREMES[kind]):
        for table in (TABLE, empty):
            value, gradient = both(model(kind, **changes), table)
            flat = np.concatenate([[value], *(np.ravel(x) for x in gradient.values())])
            assert np.isfinite(flat).all(), (kind, changes)


SIZES = {"exnex": (5, 4), "robust": (64, 4), "nested": (64, 4), "per_arm": (64, 2), "partial": (64, 4)}


@pytest.mark.parametrize("kind", SIZES)
def test_the_fast_engine_says_which_sizes_it_fits(kind):
    most = SIZES[kind]
    for program in (model(kind), HistoricalControls(model(kind), **HISTORY)):
        assert why_not(program, *most) is None
        for more in ((most[0] + 1, most[1]), (most[0], most[1] + 1)):
            words = (
                f"at most {most[0]} subgroups and {most[1]} experimental arms, got {more[0]} and {more[1]}"
            )
            assert words in why_not(program, *more)


def test_the_fast_engine_refuses_what_is_too_large_or_not_normal_given_tau():
    large = as_table(np.ones((6, 2, 1)), np.ones((6, 2, 1)))
    with pytest.raises(
        BadInput, match="fits ExNex with at most 5 subgroups.*got 6 and 1; use posterior nuts"
    ):
        LaplaceEngine().fit(jax.random.key(0), model("exnex"), large)
    with pytest.raises(BadInput, match="cannot fit the model GammaHazards.*nuts.*or conjugate"):
        LaplaceEngine().fit(jax.random.key(0), GammaHazards(1.0, 1.0), TABLE)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: density(model("exnex", p_exchangeable=[0.5] * 3), params(2, 2)),
            "p_exchangeable.*one number or 2",
        ),
        (
            lambda: density(model("robust", informative_mean=[0.0] * 3), params(2, 2)),
            "informative_mean.*or 2",
        ),
        (lambda: density(model("nested", classes=(0,)), params(2, 2)), "1 classes came for 2"),
        (lambda: model("nested", classes=(0, 2)), "without gaps"),
        (lambda: density(model("history", events=np.zeros((2, 3))), params(2, 2)), r"\(2, 3\).*\(2, 2\)"),
        (lambda: HistoricalControls(GammaHazards(1.0, 1.0), **HISTORY), "cannot hold GammaHazards"),
    ],
)
def test_wrong_shapes_are_refused(make, words):
    with pytest.raises(BadInput, match=words):
        make()
