"""Accrual and events over calendar time, by hand."""

import numpy as np

from adaptive.oc.course import interpolated

GRID = np.array([0.0, 3.0, 6.0, 9.0, 12.0, 20.0])


def test_a_trial_is_joined_through_the_looks_it_held_and_level_after():
    held = np.array([[True, True], [True, False], [False, True]])
    month = np.array([[6.0, 12.0], [6.0, 0.0], [0.0, 12.0]])
    values = np.array([[10.0, 40.0], [10.0, 0.0], [0.0, 40.0]])
    expected = [[0, 5, 10, 25, 40, 40], [0, 5, 10, 10, 10, 10], [0, 10, 20, 30, 40, 40]]
    np.testing.assert_allclose(interpolated(held, month, values, GRID), expected)


def test_looks_after_the_last_randomisation_add_nothing():
    """Two looks put at one month, as those after the end of accrual are, leave the course as with one."""
    held, values = np.array([[True, True]]), np.array([[30.0, 30.0]])
    found = interpolated(held, np.array([[6.0, 6.0]]), values, GRID)
    np.testing.assert_allclose(found, [[0, 15, 30, 30, 30, 30]])
    # Planted error: the later look in its own month spreads accrual beyond its end.
    late = interpolated(np.array([[False, True]]), np.array([[0.0, 12.0]]), values, GRID)
    assert late[0, 2] == 15.0
