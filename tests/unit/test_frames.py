"""The tables hold the arrays: every value at its trial, look, subgroup and arm, and nothing else."""

import time

import numpy as np
import pyarrow as pa
import pytest

from adaptive.codes import CellStatus, HealthCode, StopReason
from adaptive.errors import BadInput
from adaptive.io.frames import Labels, schemas, tables
from tests.results_toys import ARMS, SUBGROUPS, fake_looks, fake_result, record

MEASURES = (("p_below_1", 1.0), ("p_below_0.8", 0.8), ("p_below_1", 1.0))
OVERRUN = (
    "overrun_log_hr_mean",
    "overrun_log_hr_sd",
    "overrun_log_hr_lower",
    "overrun_log_hr_upper",
    "overrun_p_below_1",
)
LABELS = Labels(subgroups=SUBGROUPS, arms=ARMS, measures=MEASURES)


def _made(n=5, seed=3):
    rng = np.random.default_rng(seed)
    trials = np.array([7, 8, 11, 20, 21])[:n] if n <= 5 else np.arange(n)
    return trials, fake_result(rng, n), fake_looks(rng, n)


def _same(stored, value):
    return stored is None if not np.isfinite(value) else stored == value


def _naive_cells(trials, result):
    """Yield the expected rows one by one."""
    for r, trial in enumerate(trials):
        for s, subgroup in enumerate(SUBGROUPS):
            for a, arm in enumerate(ARMS):
                yield r, int(trial), s, subgroup, a, arm


def test_cells_equal_the_arrays_row_by_row():
    trials, result, _ = _made()
    rows = tables(LABELS, trials, result, None).cells.to_pylist()
    expected = list(_naive_cells(trials, result))
    assert len(rows) == len(expected)
    for row, (r, trial, s, subgroup, a, arm) in zip(rows, expected, strict=True):
        assert (row["trial"], row["subgroup"], row["arm"]) == (trial, subgroup, arm)
        for name in ("patients", "events", "exposure"):
            assert row[name] == getattr(result, name)[r, s, a]
        if a == 0:
            assert (row["status"], row["advice"]) == ("CONTROL", "NONE")
            missing = (
                "advised_look",
                "awaiting_look",
                "decided_look",
                "decided_month",
                "log_hr_mean",
                "log_hr_sd",
                "log_hr_lower",
                "log_hr_upper",
            )
            assert all(row[name] is None for name in missing)
            continue
        at = (r, s, a - 1)
        assert row["status"] == CellStatus(result.status[at]).name
        assert row["advice"] == ("NONE" if result.advice[at] == 0 else CellStatus(result.advice[at]).name)
        assert row["decided_look"] == result.decided_look[at]
        assert row["decided_month"] == result.decided_month[at]
        assert row["advised_look"] == (None if result.advised_look[at] < 0 else result.advised_look[at])
        for name in ("mean", "sd", "lower", "upper"):
            assert _same(row[f"log_hr_{name}"], getattr(result, name)[at])


def test_trials_equal_the_arrays_row_by_row():
    trials, result, _ = _made()
    for r, row in enumerate(tables(LABELS, trials, result, None).trials.to_pylist()):
        assert row["trial"] == trials[r]
        assert row["reason"] == StopReason(result.reason[r]).name
        assert row["patients"] == result.patients[r].sum()
        assert row["events"] == result.events[r].sum()
        assert row["arrivals_exhausted"] is bool(result.arrivals_exhausted[r])
        for name in ("looks_held", "last_look", "months", "accrual_months", "screened", "unhealthy_looks"):
            assert row[name] == getattr(result, name)[r]


def test_looks_hold_the_held_looks_only_in_order():
    trials, result, looks = _made()
    rows = iter(tables(LABELS, trials, result, looks).looks.to_pylist())
    for r, trial in enumerate(trials):
        for k in np.flatnonzero(looks.held[r]):
            for s, subgroup in enumerate(SUBGROUPS):
                for a, arm in enumerate(ARMS):
                    _check_look_row(next(rows), looks, r, k, s, a, (int(trial), int(k), subgroup, arm))
    assert next(rows, None) is None


def _check_look_row(row, looks, r, k, s, a, keys):
    evidence, decision = looks.evidence, looks.decision
    assert (row["trial"], row["look"], row["subgroup"], row["arm"]) == keys
    assert (row["month"], row["is_final"]) == (looks.time[r, k], bool(looks.is_final[r, k]))
    assert row["health"] == HealthCode(evidence.health.code[r, k]).name
    assert row["allocation"] == decision.allocation[r, k, s, a]
    for name in ("p_best", "patients", "events", "exposure"):
        assert row[name] == getattr(evidence, name)[r, k, s, a]
    if a == 0:
        assert row["status"] == "CONTROL" and row["verdict"] == row["advice"] == "NONE"
        assert row["p_below_1"] is None and row["p_below_0.8"] is None and row["log_hr_mean"] is None
        return
    at = (r, k, s, a - 1)
    assert row["p_below_1"] == evidence.statistics[r, k, 0, s, a - 1]
    assert row["p_below_0.8"] == evidence.statistics[r, k, 1, s, a - 1]
    for name in ("mean", "sd", "lower", "upper"):
        assert _same(row[f"log_hr_{name}"], getattr(evidence, name)[at])
    assert row["status"] == CellStatus(decision.status[at]).name
    for name in ("verdict", "advice"):
        code = getattr(decision, name)[at]
        assert row[name] == (CellStatus(code).name if code else "NONE")


