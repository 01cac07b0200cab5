"""Each part of a response-adaptive allocation against numbers worked out by hand."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from adaptive.design.allocation import ThallWathenAllocation, bounded_simplex
from adaptive.design.allocation_control import FixedControl, MatchedControl, SquareRootControl
from adaptive.design.allocation_exponents import (
    ConstantExponent,
    EnrolledExponent,
    LookExponent,
    SubgroupEnrolledExponent,
)
from adaptive.design.allocation_minimum import Minimum
from adaptive.design.allocation_targets import (
    BiasedCoinWeights,
    ExponentialTargetWeights,
    NeymanWeights,
    event_share,
    hazard,
)
from adaptive.design.allocation_timing import AtLooksAllocation
from adaptive.design.allocation_weights import (
    BestArmWeights,
    EqualWeights,
    InformationWeights,
    PooledWeights,
    TrippaWeights,
    trippa,
)
from adaptive.models.hazards import GammaHazards
from adaptive.posterior.conjugate import ConjugateEngine
from adaptive.records import EventTable
from tests.strategy_examples import evidence, progress, response_adaptive

ALL = jnp.ones((1, 3), bool)
KEY = jax.random.key(0)


def told(p_best=((0.2, 0.3, 0.5),), patients=30, events=20.0, exposure=100.0, mean=0.0, sd=1.0):
    best = np.asarray(p_best, float)
    plain = evidence(p_best=best, p_below=np.full((1, best.shape[0], best.shape[1] - 1), 0.5))
    cells = (best.shape[0], best.shape[1] - 1)
    return eqx.tree_at(
        lambda e: (e.patients, e.events, e.exposure, e.mean, e.sd),
        plain,
        (
            jnp.broadcast_to(jnp.asarray(patients, jnp.int32), best.shape),
            jnp.broadcast_to(jnp.asarray(events, float), best.shape),
            jnp.broadcast_to(jnp.asarray(exposure, float), best.shape),
            jnp.broadcast_to(jnp.asarray(mean, float), cells),
            jnp.broadcast_to(jnp.asarray(sd, float), cells),
        ),
    )


def weights(rule, seen, arms=ALL, look=0):
    return np.asarray(rule.weights(seen, progress(look=look), arms))


# --- the kind that was there before


def as_it_was(rule, seen, is_open):
    """Thall and Wathen's rule as it was written before it was put together from parts."""
    arms = jnp.concatenate([is_open.any(axis=1, keepdims=True), is_open], axis=1)

    def scaled(w):
        total = w.sum(axis=1, keepdims=True)
        return jnp.where(total > 0, w / jnp.where(total > 0, total, 1.0), 0.0)

    start = scaled(jnp.where(arms, rule.ratio[None, :], 0.0))
    raw = scaled(jnp.where(arms, jnp.maximum(seen.p_best, 1e-12) ** rule.power, 0.0))
    control = jnp.broadcast_to(jnp.arange(arms.shape[1])[None, :] == 0, arms.shape)
    protected = control & (rule.control_share > 0)
    lower = jnp.where(protected, rule.control_share, rule.floor)
    upper = jnp.where(protected, rule.control_share, rule.cap)
    adapted = bounded_simplex(raw, arms, lower, upper)
    patients = seen.patients.sum(axis=1, keepdims=True)
    return jnp.where((patients >= rule.burn_in) & (seen.health.code == 0), adapted, start)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("control_share", [0.0, 0.33])
def test_thall_wathen_gives_the_very_bits_it_gave(dtype, control_share):
    generator = np.random.default_rng(3)
    rule = ThallWathenAllocation(
        *(np.asarray(x, dtype) for x in ([2.0, 1.0, 1.0], 0.5, 50.0, 0.1, 0.6, control_share))
    )
    new = eqx.filter_jit(lambda r, e, c: r.update(e, progress(), c))
    old = eqx.filter_jit(as_it_was)
    for _ in range(40):
        best = generator.dirichlet([0.4, 0.4, 0.4], 8).astype(dtype)
        seen = evidence(
            p_best=best, p_below=np.full((1, 8, 2), 0.5, dtype), patients=generator.integers(5, 40, (8, 3))
        )
        is_open = jnp.asarray(generator.random((8, 2)) < 0.7)
        left, right = new(rule, seen, is_open), old(rule, seen, is_open)
        assert left.dtype == right.dtype == dtype
        np.testing.assert_array_equal(left, right)


