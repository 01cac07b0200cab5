"""What every allocation promises, the Thall-Wathen weights by hand, and water-filling against brute force."""

from itertools import product

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adaptive.codes import HealthCode
from adaptive.config.schema import SCHEMAS
from adaptive.design.allocation import AbstractAllocation, ThallWathenAllocation, bounded_simplex
from adaptive.design.allocation_control import AbstractControl
from adaptive.design.allocation_exponents import AbstractExponent
from adaptive.design.allocation_weights import AbstractWeights, BestArmWeights
from tests.strategy_examples import (
    ALLOCATIONS,
    CONTROLS,
    EXPONENTS,
    WEIGHTS,
    evidence,
    progress,
    response_adaptive,
)

OPEN = [np.array(cells).reshape(2, 2) for cells in product([False, True], repeat=4)]
P_BEST = np.array([[0.1, 0.2, 0.7], [0.98, 0.02, 0.0]])
EVERY = {
    **ALLOCATIONS,
    **{f"weights {kind}": response_adaptive(weights=part) for kind, part in WEIGHTS.items()},
    **{f"control {kind}": response_adaptive(control=part) for kind, part in CONTROLS.items()},
    **{f"exponent {kind}": response_adaptive(weights=BestArmWeights(p)) for kind, p in EXPONENTS.items()},
}
TRACES = []


@pytest.fixture(params=EVERY, name="allocation")
def each_allocation(request):
    return EVERY[request.param]


@pytest.mark.parametrize(
    ("examples", "group", "base"),
    [
        (ALLOCATIONS, "allocation", AbstractAllocation),
        (WEIGHTS, "weights", AbstractWeights),
        (CONTROLS, "control", AbstractControl),
        (EXPONENTS, "exponent", AbstractExponent),
    ],
)
def test_every_registered_kind_is_examined(examples, group, base):
    assert set(examples) == set(SCHEMAS[group])
    assert {type(a) for a in examples.values()} == set(base.__subclasses__())


def seen(p_best=P_BEST, patients=((31, 30, 24), (25, 12, 40)), events=((20.0, 9.0, 5.0), (3.0, 8.0, 11.0))):
    """Evidence that differs between arms and subgroups in everything that weights may look at."""
    plain = evidence(p_best=p_best, p_below=np.full((1, 2, 2), 0.5), patients=patients, events=events)
    values = (
        jnp.asarray([[-0.4, -0.9], [0.3, 0.1]]),
        jnp.asarray([[0.4, 0.5], [0.7, 0.3]]),
        jnp.asarray([[300.0, 250.0, 260.0], [90.0, 130.0, 310.0]]),
    )
    return eqx.tree_at(lambda e: (e.mean, e.sd, e.exposure), plain, values)


@eqx.filter_jit
def updated(allocation, told, is_open):
    TRACES.append(1)
    return allocation.update(told, progress(np.ones((2, 2), int)), is_open)


@eqx.filter_jit
def started(allocation, is_open):
    return allocation.initial(is_open)


@pytest.mark.parametrize("patients", [0, 1, 30])
def test_rows_sum_to_one_and_closed_arms_get_nothing(allocation, patients):
    told = seen(patients=patients)
    for is_open in OPEN:
        cells = jnp.asarray(is_open)
        for given in (updated(allocation, told, cells), started(allocation, cells)):
            given = np.asarray(given)
            assert given.shape == (2, 3)
            assert np.all(given >= 0)
            assert np.all(given[:, 1:][~is_open] == 0)
            assert np.all(given[:, 1:][is_open] > 0)
            np.testing.assert_array_equal(given[:, 0] > 0, is_open.any(axis=1))
            np.testing.assert_allclose(given.sum(axis=1), is_open.any(axis=1), atol=1e-14)


def test_jit_equals_eager_and_vmap_equals_loop(allocation):
    told, cells = seen(), jnp.asarray(np.stack(OPEN))
    one_by_one = np.stack([updated(allocation, told, c) for c in cells])
    state = progress(np.ones((2, 2), int))
    np.testing.assert_allclose(allocation.update(told, state, cells[13]), one_by_one[13], atol=1e-14)
    mapped = jax.jit(jax.vmap(lambda c: allocation.update(told, state, c)))(cells)
    np.testing.assert_allclose(mapped, one_by_one, atol=1e-14)