def test_one_trial_by_hand():
    """One trial of one subgroup and two arms, written out."""
    rng = np.random.default_rng(0)
    result = fake_result(rng, 1)
    fields = {name: getattr(result, name) for name in result.__dataclass_fields__}
    cell = {"status": CellStatus.EFFICACY, "decided_look": 1, "decided_month": 18.5, "advice": 3}
    cell |= {"advised_look": 0, "awaiting_look": -1, "mean": -0.5, "sd": 0.2, "lower": -0.9, "upper": -0.1}
    fields |= {name: np.full((1, 1, 1), value) for name, value in cell.items()}
    fields |= {"patients": np.array([[[40, 38]]]), "events": np.array([[[12.0, 7.0]]])}
    fields |= {"exposure": np.array([[[300.5, 340.25]]]), "reason": np.array([2])}
    made = tables(
        Labels(("all",), ("placebo", "drug"), (("p_below_1", 1.0),)),
        np.array([4711]),
        record(type(result), **fields),
        None,
    )
    assert made.cells.to_pydict() == {
        "trial": [4711, 4711],
        "subgroup": ["all", "all"],
        "arm": ["placebo", "drug"],
        "patients": [40, 38],
        "events": [12, 7],
        "exposure": [300.5, 340.25],
        "status": ["CONTROL", "EFFICACY"],
        "decided_look": [None, 1],
        "decided_month": [None, 18.5],
        "advice": ["NONE", "FUTILITY"],
        "advised_look": [None, 0],
        "awaiting_look": [None, None],
        "log_hr_mean": [None, -0.5],
        "log_hr_sd": [None, 0.2],
        "log_hr_lower": [None, -0.9],
        "log_hr_upper": [None, -0.1],
        **{name: [None, None] for name in OVERRUN},
    }
    assert made.trials["patients"].to_pylist() == [78] and made.trials["events"].to_pylist() == [19]
    assert made.trials["reason"].to_pylist() == ["EFFICACY"]
    assert made.looks is None


def test_a_cell_never_decided_has_nulls_and_no_nan():
    trials, result, looks = _made()
    result.mean[0], result.decided_month[0], result.decided_look[0] = np.nan, np.nan, -1
    rows = tables(LABELS, trials, result, looks).cells.slice(0, len(SUBGROUPS) * len(ARMS)).to_pylist()
    assert all(row[n] is None for row in rows for n in ("log_hr_mean", "decided_month", "decided_look"))


def test_no_look_held_gives_a_typed_table_without_rows():
    trials, result, looks = _made()
    looks.held[:] = False
    table = tables(LABELS, trials, result, looks).looks
    assert table.num_rows == 0
    assert table.schema.equals(schemas(LABELS)["looks"], check_metadata=True)


def test_float32_records_give_the_same_schema_and_exact_values():
    trials, result, _ = _made()
    fields = {name: getattr(result, name) for name in result.__dataclass_fields__}
    single = {
        n: v.astype(np.float32) if v is not None and v.dtype == np.float64 else v for n, v in fields.items()
    }
    table = tables(LABELS, trials, record(type(result), **single), None).cells
    assert table.schema.equals(schemas(LABELS)["cells"], check_metadata=True)
    stored = np.array([x for x in table["log_hr_mean"].to_pylist() if x is not None])
    np.testing.assert_array_equal(stored, single["mean"].ravel().astype(float))


def test_units_stand_in_the_field_metadata():
    kinds = schemas(LABELS)
    assert kinds["cells"].field("exposure").metadata == {b"unit": b"person-months"}
    assert kinds["looks"].field("month").metadata == {b"unit": b"months"}
    assert kinds["looks"].field("p_below_0.8").metadata == {b"unit": b"probability"}
    assert pa.types.is_dictionary(kinds["trials"].field("reason").type)


def test_margins_that_print_alike_but_differ_are_refused():
    with pytest.raises(BadInput, match="six significant digits"):
        Labels(SUBGROUPS, ARMS, (("p_below_0.8", 0.8), ("p_below_0.8", 0.80000001))).measure_columns()


def test_planted_bug_a_transposed_reshape_would_be_seen():
    """Rows in arm-major order differ from the contract's order on these records."""
    trials, result, _ = _made()
    good = tables(LABELS, trials, result, None).cells["exposure"].to_numpy()
    bugged = np.swapaxes(result.exposure, 1, 2).ravel()
    assert not np.array_equal(good, bugged)


def test_ten_thousand_trials_take_about_a_second():
    """10,000 trials, 3 looks, 6 cells here; the bound is loose because test machines are shared."""
    trials, result, looks = _made(10_000)
    start = time.perf_counter()
    tables(LABELS, trials, result, looks)
    assert time.perf_counter() - start < 5.0