# --- exponents


@pytest.mark.parametrize(
    ("exponent", "look", "expected"),
    [
        (ConstantExponent(0.7), 2, [0.7, 0.7]),
        (LookExponent([0.1, 0.2, 0.4]), 2, [0.4, 0.4]),
        # 180 of 300 patients: 180 / 600.
        (EnrolledExponent(0.5, 1.0, 300.0), 0, [0.3, 0.3]),
        # Trippa's 3 (180 / 300)^1.4 = 3 exp(-.7151559).
        (EnrolledExponent(3.0, 1.4, 300.0), 0, [1.467348, 1.467348]),
        # 60 of 100 and 120 of 400 patients, halved.
        (SubgroupEnrolledExponent(0.5, 1.0, [100.0, 400.0]), 0, [0.3, 0.15]),
    ],
)
def test_exponents_by_hand(exponent, look, expected):
    seen = told(np.full((2, 3), 1 / 3), patients=[[20, 20, 20], [40, 40, 40]])
    given = exponent.at(seen, progress([[1, 1]] * 2, look=look))
    np.testing.assert_allclose(given, np.asarray(expected)[:, None], atol=5e-7)


# --- weights


def test_best_arm_weights_take_the_power_of_the_moment():
    rule = BestArmWeights(LookExponent([0.0, 1.0, 2.0]))
    np.testing.assert_allclose(weights(rule, told(), look=0), [[1 / 3, 1 / 3, 1 / 3]])
    np.testing.assert_allclose(weights(rule, told(), look=2), [[4 / 38, 9 / 38, 25 / 38]])


def test_information_weights_by_hand():
    # Square roots of .2 / (4 x 11), .3 / (9 x 21), .5 / (25 x 41).
    seen = told(events=[[3.0, 8.0, 24.0]], patients=[[10, 20, 40]])
    expected = np.sqrt([0.2 / 44, 0.3 / 189, 0.5 / 1025])
    np.testing.assert_allclose(weights(InformationWeights(), seen), [expected / expected.sum()], rtol=1e-12)


def by_the_formula(better, patients, power, nu):
    """Trippa's rule as published, without logarithms."""
    control = np.exp(patients[1:].max() - patients[0]) ** nu / (len(patients) - 1)
    raw = np.concatenate([[control], better**power / (better**power).sum()])
    return raw / raw.sum()


def test_trippa_is_the_published_formula():
    patients, mean, sd = np.array([30.0, 34.0, 27.0]), np.array([-0.2, -0.5]), np.array([0.3, 0.4])
    seen = told(patients=patients, mean=mean, sd=sd)
    power = 3.0 * (91 / 300) ** 1.4
    expected = by_the_formula(stats.norm.cdf(-mean / sd), patients, power, 0.1)
    rule = TrippaWeights(EnrolledExponent(3.0, 1.4, 300.0), nu=0.1)
    np.testing.assert_allclose(weights(rule, seen), [expected], rtol=1e-12)


def test_trippa_counts_the_arms_that_are_left():
    """With one arm dropped, and it the largest, control is compared with the other one: half and half."""
    rule = TrippaWeights(ConstantExponent(2.0), nu=0.1)
    seen = told(patients=[[30, 30, 90]])
    given = weights(rule, seen, jnp.asarray([[True, True, False]]))
    np.testing.assert_allclose(given, [[0.5, 0.5, 0.0]], atol=1e-12)


@pytest.mark.parametrize("nu", [0.0, 0.1, 1.0, 5.0])
@pytest.mark.parametrize("gap", [-1000.0, 0.0, 1000.0])
def test_trippa_does_not_overflow_in_single_precision(nu, gap):
    """The published order of operations does: exp(1000) before the power. Lesson L4 of the check."""
    patients = jnp.asarray([[1000.0, 1000.0 + gap, 0.0, 0.0]], jnp.float32)
    arms = jnp.ones((1, 4), bool)
    given = trippa(jnp.full((1, 3), -0.7, jnp.float32), patients, arms, jnp.ones((1, 1)), jnp.asarray(nu))
    assert bool(jnp.isfinite(given).all())
    np.testing.assert_allclose(given.sum(), 1.0, rtol=1e-6)
    with np.errstate(over="ignore", invalid="ignore"):
        naive = np.exp(np.float32(gap)) ** np.float32(nu) / np.float32(3)
    if gap > 0 and nu > 0:
        assert np.isinf(naive)
        # The exact control weight is 1 / (1 + 3 exp(-1000 nu)).
        np.testing.assert_allclose(given[0, 0], 1.0, rtol=1e-6)


