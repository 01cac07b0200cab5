"""The counts of an audit: exact limits, clusters, and totals estimated from two samples."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from adaptive.oc.audit_change import Behind, changes, clopper_pearson, decisions, induced
from adaptive.oc.audit_frame import Frame
from adaptive.oc.audit_judge import BEST
from adaptive.oc.audit_sample import draw_sample, draw_trials
from adaptive.oc.audit_summary import clustered_share, differences, fits, flips, summarise
from adaptive.oc.audit_text import share_text, told
from tests.statistics import assert_mc_close


@pytest.mark.parametrize(("found", "n"), [(0, 40), (1, 40), (17, 300), (40, 40)])
def test_limits_are_the_exact_binomial_ones(found, n):
    expected = binomtest(found, n).proportion_ci(method="exact")
    assert clopper_pearson(found, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_nothing_seen_says_nothing():
    assert clopper_pearson(0, 0) == (0.0, 1.0)


def test_a_share_of_independent_decisions_has_the_binomial_limits():
    found = np.arange(400) < 20
    share = clustered_share(found, np.ones(400, int))
    low, high = clopper_pearson(20, 400)
    assert share["share"] == 0.05
    assert (share["lower"], share["upper"]) == pytest.approx((low, high), abs=5e-4)


def test_decisions_that_always_agree_count_as_one():
    alone = clustered_share(np.arange(400) < 20, np.ones(400, int))
    eightfold = clustered_share(8 * (np.arange(400) < 20), np.full(400, 8))
    assert eightfold["n"] == 3200
    assert (eightfold["lower"], eightfold["upper"]) == pytest.approx(
        (alone["lower"], alone["upper"]), abs=1e-3
    )


def test_no_flip_in_any_cluster_is_as_if_each_had_one_decision():
    assert clustered_share(np.zeros(50), np.full(50, 8))["upper"] == clopper_pearson(0, 50)[1]


def made(cell, sample, flip, claim):
    """Return an audit's table of looks with one decision each."""
    n = sample.trial.size
    rows = pd.DataFrame(
        {
            "scenario": "s",
            "design": np.array(["a", "b"], object)[cell],
            "trial": sample.trial,
            "look": sample.look,
            "random": sample.random,
            "near": sample.near,
            "subgroup": "x",
            "arm": "y",
            "quantity": "P(HR < 1)",
            "rule": "efficacy",
            "open": True,
            "null": claim,
            "health": "OK",
            "fast_health": "OK",
            "events": 50.0,
            "distance": sample.distance,
            "p_fast": 0.9,
            "p_nuts": 0.9,
            "mcse": 0.01,
            "flip": flip,
            "real": flip,
            "verdict_fast": np.where(flip, "EFFICACY", "NONE"),
            "verdict_nuts": "NONE",
            "reproduced": True,
            "rhat": 1.0,
            "ess": 900.0,
            "divergences": 0,
            "draws": 1000,
            "attempts": 1,
            "allocation_fast": np.nan,
            "allocation_nuts": np.nan,
        }
    )
    assert len(rows) == n
    return rows


