"""Calibrated thresholds keep their promise: theory, exactness, spread, fresh trials, and planted errors."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize, special, stats

from adaptive.errors import BadInput
from adaptive.oc.calibrate import Request, calibrate, confirmed, declare
from adaptive.oc.calibrate_confirm import ABOVE, confirm
from adaptive.oc.calibrate_errors import Plan, count_claims
from adaptive.oc.calibrate_family import Family
from adaptive.oc.calibrate_found import Aim
from adaptive.oc.calibrate_rules import Null, why_not_stored, with_thresholds
from adaptive.oc.rethreshold import critical_values, from_statistics, statistics_of
from tests.calibration_example import (
    AIM,
    N_SEEDS,
    TARGET,
    repeated,
    scatter,
    scatter_limits,
    small_design,
    small_null,
    spread,
    spread_limits,
)
from tests.independent.test_independent_group_sequential import ALPHA_ALLOWANCE
from tests.statistics import assert_mc_close
from tests.toy import toy_design, toy_scenario

pytestmark = pytest.mark.statistical
N = 4096
ALLOWED = AIM.allowed(N, 1)


@pytest.fixture(scope="module")
def twenty():
    return repeated(N, N)


@pytest.mark.slow
def test_fresh_trials_confirm_every_one_of_twenty_calibrations(twenty):
    for one in twenty:
        assert one.confirmed.verdict != ABOVE
        lower, _ = one.confirmed.limits(one.confirmed.worst)
        assert lower <= TARGET


@pytest.mark.slow
def test_thresholds_spread_as_their_stated_error_says(twenty):
    low, high = spread_limits()
    assert low < spread(twenty) < high


@pytest.mark.slow
def test_a_stated_error_four_times_too_large_or_small_is_found(twenty):
    """The twin of the test above; a factor of four is certain to be seen with twenty seeds."""
    low, high = spread_limits()
    for factor in (4.0, 1 / 4):
        wrong = [one._replace(found=replace(one.found, mcse=factor * one.found.mcse)) for one in twenty]
        assert not low < spread(wrong) < high


@pytest.mark.slow
def test_confirmed_errors_scatter_as_fresh_trials_do(twenty):
    low, high = scatter_limits()
    assert low < scatter([one.confirmed.worst.count for one in twenty], N, N, ALLOWED / N) < high


@pytest.mark.slow
def test_confirming_with_the_calibrations_own_seeds_is_refused_and_would_be_found(twenty):
    """On their own trials the counts are the target's by construction: far too alike for fresh ones."""
    protocol = small_design()
    nulls = [small_null(protocol)]
    with pytest.raises(BadInput, match="the seed of the calibration"):
        confirm(protocol, nulls, Aim(), Plan(7, 64), 7)
    own = [
        confirm(one.design, nulls, Aim(), Plan(100 + i, N), calibration_seed=-1).worst.count
        for i, one in enumerate(twenty)
    ]
    assert own == [ALLOWED] * N_SEEDS
    assert scatter(own, N, N, ALLOWED / N) < scatter_limits()[0]


def test_a_threshold_on_the_wrong_tail_is_not_confirmed():
    protocol = small_design()
    nulls = [small_null(protocol)]
    family = Family("constant", np.zeros(3), np.ones(3))
    z = statistics_of(protocol, 0, nulls, Plan(1, 1024))
    wrong = {name: np.where(np.abs(values) < 38, -values, values) for name, values in z.items()}
    aim = Aim(1 - TARGET)
    found = from_statistics(critical_values(protocol, nulls, wrong, family, aim.error), family, aim)
    bad = with_thresholds(protocol, 0, found.thresholds)
    assert confirm(bad, nulls, Aim(TARGET), Plan(2, 1024), 1).verdict == ABOVE


def boundary(slope):
    """Return the ``c`` that a multivariate normal crosses with the target's chance, and the slope there."""
    t = np.arange(1, 4) / 3
    covariance = np.sqrt(np.minimum.outer(t, t) / np.maximum.outer(t, t))

    def error(c):
        return 1 - stats.multivariate_normal(np.zeros(3), covariance).cdf(
            c * np.asarray(slope), rng=np.random.default_rng(1)
        )

    c = optimize.brentq(lambda c: error(c) - TARGET, 1.5, 3.5, xtol=1e-5)
    return c, (error(c - 0.05) - error(c + 0.05)) / 0.1


@pytest.mark.slow
@pytest.mark.parametrize("shape, published", [("constant", 2.289), ("obrien_fleming", 2.004)])
def test_group_sequential_theory_gives_the_same_boundary(shape, published):
    """Pocock's and O'Brien and Fleming's constants for three looks (Jennison and Turnbull 2000)."""
    slope = {"constant": np.ones(3), "obrien_fleming": np.sqrt(3 / np.arange(1, 4))}[shape]
    theory, steepness = boundary(slope)
    assert abs(theory - published) < 2e-3
    protocol = small_design(engine="laplace")
    request = Request(Aim(TARGET), shape)
    found = calibrate(protocol, 0, [small_null(protocol)], request, Plan(3, 20_000)).found
    allowance = ALPHA_ALLOWANCE / steepness
    assert_mc_close(found.c, theory, found.mcse, allowance=allowance, label=shape)


def cells_example(**changes):
    """Return two subgroups, two arms each, with all cells null unless told otherwise."""
    protocol = toy_design(adaptive=True, **changes)
    return protocol, toy_scenario()


def test_one_simulation_predicts_every_claim_where_it_is_said_to_be_exact():
    """The count that order statistics promise is the count that the thresholds give, trial by trial."""
    protocol, truth = cells_example()
    nulls = [declare("null", protocol, truth, 24.0)]
    assert why_not_stored(protocol, 0, "any_false_claim", nulls) == []
    found = calibrate(protocol, 0, nulls, Request(Aim(0.1)), Plan(5, 1024))
    counted = count_claims(found.design, nulls[0], Plan(5, 1024))
    assert counted.any == found.found.worst.count == 102


