"""Renaming arms or subgroups renames the results and changes nothing else."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adaptive.analysis import analyse_look
from adaptive.data import tabulate
from adaptive.design.decide import initial_progress
from adaptive.records import Snapshot
from adaptive.simulate.drivers import simulate
from tests.statistics import assert_mc_close
from tests.toy import toy_design, toy_scenario

DESIGN = toy_design()


def snapshot(rng, n=90):
    return Snapshot(
        subgroup=jnp.asarray(rng.integers(0, 2, n), jnp.int32),
        arm=jnp.asarray(rng.integers(0, 3, n), jnp.int32),
        time=jnp.asarray(rng.exponential(12.0, n)),
        event=jnp.asarray(rng.random(n) < 0.6),
        observed=jnp.asarray(rng.random(n) < 0.9),
        entry=jnp.asarray(rng.uniform(0.0, 24.0, n)),
    )


def brute_force_table(snap, cuts, s, a):
    events, exposure = np.zeros((s, a, len(cuts))), np.zeros((s, a, len(cuts)))
    stops = [*cuts[1:], np.inf]
    for i in range(len(snap.time)):
        if not snap.observed[i]:
            continue
        g, r, t = int(snap.subgroup[i]), int(snap.arm[i]), float(snap.time[i])
        for j, (start, stop) in enumerate(zip(cuts, stops, strict=True)):
            exposure[g, r, j] += max(min(t, stop) - start, 0.0)
            events[g, r, j] += bool(snap.event[i]) and start < t <= stop
    return events, exposure


def test_tabulate_agrees_with_loops_and_notices_ten_percent():
    rng = np.random.default_rng(5)
    cuts = np.array([0.0, 3.0, 9.0])
    snap = snapshot(rng)
    on_a_cut = dataclasses.replace(snap, time=snap.time.at[:5].set(3.0))
    for case in (snap, on_a_cut):
        table = tabulate(case, jnp.asarray(cuts), 2, 3)
        events, exposure = brute_force_table(case, cuts, 2, 3)
        np.testing.assert_array_equal(table.events, events)
        np.testing.assert_allclose(table.exposure, exposure, rtol=1e-12)
        planted = exposure * np.array([1.0, 1.1, 1.0])[None, :, None]
        with pytest.raises(AssertionError):
            np.testing.assert_allclose(table.exposure, planted, rtol=1e-12)


def relabelled(snap, subgroups, arms):
    return Snapshot(
        jnp.asarray(subgroups)[snap.subgroup],
        jnp.asarray(arms)[snap.arm],
        snap.time,
        snap.event,
        snap.observed,
        snap.entry,
    )


@pytest.mark.parametrize("subgroups, arms", [([1, 0], [0, 1, 2]), ([0, 1], [0, 2, 1]), ([1, 0], [0, 2, 1])])
def test_relabelling_a_snapshot_relabels_evidence_and_decision(subgroups, arms):
    snap = snapshot(np.random.default_rng(11))
    progress = initial_progress(DESIGN)
    evidence, decision = analyse_look(jax.random.key(0), DESIGN, snap, progress)
    moved, choice = analyse_look(jax.random.key(0), DESIGN, relabelled(snap, subgroups, arms), progress)
    s, b = np.asarray(subgroups), np.asarray(arms[1:]) - 1
    np.testing.assert_allclose(np.asarray(moved.statistics)[:, s][:, :, b], evidence.statistics, rtol=1e-12)
    np.testing.assert_allclose(np.asarray(moved.p_best)[s][:, arms], evidence.p_best, rtol=1e-12)
    np.testing.assert_array_equal(np.asarray(choice.verdict)[s][:, b], decision.verdict)
    np.testing.assert_allclose(np.asarray(choice.allocation)[s][:, arms], decision.allocation, rtol=1e-9)


@pytest.mark.statistical
def test_relabelling_a_trial_relabels_its_operating_characteristics():
    """Other random numbers meet each label, so claims agree within Monte Carlo error when moved back."""
    n = 4000
    effect = np.array([[-0.7, 0.0], [0.3, -1.0]])
    direct = simulate(DESIGN, toy_scenario(effect, mix=(0.6, 0.4)), seed=1, trials=np.arange(n)).result
    base = toy_scenario(effect[::-1, ::-1], mix=(0.4, 0.6))
    swapped = eqx.tree_at(lambda s: s.hazards.base, base, base.hazards.base[:, :, ::-1])
    moved = simulate(DESIGN, swapped, seed=2, trials=np.arange(n)).result
    ours = (direct.status == 2).mean(0)
    theirs = (moved.status == 2).mean(0)[::-1, ::-1]
    se = np.sqrt((ours * (1 - ours) + theirs * (1 - theirs)) / n) + 1e-9
    assert_mc_close(ours, theirs, se)
    with pytest.raises(AssertionError):
        assert_mc_close(ours, theirs[::-1, ::-1], se)
