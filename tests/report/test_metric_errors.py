"""Every metric and its Monte Carlo error against plain NumPy and a bootstrap; planted errors are seen."""

import numpy as np
import pytest
from scipy import special

from adaptive.montecarlo import Z95
from adaptive.oc.load import load_results
from adaptive.oc.report_content import content_of, in_order
from adaptive.oc.source import Source
from tests.report import metric_cases, metric_cases_compared
from tests.report.metric_study import DESIGNS, PRIOR, N, write_study
from tests.statistics import assert_mc_close

CASES = metric_cases.CASES + metric_cases_compared.CASES
REPLICATES = 600
KURTOSIS = 0.06
"""Normal theory is given this relative error: the kurtosis of 800 normal numbers has a SD of 0.17."""


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    root = tmp_path_factory.mktemp("study")
    data = write_study(root)
    results = in_order(load_results([root]))
    return data, content_of(Source(results, dossier={"design_prior": PRIOR}))["tables"]


def row_of(tables, case):
    """Return the one row of a case."""
    frame = tables[case.table]
    where = {"scenario": "mixed", "design": "adaptive", "metric": case.metric} | case.where
    for column, value in where.items():
        frame = frame[(frame[column] == value).fillna(False)]
    assert len(frame) == 1, (case.table, where, len(frame))
    return frame.iloc[0]


def spread(data, value, seed=1):
    """Return the SD of a metric over trials drawn anew, whole virtual patient lists at a time."""
    rng = np.random.default_rng(seed)
    return np.std([value(data, rng.integers(0, N, N)) for _ in range(REPLICATES)], ddof=1)


def assert_estimate(found, data, value):
    np.testing.assert_allclose(found.estimate, value(data, np.arange(N)), rtol=1e-9, atol=1e-12)


def assert_error(mcse, bootstrap):
    """Compare standard errors; that of the bootstrap has a relative error of 1/sqrt(2 (B - 1))."""
    relative = 1 / np.sqrt(2 * (REPLICATES - 1))
    allowed = KURTOSIS * bootstrap
    assert_mc_close(mcse, bootstrap, relative * bootstrap, n_checks=len(CASES), allowance=allowed)


def assert_limits(lower, upper, mcse):
    """Compare the width of 95% limits with the standard error; Wilson's are a little wider than 2 x 1.96."""
    assert 0.99 < (upper - lower) / (2 * Z95 * mcse) < 1.08


def unpaired(data, single):
    """Return the standard error of a difference between designs whose trials are drawn apart."""
    each = [spread(data, lambda d, i, k=k: single(d, i, k)) for k in DESIGNS]
    return np.hypot(*each)


def names(case):
    return "-".join([case.table, case.metric, *(str(v) for v in case.where.values())])


@pytest.mark.parametrize("case", CASES, ids=names)
def test_estimate_and_error(study, case):
    data, tables = study
    found = row_of(tables, case)
    assert_estimate(found, data, case.value)
    bootstrap = spread(data, case.value)
    assert_error(found.mcse, bootstrap)
    assert found.n >= found.m >= 0 and found.n >= 200
    assert found.lower <= found.estimate <= found.upper
    if not str(found.level).startswith("p"):
        assert_limits(found.lower, found.upper, found.mcse)
        one_sided = float(special.ndtri(0.95)) / Z95
        with pytest.raises(AssertionError):
            assert_limits(one_sided * found.lower, one_sided * found.upper, found.mcse)
    with pytest.raises(AssertionError):
        assert_estimate(found, data, case.planted)
    # A missing root of n, a root too many, a variance counted twice, half the trials.
    for factor in (np.sqrt(N), 1 / np.sqrt(N), np.sqrt(2), 1 / np.sqrt(2)):
        with pytest.raises(AssertionError):
            assert_error(factor * found.mcse, bootstrap)
    if case.single is not None:
        with pytest.raises(AssertionError):
            assert_error(unpaired(data, case.single), bootstrap)


def test_every_metric_of_the_tables_has_a_case(study):
    _, tables = study
    printed = {(name, m) for name, frame in tables.items() if "mcse" in frame for m in frame.metric}
    made_elsewhere = {"convergence", "prior_predictive", "borrowing", "targets", "prior_distribution"}
    tested = {(case.table, case.metric) for case in CASES}
    missing = {pair for pair in printed if pair[0] not in made_elsewhere} - tested
    assert not missing, missing


def test_suppressed_numbers_are_missing_with_their_count(study):
    _, tables = study
    frame = tables["estimation"]
    few = frame[(frame.level != "overall") & (frame.m < 200)]
    assert len(few) and few.estimate.isna().all() and few.text.str.contains("m = ").all()
    rest = frame[~frame.index.isin(few.index) & (frame.metric != "relative_bias")]
    assert rest.estimate.notna().all() and rest.mcse.notna().all()
