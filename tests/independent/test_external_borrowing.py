"""Borrowing from external controls against another program's published simulation.

psborrow2, vignette "simulation_study" (100 data sets per cell, one chain of 1,000 draws): 250 patients, 10%
internal control, 20% treated, 70% external control, exponential with hazard 0.1, censored at 50; hazard
ratio 0.6 or 1; no drift of the external controls; nearly flat priors. No borrowing ignores the external
controls, full borrowing takes them as internal ones, which here are the powers 0 and 1. The published mean
squared error is read as that of the posterior *draws* of the hazard ratio about the truth, squared error of
the mean plus posterior variance: of the means alone it would be half as large.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adaptive.models.historical import HistoricalControls
from adaptive.models.pooling import NoPooling
from adaptive.posterior.laplace import LaplaceEngine
from adaptive.records import EventTable
from tests.statistics import assert_mc_close

SIZES, HAZARD, END = {"internal": 25, "treated": 50, "external": 175}, 0.1, 50.0
N_SETS, N_PUBLISHED, DRAWS = 4000, 100, 400
PUBLISHED = {
    ("none", 0.6): dict(variance=0.0633, mse=0.0579, excludes_one=0.44),
    ("none", 1.0): dict(variance=0.0625, mse=0.1295, excludes_one=0.04),
    ("full", 0.6): dict(variance=0.0264, mse=0.0202, excludes_one=0.90),
    ("full", 1.0): dict(variance=0.0252, mse=0.0502, excludes_one=0.04),
}
BORROWED = {"none": 0.0, "full": 1.0}


def totals(rng, size, hazard):
    """Events and exposure of ``N_SETS`` groups."""
    time = rng.exponential(1 / hazard, (N_SETS, size))
    return (time <= END).sum(axis=1).astype(float), np.minimum(time, END).sum(axis=1)


def data(hr, external_drift=1.0):
    rng = np.random.default_rng(10)
    return {
        "internal": totals(rng, SIZES["internal"], HAZARD),
        "treated": totals(rng, SIZES["treated"], HAZARD * hr),
        "external": totals(rng, SIZES["external"], HAZARD * external_drift),
    }


FLAT = NoPooling(mu_scale=30.0, tau_scale=0.5, baseline_shape=1e-3, baseline_rate=1e-3)


@jax.jit
def fitted(discount, internal, treated, external):
    """Mean, standard deviation and 95% limits of the log hazard ratio; groups are ``(R, 2)`` totals."""

    def one(internal, treated, external):
        lay = lambda k: jnp.stack([internal[k], treated[k]])[None, :, None]  # noqa: E731
        model = HistoricalControls(FLAT, external[0][None, None], external[1][None, None], discount)
        posterior = LaplaceEngine(n_points=31).fit(jax.random.key(0), model, EventTable(lay(0), lay(1)))
        (mean, sd), limits = posterior.moments(), posterior.quantiles(jnp.asarray([0.025, 0.975]))
        return mean[0, 0], sd[0, 0], limits[:, 0, 0]

    return jax.vmap(one)(internal, treated, external)


def summaries(borrowing, groups):
    stacked = [jnp.stack([jnp.asarray(x) for x in groups[name]], axis=1) for name in SIZES]
    return map(np.asarray, fitted(jnp.asarray(BORROWED[borrowing]), *stacked))


def measured(borrowing, hr, **changes):
    """Per data set: posterior variance, squared error of the hazard ratio, interval that excludes 1."""
    mean, sd, limits = summaries(borrowing, data(hr, **changes))
    # Moments of the hazard ratio as if its logarithm were normal, which it nearly is at 75 events and more.
    ratio = np.exp(mean + sd**2 / 2)
    return {
        "variance": sd**2,
        "mse": (ratio - hr) ** 2 + ratio**2 * np.expm1(sd**2),
        "excludes_one": ((limits[:, 0] > 0) | (limits[:, 1] < 0)).astype(float),
    }


def check(ours, published):
    for name, values in ours.items():
        # A variance from draws worth DRAWS independent ones is itself off by sqrt(2 / DRAWS) of itself.
        sampling = values.mean() ** 2 * 2 / DRAWS if name == "variance" else 0.0
        se = np.sqrt(values.var() * (1 / N_SETS + 1 / N_PUBLISHED) + sampling / N_PUBLISHED)
        assert_mc_close(values.mean(), published[name], se, n_checks=12, label=f"{name} {values.mean()}")


@pytest.mark.parametrize(("borrowing", "hr"), PUBLISHED)
def test_c10_no_and_full_borrowing(borrowing, hr):
    check(measured(borrowing, hr), PUBLISHED[borrowing, hr])


def test_a_drift_of_the_external_controls_is_noticed():
    with pytest.raises(AssertionError, match="gap"):
        check(measured("full", 1.0, external_drift=1.5), PUBLISHED["full", 1.0])
