"""Permuted blocks against plain Python on the same uniforms, in the assignment alone and in whole trials."""

from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adaptive.design.allocation_control import MatchedControl
from adaptive.design.allocation_timing import AtLooksAllocation
from adaptive.design.allocation_weights import InformationWeights
from adaptive.design.assignment import Line
from adaptive.design.assignment_blocks import PermutedBlocks, seats
from adaptive.simulate.drivers import simulate
from adaptive.simulate.step import hold_look, open_trial
from tests.statistics import assert_mc_close
from tests.strategy_examples import response_adaptive
from tests.toy import toy_design, toy_scenario

SCENARIO = toy_scenario(((-0.9, -1.2), (0.4, -0.6)), rate=3.0)


def largest_remainder(allocation, size):
    quota = [float(p) * size for p in allocation]
    count = [int(np.floor(q + 1e-4)) for q in quota]
    order = sorted(range(len(quota)), key=lambda a: (-round((quota[a] - count[a]) * 1e4), a))
    for a in order[: size - sum(count)]:
        count[a] += 1
    return count


def block(allocation, uniforms):
    """Return the arms of one block: places sorted by their uniforms, arms in turn."""
    labels = [arm for arm, n in enumerate(largest_remainder(allocation, len(uniforms))) for _ in range(n)]
    arms = [0] * len(uniforms)
    for label, place in zip(labels, sorted(range(len(uniforms)), key=lambda j: uniforms[j]), strict=True):
        arms[place] = label
    return arms


