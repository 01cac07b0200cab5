"""What every measure promises: shape, range, sign, exchangeability, the same numbers under jit and vmap."""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from adaptive.analysis import fit_look
from adaptive.design.decide import initial_progress
from adaptive.design.measure import AbstractMeasure, Favours
from adaptive.design.protocol import Analysis, Design
from adaptive.models.hazards import GammaHazards
from adaptive.models.pooling import PartialPooling
from adaptive.posterior.conjugate import ConjugateEngine
from adaptive.posterior.laplace import LaplaceEngine
from adaptive.records import FittedLook, Snapshot
from tests.strategy_examples import MEASURES
from tests.toy import toy_design

NAMES = tuple(name for name in MEASURES if name != "predictive")
"""Full imputation is examined at the end of this file: with the pooling model it compiles for minutes."""
DESIGN = toy_design(
    analysis=Analysis(
        cuts=np.array([0.0, 6.0]), model=PartialPooling(1.0, 0.3, 0.01, 0.1), engine=LaplaceEngine()
    )
)
QUICK = toy_design(
    analysis=Analysis(cuts=np.zeros(1), model=GammaHazards(0.01, 0.1), engine=ConjugateEngine())
)


def patients(log_hr, seed=1, n=480) -> Snapshot:
    """Return two subgroups and three arms after 30 months, with a log hazard ratio per cell, ``(2, 2)``."""
    rng = np.random.default_rng(seed)
    subgroup, arm = rng.integers(2, size=n), rng.integers(3, size=n)
    effect = np.concatenate([np.zeros((2, 1)), np.broadcast_to(log_hr, (2, 2))], axis=1)[subgroup, arm]
    entry = np.sort(rng.uniform(0, 24, n))
    event_time = rng.exponential(size=n) / (0.06 * np.exp(effect))
    return Snapshot(
        subgroup=jnp.asarray(subgroup, jnp.int32),
        arm=jnp.asarray(arm, jnp.int32),
        time=jnp.asarray(np.minimum(event_time, 30 - entry)),
        event=jnp.asarray(event_time <= 30 - entry),
        observed=jnp.asarray(rng.random(n) < 0.95),
        entry=jnp.asarray(entry),
    )


def taken(design: Design, measures, snapshot: Snapshot):
    """Return measures of a snapshot, ``(G, S, B)``."""
    table, posterior = fit_look(jr.key(0), design, snapshot)
    look = FittedLook(jr.key(1), snapshot, table, posterior, initial_progress(design))
    return jnp.stack([measure.value(design, look) for measure in measures])


def each_value(snapshot: Snapshot):
    """Return every measure, ``(G, S, B)``."""
    return taken(DESIGN, [MEASURES[name] for name in NAMES], snapshot)


jitted = eqx.filter_jit(each_value)


@pytest.fixture(scope="module")
def seen():
    """Every measure where the arms are alike, much better and much worse, one snapshot each."""
    truths = {Favours.NEITHER: 0.0, Favours.BENEFIT: -1.2, Favours.HARM: 1.2}
    return {truth: np.asarray(jitted(patients(log_hr))) for truth, log_hr in truths.items()}


def concrete(kind: type) -> list[type]:
    below = [child for child in kind.__subclasses__() if child.__module__.startswith("adaptive.")]
    return [kind] if not below else [each for child in below for each in concrete(child)]


def test_every_measure_is_examined():
    assert {type(measure) for measure in MEASURES.values()} == set(concrete(AbstractMeasure))


def test_values_are_probabilities_of_every_cell(seen):
    for values in seen.values():
        assert values.shape == (len(NAMES), 2, 2)
        assert np.all((values >= 0) & (values <= 1))


@pytest.mark.parametrize("name", NAMES)
def test_large_values_speak_for_what_the_measure_favours(seen, name):
    """Lesson L2: the sign of every measure, under a strong benefit, no effect and a strong harm."""
    at = NAMES.index(name)
    favoured = MEASURES[name].favours
    for truth, values in seen.items():
        if favoured == Favours.EITHER:
            assert truth == Favours.NEITHER or np.all(values[at].max(axis=1) > 0.7)
        elif truth == favoured:
            assert np.all(values[at].max(axis=1) > 0.7)
        elif Favours.NEITHER not in (truth, favoured) or favoured == Favours.NEITHER:
            assert np.all(values[at] < 0.2)


def test_a_measure_with_its_sign_turned_round_is_seen(seen):
    turned = {truth: 1.0 - values for truth, values in seen.items()}
    with pytest.raises(AssertionError):
        test_large_values_speak_for_what_the_measure_favours(turned, "log_rank")


@pytest.mark.parametrize("name", NAMES)
def test_names_and_words(name):
    measure = MEASURES[name]
    assert measure.name.replace(".", "").replace("_", "").replace("-", "").isalnum()
    assert measure.words and not measure.words.endswith(".")
    others = {other.name for key, other in MEASURES.items() if other != measure and key != name}
    assert measure.name not in others


