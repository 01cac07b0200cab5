"""What every look plan promises, and its trigger just before, at and after the thing it waits for."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adaptive.config.schema import SCHEMAS
from adaptive.design.looks import (
    AbstractLookPlan,
    AllOf,
    AnyOf,
    CalendarLooks,
    EnrolledLooks,
    EventLooks,
    FollowUpLook,
    Spaced,
    Then,
    TrialClock,
)
from adaptive.simulate.step import Nature, observe
from tests.strategy_examples import LOOKS, clock

INF = np.inf
TEN = clock(
    entry=[0, 1, 2, 3, 4, 5, 6, 7, 8, INF],
    event=[9, INF, 5, INF, 7, INF, INF, 20, 8.5, INF],
    subgroup=[0, 0, 0, 0, 0, 1, 1, 1, 1, 1],
)
"""Nine patients and an arrival who was not randomised; events at 5, 7, 8.5, 9 and 20."""


@pytest.fixture(params=LOOKS, name="plan")
def each_plan(request):
    return LOOKS[request.param]


def time(plan, look: int, seen: TrialClock = TEN) -> float:
    return float(plan.time(seen, jnp.asarray(look, jnp.int32)))


def test_every_registered_plan_is_examined():
    assert set(LOOKS) == set(SCHEMAS["looks"])
    assert {type(plan) for plan in LOOKS.values()} == set(AbstractLookPlan.__subclasses__())


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (EnrolledLooks(counts=[1, 4, 9, 10], delay=[0.0] * 4), [0, 3, 8, INF]),
        (EnrolledLooks(counts=[4, 9], delay=[1.5, 0.25]), [4.5, 8.25]),
        (EventLooks(counts=[1, 2, 3, 4, 5, 6]), [5, 7, 8.5, 9, 20, INF]),
        (EventLooks(counts=[1, 2, 3], subgroup=1), [8.5, 20, INF]),
        (EventLooks(counts=[1, 3, 4], subgroup=0), [5, 9, INF]),
        (CalendarLooks(months=[6.0, 12.0]), [6, 12]),
        (FollowUpLook(months=12.0), [20]),
        (AllOf(parts=(EventLooks(counts=[1, 5]), CalendarLooks(months=[6.0, 12.0]))), [6, 20]),
        (AnyOf(parts=(EventLooks(counts=[1, 5]), CalendarLooks(months=[6.0, 12.0]))), [5, 12]),
        (AllOf(parts=(EventLooks(counts=[6]), CalendarLooks(months=[6.0]))), [INF]),
        (Then(first=EventLooks(counts=[1, 2]), last=FollowUpLook(months=1.0)), [5, 7, 9]),
    ],
)
def test_times_by_hand(plan, expected):
    assert [time(plan, look) for look in range(plan.n_looks)] == expected


def test_jit_equals_eager_and_vmap_equals_loop(plan):
    looks = jnp.arange(plan.n_looks, dtype=jnp.int32)
    eager = [time(plan, look) for look in range(plan.n_looks)]
    assert [float(eqx.filter_jit(plan.time)(TEN, look)) for look in looks] == eager
    np.testing.assert_array_equal(jax.vmap(lambda look: plan.time(TEN, look))(looks), eager)


def test_a_sweep_over_numbers_compiles_once(plan):
    traces = []

    @eqx.filter_jit
    def run(strategy):
        traces.append(1)
        return strategy.time(TEN, jnp.asarray(0, jnp.int32))

    arrays, static = eqx.partition(plan, eqx.is_array)
    for step in range(4):
        run(eqx.combine(jax.tree.map(lambda leaf, s=step: leaf + s, arrays), static))
    assert len(traces) == 1


def test_a_look_depends_only_on_what_precedes_it(plan):
    """Move everything that happens after the look, or let it never happen: the look stays where it is."""
    if isinstance(plan, FollowUpLook | Then):
        plan = CalendarLooks(months=[6.0]) if isinstance(plan, FollowUpLook) else plan.first
    for look in range(plan.n_looks):
        at = time(plan, look)
        for later in (INF, at + 3.0):
            moved = clock(
                entry=jnp.where(TEN.entry > at, later, TEN.entry),
                event=jnp.where(TEN.event > at, later, TEN.event),
                subgroup=TEN.subgroup,
            )
            assert time(plan, look, moved) == at


def test_patients_after_the_delay_do_not_move_the_look():
    plan = EnrolledLooks(counts=[4], delay=[1.5])
    crowded = clock(entry=[0, 1, 2, 3, 3.1, 3.2, 4.4, 9], event=[INF] * 8)
    assert time(plan, 0, crowded) == 4.5


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_the_triggering_event_is_in_the_data(dtype):
    """Exactly the planned number of events at the look, one fewer just before it, whatever the rounding."""
    generator = np.random.default_rng(5)
    n, trials, planned = 60, 200, 25
    entry = jnp.asarray(np.sort(generator.uniform(0, 20, (trials, n)), axis=1), dtype)
    outcome = jnp.asarray(generator.exponential(12.0, (trials, n)), dtype)
    plan = EventLooks(counts=[planned])

    @jax.jit
    @jax.vmap
    def count(entry, outcome):
        nature = Nature(
            key=jax.random.key(0),
            entry=entry,
            subgroup=jnp.zeros(n, jnp.int32),
            position=jnp.arange(1, n + 1, dtype=jnp.int32)[None],
            time=jnp.stack([outcome, outcome + 1]),
            event=jnp.ones((2, n), bool),
            assignment=jnp.zeros(n, jnp.float32),
        )
        events = TrialClock(
            entry, entry + outcome, nature.subgroup, nature.position[0], jnp.zeros((), entry.dtype)
        )
        at = plan.time(events, jnp.asarray(0, jnp.int32))
        before, after = jnp.nextafter(at, -jnp.inf), jnp.nextafter(at, jnp.inf)
        arm = jnp.zeros(n, jnp.int32)
        return jnp.stack(
            [observe(nature, jnp.ones(n, bool), arm, t).event.sum() for t in (before, at, after)]
        )

    counts = np.asarray(count(entry, outcome))
    assert np.all(counts[:, 0] < planned)
    # Two events may fall on one float32 number; then the look has both.
    calendar = np.sort(np.asarray(entry + outcome), axis=1)
    single = calendar[:, planned - 1] < calendar[:, planned]
    assert single.mean() > 0.95
    np.testing.assert_array_equal(counts[single, 1], planned)
    assert np.all(counts[:, 2] >= counts[:, 1])


@pytest.mark.parametrize(
    ("previous", "look", "expected"),
    [
        # Events 1, 2 and 3 happen in months 5, 7 and 8.5; a look is held 3 to 9 months after the last one.
        (0.0, 0, 5.0),
        (5.0, 1, 8.0),
        (2.5, 2, 8.5),
        (0.0, 2, 8.5),
        (20.0, 2, 23.0),
    ],
)
def test_gaps_move_a_look_and_never_skip_it(previous, look, expected):
    plan = Spaced(EventLooks(counts=[1, 2, 3]), min_gap=3.0, max_gap=9.0)
    seen = eqx.tree_at(lambda c: c.previous, TEN, jnp.asarray(previous))
    assert time(plan, look, seen) == expected


def test_an_overdue_look_is_held_at_the_largest_gap():
    plan = Spaced(EventLooks(counts=[1, 20]), min_gap=0.0, max_gap=9.0)
    seen = eqx.tree_at(lambda c: c.previous, TEN, jnp.asarray(5.0))
    assert time(plan, 1, seen) == 14.0
