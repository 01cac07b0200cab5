"""Events borrowed, against the closed form of the normal model and in the limits."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from adaptive.codes import HealthCode
from adaptive.config.build_models import MODELS
from adaptive.models import (
    ExNex,
    FullPooling,
    GammaHazards,
    HistoricalControls,
    NestedPooling,
    NoPooling,
    PartialPooling,
    PerArmPooling,
    RobustPooling,
)
from adaptive.oc.borrowing import borrowed_events, borrows, collapsed
from adaptive.posterior.base import AbstractEngine, AbstractPosterior, Overall
from adaptive.posterior.conjugate import ConjugateEngine
from adaptive.posterior.laplace import LaplaceEngine
from adaptive.records import Health
from tests.toy import ToyModel

PRIOR = {"mu_scale": 1.0, "tau_scale": 0.5, "baseline_shape": 0.1, "baseline_rate": 1.0}


class NormalPosterior(AbstractPosterior):
    """Means and standard deviations only."""

    mean: jnp.ndarray
    sd: jnp.ndarray
    health: Health

    def p_below(self, log_margins):
        raise RuntimeError("not asked")

    def p_best(self):
        raise RuntimeError("not asked")

    def moments(self):
        return self.mean, self.sd

    def quantiles(self, levels):
        raise RuntimeError("not asked")

    def overall(self):
        return Overall(self.mean[0], self.mean[0], self.mean[0], self.mean[0, 0], self.mean[0, 0])


class NormalEngine(AbstractEngine):
    """``y[s] ~ Normal(theta[s], 4 / d[s])``, ``theta ~ Normal(mu, tau)``, ``mu ~ Normal(0, m)``."""

    tau: float
    m: float
    bad: bool = eqx.field(static=True, default=False)

    def fit(self, key, model, table):
        information = table.events.sum(axis=(1, 2)) / 4.0
        n = information.shape[0]
        prior = self.tau**2 * jnp.eye(n) + self.m**2 * jnp.ones((n, n))
        covariance = jnp.linalg.inv(jnp.linalg.inv(prior) + jnp.diag(information))
        sd = jnp.sqrt(jnp.diagonal(covariance))[:, None]
        code = jnp.asarray(int(HealthCode.NOT_FINITE if self.bad else HealthCode.OK), jnp.int32)
        nan = jnp.asarray(jnp.nan)
        return NormalPosterior(jnp.zeros_like(sd), sd, Health(code, nan, nan, jnp.asarray(0, jnp.int32)))


def split(events):
    """Tables of two equal arms with the given events per subgroup, ``(R, S)``."""
    events = np.asarray(events, float)
    return np.repeat(events[:, :, None, None] / 2, 2, axis=2), np.full((*events.shape, 2, 1), 1000.0)


def closed_form(events, tau, m):
    """Normal-normal: the others' means give ``mu`` a variance, and ``mu`` and ``tau`` give ``theta`` one."""
    events = np.asarray(events, float)
    shared = np.where(events > 0, 1 / (tau**2 + 4 / np.maximum(events, 1e-300)), 0.0)
    others = shared.sum(axis=1, keepdims=True) - shared
    with_others = 1 / (tau**2 + 1 / (1 / m**2 + others))
    return 4 * (with_others - 1 / (tau**2 + m**2))


@pytest.mark.parametrize(("tau", "m"), [(0.3, 1.0), (0.05, 2.0), (1.5, 0.7)])
def test_normal_model_has_its_closed_form(tau, m):
    events = [[40.0, 12.0, 100.0, 6.0], [0.0, 5.0, 5.0, 300.0], [1.0, 1.0, 0.0, 0.0]]
    found = borrowed_events(NormalEngine(tau, m), ToyModel(), *split(events))
    np.testing.assert_allclose(found.borrowed[..., 0], closed_form(events, tau, m), rtol=1e-8)
    own = np.array(events) + 4 / (tau**2 + m**2)
    np.testing.assert_allclose(found.alone[..., 0], own, rtol=1e-8)
    with pytest.raises(AssertionError):
        shuffled = np.roll(closed_form(events, tau, m), 1, axis=1)
        np.testing.assert_allclose(found.borrowed[..., 0], shuffled, rtol=0.05)


def test_limits_of_the_normal_model():
    events = np.array([[40.0, 12.0, 100.0]])
    nothing = borrowed_events(NormalEngine(1e4, 1.0), ToyModel(), *split(events)).borrowed
    np.testing.assert_allclose(nothing, 0.0, atol=1e-6)
    everything = borrowed_events(NormalEngine(1e-5, 100.0), ToyModel(), *split(events)).borrowed[..., 0]
    np.testing.assert_allclose(everything, events.sum() - events, rtol=1e-3)


