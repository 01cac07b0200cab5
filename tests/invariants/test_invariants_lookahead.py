"""Nothing after a look can change what the look sees or decides."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adaptive.simulate import step
from tests.toy import toy_design, toy_scenario

DESIGN = toy_design()
SCENARIO = toy_scenario(((-0.4, 0.2), (0.0, -0.3)))


OPEN = eqx.filter_jit(step.open_trial)


def run_until(nature, state, n_looks, hold):
    records = []
    for look in range(n_looks):
        state, record = hold(nature, state, jnp.asarray(look, jnp.int32))
        records.append(record)
    return records


def with_another_future(nature, month, key):
    """Change every outcome and arrival that lies after ``month``, keeping it after ``month``."""
    later = nature.entry > month
    unseen = nature.entry[None, :] + nature.time > month
    stretch = jax.random.uniform(key, nature.time.shape, minval=0.3, maxval=3.0)
    seen_for = jnp.maximum(month - nature.entry, 0.0)[None, :]
    time = jnp.where(unseen, seen_for + (nature.time - seen_for) * stretch, nature.time)
    event = jnp.where(unseen, ~nature.event, nature.event)
    entry = jnp.where(later, month + 0.5 * (nature.entry - month), nature.entry)
    return eqx.tree_at(lambda n: (n.entry, n.time, n.event), nature, (entry, time, event))


def differing_looks(trials):
    """Count held looks whose record changes when only what follows the look is changed."""
    hold = eqx.filter_jit(lambda nature, state, look: step.hold_look(DESIGN, nature, state, look))
    changed = 0
    for trial in range(trials):
        nature, state = OPEN(DESIGN, SCENARIO, jnp.uint32(3), jnp.uint32(trial))
        original = run_until(nature, state, 2, hold)
        for look, record in enumerate(original):
            if not bool(record.held):
                continue
            other = with_another_future(nature, record.time, jax.random.key(trial))
            again = run_until(other, state, look + 1, hold)[look]
            same = jax.tree.map(lambda a, b: np.array_equal(a, b, equal_nan=True), record, again)
            changed += not all(jax.tree.leaves(same))
    return changed


def test_the_future_does_not_reach_a_look():
    assert differing_looks(8) == 0


def test_one_month_of_look_ahead_is_noticed(monkeypatch):
    honest = step.observe
    monkeypatch.setattr(step, "observe", lambda n, enrolled, arm, time: honest(n, enrolled, arm, time + 1.0))
    assert differing_looks(3) > 0


@pytest.mark.parametrize("offset, seen", [(-1e-9, 0), (0.0, 1), (1e-9, 1)])
def test_an_event_counts_from_its_own_moment(offset, seen):
    nature, _ = OPEN(DESIGN, SCENARIO, jnp.uint32(3), jnp.uint32(0))
    arm = jnp.zeros(nature.entry.shape, jnp.int32)
    first = int(np.argmax(np.asarray(nature.event[0])))
    only = jnp.arange(nature.entry.shape[0]) == first
    moment = nature.entry[first] + nature.time[0, first]
    assert int(step.observe(nature, only, arm, moment + offset).event.sum()) == seen