def test_the_normal_approximation_of_pi_is_close_where_trippa_may_adapt():
    """Against the exact P(HR < 1) of constant hazards, from 5 events an arm: at most .015."""
    events = np.array([[8.0, 5.0, 12.0], [40.0, 25.0, 60.0]])[:, :, None]
    table = EventTable(jnp.asarray(events), jnp.asarray([[[200.0]] * 3, [[900.0]] * 3]))
    posterior = ConjugateEngine().fit(KEY, GammaHazards(shape=0.5, rate=1.0), table)
    mean, sd = posterior.moments()
    exact = np.asarray(posterior.p_below(jnp.zeros(1))[0])
    assert np.abs(stats.norm.cdf(-np.asarray(mean) / np.asarray(sd)) - exact).max() < 0.015


def test_neyman_asks_for_less_of_the_arms_that_have_more_events():
    # Shares of events 21/81, 11/81 and 6/81 after one event in 1 / .2258 patients is added; control twice.
    seen = told(patients=[[50, 50, 50]], events=[[20.0, 10.0, 4.0]], exposure=500.0)
    common = 35.0 / 152.0
    share = np.array([21.0, 11.0, 5.0]) / (50.0 + 1.0 / common)
    np.testing.assert_allclose(event_share(seen, ALL), [share], rtol=1e-12)
    expected = 1.0 / np.sqrt(share) * np.sqrt([2.0, 1.0, 1.0])
    np.testing.assert_allclose(weights(NeymanWeights(), seen), [expected / expected.sum()], rtol=1e-12)


def test_equal_arms_have_dunnetts_share_as_neyman_target():
    given = weights(NeymanWeights(), told())
    np.testing.assert_allclose(given[0, 0] / given[0, 1], np.sqrt(2.0), rtol=1e-12)


def test_exponential_target_of_two_arms_is_the_published_ratio():
    """sqrt(mean_1^3 q_0) : sqrt(mean_0^3 q_1), with the shrunken estimates put in."""
    seen = told(((0.5, 0.5),), patients=[[60, 60]], events=[[30.0, 15.0]], exposure=[[300.0, 330.0]])
    arms = jnp.ones((1, 2), bool)
    given = weights(ExponentialTargetWeights(), seen, arms)[0]
    common = 46.0 / 631.0
    rate = np.array([31.0 / (300.0 + 1 / common), 16.0 / (330.0 + 1 / common)])
    np.testing.assert_allclose(hazard(seen, arms), [rate], rtol=1e-12)
    mean, q = 1 / rate, np.asarray(event_share(seen, arms))[0]
    expected = np.sqrt(mean[1] ** 3 * q[0]) / np.sqrt(mean[0] ** 3 * q[1])
    np.testing.assert_allclose(given[1] / given[0], expected, rtol=1e-12)
    assert given[1] > given[0]


@pytest.mark.parametrize("cost", ["one", "hazard"])
def test_targets_minimise_what_they_say(cost):
    """No other shares give the same sum of variances at less cost: tried at random."""
    generator = np.random.default_rng(5)
    rate, q = np.array([0.1, 0.07, 0.05]), np.array([0.4, 0.3, 0.2])
    price = np.ones(3) if cost == "one" else rate
    variance = (1 / q if cost == "one" else 1 / (rate**2 * q)) * np.array([2.0, 1.0, 1.0])
    best = np.sqrt(variance / price)
    best /= best.sum()

    def expense(share):
        """Cost of reaching a sum of variances of 1."""
        return (variance / share).sum(axis=-1) * (price * share).sum(axis=-1)

    assert np.all(expense(generator.dirichlet(np.ones(3), 4000)) >= expense(best) - 1e-12)