@pytest.mark.parametrize(
    ("allocation", "size", "expected"),
    [
        ((1 / 3, 1 / 3, 1 / 3), 6, (2, 2, 2)),
        ((0.5, 0.25, 0.25), 4, (2, 1, 1)),
        ((0.5, 0.3, 0.2), 10, (5, 3, 2)),
        # Quotas 2.4, 1.8, 1.8: the larger remainders are rounded up.
        ((0.4, 0.3, 0.3), 6, (2, 2, 2)),
        # Quotas 1.5 and 1.5: of equal remainders the first.
        ((0.5, 0.5, 0.0), 3, (2, 1, 0)),
        ((0.0, 0.0, 0.0), 6, (0, 0, 0)),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_places_are_rounded_by_largest_remainder(allocation, size, expected, dtype):
    given = seats(jnp.asarray([allocation], dtype), size)
    np.testing.assert_array_equal(given[0], expected)
    if sum(allocation):
        assert largest_remainder(allocation, size) == list(expected)


def test_rounding_fills_every_block_and_gives_closed_arms_nothing():
    generator = np.random.default_rng(2)
    allocation = generator.dirichlet([0.3, 1.0, 1.0, 0.2, 1.0], 500) * (generator.random((500, 5)) < 0.7)
    allocation = allocation[allocation.sum(axis=1) > 0]
    allocation /= allocation.sum(axis=1, keepdims=True)
    for size in (2, 5, 12):
        given = np.asarray(seats(jnp.asarray(allocation), size))
        assert np.all(given.sum(axis=1) == size) and np.all(given[allocation == 0] == 0)
        assert np.all(np.abs(given - allocation * size) < 1.0)
        np.testing.assert_array_equal(given[:50], [largest_remainder(row, size) for row in allocation[:50]])


def line(n=40, subgroups=2, seed=4):
    generator = np.random.default_rng(seed)
    group = generator.integers(0, subgroups, n)
    place = np.zeros(n, int)
    for s in range(subgroups):
        place[group == s] = np.arange((group == s).sum())
    return Line(
        jnp.asarray(group, jnp.int32),
        jnp.asarray(place, jnp.int32),
        jnp.asarray(generator.random(n)),
        jnp.asarray(generator.random((subgroups, n))),
    )


@pytest.mark.parametrize("size", [3, 4, 6])
def test_arms_are_those_of_plain_python(size):
    """From the start, and after a change of allocation with 7 and 4 arrivals before it."""
    allocation = np.array([[0.5, 0.25, 0.25], [0.2, 0.0, 0.8]])
    plain = line()
    for before in ((0, 0), (7, 4)):
        place = plain.place - jnp.asarray(before)[plain.subgroup]
        shifted = Line(plain.subgroup, place.astype(jnp.int32), plain.uniform, plain.shuffle)
        given = np.asarray(PermutedBlocks(size).arms(jnp.asarray(allocation), shifted))
        for s in (0, 1):
            uniforms = np.asarray(plain.shuffle[s])
            starts = range(before[s], 34, size)
            expected = [arm for b in starts for arm in block(allocation[s], uniforms[b : b + size])]
            mine = given[(np.asarray(plain.subgroup) == s) & (np.asarray(place) >= 0)]
            np.testing.assert_array_equal(mine, expected[: len(mine)])


def test_the_last_block_that_the_list_cuts_off_is_random_too():
    """One subgroup whose arrivals use up the list: the two patients left over are not both on control."""
    n, size = 8, 6
    keys = jax.random.split(jax.random.key(1), 4000)
    place = jnp.arange(n, dtype=jnp.int32)

    def arms(key):
        shuffle = jax.random.uniform(key, (1, n))
        return PermutedBlocks(size).arms(
            jnp.asarray([[0.5, 0.5]]), Line(jnp.zeros(n, jnp.int32), place, shuffle[0], shuffle)
        )

    last = np.asarray(jax.jit(jax.vmap(arms))(keys))[:, 6:]
    assert_mc_close(last.mean(axis=0), 0.5, 0.5 / np.sqrt(4000), label="arm 1 at the end of the list")


class InOrder(PermutedBlocks):
    """The error that the next test is to find: blocks that are not shuffled."""

    def _ranks(self, uniform, before):
        return jnp.tile(jnp.arange(self.size, dtype=jnp.int32), uniform.shape[0] // self.size)


@pytest.mark.parametrize("kind", [PermutedBlocks, InOrder])
def test_every_place_has_the_right_probabilities_and_pairs_too(kind):
    """P(arm) is seats / size at every place; P(control twice) is that of drawing without returning."""
    n_blocks, size, allocation = 20_000, 10, jnp.asarray([[0.5, 0.3, 0.2]])
    shuffle = jax.random.uniform(jax.random.key(3), (1, n_blocks * size))
    place = jnp.arange(n_blocks * size, dtype=jnp.int32)
    given = kind(size).arms(allocation, Line(jnp.zeros_like(place), place, shuffle[0], shuffle))
    given = np.asarray(given).reshape(n_blocks, size)
    share = np.stack([(given == arm).mean(axis=0) for arm in range(3)])
    expected = np.array([0.5, 0.3, 0.2])[:, None]
    both = ((given[:, 0] == 0) & (given[:, 7] == 0)).mean()

    def check():
        se = np.sqrt(expected * (1 - expected) / n_blocks)
        assert_mc_close(share, expected, se, n_checks=31, label="arm by place")
        assert_mc_close(both, 5 / 10 * 4 / 9, np.sqrt(2 / 9 * 7 / 9 / n_blocks), n_checks=31, label="pair")

    if kind is InOrder:
        with pytest.raises(AssertionError):
            check()
    else:
        check()


@pytest.fixture(scope="module")
def course():
    """Trials look by look: nature, and the states before the first and after every look."""
    design = toy_design(assignment=PermutedBlocks(6))
    start = jax.jit(jax.vmap(lambda trial: open_trial(design, SCENARIO, jnp.asarray(5), trial)))
    nature, state = start(jnp.arange(12))
    step = eqx.filter_jit(jax.vmap(lambda n, s, k: hold_look(design, n, s, k)[0], in_axes=(0, 0, None)))
    states = [state]
    for look in range(design.looks.n_looks):
        states.append(step(nature, states[-1], jnp.asarray(look, jnp.int32)))
    nature = eqx.tree_at(lambda n: n.key, nature, None)
    return design, jax.tree.map(np.asarray, nature), [jax.tree.map(np.asarray, s) for s in states]


def cohorts(course):
    """Yield for each cohort the allocation in force, the arms, and the uniforms from its first number on."""
    design, nature, states = course
    for before, after in pairwise(states):
        for trial in range(before.settled.shape[0]):
            for s in range(len(design.subgroups)):
                entry, mine = nature.entry[trial], nature.subgroup[trial] == s
                new = mine & after.enrolled[trial] & (entry > before.settled[trial])
                number = (mine & (entry <= before.settled[trial])).sum()
                yield (
                    before.progress.allocation[trial, s],
                    after.arm[trial][new],
                    nature.shuffle[trial, s, number:],
                )


def test_arms_in_trials_are_those_of_plain_python_cohort_by_cohort(course):
    n_patients = 0
    for allocation, arms, uniforms in cohorts(course):
        blocks = range(0, len(arms), 6)
        expected = [arm for b in blocks for arm in block(allocation, uniforms[b : b + 6])]
        np.testing.assert_array_equal(arms, expected[: len(arms)])
        n_patients += len(arms)
    assert n_patients > 600


def test_every_full_block_is_balanced(course):
    allocations = {tuple(np.round(allocation, 6)) for allocation, *_ in cohorts(course)}
    assert len(allocations) > 5
    full = 0
    for allocation, arms, _ in cohorts(course):
        for b in range(0, len(arms) - 5, 6):
            counts = np.bincount(arms[b : b + 6], minlength=3)
            np.testing.assert_array_equal(counts, largest_remainder(allocation, 6))
            full += 1
    assert full > 50


def test_drivers_agree_with_blocks_and_an_arm_that_is_not_eligible_gets_nobody():
    inside = response_adaptive(weights=InformationWeights(), control=MatchedControl(), floor=0.1)
    design = toy_design(
        assignment=PermutedBlocks(6),
        allocation=AtLooksAllocation(inside=inside, due=[True, False, False]),
        eligible=np.array([[True, True], [False, True]]),
    )
    left = simulate(design, SCENARIO, seed=7, trials=np.arange(300), driver="scan")
    right = simulate(design, SCENARIO, seed=7, trials=np.arange(300))
    jax.tree.map(np.testing.assert_array_equal, left, right)
    patients = left.result.patients
    assert np.all(patients[:, 1, 1] == 0)
    assert patients[:, 1, 2].min() > 0 and patients[:, 0].min() > 0
    held = left.looks.held[:, 1]
    kept = left.looks.decision.allocation[held, 1] == left.looks.decision.allocation[held, 0]
    same = (left.looks.decision.status[held, 1] == left.looks.decision.status[held, 0]).all(axis=(1, 2))
    assert kept[same].all() and same.sum() > 20
