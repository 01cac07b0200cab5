"""The audit finds an engine that is off by 0.02, by as much as it is, and passes its unbiased twin."""

import numpy as np
import pytest
from scipy.special import logit
from scipy.stats import norm

from adaptive.oc.audit import AuditRequest, behind, choose, examine
from adaptive.oc.audit_change import LOOK, decisions
from adaptive.oc.audit_fit import Fitting
from adaptive.oc.audit_judge import BEST
from adaptive.oc.audit_summary import summarise
from tests.audit_example import SHIFT, ShiftedEngine, ToySampler, stored
from tests.statistics import assert_mc_close
from tests.toy import ToyEngine

pytestmark = [pytest.mark.statistical, pytest.mark.slow]
REQUEST = AuditRequest(n_random=300, n_near=100, seed=5, progress=False)
FITTING = Fitting(ToySampler(draws=1000), seed=5, block=64, workers=2)


def audited(cell):
    chosen = choose([cell], REQUEST)
    table = examine([cell], chosen, FITTING, progress=False)
    return table, summarise(table, behind(chosen))


@pytest.fixture(scope="module")
def fair(tmp_path_factory):
    return audited(stored(tmp_path_factory.mktemp("fair"), ToyEngine()))


@pytest.fixture(scope="module")
def biased(tmp_path_factory):
    return audited(stored(tmp_path_factory.mktemp("biased"), ShiftedEngine()))


def row(summary, table, **wanted):
    return next(r for r in summary[table] if all(r[key] == value for key, value in wanted.items()))


def difference(summary):
    return row(summary, "differences", sample="random", quantity="P(HR < 1)", all=True)


def test_an_unbiased_engine_passes(fair):
    _, summary = fair
    found = difference(summary)
    assert_mc_close(found["mean"], 0.0, found["mean_se"], label="mean difference")
    assert found["excess"] < 0.006
    assert found["beyond"] < 0.02
    assert row(summary, "flips", sample="random", stratum="all")["real"] <= 2


def test_a_shift_of_the_probabilities_is_measured(biased):
    table, summary = biased
    # The shift is capped at a probability of 1, so its mean is known from the reference alone.
    one = table[(table.quantity == "P(HR < 1)") & table.open & table.random]
    found = difference(summary)
    exact = one.p_fast.to_numpy()
    capped = np.where(exact < 1.0, SHIFT, np.minimum(SHIFT, 1.0 - one.p_nuts.to_numpy()))
    assert_mc_close(found["mean"], capped.mean(), found["mean_se"], label="mean difference")
    assert found["mean"] > 0.01
    assert_mc_close(found["excess"], np.sqrt((capped**2).mean()), 0.001, label="excess")


def test_flips_of_the_shifted_engine_are_those_that_theory_predicts(biased):
    """A decision flips where the shift carries the exact probability over the threshold, and only there."""
    table, summary = biased
    rules = table[(table.quantity != BEST) & table.open & table.random & np.isfinite(table.distance)]
    sign = np.where(rules.rule == "harm", -1.0, 1.0)
    exact = rules.p_fast.to_numpy() - sign * SHIFT
    capped = rules.p_fast.to_numpy() >= 1.0 - 1e-12
    exact = np.where(capped, rules.p_nuts, exact)
    above = norm.cdf((exact - rules.threshold) / rules.mcse)
    fires = np.where(rules.rule == "futility", 1.0 - above, above)
    differs = np.where(rules.fires_fast, 1.0 - fires, fires)
    seen = (rules.fires_fast != rules.fires_nuts).to_numpy()
    assert_mc_close(seen.sum(), differs.sum(), np.sqrt((differs * (1 - differs)).sum()) + 0.5, label="flips")
    assert row(summary, "flips", sample="random", stratum="all")["real"] >= 3


def test_the_near_sample_is_the_nearest_looks_and_flips_most(fair):
    table, summary = fair
    looks = table.groupby(LOOK).agg(near=("near", "first"), distance=("distance", "min"))
    assert looks.near.sum() == REQUEST.n_near
    assert looks.distance[looks.near].max() <= looks.distance[~looks.near].min() + 1e-12
    near, random = (row(summary, "flips", sample=s, stratum="all") for s in ("near", "random"))
    assert near["share"] > random["share"]


def test_distances_are_those_of_the_probabilities(fair):
    table, _ = fair
    own = table[np.isfinite(table.distance)]
    expected = np.abs(logit(own.p_fast) - logit(own.threshold))
    np.testing.assert_allclose(own.distance, expected, rtol=1e-6)
    assert decisions(table).distance.notna().all()


def test_probabilities_of_the_reference_are_within_their_own_error(fair):
    """The toy posterior is known, so the stated errors can be checked: z is standard normal."""
    table, _ = fair
    one = table[(table.quantity == "P(HR < 1)") & table.p_fast.between(0.1, 0.9)]
    z = ((one.p_nuts - one.p_fast) / one.mcse).to_numpy()
    assert_mc_close((z**2).mean(), 1.0, np.sqrt(2.0 / z.size), allowance=0.05, label="variance of z")
