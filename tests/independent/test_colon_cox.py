"""Our log hazard ratios on the colon-cancer data against R's survival package.

Why they should agree. With one interval per distinct event time, and censored times moved back to the event
time before, the profile likelihood of the piecewise-exponential model *is* Cox's partial likelihood with
Breslow's ties (Breslow 1974), so maximum-likelihood estimates must agree to rounding. The model itself has
few intervals and a prior; what that changes must stay within 0.1 standard errors: bias from a baseline that
varies within an interval is of second order (the arm mix of the risk set must change within it), Efron and
Breslow differ by 0.005 SE, a N(0, 10) prior moves an estimate by SE^2 / 100 of itself, and the posterior mean
differs from the mode by the skewness, of order SE^2 / 2 = 0.015 on estimates with SE 0.14 to 0.19.
"""

import json

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import lifelines
import numpy as np
import pytest

from adaptive.data import tabulate
from adaptive.interim.raw import raw_log_hr
from adaptive.io.columns import DAYS_PER_MONTH
from adaptive.io.patients import read_patients, snapshot_at
from adaptive.models.pooling import NoPooling
from adaptive.posterior.laplace import LaplaceEngine
from adaptive.records import EventTable
from adaptive.report.survival_figures import at_risk, kaplan_meier, survival_at
from tests.colon_example import ARMS, COLUMNS, FOLDER, PATIENTS, SUBGROUPS, design

REFERENCE = json.loads((FOLDER / "cox.json").read_text())
TOLERANCE_IN_SE = 0.1


def reference(ties, what):
    return np.array([row[what] for row in REFERENCE[ties]])


@pytest.fixture(scope="module")
def snapshot():
    data = read_patients(PATIENTS, COLUMNS, ARMS, SUBGROUPS)
    return snapshot_at(data, 1e6, ARMS, SUBGROUPS)


@pytest.fixture(scope="module")
def model_log_hr(snapshot):
    """Posterior means without pooling, from a table; compiled once."""
    study = design(NoPooling(10.0, 0.5, 0.001, 0.001), cuts=np.arange(0.0, 61.0, 3.0))
    fit = eqx.filter_jit(LaplaceEngine().fit)

    def means(table: EventTable) -> np.ndarray:
        return np.asarray(fit(jr.key(0), study.analysis.model, table).moments()[0])

    table = tabulate(snapshot, study.analysis.cuts, 2, 3)
    return means, table


def per_event_time(snapshot):
    """Return cuts at every event time, and the snapshot with censored times moved back to the cut before."""
    cuts = jnp.concatenate([jnp.zeros(1), jnp.unique(snapshot.time[snapshot.event])])
    before = cuts[jnp.searchsorted(cuts, snapshot.time, side="right") - 1]
    return cuts, eqx.tree_at(lambda s: s.time, snapshot, jnp.where(snapshot.event, snapshot.time, before))


def test_maximum_likelihood_is_cox_with_an_interval_per_event_time(snapshot):
    cuts, moved = per_event_time(snapshot)
    estimate, error = raw_log_hr(tabulate(moved, cuts, 2, 3))
    np.testing.assert_allclose(estimate, reference("breslow", "log_hr"), atol=1e-8)
    np.testing.assert_allclose(error, reference("breslow", "se"), rtol=1e-7)


def test_interval_convention_matters_at_that_precision(snapshot):
    # Planted bug: intervals closed on the left, so an event at a cut belongs to the next one.
    cuts, moved = per_event_time(snapshot)
    shifted = eqx.tree_at(lambda s: s.time, moved, jnp.where(moved.event, moved.time + 1e-3, moved.time))
    estimate, _ = raw_log_hr(tabulate(shifted, cuts, 2, 3))
    assert np.abs(estimate - reference("breslow", "log_hr")).max() > 1e-4


def gap_in_se(found):
    return np.abs(found - reference("efron", "log_hr")) / reference("efron", "se")


def test_model_without_pooling_agrees_with_cox(model_log_hr):
    means, table = model_log_hr
    assert gap_in_se(means(table)).max() < TOLERANCE_IN_SE


def test_swapped_arms_are_detected(model_log_hr):
    means, table = model_log_hr
    swapped = EventTable(
        events=table.events[:, jnp.array([0, 2, 1])], exposure=table.exposure[:, jnp.array([0, 2, 1])]
    )
    assert gap_in_se(means(swapped)).max() > TOLERANCE_IN_SE


@pytest.mark.parametrize("arm", [0, 1, 2])
def test_ten_per_cent_exposure_error_in_one_arm_is_detected(model_log_hr, arm):
    means, table = model_log_hr
    wrong = EventTable(events=table.events, exposure=table.exposure.at[:, arm].multiply(1.1))
    assert gap_in_se(means(wrong)).max() > 3 * TOLERANCE_IN_SE


def test_published_effects(snapshot):
    # Moertel et al. 1995: recurrence reduced by 40% with Lev+5FU and by 2% with Lev, all 929 patients.
    everyone = eqx.tree_at(lambda s: s.subgroup, snapshot, jnp.zeros_like(snapshot.subgroup))
    estimate, _ = raw_log_hr(tabulate(everyone, jnp.arange(0.0, 61.0, 3.0), 1, 3))
    assert np.round(np.exp(estimate[0]), 2).tolist() == [0.98, 0.60]


def test_kaplan_meier_agrees_with_r(snapshot):
    months = REFERENCE["km_months"]
    for s in range(2):
        for a in range(3):
            mine = np.asarray((snapshot.subgroup == s) & (snapshot.arm == a))
            time, event = np.asarray(snapshot.time)[mine], np.asarray(snapshot.event)[mine]
            expected = REFERENCE["km"][s][a]
            np.testing.assert_allclose(survival_at(time, event, months), expected["survival"], rtol=1e-12)
            assert at_risk(time, months).tolist() == expected["at_risk"]


def test_kaplan_meier_agrees_with_lifelines(snapshot):
    mine = np.asarray((snapshot.subgroup == 0) & (snapshot.arm == 2))
    time, event = np.asarray(snapshot.time)[mine], np.asarray(snapshot.event)[mine]
    curve = lifelines.KaplanMeierFitter().fit(time, event)
    at, survival = kaplan_meier(time, event)
    np.testing.assert_allclose(survival, curve.survival_function_at_times(at).to_numpy(), rtol=1e-12)


def test_patients_file_is_the_recurrence_record(snapshot):
    months = REFERENCE["km_months"]
    assert int(snapshot.event.sum()) == 468 and snapshot.time.shape == (929,)
    assert float(snapshot.time.max()) == 3329 / DAYS_PER_MONTH and months[0] == 12
