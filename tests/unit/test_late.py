"""Waiting for the final look and the overrun, on arrays whose answers are known."""

from pathlib import Path

import numpy as np

from adaptive.codes import CellStatus
from adaptive.oc.late import late
from adaptive.oc.load import CellResult, Truth

N = 1000


def result(*, lags: bool, waits: bool):
    """A thousand trials: 400 claim, 100 of them waited; the overrun adds 0.05 to each estimate."""
    claimed = np.arange(N)[:, None, None] < 400
    mean = np.full((N, 1, 1), -0.5)
    upper = np.where(np.arange(N)[:, None, None] < 300, -0.1, 0.1)
    nothing = np.full((N, 1, 1), np.nan)
    overrun = {
        "overrun_log_hr_mean": mean + 0.05,
        "overrun_log_hr_upper": upper,
        "overrun_p_below_1": np.full((N, 1, 1), 0.97),
    }
    counts = np.zeros((N, 1, 2))
    empty = np.zeros((N, 1, 1), int)
    return CellResult(
        path=Path(),
        manifest={"design": {"subgroups": ["all"], "arms": ["control", "drug"]}},
        config={},
        config_text="",
        truth=Truth(np.zeros((1, 1)), np.ones((1, 1), bool), {}),
        trials={"trial": np.arange(N)},
        patients=counts.astype(int),
        events=counts,
        exposure=counts,
        decided_look=empty,
        advice=empty,
        advised_look=empty,
        status=np.where(claimed, int(CellStatus.EFFICACY), int(CellStatus.COMPLETED)),
        awaiting_look=np.where(np.arange(N)[:, None, None] < 100 * waits, 1, -1),
        estimates={"log_hr_mean": mean},
        overrun=overrun if lags else {name: nothing for name in overrun},
    )


def test_numbers_by_hand():
    rows = {each["metric"]: each for each in late(result(lags=True, waits=True))}
    assert (rows["awaited"]["estimate"], rows["awaited"]["n"]) == (0.1, N)
    np.testing.assert_allclose(rows["overrun_shift"]["estimate"], 0.05)
    np.testing.assert_allclose(rows["overrun_p_benefit"]["estimate"], 0.97)
    assert (rows["overrun_upheld"]["estimate"], rows["overrun_upheld"]["m"]) == (0.75, 400)


def test_a_design_without_lags_and_waiting_has_no_rows():
    assert late(result(lags=False, waits=False)) == []