def test_claims_at_the_final_look_alone_are_exact_for_each_cell():
    protocol, _ = cells_example()
    late = with_thresholds(protocol, 0, [np.nan, np.nan, 0.9])
    nulls = [declare("partial", late, toy_scenario(((0.0, -0.7), (-0.5, 0.0))), 24.0)]
    assert why_not_stored(late, 0, "per_comparison", nulls) == []
    found = calibrate(late, 0, nulls, Request(Aim(0.1, "per_comparison")), Plan(6, 1024))
    counted = count_claims(found.design, nulls[0], Plan(6, 1024))
    predicted = {(c.subgroup, c.arm): c.count for c in found.found.comparisons}
    for s, b in np.argwhere(nulls[0].is_null):
        assert counted.cells[s, b] == predicted[late.subgroups[s], late.arms[b + 1]]
    assert max(predicted.values()) == 102


def test_where_it_is_not_exact_the_prediction_is_wrong_and_refused():
    protocol, _ = cells_example()
    nulls = [declare("partial", protocol, toy_scenario(((-1.2, 0.0), (0.0, 0.0))), 24.0)]
    aim = Aim(0.1, "per_comparison")
    assert len(why_not_stored(protocol, 0, "per_comparison", nulls)) == 1
    with pytest.raises(BadInput, match="not exact here: a claim in one of 4 cells"):
        calibrate(protocol, 0, nulls, Request(aim, method="stored"), Plan(7, 1024))
    family = Family("constant", np.zeros(3), np.ones(3))
    z = statistics_of(protocol, 0, nulls, Plan(7, 1024))
    found = from_statistics(critical_values(protocol, nulls, z, family, aim.error), family, aim)
    counted = count_claims(with_thresholds(protocol, 0, found.thresholds), nulls[0], Plan(7, 1024))
    predicted = [c.count for c in found.comparisons]
    assert predicted != [int(counted.cells[s, b]) for s, b in np.argwhere(nulls[0].is_null)]


def test_a_search_meets_the_target_where_one_simulation_is_not_enough():
    protocol, _ = cells_example()
    nulls = [
        declare("partial", protocol, toy_scenario(((-1.2, 0.0), (0.0, 0.0))), 24.0),
        declare("null", protocol, toy_scenario(), 24.0),
    ]
    request = Request(Aim(0.1))
    found = calibrate(protocol, 0, nulls, request, Plan(8, 1024))
    assert found.found.method == "again" and "partial" in found.reasons[0]
    assert 102 - 2 <= found.found.worst.count <= 102
    fresh = confirmed(found, nulls, request.aim, Plan(9, 1024), 8).confirmed
    n_bounds, expected = len(fresh.comparisons), 0.1
    assert n_bounds == 2
    assert_mc_close(
        fresh.worst.count / 1024, expected, np.sqrt(0.1 * 0.9 * 2 / 1024), n_checks=2, allowance=2 / 1024
    )


def test_both_ways_agree_on_the_same_trials():
    protocol = small_design()
    nulls = [small_null(protocol)]
    stored = calibrate(protocol, 0, nulls, Request(Aim(TARGET)), Plan(1, N)).found
    again = calibrate(protocol, 0, nulls, Request(Aim(TARGET), method="again"), Plan(1, N)).found
    assert stored.method == "stored" and again.method == "again"
    # The search ends within a tenth of a standard error, and states about the same error.
    assert 0 <= again.c - stored.c < 0.2 * stored.mcse
    assert 0.6 < again.mcse / stored.mcse < 1.6


def test_a_conservative_choice_puts_the_bound_at_the_target():
    protocol = small_design()
    nulls = [small_null(protocol)]
    plain = calibrate(protocol, 0, nulls, Request(Aim(TARGET)), Plan(1, N)).found
    strict = calibrate(protocol, 0, nulls, Request(Aim(TARGET, conservative=True)), Plan(1, N)).found
    assert strict.c > plain.c
    x = strict.worst.count
    assert stats.binom.cdf(x, N, TARGET) <= 0.05 < stats.binom.cdf(x + 1, N, TARGET)


def test_too_few_trials_are_refused():
    protocol = small_design()
    with pytest.raises(BadInput, match="n_trials: 100 trials cannot find an error of 0.001"):
        calibrate(protocol, 0, [small_null(protocol)], Request(Aim(0.001)), Plan(1, 100))


def test_scenarios_without_a_null_are_refused():
    protocol = small_design()
    null = small_null(protocol)
    with pytest.raises(BadInput, match="good has no cell without a benefit"):
        calibrate(protocol, 0, [Null("good", null.scenario, ~null.is_null)], Request(Aim()), Plan(1, 100))


def test_harm_and_bad_fits_are_not_counted_as_claims():
    """A cell that is harmed at a look cannot claim there: the count stays exact with an eager harm rule."""
    protocol, truth = cells_example()
    eager = with_thresholds(protocol, 2, np.full(3, 0.3))
    nulls = [declare("null", eager, truth, 24.0)]
    found = calibrate(eager, 0, nulls, Request(Aim(0.01, conservative=False)), Plan(10, 1024))
    assert count_claims(found.design, nulls[0], Plan(10, 1024)).any == found.found.worst.count


def test_thresholds_are_rounded_to_the_strict_side():
    family = Family("constant", np.zeros(2), np.ones(2))
    for c in np.linspace(-3, 5, 41):
        p = family.thresholds(float(c))[0]
        assert special.ndtr(c) < p <= special.ndtr(c) + 2.1e-9 or p == 1.0
