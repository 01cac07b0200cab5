"""Predictive probability by imputation against brute force in plain NumPy, with planted bugs."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from adaptive.analysis import fit_look
from adaptive.codes import CellStatus
from adaptive.design.allocation import FixedAllocation
from adaptive.design.assignment_blocks import PermutedBlocks
from adaptive.design.decide import at_look, initial_progress
from adaptive.design.looks import CalendarLooks, FollowUpLook, Then
from adaptive.design.measure import HazardRatioBelow
from adaptive.design.protocol import Analysis, Design, Limits
from adaptive.design.rules import EfficacyRule
from adaptive.measures.cox import Cox
from adaptive.measures.final import FinalTest, TwoSided
from adaptive.measures.imputation import Assumed, complete, present_of
from adaptive.measures.log_rank import LogRank
from adaptive.measures.predictive import PredictiveProbability
from adaptive.models.hazards import GammaHazards
from adaptive.posterior.conjugate import ConjugateEngine
from adaptive.records import FittedLook, Snapshot
from tests.independent.predictive_brute import Trial, gamma_ratio, log_rank, predictive
from tests.statistics import assert_mc_close

N_OURS, N_THEIRS, MOST, RATE, FOLLOW_UP, WAIT, DROPOUT = 4000, 20000, 24, 1.5, 7.0, 5.0, 0.03
CUTOFF = 9.0


def small_trial() -> Trial:
    """Fourteen patients at month 9: three events, three treated lost long ago, the others in follow-up."""
    rng = np.random.default_rng(0)
    n = 14
    entry, arm = np.sort(rng.uniform(0, CUTOFF, n)), np.arange(n) % 2
    months = rng.exponential(1 / np.where(arm == 1, 0.11, 0.14))
    seen = np.minimum(CUTOFF - entry, FOLLOW_UP)
    lost = np.isin(np.arange(n), (1, 3, 5))
    event = (months < seen) & ~lost
    time = np.where(lost, 0.3 * seen, np.where(event, months, seen))
    return Trial(entry, arm, time, event, lost | (seen == FOLLOW_UP), CUTOFF)


TRIAL = small_trial()
DESIGN = Design(
    name="small",
    arms=("control", "treatment"),
    subgroups=("all",),
    endpoint=("event",),
    eligible=np.ones((1, 1), bool),
    limits=Limits(np.int32(MOST), np.full(1, MOST, np.int32), 1000.0, MOST),
    looks=Then(CalendarLooks([CUTOFF]), FollowUpLook(WAIT)),
    allocation=FixedAllocation([1.0, 1.0]),
    rules=(EfficacyRule(margin=1.0, threshold=[np.nan, 0.9]),),
    analysis=Analysis(np.zeros(1), GammaHazards(0.1, 0.1), ConjugateEngine()),
)
TESTS = {
    "log_rank": (LogRank(), 0.9, log_rank(0.9)),
    "bayesian": (HazardRatioBelow(1.0), 0.9, gamma_ratio(0.9)),
}


def look_of(trial: Trial = TRIAL, key: int = 1) -> FittedLook:
    """Return the look, with room for future patients."""
    n = trial.entry.size
    wide = lambda x, kind: jnp.asarray(np.concatenate([x, np.zeros(MOST - n)]).astype(kind))  # noqa: E731
    snapshot = Snapshot(
        subgroup=wide(np.zeros(n), np.int32),
        arm=wide(trial.arm, np.int32),
        time=wide(trial.time, float),
        event=wide(trial.event, bool),
        observed=wide(np.ones(n), bool),
        entry=wide(trial.entry, float),
    )
    table, posterior = fit_look(jr.key(0), DESIGN, snapshot)
    progress = at_look(initial_progress(DESIGN), 0, trial.cutoff, False)
    return FittedLook(jr.key(key), snapshot, table, posterior, progress)


def ours(measure, threshold, sample, n=N_OURS) -> float:
    final = FinalTest(measure, threshold)
    predicted = PredictiveProbability(
        final, Assumed(RATE, FOLLOW_UP, jnp.asarray(DROPOUT)), sample=sample, n=n
    )
    return float(eqx.filter_jit(lambda look: predicted.value(DESIGN, look))(look_of())[0, 0])


def theirs(test, sample, bug=None) -> float:
    return predictive(
        TRIAL,
        grow=sample == "maximum",
        test=test,
        n=N_THEIRS,
        seed=8,
        most=MOST,
        rate=RATE,
        follow_up=FOLLOW_UP,
        wait=WAIT,
        dropout=DROPOUT,
        bug=bug,
    )


def standard_error(p: float) -> float:
    return float(np.sqrt(max(p * (1 - p), 0.01) * (1 / N_OURS + 1 / N_THEIRS)))


@pytest.fixture(scope="module")
def values():
    return {(name, s): ours(*TESTS[name][:2], s) for name in TESTS for s in ("current", "maximum")}


@pytest.mark.parametrize("sample", ["current", "maximum"])
@pytest.mark.parametrize("name", TESTS)
def test_imputation_agrees_with_brute_force(values, name, sample):
    expected = theirs(TESTS[name][2], sample)
    assert 0.01 < expected < 0.99
    assert_mc_close(values[name, sample], expected, standard_error(expected), n_checks=4)


@pytest.mark.parametrize("bug", ["imputes the dropped out", "starts at zero"])
def test_a_planted_bug_is_seen(values, bug):
    wrong = [theirs(TESTS[name][2], sample, bug) for name, sample in values]
    with pytest.raises(AssertionError):
        errors = np.array([standard_error(p) for p in wrong])
        assert_mc_close(np.array(list(values.values())), np.array(wrong), errors, n_checks=4)


@pytest.mark.parametrize("measure", [LogRank(1.2), TwoSided(LogRank()), HazardRatioBelow(0.9)])
def test_the_quick_forms_of_the_final_test_are_the_measures_themselves(measure):
    look = look_of()
    both = eqx.filter_jit(
        lambda s, w: (FinalTest(measure, 0.9).value(DESIGN, w.key, s, w.progress), measure.value(DESIGN, w))
    )
    for seed in range(3):
        shuffled = np.random.default_rng(seed).permutation(MOST)
        snapshot = eqx.tree_at(lambda s: s.time, look.snapshot, look.snapshot.time + 0.01 * shuffled)
        table, posterior = fit_look(jr.key(0), DESIGN, snapshot)
        whole = FittedLook(look.key, snapshot, table, posterior, look.progress)
        quick, own = both(snapshot, whole)
        np.testing.assert_allclose(quick, own, atol=2e-6)


def test_any_measure_may_be_the_final_test(values):
    """A two-sided test and Cox's Wald test, which has no quick form; both claim less on so few events."""
    expected = theirs(log_rank(0.8, two_sided=True), "maximum")
    two_sided = ours(TwoSided(LogRank()), 0.8, "maximum")
    assert_mc_close(two_sided, expected, standard_error(expected))
    cox = ours(Cox(), 0.9, "maximum", n=400)
    assert 0.0 < cox < values["log_rank", "maximum"] + 0.05