def test_jit_and_vmap_change_nothing():
    """With the exact engine, which compiles quickly; it has no mean effect, a number that is not there."""
    measures = [MEASURES[name] for name in NAMES]
    snapshots = [patients(-0.3, seed=seed) for seed in (1, 2)]
    one = lambda snapshot: taken(QUICK, measures, snapshot)  # noqa: E731
    loop = np.stack([jax.jit(one)(snapshot) for snapshot in snapshots])
    together = jax.jit(jax.vmap(one))(jax.tree.map(lambda *x: jnp.stack(x), *snapshots))
    np.testing.assert_allclose(together, loop, atol=2e-5)
    for name in ("equivalence", "log_rank"):
        eager = taken(QUICK, [MEASURES[name]], snapshots[0])[0]
        np.testing.assert_allclose(eager, loop[0, NAMES.index(name)], atol=2e-5)
    np.testing.assert_array_equal(np.isnan(loop).all(axis=(0, 2, 3)), [n == "pooled_effect" for n in NAMES])


def test_the_order_of_patients_does_not_matter():
    snapshot = patients(-0.3)
    turned = jax.tree.map(lambda x: x[::-1], snapshot)
    np.testing.assert_allclose(jitted(turned), jitted(snapshot), atol=2e-5)


def test_equal_subgroups_and_arms_are_exchangeable():
    """Lesson L3: renaming subgroups, or arms, permutes every measure and changes none."""
    snapshot = patients(np.array([[-0.6, 0.2], [0.0, -0.2]]))
    values = np.asarray(jitted(snapshot))
    subgroups = jitted(replace(snapshot, subgroup=1 - snapshot.subgroup))
    np.testing.assert_allclose(subgroups, values[:, ::-1], atol=5e-4)
    arms = jitted(replace(snapshot, arm=jnp.asarray([0, 2, 1], jnp.int32)[snapshot.arm]))
    np.testing.assert_allclose(arms, values[:, :, ::-1], atol=5e-4)
    assert np.abs(values - values[:, ::-1]).max() > 0.05


def test_margins_are_monotone_and_compile_once():
    traces = []

    @eqx.filter_jit
    def run(measure, snapshot):
        traces.append(type(measure).__name__)
        return taken(QUICK, [measure], snapshot)[0]

    snapshot, kinds = patients(0.0), ("log_rank", "non_inferiority_risk")
    for kind in kinds:
        margins = (0.02, 0.1, 0.2) if kind == "non_inferiority_risk" else (0.8, 1.0, 1.3)
        swept = [eqx.tree_at(lambda m: m.margin, MEASURES[kind], jnp.asarray(x)) for x in margins]
        values = np.stack([run(measure, snapshot) for measure in swept])
        assert np.all(np.diff(values, axis=0) > 0)
    assert len(traces) == len(kinds)


class TestFullImputation:
    """The same promises for ``predictive``, with the exact engine."""

    measure = MEASURES["predictive"]
    one = staticmethod(eqx.filter_jit(lambda measure, snapshot: taken(QUICK, [measure], snapshot)[0]))

    def test_sign_shape_and_range(self):
        found = {log_hr: np.asarray(self.one(self.measure, patients(log_hr))) for log_hr in (-1.2, 0.0, 1.2)}
        for values in found.values():
            assert values.shape == (2, 2) and np.all((values >= 0) & (values <= 1))
        assert self.measure.favours == Favours.BENEFIT
        assert np.all(found[-1.2].max(axis=1) > 0.7) and np.all(found[1.2] < 0.2)

    def test_jit_and_vmap_change_nothing(self):
        snapshots = [patients(-0.3, seed=seed) for seed in (1, 2)]
        loop = np.stack([self.one(self.measure, snapshot) for snapshot in snapshots])
        stacked = jax.tree.map(lambda *x: jnp.stack(x), *snapshots)
        together = jax.jit(jax.vmap(lambda snapshot: taken(QUICK, [self.measure], snapshot)[0]))(stacked)
        np.testing.assert_allclose(together, loop, atol=1e-12)
        np.testing.assert_allclose(taken(QUICK, [self.measure], snapshots[0])[0], loop[0], atol=1e-12)
        assert np.ptp(loop) > 0.05

    def test_a_sweep_of_the_final_threshold_is_monotone_and_compiles_once(self):
        traces = []

        @eqx.filter_jit
        def run(measure, snapshot):
            traces.append(1)
            return taken(QUICK, [measure], snapshot)[0]

        swept = [
            eqx.tree_at(lambda m: m.final.threshold, self.measure, jnp.asarray(x)) for x in (0.9, 0.975, 0.99)
        ]
        values = np.stack([run(measure, patients(-0.3)) for measure in swept])
        assert np.all(np.diff(values, axis=0) <= 0) and np.any(np.diff(values, axis=0) < 0)
        assert len(traces) == 1

    def test_renaming_subgroups_changes_no_more_than_imputation_noise(self):
        """Imputed patients draw other arms after a renaming; the numbers agree within imputation's error."""
        snapshot = patients(np.array([[-0.6, 0.2], [0.0, -0.2]]))
        turned = replace(snapshot, subgroup=1 - snapshot.subgroup)
        values, other = (np.asarray(self.one(self.measure, each)) for each in (snapshot, turned))
        spread = np.sqrt((values * (1 - values) + 0.25 / self.measure.n) / self.measure.n)
        # Four differences of two independent shares, two-sided at 0.001 after Bonferroni.
        assert np.all(np.abs(other[::-1] - values) < 3.67 * np.sqrt(2) * spread)
        assert np.abs(other - values).max() > 3.67 * np.sqrt(2) * spread.max()
