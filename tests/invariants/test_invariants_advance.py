"""One function carries a decision into the progress: simulator, replay and interim command share it."""

import jax.numpy as jnp
import numpy as np
import pytest

from adaptive.codes import CellStatus
from adaptive.design import decide
from adaptive.interim import monitor, state
from adaptive.oc import examples_course
from adaptive.records import Decision
from adaptive.simulate import step
from tests.toy import toy_design

OPEN, EFFICACY, FUTILITY = int(CellStatus.OPEN), int(CellStatus.EFFICACY), int(CellStatus.FUTILITY)


def table(rows):
    return jnp.asarray(rows, jnp.int32)


def decision(status, verdict, advice):
    share = jnp.full((2, 3), 1 / 3)
    return Decision(table(status), table(verdict), table(advice), share, jnp.asarray(0, jnp.int32))


@pytest.mark.parametrize("module", [step, examples_course, monitor])
def test_every_user_has_the_one_function(module):
    assert module.advance is decide.advance


def test_the_interim_clock_is_the_simulators():
    start = decide.initial_progress(toy_design())
    ours, theirs = state.at_look(start, 3, 3, 21.5), decide.at_look(start, 2, 21.5, True)
    for name in ("look", "time", "is_final"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert (int(ours.look), float(ours.time), bool(ours.is_final)) == (2, 21.5, True)


def test_a_decision_is_carried_by_hand():
    start = decide.at_look(decide.initial_progress(toy_design()), 0, 7.0, False)
    first = decision([[EFFICACY, OPEN], [OPEN, OPEN]], [[EFFICACY, 0], [0, 0]], [[0, FUTILITY], [0, 0]])
    one = decide.at_look(decide.advance(start, first), 1, 9.0, False)
    second = decision(
        [[EFFICACY, FUTILITY], [OPEN, OPEN]], [[0, FUTILITY], [0, 0]], [[0, EFFICACY], [FUTILITY, 0]]
    )
    two = decide.advance(one, second)
    np.testing.assert_array_equal(two.status, second.status)
    np.testing.assert_array_equal(two.decided_look, [[0, 1], [-1, -1]])
    np.testing.assert_array_equal(two.advice, [[0, FUTILITY], [FUTILITY, 0]])
    assert (int(two.look), float(two.time)) == (1, 9.0)