def test_renaming_the_experimental_arms_renames_their_shares(allocation):
    """The ratio is a number per arm and is renamed too; every other number belongs to no arm."""
    arms, cells = [0, 2, 1], [1, 0]
    renamed = jax.tree.map(lambda leaf: leaf[jnp.asarray(arms)] if leaf.shape == (3,) else leaf, allocation)
    told = seen()
    other = eqx.tree_at(
        lambda e: (e.p_best, e.patients, e.events, e.exposure, e.mean, e.sd),
        told,
        (
            *(x[:, jnp.asarray(arms)] for x in (told.p_best, told.patients, told.events, told.exposure)),
            *(x[:, jnp.asarray(cells)] for x in (told.mean, told.sd)),
        ),
    )
    for is_open in OPEN:
        plain = updated(allocation, told, jnp.asarray(is_open))
        changed = updated(keeping_looks(renamed, allocation), other, jnp.asarray(is_open[:, cells]))
        np.testing.assert_allclose(changed, np.asarray(plain)[:, arms], atol=1e-14)


def keeping_looks(renamed, allocation):
    """Undo the renaming where the three numbers are one per look."""
    for where in (lambda a: a.due, lambda a: a.weights.exponent.powers):
        try:
            renamed = eqx.tree_at(where, renamed, where(allocation))
        except AttributeError:
            continue
    return renamed


def test_a_sweep_over_numbers_compiles_once(allocation):
    numbers, others = eqx.partition(allocation, eqx.is_inexact_array)
    TRACES.clear()
    for scale in (0.9, 0.8, 0.7):
        changed = eqx.combine(jax.tree.map(lambda leaf, s=scale: leaf * s, numbers), others)
        updated(changed, seen(), jnp.ones((2, 2), bool))
    assert len(TRACES) <= 1


def thall_wathen(**changes) -> ThallWathenAllocation:
    plain = dict(ratio=np.ones(3), power=1.0, burn_in=0.0, floor=0.0, cap=1.0, control_share=0.0)
    return ThallWathenAllocation(**{**plain, **changes})


@pytest.mark.parametrize(
    ("changes", "p_best", "expected"),
    [
        ({}, (0.2, 0.3, 0.5), (0.2, 0.3, 0.5)),
        ({"power": 0.0}, (0.2, 0.3, 0.5), (1 / 3, 1 / 3, 1 / 3)),
        # Square roots .4, .5, .7681146 of the probabilities, over their sum 1.6681146.
        ({"power": 0.5}, (0.16, 0.25, 0.59), (0.2397917, 0.2997396, 0.4604687)),
        ({"power": 2.0}, (0.2, 0.3, 0.5), (4 / 38, 9 / 38, 25 / 38)),
        # Control keeps .4; the rest goes 3 : 5.
        ({"control_share": 0.4}, (0.2, 0.3, 0.5), (0.4, 0.225, 0.375)),
        # Arm 1 is lifted to its floor, the others keep 0.2 : 0.79 of the remaining .9.
        ({"floor": 0.1}, (0.2, 0.01, 0.79), (0.9 * 20 / 99, 0.1, 0.9 * 79 / 99)),
        # Arm 2 is cut to its cap, the others keep 1 : 1 of the remaining .4.
        ({"cap": 0.6}, (0.1, 0.1, 0.8), (0.2, 0.2, 0.6)),
        # Cut to the cap and lifted to the floor at once; control takes what is left.
        ({"cap": 0.6, "floor": 0.15}, (0.1, 0.01, 0.89), (0.25, 0.15, 0.6)),
        # Control protected: bounds speak of the experimental arms.
        ({"cap": 0.5, "floor": 0.1, "control_share": 0.3}, (0.9, 0.01, 0.09), (0.3, 0.2, 0.5)),
        ({"burn_in": 91.0}, (0.2, 0.3, 0.5), (1 / 3, 1 / 3, 1 / 3)),
        ({"burn_in": 90.0}, (0.2, 0.3, 0.5), (0.2, 0.3, 0.5)),
    ],
)
def test_thall_wathen_by_hand(changes, p_best, expected):
    told = evidence(p_best=[p_best], patients=30)
    given = thall_wathen(**changes).update(told, progress(), jnp.ones((1, 2), bool))
    np.testing.assert_allclose(given[0], expected, atol=1e-7)