def population(seed=0, size=4000):
    """Return two cells' looks whose flips depend on the distance, as an engine's would."""
    rng = np.random.default_rng(seed)
    frames, flipped = [], []
    for cell in range(2):
        distance = rng.exponential(2.0, size)
        frames.append(Frame(np.arange(size) // 4, np.arange(size) % 4, distance, size // 4))
        flipped.append(rng.random(size) < np.where(distance < 0.1, 0.5, 0.01 * (cell + 1)))
    return frames, flipped


def estimates(frames, flipped, seed, weights=True):
    sample = draw_sample(frames, seed, n_random=300, n_near=200)
    flip = np.array(
        [flipped[c][4 * t + k] for c, t, k in zip(sample.cell, sample.trial, sample.look, strict=True)]
    )
    table = made(sample.cell, sample, flip, flip)
    looks, trials = 8000, 2000
    if not weights:
        return looks * flip.mean() / trials
    return changes(table, Behind(looks, trials)).iloc[0].per_trial


def test_looks_with_a_flip_are_estimated_without_bias():
    """Near looks are counted once, the others stand for the rest; adding the samples up instead is biased."""
    frames, flipped = population()
    truth = sum(flip.sum() for flip in flipped) / 2000
    drawn = np.array([estimates(frames, flipped, seed) for seed in range(60)])
    error = drawn.std(ddof=1) / np.sqrt(drawn.size)
    assert_mc_close(drawn.mean(), truth, error, label="flipped looks per trial")
    naive = np.mean([estimates(frames, flipped, seed, weights=False) for seed in range(10)])
    with pytest.raises(AssertionError):
        assert_mc_close(naive, truth, error)


def net_claims(frames, gained, lost, seed):
    """Return the table of a drawn sample in which both engines make claims that the other does not."""
    sample = draw_sample(frames, seed, n_random=300, n_near=200)
    place = list(zip(sample.cell, 4 * sample.trial + sample.look, strict=True))
    won, missed = (np.array([marks[c][row] for c, row in place]) for marks in (gained, lost))
    claims = {"verdict_fast": np.where(won, "EFFICACY", "NONE")}
    claims["verdict_nuts"] = np.where(missed, "EFFICACY", "NONE")
    return made(sample.cell, sample, won | missed, True).assign(**claims)


def test_the_induced_change_is_unbiased_and_its_error_is_that_of_drawing_again():
    frames, flipped = population(size=2000)
    rng = np.random.default_rng(5)
    side = [rng.random(flip.size) < 0.7 for flip in flipped]
    gained = [flip & up for flip, up in zip(flipped, side, strict=True)]
    lost = [flip & ~up for flip, up in zip(flipped, side, strict=True)]
    looks, trials = 4000, 1000
    truth = sum(map(np.sum, gained)) / trials - sum(map(np.sum, lost)) / trials
    tables = [net_claims(frames, gained, lost, seed) for seed in range(80)]
    rows = [induced(table, Behind(looks, trials), {"type_i_error": 1.0}).iloc[0] for table in tables]
    drawn = np.array([row.estimate for row in rows])
    spread = drawn.std(ddof=1)
    assert_mc_close(drawn.mean(), truth, spread / np.sqrt(drawn.size), label="net claims")
    stated = np.mean([row.mcse for row in rows])
    # 300 of 3,800 looks are drawn without replacement, and half an observation is added to either kind.
    assert_mc_close(stated / spread, 1.0, 1 / np.sqrt(2 * 80), allowance=0.12, label="its error")
    alike = [t.verdict_fast.eq("EFFICACY").mean() - t.verdict_nuts.eq("EFFICACY").mean() for t in tables]
    with pytest.raises(AssertionError):
        assert_mc_close(np.mean(alike) * looks / trials, truth, spread / np.sqrt(drawn.size))


def two_cells(fast, nuts, null=True):
    """Return an audit of one look, drawn at random, with two open cells."""
    sample = draw_sample([Frame(np.zeros(1, int), np.zeros(1, int), np.array([0.5]), 1)], 1, 1, 0)
    one = made(sample.cell, sample, True, null)
    claims = zip(fast, nuts, ("x", "z"), strict=True)
    return pd.concat([one.assign(verdict_fast=f, verdict_nuts=n, subgroup=s) for f, n, s in claims])


@pytest.mark.parametrize(
    ("fast", "nuts", "cells", "trial"),
    [
        (("EFFICACY", "EFFICACY"), ("NONE", "NONE"), 2, 1),
        (("EFFICACY", "NONE"), ("NONE", "EFFICACY"), 0, 0),
        (("EFFICACY", "EFFICACY"), ("EFFICACY", "NONE"), 1, 0),
        (("FUTILITY", "NONE"), ("NONE", "EFFICACY"), -1, -1),
    ],
)
def test_claims_are_netted_per_cell_and_per_trial(fast, nuts, cells, trial):
    sizes = {"type_i_error": 2.0, "power": 0.0, "fwer": 1.0, "disjunctive_power": 0.5}
    found = induced(two_cells(fast, nuts), Behind(1, 1), sizes).set_index("metric")
    assert found.estimate.to_dict() == {"type_i_error": cells / 2, "fwer": trial, "disjunctive_power": 0.0}
    true = induced(two_cells(fast, nuts, null=False), Behind(1, 1), sizes).set_index("metric")
    assert true.estimate["type_i_error"] == 0 and true.estimate["disjunctive_power"] == 2 * trial


def test_where_no_claim_differs_the_error_is_not_nought():
    table = small_table().assign(verdict_fast="NONE")
    (row,) = induced(table, Behind(8000, 2000), {"power": 1.0}).to_dict("records")
    assert row["estimate"] == 0 and row["gained"] == row["lost"] == 0
    rest = (table.random & ~table.near).sum()
    others = 8000 - table.near.sum()
    assert row["mcse"] == pytest.approx(others / 2000 / (rest + 2))


def test_samples_are_addressed_and_disjoint_from_nothing_but_chance():
    frames, _ = population()
    first, again, other = (draw_sample(frames, seed, 300, 200) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first.trial[first.random], other.trial[other.random])
    assert first.random.sum() == 300 and first.near.sum() == 200
    assert np.array_equal(first.distance[first.near], other.distance[other.near])
    every = np.sort(np.concatenate([frame.distance for frame in frames]))
    np.testing.assert_array_equal(np.sort(first.distance[first.near]), every[:200])


def test_more_looks_than_there_are_means_all():
    frames, _ = population(size=40)
    sample = draw_sample(frames, 1, 1000, 1000)
    assert sample.random.all() and sample.near.all() and sample.trial.size == 80


def test_looks_without_a_rule_are_never_near():
    frame = Frame(np.arange(5), np.zeros(5, int), np.array([1.0, np.inf, 2.0, np.inf, np.inf]), 5)
    assert draw_sample([frame], 1, 5, 4).near.tolist() == [True, False, True, False, False]


def test_trials_are_drawn_without_replacement():
    drawn = draw_trials(3, 0, np.arange(100) * 2, 30)
    assert drawn.size == np.unique(drawn).size == 30 and set(drawn) <= set(range(0, 200, 2))
    assert draw_trials(3, 0, np.arange(10), 30).tolist() == list(range(10))


def small_table():
    sample = draw_sample(population()[0], 1, 200, 100)
    return made(sample.cell, sample, np.arange(sample.trial.size) % 50 == 0, False)


def test_fits_that_fail_are_counted_and_decide_nothing():
    table = small_table()
    bad = table.index[:7]
    table.loc[bad, ["health", "attempts"]] = ["NOT_CONVERGED", 2]
    assert fits(table)["unresolved"] == fits(table)["repeated"] == 7
    assert len(decisions(table)) == len(table) - 7
    summary = {
        "fits": fits(table),
        "flips": flips(table).to_dict("records"),
        "differences": differences(table).to_dict("records"),
        "changes": changes(table, Behind(8000, 2000)).to_dict("records"),
        "behind": {"looks": 8000, "trials": 2000},
    }
    text = " ".join(told(summary))
    assert "7 failed a check" in text and "7 fail still (NOT_CONVERGED 7) and are counted apart" in text


def test_an_audit_without_a_usable_fit_or_without_random_looks_says_so():
    hopeless = summarise(small_table().assign(health="LOW_ESS"), Behind(8000, 2000))
    text = " ".join(told(hopeless))
    assert "fail still (LOW_ESS" in text and "No decision at random looks was audited" in text
    near = summarise(small_table().assign(random=False), Behind(8000, 2000))
    assert "Without random looks" in " ".join(told(near))


def test_strata_add_up():
    table = flips(small_table())
    for _, own in table.groupby("sample"):
        every, parts = own[own.stratum == "all"], own[own.stratum.isin(["band", "unapplied"])]
        assert every.decisions.item() == parts.decisions.sum()
        assert every.flips.item() == parts.flips.sum()
        within = own[own.stratum == "within"]
        assert within.decisions.item() == own[(own.stratum == "band") & (own.to <= 1)].decisions.sum()


def test_decisions_that_no_rule_could_change_are_told_apart():
    table = small_table()
    idle = table.index[1:41]
    table.loc[idle, "distance"] = np.inf
    found = flips(table)
    none = found[(found["sample"] == "random") & (found.stratum == "unapplied")].decisions.item()
    assert none == table.loc[idle].random.sum() and none > 0
    far = found[(found["sample"] == "random") & (found["from"] == 1.0)].decisions.item()
    assert far == (table.random & np.isfinite(table.distance) & (table.distance >= 1)).sum()
    summary = summarise(table, Behind(8000, 2000))
    (row,) = found[(found["sample"] == "random") & (found.stratum == "within")].to_dict("records")
    text = " ".join(told(summary))
    assert f"{none} decisions cannot differ" in text and text.count("cannot differ") == 1
    assert f"{row['flips']} of them are among the {row['decisions']} decisions within 1 logit" in text


def test_noise_of_the_reference_is_taken_out_of_the_differences():
    rng = np.random.default_rng(4)
    table = pd.concat([small_table()] * 20, ignore_index=True)
    table["trial"] = np.arange(len(table))
    table["p_nuts"] = table.p_fast + rng.normal(0.0, table.mcse)
    quiet = differences(table).query("sample == 'random' and all").iloc[0]
    assert quiet.excess_upper < 0.004 and quiet.beyond < 0.01
    table["p_fast"] = table.p_fast + rng.normal(0.0, 0.008, len(table))
    loud = differences(table).query("sample == 'random' and all").iloc[0]
    assert_mc_close(loud.excess, 0.008, 0.0003, label="excess")


def test_p_best_has_no_mean_difference():
    table = small_table().assign(quantity=BEST)
    assert np.isnan(differences(table)["mean"]).all()


def test_digits_follow_the_width_of_the_interval():
    assert share_text(0.0123, 0.0071, 0.0201) == "1.2% (0.7% to 2.0%)"
    assert share_text(0.5, 0.2, 0.8) == "50% (20% to 80%)"
