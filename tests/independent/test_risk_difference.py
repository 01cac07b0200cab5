"""The probability of a difference in risk against sampling from the exact posterior, in NumPy.

With constant hazards both posteriors are Gamma. With several intervals the posterior of one log hazard ratio
is summed on a fine grid and the baseline hazards are drawn from their Gamma laws given it.
"""

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from adaptive.design.decide import initial_progress
from adaptive.design.protocol import Analysis
from adaptive.errors import BadInput
from adaptive.measures.risk import RiskDifferenceBelow, below_share, gamma_nodes
from adaptive.models.hazards import GammaHazards
from adaptive.models.pooling import NoPooling
from adaptive.posterior.conjugate import ConjugateEngine
from adaptive.posterior.laplace import LaplaceEngine
from adaptive.records import EventTable, FittedLook, Snapshot
from tests.statistics import assert_mc_close
from tests.toy import toy_design

N_DRAWS = 400_000
QUADRATURE = 5e-4
"""Error of the quadrature; the fast engine's quantiles add up to 1e-3."""


def measured(model, engine, cuts, events, months, margin, time, periods=None) -> float:
    table = EventTable(jnp.asarray(events, float)[None], jnp.asarray(months, float)[None])
    return float(value(RiskDifferenceBelow(margin, time), model, engine, jnp.asarray(cuts), table, periods))


@eqx.filter_jit
def value(measure, model, engine, cuts, table, periods):
    nobody = jnp.zeros(1, jnp.int32)
    snapshot = Snapshot(nobody, nobody, jnp.zeros(1), nobody > 0, nobody > 0, jnp.zeros(1))
    design = toy_design(analysis=Analysis(cuts, model, engine, periods))
    posterior = engine.fit(jr.key(0), model, table)
    look = FittedLook(jr.key(1), snapshot, table, posterior, initial_progress(design))
    return measure.value(design, look)[0, 0]


def constant(*given) -> float:
    return measured(GammaHazards(0.5, 5.0), ConjugateEngine(), [0.0], *given)


def close(found, hits, allowance):
    p = hits.mean()
    assert_mc_close(found, p, np.sqrt(max(p * (1 - p), 1e-6) / hits.size), n_checks=20, allowance=allowance)


@pytest.mark.parametrize(
    "events, months, time, margin",
    [
        ((20, 25), (400.0, 420.0), 12.0, 0.05),
        ((20, 25), (400.0, 420.0), 12.0, -0.05),
        ((20, 25), (400.0, 420.0), 12.0, 0.0),
        ((3, 1), (40.0, 50.0), 6.0, 0.1),
        ((0, 2), (20.0, 20.0), 12.0, 0.1),
        ((100, 110), (2000.0, 1900.0), 24.0, 0.1),
    ],
)
def test_constant_hazards(events, months, time, margin):
    found = measured(
        GammaHazards(0.5, 5.0),
        ConjugateEngine(),
        [0.0],
        [[d] for d in events],
        [[e] for e in months],
        margin,
        time,
    )
    rng = np.random.default_rng(1)
    hazard = [rng.gamma(0.5 + d, 1 / (5 + e), N_DRAWS) for d, e in zip(events, months, strict=True)]
    risk = [1 - np.exp(-h * time) for h in hazard]
    close(found, risk[1] - risk[0] < margin, QUADRATURE)


CUTS = np.array([0.0, 3.0, 6.0, 12.0])
EVENTS = np.array([[4, 3, 5, 6], [5, 5, 4, 7]])
MONTHS = np.array([[110.0, 95.0, 120.0, 70.0], [105.0, 90.0, 115.0, 60.0]])


def drawn(time: float, seed: int = 2) -> np.ndarray:
    """Return draws of the difference in risk with a baseline in four intervals."""
    rng = np.random.default_rng(seed)
    theta = np.linspace(-6, 6, 4001)
    rate = 0.1 + MONTHS[0] + MONTHS[1] * np.exp(theta)[:, None]
    shape = 0.01 + EVENTS.sum(axis=0)
    log_density = EVENTS[1].sum() * theta - (shape * np.log(rate)).sum(axis=1) - theta**2 / 8
    weight = np.exp(log_density - log_density.max())
    drawn = rng.choice(theta, N_DRAWS, p=weight / weight.sum()) + rng.uniform(-0.0015, 0.0015, N_DRAWS)
    rate = 0.1 + MONTHS[0] + MONTHS[1] * np.exp(drawn)[:, None]
    widths = np.clip(np.minimum(np.append(CUTS[1:], np.inf), time) - CUTS, 0, None)
    cumulative = (rng.gamma(shape, size=(N_DRAWS, 4)) / rate) @ widths
    return np.exp(-cumulative) - np.exp(-cumulative * np.exp(drawn))


@pytest.mark.parametrize("time, margin", [(9.0, 0.05), (14.0, 0.15), (5.0, -0.02)])
def test_baselines_in_four_intervals(time, margin):
    found = measured(NoPooling(2.0, 0.5, 0.01, 0.1), LaplaceEngine(), CUTS, EVENTS, MONTHS, margin, time)
    close(found, drawn(time) < margin, QUADRATURE + 1e-3)


def test_a_baseline_known_exactly_would_be_seen():
    """Planted bug: the baseline's own uncertainty left out."""
    honest = measured(
        GammaHazards(0.5, 5.0), ConjugateEngine(), [0.0], [[3], [1]], [[40.0], [50.0]], 0.1, 6.0
    )
    rng = np.random.default_rng(3)
    control, arm = rng.gamma(3.5, 1 / 45, N_DRAWS), rng.gamma(1.5, 1 / 55, N_DRAWS)
    fixed = np.exp(-6.0 * control.mean()) - np.exp(-6.0 * control.mean() * arm / control)
    with pytest.raises(AssertionError, match="gap"):
        close(honest, fixed < 0.1, QUADRATURE)


def test_parts_of_the_quadrature():
    for shape in (0.7, 3.0, 60.0):
        nodes, weight = gamma_nodes(jnp.asarray(shape))
        np.testing.assert_allclose((weight * nodes).sum(), shape, rtol=5e-3 if shape < 1 else 1e-3)
    share = below_share(jnp.linspace(-3.6, 3.6, 33), jnp.asarray(0.5))
    np.testing.assert_allclose(share.sum(), 0.6914625, atol=1e-4)


def test_a_baseline_per_calendar_period_is_refused():
    with pytest.raises(BadInput, match="calendar period"):
        measured(
            GammaHazards(0.5, 5.0),
            ConjugateEngine(),
            [0.0],
            [[3], [1]],
            [[40.0], [50.0]],
            0.1,
            6.0,
            jnp.zeros(2),
        )
