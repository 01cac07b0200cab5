"""The prior predictive summary against closed forms and SciPy's integrals, for every kind of prior."""

import dataclasses

import jax
import numpy as np
import pytest
from scipy import integrate, special, stats

from adaptive.errors import BadInput
from adaptive.models import FullPooling, GammaHazards, NoPooling, PartialPooling
from adaptive.models.drifting import Drifting
from adaptive.models.historical import HistoricalControls
from adaptive.models.prior_draws import draw_prior
from adaptive.oc.prior_predictive import (
    correlation,
    distribution_rows,
    draw_log_hr,
    prior_rows,
    survival_rows,
)
from tests.statistics import assert_mc_close

SUBGROUPS, ARMS = ("red", "blue", "green"), ("control", "low", "high")
MU, TAU = 0.8, 0.4
PRIOR = {"mu_scale": MU, "tau_scale": TAU, "baseline_shape": 0.1, "baseline_rate": 1.0}
N = 20_000


def half_normal(value, tau_scale=TAU):
    """Average a function of ``tau`` over its half-normal prior."""
    density = stats.halfnorm(scale=tau_scale).pdf
    return integrate.quad(lambda t: value(t) * density(t), 0, 12 * tau_scale)[0]


def below_partial(log_margin, tau_scale=TAU):
    return half_normal(lambda t: stats.norm.cdf(log_margin / np.hypot(MU, t)), tau_scale)


def below_hazards(log_margin, shape=0.5):
    return stats.beta.cdf(1 / (1 + np.exp(-log_margin)), shape, shape)


MODELS = {
    "partial": (PartialPooling(**PRIOR), below_partial),
    "none": (NoPooling(**PRIOR), lambda x: stats.norm.cdf(x / MU)),
    "full": (FullPooling(**PRIOR), lambda x: stats.norm.cdf(x / MU)),
    "hazards": (GammaHazards(0.5, 5.0), below_hazards),
}


def summary(model, seed=1):
    return prior_rows(draw_log_hr(model, (3, 3), N, seed), SUBGROUPS, ARMS)


def chosen(rows, metric):
    return [r for r in rows if r["metric"] == metric]


def compare(kind, model):
    """Hold every P(HR < m), P(HR > 2) and quantile against the kind's closed form."""
    below = MODELS[kind][1]
    rows = summary(model)
    shares = chosen(rows, "prior_hr_below") + chosen(rows, "prior_hr_above")
    assert len(shares) == 6 * 4
    expected = [below(np.log(float(r["level"]))) for r in shares]
    is_below = [r["metric"] == "prior_hr_below" for r in shares]
    expected = np.where(is_below, expected, 1 - np.array(expected))
    mcse = np.sqrt(expected * (1 - expected) / N)
    assert_mc_close([r["estimate"] for r in shares], expected, mcse, label=kind)
    np.testing.assert_allclose([r["mcse"] for r in shares], mcse, rtol=0.1)
    levels = chosen(rows, "prior_hr")
    stated = np.array([float(r["level"].rstrip("%")) / 100 for r in levels])
    reached = [below(np.log(r["estimate"])) for r in levels]
    assert_mc_close(reached, stated, np.sqrt(stated * (1 - stated) / N), label=f"{kind}, quantiles")


@pytest.mark.parametrize("kind", MODELS)
def test_hazard_ratios_have_their_closed_form(kind):
    compare(kind, MODELS[kind][0])


def test_a_prior_a_tenth_too_wide_is_seen():
    with pytest.raises(AssertionError):
        compare("partial", dataclasses.replace(MODELS["partial"][0], mu_scale=1.1 * MU))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("partial", MU**2 / (MU**2 + TAU**2)), ("none", 0.0), ("full", 1.0), ("hazards", 0.0)],
)
def test_correlation_between_subgroups(kind, expected):
    for found in chosen(summary(MODELS[kind][0]), "prior_correlation"):
        assert_mc_close(found["estimate"], expected, max(found["mcse"], 1e-9), label=kind)


def test_error_of_the_correlation_is_that_of_repetition():
    rng = np.random.default_rng(3)
    mix = np.array([[1.0, 0.6, 0.2], [0.0, 0.8, 0.3], [0.0, 0.0, 0.9]])
    runs = [correlation(rng.standard_t(9, (400, 3)) @ mix) for _ in range(600)]
    spread = np.std([r.estimate for r in runs], ddof=1)
    stated = np.mean([r.mcse for r in runs])
    assert_mc_close(stated / spread, 1.0, 1 / np.sqrt(2 * 600), allowance=0.03)


def test_spread_between_two_subgroups():
    """Given tau, the log ratio of two hazard ratios is half-normal with scale tau sqrt(2)."""
    rows = prior_rows(draw_log_hr(MODELS["partial"][0], (2, 2), N, 4), SUBGROUPS[:2], ARMS[:2])

    def below(ratio):
        return half_normal(lambda t: 2 * stats.norm.cdf(np.log(ratio) / (t * np.sqrt(2))) - 1)

    (above,) = chosen(rows, "prior_ratio_above")
    assert_mc_close(above["estimate"], 1 - below(2.0), above["mcse"])
    for metric, ratio in (("prior_ratio", lambda r: r), ("prior_spread", lambda sd: np.exp(sd * np.sqrt(2)))):
        for r in chosen(rows, metric):
            level = float(r["level"].rstrip("%")) / 100
            assert_mc_close(
                below(ratio(r["estimate"])), level, np.sqrt(level * (1 - level) / N), label=metric
            )


