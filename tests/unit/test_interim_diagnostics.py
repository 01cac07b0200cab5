"""Diagnostics of draws: known values, gates that must fail, and the NetCDF file."""

import numpy as np
import pytest

from adaptive.codes import HealthCode
from adaptive.interim.diagnostics import (
    Gates,
    az,
    diagnose,
    energy_fraction,
    probability_errors,
    write_netcdf,
)

LABELS = {"theta": (("A", "B"),), "tau": ()}


def draws(rng, n=1000, shift=0.0):
    theta = rng.normal(size=(4, n, 2))
    theta[3] += shift
    return {"theta": theta, "tau": rng.normal(size=(4, n))}


def judge(sites, n_divergent=0, energy=None, gates=None):
    shape = sites["tau"].shape
    diverging = np.zeros(shape, bool)
    diverging.ravel()[:n_divergent] = True
    energy = np.random.default_rng(1).normal(size=shape) if energy is None else energy
    return diagnose(sites, diverging, energy, LABELS, gates)


def test_independent_draws_pass():
    result = judge(draws(np.random.default_rng(0)))
    assert result.code == HealthCode.OK and result.failures == ()
    assert [row["name"] for row in result.parameters] == ["theta[A]", "theta[B]", "tau"]
    # Independent draws: bulk ESS is the number of draws, estimated with an error of about ten per cent.
    assert all(0.7 * 4000 < row["ess_bulk"] < 1.3 * 4000 for row in result.parameters)
    assert all(row["rhat"] < 1.005 for row in result.parameters)


@pytest.mark.parametrize(
    "sites, n_divergent, energy, code, word",
    [
        (draws(np.random.default_rng(0), shift=0.4), 0, None, HealthCode.NOT_CONVERGED, "R-hat"),
        (draws(np.random.default_rng(0), n=80), 0, None, HealthCode.LOW_ESS, "ESS"),
        (draws(np.random.default_rng(0)), 1, None, HealthCode.DIVERGENT, "divergences 1 > 0"),
        (
            draws(np.random.default_rng(0)),
            0,
            np.cumsum(np.random.default_rng(2).normal(size=(4, 1000)), axis=1),
            HealthCode.LOW_ENERGY,
            "E-BFMI",
        ),
    ],
)
def test_each_gate_fails_on_its_own_defect(sites, n_divergent, energy, code, word):
    gates = Gates(max_rhat=1.05) if code == HealthCode.LOW_ESS else None
    result = judge(sites, n_divergent, energy, gates)
    assert result.code == code
    assert any(word in failure for failure in result.failures)


def test_a_parameter_that_never_moves_fails():
    sites = draws(np.random.default_rng(0))
    sites["tau"] = np.full((4, 1000), 0.3)
    sites["tau"][0] = np.nan
    assert judge(sites).code == HealthCode.NOT_CONVERGED


def test_energy_fraction_has_its_closed_form():
    # AR(1) with correlation r: E-BFMI = 2 (1 - r); independent draws give 2.
    rng, r = np.random.default_rng(3), 0.6
    energy = np.zeros((2, 200_000))
    noise = rng.normal(size=energy.shape) * np.sqrt(1 - r**2)
    for i in range(1, energy.shape[1]):
        energy[:, i] = r * energy[:, i - 1] + noise[:, i]
    np.testing.assert_allclose(energy_fraction(energy), 2 * (1 - r), rtol=0.02)


def test_energy_fraction_agrees_with_arviz():
    energy = np.random.default_rng(4).normal(size=(4, 500))
    found = az.bfmi(energy) if hasattr(az, "InferenceData") else None
    if found is None:
        pytest.skip("ArviZ 1.x has another interface here; the lock holds 0.x")
    np.testing.assert_allclose(energy_fraction(energy), found, rtol=5e-3)


def test_netcdf_round_trip(tmp_path):
    sites = draws(np.random.default_rng(0), n=50)
    energy, diverging = np.random.default_rng(1).normal(size=(4, 50)), np.zeros((4, 50), bool)
    path = tmp_path / "posterior.nc"
    dims, coords = {"theta": ["subgroup"], "tau": []}, {"subgroup": ["A", "B"]}
    write_netcdf(path, sites, diverging, energy, dims, coords, {"input_sha256": "abc"})
    back = az.from_netcdf(str(path), engine="h5netcdf")
    np.testing.assert_array_equal(back["posterior"]["theta"].values, sites["theta"])
    assert back["posterior"]["theta"].dims == ("chain", "draw", "subgroup")
    assert back["posterior"].attrs["input_sha256"] == "abc"
    np.testing.assert_array_equal(back["sample_stats"]["energy"].values, energy)


def test_probability_errors_match_independent_replications():
    # 400 runs of a correlated sampler: the spread of the estimated probabilities is what the errors claim.
    rng, r = np.random.default_rng(5), 0.7
    noise = rng.normal(size=(400, 4, 500)) * np.sqrt(1 - r**2)
    chain = np.zeros_like(noise)
    chain[..., 0] = rng.normal(size=(400, 4))
    for i in range(1, 500):
        chain[..., i] = r * chain[..., i - 1] + noise[..., i]
    below = chain < -1.2
    spread = below.mean(axis=(1, 2)).std(ddof=1)
    claimed = np.array([probability_errors(run) for run in below[:60]])
    # The spread has a relative error of 1 / sqrt(2 * 400) = 3.5%, the mean claim about 2%.
    assert abs(claimed.mean() / spread - 1) < 0.2
    naive = np.sqrt(below.mean() * (1 - below.mean()) / 2000)
    assert naive < 0.75 * spread  # a planted bug: taking draws as independent


def test_probability_errors_of_what_never_or_always_happens_are_positive():
    errors = probability_errors(np.stack([np.zeros((4, 1000)), np.ones((4, 1000))], axis=2).astype(bool))
    assert (errors > 0).all() and (errors < 0.005).all()
