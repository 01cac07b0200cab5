"""A trial's numbers do not depend on the driver, the chunk, or the trials beside it."""

import equinox as eqx
import jax
import numpy as np
import pytest

from adaptive.codes import StopReason
from adaptive.design.rules import EfficacyRule, FutilityRule
from adaptive.simulate import drivers
from adaptive.simulate.drivers import simulate
from adaptive.simulate.step import open_trial
from tests.toy import toy_design, toy_scenario

DESIGN = toy_design(
    rules=(
        EfficacyRule(margin=1.0, threshold=np.full(3, 0.8)),
        FutilityRule(margin=1.0, threshold=np.array([0.4, 0.5, np.nan])),
    )
)
SCENARIO = toy_scenario(((-0.9, -1.6), (0.5, -1.5)), rate=3.0)
SEED = 7


def rows(simulated, chosen):
    return jax.tree.map(lambda leaf: leaf[chosen], simulated)


def assert_same(left, right):
    pairs = zip(jax.tree_util.tree_leaves_with_path(left), jax.tree.leaves(right), strict=True)
    for (path, a), b in pairs:
        np.testing.assert_array_equal(a, b, err_msg=jax.tree_util.keystr(path))


@pytest.fixture(scope="module")
def reference():
    return simulate(DESIGN, SCENARIO, seed=SEED, trials=np.arange(700), driver="scan")


def test_reference_has_early_stops_and_late_ones(reference):
    early = (reference.result.reason < StopReason.FINAL_LOOK).mean()
    assert 0.1 < early < 0.95


def test_dropping_equals_scan(reference):
    assert_same(simulate(DESIGN, SCENARIO, seed=SEED, trials=np.arange(700)), reference)


@pytest.mark.parametrize("chunks", [(1, 2, 697), (350, 350), (255, 257, 188)])
def test_chunks_do_not_matter(reference, chunks):
    start = 0
    for size in chunks:
        part = simulate(DESIGN, SCENARIO, seed=SEED, trials=np.arange(start, start + size))
        assert_same(part, rows(reference, slice(start, start + size)))
        start += size


def test_order_and_company_do_not_matter(reference):
    chosen = np.array([600, 3, 41, 3])
    assert_same(simulate(DESIGN, SCENARIO, seed=SEED, trials=chosen), rows(reference, chosen))


@pytest.mark.parametrize("workers", [1, 3])
def test_workers_and_groups_do_not_matter(reference, monkeypatch, workers):
    """With fewer blocks to a group other trials are packed together, and other threads run them."""
    monkeypatch.setattr(drivers.os, "cpu_count", lambda: workers)
    monkeypatch.setattr(drivers, "GROUP", 2)
    assert_same(simulate(DESIGN, SCENARIO, seed=SEED, trials=np.arange(700)), reference)


def test_the_look_that_advised_is_the_first_with_advice():
    advisory = toy_design(
        rules=(
            DESIGN.rules[0],
            FutilityRule(margin=1.0, threshold=np.array([0.4, 0.5, np.nan]), binding=False),
        )
    )
    result, looks = simulate(advisory, SCENARIO, seed=SEED, trials=np.arange(200))
    given = (looks.decision.advice > 0) & looks.held[:, :, None, None]
    first = np.where(given.any(axis=1), given.argmax(axis=1), -1)
    np.testing.assert_array_equal(result.advised_look, first)
    assert {-1, 0, 1} <= set(first.ravel().tolist())


def test_another_seed_gives_other_trials(reference):
    other = simulate(DESIGN, SCENARIO, seed=SEED + 1, trials=np.arange(50))
    assert not np.array_equal(other.result.months, reference.result.months[:50])


def test_designs_share_the_same_patients():
    """More room for arrivals leaves the first ones as they were."""
    wide = toy_design(max_patients=200)
    narrow, broad = (
        eqx.filter_jit(open_trial)(d, SCENARIO, np.uint32(1), np.uint32(5))[0] for d in (DESIGN, wide)
    )
    n = narrow.entry.shape[0]
    for name in ("entry", "subgroup", "time", "event", "assignment"):
        np.testing.assert_array_equal(getattr(narrow, name), getattr(broad, name)[..., :n])


@pytest.mark.parametrize("fault", ["arms", "subgroups", "endpoint", "driver", "empty"])
def test_mismatch_is_refused(fault):
    design, options = DESIGN, dict(trials=np.arange(2), driver="scan")
    if fault == "arms":
        design = toy_design(arms=("control", "high", "low"))
    elif fault == "subgroups":
        design = toy_design(subgroups=("red", "green"))
    elif fault == "endpoint":
        design = toy_design(endpoint=("relapse",))
    elif fault == "driver":
        options["driver"] = "quick"
    else:
        options["trials"] = np.arange(0)
    with pytest.raises(ValueError, match=r"differ|endpoint|unknown|non-empty"):
        simulate(design, SCENARIO, seed=1, **options)
