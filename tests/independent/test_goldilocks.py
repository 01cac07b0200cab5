"""Check C3: the two-arm vignette of the R package goldilocks under both decision rules.

Against an independent NumPy implementation (1,000 trials each) and, for the rule on the exact bound, the
package's stored results (500 trials). benchmarks/goldilocks.py does the same with more trials and all cells.
"""

import numpy as np
import pytest

from adaptive.codes import CellStatus
from adaptive.config.build import build_design, build_scenario
from adaptive.config.compose import compose_one
from adaptive.simulate.drivers import simulate
from tests.statistics import assert_mc_close

N = 256
SIZES = np.arange(100, 301, 25)
NUMPY = {
    ("goldilocks", "benefit"): (0.926, 0.896, 0.033, 172.6, 56.0),
    ("goldilocks", "null"): (0.070, 0.060, 0.847, 209.0, 47.5),
    ("goldilocks_bound", "null"): (0.068, 0.047, 0.786, 234.0, 43.2),
}
"""Success, stop for success, stop for futility, mean and SD of the number of patients, confidence 0.95."""
STORED = (0.062, 0.044, 0.754, 236.6, 43.9)
"""The same, stored by the package: no effect, rule on the exact bound."""
STORED_SIZES = np.array([0.016, 0.006, 0.100, 0.210, 0.220, 0.142, 0.104, 0.202])


@pytest.fixture(scope="module")
def results():
    """Trials of each cell; a scenario only changes numbers, so that two programs serve all."""
    found = {}
    for design, truth in NUMPY:
        values = compose_one("config", [f"design={design}", f"scenario=goldilocks_{truth}"])
        built = build_design(values), build_scenario(values)
        found[design, truth] = simulate(*built, seed=3, trials=np.arange(N)).result
    return found


def columns(result) -> np.ndarray:
    status, n = result.status[:, 0, 0], result.patients.sum(axis=(1, 2))
    waited = result.awaiting_look[:, 0, 0] >= 0
    return np.array(
        [
            np.mean(status == CellStatus.EFFICACY),
            waited.mean(),
            np.mean(status == CellStatus.FUTILITY),
            n.mean(),
        ]
    )


def compare(ours, theirs, n_theirs, n_checks):
    """Compare the four columns; errors of both sides."""
    p = np.array(theirs[:3])
    spread = np.append(np.sqrt(p * (1 - p)), theirs[4])
    assert_mc_close(ours, np.array(theirs[:4]), spread * np.sqrt(1 / N + 1 / n_theirs), n_checks=n_checks)


@pytest.mark.parametrize("cell", NUMPY)
def test_characteristics_are_those_of_the_independent_program(results, cell):
    compare(columns(results[cell]), NUMPY[cell], 1000, 4 * len(NUMPY))


def test_the_rule_on_the_bound_gives_the_stored_results(results):
    result = results["goldilocks_bound", "null"]
    compare(columns(result), STORED, 500, 12)
    n = result.patients.sum(axis=(1, 2))
    shares = np.array([np.mean(n == size) for size in SIZES[1:]])
    se = np.sqrt(np.maximum(STORED_SIZES * (1 - STORED_SIZES), 0.01) * (1 / N + 1 / 500))
    assert_mc_close(shares, STORED_SIZES, se, n_checks=12)


def test_the_two_rules_are_told_apart(results):
    """Lesson L1: the stored table belongs to the rule on the bound; the other rule fails against it."""
    with pytest.raises(AssertionError):
        compare(columns(results["goldilocks", "null"]), STORED, 500, 12)


def test_no_trial_stops_at_its_first_look(results):
    """With a third of the information and Z = 0 the largest futility value is 0.166, above 0.10."""
    for result in results.values():
        assert np.isin(result.patients.sum(axis=(1, 2)), SIZES[1:]).all()


def test_a_trial_that_awaits_its_final_look_enrols_nobody_more(results):
    result = results["goldilocks", "benefit"]
    waited = result.awaiting_look[:, 0, 0]
    n = result.patients.sum(axis=(1, 2))
    np.testing.assert_array_equal(n[waited >= 0], SIZES[waited[waited >= 0]])
    np.testing.assert_allclose(
        result.months - result.accrual_months,
        np.where(result.status[:, 0, 0] == CellStatus.FUTILITY, 0.0, 12.0),
        atol=1e-9,
    )