@pytest.fixture(scope="module")
def fitted():
    events, exposure = split([[40.0, 12.0, 100.0], [0.0, 30.0, 30.0], [20.0, 20.0, 20.0]])
    # The last trial's first subgroup disagrees with the two others.
    events[2, :, :, 0] = [[2.0, 18.0], [18.0, 2.0], [18.0, 2.0]]
    models = {"none": NoPooling(**PRIOR), "partial": PartialPooling(**PRIOR), "full": FullPooling(**PRIOR)}
    return {
        name: borrowed_events(LaplaceEngine(), model, events, exposure).borrowed[..., 0]
        for name, model in models.items()
    }


def test_no_pooling_borrows_nothing_and_full_pooling_everything(fitted):
    np.testing.assert_allclose(fitted["none"], 0.0, atol=1e-6)
    np.testing.assert_allclose(fitted["full"][:2], [[112.0, 140.0, 52.0], [60.0, 30.0, 30.0]], rtol=0.02)


def test_partial_pooling_borrows_in_between_and_can_lose(fitted):
    agreeing = fitted["partial"][:2]
    assert (agreeing > 1.0).all()
    assert (agreeing < fitted["full"][:2]).all()
    assert fitted["partial"][2, 0] < agreeing.min()


def test_blocks_do_not_matter_and_a_bad_fit_is_missing():
    events, exposure = split(np.arange(1.0, 190.0).reshape(63, 3))
    engine = NormalEngine(0.4, 1.0)
    found = borrowed_events(engine, ToyModel(), events, exposure).borrowed
    np.testing.assert_allclose(found[..., 0], closed_form(np.arange(1.0, 190.0).reshape(63, 3), 0.4, 1.0))
    assert np.isnan(
        borrowed_events(NormalEngine(0.4, 1.0, bad=True), ToyModel(), events, exposure).borrowed
    ).all()


def test_a_model_without_numbers_per_interval_is_its_own_collapsed_form():
    model = PartialPooling(**PRIOR)
    assert collapsed(model) is model


LIKE = PartialPooling(**PRIOR)
ONE_BY_ONE = {"nex_mean": 0.0, "nex_scale": 1.0}
EARLIER = {"informative_weight": 0.5, "informative_mean": -0.3, "informative_scale": 0.2}
HISTORY = {"events": np.full((3, 1), 20.0), "exposure": np.full((3, 1), 300.0), "discount": 0.5}
BORROWING = {
    "partial": (LIKE, True),
    "full": (FullPooling(**PRIOR), True),
    "none": (NoPooling(**PRIOR), False),
    "hazards": (GammaHazards(shape=0.1, rate=1.0), False),
    "robust": (RobustPooling(**PRIOR, **EARLIER), True),
    "nested": (NestedPooling(**PRIOR, class_scale=0.3, classes=(0,)), True),
    "per_arm": (PerArmPooling(**PRIOR), True),
    "exnex": (ExNex(**PRIOR, **ONE_BY_ONE, p_exchangeable=0.5), True),
    "exnex_one": (ExNex(**PRIOR, **ONE_BY_ONE, p_exchangeable=[1.0, 0.0, 0.0]), False),
    "exnex_none": (ExNex(**PRIOR, **ONE_BY_ONE, p_exchangeable=0.0), False),
}


@pytest.mark.parametrize("name", BORROWING)
def test_a_model_is_said_to_borrow_if_it_borrows_events(name):
    model, expected = BORROWING[name]
    engine = ConjugateEngine() if isinstance(model, GammaHazards) else LaplaceEngine()
    found = borrowed_events(engine, model, *split([[30.0, 20.0, 40.0]])).borrowed
    assert borrows(model, 3) == expected == bool((np.abs(found) > 0.5).all())
    assert expected or np.abs(found).max() < 0.05


def test_every_model_of_a_configuration_is_among_those_checked():
    assert set(MODELS.values()) <= {type(model) for model, _ in BORROWING.values()}


def test_earlier_controls_leave_it_to_the_model_inside():
    assert not borrows(HistoricalControls(model=NoPooling(**PRIOR), **HISTORY), 3)
    assert borrows(HistoricalControls(model=LIKE, **HISTORY), 3)


def test_a_single_subgroup_has_nothing_to_borrow_from():
    assert borrows(LIKE, 2) and not borrows(LIKE, 1)


def test_a_model_that_says_nothing_of_its_hierarchy_is_not_said_to_borrow():
    assert not borrows(ToyModel(), 3)