def test_full_pooling_has_no_spread_and_one_subgroup_has_no_rows_of_it():
    rows = summary(MODELS["full"][0])
    assert all(r["estimate"] == 1.0 for r in chosen(rows, "prior_ratio"))
    alone = prior_rows(draw_log_hr(MODELS["none"][0], (1, 2), 100), ("red",), ARMS[:2])
    assert {r["metric"] for r in alone} == {"prior_hr", "prior_hr_below", "prior_hr_above", "prior_events"}


VARIANCE = {"partial": MU**2 + TAU**2, "none": MU**2, "full": MU**2, "hazards": 2 * special.polygamma(1, 0.5)}


@pytest.mark.parametrize("kind", VARIANCE)
def test_the_prior_by_itself_is_worth_four_times_its_precision(kind):
    for found in chosen(summary(MODELS[kind][0]), "prior_events"):
        assert_mc_close(found["estimate"], 4 / VARIANCE[kind], found["mcse"], label=kind)
        with pytest.raises(AssertionError):
            assert_mc_close(found["estimate"], 1 / VARIANCE[kind], found["mcse"])


def test_error_of_the_worth_is_that_of_repetition():
    runs = [chosen(summary(MODELS["partial"][0], seed), "prior_events")[0] for seed in range(40)]
    spread = np.std([r["estimate"] for r in runs], ddof=1)
    stated = np.mean([r["mcse"] for r in runs])
    assert_mc_close(stated / spread, 1.0, 1 / np.sqrt(2 * 40), allowance=0.03)


STARTS, WIDTHS = np.array([0.0, 3.0, 6.0, 12.0]), {9.0: (3, 3, 3, 0), 24.0: (3, 3, 6, 12), 2.0: (2, 0, 0, 0)}


def survivals(model, months):
    return survival_rows(model, STARTS, months, SUBGROUPS, "control", N)


def mean_survival(shape, rate, width):
    """Return the mean of ``exp(-sum hazard width)`` under independent Gamma hazards."""
    width = np.array(width, float)
    return np.prod((rate / (rate + width)) ** shape)


@pytest.mark.parametrize("month", WIDTHS)
def test_survival_on_control_has_its_closed_form_mean(month):
    rows = survivals(Drifting(MODELS["partial"][0], 0.8, 2), [month])
    assert {r["subgroup"] for r in rows} == {"all"}
    (mean,) = [r for r in rows if r["level"] == f"{month:g} months, mean"]
    assert_mc_close(mean["estimate"], mean_survival(0.1, 1.0, WIDTHS[month]), mean["mcse"])
    with pytest.raises(AssertionError):
        other = np.roll(WIDTHS[month], 1) + np.array([0, 0, 0, month])
        assert_mc_close(mean["estimate"], mean_survival(0.1, 1.0, other), mean["mcse"])


def test_survival_with_historical_controls_is_of_each_subgroup():
    events, exposure = np.arange(12.0).reshape(3, 4), 40.0 + np.arange(12.0).reshape(3, 4)
    model = HistoricalControls(MODELS["partial"][0], events, exposure, 0.5)
    means = [r for r in survivals(model, [24.0]) if r["level"] == "24 months, mean"]
    assert [r["subgroup"] for r in means] == list(SUBGROUPS)
    for found, d, e in zip(means, events, exposure, strict=True):
        expected = mean_survival(0.1 + 0.5 * d, 1.0 + 0.5 * e, WIDTHS[24.0])
        assert_mc_close(found["estimate"], expected, found["mcse"])


def test_survival_under_one_constant_hazard_has_the_quantiles_of_its_gamma():
    for found in survivals(GammaHazards(2.0, 40.0), [24.0]):
        name = found["level"].removeprefix("24 months, ")
        if name != "mean":
            level = float(name.rstrip("%")) / 100
            reached = stats.gamma(2.0, scale=1 / 40).sf(-np.log(found["estimate"]) / 24)
            assert_mc_close(reached, level, np.sqrt(level * (1 - level) / N))


def test_extreme_priors_stay_finite_or_are_refused():
    drawn = draw_log_hr(GammaHazards(0.02, 1.0), (2, 2), 2000)
    assert np.abs(drawn).max() > 100
    assert np.isfinite([r["estimate"] for r in prior_rows(drawn, SUBGROUPS[:2], ARMS[:2])]).all()
    with pytest.raises(BadInput, match="GammaHazards.*too wide"):
        draw_log_hr(GammaHazards(0.001, 1.0), (2, 2), 2000)


def test_distribution_functions_are_those_of_the_draws():
    drawn = draw_log_hr(MODELS["partial"][0], (3, 3), N)
    rows = distribution_rows(drawn, ARMS)
    for b, arm in enumerate(ARMS[1:]):
        own = [r for r in rows if r["arm"] == arm and r["metric"] == "prior_hr"]
        found = [(np.exp(drawn[:, :, b]) <= r["value"]).mean() for r in own]
        np.testing.assert_allclose(found, [r["cumulative"] for r in own], atol=1 / N)
        assert {r["metric"] for r in rows} == {"prior_hr", "prior_ratio"}


def test_a_draw_names_its_sites_and_keeps_its_key():
    model = MODELS["partial"][0]
    first, again = (draw_prior(model, jax.random.key(5), (3, 3, 2)) for _ in range(2))
    assert {"log_hr", "mu", "tau"} <= set(first)
    assert first["log_hr"].shape == (3, 2)
    np.testing.assert_array_equal(first["log_hr"], again["log_hr"])