def test_biased_coin_catches_up_and_rests_at_the_target():
    coin = BiasedCoinWeights(BestArmWeights(ConstantExponent(1.0)), gamma=2.0)
    at_target = weights(coin, told(patients=[[20, 30, 50]]))
    np.testing.assert_allclose(at_target, [[0.2, 0.3, 0.5]], rtol=1e-12)
    np.testing.assert_allclose(weights(coin, told(patients=0)), [[0.2, 0.3, 0.5]], rtol=1e-12)
    behind = weights(coin, told(patients=[[20, 60, 20]]))
    share = (np.array([20.2, 60.3, 20.5])) / 101
    expected = np.array([0.2, 0.3, 0.5]) ** 3 / share**2
    np.testing.assert_allclose(behind, [expected / expected.sum()], rtol=1e-12)
    # An arm that is closed has patients that do not count.
    closed = weights(coin, told(patients=[[20, 30, 5000]]), jnp.asarray([[True, True, False]]))
    np.testing.assert_allclose(closed, [[0.4, 0.6, 0.0]], rtol=1e-12)


def test_pooled_weights_are_averages_by_patients_over_the_subgroups_that_have_the_arm():
    best = [[0.2, 0.3, 0.5], [0.6, 0.2, 0.2]]
    patients = [[10, 10, 10], [20, 20, 20]]
    rule = PooledWeights(BestArmWeights(ConstantExponent(1.0)))
    every = weights(rule, told(best, patients), jnp.ones((2, 3), bool))
    expected = (np.array(best[0]) + 2 * np.array(best[1])) / 3
    np.testing.assert_allclose(every, [expected, expected], rtol=1e-12)
    # Without the second arm in the second subgroup: control 3/4 and arm one 1/4 there.
    arms = jnp.asarray([[True, True, True], [True, True, False]])
    raw = np.array([(0.2 + 2 * 0.75) / 3, (0.3 + 2 * 0.25) / 3, 0.5])
    given = weights(rule, told(best, patients), arms)
    np.testing.assert_allclose(given[0], raw / raw.sum(), rtol=1e-12)
    np.testing.assert_allclose(given[1], [*raw[:2] / raw[:2].sum(), 0.0], rtol=1e-12)
    nobody = weights(rule, told(best, 0), jnp.ones((2, 3), bool))
    np.testing.assert_allclose(nobody[0], np.mean(best, axis=0), rtol=1e-12)


# --- control


@pytest.mark.parametrize(
    ("control", "numbers", "expected"),
    [
        (FixedControl(0.4), {}, (0.4, 0.225, 0.375)),
        # As much as the best: .3 : .5 with .5 for control.
        (MatchedControl(), {}, (5 / 13, 3 / 13, 5 / 13)),
        # ... and the cap holds for both.
        (MatchedControl(), {"cap": 0.35}, (0.35, 0.3, 0.35)),
        (
            SquareRootControl(),
            {},
            (1 / (1 + np.sqrt(2)), *(np.sqrt(2) / (1 + np.sqrt(2)) * np.array([3, 5]) / 8)),
        ),
    ],
)
def test_control_by_hand(control, numbers, expected):
    rule = response_adaptive(control=control, **numbers)
    np.testing.assert_allclose(
        rule.update(told(), progress(), jnp.ones((1, 2), bool))[0], expected, atol=1e-9
    )


def test_square_root_control_follows_the_arms_that_are_open():
    rule = response_adaptive(weights=EqualWeights(), control=SquareRootControl())
    is_open = jnp.asarray([[True, True], [True, False], [False, False]])
    given = rule.update(told(np.full((3, 3), 1 / 3)), progress([[1, 1]] * 3), is_open)
    share = np.sqrt(2) / (2 + np.sqrt(2))
    np.testing.assert_allclose(
        given, [[share, (1 - share) / 2, (1 - share) / 2], [0.5, 0.5, 0.0], [0.0, 0.0, 0.0]], atol=1e-9
    )


# --- minimal information


def vague(events, exposure, patients):
    """Evidence of one subgroup from the exact engine under vague priors."""
    counts = jnp.asarray([events], float)[:, :, None]
    table = EventTable(counts, jnp.asarray([exposure], float)[:, :, None])
    posterior = ConjugateEngine().fit(KEY, GammaHazards(shape=0.01, rate=0.01), table)
    mean, sd = posterior.moments()
    return told(posterior.p_best(), patients, events, exposure, mean, sd)


