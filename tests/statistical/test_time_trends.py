"""Under drift the unadjusted analysis of an adaptive trial errs, and the adjusted one does not."""

import importlib.util
import sys
from functools import cache
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from adaptive.codes import CellStatus
from adaptive.models import Drifting, NoPooling
from adaptive.models.likelihood import marginal_log_likelihood
from adaptive.records import EventTable
from adaptive.simulate.drivers import simulate
from tests.posterior_cases import as_table
from tests.statistics import assert_mc_close

pytestmark = pytest.mark.statistical
FILE = Path(__file__).parents[2] / "benchmarks" / "drift_trial.py"
N = 4096


@cache
def trial():
    """The benchmark's design and scenario."""
    spec = importlib.util.spec_from_file_location("drift_trial", FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@cache
def claims(analysis, factor):
    design, scenario = trial().design(True, analysis), trial().scenario(factor)
    result = simulate(design, scenario, seed=5, trials=np.arange(N)).result
    assert (result.unhealthy_looks == 0).all()
    return (result.status[:, 0, 0] == CellStatus.EFFICACY).astype(float)


def assert_drift_does_not_matter(analysis):
    """The patients are the same with and without drift, so the difference of error rates is paired."""
    change = claims(analysis, 0.25) - claims(analysis, 1.0)
    return assert_mc_close(change.mean(), 0.0, change.std() / N**0.5, label=analysis)


def test_strata_repair_the_type_one_error_that_drift_inflates():
    assert assert_drift_does_not_matter("stratified") < 0.03
    with pytest.raises(AssertionError):
        assert_drift_does_not_matter("plain")
    assert claims("plain", 0.25).mean() > 4 * claims("stratified", 0.25).mean()
    rate = claims("stratified", 1.0)
    assert_mc_close(rate.mean(), 0.025, rate.std() / N**0.5, allowance=0.01)


def test_strata_leave_out_the_controls_of_before_and_a_walk_discounts_them():
    """A period with control alone: nothing of it counts in strata, some in a walk, all of it pooled."""
    events = np.array([[30.0, 24.0, 9.0, 8.0], [0.0, 0.0, 8.0, 7.0]])[None]
    months = np.array([[200.0, 200.0, 160.0, 160.0], [0.0, 0.0, 160.0, 160.0]])[None]
    fewer = events * np.array([0.5, 0.5, 1.0, 1.0])
    base = NoPooling(1.0, 0.5, 0.1, 1.0)

    def weight(rows):
        """How much the earlier controls' events change the support for a ratio of one half."""
        value = lambda data: marginal_log_likelihood(  # noqa: E731
            jnp.log(jnp.full((1, 1), 0.5)),
            rows(as_table(data, months)),
            base.baseline_shape,
            base.baseline_rate,
        )
        return float(value(events) - value(fewer))

    walks = [weight(Drifting(base, omega, 4).rows) for omega in (0.01, 0.2, 0.6, 0.9, 1.0)]
    assert abs(weight(lambda table: table)) < 1e-12
    assert walks[0] < 0.05 * walks[-1] and (np.diff(walks) > 0).all()
    pooled = lambda x: x.sum(axis=2, keepdims=True)  # noqa: E731
    everyone = weight(lambda table: EventTable(pooled(table.events), pooled(table.exposure)))
    np.testing.assert_allclose(walks[-1], everyone, rtol=1e-10)