def test_nothing_is_predicted_at_the_final_look_or_without_an_open_cell():
    measure = PredictiveProbability(FinalTest(LogRank(), 0.9), Assumed(RATE, FOLLOW_UP), n=10)
    look = look_of()
    last = eqx.tree_at(lambda x: x.progress.is_final, look, jnp.asarray(True))
    waiting = eqx.tree_at(
        lambda x: x.progress.status, look, jnp.full((1, 1), int(CellStatus.AWAITING), jnp.int32)
    )
    value = eqx.filter_jit(lambda look: measure.value(DESIGN, look))
    assert np.isfinite(value(look)).all()
    for none in (last, waiting):
        assert np.isnan(value(none)).all()


def test_trials_that_need_nothing_do_not_change_the_others():
    measure = PredictiveProbability(FinalTest(LogRank(), 0.9), Assumed(RATE, FOLLOW_UP), n=20)
    looks = [look_of(key=key) for key in range(5)]
    final = [True, False, True, False, False]
    looks = [
        eqx.tree_at(lambda x: x.progress.is_final, look, jnp.asarray(f))
        for look, f in zip(looks, final, strict=True)
    ]
    together = jax.jit(jax.vmap(lambda look: measure.value(DESIGN, look)))(
        jax.tree.map(lambda *x: jnp.stack(x), *looks)
    )
    value = eqx.filter_jit(lambda look: measure.value(DESIGN, look))
    alone = np.stack([value(look) for look in looks])
    np.testing.assert_array_equal(together, alone)
    assert np.isnan(alone[:, 0, 0]).tolist() == final


def test_permuted_blocks_fill_the_trial_evenly():
    design = eqx.tree_at(lambda d: d.assignment, DESIGN, PermutedBlocks(2), is_leaf=lambda x: x is None)
    look = look_of()
    hazard = jnp.full((1, 2, 1), 0.1)
    finish = eqx.filter_jit(
        lambda x: complete(design, present_of(design, x), Assumed(RATE), hazard, jnp.asarray(3), grow=True)
    )
    done = finish(look)
    assert done.observed.all() and int((done.arm == 1).sum()) == MOST // 2
    np.testing.assert_array_equal(done.entry[:14], look.snapshot.entry[:14].astype(jnp.float32))
    assert np.all(np.diff(done.entry[14:]) > 0) and done.entry[14] > CUTOFF