@pytest.mark.parametrize(
    "minimum",
    [Minimum(patients=5.0), Minimum(events=1.0), Minimum(exposure=10.0), Minimum(0.0, 5.0, 1.0, 10.0)],
)
def test_an_arm_without_data_is_steered_by_its_prior_unless_a_minimum_forbids_it(minimum):
    """Two arms with equal hazards and one that nobody was given: it is best with probability near 1."""
    seen = vague([20.0, 20.0, 0.0], [400.0, 400.0, 0.0], [[60, 60, 0]])
    assert seen.p_best[0, 2] > 0.8
    free = response_adaptive().update(seen, progress(), jnp.ones((1, 2), bool))
    assert free[0, 2] > 0.8
    cured = response_adaptive(minimum=minimum).update(seen, progress(), jnp.ones((1, 2), bool))
    np.testing.assert_allclose(cured[0], [1 / 3, 1 / 3, 1 / 3], atol=1e-6)


def test_arms_that_are_known_divide_what_the_unknown_one_leaves():
    seen = told(((0.06, 0.14, 0.8),), patients=[[60, 60, 4]])
    rule = response_adaptive(ratio=[2.0, 1.0, 1.0], minimum=Minimum(patients=5.0))
    given = rule.update(seen, progress(), jnp.ones((1, 2), bool))
    np.testing.assert_allclose(given[0], [0.75 * 0.3, 0.75 * 0.7, 0.25], atol=1e-9)
    # Matched control looks at the known arms only, or it would follow the unknown one's prior.
    matched = response_adaptive(control=MatchedControl(), minimum=Minimum(patients=5.0))
    given = matched.update(seen, progress(), jnp.ones((1, 2), bool))
    np.testing.assert_allclose(given[0], [1 / 3, 1 / 3, 1 / 3], atol=1e-9)


@pytest.mark.parametrize("patients", [[4, 60, 60], [60, 4, 4]])
def test_nothing_adapts_while_control_or_every_experimental_arm_is_unknown(patients):
    rule = response_adaptive(ratio=[2.0, 1.0, 1.0], control=FixedControl(0.2), minimum=Minimum(patients=5.0))
    given = rule.update(told(patients=[patients]), progress(), jnp.ones((1, 2), bool))
    np.testing.assert_allclose(given[0], [0.5, 0.25, 0.25], atol=1e-12)


def test_minimum_and_burn_in_are_counted_per_subgroup():
    rule = response_adaptive(minimum=Minimum(burn_in=100.0, patients=5.0))
    patients = [[40, 40, 40], [30, 30, 30], [60, 60, 4]]
    given = rule.update(told([[0.2, 0.3, 0.5]] * 3, patients), progress([[1, 1]] * 3), jnp.ones((3, 2), bool))
    third = [1 / 3] * 3
    np.testing.assert_allclose(given, [[0.2, 0.3, 0.5], third, [2 / 3 * 0.4, 2 / 3 * 0.6, 1 / 3]], atol=1e-9)


# --- timing


def test_between_the_named_looks_the_allocation_stays_among_the_arms_still_open():
    rule = AtLooksAllocation(inside=response_adaptive(), due=[False, True, False])
    state = eqx.tree_at(
        lambda p: p.allocation,
        progress([[1, 1], [1, 1], [7, 1]]),
        jnp.asarray([[0.1, 0.3, 0.6], [0.1, 0.3, 0.6], [0.5, 0.0, 0.5]]),
    )
    is_open = jnp.asarray([[True, True], [False, True], [True, True]])
    seen = told([[0.2, 0.3, 0.5]] * 3)
    kept = rule.update(seen, state, is_open)
    # Unchanged to the last bit; the closed arm's patients divided; the arm that enters changes its subgroup.
    np.testing.assert_array_equal(kept[0], [0.1, 0.3, 0.6])
    np.testing.assert_allclose(kept[1], [1 / 7, 0.0, 6 / 7])
    np.testing.assert_allclose(kept[2], [0.2, 0.3, 0.5])
    at_look = rule.update(seen, eqx.tree_at(lambda p: p.look, state, jnp.asarray(1, jnp.int32)), is_open)
    np.testing.assert_allclose(at_look[0], [0.2, 0.3, 0.5])
    np.testing.assert_allclose(rule.initial(is_open)[1], [0.5, 0.0, 0.5])