def test_a_bad_fit_returns_to_the_starting_ratio():
    told = evidence(code=HealthCode.NOT_CONVERGED)
    given = thall_wathen(ratio=[2.0, 1.0, 1.0]).update(told, progress(), jnp.ones((1, 2), bool))
    np.testing.assert_allclose(given[0], (0.5, 0.25, 0.25))


def test_burn_in_is_counted_per_subgroup():
    told = evidence(p_best=P_BEST, p_below=np.full((1, 2, 2), 0.5), patients=[[7, 7, 7], [6, 6, 6]])
    given = thall_wathen(burn_in=20.0).update(told, progress([[1, 1]] * 2), jnp.ones((2, 2), bool))
    np.testing.assert_allclose(given, [[0.1, 0.2, 0.7], [1 / 3, 1 / 3, 1 / 3]], atol=1e-9)


def by_enumeration(weights, lower, upper):
    """Return the unique ``clip(scale * weights, lower, upper)`` summing to 1, by trying every active set."""
    for at in product("luf", repeat=len(weights)):
        kind = np.array(at)
        fixed = np.where(kind == "l", lower, np.where(kind == "u", upper, 0.0))
        free = weights[kind == "f"].sum()
        if free == 0:
            continue
        scale = (1 - fixed.sum()) / free
        value = np.where(kind == "f", scale * weights, fixed)
        if np.allclose(value, np.clip(scale * weights, lower, upper), atol=1e-12):
            return value
    return None


def clip_and_rescale(weights, is_open, lower, upper):
    """A common shortcut, which does not keep the bounds."""
    value = np.clip(weights, lower, upper)
    return value / value.sum(axis=1, keepdims=True)


def random_cases(n: int):
    generator = np.random.default_rng(11)
    weights = generator.dirichlet([0.3, 0.3, 0.3, 0.3], n) + 1e-5
    lower = generator.uniform(0.0, 0.2, (n, 4))
    upper = lower + generator.uniform(0.15, 0.6, (n, 4))
    keep = (upper.sum(axis=1) > 1.02) & (lower.sum(axis=1) < 0.98)
    cases = (weights[keep], lower[keep], upper[keep])
    exact = [by_enumeration(*case) for case in zip(*cases, strict=True)]
    found = [i for i, value in enumerate(exact) if value is not None]
    assert len(found) > 0.9 * n / 2
    return (*(case[found] for case in cases), np.stack([exact[i] for i in found]))


def test_water_filling_equals_enumeration_and_keeps_every_bound():
    weights, lower, upper, exact = random_cases(300)
    everyone = jnp.ones(weights.shape, bool)
    given = np.asarray(bounded_simplex(*map(jnp.asarray, (weights, everyone, lower, upper))))
    # Bisection ends with a bracket of 30 / 2^40 in log scale.
    np.testing.assert_allclose(given, exact, atol=1e-10)
    assert np.all(given >= lower - 1e-10) and np.all(given <= upper + 1e-10)
    shortcut = clip_and_rescale(weights, everyone, lower, upper)
    assert np.any(np.abs(shortcut - exact) > 1e-3)


def test_water_filling_in_single_precision():
    weights, lower, upper, exact = (np.asarray(x, np.float32) for x in random_cases(300))
    everyone = jnp.ones(weights.shape, bool)
    given = bounded_simplex(*map(jnp.asarray, (weights, everyone, lower, upper)))
    assert given.dtype == jnp.float32
    # The log scale is at most 20 in size and rounded to 24 bits: 2e-6 in relative terms.
    np.testing.assert_allclose(given, exact, atol=3e-6)


@pytest.mark.parametrize(
    ("is_open", "lower", "upper", "expected"),
    [
        # One experimental arm left with control protected at .33: the cap .6 cannot hold, both are scaled.
        ([True, False, True], (0.33, 0.15, 0.15), (0.33, 0.6, 0.6), (33 / 93, 0.0, 60 / 93)),
        # Floors above 1 are scaled down together.
        ([True, True, True], (0.5, 0.5, 0.5), (1.0, 1.0, 1.0), (1 / 3, 1 / 3, 1 / 3)),
        ([False, False, False], (0.1, 0.1, 0.1), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)),
    ],
)
def test_bounds_that_cannot_hold_are_scaled_together(is_open, lower, upper, expected):
    arrays = (jnp.asarray([x]) for x in ((0.2, 0.3, 0.5), is_open, lower, upper))
    np.testing.assert_allclose(bounded_simplex(*arrays)[0], expected, atol=1e-9)
